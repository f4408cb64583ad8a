"""
Do an API's profile and its document speak of the same body?
"""
