"""
The daemon's metrics, filled from what it sees: see `families` for what there is.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise, product
from threading import RLock

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as PrometheusFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from jobproof.contract.formats.http_date import read_http_date
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.judging.limited_calls import FailureReason
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.probes.export.families import (
    ACCEPTED,
    CODES,
    DIAL_OUTCOMES,
    DURATION_EDGES_S,
    JOB_EDGES_S,
    LAG_EDGES_S,
    LATENESS_EDGES_S,
    METRICS,
    OTHER_CODE,
    PHASE_EDGES_S,
    PHASES,
    STORES,
    UNKNOWN_STATUS,
    UNSEEN_STATUS,
    Edges,
    Metric,
    status_label,
)
from jobproof.probes.export.series import (
    BoundedWords,
    Counter,
    Family,
    Gauge,
    Histogram,
    JobExemplar,
    Snapshot,
)
from jobproof.probes.result import FOLLOWED, MissReason, ProbeOutcome, ProbeResult

__all__ = ["Metrics", "TargetLabels"]

# The longest time-out that a configuration may give: later than that nothing overlaps.
_LONGEST_OVERLAP_S = 600.0
_MOST_SELECTIONS = 4_096


@dataclass(frozen=True, slots=True)
class TargetLabels:
    """
    What a target's series are made of.

    Attributes:
        canaries: Name, and whether it asks for ids whose absence is right.
        intervals_s: How often those of them are asked that have a grid.
        statuses: The API's status words, in the order of life.
        terminal: Those of them that end a job's life.
        edges_s: SLO threshold and time-outs: edges of the duration histogram.
        limits_s: Documented limits of a job's life: edges of the job histograms.
        not_found_codes: HTTP codes by which the API says that there is no such job.
    """

    name: str
    api: str
    url: str
    canaries: Mapping[str, bool]
    statuses: tuple[str, ...]
    terminal: frozenset[str]
    edges_s: tuple[float, ...] = ()
    limits_s: tuple[float, ...] = ()
    not_found_codes: tuple[int, ...] = ()
    intervals_s: Mapping[str, float] = field(default_factory=dict)
    openapi_version: str = ""
    spec_sha256: str = ""


@dataclass(slots=True)
class _CanarySeries:
    """
    The children that one probe touches, found once.
    """

    outcomes: dict[ProbeOutcome, Counter]
    duration: Histogram
    phases: tuple[Histogram, ...]
    codes: dict[int, Counter] = field(default_factory=dict)
    success: Gauge | None = None
    last_probe: Gauge | None = None
    last_success: Gauge | None = None


class Metrics(Collector):
    """
    The daemon's numbers, in the registry that was passed in.

    Safe to call from any thread; a scrape sees each result whole or not at all.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        targets: Iterable[TargetLabels] = (),
        checks: Sequence[str] = (),
        redactor: Redactor | None = None,
    ) -> None:
        self._redactor = redactor or Redactor()
        self._lock = RLock()
        self._families: dict[str, Family[Counter] | Family[Gauge] | Family[Histogram]] = {}
        self._counters: dict[str, Family[Counter]] = {}
        self._gauges: dict[str, Family[Gauge]] = {}
        self._histograms: dict[str, Family[Histogram]] = {}
        self._duration_edges_s: Edges = DURATION_EDGES_S
        self._job_edges_s: Edges = JOB_EDGES_S
        for metric in METRICS:
            self._declare(metric)
        self._targets: dict[str, TargetLabels] = {}
        self._statuses: dict[str, frozenset[str]] = {}
        self._pointers: dict[str, BoundedWords] = {}
        self._canary_series: dict[tuple[str, str], _CanarySeries] = {}
        self._judged: dict[tuple[str, tuple[str, ...]], tuple[Counter, ...]] = {}
        self._create_process_series()
        self.configure(targets, checks)
        registry.register(self)

    # -- the layout ---------------------------------------------------------------------

    def configure(self, targets: Iterable[TargetLabels], checks: Sequence[str]) -> None:
        """
        Make every closed series exist at 0, and forget targets and canaries that are gone.

        Series that stay are not reset, even where a bucket edge comes or goes.
        """
        with self._lock:
            fresh = {target.name: target for target in targets}
            self._forget(fresh)
            self._move_edges(fresh.values())
            for target in fresh.values():
                self._create(target, checks)
            for check in checks:
                self._counters["jobproof_check_crashes_total"].child(check)
            self._targets = fresh
            self._statuses = {t.name: frozenset(t.statuses) for t in fresh.values()}
            # They hold children that may just have been removed from their families.
            self._canary_series.clear()
            self._judged.clear()

    def _declare(self, metric: Metric) -> None:
        if metric.type == "counter":
            self._counters[metric.name] = self._families[metric.name] = Family(metric, Counter)
        elif metric.type == "gauge":
            self._gauges[metric.name] = self._families[metric.name] = Family(metric, Gauge)
        else:
            family = Family(metric, self._histogram(metric.name))
            self._histograms[metric.name] = self._families[metric.name] = family

    def _histogram(self, name: str) -> Callable[[], Histogram]:
        edges: dict[str, Callable[[], Edges]] = {
            "jobproof_probe_duration_seconds": lambda: self._duration_edges_s,
            "jobproof_probe_phase_duration_seconds": lambda: PHASE_EDGES_S,
            "jobproof_schedule_lag_seconds": lambda: LAG_EDGES_S,
            "jobproof_followed_poll_lateness_seconds": lambda: LATENESS_EDGES_S,
            "jobproof_job_status_duration_seconds": lambda: self._job_edges_s,
            "jobproof_job_completion_seconds": lambda: self._job_edges_s,
        }
        here = edges[name]
        return lambda: Histogram(here())

    def _create_process_series(self) -> None:
        self._histograms["jobproof_schedule_lag_seconds"].child()
        self._gauges["jobproof_probes_in_flight"].child()
        for store in STORES:
            self._counters["jobproof_store_write_errors_total"].child(store)
        try:
            own_version = version("jobproof")
        except PackageNotFoundError:
            own_version = "unknown"
        self._gauges["jobproof_build_info"].child(
            own_version, platform.python_version()
        ).value = 1.0

    def _forget(self, fresh: Mapping[str, TargetLabels]) -> None:
        def gone(labels: dict[str, str]) -> bool:
            target = labels.get("target")
            if target is None:
                return False
            canary = labels.get("canary")
            return target not in fresh or (
                canary is not None and canary not in fresh[target].canaries
            )

        for family in self._families.values():
            family.remove(gone)
        # Their labels may have changed, and two of one target would make joins ambiguous.
        for name in ("jobproof_contract_info", "jobproof_target_info"):
            self._gauges[name].remove(lambda _labels: True)
        self._pointers = {name: self._pointers.get(name, BoundedWords()) for name in fresh}

    def _move_edges(self, targets: Iterable[TargetLabels]) -> None:
        # One layout for all targets: `sum by (le)` over different layouts is no histogram.
        known = tuple(targets)
        self._duration_edges_s = _edges(DURATION_EDGES_S, (t.edges_s for t in known))
        self._job_edges_s = _edges(JOB_EDGES_S, (t.limits_s for t in known))
        for name, edges in (
            ("jobproof_probe_duration_seconds", self._duration_edges_s),
            ("jobproof_job_status_duration_seconds", self._job_edges_s),
            ("jobproof_job_completion_seconds", self._job_edges_s),
        ):
            for child in self._histograms[name].children.values():
                child.move_to(edges)

    def _create(self, target: TargetLabels, checks: Sequence[str]) -> None:
        name, counters, histograms = target.name, self._counters, self._histograms
        for canary, absence_is_right in target.canaries.items():
            histograms["jobproof_probe_duration_seconds"].child(name, canary)
            for outcome in ProbeOutcome:
                counters["jobproof_probes_total"].child(name, canary, outcome.value)
            for code in dict.fromkeys((*CODES, *map(str, target.not_found_codes))):
                counters["jobproof_http_responses_total"].child(name, canary, code)
            expected = _flag(absence_is_right)
            counters["jobproof_not_found_total"].child(name, canary, expected)
        for phase in PHASES:
            histograms["jobproof_probe_phase_duration_seconds"].child(name, phase)
        for why in MissReason:
            counters["jobproof_slots_missed_total"].child(name, why.value)
        for dialled in DIAL_OUTCOMES:
            counters["jobproof_dials_total"].child(name, dialled.value)
        for canary, interval_s in target.intervals_s.items():
            interval = self._gauges["jobproof_target_interval_seconds"].child(name, canary)
            interval.value = interval_s
        self._create_findings(name, checks)
        self._create_jobs(target)
        info = self._gauges["jobproof_contract_info"]
        info.child(name, target.api, target.openapi_version, target.spec_sha256).value = 1.0
        self._gauges["jobproof_target_info"].child(name, target.api, target.url).value = 1.0
        for gauge in (
            *("request_budget_used_ratio", "backoff_until_timestamp_seconds"),
            *("judge_backlog_bytes", "judge_oldest_seconds"),
        ):
            self._gauges[f"jobproof_{gauge}"].child(name)

    def _create_findings(self, name: str, checks: Sequence[str]) -> None:
        counters = self._counters
        for check, kind in product((*checks, CRASHED), Kind):
            counters["jobproof_contract_findings_total"].child(name, check, kind.value)
        for check in checks:
            counters["jobproof_checks_judged_total"].child(name, check)
        counters["jobproof_findings_dropped_total"].child(name)

    def _create_jobs(self, target: TargetLabels) -> None:
        name, statuses = target.name, tuple(map(status_label, target.statuses))
        pending = [status_label(word) for word in target.statuses if word not in target.terminal]
        for status in (*statuses, UNKNOWN_STATUS):
            self._counters["jobproof_job_status_observations_total"].child(name, status)
        # Statuses are read in any probe's answer; the series below come of following alone.
        if FOLLOWED not in target.canaries:
            return
        self._histograms["jobproof_followed_poll_lateness_seconds"].child(name)
        for status in (*statuses, UNKNOWN_STATUS):
            self._gauges["jobproof_followed_jobs"].child(name, status)
        for status in pending:
            self._histograms["jobproof_job_status_duration_seconds"].child(name, status)
        for status in map(status_label, sorted(target.terminal)):
            self._histograms["jobproof_job_completion_seconds"].child(name, status)
        for before, after in product((*pending, UNSEEN_STATUS), (*statuses, UNSEEN_STATUS)):
            if before != after:
                self._counters["jobproof_job_transitions_total"].child(name, before, after)
        self._gauges["jobproof_stuck_jobs"].child(name)

    # -- what is seen -------------------------------------------------------------------

    def observe(self, result: ProbeResult, checks: tuple[str, ...] = ()) -> None:
        """
        Count one probe, whatever it came to; a result of a forgotten target is dropped.

        Args:
            checks: The ids of those that had their say about it.
        """
        with self._lock:
            target = self._targets.get(result.target)
            if target is None or result.canary not in target.canaries:
                return
            series = self._canary_series.get((result.target, result.canary))
            if series is None:
                series = self._find(result.target, result.canary)
            series.outcomes[result.outcome].value += 1.0
            series.duration.observe(result.duration_s, self._job_exemplar(result))
            self._histograms["jobproof_schedule_lag_seconds"].child().observe(result.lag_s)
            self._set_last(series, result)
            if result.exchange is not None:
                self._observe_exchange(series, result, result.exchange)
            if result.job_status is not None:
                word = self._status(result.target, result.job_status)
                self._counters["jobproof_job_status_observations_total"].child(
                    result.target, word
                ).value += 1.0
            for finding in result.findings:
                self._observe_finding(result, finding)
            if result.dropped:
                dropped = self._counters["jobproof_findings_dropped_total"].child(result.target)
                dropped.value += result.dropped
            for judged in self._judged_by(result.target, checks):
                judged.value += 1.0

    def _judged_by(self, target: str, checks: tuple[str, ...]) -> tuple[Counter, ...]:
        # Eighty at a time, and of few sorts: looked up once for each.
        found = self._judged.get((target, checks))
        if found is None:
            if len(self._judged) >= _MOST_SELECTIONS:
                self._judged.clear()
            family = self._counters["jobproof_checks_judged_total"]
            found = tuple(family.child(target, check) for check in checks)
            self._judged[target, checks] = found
        return found

    def _find(self, target: str, canary: str) -> _CanarySeries:
        probes = self._counters["jobproof_probes_total"]
        phases = self._histograms["jobproof_probe_phase_duration_seconds"]
        series = _CanarySeries(
            {outcome: probes.child(target, canary, outcome.value) for outcome in ProbeOutcome},
            self._histograms["jobproof_probe_duration_seconds"].child(target, canary),
            tuple(phases.child(target, phase) for phase in PHASES),
        )
        self._canary_series[target, canary] = series
        return series

    def _set_last(self, series: _CanarySeries, result: ProbeResult) -> None:
        key, ended_at = (result.target, result.canary), result.intended_at + result.duration_s
        if series.success is None or series.last_probe is None:
            series.success = self._gauges["jobproof_probe_success"].child(*key)
            series.last_probe = self._gauges["jobproof_last_probe_timestamp_seconds"].child(*key)
        # Overlapping probes end in any order; the last word belongs to the latest. A clock
        # that was set back must not silence the gauges until it has caught up.
        if 0.0 < series.last_probe.value - ended_at < _LONGEST_OVERLAP_S:
            return
        series.success.value = float(result.outcome.success)
        series.last_probe.value = ended_at
        if result.outcome.success:
            if series.last_success is None:
                gauges = self._gauges["jobproof_last_success_timestamp_seconds"]
                series.last_success = gauges.child(*key)
            series.last_success.value = ended_at

    def _observe_exchange(
        self, series: _CanarySeries, result: ProbeResult, exchange: Exchange
    ) -> None:
        seconds = exchange.phases
        wait, transfer = seconds.wait, seconds.transfer
        spent = (seconds.resolve, seconds.connect, seconds.tls, wait, transfer)
        for child, value in zip(series.phases, spent, strict=True):
            child.observe(value)
        if not exchange.reused:
            word = _dial_outcome(result.outcome, exchange).value
            self._counters["jobproof_dials_total"].child(result.target, word).value += 1.0
        if exchange.certificate_expires_at is not None:
            self._gauges["jobproof_tls_certificate_expiry_timestamp_seconds"].child(
                result.target
            ).value = exchange.certificate_expires_at
        # An answer that broke off had a code, and a Date, all the same.
        head = exchange.response or (exchange.failure and exchange.failure.partial)
        if not head:
            return
        code = series.codes.get(head.code)
        if code is None:
            word = str(head.code) if 100 <= head.code <= 599 else OTHER_CODE
            family = self._counters["jobproof_http_responses_total"]
            code = series.codes[head.code] = family.child(result.target, result.canary, word)
        code.value += 1.0
        self._observe_denial(result, exchange.request, head.code)
        self._observe_clock(result.target, head, exchange)

    def _observe_denial(self, result: ProbeResult, request: Request, code: int) -> None:
        """
        Count an answer that denies the job; only the owner of a known job is promised it.
        """
        outcome, codes = result.outcome, self._targets[result.target].not_found_codes
        if outcome is ProbeOutcome.NOT_FOUND or code in codes:
            owner = request.credential is Credential.OWNER
            expected = _flag(request.subject is not Subject.KNOWN or not owner)
            family = self._counters["jobproof_not_found_total"]
            family.child(result.target, result.canary, expected).value += 1.0

    def _observe_clock(self, target: str, head: Response, exchange: Exchange) -> None:
        date = head.header("date")
        server = read_http_date(date, now=exchange.ended_at) if date is not None else None
        if server is not None:
            # A Date is cut to the second: its middle is the best guess of when it was written.
            skew = server + 0.5 - (exchange.started_at + exchange.elapsed_s / 2)
            self._gauges["jobproof_clock_skew_seconds"].child(target).value = skew

    def _observe_finding(self, result: ProbeResult, finding: Finding) -> None:
        target, counters = result.target, self._counters
        kind = finding.kind.value if finding.accepted is None else ACCEPTED
        counter = counters["jobproof_contract_findings_total"].child(target, finding.check, kind)
        counter.value += 1.0
        counter.exemplar = self._job_exemplar(result, 1.0) or counter.exemplar
        if finding.drift is not None and finding.accepted is None:
            pointer = self._pointers[target].word(self._redactor.text(finding.pointer))
            counters["jobproof_contract_drift_total"].child(
                target, finding.drift.value, pointer
            ).value += 1.0
        if finding.check == CRASHED:
            counters["jobproof_check_crashes_total"].child(finding.pointer).value += 1.0

    # -- the schedule -------------------------------------------------------------------

    def slot_missed(self, target: str, why: MissReason, count: int = 1) -> None:
        """
        `count` slots of `target` passed without a probe.
        """
        with self._lock:
            if target in self._targets:
                family = self._counters["jobproof_slots_missed_total"]
                family.child(target, why.value).value += count

    def slots_failed(self, target: str, canary: str, count: int) -> None:
        """
        `count` slots fell into an outage that the server had announced: failed probes, of which
        nothing else is known, so no other series moves.
        """
        with self._lock:
            known = self._targets.get(target)
            if known is not None and canary in known.canaries:
                failed = ProbeOutcome.SERVER_ERROR.value
                family = self._counters["jobproof_probes_total"]
                family.child(target, canary, failed).value += count

    def in_flight(self, count: int) -> None:
        """
        So many probes have started and not ended.
        """
        with self._lock:
            self._gauges["jobproof_probes_in_flight"].child().value = float(count)

    def budget(self, target: str, *, used_ratio: float, backoff_until: float) -> None:
        """
        How much of the key's budget is spent; until when (Unix seconds, or 0) it rests.
        """
        with self._lock:
            if target in self._targets:
                self._gauges["jobproof_request_budget_used_ratio"].child(target).value = used_ratio
                until = self._gauges["jobproof_backoff_until_timestamp_seconds"].child(target)
                until.value = backoff_until

    def reloaded(self, *, taken: bool, at: float) -> None:
        """
        A configuration was taken over at `at`, or refused.
        """
        with self._lock:
            gauges = self._gauges
            gauges["jobproof_config_last_reload_successful"].child().value = float(taken)
            if taken:
                name = "jobproof_config_last_reload_success_timestamp_seconds"
                gauges[name].child().value = at

    # -- what the daemon itself is behind with ------------------------------------------

    def judge_backlog(self, waiting: Mapping[str, tuple[int, float]]) -> None:
        """
        Bytes and age of what waits to be judged, by target; of every target not named none does.
        """
        with self._lock:
            for target in self._targets:
                size_bytes, oldest_s = waiting.get(target, (0, 0.0))
                self._gauges["jobproof_judge_backlog_bytes"].child(target).value = float(size_bytes)
                self._gauges["jobproof_judge_oldest_seconds"].child(target).value = oldest_s

    def configure_plugins(self, names: Mapping[str, Iterable[str]]) -> None:
        """
        Make the series of these plug-ins exist at 0, by their kind; others stay as they are.
        """
        with self._lock:
            failures = self._counters["jobproof_plugin_failures_total"]
            for kind, named in names.items():
                for name, why in product(named, FailureReason):
                    failures.child(str(kind), name, why.value)
            for sink in names.get("sink", ()):
                self._counters["jobproof_sink_dropped_total"].child(sink)

    def plugin_failed(self, kind: str, name: str, why: str) -> None:
        """
        A call of a plug-in came to nothing.
        """
        with self._lock:
            self._counters["jobproof_plugin_failures_total"].child(kind, name, why).value += 1.0

    def sink_dropped(self, sink: str, count: int = 1) -> None:
        """
        A sink didn't take so many results.
        """
        with self._lock:
            self._counters["jobproof_sink_dropped_total"].child(sink).value += count

    # -- followed jobs ------------------------------------------------------------------

    def job_moved(self, target: str, before: str, after: str, *, is_gapped: bool = False) -> None:
        """
        A followed job was in `before` at one poll and in `after` at the next.

        Args:
            is_gapped: It may have been in others between them.
        """
        with self._lock:
            if target in self._targets:
                first, last = self._status(target, before), self._status(target, after)
                way = (first, UNSEEN_STATUS, last) if is_gapped else (first, last)
                family = self._counters["jobproof_job_transitions_total"]
                for words in pairwise(way):
                    family.child(target, *words).value += 1.0

    def job_polled(self, target: str, late_s: float) -> None:
        """
        A followed job was asked for so long after it was due.
        """
        with self._lock:
            if target in self._targets:
                family = self._histograms["jobproof_followed_poll_lateness_seconds"]
                family.child(target).observe(max(0.0, late_s))

    def write_failed(self, store: str) -> None:
        """
        Something couldn't be written to `store`, one of `STORES`.
        """
        with self._lock:
            self._counters["jobproof_store_write_errors_total"].child(store).value += 1.0

    def job_waited(self, target: str, job_status: str, seconds: float, job_id: str = "") -> None:
        """
        A followed job spent `seconds` in a status and left it.
        """
        self._observe_job(
            "jobproof_job_status_duration_seconds", target, job_status, seconds, job_id
        )

    def job_ended(self, target: str, job_status: str, seconds: float, job_id: str = "") -> None:
        """
        A followed job ended in `job_status`, `seconds` after its creation.
        """
        self._observe_job("jobproof_job_completion_seconds", target, job_status, seconds, job_id)

    def _observe_job(
        self, metric: str, target: str, job_status: str, seconds: float, job_id: str
    ) -> None:
        with self._lock:
            if target in self._targets:
                child = self._histograms[metric].child(target, self._status(target, job_status))
                child.observe(max(0.0, seconds), self._exemplar(job_id, max(0.0, seconds), 0.0))

    def jobs_followed(
        self,
        target: str,
        by_status: Mapping[str, int],
        *,
        stuck: int,
        oldest_pending_s: float | None,
    ) -> None:
        """
        The watch list as it stands; every status not named has none.
        """
        with self._lock:
            if target not in self._targets:
                return
            family = self._gauges["jobproof_followed_jobs"]
            statuses = map(status_label, self._statuses[target])
            counts: dict[str, int] = dict.fromkeys((*statuses, UNKNOWN_STATUS), 0)
            for status, count in by_status.items():
                counts[self._status(target, status)] += count
            for status, count in counts.items():
                family.child(target, status).value = float(count)
            self._gauges["jobproof_stuck_jobs"].child(target).value = float(stuck)
            oldest = self._gauges["jobproof_oldest_pending_job_seconds"]
            # Absent, not 0: nothing pending has no age, and 0 would look like a fresh job.
            if oldest_pending_s is None:
                oldest.remove(lambda labels: labels["target"] == target)
            else:
                oldest.child(target).value = oldest_pending_s

    def _job_exemplar(self, result: ProbeResult, value: float | None = None) -> JobExemplar | None:
        # A malformed id names no job, and may hold anything.
        if result.exchange is None or result.exchange.request.subject is Subject.MALFORMED:
            return None
        job_id = result.exchange.request.job_id
        at = result.intended_at + result.duration_s
        return self._exemplar(job_id or "", result.duration_s if value is None else value, at)

    def _exemplar(self, job_id: str, value: float, at: float) -> JobExemplar | None:
        # OpenMetrics allows an exemplar 128 characters, name of the label included.
        if not 0 < len(job_id) <= 100 or not job_id.isprintable():
            return None
        return None if self._redactor.holds_secret(job_id) else JobExemplar(job_id, value, at)

    def _status(self, target: str, word: str) -> str:
        return status_label(word) if word in self._statuses[target] else UNKNOWN_STATUS

    # -- the scrape ---------------------------------------------------------------------

    def describe(self) -> Iterator[PrometheusFamily]:
        """
        The names, so that another collector can't claim one of them.
        """
        for metric in METRICS:
            yield _family(metric)

    def write(self, *, openmetrics: bool, names: frozenset[str] = frozenset()) -> str:
        """
        Every family as it stands at one instant, as text; `names` as in `Snapshot.write`.
        """
        with self._lock:
            snapshots = [Snapshot.of(family) for family in self._families.values()]
        # Written out without the lock: a scrape must not keep probes from being counted.
        return "".join(one.write(openmetrics=openmetrics, names=names) for one in snapshots)

    def collect(self) -> Iterator[PrometheusFamily]:
        """
        The same for whoever asks the registry itself, as a push does.
        """
        with self._lock:
            families = [_export(family) for family in self._families.values()]
        yield from families


