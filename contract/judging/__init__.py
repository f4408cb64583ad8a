"""
Which promises did an answer break, and how much of the contract was looked at?
"""
