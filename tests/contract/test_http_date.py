"""
Dates and seconds in HTTP headers: the three forms, and nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tools import time_zone

from jobproof.contract.formats.http_date import (
    read_delta_seconds,
    read_fixdate,
    read_http_date,
    read_retry_after,
    read_wait,
)

NOW = datetime(2026, 8, 5, 12, tzinfo=UTC).timestamp()
NOON = datetime(2026, 8, 2, 12, 1, tzinfo=UTC).timestamp()
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata")


@pytest.fixture(params=ZONES, autouse=True, scope="module")
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with time_zone(request.param):
        yield


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 02 Aug 2026 12:01:00 GMT", NOON),
        ("Sunday, 02-Aug-26 12:01:00 GMT", NOON),
        ("Sun Aug  2 12:01:00 2026", NOON),
        ("Sun Aug 02 12:01:00 2026", NOON),
        (" Sun, 02 Aug 2026 12:01:00 GMT\t", NOON),
        ("Mon, 02 Aug 2026 12:01:00 GMT", NOON),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", -62_135_596_800.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799.0),
    ],
)
def test_each_form_is_read_as_gmt_wherever_we_are(text: str, moment: float) -> None:
    assert read_http_date(text, now=NOW) == moment
    assert read_retry_after(text, now=NOON - 30.0) == max(0.0, moment - NOON + 30.0)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 02 Aug 2026 12:01:00 -0000",
        "Sun, 02 Aug 2026 12:01:00 +0000",
        "Sun, 02 Aug 2026 12:01:00 UTC",
        "Sun, 02 Aug 2026 12:01:00",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Sun, 2 Aug 2026 12:01:00 GMT",
        "Sun, 02 Aug 26 12:01:00 GMT",
        "sun, 02 aug 2026 12:01:00 gmt",
        "Sun, 02 Aug 2026 12:01 GMT",
        "Sun, 02 Aug 2026 12:01:00 GMT, Sun, 02 Aug 2026 12:01:00 GMT",
        "Sun, 02 Aug ٢٠٢٦ 12:01:00 GMT",
        "Sun, 02 Aug 2026 12:01:00 GMT\n",
        "Sun, 30 Feb 2026 12:01:00 GMT",
        "Sun, 02 Aug 2026 24:00:00 GMT",
        "Sun, 02 Aug 2026 12:01:61 GMT",
        "Mon, 01 Jan 0000 00:00:00 GMT",
        "Sun Aug  2 12:01:00 2026 GMT",
        "0, 0 0 0",
        "1 Jan 2026 25:00 +9999999999",
        "2026-08-02T12:01:00Z",
        "",
        "x" * 1_000_000,
        "Sun, " * 200_000,
    ],
    ids=lambda text: text[:40],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert read_http_date(text, now=NOW) is None
    assert read_retry_after(text, now=NOW) is None


@pytest.mark.parametrize(
    ("now", "text", "year"),
    [
        (2026, "Wednesday, 01-Jan-76 00:00:00 GMT", 2076),
        (2026, "Friday, 01-Jan-77 00:00:00 GMT", 1977),
        (2026, "Friday, 01-Jan-99 00:00:00 GMT", 1999),
        (2099, "Saturday, 01-Jan-01 00:00:00 GMT", 2101),
        (1999, "Sunday, 01-Jan-49 00:00:00 GMT", 2049),
        (1999, "Sunday, 01-Jan-51 00:00:00 GMT", 1951),
        (2001, "Tuesday, 29-Feb-00 00:00:00 GMT", 2000),
    ],
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(now: int, text: str, year: int) -> None:
    found = read_http_date(text, now=datetime(now, 6, 1, tzinfo=UTC).timestamp())
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).year == year


def test_the_fifty_years_are_counted_to_the_second() -> None:
    text = "Wednesday, 05-Aug-76 12:00:00 GMT"
    ahead, behind = read_http_date(text, now=NOW), read_http_date(text, now=NOW - 1)
    assert [datetime.fromtimestamp(found or 0.0, UTC).year for found in (ahead, behind)] == [
        2076,
        1976,
    ]


@pytest.mark.parametrize("now", [math.inf, -math.inf, 1e300, -1e300, 0.0])
def test_a_year_of_four_digits_needs_no_clock(now: float) -> None:
    assert read_http_date("Sun, 02 Aug 2026 12:01:00 GMT", now=now) == NOON


@given(st.integers(0, 4_000_000_000))
def test_what_we_write_we_read(moment: int) -> None:
    at = time.gmtime(moment)
    assert read_http_date(formatdate(moment, usegmt=True), now=NOW) == moment
    assert read_http_date(time.asctime(at), now=NOW) == moment
    assert read_http_date(time.strftime("%A, %d-%b-%y %T GMT", at), now=float(moment)) == moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120\t", 120),
        ("007", 7),
        ("99999999", 99_999_999),
        ("9" * 5_000, 2**31),
        ("0" * 5_000 + "5", 5),
    ],
    ids=lambda text: str(text)[:20],
)
def test_seconds_are_digits(text: str, seconds: int) -> None:
    assert read_delta_seconds(text) == seconds
    assert read_retry_after(text, now=NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-5",
        "+5",
        "1.5",
        "0.493",
        "1_0",
        "1e3",
        "0x10",
        "\u00b2",
        "\u0663",
        "\xa05",
        "5 s",
        "5,5",
    ],
)
def test_seconds_are_nothing_else(text: str) -> None:
    assert read_delta_seconds(text) is None
    assert read_retry_after(text, now=NOW) is None


def test_no_header_is_no_hint() -> None:
    assert read_retry_after(None, now=NOW) is None
    assert read_wait(None, now=NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), (" 0.493\t", 0.493), ("2.", 2.0), ("0.0", 0.0), ("1" * 300 + ".5", 1e299)],
    ids=lambda text: str(text)[:20],
)
def test_who_is_to_wait_reads_a_fraction_that_no_header_may_have(text: str, seconds: float) -> None:
    assert read_retry_after(text, now=NOW) is None
    assert read_wait(text, now=NOW) == pytest.approx(seconds, rel=0.2)


@pytest.mark.parametrize("text", ["", "-1.5", "+1.5", "1e3", ".5", "1.5 s", "nan", "inf", "soon"])
def test_who_is_to_wait_takes_nothing_else_for_a_number(text: str) -> None:
    assert read_wait(text, now=NOW) is None


@pytest.mark.parametrize(
    "text", ["120", "0", formatdate(NOW + 30, usegmt=True), "Sun, 06 Nov 1994"]
)
def test_what_the_header_may_say_both_read_alike(text: str) -> None:
    assert read_wait(text, now=NOW) == read_retry_after(text, now=NOW)


_ODD = st.text() | st.from_regex(
    r"[A-Z][a-z]{2,8},? ?[0-9 ]{1,2}[ -][A-Z][a-z]{2}[ -][0-9]{2,4} [0-9:]{5,8}"
    r"( GMT| [+-][0-9]{4})?"
)


@given(_ODD, st.floats(allow_nan=False))
def test_no_text_raises_or_depends_on_the_time_zone(text: str, now: float) -> None:
    here = read_http_date(text, now=now), read_retry_after(text, now=now)
    with time_zone("Pacific/Kiritimati"):
        there = read_http_date(text, now=now), read_retry_after(text, now=now)
    assert there == here
    assert here[1] is None or here[1] >= 0.0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1.0),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800.0),
        ("Sun, 01 Jan 2017 00:00:00 GMT", 1_483_228_800.0),
        ("Fri, 01 Jan 1970 00:00:00 GMT", None),
        ("Sun, 31 Dec 2016 23:59:60 GMT", None),
    ],
)
def test_a_sender_writes_the_name_of_the_day_that_it_is(text: str, moment: float | None) -> None:
    assert read_fixdate(text) == moment
    assert read_http_date(text, now=0.0) is not None
