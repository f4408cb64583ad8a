"""
How are the patterns of a schema matched as ECMA-262 says?
"""
