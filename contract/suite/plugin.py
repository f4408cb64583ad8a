"""
The pytest side of the contract suite: its options, loaded with every pytest run.
"""
