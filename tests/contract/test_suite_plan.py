"""
The plan: safe for live jobs, telling first, and never showing the token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

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
from jobproof.contract.suite.planning.plan import (
    PlannedRequest,
    build_plan,
    parts_of,
    request_of,
)
from jobproof.contract.suite.planning.target import Effort, SuiteTarget, parse_rate
from jobproof.contract.suite.planning.yields import ALWAYS, Yields, read_yields
from jobproof.contract.suite.reporting.dry_run import list_requests

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
OTHER = "0d5c2a52-07a6-4ac4-8b1c-4e1d1cdd21d7"
THIRD = "9d5c2a52-07a6-4ac4-8b1c-4e1d1cdd21d9"
FOURTH = "1b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"
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


def _exhaustive(target: SuiteTarget) -> tuple[PlannedRequest, ...]:
    return build_plan(replace(target, effort=Effort.EXHAUSTIVE))


@pytest.mark.parametrize("effort", list(Effort))
def test_only_safe_methods_go_to_a_known_or_foreign_job(
    target: SuiteTarget, effort: Effort
) -> None:
    sent = build_plan(replace(target, effort=effort))
    about_jobs = [planned for planned in sent if planned.job_id in (JOB, OTHER)]
    assert about_jobs
    assert {planned.method for planned in about_jobs} <= SAFE
    unsafe = [planned for planned in sent if planned.method not in SAFE]
    assert unsafe
    assert all(planned.subject is Subject.MISSING for planned in unsafe)


def test_a_disposable_job_gets_every_method(target: SuiteTarget) -> None:
    sent = build_plan(replace(target, disposable=frozenset({JOB})))
    assert {"DELETE", "POST"} <= {planned.method for planned in sent if planned.job_id == JOB}


def test_every_credential_and_subject_is_asked(target: SuiteTarget) -> None:
    sent = build_plan(target)
    assert {planned.credential for planned in sent} == {
        Credential.OWNER,
        Credential.NONE,
        Credential.INVALID,
    }
    assert {planned.subject for planned in sent} == set(Subject) - {Subject.UNSTATED}


def test_the_token_travels_in_one_header_and_is_listed_nowhere(target: SuiteTarget) -> None:
    for planned in _exhaustive(target):
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
    one, other = (
        {planned.job_id for planned in build_plan(unseeded) if planned.subject is Subject.MISSING}
        for _ in range(2)
    )
    assert one
    assert not one & other


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
    return [one.text for one in altered_ids(table, job_id, others)]


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


def test_an_id_goes_into_the_path_as_it_is_where_its_spelling_is_what_is_asked(
    target: SuiteTarget,
) -> None:
    sent = {(p.subject, p.credential, p.job_id): p for p in _exhaustive(target)}
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
    sent = _exhaustive(
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


# Of a job in each of the ways in which two or more may be given.
_GIVEN: tuple[dict[str, Any], ...] = (
    {},
    {"jobs": (JOB, THIRD), "foreign_jobs": (OTHER, FOURTH)},
    {"jobs": (JOB, THIRD), "disposable": frozenset({THIRD})},
)


@pytest.mark.parametrize(("effort", "most"), [(Effort.QUICK, 72), (Effort.STANDARD, 120)])
def test_an_effort_costs_no_more_than_it_says(
    target: SuiteTarget, effort: Effort, most: int
) -> None:
    plan = build_plan(replace(target, effort=effort))
    assert 20 < sum(planned.questions for planned in plan) <= most


@pytest.mark.parametrize("given", _GIVEN[1:], ids=["two", "disposable"])
@pytest.mark.parametrize("effort", [Effort.QUICK, Effort.STANDARD])
def test_one_job_more_costs_a_few_questions_and_no_second_run(
    target: SuiteTarget, effort: Effort, given: dict[str, Any]
) -> None:
    one, more = (
        sum(planned.questions for planned in build_plan(replace(target, effort=effort, **jobs)))
        for jobs in ({}, given)
    )
    assert one < more <= one + 10


def test_a_greater_effort_asks_what_a_lesser_one_does_in_the_same_order(
    target: SuiteTarget,
) -> None:
    names = [
        [planned.name for planned in build_plan(replace(target, effort=effort))]
        for effort in Effort
    ]
    for few, many in pairwise(names):
        assert many[: len(few)] == few
        assert len(many) > len(few)


def test_every_question_of_one_plan_has_a_name_of_its_own(target: SuiteTarget) -> None:
    names = [planned.name for planned in _exhaustive(target)]
    assert "" not in names
    assert len(set(names)) == len(names)


def test_every_name_that_was_measured_is_a_question_s(target: SuiteTarget) -> None:
    # Some manners need a JWT for a token, and some are of no use with one.
    tokens = (TOKEN, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmVk", "Tok-9A8b7C6d5E4f3G")
    asked = {
        planned.name
        for token in tokens
        for planned in _exhaustive(replace(target, token=Secret(token), **(_GIVEN[1] | _GIVEN[2])))
    }
    measured = read_yields()
    assert set(measured.ranks) - asked == set()
    assert set(measured.efforts) == set(measured.ranks)


def test_the_order_is_the_one_that_was_measured_and_the_rest_comes_last() -> None:
    worth = Yields.of([("first", Effort.QUICK, ()), ("then", Effort.STANDARD, ())])
    assert [worth.rank(name) for name in ("first", "then", "unheard of")] == [0, 1, 2]
    assert [effort for effort in Effort if worth.is_asked("first", effort)] == list(Effort)
    by = [effort for effort in Effort if worth.is_asked("then", effort)]
    assert by == [Effort.STANDARD, Effort.EXHAUSTIVE]
    assert worth.effort("unheard of") is Effort.EXHAUSTIVE
    assert not worth.is_asked("unheard of", Effort.STANDARD)


def test_a_plan_follows_the_yields_that_it_is_given(target: SuiteTarget) -> None:
    listed = [("first owner HEAD", Effort.QUICK, ()), ("first owner GET", Effort.QUICK, ())]
    worth = Yields.of([*listed, ("missing owner GET", Effort.STANDARD, ())])
    quick = replace(target, effort=Effort.QUICK)
    names = [planned.name for planned in build_plan(quick, worth)]
    assert names == ["first owner HEAD", "first owner GET"]
    assert len(build_plan(target, worth)) == 3
    everything = build_plan(replace(target, effort=Effort.EXHAUSTIVE), worth)
    assert {planned.name for planned in everything} == {p.name for p in _exhaustive(target)}
    assert everything[2].name == "missing owner GET"


def test_a_foreign_job_comes_after_what_its_answer_is_compared_with(target: SuiteTarget) -> None:
    worth = Yields.of([("foreign owner GET", Effort.QUICK, ("foreign_job_looks_unknown",))])
    quick = replace(target, effort=Effort.QUICK)
    assert [planned.name for planned in build_plan(quick, worth)] == [
        *("another missing", "foreign owner GET")
    ]
    names = [p.name for p in build_plan(quick, worth, checks=["foreign_job_looks_unknown"])]
    assert names == ["another missing", "foreign owner GET"]


def test_of_selected_checks_what_they_need_is_asked_and_of_a_stranger_s_everything(
    target: SuiteTarget,
) -> None:
    quick = Effort.QUICK
    worth = Yields.of(
        [
            *((name, quick, ()) for name in ALWAYS),
            ("first owner HEAD", quick, ("head_matches_get", "head_is_answered")),
            ("recased", quick, ("id_is_case_sensitive",)),
        ]
    )
    names = [p.name for p in build_plan(target, worth, checks=["head_matches_get"])]
    assert names == [*ALWAYS, "first owner HEAD"]
    of_all = build_plan(target, worth, checks=["head_matches_get", "somebody_elses"])
    assert of_all == build_plan(target, worth)


def test_rare_faults_are_looked_for_the_more_the_greater_the_effort(target: SuiteTarget) -> None:
    counts = [
        sum(
            planned.questions
            for planned in build_plan(replace(target, effort=effort))
            if planned.repeats
        )
        for effort in Effort
    ]
    assert 0 < counts[0] < counts[1] < counts[2]
    # A fault in every 20th answer is seen with 95 % by so many.
    assert counts[2] >= 59
    repeats = [p for p in _exhaustive(target) if p.name.startswith("repeat ")]
    assert {planned.fresh for planned in repeats} == {True, False}
    pairs = [(p, p.beside) for p in _exhaustive(target) if p.beside is not None]
    assert pairs
    for one, other in pairs:
        assert one.job_id != other.job_id
        assert (one.subject, other.subject) == (Subject.KNOWN, Subject.MISSING)


def test_two_jobs_of_one_token_are_asked_for_at_once(target: SuiteTarget) -> None:
    sent = build_plan(replace(target, jobs=(JOB, THIRD)))
    beside = [(one.job_id, one.beside.job_id) for one in sent if one.beside is not None]
    assert beside
    assert set(beside) == {(JOB, THIRD)}


def test_a_poll_comes_after_an_error_over_the_same_connection(target: SuiteTarget) -> None:
    nobodys = (Subject.MISSING, Subject.FOREIGN)
    assert [
        then.name
        for refused, then in pairwise(build_plan(target))
        if refused.subject in nobodys and then.subject is Subject.KNOWN and not then.fresh
        if (then.credential, then.method) == (Credential.OWNER, "GET")
    ]


def test_the_first_question_is_a_client_s_plain_one(target: SuiteTarget) -> None:
    for effort in Effort:
        first = build_plan(replace(target, effort=effort))[0]
        assert (first.subject, first.credential) == (Subject.KNOWN, Credential.OWNER)
        assert (first.manner, first.follows) == (Manner.PLAIN, True)


def test_a_question_that_is_many_at_once_has_each_of_them_as_a_part(target: SuiteTarget) -> None:
    combined = [planned for planned in _exhaustive(target) if planned.manner.spec.combines]
    assert combined
    for planned in combined:
        parts = parts_of(target, planned)
        assert {part.manner.value for part in parts} == set(planned.manner.spec.combines)
        for part in parts:
            same = replace(part, manner=planned.manner, why=planned.why, conditional=False)
            assert same == replace(planned, conditional=False)
        whole = request_of(target, planned)
        for part in parts:
            if not part.manner.spec.headers:
                continue
            sent = {name.lower() for name, _ in whole.headers}
            assert {name.lower() for name, _ in part.manner.spec.headers} <= sent
    assert parts_of(target, build_plan(target)[0]) == ()
