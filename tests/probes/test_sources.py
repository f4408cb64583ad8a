"""
Sources: which ids they find, and what they survive.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError
from tests.probes.results import exchange

from jobproof.contract.errors import ConfigError
from jobproof.contract.model.exchange import Exchange, Reason, Response, TransportFailure
from jobproof.contract.plugins import find_api, load_group
from jobproof.probes.sources.file import FileOptions, FileSource
from jobproof.probes.sources.listing import ListingOptions, ListingSource
from jobproof.probes.sources.pushed import PushedSource
from jobproof.probes.sources.source import FoundIds, Source, SourceContext, SourceOptions
from jobproof.probes.sources.static import StaticOptions, StaticSource


def _around(folder: Path, api: str = "krea") -> SourceContext:
    headers = (("Authorization", "Bearer t"), ("Accept", "application/json"))
    return SourceContext("krea", find_api(api), "http://127.0.0.1:9/v2", headers, folder)


def _page(jobs: list[tuple[Any, Any]], cursor: object = None, *, code: int = 200) -> Exchange:
    items = [{"job_id": job_id, "status": status} for job_id, status in jobs]
    body = json.dumps({"items": items, "next_cursor": cursor}).encode()
    return exchange(code=code, body=body)


def _query(source: ListingSource) -> dict[str, list[str]]:
    request = source.next_request()
    assert request is not None
    return parse_qs(urlsplit(request.url).query)


def test_every_source_comes_in_through_the_same_door() -> None:
    sources = load_group("jobproof.sources")
    assert sources == {
        "file": FileSource,
        "listing": ListingSource,
        "pushed": PushedSource,
        "static": StaticSource,
    }


def test_static_ids_are_found_at_every_look(tmp_path: Path) -> None:
    source: Source = StaticSource(StaticOptions(ids=("a", "b", "a")), _around(tmp_path))
    assert source.next_request() is None
    assert source.on_answer(None) == source.on_answer(None) == FoundIds(("a", "b"))


def test_pushed_jobs_need_no_looking(tmp_path: Path) -> None:
    source = PushedSource(SourceOptions(), _around(tmp_path))
    assert source.interval_s == float("inf")
    assert source.on_answer(None) == FoundIds()


def test_a_file_is_read_again_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("# jobs\n\n a \nb\na\n")
    source = FileSource(FileOptions(path="ids.txt"), _around(tmp_path))
    assert source.on_answer(None) == FoundIds(("a", "b"))
    assert source.on_answer(None) == FoundIds()
    path.write_text("a\nb\nc\n")
    assert source.on_answer(None) == FoundIds(("a", "b", "c"))


def test_a_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    path, fresh = tmp_path / "ids.txt", tmp_path / "fresh.txt"
    path.write_text("a\n")
    source = FileSource(FileOptions(path="ids.txt"), _around(tmp_path))
    source.on_answer(None)
    fresh.write_text("b\n")
    now = path.stat()
    os.utime(fresh, ns=(now.st_atime_ns, now.st_mtime_ns))
    fresh.replace(path)
    assert source.on_answer(None) == FoundIds(("b",))


def test_a_missing_file_is_said_and_awaited(tmp_path: Path) -> None:
    source = FileSource(FileOptions(path="ids.txt"), _around(tmp_path))
    problem = f"{tmp_path / 'ids.txt'} can't be read: No such file or directory"
    assert source.on_answer(None) == FoundIds(problem=problem)
    (tmp_path / "ids.txt").write_text("a\n")
    assert source.on_answer(None) == FoundIds(("a",))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "isn't UTF-8 text"),
        (b"a\n" * (2 * 1024 * 1024 + 1), "is larger than 4 MiB"),
        (b"a\n" + b"x" * 201, "ids.txt:2: an id has 1 to 200 printable characters"),
        (b"a\nb\x00c\n", "ids.txt:2: an id has 1 to 200 printable characters"),
    ],
)
def test_a_bad_file_is_said(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "ids.txt").write_bytes(content)
    found = FileSource(FileOptions(path="ids.txt"), _around(tmp_path)).on_answer(None)
    assert found.problem is not None
    assert problem in found.problem


def test_the_list_is_asked_for_as_the_profile_says(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",), page=50), _around(tmp_path))
    request = source.next_request()
    assert request is not None
    assert request.url == "http://127.0.0.1:9/v2/jobs?limit=50&status=queued"
    assert ("Authorization", "Bearer t") in request.headers
    assert request.job_id is None


def _turns(source: ListingSource, answers: list[Exchange]) -> list[dict[str, list[str]]]:
    asked = []
    for answer in answers:
        query = _query(source)
        asked.append({name: query[name] for name in ("status", "cursor") if name in query})
        source.on_answer(answer)
    return asked


def test_every_other_turn_looks_at_the_newest_jobs(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued", "processing")), _around(tmp_path))
    newest: dict[str, list[str]] = {}
    queued, processing = {"status": ["queued"]}, {"status": ["processing"]}
    assert _turns(source, [_page([], "c")] * 6) == [
        *(newest, queued, newest, processing),
        *(newest, queued),
    ]


def test_without_statuses_every_unfinished_one_is_wanted(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(), _around(tmp_path))
    asked = {word for turn in _turns(source, [_page([])] * 12) for word in turn.get("status", ())}
    lifecycle = find_api("krea").lifecycle
    assert asked == {word for word in lifecycle.statuses if not lifecycle.is_terminal(word)}


def test_the_cursor_leads_on_until_it_ends(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",)), _around(tmp_path))
    answers = [
        _page([("a", "queued")], "c1"),
        _page([("new", "queued")], "c9"),
        _page([("b", "queued")], "c2"),
        _page([("newer", "queued")], "c9"),
        _page([("c", "queued")], None),
        _page([("newest", "queued")], "c9"),
    ]
    first, status = {"status": ["queued"]}, {"status": ["queued"]}
    assert _turns(source, answers) == [
        *(first, first),
        *({**status, "cursor": ["c1"]}, first),
        *({**status, "cursor": ["c2"]}, first),
    ]


def test_a_jobs_end_is_not_followed_from_the_newest_page(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued", "processing")), _around(tmp_path))
    jobs = [("a", "completed"), ("b", "processing"), ("c", "backlogged"), ("d", "queued")]
    assert source.on_answer(_page(jobs)) == FoundIds(("b", "d"))


@pytest.mark.parametrize("cursor", ["c1", {"a": 1}, True, "", "x" * 2_001])
def test_a_cursor_that_leads_nowhere_ends_the_round(tmp_path: Path, cursor: object) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",)), _around(tmp_path))
    job = [("a", "queued")]
    asked = _turns(source, [_page(job, "c1"), _page(job), _page(job, cursor), *[_page(job)] * 3])
    assert [turn.get("cursor") for turn in asked] == [None, None, ["c1"], None, None, None]


def test_pages_of_one_status_are_bounded(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",), pages=3), _around(tmp_path))
    answers = [_page([("a", "queued")], f"c{number}") for number in range(8)]
    cursors = [turn.get("cursor") for turn in _turns(source, answers)]
    assert cursors == [None, None, ["c0"], None, ["c2"], None, None, ["c5"]][:8]


def test_a_list_that_ignores_the_filter_is_filtered_here(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",)), _around(tmp_path))
    jobs = [("a", "queued"), ("b", "completed"), ("", "queued"), (7, "queued"), ("x" * 201, None)]
    assert source.on_answer(_page(jobs)) == FoundIds(("a",))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (_page([], code=401), "the list of jobs is answered with 401"),
        (exchange(body=b"<html>"), "the list of jobs isn't JSON"),
        (exchange(body=b'{"jobs": []}'), "the list of jobs has no list at /items"),
        (
            Exchange(exchange().request, TransportFailure(Reason.DNS, "no such host"), 0.0, 0.1),
            "the list of jobs can't be had: no such host",
        ),
    ],
)
def test_a_list_that_cannot_be_read_is_said(tmp_path: Path, answer: Exchange, problem: str) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",)), _around(tmp_path))
    assert source.on_answer(answer) == FoundIds(problem=problem)


def test_an_unknown_status_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ListingSource(ListingOptions(statuses=("qeued",)), _around(tmp_path))
    message = "target 'krea': follow: unknown status 'qeued'. Did you mean 'queued'?"
    assert str(caught.value) == message


def test_a_file_without_a_path_is_refused() -> None:
    with pytest.raises(ValidationError):
        FileOptions.model_validate({})


def test_the_answer_is_only_read_when_it_is_a_response(tmp_path: Path) -> None:
    source = ListingSource(ListingOptions(statuses=("queued",)), _around(tmp_path))
    assert isinstance(exchange().answer, Response)
    assert source.on_answer(None).problem == "the list of jobs was not asked for"
