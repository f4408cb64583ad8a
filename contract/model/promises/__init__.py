"""
Where does a promise stand written, and which codes need no promise to be right?
"""
