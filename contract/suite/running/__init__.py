"""
What was sent in a run, and what came of it?
"""
