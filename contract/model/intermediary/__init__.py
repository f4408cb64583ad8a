"""
Which answers come from something in front of the API, and how is that known?
"""
