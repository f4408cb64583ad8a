"""
Acme Renders for jobwatch.
"""
