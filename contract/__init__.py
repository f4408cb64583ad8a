"""
What does a job endpoint promise, and how is it seen broken?
"""
