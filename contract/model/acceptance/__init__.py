"""
Which known faults does a run live with, until when?
"""
