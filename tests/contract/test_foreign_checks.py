"""
A check of somebody else's may do anything: it costs nobody but itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from tests.contract.builders import answer, job, trace
from tests.steps import steps_of
from tests.tools import until

from jobproof.contract.checks.body import body_is_json
from jobproof.contract.checks.identity import job_id_is_echoed
from jobproof.contract.judging.judge import CRASHED, Judge
from jobproof.contract.judging.limited_calls import (
    CallFailedError,
    FailureReason,
    LimitedCalls,
    is_foreign,
)
from jobproof.contract.model.check import Check, Facet, Premise, check
from jobproof.contract.model.exchange import NotRecorded
from jobproof.contract.model.finding import Basis, Finding, Remark, violation
from jobproof.contract.model.trace import Trace

Does = Callable[[Trace], Any]
QUICKLY_S = 0.2


def foreign(does: Does, **more: Any) -> Check:
    @check(basis=Basis.DOCUMENTED, source="our handbook", about=Facet.JOB, **more)
    def it_is_ours(trace: Trace) -> Iterable[Remark]:
        """
        Every job has a body.
        """
        found: Iterable[Remark] = does(trace)
        return found

    return it_is_ours


def exits(_trace: Trace) -> Any:
    raise SystemExit(3)


def interrupts(_trace: Trace) -> Any:
    raise KeyboardInterrupt


def spins(_trace: Trace) -> Any:
    while True:
        pass


def sleeps(_trace: Trace) -> Any:
    time.sleep(3_600)


def recurs(seen: Trace) -> Any:
    return recurs(seen)


def empties(seen: Trace) -> Any:
    assert seen.latest.job is not None
    seen.latest.job.body.clear()  # type: ignore[union-attr]
    return ()


def the_crash(found: Iterable[Finding]) -> Finding:
    (crash,) = (one for one in found if one.check == CRASHED)
    return crash


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (exits, "check it_is_ours crashed: SystemExit: 3"),
        (interrupts, "check it_is_ours crashed: KeyboardInterrupt"),
        (recurs, "check it_is_ours crashed: RecursionError"),
        (lambda _trace: None, "check it_is_ours crashed: TypeError"),
        (lambda _trace: True, "check it_is_ours crashed: TypeError"),
        (lambda _trace: "rubbish", "check it_is_ours crashed: TypeError: it says 'r', which is no"),
        (lambda _trace: [1, 2], "check it_is_ours crashed: TypeError: it says 1, which is no"),
        (empties, "check it_is_ours crashed: TypeError: what was seen can't be changed"),
        (spins, f"check it_is_ours hangs: no end within {QUICKLY_S} s; it is asked no longer"),
        (sleeps, f"check it_is_ours hangs: no end within {QUICKLY_S} s; it is asked no longer"),
    ],
)
def test_whatever_a_check_does_it_is_named_and_the_others_go_on(does: Does, says: str) -> None:
    seen = trace(answer({"job_id": "another"}))
    alone = Judge([job_id_is_echoed])(seen)
    assert [one.check for one in alone] == ["job_id_is_echoed"]
    for checks in ([foreign(does), job_id_is_echoed], [job_id_is_echoed, foreign(does)]):
        found = Judge(checks, limit_s=QUICKLY_S)(seen)
        assert the_crash(found).message.startswith(says)
        assert tuple(one for one in found if one.check != CRASHED) == alone


def test_a_check_that_hung_is_asked_no_longer_until_it_is_revived() -> None:
    asked = []

    def once_too_slow(_trace: Trace) -> Any:
        asked.append(1)
        if len(asked) == 1:
            time.sleep(3_600)
        return ()

    judging, seen = Judge([foreign(once_too_slow)], limit_s=QUICKLY_S), trace(answer())
    assert the_crash(judging(seen)).found == FailureReason.HUNG
    assert (judging(seen), len(asked)) == ((), 1)
    assert judging.judge(seen).looked == ()
    judging.revive()
    assert (judging(seen), len(asked)) == ((), 2)
    assert [one.id for one in judging.judge(seen).looked] == ["it_is_ours"]


def test_what_turns_in_circles_is_ended_and_takes_no_time_from_the_others() -> None:
    turning: list[threading.Thread] = []

    def turns(seen: Trace) -> Any:
        turning.append(threading.current_thread())
        return spins(seen)

    Judge([foreign(turns)], limit_s=QUICKLY_S)(trace(answer()))
    until(lambda: not turning[0].is_alive())
    assert not turning[0].is_alive()


@pytest.mark.parametrize("where", ["condition", "premise"])
def test_a_condition_that_hangs_or_exits_is_the_checks_own_affair(where: str) -> None:
    for does in (exits, sleeps):
        more: dict[str, Any] = {where: Premise("none", does) if where == "premise" else does}
        judging = Judge([foreign(lambda _trace: (), **more), body_is_json], limit_s=QUICKLY_S)
        judgement = judging.judge(trace(answer()))
        assert the_crash(judgement.findings).pointer == "it_is_ours"
        assert [one.id for one in judgement.looked] == ["body_is_json"]


def test_findings_without_end_are_cut_and_counted() -> None:
    def all_there_are(_trace: Trace) -> Iterator[Remark]:
        return (violation(f"/part/{number}", expected=1, found=2) for number in count())

    judgement = Judge([foreign(all_there_are), body_is_json]).judge(trace(answer()))
    assert len(judgement.findings) == 100
    assert judgement.dropped == 1_000
    assert judgement.findings[-1].message.endswith("(and at least 1,000 more of this check)")
    assert [one.id for one in judgement.looked] == ["it_is_ours", "body_is_json"]


def test_a_few_more_than_are_kept_are_counted_to_the_last() -> None:
    def many(_trace: Trace) -> Iterator[Remark]:
        return (violation(f"/part/{number}", expected=1, found=2) for number in range(150))

    judgement = Judge([foreign(many)]).find(trace(answer()))
    assert (len(judgement.findings), judgement.dropped) == (100, 50)
    assert judgement.findings[-1].message.endswith("(and 50 more of this check)")


def test_every_undeclared_key_is_counted() -> None:
    keys = {f"k{number}": 1 for number in range(5_000)}
    judging = Judge([one for one in _all() if one.id == "keys_are_declared"])
    judgement = judging.find(trace(answer(keys)))
    assert (len(judgement.findings), judgement.dropped) == (100, 4_900)


@pytest.mark.parametrize(
    "bodies",
    [
        lambda size: {f"k{number}": 1 for number in range(size)},
        lambda size: {
            f"job__{'_' * (number % 50)}id{'-' * (number // 50)}": 1 for number in range(size)
        },
        lambda size: {"result": {"urls": [1] * size}},
        lambda size: {"result": {"urls": [f"http://10.0.0.1/{n}" for n in range(size)]}},
        lambda size: {"deep": [[[[1]] * 10] * (size // 10)]},
    ],
    ids=["new keys", "misspelt keys", "wrong items", "links", "lists"],
)
def test_what_an_answer_costs_grows_no_faster_than_it(bodies: Callable[[int], Any]) -> None:
    judging = Judge(_all())

    def costs(size: int) -> int:
        seen = answer(bodies(size))
        judging(trace(seen))
        return steps_of(lambda: judging(trace(seen)))

    # Large enough that neither is remembered as read.
    small, large = costs(10_000), costs(40_000)
    assert large <= small * 4.2


def test_what_is_read_of_too_many_links_is_said() -> None:
    links = [f"https://gen.krea.ai/{number}.png" for number in range(1_001)]
    found = Judge(_all())(trace(answer({"result": {"urls": links}})))
    assert "only the first 1,000 are read" in " ".join(one.message for one in found)
    found = Judge(_all())(trace(answer({"result": {"urls": links[1:]}})))
    assert "are read" not in " ".join(one.message for one in found)


def test_errors_behind_the_thousandth_item_are_found() -> None:
    links = ["https://gen.krea.ai/a.png"] * 1_500
    found = Judge(_all())(trace(answer(job(result={"urls": [*links, 1]}))))
    assert [one.pointer for one in found if one.check == "body_matches_schema"] == [
        "/result/urls/1500"
    ]


def test_our_own_checks_are_told_from_others() -> None:
    assert not is_foreign(job_id_is_echoed.run)
    assert is_foreign(foreign(exits).run)
    assert is_foreign(foreign(exits, window=2).run)


def _asks_for_what_was_left_out() -> None:
    raise NotRecorded("the body")


def test_a_call_gives_back_what_it_returns_or_raises() -> None:
    calls = LimitedCalls()
    assert calls.call(lambda: 5, limit_s=1.0) == 5
    with pytest.raises(CallFailedError, match="KeyError: 'gone'") as caught:
        calls.call(lambda: {}["gone"], limit_s=1.0)
    assert caught.value.why is FailureReason.RAISED
    with pytest.raises(NotRecorded):
        calls.call(_asks_for_what_was_left_out, limit_s=1.0)
    with pytest.raises(CallFailedError, match=r"no end within 0\.01 s"):
        calls.call(lambda: time.sleep(5), limit_s=0.01)
    assert calls.call(threading.current_thread, limit_s=1.0) is not threading.current_thread()
    calls.close()
    assert calls.call(lambda: 6, limit_s=1.0) == 6
    calls.close()


def test_a_mutilated_basis_and_the_like_are_refused_where_the_check_is_made() -> None:
    refused = {
        "basis": ("docs", "basis='docs' is no Basis. Known: documented, inferred, rfc."),
        "severity": ("hihg", "severity='hihg' is no Severity. Did you mean 'high'?"),
        "about": ("jobs", "about='jobs' is no Facet. Did you mean 'job'?"),
        "needs": (("foriegn",), "needs: nothing is 'foriegn'. Did you mean 'foreign'?"),
        "only": (("HAED",), "only: nothing is 'HAED'. Did you mean 'HEAD'?"),
        "apis": ("krea", "apis='krea'; write a tuple, as ('krea',)"),
    }
    for argument, (value, says) in refused.items():
        given: dict[str, Any] = {"basis": Basis.RFC, "source": "RFC 1", argument: value}
        with pytest.raises(TypeError) as told:

            @check(**given)
            def it_is_misspelt(trace: Trace) -> Iterable[Remark]:
                """
                It is.
                """
                return ()

        assert str(told.value) == f"check 'it_is_misspelt': {says}"


def test_our_own_checks_say_nothing_of_a_right_answer_whatever_is_installed() -> None:
    right = trace(answer())
    assert Judge([*_all(), foreign(lambda _trace: ())])(right) == Judge(_all())(right)


def _all() -> tuple[Check, ...]:
    from jobproof.contract.plugins import load_checks

    return tuple(replace(one) for one in load_checks())
