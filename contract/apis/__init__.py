"""
The APIs that come with jobproof, one folder each, data only.
"""
