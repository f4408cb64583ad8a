"""
The APIs that come with jobwatch, one folder each, data only.
"""
