"""
A history says what a walk over all that was seen would say, and costs the same however long it is.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.builders import (
    BASE_URL,
    JOB,
    NOW,
    TOKEN,
    answer,
    api,
    failure,
    job,
    judge,
    replay,
    said,
    trace,
    written,
)
from tests.contract.lives import exchanges, lives
from tests.steps import steps_of

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.check import MOST_WINDOW, Facet, Premise, check
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Basis, Kind, Remark, violation
from jobproof.contract.model.history.dealings import Dealings, is_of_the_moment
from jobproof.contract.model.history.history import History
from jobproof.contract.model.history.past import Past
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.contract.suite.planning.plan import PlannedRequest
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run

_CALM = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
_GRAIN_S = 0.001
_LIFECYCLE = api().lifecycle
_STATUSES = [*_LIFECYCLE.statuses, "paused", "thawing", None, 3]
_WHO = [Credential.OWNER] * 4 + [Credential.UNSTATED, Credential.NONE, Credential.INVALID]


@st.composite
def _polls(draw: st.DrawFn) -> Exchange:
    when = {"at": NOW + draw(st.integers(0, 400)) / 10, "elapsed_s": draw(st.integers(1, 60)) / 10}
    who = {"credential": draw(st.sampled_from(_WHO)), "method": draw(_METHODS)}
    what = draw(st.sampled_from(["job"] * 8 + ["none", "down", "gone", "unchanged"]))
    if what == "none":
        return failure(**when, **who)
    if what == "down":
        return answer({}, 503, **when, **who)
    if what == "gone":
        return answer({"error": "Job not found"}, 404, **when, **who)
    if what == "unchanged":
        return answer(b"", 304, sent={"if-none-match": '"1"'}, **when, **who)
    tag = draw(st.sampled_from([None, '"1"', '"2"', 'W/"3"', ""]))
    status = draw(st.sampled_from(_STATUSES))
    return answer({**job("queued"), "status": status}, headers={"etag": tag}, **when, **who)


_METHODS = st.sampled_from(["GET"] * 9 + ["HEAD"])
_LIVES = st.lists(_polls(), max_size=24).map(lambda polls: [api().observe(p) for p in polls])
_MOMENTS = st.integers(-10, 500).map(lambda tenths: NOW + tenths / 10)
_STALENESS = st.sampled_from([0.0, 2.0, 20.0])


def _walk(seen: Sequence[Observation], moment: float, staleness_s: float) -> Past:
    """
    The past by going through all of it; of two sights that end at once the later added is later.
    """
    over = [o for o in seen if o.is_view and o.exchange.ended_at <= moment + _GRAIN_S]
    views = sorted(over, key=lambda view: view.exchange.ended_at)
    words = [view.job.status if view.job is not None else None for view in views]
    known: int | None = None
    for place, word in enumerate(words):
        if not _LIFECYCLE.knows(word):
            continue
        step = None if known is None else _LIFECYCLE.step(str(words[known]), str(word))
        if not (staleness_s and step is not None and step.verdict != "legal"):
            known = place
    ended = [v for v, word in zip(views, words, strict=True) if _LIFECYCLE.is_terminal(word)]
    waits = [n for n, word in enumerate(words) if _LIFECYCLE.waits_unbounded([str(word)])]
    working = views[waits[-1] + 1 :] if waits else views
    texts = [(w, v) for v, w in zip(views, words, strict=True) if isinstance(w, str)]
    tagged = [(view.response.header("etag"), view) for view in views if view.response]
    return Past(
        first=views[0] if views else None,
        last=views[-1] if views else None,
        last_ended=ended[-1] if ended else None,
        last_known=None if known is None else views[known],
        waiting=views[waits[-1]] if waits else None,
        working=working[0] if working else None,
        first_of=dict(reversed(texts)),
        last_of=dict(texts),
        tags={tag: view for tag, view in tagged if tag is not None},
    )


@_CALM
@given(_LIVES, _MOMENTS, _STALENESS)
def test_it_knows_what_a_walk_over_all_finds(
    seen: list[Observation], moment: float, staleness_s: float
) -> None:
    history = History(_LIFECYCLE, staleness_s=staleness_s, window=len(seen) + 1)
    for one in seen:
        history.add(one)
    assert history.before(moment) == _walk(seen, moment, staleness_s)
    later = moment + 7
    over = (o for o in seen if o.is_view and moment < o.exchange.ended_at - _GRAIN_S <= later)
    between = sorted(over, key=lambda view: view.exchange.ended_at)
    assert list(history.between(moment, later)) == between


@_CALM
@given(_LIVES, _MOMENTS, _STALENESS, st.integers(2, 6))
def test_a_short_memory_knows_less_and_nothing_else(
    seen: list[Observation], moment: float, staleness_s: float, window: int
) -> None:
    history = History(_LIFECYCLE, staleness_s=staleness_s, window=window)
    seen.sort(key=lambda one: one.exchange.ended_at)
    for one in seen:
        history.add(one)
    known, ends = history.before(moment), [o.exchange.ended_at for o in seen if o.is_view]
    if known.last is None:
        assert not ends or moment < max(ends)
        return
    # Whatever it knows was so at the end of the last sight that it knows of.
    as_of = known.last.exchange.ended_at
    assert known == _walk(seen, as_of - _GRAIN_S, staleness_s)
    missed = [end for end in ends if as_of < end <= moment]
    assert all(end - as_of < staleness_s / 64 for end in missed)
    if ends and moment >= max(ends):
        assert not missed


@_CALM
@given(_LIVES, st.permutations(range(3)))
def test_what_comes_out_of_order_takes_its_place(seen: list[Observation], order: list[int]) -> None:
    seen.sort(key=lambda one: one.exchange.ended_at)
    # Of two that end at once the later added is the later one: here each end is its own.
    seen = [
        replace(o, exchange=replace(o.exchange, started_at=o.exchange.started_at + 0.01 * n))
        for n, o in enumerate(seen)
    ]
    shuffled = [seen[i + j] for i in range(0, len(seen), 3) for j in order if i + j < len(seen)]
    in_order, out_of_order = (History(_LIFECYCLE, window=8) for _ in range(2))
    for one in seen:
        in_order.add(one)
    for one in shuffled:
        out_of_order.add(one)
    assert out_of_order.past == in_order.past


def test_a_header_that_a_recorder_left_out_is_no_reason_to_fail() -> None:
    seen = answer(job("queued"), at=NOW - 9)
    assert isinstance(seen.answer, Response)
    asked = replace(seen.request, has_all_headers=False)
    unseen = replace(seen, request=asked, answer=replace(seen.answer, has_all_headers=False))
    history = History(_LIFECYCLE)
    history.add(api().observe(unseen))
    assert history.past.tags == {}
    assert history.dealings.gets[Credential.OWNER].last == api().observe(unseen)
    unchanged = replace(unseen, answer=replace(seen.answer, code=304, body=None))
    history.add(api().observe(unchanged))
    assert history.dealings.gets[Credential.OWNER].last == api().observe(unseen)


def test_of_sights_as_many_are_kept_as_was_asked_for() -> None:
    history = History(_LIFECYCLE, window=4)
    for second in range(10):
        history.add(api().observe(answer(job("queued"), at=NOW + second)))
    kept = history.between(NOW - 99, NOW + 99)
    assert [one.exchange.started_at - NOW for one in kept] == [6, 7, 8, 9]
    assert history.before(NOW + 6).last is None


def test_the_last_sight_before_all_that_may_be_asked_for_is_known() -> None:
    history = History(_LIFECYCLE, staleness_s=10.0, window=2)
    seen = [api().observe(answer(job("queued"), at=NOW + at)) for at in (0, 100, 101, 102, 103)]
    for one in seen:
        history.add(one)
    assert history.before(NOW + 95).last is seen[0]


def test_of_a_question_put_otherwise_nothing_is_kept() -> None:
    history = History(_LIFECYCLE, recent=3)
    history.add(api().observe(answer(manner=Manner.LANGUAGE)))
    assert (history.recent, history.past, history.dealings) == ((), Past(), Dealings())


def test_of_answers_alike_the_newest_eight_and_the_first_are_known() -> None:
    history = History(_LIFECYCLE)
    seen = [api().observe(answer(job("queued"), at=NOW + second)) for second in range(20)]
    for one in seen:
        history.add(one)
    gets = history.dealings.gets[Credential.OWNER]
    assert gets.alike == tuple(seen[:-9:-1])
    assert (gets.first, gets.since, gets.last) == (seen[0], seen[0], seen[-1])
    held = {id(one) for one in history.dealings.observations}
    assert held == {id(seen[0]), id(seen[-1])}
    # Another state, of whatever word, begins anew.
    for word in ("completed", "backlogged"):
        other = api().observe(answer(job(word), at=NOW + 99))
        history.add(other)
        assert history.dealings.gets[Credential.OWNER].alike == (other,)


@pytest.mark.parametrize("count", [16, 17, 40])
def test_of_tags_the_newest_sixteen_are_known(count: int) -> None:
    history = History(_LIFECYCLE)
    for number in range(count):
        headers = {"etag": f'"{number}"'}
        history.add(api().observe(answer(job("queued"), at=NOW + number, headers=headers)))
    assert list(history.past.tags) == [f'"{n}"' for n in range(count)][-16:]


def test_of_words_that_nobody_documented_four_are_told_apart() -> None:
    history = History(_LIFECYCLE)
    for second, word in enumerate([*"abcdef", "queued"]):
        history.add(api().observe(answer(job(word), at=NOW + second)))
    assert list(history.past.first_of) == ["a", "b", "c", "d", "queued"]


def test_a_straggler_is_left_out_and_a_clock_set_back_starts_again() -> None:
    def seen(status: str, at: float) -> Observation:
        return api().observe(answer(job(status), at=NOW + at))

    history = History(_LIFECYCLE, window=4)
    for second in range(10):
        history.add(seen("processing", second))
    history.add(seen("completed", -3_600))
    assert history.past.last_ended is None
    assert history.before(NOW - 3_000) == Past()
    for second in range(5):
        history.add(seen("queued", second - 3_600))
    assert history.past.last_of.keys() == {"queued"}


def _farthest(words: Sequence[str]) -> str:
    history = History(_LIFECYCLE, staleness_s=1.0)
    for second, word in enumerate(words):
        history.add(api().observe(answer(job(word), at=NOW + second)))
    farthest = history.past.last_known
    assert farthest is not None
    assert farthest.job is not None
    assert farthest.exchange.started_at == NOW + max(
        second for second, word in enumerate(words) if word == farthest.job.status
    )
    return str(farthest.job.status)


@_CALM
@given(st.lists(st.sampled_from(_LIFECYCLE.statuses), min_size=1, max_size=12))
def test_where_replicas_may_be_behind_a_step_back_is_no_news(words: list[str]) -> None:
    farthest = _farthest(words)
    last = len(words) - 1 - words[::-1].index(farthest)
    steps = [_LIFECYCLE.step(farthest, word) for word in words[last + 1 :]]
    assert all(step is not None and step.verdict != "legal" for step in steps)


@pytest.mark.parametrize(
    ("words", "farthest"),
    [
        (("processing", "queued", "queued"), "processing"),
        (("queued", "completed", "processing", "queued"), "completed"),
        (("completed", "failed"), "completed"),
        # By steps each of which is right, so it has left `sampling` for good.
        (("sampling", "intermediate-complete", "processing"), "processing"),
    ],
)
def test_the_farthest_status_is_the_one_that_counts(words: tuple[str, ...], farthest: str) -> None:
    assert _farthest(words) == farthest


@_CALM
@given(_LIVES)
def test_facts_are_those_of_all_exchanges(seen: list[Observation]) -> None:
    history = History(_LIFECYCLE, recent=3)
    for one in seen:
        history.add(one)
    facts, owner = history.dealings, Credential.OWNER
    answered = [o for o in seen if o.response is not None]
    accepted = [o for o in seen if o.code == 200 and o.credential is owner]
    first = min(seen, key=lambda o: o.exchange.started_at, default=None)
    assert facts.first is first
    assert facts.answered == next((o for o in answered if o.authorised and o.method == "GET"), None)
    assert facts.accepted == next(iter(accepted), None)
    assert facts.shown == next((o for o in accepted if o.method == "GET"), None)
    assert facts.timed_out == next((o for o in seen if o.response is None and o.authorised), None)
    assert facts.in_service.keys() == {o.credential for o in answered if o.code != 503}
    assert history.recent == tuple(seen[-3:])
    for who in {o.credential for o in seen}:
        _assert_gets(facts, [o for o in seen if o.credential is who and o.method == "GET"], who)


def _assert_gets(facts: Dealings, gets: Sequence[Observation], who: Credential) -> None:
    assert (who in facts.gets) is bool(gets)
    if not gets:
        return
    plain = [o for o in gets if o.response and not o.exchange.request.header("if-none-match")]
    alike: list[Observation] = []
    for one in reversed([o for o in plain if not is_of_the_moment(o.code)]):
        if alike and _state(one) != _state(alike[0]):
            break
        alike.append(one)
    found = facts.gets[who]
    assert found.first is min(gets, key=lambda o: o.exchange.started_at)
    assert found.last == (plain[-1] if plain else None)
    assert found.alike == tuple(alike[:8])
    assert found.since == (alike[-1] if alike else None)


def _state(seen: Observation) -> tuple[int, object]:
    return seen.code, repr(seen.job.status) if seen.job is not None else None


@_CALM
@given(lives() | st.lists(exchanges(), min_size=1, max_size=6), _STALENESS)
def test_what_had_to_be_known_is_enough_to_judge_alike(
    life: list[Exchange], staleness_s: float
) -> None:
    life = sorted(life, key=lambda exchange: exchange.started_at)
    # No two begin at once: their order would be anybody's guess.
    life = [replace(one, started_at=one.started_at + 0.01 * n) for n, one in enumerate(life)]
    whole = trace(*life, staleness_s=staleness_s)
    held = Judge(judge().checks).history_of(api(), staleness_s=staleness_s)
    for exchange in life[:-1]:
        held.add(api().observe(exchange))
    short = Trace.after(held, api(), whole.latest, token=whole.token)
    again = Trace.of(
        api(), [*short.known, whole.latest], token=whole.token, staleness_s=staleness_s
    )
    assert repr(said(again)) == repr(said(short)) == repr(said(whole))


def test_a_code_of_the_moment_tells_nothing_of_what_was_asked_for() -> None:
    codes = (200, 304, 404, 407, 408, 409, 424, 425, 426, 428, 429, 430, 499, 500, 501, 502, 503)
    assert [c for c in codes if is_of_the_moment(c)] == [408, 425, 429, 500, 502, 503]


# --- a check that looks at more


def _with_window(window: int) -> tuple[Judge, list[tuple[float, ...]]]:
    looked: list[tuple[float, ...]] = []

    @check(
        basis=Basis.INFERRED,
        source="a test of ours",
        about=Facet.JOB,
        window=window,
        premise=Premise("no job was seen often enough", lambda t: len(t.recent) == window),
    )
    def it_looks_back(trace: Trace) -> Iterator[Remark]:
        """
        It never shows one status so often.
        """
        looked.append(tuple(o.exchange.started_at - NOW for o in trace.recent))
        statuses = {o.job.status for o in (*trace.recent, trace.latest) if o.job is not None}
        if len(trace.recent) == window and len(statuses) == 1:
            yield violation("/status", found=statuses.pop())

    return Judge([it_looks_back]), looked


def _waiting(polls: int) -> list[Observation]:
    return [api().observe(answer(job("queued"), at=NOW + second)) for second in range(polls)]


@pytest.mark.parametrize("window", [1, 2, 5])
def test_a_check_sees_as_many_exchanges_as_it_asks_for(window: int) -> None:
    judging, looked = _with_window(window)
    found = replay(judging, trace(answer()), _waiting(8))
    assert looked == [tuple(range(max(0, n - window), n)) for n in range(8)]
    assert [f.exchange.started_at - NOW for f in found] == list(range(window, 8))
    assert judging.window == window
    # The same of a list, with its premise.
    seen = Trace.of(api(), _waiting(4))
    assert bool(judging.judge(seen).looked) is (window <= 3)
    assert looked[-1] == tuple(range(max(0, 3 - window), 3))


def test_a_check_that_asks_for_none_sees_none_beside_one_that_does() -> None:
    judging, looked = _with_window(0)
    other, _ = _with_window(3)
    replay(Judge([*judging.checks, *other.checks]), trace(answer()), _waiting(5))
    assert looked == [()] * 5


@pytest.mark.parametrize("window", [-1, MOST_WINDOW + 1])
def test_a_window_that_no_daemon_could_keep_is_refused(window: int) -> None:
    message = rf"check 'it_looks_back': window={window}; write a number up to {MOST_WINDOW}"
    with pytest.raises(TypeError, match=message):
        _with_window(window)


def test_nothing_to_judge_is_no_trace() -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        Trace.of(api(), [])


def test_which_of_two_polls_at_once_saw_the_later_body_isnt_known() -> None:
    slow = answer(job("processing"), at=NOW - 20, elapsed_s=10, headers={"etag": '"1"'})
    quick = answer(job("queued"), at=NOW - 15, elapsed_s=0.1, headers={"etag": '"0"'})
    told = answer(b"", 304, sent={"if-none-match": '"0"'}, headers={"etag": '"0"'})
    assert "not_modified_means_unchanged" not in {f.check for f in said(trace(quick, slow, told))}
    later = replace(slow, started_at=NOW - 14)
    found = {f.check for f in said(trace(quick, later, told), Kind.VIOLATION)}
    assert "not_modified_means_unchanged" in found


# --- what it costs


def _life(polls: int, *, apart_s: float = 1.0) -> Iterator[Observation]:
    ended = job(completed_at=written(NOW + apart_s * (polls - 2)))
    for number in range(polls):
        body = ended if number > polls - 3 else job("queued")
        at = NOW + apart_s * number
        headers = {"etag": f'"{number}"', "cache-control": "private"}
        yield api().observe(answer(body, at=at, headers=headers))


def _alive() -> list[Observation]:
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, Observation)]


@pytest.mark.parametrize(("staleness_s", "apart_s"), [(0.0, 1.0), (50.0, 1.0), (900.0, 0.01)])
def test_a_long_life_is_held_in_little(staleness_s: float, apart_s: float) -> None:
    history = judge().history_of(api(), staleness_s=staleness_s)
    others = _alive()  # of tests before this one
    for seen in _life(4_000, apart_s=apart_s):
        history.add(seen)
    del seen
    assert len(_alive()) - len(others) < 64 + 2 * 32 + 2 * 64
    moment = NOW + 4_000 * apart_s
    assert len(history.between(moment - staleness_s, moment)) <= 32 + 2 * 64


@pytest.mark.parametrize("staleness_s", [0.0, 5.0])
def test_a_judgement_late_in_life_takes_no_more_steps(staleness_s: float) -> None:
    steps = []
    for polls in (100, 1_600):
        *earlier, latest = _life(polls)
        history = judge().history_of(api(), staleness_s=staleness_s)
        for seen in earlier:
            history.add(seen)

        def judged(history: History = history, latest: Observation = latest) -> None:
            judge()(Trace.after(history, api(), latest))
            history.add(latest)

        judged()
        steps.append(steps_of(judged))
    assert steps[1] <= steps[0] * 1.05


def test_a_life_is_replayed_in_steps_that_grow_as_it_does() -> None:
    def replayed(polls: int) -> int:
        seen = list(_life(polls))
        return steps_of(lambda: replay(judge(), trace(answer()), seen))

    replayed(50)
    assert replayed(800) <= 4.5 * replayed(200)


class _Nobody:
    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        """
        The exchanges are there already.
        """
        raise AssertionError(f"{request.url} within {deadline_s}")


def test_a_run_takes_no_more_steps_for_a_poll_late_in_life() -> None:
    values = {"url": BASE_URL, "job": [JOB], "token_env": "T", "staleness": "5s"}
    run = Run(target_from(values, environ={"T": TOKEN}), judge().checks, _Nobody())
    polls = [one.exchange for one in _life(1_600)]
    steps = []
    for number, exchange in enumerate(polls):
        # Both after what is kept of a life is full.
        if number in (400, 1_590):
            steps.append(steps_of(lambda exchange=exchange: run.record(exchange)))  # type: ignore[misc]
        else:
            run.record(exchange)
    assert steps[1] <= steps[0] * 1.05
    assert not [f for f in run.findings if f.kind is Kind.VIOLATION]


def test_a_run_asks_with_the_newest_tag_that_it_was_shown() -> None:
    values = {"url": BASE_URL, "job": [JOB], "token_env": "T"}
    sent: list[Request] = []

    class _Unchanged:
        def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
            """
            As if nothing had changed.
            """
            assert deadline_s > 0
            sent.append(request)
            return Exchange(request, Response(304), NOW + 99, 0.1)

    run = Run(target_from(values, environ={"T": TOKEN}), judge().checks, _Unchanged())
    for second, tag in enumerate(['"1"', '"2"', "", None]):
        run.record(answer(job("queued"), at=NOW + second, headers={"etag": tag}))
    run.send(PlannedRequest("GET", JOB, Subject.KNOWN, Credential.OWNER, "why", conditional=True))
    assert [request.header("if-none-match") for request in sent] == ['"2"']


def test_the_sight_that_starts_again_after_a_clock_was_set_back_is_known() -> None:
    history = History(_LIFECYCLE, window=2)
    for second in range(6):
        history.add(api().observe(answer(job("processing"), at=NOW + second)))
    for second in range(3):
        history.add(api().observe(answer(job("completed"), at=NOW - 3_600 + second)))
    assert history.past.last is not None
    assert history.past.last.exchange.started_at == NOW - 3_598
    assert history.past.first is not None
    assert history.past.first.exchange.started_at == NOW - 3_598
