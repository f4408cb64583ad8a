"""
How is foreign text read and written: JSON, YAML, URLs, dates, durations, pointers, secrets?
"""
