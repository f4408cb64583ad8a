"""
What may the value of a header field look like?
"""
