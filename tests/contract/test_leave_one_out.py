"""
Without any one check a fault would pass: each has one that it alone finds.
"""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
from tests.contract.requests_to_mock import api_named
from tests.tools import few_of

from jobproof.contract.client.curl import Client
from jobproof.contract.client.response_parser import Limits
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.model.api import Api
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import FindingGroup
from jobproof.contract.plugins import load_checks
from jobproof.contract.scoring.leave_one_out import UNPROVABLE, sole_finder
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run

API = api_named("krea")
OTHER_API = api_named("openai-batch")
CHECKS = {check.id: check for check in load_checks()}
PROOFS = {fault.proves: fault.name for fault in FAULTS.values() if fault.proves}


def _api_with(fault: str) -> Api:
    return API if FAULTS[fault].applies(API) else OTHER_API


def _groups(fault: str) -> tuple[FindingGroup, ...]:
    """
    What the plan of a standard run finds, over a socket.
    """
    api = _api_with(fault)
    with MockServer(api, faults=[fault]) as server:
        values = {
            "api": api.name,
            "url": server.url,
            "job": [job.id for job in server.jobs],
            "foreign_job": [job.id for job in server.foreign_jobs],
            "poll_interval": 0.02,
            "timeout": 5.0,
            "seed": 1,
        }
        target = target_from(values, environ={api.profile.token_env: server.token})
        with Client(exact_framing=True, limits=Limits(body_bytes=api.profile.body.limit)) as client:
            run = Run(replace(target, watch_s=3.0), list(CHECKS.values()), client)
            run.execute()
    return run.groups


def test_every_check_has_a_proof_or_a_reason() -> None:
    own = {name for name, check in CHECKS.items() if check.speaks_of(API.name)}
    assert own <= PROOFS.keys() | UNPROVABLE.keys()
    assert not PROOFS.keys() & UNPROVABLE.keys()
    assert PROOFS.keys() | UNPROVABLE.keys() <= CHECKS.keys()


def test_a_check_that_is_said_to_call_nothing_wrong_has_no_word_for_it() -> None:
    silent = [name for name, why in UNPROVABLE.items() if "calls nothing wrong" in why]
    assert silent
    for name in silent:
        assert "violation(" not in inspect.getsource(CHECKS[name].run)


@pytest.mark.ladder
@pytest.mark.parametrize("check", few_of(PROOFS, one_in=6))
def test_without_the_check_its_fault_would_pass(check: str) -> None:
    found = [group.first for group in _groups(PROOFS[check])]
    wrong = {one.check for one in found if one.kind is Kind.VIOLATION and one.accepted is None}
    red = {one.check for one in found if one.breaks(strict=False)}
    assert sole_finder(wrong, red) == check, (wrong, red)
