"""
What a run has reached, counted answer by answer; and what it lacked, in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, api, failure, job, judge, not_found

from jobproof.contract.judging.check_reach import LackKind, in_words
from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.check import Check, Facet, Premise, check
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Basis, Remark, inconclusive, violation
from jobproof.contract.model.trace import Trace


def _covered(*exchanges: Exchange, checks: tuple[Check, ...] | None = None) -> Coverage:
    """
    After a run in which each was judged by itself.
    """
    judging = judge() if checks is None else Judge(checks)
    coverage = Coverage(api(), judging.checks)
    for exchange in exchanges:
        seen = api().observe(exchange)
        coverage.add(seen, judging.judge(Trace.of(api(), [seen])))
    return coverage


def _anonymous(code: int = 401, **kwargs: Any) -> Exchange:
    return answer({"error": "who are you?"}, code, credential=Credential.NONE, **kwargs)


def _page() -> Exchange:
    headers = {"content-type": "text/html", "cf-mitigated": "challenge"}
    return answer(b"<html>", 403, headers=headers)


def test_answers_are_counted_by_what_they_are() -> None:
    coverage = _covered(
        answer(job("queued")),
        answer(job("queued"), method="HEAD"),
        answer(),
        answer(job("melting")),
        not_found(),
        _anonymous(),
        failure(),
    )
    assert coverage.codes == Counter({"200": 4, "404": 1, "401": 1, "none": 1})
    assert coverage.statuses == Counter({"queued": 1, "completed": 1, "unknown": 1})
    assert coverage.subjects == Counter({"known": 6, "missing": 1})
    assert coverage.credentials == Counter({"owner": 6, "none": 1})
    assert coverage.keys == Counter(
        {"job_id": 3, "status": 3, "created_at": 3, "completed_at": 1, "result": 1}
    )
    assert {"owner", "none", "known", "missing", "GET", "HEAD"} <= coverage.asked
    assert (coverage.shown, coverage.validated) == (3, 3)
    assert coverage.generated_views == 0
    assert coverage.api_spoke


def test_a_report_says_what_was_reached_and_what_was_not() -> None:
    told = _covered(answer(job("queued")), not_found(), answer(job("queued"))).as_dict()
    assert told["codes"] == {"200": 2, "404": 1}
    assert told["validated_bodies"] == 2
    assert told["generated_validated_bodies"] == told["unrecorded_bodies"] == 0
    statuses, unreached = told["job_statuses"], told["unreached_statuses"]
    assert isinstance(statuses, dict)
    assert statuses == {**dict.fromkeys(statuses, 0), "queued": 2}
    assert list(statuses) == [*api().lifecycle.statuses, "unknown"]
    assert unreached == [word for word in api().lifecycle.statuses if word != "queued"]
    assert told["succeeded_seen"] is False
    assert _covered(answer()).as_dict()["succeeded_seen"] is True
    properties = told["properties"]
    assert isinstance(properties, dict)
    assert properties["job_id"] == properties["status"] == 2
    assert properties["result"] == 0


def test_a_page_in_front_of_the_api_reaches_nothing_of_it() -> None:
    coverage = _covered(_page(), _page())
    assert coverage.intermediaries == 2
    assert coverage.codes == Counter({"403": 2})
    assert not coverage.credentials
    assert not coverage.subjects
    assert not coverage.api_spoke
    assert coverage.missing()[0] == "answers that weren't the API's own: 2"
    assert coverage.missing_of_recordings()[0] == "answers that weren't the API's own: 2"


@pytest.mark.parametrize(
    ("polls", "said"),
    [
        (0, ["0 bodies of known jobs were validated, 3 are the floor"]),
        (1, ["1 body of a known job was validated, 3 are the floor"]),
        (2, ["2 bodies of known jobs were validated, 3 are the floor"]),
        (3, []),
        (4, []),
    ],
)
def test_three_bodies_are_the_floor(polls: int, said: list[str]) -> None:
    coverage = _covered(*[answer()] * polls, not_found(), _anonymous())
    assert [line for line in coverage.missing() if "floor" in line] == said
    unread = "no body of a job was validated" in coverage.missing_of_recordings()
    assert unread is (polls == 0)


def test_a_run_that_saw_no_end_says_so() -> None:
    others = (not_found(), _anonymous())
    assert _covered(*[answer()] * 3, *others).missing() == ()
    assert _covered(*[answer(job("queued"))] * 3, *others).missing() == ("no ended job was seen",)
    # An unknown word may be an end.
    unknown = _covered(*[answer(job("queued"))] * 3, answer(job("melting")), *others)
    assert unknown.missing() == ()


def test_a_run_without_an_anonymous_question_says_so() -> None:
    told = _covered(*[answer()] * 3, not_found()).missing()
    assert told == ("nothing was asked without a token",)


@pytest.mark.parametrize(("views", "is_missing"), [(0, True), (2, True), (3, False)])
def test_generated_cases_count_where_they_reached_a_job(views: int, is_missing: bool) -> None:
    coverage = Coverage(api(), judge().checks)
    for number in range(6):
        coverage.add(api().observe(answer()), generated=number < views)
    coverage.add(api().observe(not_found()), generated=True)
    assert coverage.generated_views == views
    line = f"{views} generated cases reached a known job"
    assert (line in coverage.missing(generated=True)) is is_missing
    assert line not in coverage.missing()


def test_an_essential_check_that_never_looked_is_named_with_what_it_lacked() -> None:
    told = _covered(answer(code=500, body={"error": "down"}), _anonymous()).missing()
    assert "job_id_is_echoed never looked at an answer: no answer held a job" in told
    assert "unknown_id_is_not_found never looked at an answer: no unknown id was asked for" in told
    # Nobody could ask, so what needs an unknown id doesn't count.
    recorded = _covered(answer(), _anonymous()).missing_of_recordings()
    assert not any("unknown id" in line for line in recorded)


def _check(name: str, **options: Any) -> Check:
    def run(trace: Trace) -> Iterator[Remark]:
        """
        It holds.
        """
        if trace.latest.code == 409:
            yield inconclusive("/status", "can't tell")
        if trace.latest.code == 410:
            yield violation("/status", found=1)

    run.__name__ = name
    about = options.pop("about", Facet.RESPONSE)
    return check(basis=Basis.INFERRED, source="a test of ours", about=about, **options)(run)


def test_essential_checks_that_lacked_the_same_are_named_together() -> None:
    one, two, apart = (
        _check(name, essential=True, about=Facet.JOB, **options)
        for name, options in (("one", {}), ("two", {}), ("apart", {"apis": ("acme",)}))
    )
    coverage = _covered(*[not_found()] * 3, _anonymous(), checks=(one, two, apart))
    assert coverage.missing()[1:] == (
        "one and two never looked at an answer: no answer held a job",
    )
    optional = _covered(not_found(), _anonymous(), checks=(_check("one", about=Facet.JOB),))
    assert len(optional.missing()) == 1


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"apis": ("acme", "other")}, LackKind.OTHER_API, "it speaks of other APIs: acme, other"),
        (
            {"needs": ("foreign",)},
            LackKind.NOT_ASKED,
            "no job of somebody else's was given (--foreign-job)",
        ),
        (
            {"needs": ("TRACE",)},
            LackKind.NOT_ASKED,
            "nothing was asked that it speaks of: TRACE",
        ),
        ({"only": ("none",)}, LackKind.NOT_ASKED, "nothing was asked without a token"),
        ({"about": Facet.JOB}, LackKind.NOT_ANSWERED, "no answer held a job"),
        (
            {"premise": Premise("no 429 came", lambda trace: trace.latest.code == 429)},
            LackKind.NOT_SHOWN,
            "no 429 came",
        ),
    ],
)
def test_a_check_that_looked_at_nothing_says_why(
    options: dict[str, Any], kind: LackKind, text: str
) -> None:
    of = _check("it_holds", **options)
    lack = _covered(answer({"error": "no"}, 404), checks=(of,)).lack(of)
    assert lack is not None
    assert (lack.kind, lack.text) == (kind, text)


def test_a_check_that_looked_lacks_nothing() -> None:
    of = _check("it_holds", only=("missing", "known"))
    coverage = _covered(answer(), not_found(), answer(code=410), checks=(of,))
    assert coverage.lack(of) is None
    told = coverage.as_dict()["checks"]
    assert isinstance(told, dict)
    assert told["it_holds"] == {
        "answers": 3,
        "codes": {"200": 1, "404": 1, "410": 1},
        "subjects": {"known": 2, "missing": 1},
        "credentials": {"owner": 3},
        "methods": {"GET": 3},
        "statuses": {"completed": 1},
    }


def test_a_check_that_once_couldnt_tell_has_decided_nothing() -> None:
    of = _check("it_holds")
    lack = _covered(answer(), answer(code=409), answer(), checks=(of,)).lack(of)
    assert lack is not None
    assert (lack.kind, lack.text) == (LackKind.UNDECIDED, "can't tell")


def test_where_no_get_was_answered_by_the_api_nothing_was_looked_at() -> None:
    of = _check("it_holds")
    for silent in (failure(), answer(method="OPTIONS", code=204, body=b"")):
        coverage = _covered(silent, checks=(of,))
        assert not coverage.api_spoke
        lack = coverage.lack(of)
        assert lack is not None
        assert (lack.kind, lack.text) == (
            LackKind.NOT_ANSWERED,
            "no answer of the API itself came",
        )


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcdef"), "a, b, c, d, e and f"),
        (list("abcdefg"), "a, b, c, d, e, f and 1 more"),
        (list("abcdefgh"), "a, b, c, d, e, f and 2 more"),
    ],
)
def test_names_are_told_as_a_sentence_has_them(names: list[str], text: str) -> None:
    assert in_words(names) == text


def test_an_id_of_nobody_shows_no_job_and_of_a_foreign_one_the_owner_asked() -> None:
    coverage = _covered(not_found(), not_found(subject=Subject.FOREIGN, at=NOW + 1))
    assert coverage.shown == 0
    assert coverage.subjects == Counter({"missing": 1, "foreign": 1})


def test_a_run_that_saw_no_job_whole_has_reached_nothing() -> None:
    essential = {check.id for check in judge().checks if check.essential}
    told = " ".join(_covered().missing())
    assert essential == {
        *("job_id_is_echoed", "unknown_id_is_not_found"),
        *("body_matches_schema", "status_is_documented"),
    }
    assert all(name in told for name in essential)
