"""
Places that a profile points at and no answer had: a run says so, and never of a right server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import answer
from tests.contract.schema_api import JOB_SCHEMA, schema_api

from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.pointer_reach import PointerReach
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.verdict import Verdict, conclude

ID = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
OPEN = {"type": "object"}
SAID = {"basis": "inferred", "source": "the names"}
RESULT = {"at": ["/out"], "proof": ["/out"], "required_in": ["done"], **SAID}
FAILURE = {"at": ["/why"], "required_in": ["failed"], "allowed": SAID, **SAID}


def _job(status: str = "done", **more: Any) -> dict[str, Any]:
    return {"id": ID, "status": status, "created_at": "2026-09-21T10:00:00Z", **more}


def _missing(api: Api, *bodies: Any, **asked: Any) -> list[str]:
    reach = PointerReach(api)
    for body in bodies:
        reach.add(api.observe(answer(body, **asked)))
    return [line.partition(": ")[2] for line in reach.missing()]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, []),
        ({"times__created": "/createdAt"}, ["times.created: /createdAt was in none of 2 jobs"]),
        ({"id__at": "/uid"}, ["id.at: /uid was in none of 2 jobs"]),
        ({"status__at": "/state"}, ["status.at: /state was in none of 2 jobs"]),
        ({"status__at": "/a/0/b"}, ["status.at: /a/0/b was in none of 2 jobs"]),
        ({"times__created": "/id"}, None),
        ({"times__codec": "unix"}, ["times.created: /created_at couldn't be read in 2 of 2 jobs"]),
        ({"result": RESULT}, []),
        (
            {"result": {**RESULT, "at": ["/o"], "proof": ["/o"]}},
            ["result.at[0]: /o was in none of 1 job", "result.proof[0]: /o was in none of 1 job"],
        ),
        ({"result": {**RESULT, "proof": ["/out", "/other"]}}, []),
        ({"failure": FAILURE}, []),
        (
            {"times__later": [{"at": "/endedAt", "required_in": ["done"]}]},
            ["times.later[0].at: /endedAt was in none of 1 job"],
        ),
        ({"times__later": [{"at": "/startedAt"}]}, []),
        ({"volatile": ["/queue"], "frozen": ["/cost"], "declared_elsewhere": ["/new"]}, []),
    ],
)
def test_a_place_that_no_job_had_is_told_with_its_line(
    tmp_path: Path, keys: dict[str, Any], said: list[str] | None
) -> None:
    if said is None:
        with pytest.raises(Exception, match="is the job's id already"):
            schema_api(tmp_path, OPEN, **keys)
        return
    bodies = (_job("queued"), _job("done", out=["https://a.example/x"]))
    assert _missing(schema_api(tmp_path, OPEN, **keys), *bodies) == said


def test_the_line_is_that_of_the_profile_and_the_run_is_inconclusive(tmp_path: Path) -> None:
    api = schema_api(tmp_path, OPEN, times__created="/createdAt")
    coverage = Coverage(api)
    for _ in range(40):
        coverage.add(api.observe(answer(_job())))
    lines = (tmp_path / "profile.yaml").read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "created: /createdAt" in text)
    missing = coverage.missing()
    assert f"profile.yaml:{line}: times.created: /createdAt was in none of 40 jobs" in missing
    assert conclude([], missing=missing, strict=False) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("schema", [OPEN, JOB_SCHEMA])
def test_a_reason_of_failure_that_is_never_there_is_told(tmp_path: Path, schema: Any) -> None:
    api = schema_api(tmp_path, schema, failure={**FAILURE, "at": ["/error"]})
    assert _missing(api, _job("failed"), _job()) == ["failure.at[0]: /error was in none of 1 job"]
    assert _missing(api, _job("failed", error={"text": "x"}), _job("failed")) == []
    both = schema_api(tmp_path / "both", OPEN, result=RESULT, failure={**FAILURE, "at": ["/error"]})
    # That the result was there doesn't answer for the reason.
    told = _missing(both, _job(out=["https://a.example/x"]), _job("failed"))
    assert told == ["failure.at[0]: /error was in none of 1 job"]
    assert _missing(api, _job()) == []


def test_a_result_that_is_there_answers_for_no_proof_that_never_is(tmp_path: Path) -> None:
    result = {**RESULT, "at": ["/out"], "proof": ["/out/url"], "links": ["/out/link"]}
    api = schema_api(tmp_path, OPEN, result=result)
    assert _missing(api, _job(out={"size": 3})) == [
        "result.proof[0]: /out/url was in none of 1 job",
        "result.links[0]: /out/link was in none of 1 job",
    ]


def test_a_status_that_comes_and_goes_is_told(tmp_path: Path) -> None:
    api = schema_api(tmp_path, OPEN)
    without = {"id": ID, "created_at": "2026-09-21T10:00:00Z"}
    said = ["status.at: /status was missing in 1 of 2 jobs"]
    assert _missing(api, _job(), without) == said
    assert _missing(api, _job(), {**without, "status": None}) == said


@pytest.mark.parametrize("empty", [{"conditions": []}, {}])
def test_a_status_in_a_list_that_is_still_empty_has_not_come_yet(
    tmp_path: Path, empty: dict[str, Any]
) -> None:
    api = schema_api(tmp_path, OPEN, status__at="/state/conditions/0/type")
    ended = _job() | {"state": {"conditions": [{"type": "done"}]}}
    assert _missing(api, _job() | {"state": empty}, ended) == []
    told = ["status.at: /state/conditions/0/type was in none of 1 job"]
    assert _missing(api, _job() | {"state": empty}) == told


def test_links_that_are_none_are_told(tmp_path: Path) -> None:
    result = {**RESULT, "links": ["/out"]}
    api = schema_api(tmp_path, OPEN, result=result)
    assert _missing(api, _job(out="style-7")) == [
        "result.links[0]: /out was in 1 job and never a link"
    ]
    assert _missing(api, _job(out=["style-7", "https://a.example/x"])) == []
    for links in ("https://a.example/x", ["/files/7.png"], {"a": {"url": "https://a.example"}}):
        assert _missing(api, _job(out=links), _job(out="style-7")) == []


def test_a_proof_that_was_there_from_the_first_proves_nothing(tmp_path: Path) -> None:
    api = schema_api(tmp_path, OPEN, result=RESULT)
    said = ["result.proof[0]: /out was in 1 job not done yet: it proves nothing"]
    assert _missing(api, _job("queued", out="a"), _job(out="a")) == said
    assert _missing(api, _job("queued"), _job(out="a")) == []
    assert _missing(api, _job(out="a")) == []
    early = schema_api(tmp_path / "early", OPEN, result={**RESULT, "early_in": ["queued"]})
    assert _missing(early, _job("queued", out="a"), _job(out="a")) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"subject": Subject.MISSING},
        {"subject": Subject.MALFORMED},
        {"credential": Credential.NONE},
        {"method": "HEAD"},
        {"code": 404},
        {"code": 500},
    ],
)
def test_what_is_no_answer_about_an_own_job_counts_for_nothing(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    assert _missing(schema_api(tmp_path, OPEN), {"error": "x"}, **asked) == []
