"""
How an id, a credential and a base URL become a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from jobproof.contract.formats.headers import HeaderPairs, header_names, without_headers
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Request, Subject

__all__ = [
    "build_listing_request",
    "build_owner_request",
    "build_request",
    "request_headers",
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
    return Request(
        method=method,
        url=_with_query(api.target(base_url, job_id), query),
        headers=request_headers(api, credential, token, headers=headers, user_agent=user_agent),
        job_id=job_id,
        subject=subject,
        credential=credential,
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
    base_url: str, path: str, query: Iterable[tuple[str, str]], headers: HeaderPairs
) -> Request:
    """
    The request for one page of the operation that lists jobs, made as the owner.

    Args:
        headers: All of them, as `request_headers` made them for the owner.
    """
    url = _with_query(base_url.rstrip("/") + path, query)
    return Request("GET", url, headers, credential=Credential.OWNER)


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
    # A field sent twice is read as a list (RFC 9110 5.3), so ours give way.
    ours = without_headers((("Accept", "application/json"), *agent), *header_names(headers))
    return (*ours, *headers, *_authorization(api, credential, token))


def _authorization(api: Api, credential: Credential, token: Secret | None) -> HeaderPairs:
    if credential is Credential.OWNER and token is not None:
        return (api.authorization(token.reveal()),)
    if credential is Credential.INVALID:
        return (api.authorization(api.profile.auth.invalid),)
    return ()


def _with_query(url: str, query: Iterable[tuple[str, str]]) -> str:
    text = urlencode(list(query))
    if not text:
        return url
    return f"{url}{'&' if '?' in url else '?'}{text}"
