"""
What an answer must not give away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from jobproof.contract.checks.inside import (
    inside_in,
    may_hold_stack_trace,
    private_key_in,
    stack_trace_in,
)
from jobproof.contract.formats.headers import header_names
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import Words, shorten, told
from jobproof.contract.model.check import ERRORS, Premise, check
from jobproof.contract.model.exchange import Credential
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.profile import Phase
from jobproof.contract.model.trace import Trace

__all__ = [
    "allowed_origin_is_one",
    "denial_lists_no_ids",
    "error_names_nothing_inside",
    "no_credentialed_wildcard_origin",
    "no_secret_in_answer",
    "no_stack_trace",
    "refusal_shows_no_job",
    "session_cookie_is_guarded",
]

_OUTSIDERS = (Credential.NONE, Credential.INVALID)
# Words come about by themselves; a text with so many digits, or a moment, is one job's own.
_OWN = re.compile(r"(?:[^0-9]*[0-9]){4}", re.ASCII)
_SHORTEST_FACT = 8
_LEAST_MOMENT = 10**8
_MOST_FACTS = 200
_SEARCHED = 65_536
# `failed` and `cancelled` may be what has become of the request itself.
_TELLING = (Phase.PENDING, Phase.SUCCEEDED)
_STATUS_KEY = re.compile(r"(?i)(?:status|state)$")
_STATUS_HEADER = re.compile(r"(?:^|[-_])(?:status|state)$")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# One may be the name of the error itself (JSON:API), two are a list.
_FEWEST_IDS = 2


_SESSION = re.compile(r"(?i)(?:^|[-_.])(?:session|sess|sid|auth|jwt|token)(?:id)?$|sess(?:ion)?id$")
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#@,\s]+")
_FORGERY = re.compile(r"(?i)csrf|xsrf")


def _is_refused_to_outsider(trace: Trace) -> bool:
    seen, owners = trace.latest, trace.past.last
    if seen.credential not in _OUTSIDERS or not trace.api.access.is_required or owners is None:
        return False
    # What is let in, token_is_required and invalid_token_is_refused speak of.
    return seen.method == "OPTIONS" or 400 <= seen.code < 500


def _is_denied(trace: Trace) -> bool:
    seen = trace.latest
    return 400 <= seen.code < 500 and seen.body is not None and seen.body.readable


@check(
    basis=Basis.INFERRED,
    source="Fetch standard: CORS protocol and credentials",
    fields=("access-control-allow-origin",),
)
def no_credentialed_wildcard_origin(trace: Trace) -> Iterator[Remark]:
    """
    Answers for any origin aren't open to credentials.
    """
    response = trace.latest.response
    allowed = response.header("access-control-allow-origin") if response is not None else None
    if response is None or not _is_any_origin(trace, allowed):
        return
    # Browsers refuse it beside `*`, so whoever sends that means to open what can't be opened.
    if (response.header("access-control-allow-credentials") or "").lower() == "true":
        yield violation(
            "header:access-control-allow-origin",
            expected=Words("one origin"),
            found=Words(f"{shorten(allowed or '', 80)} with credentials"),
        )


@check(
    basis=Basis.RFC,
    source="Fetch 3.3.4: Access-Control-Allow-Origin = origin-or-null / wildcard",
    severity=Severity.LOW,
    fields=("access-control-allow-origin",),
)
def allowed_origin_is_one(trace: Trace) -> Iterator[Remark]:
    """
    The origin that is allowed is one that a browser can have.
    """
    response = trace.latest.response
    allowed = response.header("access-control-allow-origin") if response is not None else None
    if allowed and allowed not in ("*", "null") and not _ORIGIN.fullmatch(allowed):
        yield violation(
            "header:access-control-allow-origin",
            expected=Words("one origin, such as https://example.com, or *"),
            found=told(allowed),
        )


@check(
    basis=Basis.INFERRED,
    source="a stack trace names files, versions and lines to anybody",
    severity=Severity.HIGH,
)
def no_stack_trace(trace: Trace) -> Iterator[Remark]:
    """
    An answer holds no stack trace.
    """
    response = trace.latest.response
    if response is None:
        return
    body, head = response.recorded_body, response.head.encode("utf-8", "replace")
    # Nearly no answer has one, so all of it is looked through at once.
    if not may_hold_stack_trace(b"\n".join((body, head))):
        response.need_all_headers()
        return
    found = stack_trace_in(body)
    if found is not None:
        yield violation("body", expected=Words("no stack trace"), found=shorten(found, 40))
    response.need_all_headers()
    if stack_trace_in(head) is None:
        return
    for name in sorted(header_names(response.headers)):
        for value in response.header_values(name):
            found = stack_trace_in(value.encode("utf-8", "replace"))
            if found is not None:
                expected = Words("no stack trace")
                yield violation(f"header:{name}", expected=expected, found=shorten(found, 40))


@check(
    basis=Basis.INFERRED,
    source="OWASP API8:2023: an error tells nothing of what it was thrown by",
    severity=Severity.MEDIUM,
    premise=Premise("no answer was an error", lambda trace: trace.latest.code >= 400),
    codes=ERRORS,
)
def error_names_nothing_inside(trace: Trace) -> Iterator[Remark]:
    """
    An error names no query, no host and no file of the inside.
    """
    response = trace.latest.response
    if response is None or response.code < 400:
        return
    body = response.recorded_body
    if stack_trace_in(body) is not None:
        return  # no_stack_trace speaks of it
    request = trace.latest.exchange.request
    found = inside_in(body, known=f"{request.url} {request.job_id or ''}")
    if found is not None:
        yield violation("body", expected=Words("nothing of the inside"), found=shorten(found, 60))


@check(
    basis=Basis.INFERRED,
    source="RFC 6265 8.3 and 4.1.2.6: cookies that hold a right are Secure and HttpOnly",
    severity=Severity.LOW,
    premise=Premise(
        "no answer set a cookie that holds a right", lambda trace: any(_sessions(trace))
    ),
    fields=("set-cookie",),
)
def session_cookie_is_guarded(trace: Trace) -> Iterator[Remark]:
    """
    A cookie that holds a session is for no script and no open line.
    """
    url = trace.latest.exchange.request.url
    # By http a browser takes no Secure one.
    needed = ("httponly", "secure") if url.startswith("https:") else ("httponly",)
    for name, attributes in _sessions(trace):
        lacking = [word for word in needed if word not in attributes]
        if lacking:
            yield violation(
                "header:set-cookie",
                f"the cookie {shorten(name, 40)} is set without {' and '.join(lacking)}",
                expected=list(needed),
                found=sorted(attributes & set(needed)),
            )


@check(
    basis=Basis.RFC,
    source="RFC 6750 5.2: tokens are kept confidential",
    severity=Severity.CRITICAL,
)
def no_secret_in_answer(trace: Trace) -> Iterator[Remark]:
    """
    An answer holds neither the asker's token nor a private key.
    """
    response = trace.latest.response
    if response is None:
        return
    if trace.token:
        redactor = _redactor(trace.token)
        if response.body is not None and redactor.holds_secret(response.body):
            yield violation(
                "body", "the token is sent back", expected=Words("no token"), found=Words("a token")
            )
        if redactor.holds_secret(response.head):
            yield violation(
                "headers",
                "the token is sent back",
                expected=Words("no token"),
                found=Words("a token"),
            )
    body = response.recorded_body
    if trace.token:
        response.need_all_headers()
    if private_key_in(body):
        yield violation("body", "a private key", expected=Words("no key"), found=Words("a key"))


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.CRITICAL,
    needs=("none",),
    only=("none", "invalid"),
    premise=Premise(
        "nobody without a right was refused a job that is known", _is_refused_to_outsider
    ),
)
def refusal_shows_no_job(trace: Trace) -> Iterator[Remark]:
    """
    A refusal shows nothing of the job that it refuses.
    """
    seen, owners, access = trace.latest, trace.past.last, trace.api.access
    if not _is_refused_to_outsider(trace) or owners is None or seen.response is None:
        return
    where = "the answer" if seen.method == "OPTIONS" else "the refusal"
    text = seen.response.recorded_body[:_SEARCHED].decode("utf-8", "replace")
    shown = next((fact for fact in _facts_of(owners) if fact in text), None)
    status = _telling_status(trace, owners)
    if shown is None and status is not None and _has_status(trace, status):
        shown = status
    if shown is not None:
        yield violation(
            "body",
            f"{where} shows the job: {shorten(shown, 60)}",
            expected=Words("nothing of the job"),
            found=shorten(shown, 60),
            basis=access.basis,
            source=access.source,
        )
    seen.response.need_all_headers()
    for name in sorted(filter(_STATUS_HEADER.search, header_names(seen.response.headers))):
        if status is not None and status in seen.response.header_values(name):
            yield violation(
                f"header:{name}",
                f"{where} shows the job's status",
                expected=Words("nothing of the job"),
                found=status,
                basis=access.basis,
                source=access.source,
            )
    tag = seen.response.header("etag")
    if tag in trace.past.tags:
        # The tag alone tells when the job changes, and no more.
        yield violation(
            "header:etag",
            f"{where} has the job's own tag",
            expected=Words("nothing of the job"),
            found=shorten(tag or "", 60),
            basis=Basis.INFERRED,
            source="a tag tells whoever asks again that the job has changed",
        )


@check(
    basis=Basis.INFERRED,
    source="OWASP API1:2023: ids of others invite whoever asks to try them",
    severity=Severity.MEDIUM,
    premise=Premise("no refusal could be read", _is_denied),
    codes=ERRORS,
)
def denial_lists_no_ids(trace: Trace) -> Iterator[Remark]:
    """
    A refusal lists no ids of other jobs.
    """
    seen = trace.latest
    if not _is_denied(trace) or seen.body is None:
        return
    asked = (seen.asked_for or "").lower()
    ids = dict.fromkeys(
        text for text in _listed(seen.body.value) if _is_id(trace, text) and text.lower() != asked
    )
    if len(ids) >= _FEWEST_IDS:
        yield violation(
            "body",
            f"a refusal lists {len(ids)} ids",
            expected=Words("no ids of other jobs"),
            found=list(ids)[:3],
        )


def _facts_of(owners: Observation) -> tuple[str, ...]:
    job, asked = owners.job, (owners.asked_for or "").lower()
    if job is None:
        return ()
    # What holds the id may come from the question.
    facts = (fact for fact in _texts(job.body) if not asked or asked not in fact.lower())
    return tuple(dict.fromkeys(facts))[:_MOST_FACTS]


def _texts(value: Json) -> Iterator[str]:
    for leaf, _ in _leaves(value):
        if isinstance(leaf, bool):
            continue
        if isinstance(leaf, int) and leaf >= _LEAST_MOMENT:
            yield str(leaf)
        elif isinstance(leaf, str) and len(leaf) >= _SHORTEST_FACT and _OWN.match(leaf):
            yield leaf


def _listed(value: Json) -> Iterator[str]:
    for leaf, in_list in _leaves(value):
        if in_list and isinstance(leaf, str):
            yield leaf


def _leaves(value: Json) -> Iterator[tuple[Json, bool]]:
    """
    All that is neither object nor list, and whether it stands in a list.
    """
    left: list[tuple[Json, bool]] = [(value, False)]
    while left:
        one, in_list = left.pop()
        if isinstance(one, dict):
            left += ((below, in_list) for below in one.values())
        elif isinstance(one, list):
            left += ((below, True) for below in one)
        else:
            yield one, in_list


def _telling_status(trace: Trace, owners: Observation) -> str | None:
    status = owners.job.status if owners.job is not None else None
    if not isinstance(status, str):
        return None
    word = trace.api.profile.status.words.get(status)
    return status if word is not None and word.phase in _TELLING else None


def _has_status(trace: Trace, status: str) -> bool:
    body = trace.latest.body
    if body is None or not body.readable:
        return False
    if pick(body.value, trace.api.profile.status.at) == status:
        return True
    return any(_STATUS_KEY.search(key) and text == status for key, text in _named_texts(body.value))


def _named_texts(value: Json) -> Iterator[tuple[str, str]]:
    """
    The texts of an object and of those in it, each with its key.
    """
    for inner in value if isinstance(value, list) else ():
        yield from _named_texts(inner)
    for key, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, str):
            yield key, inner
        yield from _named_texts(inner)


def _is_id(trace: Trace, text: str) -> bool:
    form = trace.api.profile.id
    if form.shape == "uuid":
        return _UUID.fullmatch(text) is not None
    return bool(form.prefix) and text.startswith(form.prefix) and len(text) > len(form.prefix) + 7


def _is_any_origin(trace: Trace, allowed: str | None) -> bool:
    """
    Whether an answer is open for whatever page: one of an origin that nobody has included.
    """
    if allowed in ("*", "null"):
        return True
    # Of anybody's own page, in a recording, nobody knows whether it is a stranger's.
    manner = trace.latest.manner
    return manner.includes(Manner.ORIGIN) and ("Origin", allowed) in manner.spec.headers


def _sessions(trace: Trace) -> Iterator[tuple[str, frozenset[str]]]:
    """
    The cookies that are set and seem to hold a right, with the names of their attributes.
    """
    response = trace.latest.response
    for cookie in response.header_values("set-cookie") if response is not None else ():
        pair, *rest = cookie.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        words = frozenset(word.partition("=")[0].strip().lower() for word in rest)
        # One without a value, or over at once, takes a cookie away.
        is_taken_away = not value or any(
            word.replace(" ", "").lower() == "max-age=0" for word in rest
        )
        if _SESSION.search(name) and not _FORGERY.search(name) and not is_taken_away:
            yield name, words


@lru_cache(maxsize=64)
def _redactor(token: str) -> Redactor:
    # A token has many spellings; they are worked out once a token, not once an answer.
    return Redactor([token])
