"""
How an id, a credential and a base URL become a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from jobproof.contract.formats.headers import HeaderPairs, header_names, without_headers
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Request, Subject

__all__ = [
    "build_listing_request",
    "build_owner_request",
    "build_request",
    "request_headers",
    "request_query",
]


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
) -> Request:
    """
    The request for one job; whatever the id holds, it is one segment of the path.

    Args:
        base_url: As `read_base_url` normalises it.
        token: Goes along only where `credential` is the owner's.
        headers: Further ones; one of them may take the place of ours.
        user_agent: The `User-Agent` sent; None leaves it to the client.
    """
    ours = (*api.values.query, *_queried_token(api, credential, token))
    extra = tuple(query)
    given = {name for name, _ in extra}
    pairs = (*(pair for pair in ours if pair[0] not in given), *extra)
    return Request(
        method=method,
        url=_with_query(api.target(base_url, job_id), pairs),
        headers=request_headers(api, credential, token, headers=headers, user_agent=user_agent),
        job_id=job_id,
        subject=subject,
        credential=credential,
        token_at=api.access.token_at,
        secret_at=api.values.secret_at,
    )


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
) -> HeaderPairs:
    """
    What a request of that credential carries; the header of the token comes last.
    """
    agent = () if user_agent is None else (("User-Agent", user_agent),)
    ours = (("Accept", "application/json"), *agent)
    # A field sent twice is read as a list (RFC 9110 5.3), so ours give way.
    for stronger in (api.values.headers, headers):
        ours = (*without_headers(ours, *header_names(stronger)), *stronger)
    return (*ours, *_token_headers(api, credential, token))


def _token(api: Api, credential: Credential, token: Secret | None) -> str | None:
    if credential is Credential.OWNER and token is not None:
        return token.reveal()
    return api.access.invalid if credential is Credential.INVALID else None


def _token_headers(api: Api, credential: Credential, token: Secret | None) -> HeaderPairs:
    """
    The header of the token, and that of all cookies.
    """
    at, text = api.access.token_at, _token(api, credential, token)
    cookies = api.values.cookies
    if text is not None and at.place == "cookie":
        cookies = (*(pair for pair in cookies if pair[0] != at.name), (at.name, at.written(text)))
    # RFC 6265 5.4: all cookies of a request stand in one field.
    sent = (("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)),)
    return (
        *(sent if cookies else ()),
        *(((at.name, at.written(text)),) if text is not None and at.place == "header" else ()),
    )


def _queried_token(
    api: Api, credential: Credential, token: Secret | None
) -> tuple[tuple[str, str], ...]:
    at, text = api.access.token_at, _token(api, credential, token)
    return ((at.name, at.written(text)),) if text is not None and at.place == "query" else ()


def _with_query(url: str, query: Iterable[tuple[str, str]]) -> str:
    # Not `+` for a blank: that is a form's spelling, and some servers take it for a plus.
    text = urlencode(list(query), quote_via=quote)
    if not text:
        return url
    return f"{url}{'&' if '?' in url else '?'}{text}"
