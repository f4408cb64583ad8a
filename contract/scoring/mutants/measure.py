"""
Every mutant judged as one answer of a life: by itself, with what came before it, and by what
comes after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.history.history import History
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import load_checks
from jobproof.contract.scoring.mutants.mutant import Mutant, Original
from jobproof.contract.scoring.mutants.operators import mutants_of
from jobproof.contract.scoring.mutants.recorded_lives import RecordedLife, record_lives

__all__ = ["JudgedMutant", "measure_mutants"]

# How many of the answers that follow are judged as well.
_FOLLOWED = 3


@dataclass(frozen=True, slots=True)
class JudgedMutant:
    """
    What became of one mutant.

    Attributes:
        state: Of the answer that was changed: its status, or how was asked.
        legal: Whether a right server may answer so.
        checks: Who speaks against it, as a violation.
        killed: Whether such a finding breaks the run.
        killed_strict: The same with `--strict`.
        schema: Whether the document's codes, media types and schemas alone notice it.
    """

    operator: str
    place: str
    state: str
    legal: bool
    checks: tuple[str, ...]
    killed: bool
    killed_strict: bool
    schema: bool


@dataclass(frozen=True)
class _Court:
    api: Api
    token: str
    baselines: tuple[Observation, ...]
    judge: Judge = field(default_factory=lambda: Judge(load_checks()))

    def history_of(self, seen: Sequence[Observation]) -> History:
        history = self.judge.history_of(self.api)
        for one in seen:
            history.add(one)
        return history

    def speakers(self, history: History, seen: Observation) -> dict[str, bool]:
        """
        The checks that speak against an answer, and whether without `--strict`, too.
        """
        trace = Trace.after(history, self.api, seen, baselines=self.baselines, token=self.token)
        checks: dict[str, bool] = {}
        for finding in self.judge(trace):
            if finding.breaks(strict=True):
                plain = finding.breaks(strict=False)
                checks[finding.check] = plain or checks.get(finding.check, False)
        return checks


def measure_mutants(api: Api) -> tuple[JudgedMutant, ...]:
    """
    Change one answer of every status in every life, and one of every other way to ask.

    Raises:
        ValueError: An answer of the mock is itself called broken, so nothing could be told.
    """
    recorded = record_lives(api)
    court = _Court(api, recorded.token, tuple(api.observe(one) for one in recorded.unknown))
    lives = [(life, [api.observe(one) for one in life.exchanges]) for life in recorded.lives]
    found: list[JudgedMutant] = []
    for life, seen in lives:
        _need_silence(court, life, seen)
        others = [views[0] for other, views in lives if other.plain and other is not life][:2]
        for index in _informative(seen):
            # A 304 later on would be about the tag of the answer as it was.
            before, after = seen[:index], seen[index + 1 : life.plain]
            original = Original(api, seen[index], before, after, others, recorded.token)
            known = court.history_of(before)
            found += (_judged(court, original, known, m) for m in mutants_of(original))
    return tuple(found)


def _judged(court: _Court, original: Original, known: History, mutant: Mutant) -> JudgedMutant:
    request = mutant.request or original.seen.exchange.request
    exchange = replace(original.seen.exchange, answer=mutant.response, request=request)
    observation = court.api.observe(exchange)
    checks = court.speakers(known, observation)
    if not any(checks.values()):
        # What came after shows what one answer alone can't: that it doesn't fit into the life.
        history = court.history_of((*original.before, observation))
        for seen in original.after[:_FOLLOWED]:
            for check, plain in court.speakers(history, seen).items():
                checks[check] = plain or checks.get(check, False)
            history.add(seen)
    return JudgedMutant(
        mutant.operator,
        mutant.place,
        original.state,
        mutant.legal,
        tuple(sorted(checks)),
        killed=any(checks.values()),
        killed_strict=bool(checks),
        schema=_schema_notices(observation),
    )


def _need_silence(court: _Court, life: RecordedLife, seen: list[Observation]) -> None:
    for index, one in enumerate(seen):
        for check in court.speakers(court.history_of(seen[:index]), one):
            raise ValueError(f"{life.name}: {check} speaks against an answer that nobody changed")


def _informative(seen: list[Observation]) -> Iterator[int]:
    """
    The first answer of each status, and of each way to ask; and the last poll, of an ended job.
    """
    known: set[tuple[Any, ...]] = set()
    polls = [index for index, one in enumerate(seen) if one.job is not None]
    for index, one in enumerate(seen):
        status = one.job.status if one.job is not None else None
        kind = (status, one.code, one.method, one.subject, one.credential)
        if kind not in known or index in polls[-1:]:
            known.add(kind)
            yield index


def _schema_notices(observation: Observation) -> bool:
    # An undocumented code, an undocumented media type, a body that is no JSON.
    if observation.spec is None or observation.content is None:
        return True
    if observation.body is None or not observation.body.readable:
        return True
    return next(iter(observation.content.errors(observation.body.value)), None) is not None
