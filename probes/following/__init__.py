"""
How does a job live, from its first observation to its end?
"""
