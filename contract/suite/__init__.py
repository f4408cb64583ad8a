"""
The contract suite that CI runs: `pytest --pyargs contract.suite` or `jobproof test`.
"""
