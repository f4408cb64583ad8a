"""
How is what a recording holds packed, and how is it unpacked within bounds?
"""
