"""
A replica may be behind where its user says so, by so much and no more; how far is reported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.contract.builders import NOW, answer, job, links, said, trace, written

from jobproof.contract.errors import ConfigError
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Drift, Finding, Kind
from jobproof.contract.model.trace import staleness_in
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.contract.suite.cli import check
from jobproof.contract.suite.planning.target_options import target_from


def _at(ago_s: float, status: str = "completed", **changes: Any) -> Exchange:
    return answer(job(status, **changes), at=NOW - ago_s, elapsed_s=0.01)


def _missing(ago_s: float) -> Exchange:
    return answer({"error": "Job not found"}, 404, at=NOW - ago_s, elapsed_s=0.01)


def _said(*exchanges: Exchange, staleness_s: float = 2.0) -> tuple[Finding, ...]:
    return said(trace(*exchanges, staleness_s=staleness_s), Kind.VIOLATION, Kind.DRIFT)


STALE = {
    "an end undone": ((_at(1), _at(0, "processing")), "terminal_status_is_final"),
    "another end": ((_at(1), _at(0, "failed")), "terminal_status_is_final"),
    "a step back": ((_at(1, "processing"), _at(0, "queued")), "status_moves_forward"),
    "a job gone": ((_at(1), _missing(0)), "known_job_is_found"),
    "a job not known yet": ((_missing(1), _missing(0)), "known_job_is_found"),
}


@pytest.mark.parametrize("what", sorted(STALE))
def test_a_replica_behind_is_drift_that_says_how_far(what: str) -> None:
    exchanges, check = STALE[what]
    (finding,) = _said(*exchanges)
    assert (finding.check, finding.kind, finding.drift) == (check, Kind.DRIFT, Drift.STALE_ANSWER)
    assert finding.found == pytest.approx(1.0, abs=0.02)
    assert finding.message.startswith("1.0 s behind: ")
    reach = staleness_in(finding, tolerated_s=2.0)
    assert reach == {"staleness": {"tolerated_s": 2.0, "observed_s": finding.found}}


@pytest.mark.parametrize("what", sorted(STALE))
@pytest.mark.parametrize("staleness_s", [0.0, 0.5])
def test_behind_by_more_than_that_is_a_violation(what: str, staleness_s: float) -> None:
    exchanges, check = STALE[what]
    found = _said(*exchanges, staleness_s=staleness_s)
    assert (check, Kind.VIOLATION) in {(f.check, f.kind) for f in found}
    assert Drift.STALE_ANSWER not in {f.drift for f in found}


@pytest.mark.parametrize(
    ("before", "last", "told"),
    [
        # Of one's own status nothing is said, and a step that is right is none back.
        (("queued", "processing"), "queued", {"status_moves_forward": "processing"}),
        (("queued", "sampling"), "processing", {"status_moves_forward": "sampling"}),
        (("backlogged", "completed"), "queued", {"terminal_status_is_final": "completed"}),
        (
            ("processing", "completed"),
            "queued",
            {"status_moves_forward": "processing", "terminal_status_is_final": "completed"},
        ),
        (("completed", "completed"), "completed", {}),
        (("processing", "paused"), "processing", {}),
    ],
)
def test_each_sight_that_a_replica_may_not_know_of_is_looked_at(
    before: tuple[str, str], last: str, told: dict[str, str]
) -> None:
    first, second = before
    seen = _at(9, "backlogged"), _at(1.5, first), _at(1, second), _at(0, last)
    found = [f for f in _said(*seen) if f.drift is Drift.STALE_ANSWER]
    assert {f.check: f.expected for f in found} == told
    assert {f.pointer for f in found} <= {"/status"}


def test_a_job_that_a_replica_doesnt_know_yet_is_expected_with_200() -> None:
    (finding,) = _said(*STALE["a job gone"][0])
    assert (finding.pointer, finding.expected) == ("code", 200)


QUIET = {
    "a result": (_at(1, result={"urls": links(2)}), _at(0, result={"urls": links(1)})),
    "a creation time": (_at(1, created_at=written(NOW - 90)), _at(0)),
    "an end": (_at(1, completed_at=written(NOW - 30)), _at(0)),
    "a tag": (
        answer(at=NOW - 1, headers={"etag": '"1"'}),
        answer(job(result={"urls": links(3)}), headers={"etag": '"1"'}),
    ),
}


@pytest.mark.parametrize("what", sorted(QUIET))
def test_what_was_shown_a_moment_ago_doesnt_bind_yet(what: str) -> None:
    assert _said(*QUIET[what]) == ()
    assert _said(*QUIET[what], staleness_s=0.0) != ()


def test_a_replica_that_was_behind_doesnt_move_the_history_back() -> None:
    seen = (_at(9, "processing"), _at(8, "queued"), _at(0, "queued"))
    assert [(f.check, f.kind) for f in _said(*seen)] == [("status_moves_forward", Kind.VIOLATION)]


def test_the_first_sight_of_what_it_doesnt_know_says_how_far_it_is_behind() -> None:
    (finding,) = _said(_at(1.5), _at(1.0), _at(0.5), _at(0, "processing"))
    assert finding.found == pytest.approx(1.5, abs=0.02)


def test_moving_on_is_no_lag() -> None:
    assert _said(_at(1.5, "queued"), _at(1, "processing"), _at(0)) == ()


def test_without_the_option_nothing_is_reported() -> None:
    (finding, *_) = _said(*STALE["a step back"][0])
    assert staleness_in(finding, tolerated_s=0.0) == {}


@pytest.mark.parametrize(("text", "seconds"), [("2s", 2.0), ("250ms", 0.25), ("0", 0.0), (None, 0)])
def test_the_option_is_a_duration(text: str | None, seconds: float) -> None:
    values = {"url": "http://127.0.0.1:1", "job": ["a"], "token_env": "T", "staleness": text}
    assert target_from(values, environ={"T": "t"}).staleness_s == seconds


@pytest.mark.parametrize("text", ["2", "-1s", "soon", "2 s", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    values = {"url": "http://127.0.0.1:1", "job": ["a"], "token_env": "T", "staleness": text}
    with pytest.raises(ConfigError, match=r"--staleness '.*' is no duration: write 250ms, 30s"):
        target_from(values, environ={"T": "t"})


def _recording(folder: Path, *exchanges: Exchange) -> Path:
    entries = [har_entry(exchange) for exchange in exchanges]
    path = folder / "traffic.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}), encoding="utf-8")
    return path


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--staleness", "2s"), 0)])
def test_recordings_are_judged_by_it_too(
    tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    path = _recording(tmp_path, _at(1), _at(0, "processing"))
    done = CliRunner().invoke(check, ["--json", *options, str(path)])
    assert done.exit_code == code, done.output
    reach = json.loads(done.output)["reach"]
    assert ("staleness" in reach) is bool(options)
    if options:
        assert reach["staleness"]["observed_s"] == pytest.approx(1.0, abs=0.02)
