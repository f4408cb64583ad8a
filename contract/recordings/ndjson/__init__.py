"""
How is an exchange written as one line of JSON, and read back?
"""
