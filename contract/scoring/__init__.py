"""
What share of the known faults is found, and is any right server called broken?
"""
