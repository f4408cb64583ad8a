"""
How do the head and the framing of an answer go wrong?
"""
