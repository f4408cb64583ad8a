"""
What does recorded traffic say, and how is an exchange kept?
"""
