"""
Who may come in, by which name, and over which TLS?
"""
