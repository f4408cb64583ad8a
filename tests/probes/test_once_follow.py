"""
One round by hand asks the sources, too, and for what they find.
"""

from __future__ import annotations

from pathlib import Path

from tests.probes.live import write_config

from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Subject
from jobproof.probes.config.reader import load_settings
from jobproof.probes.once import ProbeRound, probe_round
from jobproof.probes.result import FOLLOWED


def round_of(mock: MockServer, folder: Path, follow: str) -> ProbeRound:
    path = write_config(
        folder, mock, canaries="      missing: {}\n", more=f"    follow: {follow}\n"
    )
    settings = load_settings(path)
    return probe_round(settings, settings.targets, pause=lambda _s: None)


def followed(done: ProbeRound) -> list[str | None]:
    return [
        one.exchange.request.job_id
        for one in done.results
        if one.canary == FOLLOWED and one.exchange is not None
    ]


def test_jobs_that_a_source_holds_are_asked_for(mock: MockServer, tmp_path: Path) -> None:
    ids = [job.id for job in mock.jobs[:3]]
    done = round_of(mock, tmp_path, f"[{{source: static, ids: [{', '.join(ids)}]}}]")
    assert followed(done) == ids
    assert {
        one.exchange.request.subject
        for one in done.results
        if one.canary == FOLLOWED and one.exchange
    } == {Subject.KNOWN}
    assert done.verdict == "kept"


def test_the_list_of_jobs_is_asked_for_once(mock: MockServer, tmp_path: Path) -> None:
    done = round_of(mock, tmp_path, "[{source: listing}]")
    assert sum(entry.target.partition("?")[0].endswith("/jobs") for entry in mock.log) == 1
    assert done.problems == ()
    assert done.verdict == "kept"


def test_more_jobs_than_one_round_takes_are_said(mock: MockServer, tmp_path: Path) -> None:
    ids = [mock.jobs[0].id, *(f"{number:032x}" for number in range(102))]
    done = round_of(mock, tmp_path, f"[{{source: static, ids: [{', '.join(ids)}]}}]")
    assert len(followed(done)) == 100
    assert done.problems == ("target mocked: 3 more jobs were found, and not asked for",)
