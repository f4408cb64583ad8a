"""
Which promises are there, and when is one broken?

One module a family; each check is a pure function that speaks of `trace.latest` alone.
"""
