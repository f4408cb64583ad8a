"""
How an id, a credential and a base URL become a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, urlencode, urlsplit

from jobproof.contract.formats.headers import HeaderPairs, header_names, without_headers
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Request, Subject
from jobproof.contract.model.manners.manner import Manner

__all__ = [
    "build_listing_request",
    "build_owner_request",
    "build_request",
    "can_be_asked",
    "request_headers",
    "request_query",
    "with_token",
]

_SCHEME_WRITTEN = {Manner.SCHEME_CASE: str.lower, Manner.SCHEME_UPPER: str.upper}


def build_request(
    api: Api,
    base_url: str,
    job_id: str,
    *,
    subject: Subject,
    credential: Credential,
    token: Secret | None,
    method: str = "GET",
    headers: HeaderPairs = (),
    query: Iterable[tuple[str, str]] = (),
    user_agent: str | None = None,
    manner: Manner = Manner.PLAIN,
    as_it_is: bool = False,
    other_id: str = "",
) -> Request:
    """
    The request for one job; whatever the id holds, it is one segment of the path.

    Args:
        base_url: As `read_base_url` normalises it.
        token: Goes along only where `credential` is the owner's.
        headers: Further ones; one of them may take the place of ours.
        user_agent: The `User-Agent` sent; None leaves it to the client.
        manner: One in which it can be asked: `can_be_asked`.
        as_it_is: The id stands in the path as it is, and is read there as a server reads it.
        other_id: Of the job that the manner names beside this one, where it does.
    """
    ours = (*api.values.query, *_queried_token(api, credential, token, manner))
    added = _added(api, manner, manner.spec.query)
    extra = (*query, *((name, value or other_id) for name, value in added))
    if manner is Manner.OTHER_IN_HEADER:
        headers = (*headers, *_named_in_head(api, base_url, other_id))
    given = {name for name, _ in extra}
    pairs = (*(pair for pair in ours if pair[0] not in given), *extra)
    target = api.target(base_url, job_id, as_it_is=as_it_is)
    if manner.includes(Manner.ENCODED):
        target = _respelled(target, job_id)
    return Request(
        method=method,
        url=_with_query(target, pairs),
        headers=request_headers(
            api, credential, token, headers=headers, user_agent=user_agent, manner=manner
        ),
        job_id=job_id,
        subject=subject,
        credential=credential,
        token_at=api.access.token_at,
        secret_at=api.values.secret_at,
        manner=manner,
    )


def can_be_asked(api: Api, manner: Manner, token: Secret | None) -> bool:
    """
    Whether a question can be put in that manner, with such a token, and differs from a plain one.
    """
    at, spec = api.access.token_at, manner.spec
    if at.is_pair and manner in (Manner.NULLED, Manner.CLAIMED, Manner.QUOTED):
        return False  # none of them is a user with a password
    if spec.token is not None:
        return token is not None and spec.token(token.reveal()) is not None
    if manner in (Manner.EMPTY, Manner.BLANK):
        return at.place == "header" and not at.is_pair
    if manner is Manner.OTHER_SCHEME:
        return at.header == "authorization" and at.prefix.lower() == "bearer "
    if manner in _SCHEME_WRITTEN:
        return at.place == "header" and _SCHEME_WRITTEN[manner](at.prefix) != at.prefix
    pairs = (*spec.headers, *spec.query)
    if spec.is_bundle:
        return bool(_added(api, manner, pairs))
    return _meant(api).isdisjoint(header_names(pairs))


def build_owner_request(
    api: Api, base_url: str, job_id: str, token: str, subject: Subject = Subject.KNOWN
) -> Request:
    """
    The request by which the owner of `token` gets a job.
    """
    owner, secret = Credential.OWNER, Secret(token)
    return build_request(api, base_url, job_id, subject=subject, credential=owner, token=secret)


def build_listing_request(
    api: Api, base_url: str, path: str, query: Iterable[tuple[str, str]], headers: HeaderPairs
) -> Request:
    """
    The request for one page of the operation that lists jobs, made as the owner.

    Args:
        query: All of it, what `request_query` gives included.
        headers: All of them, as `request_headers` made them for the owner.

    Raises:
        ValueError: A parameter of the path has no value.
    """
    return Request(
        "GET",
        _with_query(base_url.rstrip("/") + api.filled(path), query),
        headers,
        credential=Credential.OWNER,
        token_at=api.access.token_at,
        secret_at=api.values.secret_at,
    )


def request_query(
    api: Api, credential: Credential, token: Secret | None
) -> tuple[tuple[str, str], ...]:
    """
    What a request of that credential carries in its query, whichever operation it is for: what
    the API requires, such as its version, and the token where it stands there.
    """
    return (*api.values.required_query, *_queried_token(api, credential, token))


def request_headers(
    api: Api,
    credential: Credential,
    token: Secret | None,
    *,
    headers: HeaderPairs = (),
    user_agent: str | None = None,
    manner: Manner = Manner.PLAIN,
) -> HeaderPairs:
    """
    What a request of that credential carries; the header of the token comes last.
    """
    agent = () if user_agent is None else (("User-Agent", user_agent),)
    ours = (("Accept", "application/json"), *agent)
    # A field sent twice is read as a list (RFC 9110 5.3), so ours give way.
    asked = tuple(pair for pair in _added(api, manner, manner.spec.headers) if pair[1])
    for stronger in (api.values.headers, headers, asked):
        ours = (*without_headers(ours, *header_names(stronger)), *stronger)
    sent = (*ours, *_token_headers(api, credential, token, manner))
    if manner.includes(Manner.FIELD_CASE):
        return tuple((name.lower(), value) for name, value in sent)
    return sent


def with_token(request: Request, old: Secret, new: Secret) -> Request:
    """
    The same with another token in the place of `old`, however the question is put.
    """
    at = request.token_at
    if at is None:
        return request
    before, after = (at.written(one.reveal()).removeprefix(at.prefix) for one in (old, new))
    if at.place == "query":
        url = request.url.replace(quote(before, safe=""), quote(after, safe=""))
        return replace(request, url=url)
    # Wherever it stands in the head: no other header holds as long a text by chance.
    headers = tuple((name, value.replace(before, after)) for name, value in request.headers)
    return replace(request, headers=headers)


def _meant(api: Api) -> frozenset[str]:
    """
    Names, in small letters, that the document declares or the user sends: they mean something.
    """
    named = (one.name for one in api.operation.parameters if one.place != "path")
    declared = (*((name, "") for name in named), (api.access.token_at.name, ""))
    cookies = {"cookie"} if api.values.cookies or api.access.token_at.place == "cookie" else set()
    return frozenset(header_names((*declared, *api.values.headers)) | cookies)


def _added(api: Api, manner: Manner, pairs: HeaderPairs) -> HeaderPairs:
    """
    Those of the manner's pairs that are sent.
    """
    if not manner.spec.is_bundle:
        return pairs
    return without_headers(pairs, *_meant(api))


def _token(api: Api, credential: Credential, token: Secret | None, manner: Manner) -> str | None:
    spec = manner.spec
    if spec.value is not None or manner in (Manner.IN_QUERY, Manner.IN_COOKIE):
        return None  # what is sent stands elsewhere, or is no token
    if spec.token is not None:
        return spec.token(token.reveal()) if token is not None else None
    if credential is Credential.OWNER and token is not None:
        return token.reveal()
    return api.access.invalid if credential is Credential.INVALID else None


def _token_headers(
    api: Api, credential: Credential, token: Secret | None, manner: Manner
) -> HeaderPairs:
    """
    The header of the token, and that of all cookies.
    """
    at, text = api.access.token_at, _token(api, credential, token, manner)
    cookies = api.values.cookies
    if text is not None and at.place == "cookie":
        cookies = (*(pair for pair in cookies if pair[0] != at.name), (at.name, at.written(text)))
    # RFC 6265 5.4: all cookies of a request stand in one field.
    field = (("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)),)
    sent = field if cookies else ()
    if manner.spec.value is not None:
        return (*sent, (at.name, (manner.spec.value or at.prefix).strip()))
    written = at.written(text) if text is not None else ""
    if manner in _SCHEME_WRITTEN:
        written = written.replace(at.prefix, _SCHEME_WRITTEN[manner](at.prefix), 1)
    return (*sent, *(((at.name, written),) if text is not None and at.place == "header" else ()))


def _queried_token(
    api: Api, credential: Credential, token: Secret | None, manner: Manner = Manner.PLAIN
) -> tuple[tuple[str, str], ...]:
    at, text = api.access.token_at, _token(api, credential, token, manner)
    return ((at.name, at.written(text)),) if text is not None and at.place == "query" else ()


def _named_in_head(api: Api, base_url: str, job_id: str) -> HeaderPairs:
    path = urlsplit(api.target(base_url, job_id)).path
    return tuple((name, path) for name, _ in Manner.OTHER_IN_HEADER.spec.headers)


def _respelled(url: str, job_id: str) -> str:
    """
    The same URL with a letter or digit of the id percent-encoded.
    """
    letter = next((one for one in job_id if one.isascii() and one.isalnum()), "")
    before, found, after = url.rpartition(quote(job_id, safe="-._~"))
    if not letter or not found:
        return url
    return f"{before}{found.replace(letter, f'%{ord(letter):02X}', 1)}{after}"


def _with_query(url: str, query: Iterable[tuple[str, str]]) -> str:
    # Not `+` for a blank: that is a form's spelling, and some servers take it for a plus.
    text = urlencode(list(query), quote_via=quote)
    if not text:
        return url
    return f"{url}{'&' if '?' in url else '?'}{text}"
