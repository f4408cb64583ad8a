"""
How is a request sent, and what came back?
"""
