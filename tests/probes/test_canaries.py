"""
What canaries ask, what they learn, and how a probe's outcome is named.
"""

from __future__ import annotations

import random
import uuid

import pytest

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.hostile_ids import HOSTILE_IDS, NONSENSE_IDS
from jobproof.contract.model.request import build_request
from jobproof.contract.plugins import find_api
from jobproof.probes.canaries.anonymous import AnonymousCanary, AnonymousOptions
from jobproof.probes.canaries.canary import (
    CanaryContext,
    CanaryOptions,
    CanaryRequest,
    IdOptions,
    missing_id,
)
from jobproof.probes.canaries.foreign import ForeignCanary
from jobproof.probes.canaries.known import KnownCanary
from jobproof.probes.canaries.malformed import MalformedCanary
from jobproof.probes.canaries.missing import MissingCanary
from jobproof.probes.engine.judging import outcome_of
from jobproof.probes.result import ProbeOutcome

API = find_api("krea")
TOKEN = Secret("sk-0123456789")


def context(*others: str, known: tuple[str, ...] = ()) -> CanaryContext:
    return CanaryContext(API, random.Random(3), known, frozenset(others))


def request_of(ask: CanaryRequest) -> Request:
    return build_request(
        API,
        "http://h",
        ask.job_id,
        subject=ask.subject,
        credential=ask.credential,
        token=TOKEN,
    )


def known(*ids: str) -> KnownCanary:
    return KnownCanary(IdOptions(ids=ids), context())


def asked(canary: KnownCanary, round_size: int) -> set[str]:
    return {canary.next_request().job_id for _ in range(round_size)}


def test_known_jobs_are_asked_for_in_turn() -> None:
    assert asked(known("a", "b", "c"), 3) == {"a", "b", "c"}


def test_one_404_of_several_has_aged_out_and_leaves_the_rotation() -> None:
    canary = known("a", "b", "c")
    for job_id in ("a", "b", "c"):
        assert canary.on_result(CanaryRequest(job_id, Subject.KNOWN), ProbeOutcome.OK) is None
    news = canary.on_result(CanaryRequest("b", Subject.KNOWN), ProbeOutcome.NOT_FOUND)
    assert news is not None
    assert "b" in news
    assert "aged out" in news
    assert asked(canary, 6) == {"a", "c"}


@pytest.mark.parametrize("jobs", range(2, 10))
def test_half_of_the_known_jobs_must_be_there_for_one_to_have_aged_out(jobs: int) -> None:
    ids = [f"job-{number}" for number in range(jobs)]
    for there in range(jobs):
        canary = known(*ids)
        assert canary.round_size == jobs
        for job_id in ids[:there]:
            canary.on_result(CanaryRequest(job_id, Subject.KNOWN), ProbeOutcome.OK)
        gone = CanaryRequest(ids[-1], Subject.KNOWN)
        has_aged = canary.on_result(gone, ProbeOutcome.NOT_FOUND) is not None
        assert has_aged is (2 * there >= jobs), there


def test_when_all_are_gone_at_once_none_has_aged_out() -> None:
    canary = known("a", "b", "c")
    for job_id in ("a", "b", "c"):
        canary.on_result(CanaryRequest(job_id, Subject.KNOWN), ProbeOutcome.OK)
    news = [
        canary.on_result(CanaryRequest(job_id, Subject.KNOWN), ProbeOutcome.NOT_FOUND)
        for job_id in "abc"
    ]
    assert news[-1] == "no known job is found any more: an outage, or a wrong token"
    assert asked(canary, 6) == {"a", "b", "c"}


def test_the_only_known_job_never_ages_out() -> None:
    canary = known("a")
    canary.on_result(CanaryRequest("a", Subject.KNOWN), ProbeOutcome.OK)
    assert canary.on_result(CanaryRequest("a", Subject.KNOWN), ProbeOutcome.NOT_FOUND) is None
    assert asked(canary, 2) == {"a"}


def test_missing_ids_are_fresh_uuids() -> None:
    canary = MissingCanary(CanaryOptions(), context())
    ids = [canary.next_request().job_id for _ in range(500)]
    assert len(set(ids)) == 500
    assert all(uuid.UUID(job_id).version == 4 for job_id in ids)


def test_malformed_ids_rotate_and_none_is_empty() -> None:
    canary = MalformedCanary(CanaryOptions(), context())
    ids = [canary.next_request().job_id for _ in range(120)]
    assert all(ids)
    assert set(NONSENSE_IDS) <= set(ids)


def test_a_monitor_sends_nothing_that_a_firewall_takes_for_an_attack() -> None:
    attacks = set(HOSTILE_IDS) - set(NONSENSE_IDS)
    assert {"' OR '1'='1", "../../etc/passwd", "<script>alert(1)</script>"} <= attacks
    canary = MalformedCanary(CanaryOptions(), context())
    assert not attacks & {canary.next_request().job_id for _ in range(200)}


def test_every_malformed_id_stays_one_path_segment() -> None:
    canary = MalformedCanary(CanaryOptions(), context())
    for _ in range(120):
        request = request_of(canary.next_request())
        segment = request.url.removeprefix("http://h/jobs/")
        assert segment
        assert not set(segment) & set("/?# \n\0")
        assert segment not in (".", "..")


def test_anonymous_asks_without_token_and_with_a_wrong_one_for_both_kinds_of_id() -> None:
    canary = AnonymousCanary(AnonymousOptions(), context(known=("a",)))
    asks = {
        (ask.subject, ask.credential)
        for ask in (canary.next_request() for _ in range(canary.round_size))
    }
    assert asks == {
        (subject, credential)
        for subject in (Subject.KNOWN, Subject.MISSING)
        for credential in (Credential.NONE, Credential.INVALID)
    }


