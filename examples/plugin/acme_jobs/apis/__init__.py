"""
One folder an API; data only.
"""
