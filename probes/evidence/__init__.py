"""
What was seen, so that a person can look at it again?
"""
