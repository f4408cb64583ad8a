"""
A check: what Acme promises of `progress`.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.model.check import Facet, check
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.trace import Trace

__all__ = ["progress_never_falls"]

_AT = "/render/progress"


@check(
    basis=Basis.DOCUMENTED,
    source="handbook, chapter 4: progress only grows while a render has its machine",
    severity=Severity.LOW,
    about=Facet.JOB,
    apis=("acme-renders",),
)
def progress_never_falls(trace: Trace) -> Iterator[Remark]:
    """
    A render that goes on keeps the progress it has made.
    """
    seen = trace.latest
    before = trace.past.last
    if seen.job is None or before is None or before.job is None:
        return
    if before.job.status != seen.job.status:
        return  # a machine that was taken away starts again
    had, has = pick(before.job.body, _AT), pick(seen.job.body, _AT)
    if isinstance(had, int) and isinstance(has, int) and has < had:
        yield violation(_AT, expected=f"at least {had}", found=has)
