"""
Servers that differ and are all correct: none of them may be called broken.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext, by_name, every_api
from jobproof.contract.mock.body_edits import edit_times, has_rfc3339_times, is_well_formed
from jobproof.contract.mock.head_variants import HEAD_VARIANTS
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.unusual.refusals import REFUSAL_VARIANTS
from jobproof.contract.mock.written_variants import LIFE_VARIANTS
from jobproof.contract.model.api import Api

__all__ = ["VARIANTS"]

# Longer than any URI with an id of this API, shorter than the hostile ids of the suite.
_URI_LIMIT = 1024
_THROTTLE_EVERY = 25


def has_uuids(api: Api) -> bool:
    """
    Whether an id may be written in other ways by a standard (RFC 9562 4).
    """
    return api.profile.id.shape == "uuid"


_VARIANTS: list[Behaviour] = []


def _variant(
    hook: Hook,
    summary: str,
    *,
    applies: Callable[[Api], bool] = every_api,
    why: str = "neither the document nor a standard rules it out",
) -> Callable[[Any], Any]:
    def register(run: Any) -> Any:
        _VARIANTS.append(Behaviour(run.__name__, summary, hook, run, applies, why))
        return run

    return register


@_variant(Hook.ANSWER, "the reference: nothing differs", why="the document, as it stands")
def as_documented(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- nothing differs
    return answer


@_variant(
    Hook.ANSWER,
    "401 comes before anything else: other paths, other methods",
    why="RFC 9110 15.5.2: who shows no valid credentials may be told so, whatever is asked for",
)
def token_first(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # Only these two come before the token in the reference; a preflight can't carry one.
    if context.credential.known or context.answer_kind not in (AnswerKind.PATH, AnswerKind.METHOD):
        return answer
    return context.fixed_answer(answer, context.script.pages.anonymous)


@_variant(
    Hook.ANSWER,
    "400 for an id that isn't well-formed",
    why="RFC 9110 15.5.1: 400 for what the server takes for a client's mistake",
)
def malformed_id_400(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _refuse_malformed(answer, context, 400)


@_variant(
    Hook.ANSWER,
    "422 for an id that isn't well-formed",
    why="RFC 9110 15.5.21: understood, of the right form, and not to be processed",
)
def malformed_id_422(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _refuse_malformed(answer, context, 422)


@_variant(
    Hook.ANSWER,
    "every 25th question is throttled, with Retry-After",
    why="RFC 6585 4: 429 may come at any time, and may say when to come back",
)
def throttles_politely(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None or context.occurrence() % _THROTTLE_EVERY:
        return answer
    refusal = answer.with_json(429, {"error": "Too many requests"})
    return refusal.with_header("Retry-After", "1")


@_variant(
    Hook.BODY,
    "a job has a key that the document doesn't have",
    why="JSON Schema: other keys are allowed where `additionalProperties` isn't false",
)
def has_another_key(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job has it
    body["position"] = 3
    return body


@_variant(
    Hook.BODY,
    "times have no fractions of a second",
    applies=has_rfc3339_times,
    why="RFC 3339 5.6: the fraction of a second is optional",
)
def whole_seconds(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: re.sub(r"\.[0-9]+", "", text))


@_variant(
    Hook.BODY,
    "times are written in another zone",
    applies=has_rfc3339_times,
    why="RFC 3339 5.6: any offset from UTC may stand in the place of Z",
)
def times_with_offset(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, _in_other_zone)


@_variant(
    Hook.ANSWER,
    "the media type names its charset",
    why="RFC 8259 11: the parameter has no effect; RFC 9110 8.3: parameters are allowed",
)
def names_its_charset(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer does
    if answer.header("Content-Type") != JSON_MEDIA_TYPE:
        return answer
    return answer.with_header("Content-Type", f"{JSON_MEDIA_TYPE}; charset=utf-8")


@_variant(
    Hook.ANSWER,
    "other methods are not found",
    why="RFC 9110 15.5.5: 404 also hides that something is there",
)
def methods_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind not in (AnswerKind.METHOD, AnswerKind.OPTIONS):
        return answer
    return context.fixed_answer(answer, context.script.pages.path)


@_variant(
    Hook.ANSWER,
    "methods that nobody uses are not implemented",
    why="RFC 9110 15.6.2: a method that the server knows for no resource",
)
def unusual_methods_501(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # RFC 9110 15.6.2: 501 is for methods that the server knows for no resource at all.
    known_methods = ("POST", "PUT", "PATCH", "DELETE")
    if context.answer_kind is not AnswerKind.METHOD or context.request.method in known_methods:
        return answer
    return answer.with_content(501, b"", None)


@_variant(
    Hook.ANSWER,
    "an empty id is another path, with the web site's own 404",
    why="RFC 3986 3.3: another path is another resource, of which the document is silent",
)
def empty_id_html(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id != "" or context.answer_kind in (AnswerKind.METHOD, AnswerKind.OPTIONS):
        return answer
    return context.fixed_answer(answer, context.script.pages.path)


@_variant(
    Hook.ANSWER,
    "a long URI is too long",
    why="RFC 9110 15.5.15: a target longer than the server is willing to read",
)
def long_uri_414(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if len(context.request.target) <= _URI_LIMIT:
        return answer
    return answer.with_json(414, {"error": "URI too long"})


@_variant(
    Hook.ANSWER,
    "an id with a NUL is a bad request",
    why="RFC 9110 15.5.1: 400 for what the server takes for a client's mistake",
)
def nul_400(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if "\0" not in (context.job_id or ""):
        return answer
    return context.fixed_answer(answer, context.script.pages.request)


@_variant(
    Hook.ANSWER,
    "bodies are compressed for those who accept it",
    why="RFC 9110 8.4 and 12.5.3: a coding that the request accepts, with a tag of its own",
)
def compresses(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    accepted = (context.request.header("Accept-Encoding") or "").lower()
    if "gzip" not in accepted or not answer.body:
        return answer
    # A time in the gzip header would change the bytes under an unchanged tag.
    compressed = replace(answer, body=gzip.compress(answer.body, mtime=0))
    tag = answer.header("ETag")
    if tag is not None:  # RFC 9110 8.8.3.3: another coding is another representation
        compressed = compressed.with_header("ETag", f'{tag[:-1]}-gzip"')
    vary = ", ".join(filter(None, (answer.header("Vary"), "Accept-Encoding")))
    return compressed.with_header("Content-Encoding", "gzip").with_header("Vary", vary)


@_variant(
    Hook.ANSWER,
    "connections are closed, every second time without a word",
    why="RFC 9112 9.5: either side may close a connection at any time",
)
def closes_connections(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # RFC 9112 9.5: a client must expect a close at any time, and may retry.
    if context.occurrence() % 2:
        return answer.with_header("Connection", "close")
    return answer.with_wire(unannounced_close=True)


@_variant(
    Hook.ANSWER,
    "out of service for a while",
    why="RFC 9110 15.6.4: out of service for a time, with Retry-After",
)
def maintenance(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every request
    refusal = answer.with_json(503, {"error": "Down for maintenance"})
    return refusal.with_header("Retry-After", "120")


@_variant(
    Hook.ANSWER,
    "OPTIONS answers a browser's preflight",
    why="Fetch standard, CORS protocol: a preflight names methods and headers",
)
def preflight(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None:
        return answer
    # A wildcard is safe as long as no credentials are allowed beside it.
    shared = answer.with_header("Access-Control-Allow-Origin", "*")
    if context.answer_kind is not AnswerKind.OPTIONS:
        return shared
    shared = shared.with_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
    # Not among the headers that a browser sends unasked: Authorization needs its name here.
    named = context.api.access.token_at.header or "accept"
    shared = shared.with_header("Access-Control-Allow-Headers", named.title())
    return shared.with_header("Access-Control-Max-Age", "600")


@_variant(
    Hook.ANSWER,
    "the answer to an unknown id says more than the document asks",
    why="JSON Schema: other keys are allowed where `additionalProperties` isn't false",
)
def not_found_says_more(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    body = context.script.pages.unknown.body
    if context.answer_kind is not AnswerKind.UNKNOWN or body is None:
        return answer
    # Others at each request, so that two answers of "not found" differ and still are alike.
    number = context.occurrence()
    moment = datetime.fromtimestamp(1_790_000_000 + number, UTC).isoformat()
    longer = {**body, "request_id": f"req-{number:08d}", "time": moment}
    traced = answer.with_json(answer.code, longer)
    return traced.with_header("traceparent", f"00-{number:032x}-{number:016x}-01")


@_variant(
    Hook.ANSWER,
    "without a valid token there is nothing to be found",
    why="RFC 9110 15.5.4: 404 in the place of 403 hides that something is there",
)
def anonymous_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    # RFC 9110 11.6.1: beside a 404, a challenge would say that a token may change the answer.
    hidden = answer.without_header("WWW-Authenticate")
    return context.fixed_answer(hidden, context.script.pages.unknown)


@_variant(
    Hook.ANSWER,
    "each answer ends its connection, and says so",
    why="RFC 9112 9.6: a server may close after any answer, and should say so",
)
def one_answer_a_connection(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer does
    return answer.with_header("Connection", "close")


@_variant(
    Hook.JOB,
    "a UUID is read in any of its spellings",
    applies=has_uuids,
    why="RFC 9562 4: in either letter case; that more is taken harms nobody",
)
def takes_any_uuid(job: MockJob | None, context: RequestContext) -> MockJob | None:
    # As Python reads them: letter case, hyphens, braces and `urn:uuid:` make no difference.
    try:
        job_id = str(UUID(context.job_id or ""))
    except ValueError:
        return job
    return job or _own_job(context, job_id)


@_variant(
    Hook.JOB,
    "an id may have a format after it, as in Rails",
    why="no document says what a path means that it doesn't have",
)
def takes_a_format(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _own_job(context, (context.job_id or "").removesuffix(".json"))


@_variant(
    Hook.JOB,
    "matrix parameters after an id are left out, as in Spring",
    why="RFC 3986 3.3: what a semicolon means in a segment is for the server to say",
)
def leaves_out_matrix_parameters(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _own_job(context, (context.job_id or "").partition(";")[0])


@_variant(
    Hook.ANSWER,
    "two right replicas answer in turn, each with headers of its own",
    why="RFC 9110 10.2.4: Server names whoever answers, and that may be another one each time",
)
def two_replicas_in_turn(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    number = context.occurrence()
    named = answer.with_header("Server", "nginx/1.27" if number % 2 else "envoy")
    named = named.with_header("X-Request-Id", f"req-{number:08x}")
    return named.with_header("X-Served-By", f"api-{number % 2}")


@_variant(
    Hook.BODY,
    "every second connection leads to a release that writes keys in another order",
    why="RFC 8259 4: the order of an object's members says nothing",
)
def other_key_order_by_connection(body: JsonObject, context: RequestContext) -> Json:
    return dict(reversed(body.items())) if context.request.connection % 2 else body


@_variant(
    Hook.ANSWER,
    "a path with a slash after it leads to the one without, by 308",
    why="RFC 9110 15.4.9: the resource has another URI; nothing is shown",
)
def redirects_slash(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    path = context.request.path
    if context.answer_kind is not AnswerKind.PATH or not path.endswith("/") or path == "/":
        return answer
    return answer.with_content(308, b"", None).with_header("Location", path.rstrip("/"))


@_variant(
    Hook.ANSWER,
    "a proxy refuses encoded slashes, NUL and patterns by a page of its own",
    why="RFC 9110 15.5.1: whoever takes a request for malformed may refuse it",
)
def proxy_refuses_ids(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    path = context.request.path.lower()
    refused = {"%2f": 400, "%5c": 400, "%00": 400, "%25": 400, "%5b": 403, "%2a": 403}
    code = next((code for text, code in refused.items() if text in path), None)
    if code is None:
        return answer
    page = f"<html><head><title>{code}</title></head><body><h1>{code}</h1></body></html>"
    return MockAnswer(code).with_content(code, page.encode(), "text/html")


def _own_job(context: RequestContext, job_id: str) -> MockJob | None:
    own = context.job_store.owned_by(context.caller)
    return next((one for one in own if one.id == job_id), None)


def _refuse_malformed(answer: MockAnswer, context: RequestContext, code: int) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or is_well_formed(
        context.job_id or "", context.profile.id
    ):
        return answer
    return replace(context.fixed_answer(answer, context.script.pages.request), code=code)


def _in_other_zone(text: str) -> str:
    # Any zone but UTC; two hours may move the date, too.
    moment = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=2)))
    return moment.isoformat(timespec="milliseconds")


VARIANTS: Mapping[str, Behaviour] = by_name(
    (*_VARIANTS, *LIFE_VARIANTS, *HEAD_VARIANTS, *REFUSAL_VARIANTS)
)
