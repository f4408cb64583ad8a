"""
Which way leads to a target, and by whose right is it asked?
"""
