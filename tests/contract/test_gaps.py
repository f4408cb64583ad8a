"""
What a recorder left out: no check speaks of it or counts as having looked at it, and of what is
there each speaks as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.builders import (
    MISSING,
    NOW,
    TOKEN,
    answer,
    api,
    job,
    judge,
    not_found,
    replay,
    trace,
)
from tests.contract.lives import exchanges, lives
from tests.contract.test_checks_table import CASES_OF_ALL_CHECKS, CHECKS

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.judge import CRASHED, Judge
from jobproof.contract.model.check import Check, check
from jobproof.contract.model.exchange import Exchange, Response, Subject
from jobproof.contract.model.finding import Basis, Drift, Finding, Kind, Remark
from jobproof.contract.model.intermediary.page import page_of
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.contract.suite.reporting.summary import summarise

Gap = Callable[[Exchange], Exchange]

BODY, HEADERS, SENT, TIME = "body", "headers", "request headers", "time"
TYPE = "content-type"

READS: dict[str, frozenset[str]] = {
    name: frozenset(parts)
    for names, parts in {
        # By the code, the method and who asked alone.
        (
            *("token_is_required", "invalid_token_is_refused", "token_keeps_working"),
            *("foreign_job_is_hidden", "code_is_documented", "no_server_error"),
            *("endpoint_is_available", "endpoint_stays_in_service", "known_job_is_answered"),
            *("known_job_is_found", "unknown_id_is_not_found", "id_is_matched_by_case"),
            *("unlisted_method_is_refused", "head_is_answered", "no_redirect"),
            "existence_is_hidden_from_outsiders",
        ): (),
        # By the body: of what it shows, too.
        (
            *("body_arrives_whole", "body_is_within_size_cap", "body_is_utf8", "body_is_json"),
            *("body_has_no_byte_order_mark", "json_keys_are_unique", "json_numbers_are_finite"),
            *("json_numbers_are_exact", "json_text_is_unicode", "error_names_nothing_inside"),
            *("job_id_is_echoed", "job_id_keeps_its_case", "terminal_status_is_final"),
            *("status_moves_forward", "job_ends_in_time", "ended_job_is_frozen"),
            *("malformed_id_is_refused", "altered_id_finds_nothing", "success_has_result"),
            *("success_has_no_failure_reason", "failure_has_reason", "result_comes_with_the_end"),
            *("links_use_safe_schemes", "links_point_to_public_hosts", "body_matches_schema"),
            *("null_only_where_allowed", "status_is_documented", "status_is_readable"),
            *("keys_are_declared", "keys_are_spelled_as_declared", "no_sensitive_keys"),
            *("creation_time_is_past", "end_time_is_past", "end_time_follows_creation"),
            *("end_time_only_after_end", "ended_job_has_end_time", "creation_time_is_stable"),
            *("end_time_is_stable", "creation_time_is_set", "end_time_follows_last_sight"),
            *("links_are_filled_in", "links_outlive_the_job", "job_keeps_what_it_was_given"),
            *("job_is_the_same_however_asked", "denial_lists_no_ids"),
        ): (BODY,),
        ("problem_repeats_the_code", "problem_members_have_their_types"): (BODY, TYPE),
        ("foreign_job_looks_unknown", "no_secret_in_answer"): (BODY, HEADERS),
        ("no_stack_trace", "refusal_shows_no_job"): (BODY, HEADERS),
        ("entity_tag_changes_with_body",): (BODY, HEADERS),
        (
            *("private_answer_is_not_public", "age_is_within_freshness", "throttling_says_when"),
            *("no_credentialed_wildcard_origin", "refused_method_lists_allowed"),
            "allowed_origin_is_one",
            *("options_lists_true_methods", "refused_method_is_not_allowed"),
            *("refusal_allows_what_there_is", "age_is_whole_seconds"),
            *("cache_control_is_well_formed", "coded_answer_varies", "single_fields_come_once"),
            *("dates_have_the_one_form", "every_answer_has_its_date", "last_modified_is_past"),
            *("entity_tag_is_well_formed", "content_language_is_well_formed"),
            *("uri_fields_are_references", "link_is_well_formed", "listed_names_are_names"),
            *("retry_after_is_well_formed", "refusal_has_challenge", "challenge_is_well_formed"),
            *("challenge_names_documented_scheme", "challenge_fits_the_question"),
            *("field_names_are_tokens", "field_values_have_no_controls"),
            *("length_or_chunks_not_both", "transfer_coding_has_its_place"),
            *("chunks_are_put_on_once", "no_content_has_no_length", "connection_names_its_own"),
            *("part_says_which", "session_cookie_is_guarded"),
        ): (HEADERS,),
        (
            *("not_modified_repeats_the_tag", "not_modified_has_true_length"),
            *("not_modified_repeats_the_rest", "condition_is_read_in_every_form"),
        ): (HEADERS, SENT),
        ("part_is_what_it_says",): (BODY, HEADERS),
        ("part_was_asked_for",): (SENT,),
        (
            *("media_type_is_documented", "charset_is_utf8", "head_matches_get"),
            "content_type_is_well_formed",
        ): (TYPE,),
        ("content_coding_was_offered",): (HEADERS, SENT),
        ("digest_is_of_the_content",): (HEADERS, BODY),
        ("not_modified_only_when_asked", "not_modified_means_unchanged"): (SENT,),
        ("condition_opens_nothing",): (SENT,),
        ("answers_within_budget",): (TIME,),
        ("server_clock_agrees",): (HEADERS, TIME),
    }.items()
    for name in names
}
"""Without which part of an answer a check can say nothing."""
_LOOKS_ALL_THE_SAME: dict[tuple[str, str], Callable[[Observation], bool]] = {
    # A refusal shows no job, whatever it says.
    ("malformed_id_is_refused", BODY): lambda seen: seen.code != 200,
    ("altered_id_finds_nothing", BODY): lambda seen: seen.code != 200,
    # What it looks for where the answer isn't a 304 is nothing.
    ("not_modified_only_when_asked", SENT): lambda seen: seen.code != 304,
    # A wrong coding is there to see; of one that isn't, no request need have told.
    ("content_coding_was_offered", SENT): lambda seen: (
        seen.response is not None and seen.response.known_header("content-encoding") is None
    ),
}


def _answered(exchange: Exchange, **changes: Any) -> Exchange:
    response = exchange.response
    if response is None:
        return exchange
    return replace(exchange, answer=replace(response, **changes))


def without_body(exchange: Exchange) -> Exchange:
    return _answered(exchange, body=None, raw=None)


def without_headers(exchange: Exchange) -> Exchange:
    return _answered(exchange, headers=(), has_all_headers=False)


def with_media_type_alone(exchange: Exchange) -> Exchange:
    response = exchange.response
    kept = [pair for pair in response.headers if pair[0] == "content-type"] if response else ()
    return _answered(exchange, headers=tuple(kept), has_all_headers=False)


def without_sent_headers(exchange: Exchange) -> Exchange:
    return replace(exchange, request=replace(exchange.request, headers=(), has_all_headers=False))


def without_time(exchange: Exchange) -> Exchange:
    return replace(exchange, is_timed=False, elapsed_s=0.0)


def with_all_gaps(exchange: Exchange) -> Exchange:
    return without_time(without_sent_headers(without_headers(without_body(exchange))))


GAPS: dict[Gap, frozenset[str]] = {
    without_body: frozenset({BODY}),
    without_headers: frozenset({HEADERS, TYPE}),
    with_media_type_alone: frozenset({HEADERS}),
    without_sent_headers: frozenset({SENT}),
    without_time: frozenset({TIME}),
    with_all_gaps: frozenset({BODY, HEADERS, TYPE, SENT, TIME}),
}
every_gap = pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.__name__)


def _exchanges(subject: Trace) -> list[Exchange]:
    """
    All of a trace of the table, the latest last.
    """
    return [*(one.exchange for one in subject.known), subject.latest.exchange]


def _like(subject: Trace, exchanges: list[Exchange], gap: Gap | None = None) -> Trace:
    baselines = [one.exchange for one in subject.baselines]
    return trace(
        *exchanges,
        baselines=[gap(one) if gap else one for one in baselines],
        of=subject.api,
        token=subject.token,
        deadline_s=subject.deadline_s,
        staleness_s=subject.staleness_s,
    )


def _told(findings: tuple[Finding, ...]) -> set[tuple[str, str, str]]:
    return {(f.check, f.kind.value, f.pointer) for f in findings}


def _all_traces() -> Iterator[Trace]:
    for case in CASES_OF_ALL_CHECKS.values():
        yield case.accepts
        yield case.rejects
    for code in (200, 304, 401, 404, 429, 500, 503):
        for method in ("GET", "HEAD", "OPTIONS"):
            for subject in Subject:
                asked: dict[str, Any] = {"method": method, "subject": subject}
                yield trace(answer(at=NOW - 5), answer(code=code, **asked), baseline=not_found())


def test_each_check_says_in_the_table_what_it_reads() -> None:
    assert set(READS) == {check.id for check in CHECKS}


@every_gap
def test_of_what_was_left_out_nothing_is_said_and_nobody_has_looked_at_it(gap: Gap) -> None:
    for subject in _all_traces():
        seen = _exchanges(subject)
        whole = judge().judge(_like(subject, seen))
        cut = judge().judge(_like(subject, [*seen[:-1], gap(seen[-1])]))
        assert _told(cut.findings) <= _told(whole.findings)
        for looked in cut.looked:
            for missing in READS[looked.id] & GAPS[gap]:
                excused = _LOOKS_ALL_THE_SAME.get((looked.id, missing))
                has_found = looked.id in {f.check for f in cut.findings}
                is_right = has_found or (excused is not None and excused(subject.latest))
                assert is_right or subject.latest.response is None, (looked.id, missing)


@every_gap
def test_of_what_is_there_is_spoken_as_ever(gap: Gap) -> None:
    for name, case in CASES_OF_ALL_CHECKS.items():
        check = name.rpartition("-")[2]
        if READS[check] & GAPS[gap]:
            continue
        seen = _exchanges(case.rejects)
        found = judge()(_like(case.rejects, [*seen[:-1], gap(seen[-1])]))
        if _needs_more(check, gap):
            continue
        assert check in {f.check for f in found}, (check, gap.__name__)


def _needs_more(check: str, gap: Gap) -> bool:
    # Whether a time is to come is asked of the answer's Date, too, and how long it took.
    times = {"creation_time_is_past", "end_time_is_past"}
    return check in times and gap is not without_sent_headers


@every_gap
def test_a_gap_in_an_earlier_answer_is_no_news_of_the_job(gap: Gap) -> None:
    for subject in _all_traces():
        seen = _exchanges(subject)
        whole = _told(judge()(_like(subject, seen)))
        for place in range(len(seen) - 1):
            with_gap = [gap(one) if n == place else one for n, one in enumerate(seen)]
            found = _told(judge()(_like(subject, with_gap)))
            assert found <= whole, (place, found - whole)
        assert _told(judge()(_like(subject, seen, gap))) <= whole


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(lives(), st.lists(st.sampled_from([None, *GAPS]), min_size=10, max_size=10))
def test_a_correct_life_breaks_no_promise_however_much_was_left_out(
    life: list[Exchange], gaps: list[Gap | None]
) -> None:
    polls = [gap(one) if gap else one for gap, one in zip(gaps, life, strict=False)]
    for last in range(len(polls)):
        found = judge()(trace(*polls[: last + 1]))
        # Without the status between, two legal steps may look like one that is tolerated.
        told = [f for f in found if f.drift is not Drift.TOLERATED_MOVE]
        assert [f for f in told if f.kind in (Kind.VIOLATION, Kind.DRIFT)] == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(st.lists(exchanges(), min_size=1, max_size=3), st.sampled_from(list(GAPS)))
def test_no_gap_makes_a_check_crash(seen: list[Exchange], gap: Gap) -> None:
    found = judge().judge(trace(*map(gap, seen), baseline=gap(not_found()))).findings
    assert [f.message for f in found if f.check == CRASHED] == []


# -- histories --------------------------------------------------------------------------------


def _said(*seen: Exchange, **kwargs: Any) -> list[str]:
    return [f.check for f in judge()(trace(*seen, **kwargs)) if f.kind is not Kind.GAP]


def test_between_two_sights_an_answer_without_its_body_is_no_sight_at_all() -> None:
    before = answer(job("sampling"), at=NOW - 20)
    between = without_body(answer(job("queued"), at=NOW - 10))
    assert _said(before, between) == []
    assert _said(before, between, answer(job("completed"))) == []
    assert _said(answer(at=NOW - 20), between, answer(job("failed"))) == [
        "terminal_status_is_final"
    ]


def _untimed_polls(*statuses: str, every_s: float) -> list[Exchange]:
    tagged = [answer(job(s), at=NOW, headers={"etag": f'"{s}"'}) for s in statuses]
    return [
        replace(without_time(one), started_at=NOW + n * every_s) for n, one in enumerate(tagged)
    ]


@pytest.mark.parametrize("statuses", [("completed", "processing"), ("processing", "queued")])
@pytest.mark.parametrize("every_s", [0.25, 2.0, 29.0])
def test_of_polls_that_may_have_overlapped_nobody_knows_which_saw_the_later_state(
    statuses: tuple[str, str], every_s: float
) -> None:
    # The first may have been the slower one.
    farther, behind = _untimed_polls(*statuses, every_s=every_s)
    assert _said(farther, behind) == []
    tag = f'"{statuses[0]}"'
    told = {"etag": tag}
    unchanged = answer(b"", 304, sent={"If-None-Match": tag}, headers=told, at=NOW + 90)
    assert _said(farther, behind, unchanged) == []


def test_a_server_that_goes_back_for_minutes_is_found_however_dense_the_untimed_polls_are() -> None:
    for every_s in (0.1, 2.0, 31.0):
        count = max(3, int(60 / every_s))
        statuses = ["completed"] * count + ["processing"] * count
        polls = _untimed_polls(*statuses, every_s=every_s)
        found = replay(judge(), trace(*polls[:1]), map(api().observe, polls))
        assert "terminal_status_is_final" in {f.check for f in found}, every_s


def test_a_304_says_nothing_where_the_body_that_came_last_was_left_out() -> None:
    first = answer(job("queued"), at=NOW - 30, headers={"etag": '"1"'})
    second = answer(job("processing"), at=NOW - 20, headers={"etag": '"2"'})
    back = answer(job("queued"), at=NOW - 10, headers={"etag": '"1"'})
    unchanged = answer(b"", 304, sent={"If-None-Match": '"1"'})
    name = "not_modified_means_unchanged"
    assert name in _said(first, second, unchanged)
    assert name not in _said(first, second, back, unchanged)
    assert name not in _said(first, second, without_body(back), unchanged)
    assert name not in _said(first, without_headers(second), unchanged)


def test_one_tag_for_two_bodies_is_found_past_answers_without_tag_or_body() -> None:
    first = answer(job("queued"), at=NOW - 30, headers={"etag": '"1"'})
    other = answer(job("processing"), at=NOW - 20)
    last = answer(job("completed"), headers={"etag": '"1"'})
    for gap in (without_body, without_headers):
        assert _said(first, gap(other), last) == ["entity_tag_changes_with_body"]


def test_a_head_is_held_to_what_is_known_of_the_gets_before_it() -> None:
    first = answer(at=NOW - 30, headers={"etag": '"1"'})
    tagged = answer(at=NOW - 20, headers={"etag": '"1"'})
    head = answer(method="HEAD", headers={"etag": '"2"'})
    other_type = answer(method="HEAD", headers={"content-type": "text/html"})
    between = answer(at=NOW - 10, headers={"etag": '"1"'})
    assert _said(first, tagged, head) == ["head_matches_get"]
    assert _said(first, tagged, without_body(between), head) == ["head_matches_get"]
    assert _said(without_headers(first), without_headers(tagged), head) == []
    assert _said(without_headers(tagged), other_type) == []
    assert _said(not_found(at=NOW - 20), without_body(between), head) == []


def test_a_known_job_that_isnt_found_is_told_by_its_code_alone() -> None:
    gone = with_all_gaps(answer({"error": "no job"}, 404))
    found = judge()(trace(with_all_gaps(answer(at=NOW - 10)), gone))
    (finding,) = (f for f in found if f.check == "known_job_is_found")
    # Whether it is a page, nobody knows.
    assert "base URL" not in finding.message


def test_an_ended_job_is_compared_where_nobody_knows_what_the_head_calls_it() -> None:
    before = answer(job(extra=1), at=NOW - 10)
    assert "ended_job_is_frozen" not in _said(before, without_headers(answer(job(extra=2))))
    changed = without_headers(answer(job(result={"urls": ["https://gen.krea.ai/b.png"]})))
    assert "ended_job_is_frozen" in _said(before, changed)


def test_a_foreign_job_is_compared_with_baselines_whose_bodies_are_known() -> None:
    foreign: dict[str, Any] = {"subject": Subject.FOREIGN, "job_id": MISSING}
    other = not_found({"error": "This job is not yours"}, **foreign)
    name = "foreign_job_looks_unknown"
    assert name in _said(other, baselines=[without_body(not_found())], baseline=not_found())
    assert name not in _said(other, baseline=without_body(not_found()))
    judgement = judge().judge(trace(other, baseline=without_body(not_found())))
    assert name not in {looked.id for looked in judgement.looked}


@pytest.mark.parametrize("subject", [Subject.ALTERED, Subject.MALFORMED])
def test_a_200_whose_body_was_left_out_shows_no_job_and_no_other_thing(subject: Subject) -> None:
    judgement = judge().judge(trace(without_body(answer(subject=subject))))
    names = {looked.id for looked in judgement.looked} | {f.check for f in judgement.findings}
    assert not names & {"altered_id_finds_nothing", "malformed_id_is_refused"}


def test_the_same_bytes_are_read_again_where_another_answer_lacked_its_headers() -> None:
    whole = api().observe(answer())
    assert api().observe(without_headers(answer())).job == whole.job


def test_bytes_as_they_came_hide_no_secret_behind_a_body_that_was_left_out() -> None:
    seen = _answered(answer(), body=None, raw=b'{"token": "%s"}' % TOKEN.encode())
    assert TOKEN not in repr(seen.redacted(Redactor([TOKEN])).answer)


def test_two_pages_without_their_bodies_arent_called_the_same() -> None:
    page = answer(b"<p>gone</p>", 302, headers={"location": "/login"})
    whole, cut = page.response, without_body(page).response
    assert whole is not None
    assert cut is not None
    assert page_of(whole, "text/html") is not None
    assert page_of(cut, "text/html") is None


def test_a_condition_that_was_recorded_is_enough_where_others_may_be_missing() -> None:
    asked = answer(b"", 304, sent={"If-Modified-Since": "Mon, 21 Sep 2026 12:00:00 GMT"})
    partly = replace(asked, request=replace(asked.request, has_all_headers=False))
    looked = {check.id for check in judge().judge(trace(partly)).looked}
    assert "not_modified_only_when_asked" in looked


# -- a plug-in's check that doesn't think of it -----------------------------------------------


def _careless(look: Callable[[Trace], object]) -> Check:
    @check(basis=Basis.RFC, source="a test of ours")
    def it_is_careless(trace: Trace) -> Iterator[Remark]:
        """
        It looks without asking.
        """
        look(trace)
        yield from ()

    return it_is_careless


def _first_bytes(trace: Trace) -> object:
    assert isinstance(trace.latest.response, Response)
    return trace.latest.response.body[:3]  # type: ignore[index]


def _sent_at(trace: Trace) -> object:
    assert isinstance(trace.latest.response, Response)
    return dict(trace.latest.response.headers)["date"]


@pytest.mark.parametrize(
    ("look", "gap", "lack"),
    [(_first_bytes, without_body, "the body"), (_sent_at, without_headers, "headers")],
)
def test_a_crash_on_an_answer_with_a_gap_proves_nothing(
    look: Callable[[Trace], object], gap: Gap, lack: str
) -> None:
    one = _careless(look)
    judgement = Judge([one]).judge(trace(gap(answer())))
    (finding,) = judgement.findings
    assert (finding.check, finding.kind) == (CRASHED, Kind.INCONCLUSIVE)
    assert finding.message.startswith("check it_is_careless can't tell: the recording lacks")
    assert lack in finding.message
    assert not finding.breaks(strict=True)
    assert judgement.looked == ()
    assert Judge([one]).judge(trace(answer())).looked == (one,)


def test_a_crash_on_a_whole_answer_stays_a_violation() -> None:
    (finding,) = Judge([_careless(lambda trace: trace.latest.headers)])(trace(answer()))  # type: ignore[attr-defined]
    assert (finding.check, finding.kind) == (CRASHED, Kind.VIOLATION)


def test_a_check_that_asks_for_what_was_left_out_is_silent() -> None:
    one = _careless(lambda trace: trace.latest.response and trace.latest.response.recorded_body)
    judgement = Judge([one]).judge(trace(without_body(answer())))
    assert (judgement.findings, judgement.looked) == ((), ())
    assert judgement.unrecorded == {"it_is_careless": "the answer's body"}


# -- what a run says --------------------------------------------------------------------------


def _covered(*seen: Exchange) -> Coverage:
    coverage = Coverage(api(), CHECKS)
    for number, exchange in enumerate(seen):
        latest: Observation = api().observe(exchange)
        coverage.add(latest, judge().judge(trace(*seen[: number + 1])))
    return coverage


def test_a_run_counts_the_bodies_that_were_left_out_and_says_nothing_of_what_is_in_them() -> None:
    seen = [without_body(answer(at=NOW - n)) for n in (9, 6)]
    coverage = _covered(*seen, without_body(answer(code=304)), without_body(answer(method="HEAD")))
    reach = coverage.as_dict()
    assert reach["unrecorded_bodies"] == 2  # neither a 304 nor an answer to HEAD has one
    assert (coverage.shown, coverage.validated, dict(coverage.statuses)) == (0, 0, {})
    assert reach["codes"] == {"200": 3, "304": 1}
    assert coverage.pointers.missing() == ()


def test_what_a_check_lacked_is_named_where_it_was_left_out() -> None:
    coverage = _covered(without_headers(answer({"error": "slow"}, 429)), answer())
    (throttling,) = (check for check in CHECKS if check.id == "throttling_says_when")
    lack = coverage.lack(throttling)
    assert lack is not None
    assert lack.text == "the recording lacks the answer's retry-after"


@pytest.mark.parametrize(
    ("count", "tail"),
    [
        (0, "statuses none"),
        (1, "statuses none (1 answer without a recorded body)"),
        (2, "statuses none (2 answers without a recorded body)"),
    ],
)
def test_the_summary_says_how_many_bodies_were_left_out(count: int, tail: str) -> None:
    reach = _covered(*[without_body(answer()) for _ in range(count)]).as_dict()
    report = {
        "reach": reach, "findings": [], "verdict": "kept", "why": "", "requests": 1,
        "duration_seconds": 1.0,
    }  # fmt: skip
    (line,) = (line for line in summarise(report) if line.startswith("reach:"))
    assert line.endswith(tail)
