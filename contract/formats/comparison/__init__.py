"""
What may differ between two answers that say the same?
"""
