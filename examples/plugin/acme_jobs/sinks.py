"""
A sink: one StatsD counter a result.
"""

from __future__ import annotations

import socket
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from jobproof.probes.result import ProbeResult

__all__ = ["Statsd", "StatsdOptions"]


class StatsdOptions(BaseModel):
    """
    Where the StatsD server listens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8125, ge=1, le=65535)
    prefix: str = Field(default="jobproof", pattern=r"^[A-Za-z0-9_.-]+$")


class Statsd:
    """
    Counts every result under `<prefix>.<target>.<canary>.<outcome>`.
    """

    Options: ClassVar[type[BaseModel]] = StatsdOptions

    def __init__(self, options: StatsdOptions) -> None:
        self._address = (options.host, options.port)
        self._prefix = options.prefix
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def write(self, result: ProbeResult) -> None:
        target = result.target.replace(".", "_")
        name = f"{self._prefix}.{target}.{result.canary}.{result.outcome.value}"
        self._socket.sendto(f"{name}:1|c".encode(), self._address)

    def close(self) -> None:
        self._socket.close()
