"""
What a right server may do besides: what differs from answer to answer, and what is unusual.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.testing.lives.life_plan import LifePlan

__all__ = ["behaviours_of"]


def behaviours_of(plan: LifePlan) -> Iterator[Behaviour]:
    """
    How the server of that life differs from a plain one.
    """

    def change_body(body: JsonObject, context: RequestContext) -> JsonObject:
        return _noisy_body(plan, body, context)

    def change_answer(answer: MockAnswer, context: RequestContext) -> MockAnswer:
        return _noisy_answer(plan, answer, context)

    yield Behaviour("noisy_body", "", Hook.BODY, change_body)
    yield Behaviour("noisy_answer", "", Hook.ANSWER, change_answer)
    # Packed at last: the others write the body as it is.
    for name in sorted(plan.variants, key="compresses".__eq__):
        if VARIANTS[name].applies(plan.lived.api):
            yield VARIANTS[name]


def _noisy_body(plan: LifePlan, body: JsonObject, context: RequestContext) -> JsonObject:
    moment, traits, at = int(context.now * 1000), plan.traits, plan.lived.links
    links = pick(body, at) if at is not None else None
    if isinstance(links, list):
        if "shuffled" in traits and moment % 2:
            links.reverse()
        if "signed" in traits:
            signature = f"Expires={moment}&Signature={crc32(b'%d' % moment)}"
            links[:] = [f"{link}?{signature}" for link in links]
    if "counted" in traits:
        body["seen"] = context.occurrence()
    output = body.get("output")
    if isinstance(output, dict) and "views" in output:
        output["views"] = moment
    return dict(reversed(body.items())) if "reordered" in traits and moment % 2 else body


def _noisy_answer(plan: LifePlan, answer: MockAnswer, context: RequestContext) -> MockAnswer:
    number = context.occurrence()
    if "numbered" in plan.traits:
        answer = answer.with_header("X-Request-Id", f"req-{number:06d}")
    if "timed" in plan.traits:
        answer = answer.with_header("Server-Timing", f"db;dur={number % 7}.5")
    if "cookie" in plan.traits:
        answer = answer.with_header("Set-Cookie", f"edge={number}; Path=/; Secure; HttpOnly")
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    answer = answer.with_header("Cache-Control", plan.caching)
    if plan.tags == "none":
        return answer.without_header("ETag")
    if plan.tags == "weak" and context.view is not None:
        return answer.with_header("ETag", f'W/"{context.view.status}-{len(context.view.history)}"')
    return answer
