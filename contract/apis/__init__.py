"""
Which job APIs come with it?

One folder each, data only: the document, the profile, the mock's script.
"""
