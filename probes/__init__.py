"""
Does the live endpoint keep its promises, now and over time?
"""
