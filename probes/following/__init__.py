"""
How does a job live, from its first sight to its end?
"""
