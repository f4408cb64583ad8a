"""
Whose fault it is that a check crashes, or that a token is refused: the endpoint's, or nobody's who
is being judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.observation import Observation

__all__ = ["TokenTrust", "blaming_nobody", "is_refusal"]


def blaming_nobody(finding: Finding) -> Finding:
    """
    The same; where a check failed, which has said nothing of the endpoint, it is inconclusive.
    """
    return replace(finding, kind=Kind.INCONCLUSIVE) if finding.check == CRASHED else finding


@dataclass(slots=True)
class TokenTrust:
    """
    Holds a refusal of the owner's token against the endpoint only where the same token has been
    refused and accepted again: one that was revoked doesn't come back.
    """

    _refused: tuple[str, Subject] | None = None
    _came_back: bool = False

    def weigh(
        self, findings: Iterable[Finding], seen: Observation, token: str | None
    ) -> tuple[Finding, ...]:
        """
        The findings about `seen`; those that rest on the token's being good are inconclusive as
        long as it may not be.
        """
        listed = tuple(findings)
        if seen.credential is not Credential.OWNER or seen.response is None or token is None:
            return listed
        if seen.intermediary is not None:
            return listed
        if not is_refusal(seen):
            self._note_answer(seen, token)
            return listed
        is_proven = self._came_back and self._refused is not None and self._refused[0] == token
        self._refused, self._came_back = (token, seen.subject), False
        return listed if is_proven else tuple([_in_doubt(finding) for finding in listed])

    def _note_answer(self, seen: Observation, token: str) -> None:
        if self._refused is None or self._refused[0] != token:
            return
        # A server may deny an unknown id before it looks at the token: that it does so says
        # something only where it has refused one.
        is_as_before = seen.is_not_found and seen.subject is self._refused[1]
        self._came_back = self._came_back or 200 <= seen.code < 300 or is_as_before


def is_refusal(seen: Observation) -> bool:
    """
    Whether it may be the token that is refused, and not the question.
    """
    if seen.is_not_found:
        return False  # some vendors deny a job that isn't there so
    # Who may not see somebody's job has been let in.
    return seen.code == 401 or (seen.code == 403 and seen.subject is not Subject.FOREIGN)


def _in_doubt(finding: Finding) -> Finding:
    if finding.kind is not Kind.VIOLATION or finding.pointer != "code":
        return finding
    if finding.accepted is not None:  # it is known, and breaks nothing
        return finding
    return replace(finding, kind=Kind.INCONCLUSIVE)
