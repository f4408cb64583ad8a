"""
Recorded exchanges, kept until all are read, and handed out job by job in the order of time.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from jobproof.contract.model.exchange import Exchange

__all__ = ["HeldExchanges", "Packer", "RecordedJob"]

JobKey = tuple[str, str]
"""Which server it was, and the id as jobs are told apart by it."""

_Packed = tuple[float, int, bytes]
"""When it began, how many were added before it, and the exchange."""


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """
    What was recorded of one job.

    Attributes:
        base: Which server it was.
        exchanges: Oldest first; unpacked as they are asked for.
    """

    base: str
    exchanges: Iterator[Exchange]


class Packer:
    """
    Packs exchanges into little memory, and in memory alone: they hold other people's secrets.
    """

    __slots__ = ("_template",)

    def __init__(self) -> None:
        self._template = b""

    def pack(self, exchange: Exchange) -> bytes:
        """
        The exchange, packed; for `unpack` of the same packer.
        """
        plain = pickle.dumps(exchange, protocol=pickle.HIGHEST_PROTOCOL)
        # Nearly all of an entry stands in the one before it, too.
        self._template = self._template or plain[-32_768:]
        packer = zlib.compressobj(1, zdict=self._template)
        return packer.compress(plain) + packer.flush()

    def unpack(self, packed: bytes) -> Exchange:
        """
        What was packed.
        """
        plain = zlib.decompressobj(zdict=self._template).decompress(packed)
        exchange = pickle.loads(plain)  # noqa: S301 -- packed above, and never outside this process
        assert isinstance(exchange, Exchange)
        return exchange


@dataclass(slots=True)
class HeldExchanges:
    """
    Keeps exchanges packed, by the job that they are about.
    """

    _jobs: dict[JobKey, list[_Packed]] = field(default_factory=dict)
    _servers: dict[str, int] = field(default_factory=dict)
    _packer: Packer = field(default_factory=Packer)
    _count: int = 0

    @property
    def servers(self) -> dict[str, int]:
        """
        How many exchanges there are with each.
        """
        return dict(self._servers)

    def add(self, base: str, job: str, exchange: Exchange) -> None:
        """
        Keep one more.

        Args:
            job: Its id, the same for all spellings of one.
        """
        packed = (exchange.started_at, self._count, self._packer.pack(exchange))
        self._count += 1
        self._servers[base] = self._servers.get(base, 0) + 1
        self._jobs.setdefault((base, job), []).append(packed)

    def drain(self, servers: Container[str]) -> Iterator[RecordedJob]:
        """
        The jobs of these servers one by one; what was handed out isn't kept any more.
        """
        for key in list(self._jobs):
            packed = self._jobs.pop(key)
            if key[0] in servers:
                packed.sort()
                yield RecordedJob(key[0], self._unpacked(packed))
        self._servers.clear()

    def _unpacked(self, packed: list[_Packed]) -> Iterator[Exchange]:
        for _, _, blob in packed:
            yield self._packer.unpack(blob)
