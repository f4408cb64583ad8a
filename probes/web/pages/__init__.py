"""
What does a person see on the daemon's own pages?
"""
