"""
Ids to ask for: fresh ones that nobody has, hostile ones, and known ones altered.
"""

from __future__ import annotations

import random

from jobproof.contract.model.profile import Profile

__all__ = ["HOSTILE", "altered_ids", "fresh_id", "recased_id"]

HOSTILE: tuple[str, ...] = (
    "not-an-id",
    "0",
    "-1",
    "null",
    "undefined",
    "*",
    "%",
    "%00",
    "a\x00b",
    "'",
    "' OR '1'='1",
    '"',
    "1;DROP TABLE jobs",
    "<script>alert(1)</script>",
    "${7*7}",
    "{{7*7}}",
    "../../etc/passwd",
    "a/../b",
    "a%2Fb",
    "..;/",
    "a b",
    "a?b=c",
    "a#b",
    "\u202etxt",
    "\u0130d",
    "\U0001f600",
    "\ufeff",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-fffffffffffg",
    "{4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20}",
    "9" * 40,
    "x" * 300,
    "x" * 3000,
)
"""Strings that name no job; each has broken some server once. None is empty or a dot
segment: those lead to another route."""


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
