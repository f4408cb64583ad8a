"""
A month of monitoring, made up, in the daemon's own exposition.

The last day is exported by the daemon's `Metrics`, fed with results as the prober makes
them. The month before needs only what the objectives read; its names and labels are
checked against the same exposition.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import TextIO

from prometheus_client import CollectorRegistry
from tests.servers import promtool

from jobproof.contract.judging.limited_calls import PluginKind
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Phases,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.finding import Basis, Drift, Finding, Kind, Severity
from jobproof.contract.plugins import find_api, load_checks
from jobproof.grafana.settings import DashboardSettings, DashboardTarget
from jobproof.probes.export.metrics import Metrics, TargetLabels
from jobproof.probes.result import FOLLOWED, MissReason, ProbeOutcome, ProbeResult

__all__ = ["DAY_S", "History", "labels_of", "month", "newborn", "state_at"]

HOUR_S, DAY_S = 3600.0, 86_400.0
STEP_S = 60.0
OLD_STEP_S = 150.0
INSTANCE = 'job="jobproof",instance="prober-1:9641"'
MISSING_IDS_ARE_RIGHT = ("missing", "malformed", "anonymous", "foreign")
_SAMPLE = re.compile(r"^([a-z_:]+)(?:\{(.*)\})? (\S+)$")


def labels_of(target: DashboardTarget) -> TargetLabels:
    """
    What the daemon would export for a target of the dashboards' settings.
    """
    api = find_api(target.api)
    return TargetLabels(
        name=target.name,
        api=target.api,
        url=f"https://api.{target.name}.example",
        canaries={name: name in MISSING_IDS_ARE_RIGHT for name in target.canaries},
        statuses=tuple(status.word for status in target.statuses),
        terminal=frozenset(s.word for s in target.statuses if s.phase.terminal),
        intervals_s={k: v for k, v in target.canaries.items() if k != FOLLOWED},
        edges_s=(target.latency_s, target.timeout_s),
        limits_s=target.limits_s,
        not_found_codes=api.profile.not_found.codes,
        openapi_version=api.operation.version,
        spec_sha256=api.operation.digest[:16],
    )


@dataclass
class Job:
    """
    One followed job on its way.
    """

    born: float
    path: list[tuple[str, float]]
    at: int = 0
    since: float = 0.0


@dataclass
class EndpointState:
    """
    How the endpoint behaves at a moment: shares of probes, and how many jobs are stuck.
    """

    failing: float = 0.0
    slow: float = 0.0
    broken: float = 0.0
    lost: float = 0.0
    drifting: bool = False
    stuck: int = 0


@dataclass
class History:
    """
    One target's metrics over time, made step by step.
    """

    settings: DashboardSettings
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    jobs: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = self.settings.targets[0]
        self.checks = [check.id for check in load_checks()]
        self.metrics = Metrics(CollectorRegistry(), [labels_of(self.target)], self.checks)
        self.metrics.configure_plugins(
            {
                PluginKind.CANARY: self.target.canaries,
                PluginKind.SOURCE: ["listing"],
                PluginKind.SINK: ["jsonl"],
            }
        )
        self.words = {phase: [] for phase in ("pending", "succeeded", "failed", "cancelled")}
        for status in self.target.statuses:
            self.words[status.phase.value].append(status.word)

    def live(self, now: float, state: EndpointState, step_s: float = STEP_S) -> None:
        """
        Everything that happens in the `step_s` before `now`.
        """
        for canary, interval_s in self.target.canaries.items():
            due = now - step_s
            while due < now:
                if int(due // interval_s) != int((due - 1) // interval_s) or interval_s < 60:
                    self._probe(canary, due, state)
                due += min(interval_s, step_s)
        self._jobs(now, state, step_s)
        self.metrics.in_flight(self.rng.choice([0, 1, 1, 2]))
        used = 0.55 + 0.05 * self.rng.random()
        self.metrics.budget(self.target.name, used_ratio=used, backoff_until=0.0)
        waiting = (int(self.rng.expovariate(1 / 4_000)), self.rng.expovariate(1 / 0.02))
        self.metrics.judge_backlog({self.target.name: waiting})
        if state.slow and self.rng.random() < 0.3:
            self.metrics.slot_missed(self.target.name, MissReason.OVERLAP)

    def _probe(self, canary: str, due: float, state: EndpointState) -> None:
        rng = self.rng
        wait = rng.lognormvariate(-1.75, 0.35) + (
            rng.uniform(1, 3) if rng.random() < state.slow else 0
        )
        lag = rng.expovariate(1 / 0.002)
        code, outcome, findings = _right(canary), ProbeOutcome.OK, ()
        failure = None
        if rng.random() < state.failing:
            code, outcome = rng.choice(
                [(503, ProbeOutcome.SERVER_ERROR), (500, ProbeOutcome.SERVER_ERROR)]
            )
            if rng.random() < 0.25:
                failure, outcome, wait = Reason.TIMEOUT, ProbeOutcome.TIMEOUT, self.target.timeout_s
        elif canary == "known" and rng.random() < state.lost:
            code, outcome = 404, ProbeOutcome.NOT_FOUND
        request = _request(canary, f"0000{int(due) % 9973:04d}")
        phases = Phases(0.004, 0.011, 0.019, wait, 0.003)
        elapsed = wait + 0.037
        head = Response(code, (("Date", _http_date(due + elapsed)),), b"{}", b"{}")
        answer = TransportFailure(failure, "timed out") if failure else head
        expiry = due + 61 * DAY_S
        exchange = Exchange(
            request, answer, due + lag, elapsed, phases, "192.0.2.7", False, expiry - due % DAY_S
        )
        if outcome is ProbeOutcome.OK and canary in ("known", "followed"):
            findings = tuple(self._findings(exchange, state))
            if any(finding.kind is Kind.VIOLATION for finding in findings):
                outcome = ProbeOutcome.VIOLATION
        status = self._status() if code == 200 and canary in ("known", "followed") else None
        self.metrics.observe(
            ProbeResult(
                target=self.target.name,
                canary=canary,
                outcome=outcome,
                intended_at=due,
                duration_s=lag + elapsed,
                lag_s=lag,
                exchange=exchange,
                findings=findings,
                job_status=status,
            ),
            tuple(self.checks),
        )

    def _findings(self, exchange: Exchange, state: EndpointState) -> Iterator[Finding]:
        if self.rng.random() < state.broken:
            check = self.rng.choice(
                ["body_matches_schema", "body_matches_schema", "links_use_safe_schemes"]
            )
            yield _finding(check, Kind.VIOLATION, "/result/urls/0", exchange)
        if state.drifting and self.rng.random() < 0.5:
            yield _finding(
                "keys_are_declared", Kind.DRIFT, "/queue_position", exchange, Drift.UNDECLARED_KEY
            )
        if self.rng.random() < 0.01:
            yield _finding("code_is_documented", Kind.GAP, "code", exchange)

    def _status(self) -> str:
        return self.rng.choice(
            [job.path[job.at][0] for job in self.jobs] or self.words["succeeded"]
        )

    def _jobs(self, now: float, state: EndpointState, step_s: float) -> None:
        rng, name = self.rng, self.target.name
        arrivals = rng.choice([0, 1, 1, 2, 2, 3]) if step_s >= STEP_S else rng.choice([0, 1])
        for _ in range(arrivals):
            self.jobs.append(Job(now, self._path(), since=now))
        ended = []
        for job in self.jobs:
            word, lasts_s = job.path[job.at]
            if now - job.since < lasts_s * (1 + 2 * state.slow):
                continue
            after = job.path[job.at + 1][0]
            self.metrics.job_polled(name, 0.2)
            self.metrics.job_waited(name, word, now - job.since, "0001")
            self.metrics.job_moved(name, word, after)
            job.at, job.since = job.at + 1, now
            if job.at == len(job.path) - 1:
                self.metrics.job_ended(name, after, now - job.born, "0001")
                ended.append(job)
        self.jobs = [job for job in self.jobs if job not in ended]
        counts: dict[str, int] = {}
        for job in self.jobs:
            word = job.path[job.at][0]
            counts[word] = counts.get(word, 0) + 1
        oldest = max((now - job.born for job in self.jobs), default=None)
        self.metrics.jobs_followed(name, counts, stuck=state.stuck, oldest_pending_s=oldest)

    def _path(self) -> list[tuple[str, float]]:
        pending = self.words["pending"]
        visited = [word for word in pending if self.rng.random() < 0.75] or pending[:1]
        path = [(word, self.rng.lognormvariate(3.4, 0.8)) for word in visited]
        share = self.rng.random()
        phase = "succeeded" if share < 0.94 else "failed" if share < 0.98 else "cancelled"
        return [*path, (self.words[phase][0], 0.0)]


def state_at(ago_s: float) -> EndpointState:
    """
    The last day: one bad quarter of an hour, one slow one, one release at the vendor's.
    """
    hours = ago_s / HOUR_S
    return EndpointState(
        failing=0.35 if 2.6 < hours < 2.85 else 0.0,
        slow=0.45 if 4.3 < hours < 4.6 else 0.004,
        broken=0.06 if 0.9 < hours < 1.6 else 0.0,
        lost=0.0,
        drifting=hours < 1.6,
    )


def month(folder: Path, end: float, settings: DashboardSettings, *, days: float = 30.0) -> Path:
    """
    Blocks of a month that ends at `end`; the folder to start a Prometheus on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, data = folder / "history.txt", folder / "tsdb"
    history = History(settings)
    with file.open("w", encoding="utf-8") as out:
        _old_days(out, history, end - days * DAY_S, end - DAY_S)
        _last_day(out, history, end - DAY_S, end)
        out.write("# EOF\n")
    # Blocks of a month each: 2 h ones take a minute longer to write.
    promtool("tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics", file, data)
    file.unlink()
    return data


