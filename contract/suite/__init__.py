"""
The contract suite that CI runs: `pytest --pyargs jobproof.contract.suite` or `jobproof test`.
"""
