"""
What a red line says: the answer around the place, in a few clean lines, whatever was answered.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import TOKEN, answer, api, job, said, trace

from jobproof.contract.formats.json_body import read_body
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Exchange, Reason, Response, TransportFailure
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import group
from jobproof.contract.plugins import find_api
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.reporting import excerpt as excerpt_module
from jobproof.contract.suite.reporting.excerpt import excerpt
from jobproof.contract.suite.reporting.explain import evidence_of, explain

EVIL = "\x1b[31m\u202e\x00"
JSON = (("Content-Type", "application/json"),)


def shown(body: Any, pointer: str, *, code: int = 200, headers: Any = JSON) -> list[str]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    response = Response(code, headers, data, data)
    return list(excerpt(exchange_with(response), pointer, Redactor([TOKEN])))


def exchange_with(came: Response | TransportFailure) -> Exchange:
    return replace(answer(), answer=came)


def marked(lines: list[str]) -> list[str]:
    return [line[2:].strip() for line in lines if line.startswith("> ")]


def test_the_line_of_a_value_is_marked_among_its_neighbours() -> None:
    lines = shown({**{f"k{i}": i for i in range(9)}, "last": True}, "/k5")
    assert lines == [
        "  HTTP/1.1 200",
        "  {",
        "    …",
        '    "k3": 3,',
        '    "k4": 4,',
        '>   "k5": 5,',
        '    "k6": 6,',
        '    "k7": 7,',
        "    … 2 more",
    ]


def test_the_way_to_a_nested_place_is_shown_without_what_lies_beside_it() -> None:
    lines = shown({"a": 1, "result": {"b": 2, "urls": ["x", "y", "z"]}}, "/result/urls/1")
    assert lines == [
        "  HTTP/1.1 200",
        "  {",
        '    "result": {',
        '      "urls": [',
        '        "x",',
        '>       "y",',
        '        "z"',
        "      ]",
    ]


def test_a_deep_place_is_shown_with_the_last_steps_of_its_way() -> None:
    value: Any = "deep"
    for level in range(20):
        value = {f"l{19 - level}": value}
    lines = shown(value, "".join(f"/l{level}" for level in range(20)))
    assert marked(lines) == ['"l19": "deep"']
    assert len(lines) < 9
    assert lines[1] == "  …"


@pytest.mark.parametrize("pointer", ["/missing", "/missing/below", "/job_id/0", "/1"])
def test_what_is_not_there_marks_where_it_should_be(pointer: str) -> None:
    lines = shown({"job_id": "x", "status": "done"}, pointer)
    assert len(marked(lines)) == 1
    assert any('"status": "done"' in line for line in lines)


def test_a_list_and_an_object_at_the_place_are_opened() -> None:
    lines = shown({"a": {"b": [1, 2, 3, 4, 5, 6, 7]}}, "/a/b")
    assert marked(lines) == ['"b": [']
    assert [line.strip() for line in lines[-2:]] == ["5,", "… 2 more"]


def test_a_header_is_shown_by_its_line_and_an_absent_one_as_absent() -> None:
    headers = (*JSON, ("Retry-After", "soon"), ("Retry-After", "later"))
    assert marked(shown({}, "header:retry-after", headers=headers)) == [
        "Retry-After: soon",
        "Retry-After: later",
    ]
    assert marked(shown({}, "header:retry-after", code=429)) == ["(no retry-after)"]


def test_a_header_that_a_recorder_left_out_is_not_called_absent() -> None:
    unknown = Response(200, JSON, b"{}", b"{}", has_all_headers=False)
    assert excerpt(exchange_with(unknown), "header:age", Redactor()) == ("  HTTP/1.1 200",)


def test_a_code_is_shown_by_the_status_line_and_the_body_below() -> None:
    lines = shown({"error": "boom"}, "code", code=500)
    assert marked(lines) == ["HTTP/1.1 500"]
    assert '    "error": "boom"' in lines


def test_a_page_is_shown_by_its_beginning() -> None:
    page = b"<!DOCTYPE html>\n\n<html>" + b"<p>x</p>" * 50_000
    lines = shown(page, "header:content-type", headers=(("Content-Type", "text/html"),))
    assert marked(lines) == ["Content-Type: text/html"]
    lines = shown(page, "code", code=404, headers=(("Content-Type", "text/html"),))
    assert lines[1] == "  <!DOCTYPE html>"
    assert lines[-1] == f"  … ({len(page)} bytes)"


def test_broken_json_is_marked_where_a_reader_gives_up() -> None:
    lines = shown(b'{"status": "done",\n "created_at": tomorrow}', "body")
    assert lines[1:] == ['>  "created_at": tomorrow}', f"  {' ' * 15}^"]


def test_a_key_that_stands_there_twice_is_shown_twice() -> None:
    lines = shown(b'{"status": "done", "status": "failed"}', "body")
    assert marked(lines) == ['{"status": "done", "status": "failed"}']


def test_half_an_answer_is_shown_as_far_as_it_came() -> None:
    half = Response(200, JSON, b'{"status": "do', b'{"status": "do')
    failure = TransportFailure(Reason.TIMEOUT, "it took too long", half)
    lines = list(excerpt(exchange_with(failure), "body", Redactor()))
    assert lines[0] == "  HTTP/1.1 200"
    assert marked(lines) == ['{"status": "do']
    assert lines[-1] == "  (timeout after 14 bytes of the body)"


def test_of_no_answer_nothing_is_shown() -> None:
    nothing = TransportFailure(Reason.CONNECT, "refused")
    assert excerpt(exchange_with(nothing), "body", Redactor()) == ()


@pytest.mark.parametrize("body", [b"", None])
def test_an_answer_without_a_body_is_shown_by_its_head(body: bytes | None) -> None:
    lines = shown(body, "code", code=204)
    assert marked(lines) == ["HTTP/1.1 204"]
    assert ("  (no body)" in lines) is (body == b"")


HOSTILE = [
    b"[" * 60_000,
    b'{"a":' * 20_000,
    b"[" * 900 + b"]" * 900,
    b"\x00\xff" * 5_000,
    b"\xfe\xff" + '{"a": 1}'.encode("utf-16-be"),
    b"\xef\xbb\xbf{}",
    b'"\\ud800"',
    b"1" * 5_000,
    b"-" + b"9" * 100_000,
    b"1e999999",
    b"{" + b'"k":1,' * 20_000 + b'"k":1}',
    json.dumps({"k" * 50_000: {"v" * 50_000: "w" * 20_000}}).encode(),
    json.dumps({EVIL: {EVIL: EVIL}}).encode(),
    json.dumps(["x"] * 20_000).encode(),
    EVIL.encode() * 1_000,
    ("\r\n\x0b\x0c\x85\u2028" * 500).encode(),
    b"x" * 1_048_576,
    b'{"a": "' + b"y" * 1_048_576 + b'"}',
]


@pytest.mark.parametrize("pointer", ["body", "code", "header:x", "/a", "/0", "/", "//~2/", "url"])
@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_came_makes_a_few_clean_lines(body: bytes, pointer: str) -> None:
    lines = shown(body, pointer)
    assert 1 <= len(lines) <= 12
    assert all(len(line) <= 80 and line.isprintable() for line in lines)
    assert sum(map(len, lines)) <= 1_000


def test_a_large_body_is_not_read_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(excerpt_module, "read_body", lambda b: read.append(len(b)) or read_body(b))
    large = json.dumps({"a": "x" * 1_048_576}).encode()
    assert shown(large, "/a")[1].startswith('  {"a": "xxx')
    assert read == []
    shown({"a": 1}, "/a")
    assert read == [len(b'{"a": 1}')]


def test_a_large_answer_is_not_masked_as_a_whole_for_a_few_lines_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masked: list[int] = []
    text = Redactor.text

    def counting(self: Redactor, of: str, **how: Any) -> str:
        masked.append(len(of))
        return text(self, of, **how)

    monkeypatch.setattr(Redactor, "text", counting)
    large = json.dumps({"items": ["x"] * 400_000}).encode()
    (finding, *_) = said(trace(answer(job(job_id="x"))), Kind.VIOLATION)
    came = exchange_with(Response(200, JSON, large, large))
    explain(group([replace(finding, exchange=came)])[0], None, target=_target())
    assert masked
    assert sum(masked) < 20_000


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"error": f"no job for {TOKEN}"}, "/error"),
        ({TOKEN: {"a": 1}}, f"/{TOKEN}/a"),
        ({"a": "x" * 1_990 + TOKEN}, "/a"),
        (f"<p>{TOKEN}".encode(), "code"),
        (("x" * 70 + TOKEN).encode(), "body"),
        (("x" * 4_085 + TOKEN + "x" * 500).encode(), "body"),
        (f'{{"a": "{TOKEN}" {TOKEN}'.encode(), "body"),
        (f'{{"a": "{"x" * 30}{TOKEN}", "b": nothing}}'.encode(), "body"),
    ],
)
def test_a_token_in_the_answer_is_masked_before_it_is_cut(body: Any, pointer: str) -> None:
    text = "\n".join(shown(body, pointer))
    pieces = {TOKEN[at : at + 6] for at in range(len(TOKEN) - 5)}
    assert not [piece for piece in pieces if piece in text]


def test_a_sensitive_header_is_masked() -> None:
    headers = (*JSON, ("Set-Cookie", "session=abcdefgh12345; Path=/"))
    assert "abcdefgh" not in "\n".join(shown({}, "header:set-cookie", headers=headers))


# The whole text.


def _target() -> SuiteTarget:
    return SuiteTarget(api(), "https://api.krea.ai", Secret(TOKEN), "KREA_API_TOKEN", ("x",))


def test_a_failure_says_what_was_promised_asked_and_seen_and_how_to_see_it_again() -> None:
    early, late = 1_790_000_000.0, 1_790_000_065.0
    wrong = job(job_id="not-a-uuid")
    findings = [
        found
        for at in (late, early)
        for found in said(trace(answer(wrong, at=at)), Kind.VIOLATION)
        if found.check == "body_matches_schema"
    ]
    (found,) = group(findings)
    text = explain(found, None, target=_target(), evidence=lambda _found: "r.json, findings[0]")
    labels = [line[2:11].strip() for line in text.splitlines()[1:]]
    kept = [label for label in labels if label]
    assert kept == ["promised", "asked", "seen", "answer", "when", "again", "evidence"]
    assert '            >   "job_id": "not-a-uuid",' in text.splitlines()
    assert "  when      2026-09-21 14:13:20 to 14:14:25 UTC" in text.splitlines()
    assert text.endswith("  evidence  r.json, findings[0]")
    assert len(text) < 2_000


def test_what_was_seen_once_has_one_time() -> None:
    finding = said(trace(answer(job(job_id="no"), at=1_790_000_000.0)), Kind.VIOLATION)[0]
    (found,) = group([finding])
    text = explain(found, None, target=_target())
    assert "  when      2026-09-21 14:13:20 UTC" in text.splitlines()
    odd = replace(found, began_at=1e300, ended_at=1e300)
    assert "  when" not in explain(odd, None, target=_target())


def test_the_evidence_is_named_by_its_place_in_the_report(tmp_path: Path) -> None:
    findings = said(trace(answer(job("queued", job_id="x"))), Kind.VIOLATION)
    groups = group(replace(findings[0], pointer=f"/a{index}") for index in range(3))
    report = str(tmp_path / "r.json")
    assert evidence_of(groups, report)(groups[2]) == f"{report}, findings[2].evidence"
    # As it is looked for later, when others were counted since.
    later = replace(groups[1], count=9)
    assert evidence_of(groups, report)(later) == f"{report}, findings[1].evidence"
    assert "--job-report" in evidence_of(groups, None, option="--job-report")(groups[0])


def test_a_failed_node_is_named_without_the_place_where_it_is_installed(tmp_path: Path) -> None:
    with MockServer(find_api("krea"), faults=("id_missing",)) as server:
        arguments = ["--url", server.url, "--token-env", "T", "--budget", "40"]
        done = subprocess.run(
            [
                *(sys.executable, "-P", "-m", "jobproof", "test", *arguments),
                *(f"--job={job.id}" for job in server.jobs[:2]),
                *("--report", "report.json", "--quiet"),
            ],
            env={**os.environ, "T": server.token},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    # In whichever order: plug-ins of others deal the nodes out as they like.
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    told = "FAILED test_promise[body_matches_schema] - body_matches_schema: The body is what"
    assert any(line.startswith(told) for line in failed)
    assert "FAILED test_verdict - broken: body_matches_schema" in failed
    assert "test_contract.py" not in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    (place,) = re.findall(
        r"^  evidence  report\.json, findings\[(\d+)\]", done.stdout, re.MULTILINE
    )
    assert report["findings"][int(place)]["check"] == "body_matches_schema"
    assert report["findings"][int(place)]["evidence"]["har"]
