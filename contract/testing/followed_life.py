"""
What came of following a job: the verdict, what was found, and the life that was seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jobproof.contract.formats.wording import legible
from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.verdict import FindingGroup, Verdict, conclude
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.reporting.explain import explain_all
from jobproof.contract.testing.life import Life

__all__ = ["FollowedLife", "JobContractBroken", "JobContractInconclusive"]


class JobContractBroken(AssertionError):
    """
    The job's life breaks a promise; the text has the findings and the life.
    """


class JobContractInconclusive(AssertionError):
    """
    Too little was seen to say that the contract is kept; the text says why.
    """


@dataclass(frozen=True)
class FollowedLife:
    """
    Attributes:
        life: What was seen, poll by poll; `str` of it is a table.
        missing: What a verdict of `kept` would need, in words; empty where it has all.
    """

    _target: SuiteTarget = field(repr=False)
    life: Life
    _groups: tuple[FindingGroup, ...] = field(repr=False)
    missing: tuple[str, ...]
    _checks: Mapping[str, Check] = field(repr=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """
        What was found, each piece of news once, gravest first: what breaks the contract, and what
        doesn't.
        """
        redactor = self._target.redactor
        return tuple(found.redacted(redactor).first for found in self._groups)

    @property
    def broken(self) -> tuple[Finding, ...]:
        """
        Those of the findings that break the contract.
        """
        strict = self._target.strict
        return tuple(one for one in self.findings if one.breaks(strict=strict))

    @property
    def verdict(self) -> Verdict:
        """
        `broken` if a promise is, else `inconclusive` if too little was seen, else `kept`.
        """
        return conclude(self.findings, missing=self.missing, strict=self._target.strict)

    def assert_kept(self, *, allow_inconclusive: bool = False) -> None:
        """
        Fail the test unless the contract was kept, with the findings and the life as a table.

        Args:
            allow_inconclusive: A life of which too little was seen passes, too.

        Raises:
            JobContractBroken: A promise is broken.
            JobContractInconclusive: Nothing can be said, such as of a job that never ended.
        """
        __tracebackhide__ = True
        verdict = self.verdict
        if verdict is Verdict.BROKEN:
            raise JobContractBroken(str(self))
        if verdict is Verdict.INCONCLUSIVE and not allow_inconclusive:
            raise JobContractInconclusive(str(self))

    def __str__(self) -> str:
        return "\n\n".join(self._parts())

    def _parts(self) -> Iterator[str]:
        target = self._target
        job = target.redactor.text(f"{target.jobs[0]} at {target.base_url}")
        yield legible(f"job {job}: {self.verdict.value}{self._why}")
        broken = [one for one in self._groups if one.first.breaks(strict=target.strict)]
        # In the order of the findings, and those of a check together.
        for check in dict.fromkeys(one.first.check for one in broken):
            alike = [one for one in broken if one.first.check == check]
            yield from explain_all(alike, self._checks.get(check), target=target)
        if self.life.polls:
            yield str(self.life)

    @property
    def _why(self) -> str:
        if self.verdict is not Verdict.INCONCLUSIVE:
            return ""
        text = "; ".join(self.missing)
        return f": {self._target.redactor.text(text)}"
