"""
Time as HTTP headers write it (RFC 9110 5.6.7 and 10.2.3): dates, seconds, and `Retry-After`.

Nothing here depends on the time zone that this machine is in: every HTTP date is in GMT.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from jobproof.contract.formats.digits import read_decimal, read_digits

__all__ = [
    "read_delta_seconds",
    "read_fixdate",
    "read_http_date",
    "read_retry_after",
    "read_wait",
]

_OWS = " \t"
_MOST_SECONDS = 2**31
"""What RFC 9111 1.2.2 has a reader take for a number of seconds that is too large to hold."""
_YEARS_AHEAD = 50
"""How far in the future RFC 9110 5.6.7 lets a year of two digits be."""
_YEAR_1 = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_YEAR_9999 = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_NAME = f"(?:{'|'.join(_DAYS)})"
_DAY_S = 86400
# Unix time begins on a Thursday.
_FIRST_DAY = _DAYS.index("Thu")
_LONG_DAY_NAME = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_IMF_FIXDATE = re.compile(
    f"{_DAY_NAME}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"
)
_RFC_850 = re.compile(
    f"{_LONG_DAY_NAME}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"
)
_ASCTIME = re.compile(
    f"{_DAY_NAME} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})"
)
# Longer than every form of a date, so the patterns never see foreign text without bound.
_LONGEST = len("Wednesday, 30-Sep-26 23:59:59 GMT")

_WithinYear = tuple[int, int, int, int, int]
"""Month, day, hour, minute and second: what a date says besides its year."""


def read_http_date(text: str, *, now: float) -> float | None:
    """
    Unix seconds of a date in any of HTTP's three forms; None where it has none of them.

    The name of the day isn't held against the date: who reads needs the moment alone.

    Args:
        now: Unix seconds; tells which century a year of two digits is in.
    """
    bare = text.strip(_OWS)
    if len(bare) > _LONGEST:
        return None
    # Both other forms have a short name of the day, and are the ones that are met.
    found = _RFC_850.fullmatch(bare) if bare[3:4] not in (",", " ") else None
    if found is None:
        return _read_full_year(bare)
    within_year = _within_year(found)
    return _unix(_full_year(int(found["year"]), within_year, now), within_year)


def read_fixdate(text: str) -> float | None:
    """
    The same of a date in the one form in which a sender must write it (RFC 9110 5.6.7), under the
    name of its own day (RFC 5322 3.3).
    """
    bare = text.strip(_OWS)
    return None if len(bare) > _LONGEST else _read_fixdate(bare)


@lru_cache(maxsize=64)
def _read_fixdate(bare: str) -> float | None:
    if bare[3:4] != "," or _IMF_FIXDATE.fullmatch(bare) is None:
        return None
    moment = _read_full_year(bare)
    if moment is None:
        return None
    # A leap second is the last of its day, and read as the first of the next one.
    day = (moment - bare.endswith(":60 GMT")) // _DAY_S
    return moment if bare[:3] == _DAYS[int(day + _FIRST_DAY) % len(_DAYS)] else None


def read_delta_seconds(text: str) -> int | None:
    """
    Whole seconds, as `Retry-After`, `Age` and `max-age` count them, up to 2^31; None for
    anything but the digits 0 to 9.
    """
    return read_digits(text.strip(_OWS), most=_MOST_SECONDS)


def read_retry_after(text: str | None, *, now: float) -> float | None:
    """
    Seconds to wait, not negative; None where the header is absent or breaks its syntax.

    A date in the past asks for no wait, as 0 does. How long a wait is too long is the
    caller's affair.

    Args:
        now: Unix seconds, which a date is measured against.
    """
    if text is None:
        return None
    seconds = read_delta_seconds(text)
    if seconds is not None:
        return float(seconds)
    date = read_http_date(text, now=now)
    return None if date is None else max(0.0, date - now)


def read_wait(text: str | None, *, now: float) -> float | None:
    """
    The same for whoever is to wait: also where the header says it in another way, which is a
    finding and yet plain enough, such as `1.5`.
    """
    seconds = read_retry_after(text, now=now)
    return read_decimal(text.strip(_OWS)) if seconds is None and text is not None else seconds


@lru_cache(maxsize=64)
def _read_full_year(text: str) -> float | None:
    # Answers of one second share their Date, and reading it costs more than most checks.
    found = _IMF_FIXDATE.fullmatch(text) or _ASCTIME.fullmatch(text)
    return _unix(int(found["year"]), _within_year(found)) if found is not None else None


def _within_year(found: re.Match[str]) -> _WithinYear:
    day, hour, minute, second = (int(found[name]) for name in ("day", "hour", "minute", "second"))
    return _MONTHS.index(found["month"]) + 1, day, hour, minute, second


def _unix(year: int, within_year: _WithinYear) -> float | None:
    month, day, hour, minute, second = within_year
    leap = second == 60  # which no clock of ours can hold
    try:
        moment = datetime(year, month, day, hour, minute, second - leap, tzinfo=UTC)
    except ValueError:  # such as 30 February
        return None
    return moment.timestamp() + leap


def _full_year(two_digits: int, within_year: _WithinYear, now: float) -> int:
    """
    The latest year with these last digits in which the date isn't too far ahead.
    """
    # A recording may bring a `now` beyond what datetime holds.
    today = datetime.fromtimestamp(min(max(now, _YEAR_1), _YEAR_9999), UTC)
    limit = (today.year + _YEARS_AHEAD, *today.timetuple()[1:6])
    # Counted down from the next century: late in this one, 01 is ahead and not long ago.
    year = today.year - today.year % 100 + 100 + two_digits
    while (year, *within_year) > limit:
        year -= 100
    return year
