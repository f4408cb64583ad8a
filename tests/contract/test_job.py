"""
A body read through a profile, whatever the body holds.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.builders import CREATED, ENDED, JOB, api, job, links

from jobproof.contract.model.job import JobReader, is_empty, links_in, read_time
from jobproof.contract.model.profile import Codec
from jobproof.contract.plugins import find_api

_READER = JobReader(api().profile)


def test_everything_is_read_from_where_the_profile_says() -> None:
    read = _READER.read(job())
    assert read is not None
    assert (read.id, read.status) == (JOB, "completed")
    assert (read.created_at, read.later) == (CREATED, {"/completed_at": ENDED})
    assert read.results == {"/result/urls": links()}
    assert read.reason is None


@pytest.mark.parametrize("value", [None, [], "text", 5, True])
def test_what_is_no_object_is_no_job(value: object) -> None:
    assert _READER.read(value) is None


def test_an_empty_object_is_a_job_of_which_nothing_is_known() -> None:
    read = _READER.read({})
    assert read is not None
    assert (read.id, read.status, read.created_at) == (None, None, None)
    assert (read.later, read.present, read.results, read.reason) == ({}, {}, {}, None)


def test_a_time_that_is_there_and_cannot_be_read_is_told_from_none() -> None:
    read = _READER.read(job(completed_at="soon"))
    assert read is not None
    assert (read.present, read.later) == ({"/completed_at": "soon"}, {})
    absent = _READER.read(job(completed_at=None))
    assert absent is not None
    assert absent.present == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"error": {"code": "X"}}, ("/error", {"code": "X"})),
        ({"result": {"error": "why"}}, ("/result/error", "why")),
        ({"error": {}, "result": {"error": "why"}}, ("/result/error", "why")),
        ({"error": None}, None),
        ({"error": ""}, None),
    ],
)
def test_the_first_reason_that_says_anything_is_the_reason(
    changes: dict[str, Any], reason: object
) -> None:
    read = _READER.read(job(**changes))
    assert read is not None
    assert read.reason == reason


def test_another_api_is_read_by_its_own_profile() -> None:
    batch = find_api("openai-batch")
    read = batch.reader.read({"id": "batch_1", "status": "failed", "created_at": 1_790_000_000})
    assert read is not None
    assert (read.id, read.status, read.created_at) == ("batch_1", "failed", 1_790_000_000.0)


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_nothing_is_empty(empty: object) -> None:
    assert is_empty(empty)


@pytest.mark.parametrize("full", [0, False, " ", [None], {"a": None}])
def test_something_is_not_empty(full: object) -> None:
    assert not is_empty(full)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01t00:00:10z", 10.0),
        ("1970-01-01T02:00:10.5+02:00", 10.5),
        ("1970-01-01T00:00:10", 10.0),
        ("1969-12-31T23:59:50Z", -10.0),
        ("0001-01-01T00:00:00Z", -62135596800.0),
        ("soon", None),
        ("", None),
        (10, None),
        (None, None),
        ("9999-99-99T00:00:00Z", None),
        ("2016-12-31T23:59:60Z", 1_483_228_800.0),
        ("2016-12-31t23:59:60.5z", 1_483_228_800.5),
        ("2016-12-31T23:60:60Z", None),
    ],
)
def test_a_written_time_is_read_leniently(text: object, moment: float | None) -> None:
    assert read_time(text, Codec.RFC3339) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (10, 10.0),
        (10.5, 10.5),
        (-10, -10.0),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("10", None),
        (None, None),
    ],
)
def test_unix_time_is_a_number_within_reason(value: object, moment: float | None) -> None:
    assert read_time(value, Codec.UNIX) == moment


def test_unix_milliseconds_are_thousandths() -> None:
    assert read_time(1_790_000_000_500, Codec.UNIX_MS) == 1_790_000_000.5
    assert read_time(10**400, Codec.UNIX_MS) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("u", [("", "u")]),
        (["u", "v"], [("/0", "u"), ("/1", "v")]),
        ({"a/b": "u"}, [("/a~1b", "u")]),
        ({"url": "u", "type": "image"}, [("/url", "u")]),
        ([{"url": "u"}], [("/0/url", "u")]),
        ({"a": {"url": "u"}, "b": ["v"]}, [("/a/url", "u"), ("/b/0", "v")]),
        ([None, 5, {}], []),
    ],
)
def test_links_are_found_with_their_place(value: object, found: list[tuple[str, str]]) -> None:
    assert list(links_in(value)) == found
