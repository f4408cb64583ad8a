"""
How does CI hold an endpoint to its contract?

As `jobproof test`, or `pytest --pyargs jobproof.contract.suite`.
"""
