"""
What does a person look at, and what wakes them?
"""
