"""
A job's life over time: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import (
    CREATED,
    JOB,
    NOW,
    answer,
    api,
    failure,
    job,
    links,
    not_found,
    said,
    trace,
    written,
)
from tests.contract.cases import Case
from tests.contract.edited_api import edited

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Reason, Response, Subject
from jobproof.contract.model.finding import Basis, Drift, Kind
from jobproof.contract.plugins import find_api

HOUR = 3600.0


def _old(status: str, *, age_s: float, at: float, **changes: Any) -> Exchange:
    return answer(job(status, created_at=written(NOW - age_s), **changes), at=at)


def _ended(at: float = NOW, **changes: Any) -> Exchange:
    return answer(job(**changes), at=at)


CASES = {
    "terminal_status_is_final": Case(
        accepts=trace(answer(job("sampling"), at=NOW - 9), _ended(NOW - 5), _ended()),
        rejects=trace(_ended(NOW - 5), answer(job("failed"))),
        at="/status",
    ),
    "status_moves_forward": Case(
        accepts=trace(
            answer(job("queued"), at=NOW - 15),
            answer(job("intermediate-complete"), at=NOW - 10),
            answer(job("processing")),
        ),
        rejects=trace(answer(job("sampling"), at=NOW - 5), answer(job("queued"))),
        at="/status",
    ),
    "job_ends_in_time": Case(
        accepts=trace(
            _old("backlogged", age_s=9 * HOUR, at=NOW - 8 * HOUR),
            _old("processing", age_s=9 * HOUR, at=NOW),
        ),
        rejects=trace(
            _old("processing", age_s=3 * HOUR, at=NOW - 2.5 * HOUR),
            _old("processing", age_s=3 * HOUR, at=NOW),
        ),
        at="/status",
    ),
    "known_job_is_found": Case(
        accepts=trace(_ended(NOW - 5), not_found(headers={"x": "y"})),
        rejects=trace(_ended(NOW - 5), answer({"error": "Job not found"}, 404)),
        at="code",
    ),
    "known_job_is_answered": Case(
        accepts=trace(answer(b"", 304, sent={"If-None-Match": '"1"'}), baseline=not_found()),
        rejects=trace(failure(at=NOW - 30), failure(), baseline=not_found()),
        at="code",
        also={"endpoint_is_available": "nothing came, so nothing else can be said"},
    ),
    "ended_job_is_frozen": Case(
        accepts=trace(
            _ended(NOW - 5, result={"urls": links(3, signed="a")}),
            _ended(result={"urls": links(3, signed="b")[::-1]}),
        ),
        rejects=trace(
            _ended(NOW - 5, result={"urls": links(1)}), _ended(result={"urls": links(2)})
        ),
        at="/result/urls",
    ),
}


@pytest.mark.parametrize("after", ["queued", "failed", "cancelled", "done"])
def test_an_ended_job_never_takes_another_status(after: str) -> None:
    seen = trace(_ended(NOW - 5), answer(job(after)))
    assert "terminal_status_is_final" in {f.check for f in said(seen, Kind.VIOLATION)}


def test_an_end_that_was_not_over_when_the_question_left_is_no_history() -> None:
    slow = answer(job("processing"), at=NOW, elapsed_s=2)
    fast = answer(job("completed"), at=NOW + 0.5, elapsed_s=0.1)
    assert said(trace(fast, slow)) == ()


def test_a_stranger_status_does_not_hide_a_step_back() -> None:
    seen = trace(
        answer(job("sampling"), at=NOW - 9),
        answer(job("paused"), at=NOW - 5),
        answer(job("queued")),
    )
    assert [f.check for f in said(seen)] == ["status_moves_forward"]


@pytest.mark.parametrize(("before", "after"), [("sampling", "processing"), ("scheduled", "queued")])
def test_a_step_whose_order_nobody_wrote_down_is_drift(before: str, after: str) -> None:
    seen = trace(answer(job(before), at=NOW - 5), answer(job(after)))
    assert [(f.kind, f.drift) for f in said(seen)] == [(Kind.DRIFT, Drift.TOLERATED_MOVE)]


def test_a_step_back_to_the_backlog_is_documented_as_wrong() -> None:
    (finding,) = said(trace(answer(job("processing"), at=NOW - 5), answer(job("backlogged"))))
    assert (finding.check, finding.basis) == ("status_moves_forward", Basis.DOCUMENTED)


def test_a_step_back_in_the_queue_is_our_reading_only() -> None:
    (finding,) = said(trace(answer(job("processing"), at=NOW - 5), answer(job("queued"))))
    assert (finding.check, finding.basis) == ("status_moves_forward", Basis.INFERRED)


def test_a_training_of_45_minutes_is_drift_against_the_3_minutes_of_hosted_tools() -> None:
    seen = trace(
        _old("processing", age_s=2700, at=NOW - 2600), _old("processing", age_s=2700, at=NOW)
    )
    assert [(f.check, f.drift) for f in said(seen)] == [("job_ends_in_time", Drift.LIMIT_EXCEEDED)]


def test_a_job_may_wait_in_the_backlog_for_ever() -> None:
    seen = trace(
        _old("backlogged", age_s=99 * HOUR, at=NOW - 90 * HOUR),
        _old("backlogged", age_s=99 * HOUR, at=NOW),
    )
    assert said(seen) == ()


def test_a_wait_that_nobody_saw_is_not_held_against_the_job() -> None:
    assert said(trace(_old("processing", age_s=20 * HOUR, at=NOW)), Kind.VIOLATION) == ()


def test_a_job_older_than_any_wait_is_late_at_first_sight() -> None:
    assert [f.check for f in said(trace(_old("processing", age_s=25 * HOUR, at=NOW)))] == [
        "job_ends_in_time"
    ]


def test_the_users_deadline_counts_from_the_first_sight() -> None:
    polls = [answer(job("processing"), at=NOW - 20), answer(job("processing"))]
    assert said(trace(*polls, deadline_s=21)) == ()
    (finding,) = said(trace(*polls, deadline_s=19))
    assert (finding.check, finding.source) == (
        "job_ends_in_time",
        "the job deadline given by the user",
    )


def test_a_known_job_that_was_never_there_is_a_violation_too() -> None:
    (finding,) = said(trace(answer({"error": "Job not found"}, 404)))
    assert finding.message == "the job isn't found although it was given as known"


@pytest.mark.parametrize("subject", [s for s in Subject if s is not Subject.KNOWN])
def test_an_id_that_may_name_no_job_may_be_missing(subject: Subject) -> None:
    assert said(trace(not_found(subject=subject))) == ()


def test_one_timeout_is_not_held_against_the_job() -> None:
    assert [f.kind for f in said(trace(failure(), baseline=not_found()))] == [Kind.INCONCLUSIVE]


def test_silence_for_every_id_is_not_held_against_the_job() -> None:
    silent = trace(failure(at=NOW - 30), failure(), baseline=failure(at=NOW - 60))
    assert {f.kind for f in said(silent)} == {Kind.INCONCLUSIVE}


def test_a_body_that_drips_for_ever_is_no_answer() -> None:
    head = Response(200, (("content-type", "application/json"),), b"{")
    drips = [failure(Reason.TIMEOUT, partial=head, at=at) for at in (NOW - 30, NOW)]
    seen = trace(*drips, baseline=not_found())
    assert "known_job_is_answered" in {f.check for f in said(seen, Kind.VIOLATION)}


@pytest.mark.parametrize(
    "changes",
    [
        {"result": {"urls": ["https://gen.krea.ai/images/7.png"]}},
        {"result": {"urls": links(), "style_id": "s-1"}},
        {"result": {"style_id": "s-1"}},
    ],
)
def test_an_ended_job_that_changes_is_a_violation(changes: dict[str, Any]) -> None:
    seen = trace(_ended(NOW - 5), _ended(**changes))
    assert {f.check for f in said(seen)} == {"ended_job_is_frozen"}


def test_a_reason_that_changes_after_the_end_is_a_violation() -> None:
    seen = trace(answer(job("failed"), at=NOW - 5), answer(job("failed", error={"code": "X"})))
    assert "ended_job_is_frozen" in {f.check for f in said(seen, Kind.VIOLATION)}


@pytest.mark.parametrize(
    ("before", "after"), [({}, {"error": None}), ({"views": 1}, {"views": 2}), ({}, {"tier": "a"})]
)
def test_what_nobody_declared_may_change_after_the_end(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    seen = trace(_ended(NOW - 5, **before), _ended(**after))
    assert "ended_job_is_frozen" not in {f.check for f in said(seen)}


@pytest.mark.parametrize(("key", "speaks"), [("hint", False), ("message", True)])
def test_what_nobody_declared_may_change_within_a_list_after_the_end(
    key: str, *, speaks: bool
) -> None:
    batch = find_api("openai-batch")

    def failed(at: float, **more: str) -> Exchange:
        entry = {"code": "invalid_json_line", "message": "No JSON.", **more}
        errors = {"object": "list", "data": [entry]}
        return answer({"id": "b", "status": "failed", "errors": errors}, at=at)

    seen = trace(failed(NOW - 5), failed(NOW, **{key: "Line 3."}), of=batch)
    assert ("ended_job_is_frozen" in {f.check for f in said(seen)}) is speaks


def test_a_volatile_place_may_change_after_the_end() -> None:
    profile = api().profile.model_copy(update={"volatile": ("/result/style_id",)})
    lenient = replace(api(), profile=profile)
    polls = (_ended(NOW - 5, result={"style_id": "a"}), _ended(result={"style_id": "b"}))
    assert said(trace(*polls, of=lenient)) == ()
    assert [f.check for f in said(trace(*polls))] == ["ended_job_is_frozen"]


def test_only_plain_sights_of_the_job_are_history() -> None:
    head = answer(method="HEAD", at=NOW - 9)
    foreign = not_found(at=NOW - 8, subject=Subject.KNOWN)
    assert said(trace(head, foreign, answer(job("queued")))) == ()
    assert CREATED < NOW


_HOST = "https://gen.krea.ai"
_SIGNED = {
    "query": ("/i/0.png?sig=a1&exp=1", "/i/0.png?sig=b2&exp=2"),
    "path": ("/s/3f9aC7b2E4d8F1a6B5c0/i/0.png", "/s/9c1bD2e3F4a5B6c7D8e9/i/0.png"),
    "path with names": ("/hdnts=exp=1~hmac=ab/0.png", "/hdnts=exp=2~hmac=cd/0.png"),
    "path with a moment": ("/1790000000/abc/0.png", "/1790000900/abc/0.png"),
    "path at the end": ("/files/9/3f9aC7b2E4d8F1a6B5c0d1e2", "/files/9/1e9bC7b2E4d8F1a6B5c0d1e2"),
}


@pytest.mark.parametrize("how", sorted(_SIGNED))
def test_a_link_may_be_signed_anew(how: str) -> None:
    old, new = (f"{_HOST}{path}" for path in _SIGNED[how])
    seen = trace(_ended(NOW - 5, result={"urls": [old]}), _ended(result={"urls": [new]}))
    assert said(seen) == ()


def test_a_link_may_be_signed_in_its_host() -> None:
    old, new = "https://a1.gen.krea.ai/0.png", "https://b2.gen.krea.ai/0.png"
    seen = trace(_ended(NOW - 5, result={"urls": [old]}), _ended(result={"urls": [new]}))
    assert said(seen) == ()


def test_a_link_is_one_in_capitals_too() -> None:
    old, new = "HTTPS://gen.krea.ai/0.png?sig=a1", "HTTPS://gen.krea.ai/0.png?sig=b2"
    seen = trace(_ended(NOW - 5, result={"urls": [old]}), _ended(result={"urls": [new]}))
    assert said(seen) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/i/0.png", "/i/1.png"),
        ("/i/0.png", "/i/0.jpg"),
        (f"/i/{JOB}", f"/i/{JOB[:-1]}1"),
        ("/i/my-long-result-name-1?sig=a", "/i/my-long-result-name-2?sig=b"),
        ("/i/0.png", ""),
    ],
)
def test_a_link_to_another_file_is_a_change(old: str, new: str) -> None:
    polls = (
        _ended(NOW - 5, result={"urls": [f"{_HOST}{old}"]}),
        _ended(result={"urls": [f"{_HOST}{new}"]}),
    )
    assert "ended_job_is_frozen" in {f.check for f in said(trace(*polls), Kind.VIOLATION)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"progress": 1}, {"progress": 0}),
        ({"queue_position": 3}, {"queue_position": None}),
        ({"cost": None}, {"cost": 0.25}),
        ({"updated_at": "a"}, {"updated_at": "b"}),
        ({"retention": {"until": 1}}, {"retention": {"until": 2}}),
        ({"links": {"self": "a"}}, {"links": {"self": "b"}}),
    ],
)
def test_what_nobody_promised_may_change_after_the_end(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    # Declared, so that it isn't for being unknown that it may change.
    declaring = _declaring(tmp_path, *{*before, *after})
    polls = (_ended(NOW - 5, **before), _ended(**after))
    assert said(trace(*polls, of=declaring)) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"expires_at": "2026-01-01"}, {"expires_at": "2026-01-02"}),
        ({"views": 1}, {"views": 2}),
        ({"expiresIn": 60}, {"expiresIn": 50}),
        ({"downloads": 1}, {}),
    ],
)
def test_what_tells_of_the_moment_may_change_in_a_result(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    polls = (
        _ended(NOW - 5, result={"urls": links(), **before}),
        _ended(result={"urls": links(), **after}),
    )
    assert "ended_job_is_frozen" not in {f.check for f in said(trace(*polls))}


def test_objects_of_a_result_may_change_their_order_and_their_links() -> None:
    def urls(order: int, signature: str) -> list[dict[str, Any]]:
        found = [{"url": f"{link}?s={signature}", "views": signature} for link in links(3)]
        return found[::order]

    polls = (
        _ended(NOW - 5, result={"urls": urls(1, "a")}),
        _ended(result={"urls": urls(-1, "b")}),
    )
    assert "ended_job_is_frozen" not in {f.check for f in said(trace(*polls))}


@pytest.mark.parametrize("gone", [{"result": None}, {"result": {}}, {"result": {"urls": []}}])
def test_a_result_that_is_gone_is_a_change(gone: dict[str, Any]) -> None:
    assert "ended_job_is_frozen" in {f.check for f in said(trace(_ended(NOW - 5), _ended(**gone)))}


def test_an_error_that_appears_after_the_end_is_a_change() -> None:
    seen = trace(_ended(NOW - 5), _ended(error={"code": "X", "message": "late"}))
    assert "ended_job_is_frozen" in {f.check for f in said(seen, Kind.VIOLATION)}


def test_a_cancelled_job_may_still_get_what_was_made_of_its_result() -> None:
    seen = trace(
        answer(job("cancelled"), at=NOW - 5), answer(job("cancelled", result={"urls": links()}))
    )
    assert "ended_job_is_frozen" not in {f.check for f in said(seen)}


def test_a_place_that_the_profile_calls_frozen_stays(tmp_path: Path) -> None:
    declared = _declaring(tmp_path, "cost")
    profile = declared.profile.model_copy(update={"frozen": ("/cost",)})
    strict = replace(declared, profile=profile)
    polls = (_ended(NOW - 5, cost={"total": 1, "views": 1}), _ended(cost={"total": 1, "views": 2}))
    assert [f.pointer for f in said(trace(*polls, of=strict), Kind.VIOLATION)] == ["/cost/views"]
    assert said(trace(*polls, of=declared), Kind.VIOLATION) == ()
    # What is frozen doesn't come after the end, either.
    late = (_ended(NOW - 5), _ended(cost={"total": 1}))
    assert [f.pointer for f in said(trace(*late, of=strict), Kind.VIOLATION)] == ["/cost"]


def _declaring(folder: Path, *keys: str) -> Api:
    """
    The API with these keys in its document.
    """

    def edit(root: Any) -> None:
        answers = root["paths"]["/jobs/{id}"]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        schema["properties"].update({key: {} for key in keys})

    return edited(folder, document=edit)


@pytest.mark.parametrize(("running_s", "kind"), [(7_229.8, Kind.DRIFT), (7_230.2, Kind.VIOLATION)])
def test_a_limit_is_passed_half_a_minute_after_it(running_s: float, kind: Kind) -> None:
    first = _old("processing", age_s=running_s, at=NOW + 0.1 - running_s)
    seen = trace(first, _old("processing", age_s=running_s, at=NOW))
    assert [(f.check, f.kind) for f in said(seen)] == [("job_ends_in_time", kind)]


@pytest.mark.parametrize(("late_s", "found"), [(29.5, 0), (30.5, 1)])
def test_an_age_is_too_great_half_a_minute_after_limit_and_longest_wait(
    late_s: float, found: int
) -> None:
    seen = trace(_old("processing", age_s=24 * HOUR + late_s - 0.1, at=NOW))
    assert len(said(seen, Kind.VIOLATION)) == found


@pytest.mark.parametrize(("late_s", "found"), [(29.8, 0), (30.2, 1)])
def test_the_shorter_limit_has_its_half_minute_too(late_s: float, found: int) -> None:
    first = _old("processing", age_s=180, at=NOW + 0.1 - 180 - late_s)
    assert len(said(trace(first, _old("processing", age_s=180, at=NOW)))) == found


@pytest.mark.parametrize(("late_s", "is_history"), [(0.0009, True), (0.002, False)])
def test_polls_that_overlap_by_a_clocks_grain_are_in_order(late_s: float, is_history: bool) -> None:
    first = answer(job("completed"), at=NOW - 1, elapsed_s=1 + late_s)
    found = {f.check for f in said(trace(first, answer(job("processing"))), Kind.VIOLATION)}
    assert ("terminal_status_is_final" in found) is is_history


def test_how_far_behind_a_replica_was_is_told_in_milliseconds() -> None:
    first = answer(job("processing"), at=NOW - 5.1044, elapsed_s=0.1)
    (finding,) = said(trace(first, answer(job("queued")), staleness_s=60.0))
    assert (finding.drift, finding.found) == (Drift.STALE_ANSWER, 5.004)
    assert finding.message == "5.0 s behind: 'processing' had been shown"


def test_each_place_of_a_result_that_may_come_late_is_compared_by_itself(tmp_path: Path) -> None:
    declared = _declaring(tmp_path, "cover")
    result = declared.profile.result
    assert result is not None
    both = result.model_copy(update={"at": ("/result", "/cover")})
    of = replace(declared, profile=declared.profile.model_copy(update={"result": both}))
    polls = (
        answer(job("cancelled", cover="a"), at=NOW - 5),
        answer(job("cancelled", cover="b", result={"urls": links()})),
    )
    assert [f.pointer for f in said(trace(*polls, of=of), Kind.VIOLATION)] == ["/cover"]


def test_what_nobody_declared_may_change_in_an_answer_that_doesnt_say_what_it_is() -> None:
    def untyped(at: float, **more: Any) -> Exchange:
        seen = answer(job(result={"urls": links(), **more}), at=at)
        assert isinstance(seen.answer, Response)
        return replace(seen, answer=replace(seen.answer, headers=(), has_all_headers=False))

    found = said(trace(untyped(NOW - 5, shade="a"), untyped(NOW, shade="b")))
    assert "ended_job_is_frozen" not in {f.check for f in found}
    found = said(trace(untyped(NOW - 5, style_id="a"), untyped(NOW, style_id="b")))
    assert "ended_job_is_frozen" in {f.check for f in found}


@pytest.mark.parametrize("status", [5, None, ["processing"], {}, True])
def test_a_status_that_is_no_text_has_no_limit_and_no_order(status: Any) -> None:
    first = _old("processing", age_s=40 * HOUR, at=NOW - 30 * HOUR)
    last = answer({**job(created_at=written(NOW - 40 * HOUR)), "status": status})
    names = {f.check for f in said(trace(first, last), Kind.VIOLATION, Kind.DRIFT)}
    assert not names & {"job_ends_in_time", "status_moves_forward"}


@pytest.mark.parametrize("status", ["backlogged", "queued"])
@pytest.mark.parametrize("how", ["over", "untimed", "still under way"])
def test_a_wait_is_a_wait_although_nobody_knows_whether_that_poll_was_over(
    status: str, how: str
) -> None:
    before = _old(status, age_s=215, at=NOW - 10)
    if how == "untimed":
        before = replace(before, is_timed=False, elapsed_s=0.0)
    elif how == "still under way":
        before = replace(before, elapsed_s=15.0)
    found = {f.check for f in said(trace(before, _old("processing", age_s=215, at=NOW)))}
    assert ("job_ends_in_time" in found) is (status == "queued")


@pytest.mark.parametrize("refusal", [{"credential": Credential.NONE}, {"method": "OPTIONS"}])
def test_who_is_told_nothing_of_the_job_is_no_answer_to_its_owner(
    refusal: dict[str, Any],
) -> None:
    between = answer({}, code=401, at=NOW - 15, **refusal)
    silent = trace(failure(at=NOW - 30), between, failure(), baseline=not_found())
    assert "known_job_is_answered" in {f.check for f in said(silent, Kind.VIOLATION)}


@pytest.mark.parametrize("last", [answer(), failure(Reason.CONNECT), failure(Reason.TLS)])
def test_a_timeout_before_something_else_is_no_second_one(last: Exchange) -> None:
    found = said(trace(failure(at=NOW - 30), last, baseline=not_found()))
    assert "known_job_is_answered" not in {f.check for f in found}


def test_another_failure_is_no_timeout_before_a_timeout() -> None:
    for reason, speaks in (
        (Reason.CONNECT, False),
        (Reason.PROTOCOL, False),
        (Reason.TIMEOUT, True),
    ):
        seen = trace(failure(reason, at=NOW - 30), failure(), baseline=not_found())
        found = {f.check for f in said(seen, Kind.VIOLATION)}
        assert ("known_job_is_answered" in found) is speaks


def test_that_a_job_is_answered_stands_with_its_answer_in_the_document() -> None:
    silent = trace(failure(at=NOW - 30), failure(), baseline=not_found())
    (found,) = said(silent, Kind.VIOLATION)
    assert (found.check, found.basis) == ("known_job_is_answered", Basis.DOCUMENTED)
    assert found.source == "the document: responses.200"
    operation = api().operation
    spec = replace(operation.responses["200"], code="2XX")
    wider = {"2XX": spec, "404": operation.responses["404"]}
    of = replace(api(), operation=replace(operation, responses=wider))
    silent = trace(failure(at=NOW - 30), failure(), baseline=not_found(), of=of)
    (found,) = said(silent, Kind.VIOLATION)
    assert found.source == "the document: responses.2XX"


@pytest.mark.parametrize("shown", [True, False])
def test_a_page_in_place_of_the_first_sight_smells_of_a_wrong_url(*, shown: bool) -> None:
    page = answer(b"<html>", 404, headers={"content-type": "text/html"})
    before = [answer(at=NOW - 30)] if shown else []
    (found,) = (f for f in said(trace(*before, page)) if f.check == "known_job_is_found")
    assert ("is the base URL right?" in found.message) is not shown
