"""
A daemon in this process, against a mocked endpoint on a real socket.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from tests.tools import PATIENCE_S

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Subject
from jobproof.contract.plugins import load_checks
from jobproof.probes.config.reader import load_settings
from jobproof.probes.daemon import Daemon
from jobproof.probes.export.prometheus import expose, new_registry
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.result import ProbeResult
from jobproof.probes.service import connect

__all__ = ["Heard", "made", "running", "sample", "write_config"]


@dataclass
class Heard:
    """
    Stands in for the status page: keeps every result.
    """

    results: list[ProbeResult] = field(default_factory=list)
    unasked: Counter[str] = field(default_factory=Counter)

    def record(self, result: ProbeResult) -> None:
        self.results.append(result)

    def count_failed(self, target: str, canary: str, count: int) -> None:
        self.unasked[canary] += count

    def forget_other_targets(self, names: object) -> None:
        pass

    def of(self, canary: str) -> list[ProbeResult]:
        return [result for result in self.results if result.canary == canary]

    def subjects(self, canary: str) -> set[Subject]:
        found = (result.exchange for result in self.of(canary))
        return {exchange.request.subject for exchange in found if exchange is not None}


def write_config(
    folder: Path,
    server: MockServer | str,
    *,
    api: str = "krea",
    token: str = "",
    canaries: str = "",
    more: str = "",
) -> Path:
    """
    A configuration with one target; `canaries` and `more` are YAML, indented by four.
    """
    url = server if isinstance(server, str) else server.url
    token = token or ("t0ken-" + "x" * 20 if isinstance(server, str) else server.token)
    (folder / "token").write_text(token + "\n", encoding="utf-8")
    path = folder / "jobproof.yaml"
    known = "" if isinstance(server, str) else server.jobs[0].id
    path.write_text(
        "targets:\n"
        "  - name: mocked\n"
        f"    api: {api}\n"
        f"    url: {url}\n"
        "    token_file: token\n"
        "    interval: 100ms\n"
        "    timeout: 2s\n"
        "    requests_per_minute: unlimited\n"
        "    canaries:\n"
        + (canaries or f"      known: {{ids: [{known}]}}\n      missing: {{}}\n")
        + more,
        encoding="utf-8",
    )
    return path


def made(
    config: Path,
    *,
    watchlist: WatchList | None = None,
    redactor: Redactor | None = None,
    heard: Heard | None = None,
) -> Daemon:
    """
    A daemon that isn't started yet.
    """
    return Daemon(
        load_settings(config),
        make_client=connect,
        checks=load_checks(),
        watchlist=watchlist or WatchList(None),
        registry=new_registry(process=False),
        redactor=redactor or Redactor(),
        rng=random.Random(4),
        results=heard or Heard(),
    )


@contextmanager
def running(
    config: Path, *, watchlist: WatchList | None = None, redactor: Redactor | None = None
) -> Iterator[tuple[Daemon, Heard]]:
    """
    A started daemon that is stopped at the end.
    """
    heard = Heard()
    daemon = made(config, watchlist=watchlist, redactor=redactor, heard=heard)
    daemon.start()
    try:
        yield daemon, heard
    finally:
        daemon.stop(within_s=PATIENCE_S)


def sample(daemon: Daemon, name: str, **labels: str) -> float:
    """
    The sum of all samples of that name that have these labels.
    """
    text = expose(daemon.registry).body.decode()
    return sum(
        one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    )
