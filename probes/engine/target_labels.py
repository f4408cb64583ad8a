"""
What a target's series are made of, by its settings.
"""

from __future__ import annotations

from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.export.metrics import TargetLabels
from jobproof.probes.result import FOLLOWED

__all__ = ["labels_of"]


def labels_of(target: TargetSettings) -> TargetLabels:
    """
    What a target's series are made of.
    """
    statuses = target.api.profile.status
    canaries = {canary.name: canary.make.absence_is_right for canary in target.canaries}
    if target.follow:
        canaries[FOLLOWED] = False
    return TargetLabels(
        name=target.name,
        api=target.api.name,
        url=target.shown_url,
        canaries=canaries,
        statuses=tuple(statuses.words),
        terminal=frozenset(name for name, word in statuses.words.items() if word.phase.terminal),
        edges_s=target.edges_s,
        limits_s=tuple(limit.after for limit in statuses.limits),
        not_found_codes=target.api.profile.not_found.codes,
        intervals_s={canary.name: canary.interval_s for canary in target.canaries},
        openapi_version=target.api.operation.version,
        spec_sha256=target.api.operation.digest[:16],
    )
