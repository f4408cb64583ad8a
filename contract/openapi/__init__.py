"""
What does the document say of the one operation?
"""
