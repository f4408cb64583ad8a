"""
A HAR file, entry by entry.
"""

from __future__ import annotations

import json
from pathlib import Path

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.text_file import read_text
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.recordings.har.entry import read_har_entry

__all__ = ["read_har"]


def read_har(path: Path) -> list[Exchange]:
    """
    The exchanges in a HAR file, oldest first.

    Raises:
        RecordingError: The file can't be read, is no HAR, or holds no entry.
    """
    text = read_text(path, RecordingError)
    if not text.strip():
        raise RecordingError(f"{path}: the file is empty: record some traffic first")
    try:
        data = json.loads(text)
    except RecursionError:
        raise RecordingError(f"{path}: not JSON, so no HAR: nested too deep to read") from None
    except ValueError as exc:
        raise RecordingError(f"{path}: not JSON, so no HAR: {exc}") from None
    log = data.get("log") if isinstance(data, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise RecordingError(f"{path}: no HAR: it has no log.entries")
    if not entries:
        raise RecordingError(f"{path}: the HAR is empty: record some traffic first")
    found = []
    for index, entry in enumerate(entries):
        try:
            found.append(read_har_entry(entry))
        except RecordingError as exc:
            raise RecordingError(f"{path}: log.entries[{index}] {exc}") from None
    return sorted(found, key=lambda exchange: exchange.started_at)
