"""
Jobs that aren't found, jobs that are found wrongly, and errors in a wrong shape.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from jobproof.contract.mock.answer import JSON, Answer, Outcome, encode
from jobproof.contract.mock.faults.chapter import Chapter
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.places import documents
from jobproof.contract.mock.turn import Turn

__all__ = ["LOOKUP"]

LOOKUP = Chapter("E", "errors and lookup")

_TAME = re.compile(r"[\w-]+", re.ASCII)


@LOOKUP.job("no job is ever found", "known_job_is_found")
def never_found(job: MockJob | None, turn: Turn) -> MockJob | None:  # noqa: ARG001 -- whatever it is
    return None


@LOOKUP.job("an id that nobody has is answered with a job", "unknown_id_is_not_found")
def unknown_id_answered(job: MockJob | None, turn: Turn) -> MockJob | None:
    if job is not None or turn.roll.find(turn.asked_for or "") is not None:
        return job
    return turn.roll.conjure(turn.asked_for or "")


@LOOKUP.answer(
    "an id that nobody has is answered with 200 and an error",
    "body_matches_schema",
    "unknown_id_is_not_found",
)
def error_with_200_for_unknown_id(answer: Answer, turn: Turn) -> Answer:
    return replace(answer, code=200) if turn.outcome is Outcome.UNKNOWN else answer


@LOOKUP.answer("a strange id makes the server crash", "no_server_error")
def crash_on_strange_id(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.UNKNOWN or _TAME.fullmatch(turn.asked_for or "x"):
        return answer
    return turn.page(answer, turn.script.pages.crash)


@LOOKUP.answer("an id that nobody has makes the server crash", "no_server_error")
def crash_on_unknown_id(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.UNKNOWN:
        return answer
    return turn.page(answer, turn.script.pages.crash)


@LOOKUP.answer("the 404 has no body", "body_is_json", applies=documents(404))
def not_found_empty(answer: Answer, turn: Turn) -> Answer:
    return replace(answer, body=b"") if turn.outcome is Outcome.UNKNOWN else answer


@LOOKUP.answer(
    "the 404 is an HTML page", "media_type_is_documented", "body_is_json", applies=documents(404)
)
def not_found_html(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.UNKNOWN:
        return answer
    page = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>"
    return answer.saying(404, page, "text/html; charset=utf-8")


@LOOKUP.answer("the 404 has another key", "body_matches_schema", applies=documents(404))
def not_found_with_other_key(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.UNKNOWN:
        return answer
    return answer.saying(answer.code, encode({"detail": "Not found"}), JSON)


@LOOKUP.answer("the 404 has another type", "body_matches_schema", applies=documents(404))
def not_found_with_other_type(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.UNKNOWN:
        return answer
    usual: dict[str, Any] = turn.script.pages.unknown.body or {}
    body = {k: {"message": v} if isinstance(v, str) else str(v) for k, v in usual.items()}
    return answer.saying(answer.code, encode(body), JSON)


@LOOKUP.answer("a known job is answered with 200 and an error", "body_matches_schema")
def error_with_200(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.JOB:
        return answer
    return replace(turn.page(answer, turn.script.pages.crash), code=200)