def test_anonymous_without_known_ids_asks_for_missing_ones() -> None:
    canary = AnonymousCanary(AnonymousOptions(), context())
    assert {canary.next_request().subject for _ in range(8)} == {Subject.MISSING}


def test_our_token_goes_along_only_as_the_owner() -> None:
    for credential in (Credential.NONE, Credential.INVALID):
        ask = CanaryRequest("a", Subject.KNOWN, credential)
        request = request_of(ask)
        assert TOKEN.reveal() not in repr(request)
    request = request_of(CanaryRequest("a", Subject.KNOWN))
    assert request.header("authorization") == f"Bearer {TOKEN.reveal()}"


def test_foreign_brings_its_own_comparison_where_nobody_else_does() -> None:
    alone = ForeignCanary(IdOptions(ids=("a", "b")), context("known"))
    assert {alone.next_request().subject for _ in range(3)} == {Subject.FOREIGN, Subject.MISSING}
    beside = ForeignCanary(IdOptions(ids=("a", "b")), context("missing"))
    assert {beside.next_request().subject for _ in range(3)} == {Subject.FOREIGN}


def test_missing_ids_of_other_shapes_follow_the_profile() -> None:
    api = find_api("openai-batch")
    shape = api.profile.id
    job_id = missing_id(api, random.Random(1))
    assert job_id.startswith(shape.prefix)
    assert set(job_id.removeprefix(shape.prefix)) <= set(shape.alphabet)


def outcome(
    code: int,
    subject: Subject = Subject.KNOWN,
    credential: Credential = Credential.OWNER,
) -> ProbeOutcome:
    request = Request("GET", "http://h/jobs/a", (), "a", subject, credential)
    exchange = Exchange(request, Response(code), 0.0, 0.1)
    return outcome_of(API, API.observe(exchange), ())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (200, ProbeOutcome.OK),
        (202, ProbeOutcome.UNEXPECTED_CODE),
        (204, ProbeOutcome.UNEXPECTED_CODE),
        (302, ProbeOutcome.REDIRECT),
        (401, ProbeOutcome.AUTH),
        (403, ProbeOutcome.AUTH),
        (404, ProbeOutcome.NOT_FOUND),
        (418, ProbeOutcome.UNEXPECTED_CODE),
        (429, ProbeOutcome.RATE_LIMITED),
        (500, ProbeOutcome.SERVER_ERROR),
        (503, ProbeOutcome.SERVER_ERROR),
    ],
)
def test_a_known_job_must_be_shown(code: int, expected: ProbeOutcome) -> None:
    assert outcome(code) is expected


@pytest.mark.parametrize(
    ("subject", "credential"),
    [
        (Subject.MISSING, Credential.OWNER),
        (Subject.FOREIGN, Credential.OWNER),
        (Subject.MALFORMED, Credential.OWNER),
        (Subject.KNOWN, Credential.NONE),
        (Subject.KNOWN, Credential.INVALID),
    ],
)
def test_whatever_isn_t_ours_must_be_denied(subject: Subject, credential: Credential) -> None:
    assert outcome(404, subject, credential) is ProbeOutcome.OK
    assert outcome(200, subject, credential) is ProbeOutcome.VIOLATION
    assert outcome(500, subject, credential) is ProbeOutcome.SERVER_ERROR
    assert outcome(429, subject, credential) is ProbeOutcome.RATE_LIMITED


def test_refusals_are_right_only_where_the_profile_says_so() -> None:
    assert outcome(401, Subject.KNOWN, Credential.NONE) is ProbeOutcome.OK
    assert outcome(401, Subject.MISSING) is ProbeOutcome.AUTH
    assert outcome(422, Subject.MALFORMED) is ProbeOutcome.OK
    assert outcome(422, Subject.MISSING) is ProbeOutcome.UNEXPECTED_CODE


@pytest.mark.parametrize("reason", list(Reason))
def test_every_way_to_fail_has_an_outcome(reason: Reason) -> None:
    request = Request("GET", "http://h/jobs/a", (), "a", Subject.KNOWN, Credential.OWNER)
    exchange = Exchange(request, TransportFailure(reason, "x"), 0.0, 0.1)
    named = outcome_of(API, API.observe(exchange), ())
    assert named.value == {"blocked": "connect", "encoding": "protocol"}.get(reason, reason.value)


@pytest.mark.parametrize(
    ("ids", "shown", "has_aged"),
    [("ab", "a", True), ("abc", "a", False), ("abc", "ab", True), ("abcd", "ab", True)],
)
def test_half_of_the_known_jobs_must_be_there_for_another_to_have_aged_out(
    ids: str, shown: str, has_aged: bool
) -> None:
    canary = known(*ids)
    for job_id in shown:
        canary.on_result(CanaryRequest(job_id, Subject.KNOWN), ProbeOutcome.OK)
    news = canary.on_result(CanaryRequest(ids[-1], Subject.KNOWN), ProbeOutcome.NOT_FOUND)
    assert (news is not None) is has_aged
    assert asked(canary, len(ids) * 2) == set(ids) - ({ids[-1]} if has_aged else set())


def test_a_job_that_broke_a_promise_is_there_and_one_that_failed_may_be() -> None:
    canary = known("a", "b")
    canary.on_result(CanaryRequest("a", Subject.KNOWN), ProbeOutcome.VIOLATION)
    canary.on_result(CanaryRequest("a", Subject.KNOWN), ProbeOutcome.TIMEOUT)
    assert canary.on_result(CanaryRequest("b", Subject.KNOWN), ProbeOutcome.NOT_FOUND) is not None
