"""
Ids to send: fresh ones that nobody has, and known ones altered.
"""

from __future__ import annotations

import random

from jobproof.contract.model.profile import Profile

__all__ = ["altered_ids", "fresh_id", "recased_id"]


def fresh_id(profile: Profile, rng: random.Random) -> str:
    """
    A well-formed id that nobody has.
    """
    return profile.id.fresh(rng)


def altered_ids(job_id: str) -> tuple[str, ...]:
    """
    Parts of `job_id`, and `job_id` with something around it.
    """
    return (job_id[: len(job_id) // 2], job_id[:8], job_id[:-1], f" {job_id}", f"{job_id} ")


def recased_id(job_id: str) -> str | None:
    """
    `job_id` in the other letter case; None where it has no letters.
    """
    other = job_id.swapcase()
    return other if other != job_id else None
