"""
Everything that is generated, as names and texts of files.
"""

from __future__ import annotations

from pathlib import Path

from jobproof.grafana.alerting.rules import rule_files
from jobproof.grafana.boards import dashboards
from jobproof.grafana.boards.dashboard import encode
from jobproof.grafana.settings import DashboardSettings

__all__ = ["HOME", "committed_files", "dashboard_files", "write_files"]

HOME = Path(__file__).parent


def dashboard_files(settings: DashboardSettings) -> dict[str, str]:
    """
    Every dashboard, by file name.
    """
    boards = dashboards(settings)
    return {f"{board.uid}.json": encode(board.build()) for board in boards}


def committed_files(settings: DashboardSettings) -> dict[str, str]:
    """
    What stands generated in this package, by path within it; manifests hold the same and
    are written when they are wanted.
    """
    boards, rules = dashboard_files(settings), rule_files(settings)
    return {
        **{f"dashboards/{name}": text for name, text in boards.items()},
        **{f"rules/{name}": text for name, text in rules.items()},
    }


def write_files(folder: Path, files: dict[str, str]) -> list[Path]:
    """
    Write them into `folder`, which is made if need be; what was there is replaced whole.

    Returns:
        The files, in the order given.
    """
    written = []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
