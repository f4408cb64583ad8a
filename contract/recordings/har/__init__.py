"""
How is an exchange written as HAR, and read from what others call HAR?
"""
