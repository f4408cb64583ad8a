"""
When something began, as recorders write it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from jobproof.contract.formats.json_value import Json
from jobproof.contract.recordings.recorded import LATEST_MOMENT

__all__ = ["read_moment"]

_MOMENT = re.compile(
    r"\s*(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:[.,](?P<fraction>[0-9]{1,30}))?"
    r"\s*(?P<zone>[Zz]|UTC|GMT|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?)?\s*"
)
_EPOCH = re.compile(r"\s*[0-9]{9,17}(?:\.[0-9]{1,9})?\s*")
_LONGEST = 100
_YEAR_5138 = 1e11
_YEAR_1973 = 1e8
_LARGEST = 2.5e14


def read_moment(written: Json) -> float:
    """
    Unix seconds; a moment without a zone is UTC, a number counts milliseconds or seconds.

    Raises:
        ValueError: It is no moment.
    """
    if isinstance(written, str) and len(written) > _LONGEST:
        raise ValueError("no moment")  # blanks without end take time that grows with their square
    if isinstance(written, str) and _EPOCH.fullmatch(written):
        written = float(written)
    if isinstance(written, int | float) and not isinstance(written, bool):
        if not _YEAR_1973 <= written < _LARGEST:
            raise ValueError("no moment")
        return written / 1000 if written > _YEAR_5138 else float(written)
    match = _MOMENT.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError("no moment")
    zone: timezone = UTC
    if match["sign"]:
        ahead = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        zone = timezone(-ahead if match["sign"] == "-" else ahead)
    # A leap second has no place in Unix time: it is the one before.
    clock = match["time"][:6] + match["time"][6:].replace("60", "59")
    start = datetime.fromisoformat(f"{match['date']}T{clock}").replace(tzinfo=zone)
    # .NET's first day is what programs on it write for a time that they didn't take.
    if not 0 <= start.timestamp() < LATEST_MOMENT:
        raise ValueError("no moment")
    return start.timestamp() + float(f"0.{match['fraction'] or 0}")