def newborn(folder: Path, end: float, settings: DashboardSettings) -> Path:
    """
    Blocks of a prober's first minute, in which nothing went wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, data = folder / "newborn.txt", folder / "tsdb"
    history = History(settings)
    with file.open("w", encoding="utf-8") as out:
        for index in range(4):
            now = end - 60 + 20 * index
            history.metrics.reloaded(taken=True, at=end - 60)
            history.live(now, EndpointState(), 20.0)
            _write(out, history, now)
        out.write("# EOF\n")
    promtool("tsdb", "create-blocks-from", "openmetrics", file, data)
    return data


def _last_day(out: TextIO, history: History, start: float, end: float) -> None:
    history.metrics.reloaded(taken=True, at=start)
    now = start
    while now <= end + 1:
        history.live(now, state_at(end - now))
        _write(out, history, now)
        now += STEP_S


def _write(out: TextIO, history: History, now: float) -> None:
    for line in history.metrics.write(openmetrics=False).splitlines():
        if line.startswith("#"):
            continue
        series, value = line.rsplit(" ", 1)
        if "{" in series:
            name, labels = series.split("{", 1)
            series = f"{name}{{{INSTANCE},{labels}"
        else:
            series = f"{series}{{{INSTANCE}}}"
        out.write(f"{series} {value} {now:.0f}\n")
    # What Prometheus and the client library add by themselves.
    out.write(f"up{{{INSTANCE}}} 1 {now:.0f}\n")
    out.write(f"process_cpu_seconds_total{{{INSTANCE}}} {(now % 1e6) * 0.012:.3f} {now:.0f}\n")
    out.write(f"process_resident_memory_bytes{{{INSTANCE}}} 9.4e7 {now:.0f}\n")
    out.write(f"process_start_time_seconds{{{INSTANCE}}} {now // DAY_S * DAY_S:.0f} {now:.0f}\n")
    out.write(f"process_open_fds{{{INSTANCE}}} 23 {now:.0f}\n")
    out.write(f"process_max_fds{{{INSTANCE}}} 1024 {now:.0f}\n")


def _old_days(out: TextIO, history: History, start: float, end: float) -> None:
    """
    Probes and latencies alone, every two and a half minutes.
    """
    rng, name = random.Random(3), history.target.name
    exposed = {
        match[2]
        for line in history.metrics.write(openmetrics=False).splitlines()
        if (match := _SAMPLE.match(line))
    }
    edges = sorted(
        float(found)
        for labels in exposed
        if labels and 'canary="known"' in labels
        for found in re.findall(r'le="([0-9.]+)"', labels)
    )
    counts = {"ok": 0, "server_error": 0, "timeout": 0}
    buckets = [0] * (len(edges) + 1)
    for outcome in counts:
        labels = f'target="{name}",canary="known",outcome="{outcome}"'
        assert labels in exposed, f"{labels} is no longer exported"
    now = start
    while now < end:
        ago_days = (end - now) / DAY_S
        bad = 0.6 if 17.0 < ago_days < 17.02 else 0.05 if 5.4 < ago_days < 5.6 else 0.0012
        for _ in range(15):
            outcome = rng.choice(["server_error", "timeout"]) if rng.random() < bad else "ok"
            counts[outcome] += 1
            seconds = 10.0 if outcome == "timeout" else rng.lognormvariate(-1.7, 0.4)
            seconds += 2.0 if rng.random() < 0.002 else 0.0
            buckets[next((i for i, edge in enumerate(edges) if seconds <= edge), len(edges))] += 1
        series = f'{INSTANCE},target="{name}",canary="known"'
        for outcome, count in counts.items():
            out.write(f'jobproof_probes_total{{{series},outcome="{outcome}"}} {count} {now:.0f}\n')
        below = 0
        for edge, count in zip([*map(repr, edges), "+Inf"], buckets, strict=True):
            below += count
            bucket = f'jobproof_probe_duration_seconds_bucket{{{series},le="{edge}"}}'
            out.write(f"{bucket} {below} {now:.0f}\n")
        out.write(f"jobproof_probe_duration_seconds_count{{{series}}} {below} {now:.0f}\n")
        now += OLD_STEP_S


def _right(canary: str) -> int:
    if canary == "anonymous":
        return 401
    return 404 if canary in MISSING_IDS_ARE_RIGHT else 200


def _request(canary: str, job_id: str) -> Request:
    subject = {
        "missing": Subject.MISSING,
        "malformed": Subject.MALFORMED,
        "foreign": Subject.FOREIGN,
    }.get(canary, Subject.KNOWN)
    credential = Credential.NONE if canary == "anonymous" else Credential.OWNER
    return Request("GET", f"https://api.example/jobs/{job_id}", (), job_id, subject, credential)


def _finding(
    check: str, kind: Kind, pointer: str, exchange: Exchange, drift: Drift | None = None
) -> Finding:
    return Finding(
        check,
        kind,
        Basis.DOCUMENTED,
        "history",
        Severity.HIGH,
        pointer,
        "made up",
        None,
        None,
        exchange,
        drift,
    )


def _http_date(at: float) -> str:
    return formatdate(at, usegmt=True)
