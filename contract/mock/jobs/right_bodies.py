"""
What a job has to show in each status, as the script's own jobs show it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.jobs.script import Script

__all__ = ["right_bodies"]


def right_bodies(script: Script) -> Mapping[str, tuple[JsonObject, ...]]:
    """
    By status, what a stage adds to the body, each once; one that adds nothing where the script
    has no such stage.

    Of the lives alone that jobs have from the start: others are there to be wrong.
    """
    found: defaultdict[str, list[JsonObject]] = defaultdict(list)
    for name in dict.fromkeys((*script.jobs.owner, *script.jobs.foreign, *script.jobs.lively)):
        for stage in script.lives[name].stages:
            if stage.body not in found[stage.status]:
                found[stage.status].append(stage.body)
    return defaultdict(lambda: ({},), {status: tuple(bodies) for status, bodies in found.items()})
