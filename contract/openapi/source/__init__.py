"""
What of a vendor's files does the operation need?
"""
