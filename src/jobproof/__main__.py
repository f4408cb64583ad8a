"""
The command line as `python -m jobproof`, for where no script is on the path.
"""

from jobproof.contract.cli import main

main()
