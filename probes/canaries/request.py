"""
A canary's question as the request that carries it.
"""

from __future__ import annotations

from jobproof.contract.formats.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Request
from jobproof.probes.canaries.canary import CanaryRequest

__all__ = ["build_request"]


def build_request(
    api: Api, base_url: str, next_request: CanaryRequest, token: Secret | None, *, user_agent: str
) -> Request:
    """
    The question as a GET of the job endpoint; the token goes along only as the owner.
    """
    headers: tuple[tuple[str, str], ...] = (
        ("Accept", "application/json"),
        ("User-Agent", user_agent),
    )
    credential = next_request.credential
    if credential is Credential.INVALID:
        headers = (*headers, api.authorization(api.profile.auth.invalid))
    elif credential is Credential.OWNER and token is not None:
        headers = (*headers, api.authorization(token.reveal()))
    url = api.target(base_url, next_request.job_id)
    return Request("GET", url, headers, next_request.job_id, next_request.subject, credential)
