"""
What was asked in a run, and what came of it?
"""
