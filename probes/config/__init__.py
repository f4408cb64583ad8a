"""
What does the configuration say, with every default filled in?
"""
