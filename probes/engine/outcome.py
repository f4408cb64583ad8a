"""
How a probe ended: one word out of a closed set.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Reason, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.observation import Observation
from jobproof.probes.result import Outcome

__all__ = ["outcome_of"]


_FAILURES = {
    Reason.DNS: Outcome.DNS,
    Reason.CONNECT: Outcome.CONNECT,
    Reason.BLOCKED: Outcome.CONNECT,
    Reason.TLS: Outcome.TLS,
    Reason.TIMEOUT: Outcome.TIMEOUT,
    Reason.PROTOCOL: Outcome.PROTOCOL,
    Reason.ENCODING: Outcome.PROTOCOL,
    Reason.TOO_LARGE: Outcome.TOO_LARGE,
}


def outcome_of(api: Api, seen: Observation, findings: Sequence[Finding]) -> Outcome:
    """
    How a probe ended: first by what came over the wire, then by the contract.
    """
    failure = seen.exchange.failure
    if failure is not None:
        return _FAILURES[failure.reason]
    code, wanted = seen.code, _right_codes(api, seen)
    if code not in wanted:
        if 200 not in wanted and 200 <= code < 300:
            return Outcome.VIOLATION  # somebody's job, shown to whoever asks
        return _outcome_of_code(code, api)
    if any(finding.breaks(strict=False) for finding in findings):
        return Outcome.VIOLATION
    return Outcome.OK


def _right_codes(api: Api, seen: Observation) -> frozenset[int]:
    if seen.subject is Subject.KNOWN and seen.credential is Credential.OWNER:
        return frozenset({200})
    asked = {seen.subject.value, seen.credential.value}
    profile = api.profile
    refusals = {e.code for e in profile.expected if asked.intersection(e.asked)}
    return frozenset(profile.not_found.codes).union(refusals)


def _outcome_of_code(code: int, api: Api) -> Outcome:
    if code == 429:
        return Outcome.RATE_LIMITED
    if code in api.profile.not_found.codes:
        return Outcome.NOT_FOUND
    if code in (401, 403):
        return Outcome.AUTH
    if 300 <= code < 400:
        return Outcome.REDIRECT
    return Outcome.SERVER_ERROR if code >= 500 else Outcome.UNEXPECTED_CODE
