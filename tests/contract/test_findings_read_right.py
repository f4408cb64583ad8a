"""
Findings as an engineer reads them: an expectation and an observation, in one bounded line each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import TOKEN, answer, api, job, judge, links, said, trace
from tests.contract.edited_api import edited

from jobproof.contract.formats.secrets.redaction import SHORTEST_SECRET, Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.formats.wording import Words, first_few, legible, told
from jobproof.contract.model.exchange import Response, Subject
from jobproof.contract.model.finding import Finding, Kind, violation
from jobproof.contract.model.verdict import FindingGroup, few_a_check, group
from jobproof.contract.plugins import find_api
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.reporting.explain import explain, explain_all
from jobproof.contract.suite.reporting.report import finding_as_dict
from jobproof.contract.suite.reporting.summary import summarise

ESC, TO_THE_LEFT = "\x1b[31m", "\u202e"


def _messages(*seen: Any, check: str, kind: Kind = Kind.VIOLATION) -> list[str]:
    found = said(trace(*seen), kind)
    return [f"{f.pointer}: {f.message}" for f in found if f.check == check]


def _target(token: str = TOKEN) -> SuiteTarget:
    return SuiteTarget(api(), "https://api.krea.ai", Secret(token), "KREA_API_TOKEN", ("x",))


def _summary(groups: Sequence[FindingGroup]) -> list[str]:
    findings = [finding_as_dict(g, Redactor(), strict=False, token_env="T") for g in groups]
    report = {
        "notes": [],
        "checks": [],
        "reach": {
            "job_statuses": {},
            "validated_bodies": 0,
            "generated_validated_bodies": 0,
            "codes": [],
        },
        "findings": findings,
        "why": None,
        "verdict": "kept",
        "requests": 1,
        "duration_seconds": 1.0,
    }
    return list(summarise(report))


# What was expected, and what was found.


@pytest.mark.parametrize(
    ("expected", "found", "message"),
    [
        (Words("a public host"), "10.0.0.1", "expected a public host, found '10.0.0.1'"),
        ([401, 403, 404], 200, "expected 401, 403 or 404, found 200"),
        (["a"], ["b", "c"], "expected 'a', found 'b', 'c'"),
        ("x", None, "expected 'x', found null"),
        (True, False, "expected true, found false"),
        (1, "x", "expected 1, found 'x'"),
        (200, Words("302 to http://h"), "expected 200, found 302 to http://h"),
        (1.5, {"a": 1}, "expected 1.5, found {'a': 1}"),
        ([], [[1]], "expected [], found [[1]]"),
        (
            list(range(40)),
            99,
            f"expected {', '.join(map(str, range(12)))}, … and 28 more, found 99",
        ),
    ],
)
def test_values_are_quoted_and_words_are_not(expected: Any, found: Any, message: str) -> None:
    assert violation("/a", expected=expected, found=found).message == message


@pytest.mark.parametrize(
    "huge", ["x" * 10**6, ["x" * 10**5] * 50, {"k" * 10**5: 1}, Words("y" * 10**6)]
)
def test_a_huge_value_makes_a_bounded_finding(huge: Any) -> None:
    remark = violation("/" + "p" * 10**5, expected=huge, found=huge)
    assert len(remark.message) <= 500
    assert len(remark.at) <= 300
    assert len(repr(remark.found)) <= 2_100
    assert len(violation("/a", "z" * 10**5).message) <= 500


@pytest.mark.parametrize("sign", [ESC, TO_THE_LEFT, "\n", "\r", "\x00", "\x9b", "\u2066", "\ud800"])
def test_nothing_foreign_steers_a_terminal(sign: str) -> None:
    remark = violation(f"/a{sign}", f"seen: {sign}", expected=sign, found=Words(sign))
    quoted = violation("/a", expected=sign, found=Words(sign)).message
    for text in (remark.at, remark.message, quoted, legible(sign), told([sign]), first_few([sign])):
        assert text.isprintable()
        assert text.isascii()
    assert legible("né – ok") == "né – ok"


def test_a_key_that_steers_a_terminal_is_shown_escaped_wherever_it_is_shown() -> None:
    evil = f"a{ESC}{TO_THE_LEFT}b"
    body = {**job(), **{f"{evil}{index}": index for index in range(9)}, "status": evil}
    body["error"] = {evil: evil}
    found = judge()(trace(answer(body)))
    lines = [*_summary(group(found))]
    lines += [explain(one, None, target=_target()) for one in group(found)]
    assert any("10 keys aren't in the document" in line for line in lines)
    assert all(part.isprintable() for line in lines for part in line.split("\n"))


def test_a_recorded_header_does_not_steer_the_terminal_that_shows_how_to_ask_again() -> None:
    asked = answer().request
    steering = ("X-Title", f"{ESC}{TO_THE_LEFT}")
    request = replace(asked, url=f"{asked.url}?{ESC}", headers=(steering,))
    found = judge()(trace(replace(answer(job("queued", job_id="x")), request=request)))
    lines = [explain(one, None, target=_target()) for one in group(found)]
    # No header has such a value on the wire, so none can be sent again.
    assert any("curl" in line for line in lines)
    assert not any("X-Title" in line for line in lines)
    assert all(part.isprintable() for line in lines for part in line.split("\n"))


# The body against its schema.


def test_a_wrong_value_is_told_with_its_expectation() -> None:
    (line,) = _messages(answer(job(job_id="not-a-uuid")), check="body_matches_schema")
    assert line.startswith("/job_id: expected ")
    assert line.endswith("found 'not-a-uuid'")
    assert "'format'" not in line


def test_all_missing_keys_of_one_object_are_one_finding() -> None:
    lines = _messages(answer({"extra": 1}), check="body_matches_schema")
    assert lines == ["body: 3 required keys are missing: job_id, status, created_at"]
    (one,) = _messages(answer(job(without=["created_at"])), check="body_matches_schema")
    assert one == "body: 1 required key is missing: created_at"


def test_missing_keys_of_two_objects_are_two_findings(tmp_path: Path) -> None:
    def require(root: Any) -> None:
        responses = root["paths"]["/jobs/{id}"]["get"]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"]
        schema["properties"]["result"] = {"type": "object", "required": ["a", "b"]}

    demanding = edited(tmp_path, document=require)
    found = said(trace(answer({"result": {}}), of=demanding), Kind.VIOLATION)
    told_of = {f.pointer: f.message for f in found if f.check == "body_matches_schema"}
    assert told_of["/result"] == "2 required keys are missing: a, b"
    assert "job_id, status, created_at" in told_of["body"]


@pytest.mark.parametrize(
    ("found", "shown"),
    [({"a": 1}, "an object with 1 key"), ([1, 2], "a list of 2 items"), (7, "7"), (True, "true")],
)
def test_what_was_found_is_told_in_words(found: Any, shown: str) -> None:
    (line,) = _messages(answer(job(job_id=found)), check="body_matches_schema")
    assert line.endswith(f"found {shown}")


# Many of one kind.


def _new_keys(count: int, at: str = "") -> tuple[Finding, ...]:
    return said(trace(answer({**job(), **{f"k{i:02}": i for i in range(count)}})), Kind.DRIFT)


def test_forty_one_new_keys_are_one_line_and_forty_one_pointers() -> None:
    (found,) = group(_new_keys(41))
    assert found.message == "41 keys aren't in the document: k00, k01, k02, … and 38 more"
    assert (found.pointer, found.count) == ("body", 41)
    assert found.pointers == tuple(f"/k{i:02}" for i in range(41))
    assert [line for line in _summary([found]) if line.startswith("drift")] == [
        f"drift: keys_are_declared at body: {found.message}"
    ]
    written = finding_as_dict(found, Redactor(), strict=False, token_env="T")
    assert written["pointers"] == list(found.pointers)


def test_a_few_new_keys_are_all_named_and_one_is_told_as_ever() -> None:
    assert group(_new_keys(3))[0].message == "3 keys aren't in the document: k00, k01, k02"
    (one,) = group(_new_keys(1))
    assert (one.pointer, one.message) == ("/k00", "key 'k00' isn't in the document")


def test_the_same_new_key_seen_again_and_again_is_one_key() -> None:
    findings = [*_new_keys(2), *_new_keys(2), *_new_keys(2)]
    (found,) = group(findings)
    assert (found.count, found.message) == (6, "2 keys aren't in the document: k00, k01")


def test_new_keys_at_several_places_are_named_by_their_pointers() -> None:
    body = {**job("failed"), "a": 1, "error": {"code": "X", "b": 2}}
    (found,) = group(said(trace(answer(body)), Kind.DRIFT))
    assert found.message == "2 keys aren't in the document: /error/b, /a"
    assert found.pointer == "body"


def test_many_findings_of_one_check_end_in_a_count() -> None:
    (first,) = said(trace(answer(job("queued", job_id="x"))), Kind.VIOLATION)[:1]
    groups = group(replace(first, pointer=f"/a{index}") for index in range(12))
    assert len(groups) == 12
    shown = list(few_a_check(groups))
    assert [len(others) for _, others in shown] == [0, 0, 0, 0, 7]
    *blocks, last = explain_all(groups, None, target=_target())
    assert len(blocks) == 5
    assert last == f"7 more of {first.check}: /a5, /a6, /a7, … and 4 more"
    warned = group(replace(g.first, accepted="known to us") for g in groups)
    accepted = [line for line in _summary(warned) if line.startswith("accepted")]
    assert len(accepted) == 6
    assert accepted[-1].endswith("7 more: /a5, /a6, /a7, … and 4 more")


def test_exactly_as_many_as_are_shown_need_no_count() -> None:
    (first,) = said(trace(answer(job("queued", job_id="x"))), Kind.VIOLATION)[:1]
    groups = group(replace(first, pointer=f"/a{index}") for index in range(5))
    assert [others for _, others in few_a_check(groups)] == [()] * 5


# Single checks.


def test_allow_that_lists_more_than_there_is_says_so() -> None:
    seen = answer(b"", 204, method="OPTIONS", headers={"allow": f"GET, DELETE, {ESC}X"})
    (line,) = _messages(seen, check="options_lists_true_methods")
    assert line.startswith("header:allow: too many methods: Allow lists more than there is: ")
    assert line.endswith("31MX, DELETE")
    assert line.isprintable()


def test_an_ended_job_that_changes_is_told_in_a_sentence() -> None:
    changed = job(result={"urls": links(2)})
    (line,) = _messages(answer(), answer(changed, at=1_790_000_300.0), check="ended_job_is_frozen")
    assert "/result/urls: it was " in line
    assert " now, though the job had ended" in line


def test_a_plain_finding_says_everything_once() -> None:
    (found,) = group(said(trace(answer(job(job_id="not-a-uuid"))), Kind.VIOLATION))[:1]
    check = next(check for check in judge().checks if check.id == found.first.check)
    text = explain(found, check, target=_target())
    said_of_it = [line for line in text.splitlines() if "not-a-uuid" in line]
    assert [line.split()[0] for line in said_of_it] == ["seen", ">"]


# A token of one letter.


@pytest.mark.parametrize("token", ["a", "e", "1", "job"])
def test_a_short_token_leaves_every_line_as_it_is(token: str) -> None:
    assert len(token) < SHORTEST_SECRET
    request = replace(answer().request, headers=(("Authorization", f"Bearer {token}"),))
    response = answer(job("queued", job_id="a-job-1", extra=1)).response
    assert isinstance(response, Response)
    found = judge()(trace(replace(answer(), request=request, answer=response), token=token))
    assert found
    short, none = _target(token), _target("another-token-of-somebody")
    for one in group(found):
        assert explain(one, None, target=short) == explain(one, None, target=none)
        assert f"Bearer {token}" not in explain(one, None, target=short)


def test_a_hint_of_the_mock_names_the_folder_that_was_given(tmp_path: Path) -> None:
    from jobproof.contract.mock import MockServer
    from jobproof.contract.mock.cli import _test_command

    folder = f"{tmp_path}/an api"
    with MockServer(find_api("krea")) as server:
        assert f"--api '{folder}' --url" in _test_command(server, folder)


def test_what_a_stranger_is_asked_for_is_shown_as_a_value() -> None:
    seen = answer(subject=Subject.MALFORMED, job_id=f"x{ESC}")
    (line,) = _messages(seen, check="malformed_id_is_refused")
    assert line.isprintable()
