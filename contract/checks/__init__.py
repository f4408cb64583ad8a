"""
The promises, one module a family. Each check speaks of `trace.latest` alone.
"""
