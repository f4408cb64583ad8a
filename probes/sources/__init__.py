"""
Where do the ids of jobs to follow come from?

A source a module; more come in as plug-ins.
"""
