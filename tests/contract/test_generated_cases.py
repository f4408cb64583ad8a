"""
What no plan foresees: cases out of the document and walks of a client, and which faults only they
find.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from tests.contract.small_api import JOB, job_server, small_folder
from tests.servers import http_server
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.boundaries import boundary_ids, declared_values
from jobproof.contract.suite.running.generated_cases import (
    GeneratedCase,
    limit_cases,
    request_of_case,
)

API = find_api(default_api())
ENV = "TOKEN_OF_THE_TEST"
_VIEW = {"in": "query", "name": "view", "schema": {"enum": ["full", "brief"]}}
_DEPTH = {"in": "header", "name": "X-Depth", "schema": {"type": "integer", "maximum": 3}}

FIRST_SEEN_BY = {
    "length_off_by_one": {"generated"},
    "number_overflows": {"generated"},
    "turns_mix_up_jobs": {"plan", "machine"},
    "tokens_in_turns_crash": {"plan", "machine"},
    "methods_in_turns_crash": {"machine"},
}
"""By which part of a run a fault is seen first; `docs/score.md` shows it."""


def _target(folder: Path, *parameters: JsonDocument, **more: object) -> SuiteTarget:
    small_folder(folder, parameters=parameters)
    values = {"api": str(folder), "url": "http://127.0.0.1:9", "job": [JOB], **more}
    return target_from(values, environ={})


def _report(
    folder: Path, server: MockServer, *arguments: str, jobs: list[str] | None = None
) -> JsonDocument:
    report = folder / "report.json"
    # Lives that go by the clock are asked for as often as it takes.
    own = [job.id for job in server.jobs if job.life != "timed"] if jobs is None else jobs
    run_to_end(
        *(*JOBPROOF, "test", "--url", server.url, "--token-env", ENV, "--report", report),
        *(f"--job={job}" for job in own),
        *(f"--foreign-job={job.id}" for job in server.foreign_jobs),
        *("--poll-interval", "0.05", *arguments),
        env={**os.environ, ENV: server.token},
    )
    told: JsonDocument = json.loads(report.read_text(encoding="utf-8"))
    return told


@pytest.mark.parametrize("fault", FIRST_SEEN_BY)
def test_a_fault_that_no_plan_foresees_is_found_by_what_is_drawn(
    tmp_path: Path, fault: str
) -> None:
    with MockServer(API, faults=(fault,)) as server:
        report = _report(tmp_path, server)
    first = {
        found["first_seen_by"]
        for found in report["findings"]
        if found["check"] in FAULTS[fault].promises and found["breaks"]
    }
    assert report["verdict"] == "broken"
    assert first
    assert first <= FIRST_SEEN_BY[fault]


def test_every_such_fault_has_its_place_in_the_table() -> None:
    assert FIRST_SEEN_BY.keys() == {name for name, one in FAULTS.items() if one.letter == "D"}
    page = (Path(__file__).parents[2] / "docs" / "score.md").read_text(encoding="utf-8")
    for name, parts in FIRST_SEEN_BY.items():
        assert f"| `{name}` | {' or '.join(sorted(parts))} |" in page


def _sent(seed: str, folder: Path) -> list[tuple[str, str, str]]:
    with MockServer(API, seed=5) as server:
        # Of jobs that have ended every answer is the same, however long it takes.
        ended = [job.id for job in server.jobs if job.life.startswith("old-")]
        report = _report(folder, server, "--seed", seed, jobs=ended)
        assert report["seed"] == int(seed)
        return [(one.method, one.target, one.credential.name) for one in server.mock.log]


def test_the_same_seed_sends_the_same_requests_and_another_one_others(tmp_path: Path) -> None:
    once, again, other = _sent("7", tmp_path), _sent("7", tmp_path), _sent("8", tmp_path)
    assert len(once) > 60
    # Of two that are sent at the same moment either may come first; what is drawn comes last.
    assert Counter(once) == Counter(again)
    assert once[-30:] == again[-30:]
    assert once[-30:] != other[-30:]


def test_without_a_seed_one_is_drawn_and_told(tmp_path: Path) -> None:
    with MockServer(API) as server:
        seeds = {_report(tmp_path, server, "--budget", "3")["seed"] for _ in range(2)}
    assert len(seeds) == 2
    assert all(seeds)


def test_a_value_that_the_document_lists_is_sent_and_its_crash_found(tmp_path: Path) -> None:
    handler, asked = job_server()

    class CrashingHandler(handler):  # type: ignore[misc, valid-type]
        def do_GET(self) -> None:
            if "view=brief" in self.path:
                self._say(500, {"error": "view"})
            else:
                self._answer()

    folder = small_folder(tmp_path / "api", parameters=(_VIEW,))
    report = tmp_path / "report.json"
    with http_server(CrashingHandler) as url:
        done = run_to_end(
            *(*JOBPROOF, "test", "--api", folder, "--url", url, "--job", JOB, "--report", report)
        )
    found = json.loads(report.read_text(encoding="utf-8"))["findings"]
    (crash,) = (one for one in found if one["check"] == "no_server_error")
    assert crash["first_seen_by"] == "generated", done.stdout
    assert asked


def test_each_value_that_is_listed_is_asked_for_once_at_least(tmp_path: Path) -> None:
    target = _target(tmp_path, _VIEW, _DEPTH)
    cases = limit_cases(target)
    assert [dict(case.query) for case in cases if case.query] == [
        {"view": "full"},
        {"view": "brief"},
    ]
    assert {"X-Depth": "3"} in [dict(case.headers) for case in cases]
    assert len(cases) <= target.effort.generated // 2 + 3
    # It may be refused by what isn't said of the two together, so it is no plain question.
    assert {request_of_case(target, one).subject for one in cases if one.query} == {
        Subject.UNSTATED
    }


def test_a_case_that_breaks_the_document_is_no_question_for_a_known_job(tmp_path: Path) -> None:
    target = _target(tmp_path)
    for negative, subject in ((True, Subject.UNSTATED), (False, Subject.KNOWN)):
        case = GeneratedCase(
            JOB, Subject.KNOWN, Credential.OWNER, {"X-A": "b"}, {"q": [1, 2]}, negative
        )
        request = request_of_case(target, case)
        assert request.subject is subject
        assert request.url.endswith(f"/jobs/{JOB}?q=1&q=2")
        assert ("X-A", "b") in request.headers


@pytest.mark.parametrize(
    ("schema", "inside", "outside"),
    [
        ({"type": "string", "minLength": 2, "maxLength": 4}, {"77", "7777"}, {"7", "77777"}),
        ({"type": "integer", "minimum": 1}, {"1", "9223372036854775807"}, {"0"}),
        ({"type": "integer", "maximum": 9}, {"9"}, {"10", "2147483648"}),
        ({"enum": ["a", "b"]}, {"a", "b"}, set()),
        ({"type": "string", "format": "uuid"}, set(), {"7" * 256, "9223372036854775808"}),
        ({}, {"7" * 256}, {"9223372036854775808"}),
        (None, {"7"}, set()),
    ],
)
def test_ids_lie_at_the_limits_of_their_schema(
    schema: JsonDocument, inside: set[str], outside: set[str]
) -> None:
    found = boundary_ids(schema)
    assert inside <= {text for text, allowed in found if allowed}
    assert outside <= {text for text, allowed in found if not allowed}


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ({"enum": ["a", 1, "b"]}, ["a", "b"]),
        ({"const": "c"}, ["c"]),
        ({"type": "boolean"}, ["true", "false"]),
        ({"type": "integer", "minimum": 0, "maximum": 5}, ["0", "5"]),
        ({"type": "string"}, []),
        (None, []),
    ],
)
def test_the_values_of_a_parameter_are_those_that_it_lists(
    schema: JsonDocument, values: list[str]
) -> None:
    assert declared_values(schema)[: len(values) or None] == values
