"""
What is a secret, in which spellings may it stand in a text, and what masks it there?
"""
