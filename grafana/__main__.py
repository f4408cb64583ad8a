"""
`python -m jobproof.grafana`: write the committed dashboards and rules anew.
"""

from __future__ import annotations

import sys

from jobproof.grafana.files import HOME, committed_files, write_files
from jobproof.grafana.settings import default_settings

if __name__ == "__main__":
    home = HOME.resolve()
    if not (home.parent / "pyproject.toml").is_file():
        sys.exit(f"{home} is no checkout: pip install -e . in yours, and start it from there")
    files = committed_files(default_settings())
    for path in write_files(home, files):
        sys.stdout.write(f"{path.relative_to(home.parent)}\n")
