"""
Ids to send: fresh ones that nobody has, and known ones altered.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from jobproof.contract.model.profile import Profile

__all__ = ["altered_ids", "fresh_id", "recased_id"]


def fresh_id(profile: Profile, rng: random.Random) -> str:
    """
    A well-formed id that nobody has.
    """
    return profile.id.fresh(rng)


def altered_ids(job_id: str, others: Iterable[str] = ()) -> tuple[str, ...]:
    """
    Parts of `job_id`, and `job_id` with something around it, each once.

    Args:
        others: Ids that name a job of their own, so that they are no alteration of this one.
    """
    altered = (job_id[: len(job_id) // 2], job_id[:8], job_id[:-1], f" {job_id}", f"{job_id} ")
    taken = {job_id, *others}
    # Of a short id little is left: nothing at all is another route, and so are dots.
    return tuple(
        dict.fromkeys(a for a in altered if a.strip() not in ("", ".", "..") and a not in taken)
    )


def recased_id(job_id: str, others: Iterable[str] = ()) -> str | None:
    """
    `job_id` in the other letter case; None where it has no letters, or that is one of `others`.
    """
    other = job_id.swapcase()
    return None if other in (job_id, *others) else other
