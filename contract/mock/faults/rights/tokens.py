"""
Whoever gets in without a token that is right, and by which trick.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.access import needs_token, owner_of
from jobproof.contract.mock.faults.asked import by_header
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Phase

__all__ = ["TOKENS"]

TOKENS = FaultGroup("K", "tokens and what is taken for one")

_NO_TOKEN = "token_is_required"  # noqa: S105 -- a check
_WRONG_TOKEN = "invalid_token_is_refused"  # noqa: S105 -- a check
_FEWEST = 8


def tells_failures(api: Api) -> bool:
    """
    APIs that need a token and whose jobs may fail.
    """
    words = api.profile.status.words.values()
    return needs_token(api) and any(word.phase is Phase.FAILED for word in words)


@TOKENS.caller("a scheme without a token is let in", _NO_TOKEN, applies=by_header)
def scheme_alone_lets_in(caller: Caller, context: RequestContext) -> Caller:
    at = context.api.access.token_at
    is_bare = context.request.header(at.name) == at.prefix.strip()
    return owner_of(context) if is_bare and not caller.known else caller


@TOKENS.caller(
    "the scheme in capitals is let in, whatever stands after it", _WRONG_TOKEN, applies=by_header
)
def scheme_in_capitals_lets_in(caller: Caller, context: RequestContext) -> Caller:
    at = context.api.access.token_at
    is_loud = (context.request.header(at.name) or "").startswith(at.prefix.upper())
    return owner_of(context) if is_loud and not caller.known else caller


@TOKENS.caller(
    "another scheme is let in, whatever stands after it", _WRONG_TOKEN, applies=by_header
)
def other_scheme_lets_in(caller: Caller, context: RequestContext) -> Caller:
    shown = context.request.header(context.api.access.token_at.name) or ""
    return owner_of(context) if shown.startswith("Basic ") and not caller.known else caller


@TOKENS.caller("the beginning of a token is enough", _WRONG_TOKEN, applies=needs_token)
def token_prefix_enough(caller: Caller, context: RequestContext) -> Caller:
    shown = _shown(context)
    is_part = len(shown) >= _FEWEST and _owners_token(context).startswith(shown)
    return Caller.OWNER if is_part else caller


@TOKENS.caller("what comes after a token is cut off", _WRONG_TOKEN, applies=needs_token)
def token_cut_to_length(caller: Caller, context: RequestContext) -> Caller:
    return Caller.OWNER if _shown(context).startswith(_owners_token(context)) else caller


@TOKENS.caller("a token's last character isn't looked at", _WRONG_TOKEN, applies=needs_token)
def token_end_unchecked(caller: Caller, context: RequestContext) -> Caller:
    shown, right = _shown(context), _owners_token(context)
    is_near = len(shown) == len(right) and shown[:-1] == right[:-1]
    return Caller.OWNER if is_near else caller


@TOKENS.caller("the end of a token is enough", _WRONG_TOKEN, applies=needs_token)
def token_suffix_enough(caller: Caller, context: RequestContext) -> Caller:
    shown = _shown(context)
    is_part = len(shown) >= _FEWEST and _owners_token(context).endswith(shown)
    return _let_in(caller, context, is_part)


@TOKENS.caller("what comes before a token is cut off", _WRONG_TOKEN, applies=needs_token)
def token_cut_from_the_left(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, _shown(context).endswith(_owners_token(context)))


@TOKENS.caller("only the ends of a token are looked at", _WRONG_TOKEN, applies=needs_token)
def token_middle_unchecked(caller: Caller, context: RequestContext) -> Caller:
    shown, token = _shown(context), _owners_token(context)
    is_like = len(shown) == len(token) and shown[:3] + shown[-3:] == token[:3] + token[-3:]
    return _let_in(caller, context, is_like)


@TOKENS.caller("a word for nothing is a token", _WRONG_TOKEN, applies=by_header)
def null_lets_in(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, _shown(context) in ("null", "undefined", "None"))


@TOKENS.caller("a token that nobody signed is believed", _WRONG_TOKEN, applies=by_header)
def unsigned_token_lets_in(caller: Caller, context: RequestContext) -> Caller:
    # {"alg":"none"}, as RFC 7519 6.1 writes a token without a signature.
    is_unsigned = _shown(context).startswith("eyJhbGciOiJub25lIn0.")
    return _let_in(caller, context, is_unsigned)


@TOKENS.caller("a credential of nothing is let in", _NO_TOKEN, applies=by_header)
def blank_credential_lets_in(caller: Caller, context: RequestContext) -> Caller:
    shown = context.request.header(context.api.access.token_at.name)
    return _let_in(caller, context, shown is not None and not shown.strip())


@TOKENS.caller("the letter case of a token doesn't matter", _WRONG_TOKEN, applies=needs_token)
def token_in_any_case(caller: Caller, context: RequestContext) -> Caller:
    is_same = _shown(context).lower() == _owners_token(context).lower()
    return Caller.OWNER if is_same else caller


@TOKENS.caller("any token in the query is let in", _WRONG_TOKEN, applies=by_header)
def query_token_unchecked(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, "access_token=" in context.request.query)


@TOKENS.caller("any session's cookie is let in", _NO_TOKEN, _WRONG_TOKEN, applies=by_header)
def cookie_unchecked(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, "session=" in (context.request.header("Cookie") or ""))


@TOKENS.caller("any token in a cookie is let in", _WRONG_TOKEN, applies=by_header)
def cookie_token_unchecked(caller: Caller, context: RequestContext) -> Caller:
    is_shown = "token=jobproof" in (context.request.header("Cookie") or "")
    return _let_in(caller, context, is_shown)


@TOKENS.caller("a web page needs no token, wherever it is from", _NO_TOKEN, applies=needs_token)
def origin_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("Origin") is not None)


@TOKENS.caller("forwarded from its own host, no token is needed", _NO_TOKEN, applies=needs_token)
def own_host_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("X-Forwarded-For") == "127.0.0.1")


@TOKENS.caller("a real IP of its own needs no token", _NO_TOKEN, applies=needs_token)
def real_ip_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("X-Real-IP") == "127.0.0.1")


@TOKENS.caller("who claims to be a user needs no token", _NO_TOKEN, applies=needs_token)
def user_is_believed(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("X-User-Id") is not None)


@TOKENS.caller("who claims to be internal needs no token", _NO_TOKEN, applies=needs_token)
def internal_is_believed(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("X-Internal") == "true")


@TOKENS.caller("for debugging, no token is needed", _NO_TOKEN, applies=needs_token)
def debugging_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, "debug=true" in context.request.query)


@TOKENS.caller("who claims to be a tenant needs no token", _NO_TOKEN, applies=needs_token)
def tenant_is_believed(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("X-Tenant-Id") is not None)


@TOKENS.caller("whom a proxy has let in needs no token", _NO_TOKEN, applies=needs_token)
def proxy_is_believed(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("X-Auth-Request-User") is not None)


@TOKENS.caller("a client's IP of its own needs no token", _NO_TOKEN, applies=needs_token)
def client_ip_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("CF-Connecting-IP") == "127.0.0.1")


@TOKENS.caller("what is shared needs no token", _NO_TOKEN, applies=needs_token)
def sharing_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, "share=" in context.request.query)


@TOKENS.caller("any key in a header of its own is let in", _WRONG_TOKEN, applies=by_header)
def key_header_unchecked(caller: Caller, context: RequestContext) -> Caller:
    is_key = context.api.access.token_at.name.lower() == "x-api-key"
    shown = None if is_key else context.request.header("X-Api-Key")
    return _let_in(caller, context, shown is not None)


@TOKENS.caller("a token becomes part of a query", _WRONG_TOKEN, applies=needs_token)
def token_in_query_text(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, "' OR '" in unquote(_shown(context)))


@TOKENS.caller("who probes for health needs no token", _NO_TOKEN, applies=needs_token)
def probe_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    agent = context.request.header("User-Agent") or ""
    return _let_in(caller, context, agent.startswith("kube-probe/"))


@TOKENS.answer("the first bytes are for anybody", _NO_TOKEN, applies=needs_token)
def range_needs_no_token(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS or context.request.header("Range") is None:
        return answer
    part = answer.with_content(206, b'{"job_id', "application/json")
    return part.without_header("WWW-Authenticate").with_header("Content-Range", "bytes 0-7/240")


@TOKENS.caller("who takes any media type needs no token", _NO_TOKEN, applies=needs_token)
def any_type_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.header("Accept") == "*/*")


@TOKENS.caller("HEAD needs no token", _NO_TOKEN, applies=needs_token)
def head_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    return _let_in(caller, context, context.request.method == "HEAD")


@TOKENS.caller("an ended job needs no token", _NO_TOKEN, applies=needs_token)
def ended_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    status = _status(context)
    return _let_in(caller, context, context.api.lifecycle.is_terminal(status))


@TOKENS.caller("as long as a job runs, it needs no token", _NO_TOKEN, applies=needs_token)
def running_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    status = _status(context)
    is_running = status is not None and not context.api.lifecycle.is_terminal(status)
    return _let_in(caller, context, is_running)


@TOKENS.caller("a failed job needs no token", _NO_TOKEN, applies=tells_failures)
def failed_needs_no_token(caller: Caller, context: RequestContext) -> Caller:
    word = context.profile.status.words.get(_status(context) or "")
    return _let_in(caller, context, word is not None and word.phase is Phase.FAILED)


@TOKENS.answer(
    "a condition is looked at before the token: 304 for whoever asks",
    "condition_opens_nothing",
    applies=needs_token,
    proves="condition_opens_nothing",
)
def condition_needs_no_token(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_asked = context.request.header("If-None-Match") == "*"
    if context.answer_kind is not AnswerKind.ANONYMOUS or not is_asked:
        return answer
    if context.job_store.find(context.job_id or "") is None:
        return answer
    bare = answer.without_header("Content-Type", "WWW-Authenticate")
    return replace(bare, code=304, body=b"")


def _let_in(caller: Caller, context: RequestContext, by_trick: bool) -> Caller:
    # An id that nobody has lets in as well: who is let in is told that there is no such job.
    return owner_of(context) if by_trick and not caller.known else caller


def _shown(context: RequestContext) -> str:
    request = context.request
    return context.api.access.token_at.read(request.headers, request.query) or ""


def _owners_token(context: RequestContext) -> str:
    return context.job_store.tokens[Caller.OWNER]


def _status(context: RequestContext) -> str | None:
    job = context.job_store.find(context.job_id or "")
    return job.peek(context.now).status if job is not None else None
