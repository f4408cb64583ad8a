"""
The plan: safe for live jobs, telling first, and never showing the token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.hostile_ids import HOSTILE_IDS
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.suite.planning.job_ids import (
    ALTERATIONS,
    BYPASSES,
    DISGUISES,
    Alteration,
    altered_ids,
    fresh_id,
    recased_id,
)
from jobproof.contract.suite.planning.plan import PlannedRequest, build_plan, request_of
from jobproof.contract.suite.planning.target import Effort, SuiteTarget, parse_rate
from jobproof.contract.suite.reporting.dry_run import list_requests

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
OTHER = "0d5c2a52-07a6-4ac4-8b1c-4e1d1cdd21d7"
TOKEN = "tok-4f9d1c0e7b"
SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture
def target() -> SuiteTarget:
    return SuiteTarget(
        find_api(default_api()),
        "http://127.0.0.1:9",
        Secret(TOKEN),
        "TOKEN_OF_THE_TEST",
        (JOB,),
        foreign_jobs=(OTHER,),
        seed=7,
    )


def _planned_requests(target: SuiteTarget) -> list[PlannedRequest]:
    return [planned for sequence in build_plan(target) for planned in sequence.requests]


@pytest.mark.parametrize("effort", list(Effort))
def test_only_safe_methods_go_to_a_known_or_foreign_job(
    target: SuiteTarget, effort: Effort
) -> None:
    sent = _planned_requests(replace(target, effort=effort))
    about_jobs = [planned for planned in sent if planned.job_id in (JOB, OTHER)]
    assert about_jobs
    assert {planned.method for planned in about_jobs} <= SAFE
    unsafe = [planned for planned in sent if planned.method not in SAFE]
    assert unsafe
    assert all(planned.subject is Subject.MISSING for planned in unsafe)


def test_a_disposable_job_gets_every_method(target: SuiteTarget) -> None:
    sent = _planned_requests(replace(target, disposable=frozenset({JOB})))
    assert {"DELETE", "POST"} <= {planned.method for planned in sent if planned.job_id == JOB}


def test_every_credential_and_subject_is_asked(target: SuiteTarget) -> None:
    sent = _planned_requests(target)
    assert {planned.credential for planned in sent} == {
        Credential.OWNER,
        Credential.NONE,
        Credential.INVALID,
    }
    assert {planned.subject for planned in sent} == set(Subject) - {Subject.UNSTATED}


def test_the_token_travels_in_one_header_and_is_listed_nowhere(target: SuiteTarget) -> None:
    for planned in _planned_requests(target):
        request = request_of(target, planned)
        carriers = [name.lower() for name, value in request.headers if TOKEN in value]
        # What has something after it isn't it, and yet holds it.
        holds_it = planned.manner in (Manner.EXTENDED, Manner.PREFIXED)
        is_sent = planned.credential is Credential.OWNER or holds_it
        assert carriers == (["authorization"] if is_sent else [])
        assert TOKEN not in request.url
        assert TOKEN not in repr(request)
    listing = "\n".join(list_requests(target, build_plan(target)))
    assert JOB in listing
    assert TOKEN not in listing


def test_the_same_seed_gives_the_same_plan(target: SuiteTarget) -> None:
    assert build_plan(target) == build_plan(target)
    assert build_plan(target) != build_plan(replace(target, seed=8))


def test_without_a_seed_ids_are_fresh_each_time(target: SuiteTarget) -> None:
    unseeded = replace(target, seed=0)
    assert build_plan(unseeded)[0].job_id != build_plan(unseeded)[0].job_id


def test_a_hostile_id_stays_one_segment_of_the_path(target: SuiteTarget) -> None:
    prefix = target.base_url + target.api.operation_path.partition("{}")[0]
    for job_id in (*HOSTILE_IDS, ".", ".."):
        url = target.api.target(target.base_url, job_id)
        segment = url.removeprefix(prefix)
        assert segment, job_id
        assert not set(segment) & set("/?#\\ \x00"), job_id
        assert segment not in (".", "..")


def test_no_hostile_id_leads_to_another_route_or_comes_twice() -> None:
    assert not {"", ".", ".."} & set(HOSTILE_IDS)
    assert len(set(HOSTILE_IDS)) == len(HOSTILE_IDS)


def _altered(job_id: str, *others: str, table: Sequence[Alteration] = ALTERATIONS) -> list[str]:
    return [one.text for one in altered_ids(table, job_id, others, effort=Effort.EXHAUSTIVE)]


@pytest.mark.parametrize("job_id", [JOB, JOB.upper(), "7", "job-1", "..a", "a b/c", "é", "%"])
@pytest.mark.parametrize("table", [ALTERATIONS, DISGUISES, BYPASSES])
def test_altered_ids_are_never_the_id_itself_and_none_comes_twice(
    table: Sequence[Alteration], job_id: str
) -> None:
    made = _altered(job_id, table=table)
    assert job_id not in made
    assert len(set(made)) == len(made)
    assert all(one.strip() not in ("", ".", "..") for one in made)


def test_a_known_id_is_altered_in_each_way_of_the_table() -> None:
    assert _altered(JOB) == [
        *(JOB[:-1], f"{JOB}x", JOB[:8], JOB[1:], f"{JOB[:-1]}%", f"{JOB[:-1]}[0]"),
        *(f"{JOB}\0x", f"{JOB}/x", f"4{chr(0xFF44)}{JOB[2:]}", f"{JOB} ", JOB[:18], f" {JOB}"),
        *(f"{JOB[:-1]}*", f"{JOB[:-1]}.", f"{JOB},{JOB[::-1]}", f"{JOB}.json", f"{JOB};a=b"),
        *(f"x/../{JOB}", f"%34{JOB[1:]}"),
    ]
    assert "007" in _altered("7")
    assert chr(0xFF17) in _altered("7")


def test_somebody_elses_id_is_disguised_in_each_way_of_the_table() -> None:
    assert _altered(JOB, table=DISGUISES) == [
        *(JOB.upper(), f"{JOB}/", f"%34{JOB[1:]}", f"{JOB}.json", f"{JOB};a=b", f"/{JOB}"),
        *(f"x/../{JOB}", f"{JOB} ", JOB.replace("-", ""), f"{JOB[:-1]}%30"),
    ]
    assert _altered("a b", table=BYPASSES)[0] == "a%20b/"


@pytest.mark.parametrize(
    ("job_id", "others", "left_out"),
    [("job-1", ("job-",), "job-"), ("job-12", ("job-1", "job"), "job-1"), ("ab", ("a",), "a")],
)
def test_another_job_is_no_alteration(job_id: str, others: tuple[str, ...], left_out: str) -> None:
    assert left_out in _altered(job_id)
    assert left_out not in _altered(job_id, *others)


@pytest.mark.parametrize(("effort", "most"), [(Effort.QUICK, 6), (Effort.STANDARD, 27)])
def test_few_alterations_are_sent_and_before_the_hostile_ids(
    target: SuiteTarget, effort: Effort, most: int
) -> None:
    sent = _planned_requests(replace(target, effort=effort))
    odd = (Subject.ALTERED, Subject.RECASED, Subject.DISGUISED)
    places = [place for place, one in enumerate(sent) if one.subject in odd]
    assert len(places) == most
    hostile = [place for place, one in enumerate(sent) if one.subject is Subject.MALFORMED]
    assert max(places) < min(hostile)


def test_an_id_goes_into_the_path_as_it_is_where_its_spelling_is_what_is_asked(
    target: SuiteTarget,
) -> None:
    sent = {(p.subject, p.credential, p.job_id): p for p in _planned_requests(target)}
    disguised, owner = Subject.DISGUISED, Credential.OWNER
    for text in (f"{OTHER}/", f"%30{OTHER[1:]}", f"{OTHER}.json"):
        request = request_of(target, sent[disguised, owner, text])
        assert request.url.endswith(f"/jobs/{text}")
        assert request.job_id == text
    twice = request_of(target, sent[disguised, owner, f"{OTHER[:-1]}%37"])
    assert twice.url.endswith(f"/jobs/{OTHER[:-1]}%2537")
    bypass = request_of(target, sent[Subject.ALTERED, Credential.NONE, f"{JOB}/"])
    assert bypass.url.endswith(f"/jobs/{JOB}/")
    assert bypass.token is None
    encoded = request_of(target, sent[Subject.ALTERED, owner, f"{JOB}/x"])
    assert encoded.url.endswith(f"/jobs/{JOB}%2Fx")


def test_a_known_id_has_another_letter_case() -> None:
    assert recased_id(JOB) == JOB.upper()
    assert recased_id("0123") is None


def test_another_job_is_no_other_case() -> None:
    assert recased_id("Job", ("jOB",)) is None
    assert recased_id("Job", ("job",)) == "jOB"


def test_the_plan_alters_no_id_to_a_given_one(target: SuiteTarget) -> None:
    jobs = {"job-1a": Subject.KNOWN, "job-1": Subject.KNOWN, "JOB-1A": Subject.FOREIGN}
    jobs |= {HOSTILE_IDS[0]: Subject.KNOWN}
    others = (*jobs, "job")
    sent = _planned_requests(
        replace(target, jobs=("job-1a", "job-1", HOSTILE_IDS[0]), foreign_jobs=("JOB-1A", "job"))
    )
    odd = {p.job_id for p in sent if p.subject not in (Subject.KNOWN, Subject.FOREIGN)}
    assert not odd & set(others)
    assert "job-1a " in odd


def test_a_fresh_id_has_the_shape_that_the_profile_describes() -> None:
    import random

    api = find_api("openai-batch")
    made = fresh_id(api.profile, random.Random(1))
    assert made.startswith(api.profile.id.prefix)
    assert len(made) == len(api.profile.id.prefix) + api.profile.id.length


@pytest.mark.parametrize(
    ("text", "per_minute"), [("30/m", 30.0), ("2/s", 120.0), ("600/h", 10.0), ("unlimited", None)]
)
def test_rates_are_read_in_three_units(text: str, per_minute: float | None) -> None:
    assert parse_rate(text) == per_minute


@pytest.mark.parametrize(
    "text", ["0/m", "30", "/m", "30/d", "-1/m", "\u0663/m", "\u00b2/m", "1_0/m", "9" * 400 + "/m"]
)
def test_what_is_no_rate_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rate(text)
    assert str(caught.value) == f"rate limit {text!r}: write 30/m, 2/s or unlimited"


@pytest.mark.parametrize("effort", list(Effort))
def test_the_many_polls_are_as_many_questions_as_the_effort_says(
    target: SuiteTarget, effort: Effort
) -> None:
    sent = _planned_requests(replace(target, effort=effort))
    why = ("again and again: rare faults", "two questions at once")
    again = sum(one.times - 1 for one in sent if one.why == "the job without a token")
    assert sum(one.questions for one in sent if one.why in why) + again == effort.polls
    # Two jobs of one token are asked for by themselves, or with an id that nobody has.
    (pair,) = [one for one in sent if one.beside is not None]
    assert pair.beside is not None
    assert pair.job_id != pair.beside.job_id


def test_a_poll_beside_another_job_never_overlaps_with_that_ones_own(target: SuiteTarget) -> None:
    other = "9d5c2a52-07a6-4ac4-8b1c-4e1d1cdd21d9"
    for rate, subject in ((None, Subject.MISSING), (30.0, Subject.KNOWN)):
        sent = _planned_requests(replace(target, jobs=(JOB, other), rate_per_minute=rate))
        assert [one.beside.subject for one in sent if one.beside is not None] == [subject]


def test_a_poll_comes_after_an_error_and_before_another_connection(target: SuiteTarget) -> None:
    (sequence,) = [one for one in build_plan(target) if one.job_id == JOB]
    many = [one.why for one in sequence.requests].index("again and again: rare faults")
    assert sequence.requests[many].fresh_every == 2
    refused, then = sequence.requests[many - 2 : many]
    assert (refused.credential, then.credential) == (Credential.INVALID, Credential.OWNER)
    assert (then.method, then.fresh_every) == ("GET", 0)
