"""
How is a run reported, to a person and to a program?
"""
