"""
`python -m jobproof.grafana`: write the committed dashboards, rules and manifests anew.
"""

from __future__ import annotations

from jobproof.grafana.files import HOME, committed_files, write_files
from jobproof.grafana.settings import default_settings

if __name__ == "__main__":
    write_files(HOME, committed_files(default_settings()))
