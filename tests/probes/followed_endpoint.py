"""
A follower and the endpoint that it asks, with clocks that are set by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.engine.judging import RawResult, ResultJudge
from jobproof.probes.engine.prober import Clock
from jobproof.probes.engine.target_labels import labels_of
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.export.prometheus import Registry
from jobproof.probes.following.follower import JobFollower
from jobproof.probes.following.watch_list import WatchList

__all__ = ["BORN", "JOBS", "KNOWN", "FollowedEndpoint"]

BORN = 1_700_000_000.0
KNOWN = "00000000-0000-4000-8000-000000000000"
JOBS = tuple(f"11111111-1111-4111-8111-{number:012}" for number in range(3))


@dataclass
class HandClocks:
    """
    Both clocks, set by hand.
    """

    monotonic: float = 5_000.0
    wall: float = BORN

    def clock(self) -> Clock:
        return Clock(lambda: self.monotonic, lambda: self.wall)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@dataclass
class FollowedEndpoint:
    """
    One target's endpoint, and a follower that asks it; `code` is what it answers.
    """

    target: TargetSettings
    watchlist: WatchList
    hands: HandClocks = field(default_factory=HandClocks)
    code: int = 200
    gone_code: int = 404
    missing: frozenset[str] = frozenset()
    status: str = "queued"
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metrics = Metrics(Registry(), [labels_of(self.target)])
        self.judging = ResultJudge(self.target.api, Judge(()), self.target.token)
        self.start()

    def start(self) -> None:
        """
        A daemon's beginning.
        """
        self.follower = JobFollower(self.watchlist, self.metrics, self, self.hands.clock())
        self.apply(self.target)

    def apply(self, *targets: TargetSettings) -> dict[str, int]:
        return self.follower.apply(self.follower.plan(targets, Path()))

    def follow(self, target: str, job_id: str, refused: Callable[[], None]) -> None:
        self.asked.append(job_id)
        self.answer(job_id, "followed")

    def send_beside(
        self, target: str, request: Request, done: Callable[[Exchange | None], None]
    ) -> None:
        done(None)

    def answer(self, job_id: str, canary: str) -> None:
        code = self.gone_code if job_id in self.missing else self.code
        request = Request(
            *("GET", f"{self.target.url}/jobs/{job_id}", (), job_id),
            *(Subject.KNOWN, Credential.OWNER),
        )
        created = datetime.fromtimestamp(BORN, UTC).isoformat()
        job = {"job_id": job_id, "status": self.status, "created_at": created}
        body = json.dumps(job if code == 200 else {"error": "no"}).encode()
        answer = Response(code, (("Content-Type", "application/json"),), body, body)
        exchange = Exchange(request, answer, self.hands.wall - 0.1, 0.1)
        raw = RawResult(self.target.name, canary, request, self.hands.wall, 0.0, 0.1, exchange)
        self.follower.on_result(self.judging(raw))

    def run(self, seconds: float, *, knows: bool = True) -> list[str]:
        """
        Let time go by; who was asked for.
        """
        before = len(self.asked)
        for second in range(round(seconds)):
            self.hands.pass_by(1.0)
            if knows and second % 10 == 0:
                self.answer(KNOWN, "known")
            self.follower.step()
        return self.asked[before:]

    def followed(self) -> set[str]:
        return {job.job_id for job in self.watchlist.all(self.target.name)}

    def push(self, job_id: str) -> bool:
        now = self.follower.now()
        return self.watchlist.add(
            self.target.name, job_id, source="pushed", now=now, take_back=True
        )

    def bucket(self, name: str, le: str, **labels: str) -> int:
        """
        How many were seen up to there.
        """
        text = self.metrics.write(openmetrics=False)
        wanted = {"le": le, **labels}.items()
        return sum(
            round(one.value)
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if one.name == f"{name}_bucket" and wanted <= one.labels.items()
        )
