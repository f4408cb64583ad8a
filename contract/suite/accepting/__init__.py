"""
What of a report is known already, and how does one live with it?
"""
