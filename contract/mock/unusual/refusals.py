"""
Servers that refuse, guard and are read by browsers in ways that are unusual and right.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext, every_api
from jobproof.contract.mock.body_edits import edit_links, has_links
from jobproof.contract.mock.faults.access import needs_token, replace_first_string
from jobproof.contract.mock.faults.asked import by_header
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.model.api import Api

__all__ = ["REFUSAL_VARIANTS"]

REFUSAL_VARIANTS: list[Behaviour] = []

_CLAIMS = ("X-User-Id", "X-Forwarded-User", "X-Role", "X-Admin", "X-Internal")
_REFUSED = (AnswerKind.ANONYMOUS, AnswerKind.UNKNOWN)
_SHORTEST_TOKEN = 16


def _right(
    summary: str,
    why: str,
    applies: Callable[[Api], bool] = every_api,
    hook: Hook = Hook.ANSWER,
) -> Callable[[Any], Any]:
    def keep(run: Any) -> Any:
        REFUSAL_VARIANTS.append(Behaviour(run.__name__, summary, hook, run, applies, why))
        return run

    return keep


@_right(
    "403 for a token that is wrong, 401 for none",
    "RFC 9110 15.5.4: credentials that are understood and not enough may be refused with 403",
    needs_token,
)
def forbids_wrong_tokens(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS or context.credential is Caller.NONE:
        return answer
    return answer.without_header("WWW-Authenticate").with_json(403, {"error": "Forbidden"})


@_right(
    "403 for everybody without a right",
    "RFC 9110 15.5.4: a server may refuse without saying what would help",
    needs_token,
)
def forbids_strangers(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    return answer.without_header("WWW-Authenticate").with_json(403, {"error": "Forbidden"})


@_right(
    "400 for an Authorization that isn't of the form",
    "RFC 6750 3.1: invalid_request, with 400, for credentials that are malformed",
    by_header,
)
def malformed_credentials_400(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    at = context.api.access.token_at
    shown = context.request.header(at.name)
    if shown is None or context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    scheme, _, token = shown.partition(" ")
    is_formed = scheme.lower() == at.prefix.strip().lower() and len(token) >= _SHORTEST_TOKEN
    if is_formed and token.isascii() and not token.endswith("AAAA"):
        return answer
    challenge = 'Bearer realm="api", error="invalid_request"'
    return answer.with_json(400, {"error": "Bad credentials"}).with_header(
        "WWW-Authenticate", challenge
    )


@_right(
    "the challenge says what is wrong with a token",
    'RFC 6750 3: error="invalid_token" for one that is wrong, and none where none came',
    by_header,
)
def challenge_says_why(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS or context.credential is Caller.NONE:
        return answer
    said = 'Bearer realm="api", error="invalid_token", error_description="The token has expired"'
    told = answer.with_header("WWW-Authenticate", said)
    return told.with_json(answer.code, {"error": "invalid_token"})


@_right(
    "limits are counted down in every answer's head",
    "RFC 6648 and the drafts of RateLimit: a head may count, and each answer has another number",
)
def counts_down(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    left = 5000 - context.occurrence()
    limited = answer.with_header("X-RateLimit-Limit", "5000")
    return limited.with_header("X-RateLimit-Remaining", str(left))


@_right(
    "nothing is to be kept, refusals neither",
    "RFC 9111 5.2.2.5: no-store may stand in any answer",
)
def refusals_kept_nowhere(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind not in _REFUSED:
        return answer
    return answer.with_header("Cache-Control", "no-store, max-age=0").with_header(
        "Pragma", "no-cache"
    )


@_right(
    "a firewall refuses headers that claim something, by JSON",
    "RFC 9110 15.5.4: 403 for what a server won't answer; it comes before any id is read",
)
def firewall_refuses_claims(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    claims = (*_CLAIMS, "X-Forwarded-For", "X-HTTP-Method-Override")
    if not any(context.request.header(name) for name in claims):
        return answer
    return answer.without_header("WWW-Authenticate").with_json(403, {"error": "Blocked"})


@_right(
    "a firewall refuses what a browser's script sends, by a page",
    "Fetch standard: a server need answer no other site's page",
)
def firewall_refuses_origins(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.header("Origin") is None:
        return answer
    page = (
        b"<html><head><title>403</title></head><body>Cross-site requests are refused</body></html>"
    )
    return answer.without_header("WWW-Authenticate").with_content(403, page, "text/html")


@_right(
    "one page of the vendor's own may read, with credentials",
    "Fetch standard: an origin that is named, with credentials, is the vendor's to choose",
)
def own_page_may_read(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None:
        return answer
    shared = answer.with_header("Access-Control-Allow-Origin", "https://app.vendor.example")
    shared = shared.with_header("Access-Control-Allow-Credentials", "true")
    return _varied(shared, "Origin")


@_right(
    "any page may read without credentials, and is told so only if it asks",
    "Fetch standard: an origin may be given back; without credentials it is like a star",
)
def asking_page_may_read(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    origin = context.request.header("Origin")
    if context.job_id is None:
        return answer
    shared = answer if origin is None else answer.with_header("Access-Control-Allow-Origin", origin)
    return _varied(shared, "Origin")


@_right(
    "OPTIONS asks for a token, too",
    "RFC 9110 15.5.2: any method may ask for credentials",
    needs_token,
)
def options_guarded(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.OPTIONS or context.credential.known:
        return answer
    return context.fixed_answer(answer, context.script.pages.anonymous)


@_right(
    "parameters that nobody knows are refused before anything else",
    "RFC 9110 15.5.1: 400 for what the server takes for a client's mistake",
)
def strict_query(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if "jobproof" not in context.request.query:
        return answer
    return answer.without_header("WWW-Authenticate").with_json(400, {"error": "Unknown parameter"})


@_right(
    "parameters that nobody knows are refused where the job would be shown",
    "RFC 9110 15.5.21: 422 for what can't be processed; the id is looked up first",
)
def strict_query_late(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if "jobproof" not in context.request.query or context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_json(422, {"error": "Unknown parameter"})


@_right(
    "a refusal repeats the question, its query and the time",
    "JSON Schema: other keys are allowed where `additionalProperties` isn't false",
)
def refusal_repeats_question(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    pages = context.script.pages
    page = pages.unknown if context.answer_kind is AnswerKind.UNKNOWN else pages.anonymous
    if context.answer_kind not in _REFUSED or page.body is None:
        return answer
    said = {
        **page.body,
        "path": context.request.target,
        "method": context.request.method,
        "timestamp": datetime.fromtimestamp(context.now, UTC).isoformat(),
    }
    return answer.with_json(answer.code, said)


@_right(
    "whoever takes any media type is refused by a page",
    "RFC 9110 12.5.1: what a request accepts may be chosen by the server",
)
def refuses_by_page(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_free = context.request.header("Accept") == "*/*"
    if context.answer_kind is not AnswerKind.ANONYMOUS or not is_free:
        return answer
    page = f"<html><body><h1>{answer.code}</h1><p>Please sign in.</p></body></html>"
    return answer.with_content(answer.code, page.encode(), "text/html; charset=utf-8")


@_right(
    "letters that are encoded without need are refused",
    "RFC 9110 15.5.1: whoever takes a request for malformed may refuse it, whatever it is for",
)
def encoded_letters_400(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    path = context.request.path
    is_needless = any(
        chr(int(part[:2], 16)).isalnum() for part in path.split("%")[1:] if _is_hex(part[:2])
    )
    if not is_needless:
        return answer
    return answer.without_header("WWW-Authenticate").with_json(400, {"error": "Bad path"})


@_right(
    "a refusal takes a cookie away",
    "RFC 6265 3.1: a cookie is taken away by one that is over",
    needs_token,
)
def refusal_takes_cookie_away(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    return answer.with_header("Set-Cookie", "session=; Max-Age=0; Path=/")


@_right(
    "a load balancer's cookie comes with every answer",
    "RFC 6265 4.1: a cookie that holds no right is anybody's to read",
)
def sticky_cookie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_header("Set-Cookie", f"AWSALB=lb{context.request.connection}; Path=/")


@_right(
    "a page's scripts get a cookie against forged requests",
    "a token against forgery is made for scripts to read",
)
def forgery_cookie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Set-Cookie", "XSRF-TOKEN=b3f1c2; Path=/")


@_right(
    "links are signed by a key whose id they name",
    "a signed link names its key (AWS Signature 4), which is no secret",
    has_links,
    Hook.BODY,
)
def links_name_their_key(body: JsonObject, context: RequestContext) -> Json:
    signed = "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260921%2Fus-east-1%2Fs3&X-Amz-Signature=0"
    edit_links(body, context, lambda text: f"{text}?{signed}")
    return body


@_right(
    "every answer has a tag, refusals too",
    "RFC 9110 8.8.3: a tag may stand in any answer; it is made of the body",
)
def tags_refusals(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind not in _REFUSED or not answer.body:
        return answer
    return answer.with_header("ETag", f'W/"{hashlib.sha256(answer.body).hexdigest()[:16]}"')


@_right(
    "a refusal has the envelope that all errors have",
    "no document says what a 401 holds; `status` there is that of the request",
    needs_token,
)
def refusal_in_envelope(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    said: JsonObject = {"status": "failed", "error": {"status": 401, "errors": [{"id": "e-1"}]}}
    return answer.with_json(answer.code, said)


@_right(
    "a refusal says where one can read on, and whom to ask",
    "JSON Schema: a text may say anything",
)
def refusal_helps(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # Neither a page nor a problem, whose first text is a URI (RFC 9457 3.1.1).
    is_json = (answer.header("Content-Type") or "").startswith(JSON_MEDIA_TYPE)
    if context.answer_kind not in _REFUSED or not answer.body or not is_json:
        return answer
    text = "See https://docs.vendor.example/app/errors.html or write to support@vendor.example"
    said = replace_first_string(json.loads(answer.body), text)
    return replace(answer, body=json.dumps(said).encode())


@_right(
    "who asks for the first bytes gets them, if the job is theirs",
    "RFC 9110 15.3.7: 206 for a range of what may be shown",
)
def serves_ranges(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_asked = context.request.header("Range") == "bytes=0-7"
    if context.answer_kind is not AnswerKind.JOB or not is_asked or answer.code != 200:
        return answer
    part = replace(answer, code=206, body=answer.body[:8])
    return part.with_header("Content-Range", f"bytes 0-7/{len(answer.body)}")


@_right(
    "a refusal's head has a code and a number of its own",
    "RFC 9110 16.3.2: other fields may say more; unknown ids and others' jobs have the same",
)
def refusals_say_their_number(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return answer.with_header("X-Error-Code", "E404").with_header(
        "X-Request-Id", f"{context.occurrence():08x}"
    )


@_right(
    "the path is taken from where a proxy left it, and the right is asked for as ever",
    "no standard says what X-Original-URL means; whoever may not see a job doesn't see it",
    hook=Hook.JOB,
)
def path_from_head(job: MockJob | None, context: RequestContext) -> MockJob | None:
    path = context.request.header("X-Original-URL")
    if path is None:
        return job
    named = context.job_store.find(path.rpartition("/")[2])
    return named if named is not None and named.tenant == context.caller else None


def _varied(answer: MockAnswer, name: str) -> MockAnswer:
    return answer.with_header("Vary", ", ".join(filter(None, (answer.header("Vary"), name))))


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(sign in "0123456789abcdefABCDEF" for sign in text)