def _dial_outcome(outcome: ProbeOutcome, exchange: Exchange) -> ProbeOutcome:
    """
    What came of dialling alone: `ok` once a request could be sent, whatever was answered.
    """
    spent = exchange.phases
    stood = exchange.failure is None or spent.wait > 0 or spent.transfer > 0
    # TLS 1.3 refuses a client only when it has sent its request.
    refused = outcome is ProbeOutcome.TLS
    return outcome if outcome in DIAL_OUTCOMES and (refused or not stood) else ProbeOutcome.OK


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _edges(basis: Edges, more: Iterable[Edges]) -> Edges:
    return tuple(sorted({*basis, *(float(edge) for edges in more for edge in edges)}))


def _family(metric: Metric) -> PrometheusFamily:
    # The client adds a counter's `_total` itself.
    return PrometheusFamily(metric.name.removesuffix("_total"), metric.help, metric.type)


def _export(family: Family[Counter] | Family[Gauge] | Family[Histogram]) -> PrometheusFamily:
    out, metric = _family(family.metric), family.metric
    for values, child in family.children.items():
        labels = dict(zip(metric.labels, values, strict=True))
        if isinstance(child, Histogram):
            _export_histogram(out, metric.name, labels, child)
        else:
            exemplar = child.exemplar if isinstance(child, Counter) else None
            out.add_sample(metric.name, labels, child.value, exemplar=_prometheus(exemplar))
    return out


def _export_histogram(
    out: PrometheusFamily, name: str, labels: dict[str, str], child: Histogram
) -> None:
    count = 0
    edges = (*map(repr, child.edges), "+Inf")
    for edge, count, exemplar in zip(edges, child.cumulative(), child.exemplars, strict=True):
        bucket = {**labels, "le": edge}
        out.add_sample(f"{name}_bucket", bucket, float(count), exemplar=_prometheus(exemplar))
    out.add_sample(f"{name}_count", labels, float(count))
    out.add_sample(f"{name}_sum", labels, child.total)


def _prometheus(exemplar: JobExemplar | None) -> Exemplar | None:
    return (
        Exemplar({"job_id": exemplar.job_id}, exemplar.value, exemplar.at or None)
        if exemplar
        else None
    )
