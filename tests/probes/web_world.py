"""
The web pages on a real socket, with a stub of the daemon behind them.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.probes.results import NOW, TOKEN, result
from tests.tools import PATIENCE_S

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.plugins import find_api
from jobproof.probes.evidence.store import EvidenceStore
from jobproof.probes.export.metrics import Metrics, TargetLabels
from jobproof.probes.export.prometheus import Registry, expose
from jobproof.probes.following.tracker import JobCounts
from jobproof.probes.reload_result import ReloadResult
from jobproof.probes.result import ProbeResult
from jobproof.probes.web.access.web_config import WebConfig
from jobproof.probes.web.app import create_app
from jobproof.probes.web.recent_results import RecentResults
from jobproof.probes.web.server import WebLimits, WebServer
from jobproof.probes.web.view_protocols import CanaryInfo, ProbeRefused, TargetInfo, statuses_of

__all__ = ["Answer", "StubDaemon", "World", "krea", "open_world"]


def krea(name: str = "krea", *, accepts_jobs: bool = True) -> TargetInfo:
    """
    A target as the daemon shows it.
    """
    profile = find_api("krea").profile
    return TargetInfo(
        name=name,
        api="krea",
        title=profile.title,
        url="https://api.krea.ai",
        canaries=(
            CanaryInfo("known", 30.0, 10.0),
            CanaryInfo("missing", 30.0, 10.0),
            CanaryInfo("malformed", 300.0, 10.0),
            CanaryInfo("anonymous", 300.0, 10.0),
            CanaryInfo("followed", None, 10.0),
        ),
        latency_s=1.0,
        statuses=statuses_of(profile),
        accepts_jobs=accepts_jobs,
    )


@dataclass
class StubDaemon:
    """
    A daemon whose every answer a test can set.
    """

    target_infos: Sequence[TargetInfo] = field(default_factory=lambda: (krea(),))
    lag: float = 0.0
    broken: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    error: str | None = None
    refusal: str | None = None
    answer: ProbeResult = field(default_factory=result)
    followed: list[tuple[str, str]] = field(default_factory=list)
    probed: list[tuple[str, str, float]] = field(default_factory=list)
    jobs: JobCounts | None = None
    reloads: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)

    def targets(self) -> Sequence[TargetInfo]:
        return self.target_infos

    def job_counts(self, target: str) -> JobCounts | None:
        return self.jobs

    def lag_in_intervals(self) -> float:
        return self.lag

    def failures(self) -> tuple[str, ...]:
        return self.broken

    def shortcomings(self) -> tuple[str, ...]:
        return self.lacking

    def reload(self) -> ReloadResult:
        self.reloads += 1
        return ReloadResult(self.error, kept=self.kept)

    def probe(self, target: str, canary: str, *, timeout_s: float) -> ProbeResult:
        self.probed.append((target, canary, timeout_s))
        if self.refusal is not None:
            raise ProbeRefused(self.refusal)
        return self.answer

    def follow(self, target: str, job_id: str) -> bool:
        taken = (target, job_id) not in self.followed
        self.followed.append((target, job_id))
        return taken


@dataclass(frozen=True)
class Answer:
    """
    What came back.
    """

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class World:
    """
    A running server and what is behind it.
    """

    port: int
    daemon: StubDaemon
    results: RecentResults
    evidence: EvidenceStore
    now: float = NOW
    context: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def record(self, *results: ProbeResult) -> None:
        """
        Hand results to the recent results and the evidence store, as the daemon does.
        """
        for one in results:
            self.evidence.keep(one)
            self.results.record(one)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """
        One request on a connection of its own.
        """
        if self.context is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        else:
            connection = http.client.HTTPSConnection(
                "localhost", self.port, timeout=PATIENCE_S, context=self.context
            )
        try:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=fields)
            answer = connection.getresponse()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, given, answer.read())
        finally:
            connection.close()


@contextmanager
def open_world(
    folder: Path,
    *,
    web_config: str | None = None,
    limits: WebLimits | None = None,
    daemon: StubDaemon | None = None,
) -> Iterator[World]:
    """
    A server on a free port of the loopback, until the block ends.
    """
    config = WebConfig()
    if web_config is not None:
        path = folder / "web.yaml"
        path.write_text(web_config)
        config = WebConfig(path)
    registry = Registry()
    metrics = Metrics(registry)
    metrics.configure(
        [_labels(target) for target in (daemon or StubDaemon()).targets()], ["a_check"]
    )
    redactor = Redactor([TOKEN])
    evidence = EvidenceStore(
        folder / "evidence", redactor=redactor, token_env=lambda _: "KREA_API_TOKEN"
    )
    results = RecentResults(redactor=redactor)
    listener = socket.create_server(("127.0.0.1", 0))
    world = World(listener.getsockname()[1], daemon or StubDaemon(), results, evidence)
    app = create_app(
        control=world.daemon,
        results=results,
        evidence=evidence,
        expose=partial(expose, registry),
        promises={"job_id_is_echoed": "A 200 speaks about the job that was asked for."},
        config=config,
        clock=lambda: world.now,
    )
    server = WebServer(app, listener, tls=config.tls, limits=limits)
    server.start()
    try:
        yield world
    finally:
        assert server.stop()


def _labels(target: TargetInfo) -> TargetLabels:
    return TargetLabels(
        name=target.name,
        api=target.api,
        url=target.url,
        canaries={canary.name: canary.name != "known" for canary in target.canaries},
        statuses=tuple(target.statuses),
        terminal=frozenset(w for w, status in target.statuses.items() if status.phase.terminal),
    )
