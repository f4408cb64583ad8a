"""
Which lives may a job have, and in which ways may one be wrong?
"""
