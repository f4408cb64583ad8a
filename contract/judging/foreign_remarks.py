"""
What a check says that isn't ours: held to the kinds that a remark has, before anybody relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from jobproof.contract.formats.wording import described, plain, shorten, told
from jobproof.contract.judging.limited_calls import CallFailedError, FailureReason
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import NotRecorded
from jobproof.contract.model.finding import Basis, Drift, Kind, Remark
from jobproof.contract.model.trace import Trace

__all__ = ["foreign_remarks"]

_PARTS = {
    "kind": Kind,
    "at": str,
    "message": str,
    "basis": Basis | None,
    "source": str | None,
    "drift": Drift | None,
    "patch": dict | None,
    "more": int,
}
"""Of a remark, and of which kind each is."""


def foreign_remarks(
    check: Check, trace: Trace, *, most: int
) -> tuple[Iterator[Remark], NotRecorded | CallFailedError | None]:
    """
    What a plug-in's check says, `most` remarks of it, and why it said no more.
    """
    found: list[Remark] = []
    if check.condition is not None and not check.condition(trace):
        return iter(found), None
    try:
        for remark in islice(check.run(trace), most):
            found.append(_sound(remark))
    except NotRecorded as exc:
        return iter(found), exc
    except Exception as exc:  # noqa: BLE001 -- raised again where it is reported
        return iter(found), CallFailedError(FailureReason.RAISED, described(exc))
    return iter(found), None


def _sound(remark: object) -> Remark:
    """
    What a plug-in's check says, with parts of the kinds that a remark has.
    """
    if not isinstance(remark, Remark):
        raise TypeError(f"it says {shorten(repr(remark), 60)}, which is no Remark")
    for name, kind in _PARTS.items():
        value = getattr(remark, name)
        if not isinstance(value, kind):
            raise TypeError(f"its remark's {name} is {shorten(repr(value), 60)}")
    # Shown later, where nothing limits it any more: what can't be raises here.
    told(remark.expected), told(remark.found)
    source = None if remark.source is None else plain(remark.source)
    return replace(remark, at=plain(remark.at), message=plain(remark.message), source=source)
