"""
Acme Renders for jobproof.
"""
