"""
Which target does a run have, and what does it send there?
"""
