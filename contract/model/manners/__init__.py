"""
In which manners can one question be put?
"""
