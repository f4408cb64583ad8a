"""
Whom does a run ask, and what?
"""
