"""
Which of n daemons asks a target: the same answer that Prometheus gives.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.digits import read_digits

__all__ = ["Shard", "hashmod"]

_MOST_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """
    Part `index` of `of`, counted from 0.

    Every target belongs to exactly one part, and to the same one that
    `action: hashmod` with `source_labels: [__address__]` over `/-/sd` puts it in.
    """

    index: int = 0
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """
        The shard that `--shard i/n` names.

        Raises:
            ConfigError: Not two numbers, or not 0 <= i < n.
        """
        before, _, behind = text.partition("/")
        index, of = (read_digits(digits, most=_MOST_SHARDS + 1) for digits in (before, behind))
        if index is None or of is None:
            raise ConfigError(
                f"--shard {text!r}: write i/n, for example 0/3 for the first of three"
            )
        shard = cls(index, of)
        if not 1 <= shard.of <= _MOST_SHARDS:
            raise ConfigError(f"--shard {text!r}: n must be between 1 and {_MOST_SHARDS}")
        if shard.index >= shard.of:
            raise ConfigError(f"--shard {text!r}: i counts from 0, so the last is {shard.of - 1}")
        return shard

    def owns(self, target: str) -> bool:
        """
        Whether this part asks the target of that name.
        """
        return hashmod(target, modulus=self.of) == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def hashmod(*labels: str, modulus: int) -> int:
    """
    Prometheus' `hashmod` of these label values: a number from 0 to modulus - 1.
    """
    joined = ";".join(labels).encode()
    # Prometheus shifts all sixteen bytes into a uint64, so the first eight fall out.
    low_half = hashlib.md5(joined, usedforsecurity=False).digest()[8:]
    return int.from_bytes(low_half, "big") % modulus
