"""
Service level objectives as recorded series, in the names that Sloth made common.

`slo:sli_error:ratio_rate<window>` and its kin carry `sloth_id`, `sloth_service` and
`sloth_slo`, so dashboards made for Sloth read them too; `target` is added for ours.
Without traffic nothing is recorded: 0/0 is no success and no failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobproof.contract.formats.durations import parse_duration, write_duration
from jobproof.grafana.promql import RULES, any_of, ratio, sum_by
from jobproof.grafana.settings import DashboardSettings, DashboardTarget

__all__ = [
    "CURRENT",
    "WINDOWS",
    "Record",
    "RuleGroup",
    "Slo",
    "bucket_edge",
    "probe_group",
    "sli",
    "slo_groups",
    "slos",
]

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
CURRENT = WINDOWS[0]
_LONG_S = parse_duration("6h")


@dataclass(frozen=True, slots=True)
class Record:
    """
    A recording rule.
    """

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """
    Recording rules that are evaluated together, in order.
    """

    name: str
    interval: str
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Slo:
    """
    One objective of one target.

    Attributes:
        kind: `availability` or `latency`.
    """

    target: DashboardTarget
    kind: str
    not_the_endpoint: tuple[str, ...]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """
        What every series of this objective carries.
        """
        name = self.target.name
        return (
            ("sloth_id", f"{name}-{self.kind}"),
            ("sloth_service", name),
            ("sloth_slo", self.kind),
            ("target", name),
        )

    def failures(self, function: str, window: str) -> str:
        """
        Probes that break the objective, as `rate` or `increase` over `window`.
        """
        name = self.target.name
        # Slow ones are all minus fast ones: a histogram only counts what is below an edge.
        if self.kind == "latency":
            edge = bucket_edge(self.target.latency_s)
            metric = "probe_duration_seconds"
            fast = RULES.select(metric, part="_bucket", target=name, le=edge)
            all_probes = RULES.select(metric, part="_count", target=name)
            return f"(sum({function}({all_probes}[{window}])) - sum({function}({fast}[{window}])))"
        failed = "!~" + any_of(["ok", *self.not_the_endpoint])
        chosen = RULES.select("probes_total", target=name, outcome=failed)
        return f"sum({function}({chosen}[{window}]))"

    def total(self, window: str) -> str:
        """
        Probes per second that the objective counts.
        """
        name = self.target.name
        if self.kind == "latency":
            metric = "probe_duration_seconds"
            return f"sum({RULES.rate(metric, window, part='_count', target=name)})"
        counted = "!~" + any_of(list(self.not_the_endpoint))
        return f"sum({RULES.rate('probes_total', window, target=name, outcome=counted)})"


def bucket_edge(seconds: float) -> str:
    """
    An edge as the exposition writes it in `le`: `1.0`, never `1`, which would match nothing.
    """
    return repr(float(seconds))


def slos(settings: DashboardSettings) -> Iterator[Slo]:
    """
    Every objective of every target.
    """
    for target in settings.targets:
        for kind in ("availability", "latency"):
            yield Slo(target, kind, settings.not_the_endpoint)


def sli(window: str) -> str:
    """
    The recorded error ratio over `window`.
    """
    return f"slo:sli_error:ratio_rate{window}"


def slo_groups(settings: DashboardSettings) -> Iterator[RuleGroup]:
    """
    Two groups an objective (short and long windows), and the facts about it.
    """
    for slo in slos(settings):
        name = dict(slo.labels)["sloth_id"]
        short = [w for w in WINDOWS if parse_duration(w) < _LONG_S]
        long = [w for w in WINDOWS if parse_duration(w) >= _LONG_S]
        long_windows = {burn.long for burn in settings.burn_rates}
        yield RuleGroup(f"jobproof-slo-{name}", "30s", tuple(_windows(slo, short, long_windows)))
        # A window of hours moves little in two minutes and costs much to read.
        yield RuleGroup(f"jobproof-slo-{name}-long", "2m", tuple(_windows(slo, long, long_windows)))
        yield RuleGroup(f"jobproof-slo-{name}-facts", "30s", tuple(_facts(slo, settings)))


def _windows(slo: Slo, windows: list[str], long_windows: set[str]) -> Iterator[Record]:
    for window in windows:
        yield Record(
            sli(window),
            ratio(slo.failures("rate", window), slo.total(window)),
            (*slo.labels, ("sloth_window", window)),
        )
        # For the alerts' minimum of failures: of two probes a single failure is 50 %.
        if window in long_windows:
            yield Record(
                f"slo:sli_failures:increase{window}",
                slo.failures("increase", window),
                slo.labels,
            )


def _facts(slo: Slo, settings: DashboardSettings) -> Iterator[Record]:
    objective, labels, period = slo.target.objective, slo.labels, settings.period
    sloth_id = f'sloth_id="{dict(labels)["sloth_id"]}"'
    recent, budget = f"{sli(CURRENT)}{{{sloth_id}}}", f"slo:error_budget:ratio{{{sloth_id}}}"
    days = f"{parse_duration(period) / 86_400:g}"
    yield Record("slo:objective:ratio", f"vector({objective!r})", labels)
    # Rounded: 1 - 0.999 is 0.0009999999999999 in binary.
    yield Record("slo:error_budget:ratio", f"vector({round(1 - objective, 12)!r})", labels)
    yield Record("slo:time_period:days", f"vector({days})", labels)
    # Averaged from the recorded 5m ratio: a rate over 30 days of raw samples is too dear to
    # evaluate every 30 seconds.
    yield Record(
        sli(period),
        f"sum_over_time({recent}[{period}])\n/ ignoring (sloth_window)\n"
        f"count_over_time({recent}[{period}])",
        (*labels, ("sloth_window", period)),
    )
    divided_by = "\n/ ignoring (sloth_window)\n"
    yield Record("slo:current_burn_rate:ratio", f"{recent}{divided_by}{budget}", labels)
    period_ratio = f"{sli(period)}{{{sloth_id}}}"
    yield Record("slo:period_burn_rate:ratio", f"{period_ratio}{divided_by}{budget}", labels)
    remaining = f"1 - slo:period_burn_rate:ratio{{{sloth_id}}}"
    yield Record("slo:period_error_budget_remaining:ratio", remaining, labels)
    facts = (
        ("sloth_mode", "jobproof"),
        ("sloth_objective", f"{objective * 100:g}"),
        ("sloth_period", write_duration(parse_duration(period))),
    )
    yield Record("sloth_slo_info", "vector(1)", (*labels, *facts))


def probe_group() -> RuleGroup:
    """
    What dashboards show over fixed windows, computed once instead of by every viewer.
    """
    by_code = sum_by("target, canary, code", RULES.increase("http_responses_total", "1d"))
    findings = "contract_findings_total"
    by_check = "target, check, kind"
    transitions = RULES.increase("job_transitions_total", "1d")
    ended = RULES.increase("job_completion_seconds", "1d", part="_count")
    p95 = RULES.rate("probe_duration_seconds", "5m", part="_bucket")
    judged = sum_by("target, check", RULES.increase("checks_judged_total", "1h"))
    records = (
        Record("target_canary_code:jobproof_http_responses:increase1d", by_code),
        Record(
            "target_check_kind:jobproof_contract_findings:increase1d",
            sum_by(by_check, RULES.increase(findings, "1d")),
        ),
        Record(
            "target_from_to:jobproof_job_transitions:increase1d",
            sum_by("target, from_status, to_status", transitions),
        ),
        Record(
            "target_status:jobproof_job_completions:increase1d",
            sum_by("target, job_status", ended),
        ),
        Record(
            "target_status:jobproof_job_status_observations:increase1d",
            sum_by("target, job_status", RULES.increase("job_status_observations_total", "1d")),
        ),
        Record("target:jobproof_checks_at_work:count1h", f"count by (target) ({judged} > 0)"),
        Record(
            "target:jobproof_slots_missed:increase1h",
            sum_by("target, reason", RULES.increase("slots_missed_total", "1h")),
        ),
        Record(
            "target:jobproof_probe_duration_seconds:p95_rate5m",
            f"histogram_quantile(0.95, sum by (target, le) ({p95}))",
        ),
    )
    return RuleGroup("jobproof-probes", "1m", records)
