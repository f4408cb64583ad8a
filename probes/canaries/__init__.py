"""
What is asked, and which answer is right?

A canary a module; more come in as plug-ins.
"""
