"""
What is recorded, and what is worth an alert?
"""
