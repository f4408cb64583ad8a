"""
Where do results go: which metrics, which other sinks?
"""
