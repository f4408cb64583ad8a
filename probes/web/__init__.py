"""
What does the daemon answer over HTTP?
"""
