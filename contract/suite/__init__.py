"""
The contract suite that CI runs: `pytest --pyargs contract.suite` or `jobwatch test`.
"""
