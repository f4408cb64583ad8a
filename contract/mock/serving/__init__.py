"""
How do the mock's answers get to whoever asked?
"""
