"""
The alerting rules: their conditions, severities, texts and the dashboards they link to.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.grafana.alerting.alert import RECENT, Alert, increase_or_birth, renamed
from jobproof.grafana.alerting.prober_alerts import prober_alerts
from jobproof.grafana.alerting.slo import sli
from jobproof.grafana.promql import RULES, any_of, sum_by
from jobproof.grafana.settings import FOLLOWED, BurnRate, DashboardSettings

__all__ = ["alert_groups", "alerts"]


def alerts(settings: DashboardSettings) -> Iterator[Alert]:
    """
    Every alert, in the order of the runbooks.
    """
    yield from _budgets(settings)
    yield from _access()
    yield from _contract()
    yield from _jobs(settings)
    yield from _probing(settings)
    yield from prober_alerts(settings)


def alert_groups(settings: DashboardSettings) -> dict[str, list[Alert]]:
    """
    Alerts by group.
    """
    groups: dict[str, list[Alert]] = {}
    for alert in alerts(settings):
        groups.setdefault(f"jobproof-{alert.group}-alerts", []).append(alert)
    return groups


# -- budgets ----------------------------------------------------------------------------


def _budgets(settings: DashboardSettings) -> Iterator[Alert]:
    for burn in settings.burn_rates:
        yield _burn_alert(
            "JobproofErrorBudgetBurn",
            "availability",
            burn,
            settings,
            "The endpoint fails so often that its error budget won't last.",
            "failed",
        )
    for burn in settings.burn_rates:
        yield _burn_alert(
            "JobproofLatencyBudgetBurn",
            "latency",
            burn,
            settings,
            "The endpoint is slow so often that its latency budget won't last.",
            "were slower than promised",
        )


def _burn_alert(
    name: str, slo: str, burn: BurnRate, settings: DashboardSettings, summary: str, what: str
) -> Alert:
    chosen = f'{{sloth_slo="{slo}"}}'
    limit = f"{burn.factor:g} * slo:error_budget:ratio{chosen}"
    # increase() extrapolates: half a failure of slack keeps 3 counted failures at 3.
    enough = settings.minimum_failures - 0.5
    expr = "\n".join(
        [
            f"{sli(burn.long)}{chosen} > ignoring (sloth_window) ({limit})",
            "and ignoring (sloth_window)",
            f"{sli(burn.short)}{chosen} > ignoring (sloth_window) ({limit})",
            "and ignoring (sloth_window)",
            f"slo:sli_failures:increase{burn.long}{chosen} > {enough:g}",
        ]
    )
    return Alert(
        name,
        "slo",
        expr,
        burn.severity,
        burn.hold,
        summary,
        f"{{{{ $value | humanizePercentage }}}} of the probes of {{{{ $labels.target }}}} in the "
        f"last {burn.long} {what}: a burn rate above {burn.factor:g}, and the last {burn.short} "
        "look the same.",
        "slo",
        (("long_window", burn.long), ("short_window", burn.short)),
    )


# -- who sees what ------------------------------------------------------------------------


def _access() -> Iterator[Alert]:
    lost = RULES.increase("not_found_total", "10m", expected="false")
    yield Alert(
        "JobproofKnownJobNotFound",
        "contract",
        f"{sum_by('target', lost)} > 0",
        "critical",
        "0s",
        "A job that exists was not found.",
        '{{ $labels.target }} denied a known job {{ $value | printf "%.0f" }} times in 10 minutes: '
        "lost data, or the token no longer sees the job (not found also means not authorized). "
        "If every known job is denied at once, suspect the token or the workspace.",
        "overview",
    )
    seen = RULES.increase(
        "http_responses_total", RECENT, canary="=~anonymous|foreign", code="=~2.."
    )
    yield Alert(
        "JobproofJobVisibleToStranger",
        "contract",
        f"{sum_by('target, canary', seen)} > 0",
        "critical",
        "0s",
        "A job was shown to somebody who may not see it.",
        "The {{ $labels.canary }} canary of {{ $labels.target }} was answered with 2xx "
        '{{ $value | printf "%.0f" }} times in 15 minutes; it must be refused every time.',
        "overview",
    )
    invented = RULES.increase(
        "http_responses_total", RECENT, canary="=~missing|malformed", code="=~2.."
    )
    yield Alert(
        "JobproofMissingJobFound",
        "contract",
        f"{sum_by('target, canary', invented)} > 0",
        "critical",
        "0s",
        "An id that nobody has was answered with a job.",
        "The {{ $labels.canary }} canary of {{ $labels.target }} asks for ids that can't exist "
        'and got 2xx {{ $value | printf "%.0f" }} times in 15 minutes: a soft 404, or a cache or '
        "proxy that answers for the API.",
        "overview",
    )


# -- the contract -------------------------------------------------------------------------


def _contract() -> Iterator[Alert]:
    yield Alert(
        "JobproofContractViolation",
        "contract",
        # Third-party checks may be born with their first finding: `or` keeps those.
        increase_or_birth("contract_findings_total", "target, check", kind="violation"),
        "warning",
        "0s",
        "Answers break the contract.",
        "Check {{ $labels.check }} found broken promises in answers of {{ $labels.target }} "
        "within the last 15 minutes. The status page of the prober has the evidence.",
        "contract",
    )
    unknown = RULES.increase("job_status_observations_total", RECENT, job_status="unknown")
    yield Alert(
        "JobproofUnknownJobStatus",
        "contract",
        f"{sum_by('target', unknown)} > 0",
        "warning",
        "0s",
        "A job has a status that the API doesn't document.",
        '{{ $labels.target }} sent an undocumented job status {{ $value | printf "%.0f" }} times '
        "in 15 minutes; clients that switch over the status fall through.",
        "contract",
    )
    drift = RULES.select("contract_drift_total")
    yield Alert(
        "JobproofContractDrift",
        "contract",
        # Not increase(): new is a series that wasn't there an hour ago, not one that grows.
        f"sum by (target, drift, pointer) ({drift} unless {drift} offset 1h) > 0",
        "info",
        "0s",
        "Something new appeared in answers.",
        "{{ $labels.target }} shows {{ $labels.drift }} at {{ $labels.pointer }} for the first "
        "time. Allowed, but worth a look before clients depend on it.",
        "contract",
    )
    yield _check_crashing()


def _check_crashing() -> Alert:
    hung = RULES.select("plugin_failures_total", kind="check", why="hung")
    judged = sum_by("job, instance, check", RULES.increase("checks_judged_total", RECENT))
    # One that hangs crashes once, and is asked no longer.
    off = (
        f"{renamed(f'{hung} > 0', 'name', 'check')}\nunless on (job, instance, check) {judged} > 0"
    )
    return Alert(
        "JobproofCheckCrashing",
        "contract",
        f"{increase_or_birth('check_crashes_total', 'check')}\nor\n{sum_by('check', off)}",
        "warning",
        "0s",
        "A contract check fails by itself.",
        "Check {{ $labels.check }} crashed within the last 15 minutes instead of judging, or is "
        "off since it hung: what it watches is not being watched.",
        "contract",
        about_a_target=False,
    )


# -- jobs ---------------------------------------------------------------------------------


def _jobs(settings: DashboardSettings) -> Iterator[Alert]:
    yield Alert(
        "JobproofJobsStuck",
        "jobs",
        f"max by (target) ({RULES.select('stuck_jobs')}) > 0",
        "warning",
        "5m",
        "Jobs are unfinished past the longest documented limit.",
        '{{ $value | printf "%.0f" }} followed jobs of {{ $labels.target }} have not ended '
        "although the documented limits say that they must have.",
        "lifecycle",
    )
    yield Alert(
        "JobproofEndedJobMoved",
        "jobs",
        "\nor\n".join(_left_terminal_status(settings)),
        "critical",
        "0s",
        "A job that had ended changed its status.",
        "A job of {{ $labels.target }} went from {{ $labels.from_status }} to "
        "{{ $labels.to_status }} within the last 15 minutes; clients stop polling at "
        "{{ $labels.from_status }} and never learn of it.",
        "lifecycle",
    )


def _left_terminal_status(settings: DashboardSettings) -> Iterator[str]:
    # Which words end a job differs by API: one expression for all targets of the same words.
    by_words: dict[tuple[str, ...], list[str]] = {}
    for target in settings.targets:
        terminal = tuple(s.word for s in target.statuses if s.phase.terminal)
        by_words.setdefault(terminal, []).append(target.name)
    labels = "target, from_status, to_status"
    for terminal, names in by_words.items():
        chosen = {"from_status": "=~" + any_of(terminal)}
        if len(by_words) > 1:
            chosen = {"target": "=~" + any_of(names), **chosen}
        yield increase_or_birth("job_transitions_total", labels, **chosen)


# -- probing ------------------------------------------------------------------------------


def _probing(settings: DashboardSettings) -> Iterator[Alert]:
    yield from _refused(settings)
    yield from _not_probed(settings)
    yield from _connection()


def _refused(settings: DashboardSettings) -> Iterator[Alert]:
    refused = sum_by("target", RULES.increase("probes_total", "10m", outcome="auth"))
    yield Alert(
        "JobproofAuthFailing",
        "prober",
        f"{refused} > {settings.minimum_failures - 0.5:g}",
        "critical",
        "0s",
        "The endpoint refuses the prober's token.",
        '{{ $value | printf "%.0f" }} probes of {{ $labels.target }} were refused in 10 minutes. '
        "Until the token is right nothing is known about the endpoint.",
        "prober",
    )
    limited = sum_by("target", RULES.rate("probes_total", "10m", outcome="rate_limited"))
    every = sum_by("target", RULES.rate("probes_total", "10m"))
    # The rest that a 429 asks for is the same trouble, and belongs to no other alert.
    resting = sum_by("target", RULES.rate("slots_missed_total", "10m", reason="throttled"))
    yield Alert(
        "JobproofRateLimited",
        "prober",
        f"({limited} + {resting})\n/\n({every} + {resting} > 0)\n> 0.1",
        "warning",
        "10m",
        "The prober is being rate limited.",
        "{{ $value | humanizePercentage }} of the slots of {{ $labels.target }} in the last 10 "
        "minutes were answered with 429, or fell into the rest that it asks for: ask less often, "
        "or find who shares the key.",
        "prober",
    )


def _not_probed(settings: DashboardSettings) -> Iterator[Alert]:
    yield Alert(
        "JobproofProbeStale",
        "prober",
        "\nor\n".join(_stale(settings)),
        "critical",
        "2m",
        "A probe that is due doesn't happen.",
        "The {{ $labels.canary }} canary of {{ $labels.target }} last ended "
        "{{ $value | humanizeDuration }} ago: the prober runs, but doesn't ask.",
        "prober",
    )
    # Slots of an announced outage are in both, and no gap: their outcome is known. Those that a
    # 429 asks to spare are JobproofRateLimited's.
    no_gap = "!~" + any_of(["shutdown", "backoff", "throttled"])
    missed = sum_by("target", RULES.rate("slots_missed_total", "30m", reason=no_gap))
    started = sum_by("target", RULES.rate("probes_total", "30m"))
    yield Alert(
        "JobproofSlotsMissed",
        "prober",
        # `> 0` inside the denominator: without slots there is no ratio, not NaN.
        f"{missed}\n/\n({missed} + {started} > 0)\n> 0.25",
        "warning",
        "15m",
        "The prober skips too many of its slots.",
        "{{ $value | humanizePercentage }} of the slots of {{ $labels.target }} passed without "
        "a probe in the last 30 minutes; figures rest on fewer probes than configured.",
        "prober",
    )


def _connection() -> Iterator[Alert]:
    expiry = RULES.select("tls_certificate_expiry_timestamp_seconds")
    left = f"min by (target) ({expiry}) - time()"
    for days, severity in ((21, "warning"), (7, "critical")):
        yield Alert(
            "JobproofCertificateExpiring",
            "prober",
            f"{left} < {days} * 86400",
            severity,
            "10m",
            "The endpoint's TLS certificate expires soon.",
            "The certificate of {{ $labels.target }} expires in {{ $value | humanizeDuration }}.",
            "prober",
            (("within", f"{days}d"),),
        )
    skew = RULES.select("clock_skew_seconds")
    yield Alert(
        "JobproofClockSkew",
        "prober",
        f"max by (target) (abs({skew})) > 30",
        "warning",
        "10m",
        "The endpoint's clock and the prober's disagree.",
        "The Date header of {{ $labels.target }} is {{ $value | humanizeDuration }} off our "
        "clock; ages of jobs and signed URLs depend on it.",
        "prober",
    )


def _stale(settings: DashboardSettings) -> Iterator[str]:
    for target in settings.targets:
        by_interval: dict[float, list[str]] = {}
        for canary, interval_s in target.canaries.items():
            # A followed job is polled when it is due, which may be never.
            if canary != FOLLOWED:
                by_interval.setdefault(interval_s, []).append(canary)
        for interval_s, canaries in by_interval.items():
            # Two missed intervals may be a busy moment; the timeout, because the timestamp is
            # of the probe's end.
            limit_s = 3 * interval_s + target.timeout_s
            chosen = {"target": target.name, "canary": "=~" + any_of(canaries)}
            last = RULES.select("last_probe_timestamp_seconds", **chosen)
            rest = RULES.select("backoff_until_timestamp_seconds", target=target.name)
            # One that is asked to rest is asked less often: JobproofRateLimited speaks of that,
            # and the objectives of an outage.
            yield (
                f"time() - max by (target, canary) ({last}) > {limit_s:g}\n"
                f"unless on (target) max by (target) ({rest}) > time()"
            )
