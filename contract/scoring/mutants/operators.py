"""
All mutants of one answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from jobproof.contract.formats.json_body import is_json_type
from jobproof.contract.scoring.mutants.bodies import mutate_bytes, written
from jobproof.contract.scoring.mutants.codes import mutate_code
from jobproof.contract.scoring.mutants.fields import mutate_fields
from jobproof.contract.scoring.mutants.legal_lives import may_come_between
from jobproof.contract.scoring.mutants.mutant import Mutant, Original, Way, with_body
from jobproof.contract.scoring.mutants.values import mutate_values

__all__ = ["mutants_of"]

_READ_WAYS = (Way.JOB, Way.UNKNOWN, Way.FOREIGN, Way.OUTSIDER, Way.REFUSED_METHOD)


def mutants_of(original: Original) -> Iterator[Mutant]:
    """
    Every operator at every place that it fits.
    """
    yield from mutate_code(original)
    yield from mutate_fields(original)
    if original.way not in _READ_WAYS or not is_json_type(original.seen.media_type):
        return
    yield from _byte_mutants(original)
    body = json.loads(original.response.recorded_body)
    for operator, place, changed, legal in mutate_values(original, body):
        mutated = with_body(original.response, written(changed))
        yield Mutant(operator, place, mutated, legal=_is_legal(original, operator, place, legal))
    yield from _exchanged(original)


def _byte_mutants(original: Original) -> Iterator[Mutant]:
    for mutant in mutate_bytes(original):
        # A JSON value of its own is as good as any where no document describes the body.
        is_other_json = mutant.operator == "text wrapped"
        if not is_other_json or not _may_say_anything(original):
            yield mutant


def _is_legal(original: Original, operator: str, place: str, legal: bool) -> bool:
    if original.way is Way.FOREIGN:
        return False  # each difference from an unknown id tells something
    result = original.api.profile.result
    # In which order links stand nobody promises.
    is_order = operator == "list reversed" and result is not None and place in result.links
    return legal or is_order or _may_say_anything(original)


def _may_say_anything(original: Original) -> bool:
    """
    Whether no document describes the body; then any JSON is right.
    """
    content = original.seen.content
    return original.way is not Way.FOREIGN and (content is None or not content.constrains)


def _exchanged(original: Original) -> Iterator[Mutant]:
    """
    Whole answers in each other's place.
    """
    response, job = original.response, original.seen.job
    if original.way is not Way.JOB or job is None:
        return
    for other in original.others:
        if other.response is not None:
            whose = other.job.status if other.job is not None else "nobody"
            place = f"{whose} of another job"
            yield Mutant("answer of another job", place, other.response)
            mixed = with_body(response, other.response.recorded_body)
            yield Mutant("body of another job", place, mixed)
    for earlier in original.before:
        if earlier.job is None or earlier.response is None or earlier.job.body == job.body:
            continue
        status = str(earlier.job.status)
        legal = may_come_between(original, status)
        yield Mutant("answer of before", status, earlier.response, legal=legal)
