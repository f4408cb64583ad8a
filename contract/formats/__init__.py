"""
How is foreign text read and written: JSON, YAML, dates, durations, pointers, secrets?
"""
