"""
Which jobs are there, whose are they, and how do they live?
"""
