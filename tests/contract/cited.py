"""
Whether a source that a finding cites is there: in the document, or in the profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from jobproof.contract.formats.headers import header_names
from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.model.api import Api
from jobproof.contract.model.finding import Basis, Finding
from jobproof.contract.model.manners.manner import Manner

__all__ = ["sources_that_are_not_there", "stands_written"]

_DEADLINE = "the job deadline given by the user"
"""Written down by the user, who may hold a server to it."""


def _profile_sources(value: Any) -> Iterator[str]:
    """
    Every `source` of a profile, however deep.
    """
    if isinstance(value, dict):
        if isinstance(value.get("source"), str):
            yield value["source"]
        for item in value.values():
            yield from _profile_sources(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _profile_sources(item)


def stands_written(api: Api, source: str) -> bool:
    if source == _DEADLINE or source in set(_profile_sources(api.profile.model_dump())):
        return True
    _, _, place = source.partition(": ")
    if not source.startswith(("the document: ", f"{api.profile.document}: ")):
        return False
    operation = api.operation
    if place == "the operation has no such parameter":
        said = [pair for manner in Manner for pair in (*manner.spec.headers, *manner.spec.query)]
        declared = {one.name.lower() for one in operation.parameters if one.place != "path"}
        return not header_names(said) & declared
    if place.startswith("security"):
        stated = operation.security.stated_at
        return bool(stated) and place in ("security", stated)
    if place == "responses":
        return bool(operation.responses)
    unlisted = re.fullmatch("responses list no (server error|redirect)", place)
    if unlisted:
        first = {"server error": "5", "redirect": "3"}[unlisted[1]]
        return not any(code.startswith(first) or code == "default" for code in operation.responses)
    found = re.fullmatch(r"responses\.(\w+)(?:\.content(?:\.(.+?)(?:\.schema)?)?)?", place)
    if found is None or found[1] not in operation.responses:
        return False
    media_types = [content.media_type for content in operation.responses[found[1]].contents]
    return found[2] is None or found[2] in media_types


def sources_that_are_not_there(api: Api, findings: Iterable[Finding]) -> list[str]:
    documented = [f for f in findings if f.basis is Basis.DOCUMENTED and f.check != CRASHED]
    return [f"{f.check}: {f.source}" for f in documented if not stands_written(api, f.source)]
