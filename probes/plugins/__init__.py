"""
How does code that isn't ours run without stopping what is?
"""
