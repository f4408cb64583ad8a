"""
How is a run told, to a person and to a program?
"""
