"""
When is a probe due, and what did it come to?
"""
