"""
The rules: each alert where it must fire, and where its nearest neighbour must not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from tests.grafana.reading import every_query, selectors
from tests.servers import promtool
from tests.tools import run_to_end, tool

from jobproof.contract.formats.durations import parse_duration
from jobproof.grafana.alerting.alert import Alert
from jobproof.grafana.alerting.alerts import alerts
from jobproof.grafana.alerting.rules import rule_groups
from jobproof.grafana.alerting.slo import slo_groups
from jobproof.grafana.boards.runbooks import sections
from jobproof.grafana.files import HOME
from jobproof.grafana.settings import DashboardSettings, default_settings

Json = dict[str, Any]
RULES = sorted((HOME / "rules").glob("*.yml"))
PROBER = 'job="jobproof",instance="p:1"'
LONG = 400
"""Samples of a series that goes on until the end of the longest case."""


def probes(**outcomes: str) -> dict[str, str]:
    """
    Probes of one canary, by outcome.
    """
    series = f'jobproof_probes_total{{{PROBER},target="krea",canary="known",outcome='
    return {f'{series}"{outcome}"}}': values for outcome, values in outcomes.items()}


def one(name: str, labels: str, values: str) -> dict[str, str]:
    """
    One series of a target.
    """
    inside = f'{PROBER},target="krea"' + (f",{labels}" if labels else "")
    return {f"{name}{{{inside}}}": values}


@dataclass(frozen=True)
class AlertCase:
    """
    Series at one sample a minute, and what fires at a minute.

    Attributes:
        fires: Labels besides `alertname`, `severity` and `target`; None for no alert.
        says: The description, word for word.
        more: Further alerts of the same name, with the `factor` in their text.
    """

    name: str
    series: dict[str, str]
    at: int
    fires: dict[str, str] | None = None
    says: str = ""
    about: str = "krea"
    up: str = f"1x{LONG}"
    title: str = ""
    more: tuple[dict[str, str], ...] = field(default=())


def growing(step: int = 1) -> str:
    return f"0+{step}x{LONG}"


def late(count: int = 1, *, at: int = 5) -> str:
    """
    A counter that stands at 0, and grows by `count` at minute `at`.
    """
    return f"0x{at - 1} {count}x{LONG}"


PAGE = {"long_window": "1h", "short_window": "5m"}
DAY = {"long_window": "1d", "short_window": "2h"}
DAYS = {"long_window": "3d", "short_window": "6h"}
SLOW = "jobproof_probe_duration_seconds"
FINDINGS = "jobproof_contract_findings_total"
MOVES = "jobproof_job_transitions_total"
CODES = "jobproof_http_responses_total"
MISSED = "jobproof_slots_missed_total"
FAILURES = f"jobproof_plugin_failures_total{{{PROBER}"
LATENESS = "jobproof_followed_poll_lateness_seconds_bucket"


def slower(percent: int) -> dict[str, str]:
    """
    A hundred probes a minute, so many of them slower than promised.
    """
    fast = one(f"{SLOW}_bucket", 'le="1.0"', growing(100 - percent))
    return {**one(f"{SLOW}_count", "", growing(100)), **fast}


CASES = [
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(), server_error=growing()),
        10,
        PAGE,
        "50% of the probes of krea in the last 1h failed: a burn rate above 14.4, and the last "
        "5m look the same.",
        title="half of the probes fail",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(93), server_error=growing(7)),
        10,
        title="7 % fail and 7.2 % is the limit",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(3), server_error=growing(1)),
        20,
        PAGE,
        "25% of the probes of krea in the last 1h failed: a burn rate above 14.4, and the last "
        "5m look the same.",
        title="the second pair of windows joins after a quarter of an hour",
        more=({"long_window": "6h", "short_window": "30m", "factor": "6"},),
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(98), server_error=growing(2)),
        70,
        DAY,
        "2% of the probes of krea in the last 1d failed: a burn rate above 3, and the last 2h "
        "look the same.",
        title="the third pair of windows after an hour",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(986), server_error=growing(14)),
        70,
        title="1.4 % fail and 1.5 % is the third pair's limit",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(99), server_error=growing(1)),
        200,
        DAYS,
        "1% of the probes of krea in the last 3d failed: a burn rate above 1, and the last 6h "
        "look the same.",
        title="the fourth pair of windows after three hours",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(996), server_error=growing(4)),
        200,
        title="0.4 % fail and 0.5 % may",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=f"0+1x6 6x{LONG}", server_error="0 0 0 1 2 3x30"),
        8,
        PAGE,
        "33.33% of the probes of krea in the last 1h failed: a burn rate above 14.4, and the "
        "last 5m look the same.",
        title="three failures are enough",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(), server_error="0 0 0 1 2x30"),
        8,
        title="two failures are too few to wake anybody",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok="0+1x10 10x200", server_error="0+1x10 10x200"),
        50,
        title="without traffic nothing is said",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(), server_error=f"0+1x5 5x{LONG}"),
        12,
        title="it resolves when the short window is clean",
    ),
    AlertCase(
        "JobproofErrorBudgetBurn",
        probes(ok=growing(), auth=growing(), rate_limited=growing()),
        2,
        title="a refused token is no failure of the endpoint",
    ),
    AlertCase(
        "JobproofLatencyBudgetBurn",
        {**one(f"{SLOW}_count", "", growing(2)), **one(f"{SLOW}_bucket", 'le="1.0"', growing())},
        10,
        PAGE,
        "50% of the probes of krea in the last 1h were slower than promised: a burn rate above "
        "14.4, and the last 5m look the same.",
    ),
    AlertCase(
        "JobproofLatencyBudgetBurn",
        slower(20),
        20,
        PAGE,
        "20% of the probes of krea in the last 1h were slower than promised: a burn rate above "
        "14.4, and the last 5m look the same.",
        title="the second pair of windows",
        more=({"long_window": "6h", "short_window": "30m", "factor": "6"},),
    ),
    AlertCase(
        "JobproofLatencyBudgetBurn",
        slower(2),
        70,
        DAY,
        "2% of the probes of krea in the last 1d were slower than promised: a burn rate above 3, "
        "and the last 2h look the same.",
        title="the third pair of windows",
    ),
    AlertCase(
        "JobproofLatencyBudgetBurn",
        slower(1),
        200,
        DAYS,
        "1% of the probes of krea in the last 3d were slower than promised: a burn rate above 1, "
        "and the last 6h look the same.",
        title="the fourth pair of windows",
    ),
    AlertCase(
        "JobproofLatencyBudgetBurn",
        {**one(f"{SLOW}_count", "", growing(2)), **one(f"{SLOW}_bucket", 'le="1.0"', growing(2))},
        10,
        title="all probes are fast",
    ),
    AlertCase(
        "JobproofKnownJobNotFound",
        one("jobproof_not_found_total", 'canary="known",expected="false"', late()),
        8,
        {},
        "krea denied a known job 1 times in 10 minutes: lost data, or the token no longer sees "
        "the job (not found also means not authorized). If every known job is denied at once, "
        "suspect the token or the workspace.",
    ),
    AlertCase(
        "JobproofKnownJobNotFound",
        one("jobproof_not_found_total", 'canary="missing",expected="true"', growing()),
        8,
        title="a missing job is rightly not found",
    ),
    AlertCase(
        "JobproofJobVisibleToStranger",
        one(CODES, 'canary="anonymous",code="200"', late()),
        8,
        {"canary": "anonymous"},
        "The anonymous canary of krea was answered with 2xx 1 times in 15 minutes; it must be "
        "refused every time.",
    ),
    AlertCase(
        "JobproofJobVisibleToStranger",
        {
            **one(CODES, 'canary="anonymous",code="401"', growing()),
            **one(CODES, 'canary="known",code="200"', growing()),
        },
        8,
        title="strangers are refused and owners are answered",
    ),
    AlertCase(
        "JobproofMissingJobFound",
        one(CODES, 'canary="missing",code="200"', late()),
        8,
        {"canary": "missing"},
        "The missing canary of krea asks for ids that can't exist and got 2xx 1 times in 15 "
        "minutes: a soft 404, or a cache or proxy that answers for the API.",
    ),
    AlertCase(
        "JobproofMissingJobFound",
        one(CODES, 'canary="missing",code="503"', growing()),
        8,
        title="an outage is no soft 404",
    ),
    AlertCase(
        "JobproofContractViolation",
        one(FINDINGS, 'check="body_matches_schema",kind="violation"', late()),
        8,
        {"check": "body_matches_schema"},
        "Check body_matches_schema found broken promises in answers of krea within the last 15 "
        "minutes. The status page of the prober has the evidence.",
    ),
    AlertCase(
        "JobproofContractViolation",
        one(FINDINGS, 'check="from_a_plugin",kind="violation"', f"_x20 1x{LONG}"),
        25,
        {"check": "from_a_plugin"},
        "Check from_a_plugin found broken promises in answers of krea within the last 15 "
        "minutes. The status page of the prober has the evidence.",
        title="a series that is born with its first violation",
    ),
    AlertCase(
        "JobproofContractViolation",
        {
            **one(FINDINGS, 'check="code_is_documented",kind="gap"', growing()),
            **one(FINDINGS, 'check="keys_are_declared",kind="drift"', growing()),
            **one(FINDINGS, 'check="body_is_json",kind="inconclusive"', growing()),
            **one(FINDINGS, 'check="body_is_json",kind="violation"', f"0x{LONG}"),
        },
        30,
        title="gaps and drift are no violations",
    ),
    AlertCase(
        "JobproofUnknownJobStatus",
        one("jobproof_job_status_observations_total", 'job_status="unknown"', late()),
        8,
        {},
        "krea sent an undocumented job status 1 times in 15 minutes; clients that switch over "
        "the status fall through.",
    ),
    AlertCase(
        "JobproofUnknownJobStatus",
        one("jobproof_job_status_observations_total", 'job_status="completed"', growing()),
        8,
        title="documented words fire nothing",
    ),
    AlertCase(
        "JobproofContractDrift",
        one("jobproof_contract_drift_total", 'drift="undeclared_key",pointer="/x"', growing()),
        8,
        {"drift": "undeclared_key", "pointer": "/x"},
        "krea shows undeclared_key at /x for the first time. Allowed, but worth a look before "
        "clients depend on it.",
    ),
    AlertCase(
        "JobproofContractDrift",
        one("jobproof_contract_drift_total", 'drift="undeclared_key",pointer="/x"', growing()),
        90,
        title="what has been there for an hour is not new",
    ),
    AlertCase(
        "JobproofCheckCrashing",
        {f'jobproof_check_crashes_total{{{PROBER},check="mine"}}': late()},
        8,
        {"check": "mine"},
        "Check mine crashed within the last 15 minutes instead of judging, or is off since it "
        "hung: what it watches is not being watched.",
        about="",
    ),
    AlertCase(
        "JobproofCheckCrashing",
        {f'jobproof_check_crashes_total{{{PROBER},check="mine"}}': f"7x{LONG}"},
        30,
        title="old crashes are over",
    ),
    AlertCase(
        "JobproofCheckCrashing",
        {
            f'{FAILURES},kind="check",name="mine",why="hung"}}': late(),
            **one("jobproof_checks_judged_total", 'check="mine"', f"0+1x5 5x{LONG}"),
            **one("jobproof_checks_judged_total", 'check="other"', growing()),
        },
        200,
        {"check": "mine"},
        "Check mine crashed within the last 15 minutes instead of judging, or is off since it "
        "hung: what it watches is not being watched.",
        about="",
        title="off since it hung three hours ago",
    ),
    AlertCase(
        "JobproofCheckCrashing",
        {
            f'{FAILURES},kind="check",name="mine",why="hung"}}': late(),
            **one("jobproof_checks_judged_total", 'check="mine"', growing()),
        },
        200,
        title="hung once and judges again after a reload",
    ),
    AlertCase(
        "JobproofJobsStuck",
        one("jobproof_stuck_jobs", "", f"3x{LONG}"),
        8,
        {},
        "3 followed jobs of krea have not ended although the documented limits say that they "
        "must have.",
    ),
    AlertCase(
        "JobproofJobsStuck",
        {
            **one("jobproof_stuck_jobs", "", f"0x10 1x2 0x{LONG}"),
            **one("jobproof_oldest_pending_job_seconds", "", f"9000x{LONG}"),
        },
        13,
        title="stuck for two minutes, and old but not stuck",
    ),
    AlertCase(
        "JobproofEndedJobMoved",
        one(MOVES, 'from_status="completed",to_status="processing"', f"_x20 1x{LONG}"),
        25,
        {"from_status": "completed", "to_status": "processing"},
        "A job of krea went from completed to processing within the last 15 minutes; clients "
        "stop polling at completed and never learn of it.",
    ),
    AlertCase(
        "JobproofEndedJobMoved",
        one(MOVES, 'from_status="processing",to_status="completed"', growing()),
        25,
        title="the usual way round",
    ),
    AlertCase(
        "JobproofAuthFailing",
        probes(ok=growing(), auth=late(3)),
        8,
        {},
        "3 probes of krea were refused in 10 minutes. Until the token is right nothing is known "
        "about the endpoint.",
    ),
    AlertCase(
        "JobproofAuthFailing",
        probes(ok=growing(), auth=late(2)),
        8,
        title="two refusals may be a rotation under way",
    ),
    AlertCase(
        "JobproofRateLimited",
        {
            **probes(ok=growing(3), rate_limited=growing()),
            **one(MISSED, 'reason="throttled"', f"0x{LONG}"),
        },
        30,
        {},
        "25% of the slots of krea in the last 10 minutes were answered with 429, or fell into the "
        "rest that it asks for: ask less often, or find who shares the key.",
    ),
    AlertCase(
        "JobproofRateLimited",
        {
            **probes(ok=growing(29), rate_limited=growing(1)),
            **one(MISSED, 'reason="throttled"', growing(30)),
        },
        40,
        {},
        "51.67% of the slots of krea in the last 10 minutes were answered with 429, or fell into "
        "the rest that it asks for: ask less often, or find who shares the key.",
        title="few 429, each with a long rest: one alert, and no slots missed",
    ),
    AlertCase(
        "JobproofRateLimited",
        {
            **probes(ok=growing(19), rate_limited=growing()),
            **one(MISSED, 'reason="throttled"', growing()),
        },
        30,
        title="one in twenty passes",
    ),
    AlertCase(
        "JobproofProbeStale",
        one("jobproof_last_probe_timestamp_seconds", 'canary="known"', f"0+60x10 600x{LONG}"),
        20,
        {"canary": "known"},
        "The known canary of krea last ended 10m 0s ago: the prober runs, but doesn't ask.",
    ),
    AlertCase(
        "JobproofProbeStale",
        {
            **one("jobproof_last_probe_timestamp_seconds", 'canary="known"', growing(60)),
            **one("jobproof_last_probe_timestamp_seconds", 'canary="malformed"', f"300x{LONG}"),
            **one("jobproof_last_probe_timestamp_seconds", 'canary="followed"', f"300x{LONG}"),
        },
        20,
        title="a canary of five minutes may be a quarter of an hour old, a followed one older",
    ),
    AlertCase(
        "JobproofProbeStale",
        {
            **one("jobproof_last_probe_timestamp_seconds", 'canary="known"', f"0+60x10 600x{LONG}"),
            **one("jobproof_backoff_until_timestamp_seconds", "", f"1800x{LONG}"),
        },
        20,
        title="asked less often while the endpoint asks for rest",
    ),
    AlertCase(
        "JobproofSlotsMissed",
        {
            **probes(ok=growing()),
            **one(MISSED, 'reason="overlap"', growing()),
        },
        40,
        {},
        "50% of the slots of krea passed without a probe in the last 30 minutes; figures rest "
        "on fewer probes than configured.",
    ),
    AlertCase(
        "JobproofSlotsMissed",
        {
            **probes(ok=growing(9)),
            **one(MISSED, 'reason="overlap"', growing()),
            **one(MISSED, 'reason="shutdown"', growing(90)),
            **one(MISSED, 'reason="backoff"', growing(90)),
        },
        40,
        title="one in ten passes, shutdowns are wanted, and an announced outage is counted",
    ),
    AlertCase(
        "JobproofCertificateExpiring",
        one("jobproof_tls_certificate_expiry_timestamp_seconds", "", f"{20 * 86400 + 1200}x{LONG}"),
        20,
        {"within": "21d"},
        "The certificate of krea expires in 20d 0h 0m 0s.",
    ),
    AlertCase(
        "JobproofCertificateExpiring",
        one("jobproof_tls_certificate_expiry_timestamp_seconds", "", f"{22 * 86400}x{LONG}"),
        20,
        title="three weeks and a day are enough",
    ),
    AlertCase(
        "JobproofClockSkew",
        one("jobproof_clock_skew_seconds", "", f"-95x{LONG}"),
        20,
        {},
        "The Date header of krea is 1m 35s off our clock; ages of jobs and signed URLs depend "
        "on it.",
    ),
    AlertCase(
        "JobproofClockSkew",
        one("jobproof_clock_skew_seconds", "", f"29x{LONG}"),
        20,
        title="half a minute is tolerated",
    ),
    AlertCase(
        "JobproofProberDown",
        {},
        10,
        {"job": "jobproof", "instance": "p:1"},
        "Prometheus can't reach p:1: nothing is being watched from there.",
        about="",
        up=f"1x3 0x{LONG}",
    ),
    AlertCase(
        "JobproofProberDown",
        {'up{job="other",instance="x:1"}': f"0x{LONG}"},
        10,
        up=f"1x3 0x2 1x{LONG}",
        title="it came back after two minutes, and others are not ours",
    ),
    AlertCase(
        "JobproofProberAbsent",
        {'up{job="other",instance="x:1"}': f"1x{LONG}"},
        10,
        {"job": "jobproof"},
        "No scrape target has the job 'jobproof': the scrape configuration or the service "
        "discovery lost the prober, and no other alert here can fire.",
        about="",
        up="",
    ),
    AlertCase(
        "JobproofProberAbsent",
        {},
        2,
        up=f"0x{LONG}",
        title="a prober that is down is not absent",
    ),
    AlertCase(
        "JobproofProberFailing",
        probes(ok=growing(), internal=late()),
        8,
        {},
        "1 probes of krea ended with an internal error in 15 minutes; they count for no "
        "objective. The prober's log says why.",
    ),
    AlertCase(
        "JobproofProberFailing",
        probes(ok=growing(), internal=f"4x{LONG}"),
        30,
        title="old errors are over",
    ),
    AlertCase(
        "JobproofProberFailing",
        {
            **probes(ok=growing()),
            f'jobproof_probes_total{{{PROBER},target="krea",canary="mine",outcome="internal"}}': (
                growing()
            ),
            f'{FAILURES},kind="canary",name="known",why="raised"}}': late(),
        },
        30,
        {},
        "15 probes of krea ended with an internal error in 15 minutes; they count for no "
        "objective. The prober's log says why.",
        title="a canary that failed excuses no other one",
    ),
    AlertCase(
        "JobproofScheduleLagging",
        {
            f'jobproof_schedule_lag_seconds_bucket{{{PROBER},le="1.0"}}': f"0x{LONG}",
            f'jobproof_schedule_lag_seconds_bucket{{{PROBER},le="2.5"}}': growing(),
            f'jobproof_schedule_lag_seconds_bucket{{{PROBER},le="+Inf"}}': growing(),
        },
        30,
        {"job": "jobproof", "instance": "p:1"},
        "One probe in a hundred on p:1 starts more than 2.485s late: the machine is overloaded, "
        "and latencies include the wait.",
        about="",
    ),
    AlertCase(
        "JobproofScheduleLagging",
        {
            f'jobproof_schedule_lag_seconds_bucket{{{PROBER},le="1.0"}}': growing(),
            f'jobproof_schedule_lag_seconds_bucket{{{PROBER},le="2.5"}}': growing(),
            f'jobproof_schedule_lag_seconds_bucket{{{PROBER},le="+Inf"}}': growing(),
        },
        30,
        title="all within a second",
    ),
    AlertCase(
        "JobproofConfigReloadFailed",
        {f"jobproof_config_last_reload_successful{{{PROBER}}}": f"0x{LONG}"},
        10,
        {"job": "jobproof", "instance": "p:1"},
        "The last reload on p:1 changed nothing because the file is wrong; the old configuration "
        "stays in force until it is restarted.",
        about="",
    ),
    AlertCase(
        "JobproofConfigReloadFailed",
        {f"jobproof_config_last_reload_successful{{{PROBER}}}": f"1x3 0x3 1x{LONG}"},
        10,
        title="mended within five minutes",
    ),
    AlertCase(
        "JobproofProberRestarting",
        {f"process_start_time_seconds{{{PROBER}}}": f"0 60 60 180 240 240x{LONG}"},
        30,
        {"job": "jobproof", "instance": "p:1"},
        "p:1 was started anew 3 times within an hour: each time probes are missed. Exit code 4 is "
        "its watchdog's, and the log names the plug-in.",
        about="",
    ),
    AlertCase(
        "JobproofProberRestarting",
        {f"process_start_time_seconds{{{PROBER}}}": f"0x10 660x10 1260x{LONG}"},
        30,
        title="a deployment and its rollback",
    ),
    AlertCase(
        "JobproofJudgingBehind",
        one("jobproof_judge_oldest_seconds", "", f"61x{LONG}"),
        10,
        {},
        "Answers of krea wait to be judged: for more than a minute, or more than 8 MiB of them. "
        "Figures are late, and slots will be missed.",
    ),
    AlertCase(
        "JobproofJudgingBehind",
        {
            **one("jobproof_judge_oldest_seconds", "", f"20x{LONG}"),
            **one("jobproof_judge_backlog_bytes", "", f"9000000x{LONG}"),
        },
        10,
        {},
        "Answers of krea wait to be judged: for more than a minute, or more than 8 MiB of them. "
        "Figures are late, and slots will be missed.",
        title="many bytes that come faster than they are judged",
    ),
    AlertCase(
        "JobproofJudgingBehind",
        {
            **one("jobproof_judge_oldest_seconds", "", f"0x2 90x3 59x{LONG}"),
            **one("jobproof_judge_backlog_bytes", "", f"8000000x{LONG}"),
        },
        10,
        title="a peak that passes",
    ),
    AlertCase(
        "JobproofFollowedPollsLate",
        {
            **one(LATENESS, 'le="30.0"', growing(9)),
            **one(LATENESS, 'le="60.0"', growing(10)),
            **one(LATENESS, 'le="+Inf"', growing(10)),
        },
        40,
        {},
        "One poll in a hundred of followed jobs of krea is more than 57s late: moves between "
        "statuses are missed, and times of jobs are less exact.",
    ),
    AlertCase(
        "JobproofFollowedPollsLate",
        {
            **one(LATENESS, 'le="30.0"', f"0+10x20 200x{LONG}"),
            **one(LATENESS, 'le="3600.0"', f"0+10x20 300x{LONG}"),
            **one(LATENESS, 'le="+Inf"', f"0+10x20 300x{LONG}"),
        },
        32,
        title="all late once, when a pause is over",
    ),
    AlertCase(
        "JobproofPluginFailing",
        {
            f'{FAILURES},kind="canary",name="known",why="raised"}}': late(),
            **probes(internal=growing()),
        },
        8,
        {"kind": "canary", "name": "known"},
        "The canary known raised an error or hung: what it asks, or the jobs that it finds, "
        "aren't watched. One that hangs is off until a reload.",
        about="",
        title="a canary, whose probes are internal",
    ),
    AlertCase(
        "JobproofPluginFailing",
        {f'{FAILURES},kind="source",name="mine",why="hung"}}': f"_x5 1x{LONG}"},
        300,
        {"kind": "source", "name": "mine"},
        "The source mine raised an error or hung: what it asks, or the jobs that it finds, "
        "aren't watched. One that hangs is off until a reload.",
        about="",
        title="a source that hung at the start, and is off since",
    ),
    AlertCase(
        "JobproofPluginFailing",
        {
            f'{FAILURES},kind="source",name="mine",why="raised"}}': f"7x{LONG}",
            f'{FAILURES},kind="source",name="mine",why="hung"}}': f"0x{LONG}",
            f'{FAILURES},kind="check",name="own",why="raised"}}': growing(),
        },
        30,
        title="old failures are over, and checks have an alert of their own",
    ),
    AlertCase(
        "JobproofSinkLosing",
        {f'jobproof_sink_dropped_total{{{PROBER},sink="jsonl"}}': late()},
        8,
        {"sink": "jsonl"},
        "The sink jsonl hangs, fails, or takes results more slowly than they come: some are "
        "missing in what it writes. Metrics have them all.",
        about="",
    ),
    AlertCase(
        "JobproofSinkLosing",
        {
            f'jobproof_sink_dropped_total{{{PROBER},sink="jsonl"}}': f"0x{LONG}",
            f'{FAILURES},kind="sink",name="jsonl",why="raised"}}': growing(),
            f'jobproof_store_write_errors_total{{{PROBER},store="sinks"}}': growing(),
        },
        30,
        {"sink": "jsonl"},
        "The sink jsonl hangs, fails, or takes results more slowly than they come: some are "
        "missing in what it writes. Metrics have them all.",
        about="",
        title="a full disk under a sink is one alert",
    ),
    AlertCase(
        "JobproofSinkLosing",
        {
            f'jobproof_sink_dropped_total{{{PROBER},sink="jsonl"}}': f"3x{LONG}",
            f'{FAILURES},kind="sink",name="jsonl",why="hung"}}': f"1x{LONG}",
        },
        90,
        title="it takes them again",
    ),
    AlertCase(
        "JobproofStoreUnwritable",
        {f'jobproof_store_write_errors_total{{{PROBER},store="watch_list"}}': late()},
        8,
        {"store": "watch_list"},
        "Something couldn't be written to the store watch_list within the last 15 minutes: "
        "evidence is missing, or followed jobs won't survive a restart.",
        about="",
    ),
    AlertCase(
        "JobproofStoreUnwritable",
        {f'jobproof_store_write_errors_total{{{PROBER},store="evidence"}}': f"5x{LONG}"},
        30,
        title="there is room again",
    ),
]

QUIET = {"JobproofWatchdog"}
"""Fires in every case, so that its silence can be noticed."""


def names() -> list[str]:
    return list(dict.fromkeys(alert.name for alert in alerts(default_settings())))


def _named(name: str, labels: dict[str, str]) -> Alert:
    own = {k: v for k, v in labels.items() if k in ("long_window", "within")}
    return next(
        alert
        for alert in alerts(default_settings())
        if alert.name == name and own.items() <= dict(alert.labels).items()
    )


def _expected(case: AlertCase, labels: dict[str, str], says: str) -> Json:
    settings, alert = default_settings(), _named(case.name, labels)
    about = {"target": "krea"} if case.about else {}
    board = f"{settings.grafana_url}/d/jobproof-{alert.board}"
    if case.name.endswith("BudgetBurn"):
        slo = "latency" if "Latency" in case.name else "availability"
        about |= {
            "sloth_id": f"krea-{slo}",
            "sloth_service": "krea",
            "sloth_slo": slo,
        }
    return {
        "exp_labels": {"severity": alert.severity, **about, **labels},
        "exp_annotations": {
            "summary": alert.summary,
            "description": says,
            "dashboard_url": board + ("?var-target=krea" if case.about else ""),
            "runbook_url": f"{settings.runbook_url}#{case.name.lower()}",
        },
    }


def _run(tmp_path: Path, case: AlertCase, expected: list[Json]) -> str:
    series = dict(case.series)
    if case.up:
        series[f"up{{{PROBER}}}"] = case.up
    others = [n for n in names() if n != case.name and n not in QUIET]
    checked = [{"eval_time": f"{case.at}m", "alertname": case.name, "exp_alerts": expected}]
    checked += [{"eval_time": f"{case.at}m", "alertname": n, "exp_alerts": []} for n in others]
    test = {
        "rule_files": [str(file) for file in RULES],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": k, "values": v} for k, v in series.items()],
                "alert_rule_test": checked,
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(test, sort_keys=False), encoding="utf-8")
    done = run_to_end(tool("promtool"), "test", "rules", file)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _case_id(case: AlertCase) -> str:
    return f"{case.name.removeprefix('Jobproof')}-{case.title or 'fires'}".replace(" ", "_")


@pytest.mark.parametrize("case", CASES, ids=_case_id)
def test_this_alert_and_no_other_one(case: AlertCase, tmp_path: Path) -> None:
    expected = []
    if case.fires is not None:
        expected.append(_expected(case, case.fires, case.says))
    for more in case.more:
        labels = {k: v for k, v in more.items() if k != "factor"}
        says = case.says
        for key, now in (("long_window", "1h"), ("short_window", "5m")):
            says = says.replace(f" {now} ", f" {labels[key]} ")
        says = says.replace("14.4", more["factor"])
        expected.append(_expected(case, labels, says))
    assert _run(tmp_path, case, expected) == ""


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    fired = {case.name for case in CASES if case.fires is not None and case.says}
    silent = {case.name for case in CASES if case.fires is None}
    assert set(names()) - QUIET == silent
    assert set(names()) - QUIET - fired == set()


def test_the_watchdog_fires_from_the_first_minute(tmp_path: Path) -> None:
    case = AlertCase("JobproofWatchdog", {}, 1, {}, "", about="")
    says = _named("JobproofWatchdog", {}).description
    assert _run(tmp_path, case, [_expected(case, {}, says)]) == ""


def test_promtool_accepts_the_rules() -> None:
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES).count("SUCCESS") == 2


# -- lint ---------------------------------------------------------------------------------


def every_rule() -> list[Json]:
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


def test_every_alert_says_what_where_and_what_to_do() -> None:
    for rule in every_rule():
        if "alert" not in rule:
            continue
        annotations = rule["annotations"]
        assert set(annotations) == {"summary", "description", "dashboard_url", "runbook_url"}
        assert annotations["summary"][0].isupper(), rule["alert"]
        assert annotations["summary"].endswith("."), rule["alert"]
        assert "{{" not in annotations["summary"], rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info", "none")
        assert not any("$value" in value for value in rule["labels"].values())
        assert re.fullmatch(r"Jobproof[A-Z]\w+", rule["alert"])
        assert "topk" not in rule["expr"]


def test_absent_waits_for_longer_than_two_scrapes(settings: DashboardSettings) -> None:
    for rule in every_rule():
        if "absent(" in rule["expr"]:
            scrape_s = parse_duration(settings.scrape_interval)
            assert parse_duration(rule["for"]) >= 2 * scrape_s


def test_every_window_holds_four_scrapes(settings: DashboardSettings) -> None:
    scrape_s = parse_duration(settings.scrape_interval)
    for rule in every_rule():
        for window in re.findall(r"\[(\w+)\]", rule["expr"]):
            assert parse_duration(window) >= 4 * scrape_s, rule


def test_no_float_noise_stands_in_a_rule() -> None:
    for rule in every_rule():
        assert not re.search(r"\d\.\d{9,}", rule["expr"]), rule["expr"]


def test_every_recorded_series_is_used(boards: dict[str, Json]) -> None:
    for_sloth = {
        "slo:current_burn_rate:ratio",
        "slo:time_period:days",
        "sloth_slo_info",
    }  # read by the dashboards that come with Sloth
    used = {
        found.name
        for text in [
            *(rule["expr"] for rule in every_rule()),
            *(re.sub(r"\$\w+", "5m", a.target["expr"]) for a in every_query(boards)),
        ]
        for found in selectors(promql_parser.parse(text))
    }
    recorded = {rule["record"] for rule in every_rule() if "record" in rule}
    assert recorded - used == for_sloth
    ours = {name for name in used if ":" in name}
    assert ours - recorded == set()


def test_records_come_before_those_that_read_them(settings: DashboardSettings) -> None:
    seen: set[str] = set()
    for group in slo_groups(settings):
        within = group.name.endswith("-facts")
        for record in group.records:
            read = {f.name for f in selectors(promql_parser.parse(record.expr)) if ":" in f.name}
            assert read <= seen, record.name
            if within or not read:
                seen.add(record.name)


def test_sloth_reads_the_names_it_knows(settings: DashboardSettings) -> None:
    rules = [r for g in rule_groups(settings)["jobproof-recording.yml"] for r in g["rules"]]
    found = {rule["record"] for rule in rules}
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    assert {f"slo:sli_error:ratio_rate{window}" for window in windows} <= found
    for rule in rules:
        if rule["record"].startswith("slo"):
            assert {"sloth_id", "sloth_service", "sloth_slo"} <= rule["labels"].keys()


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert list(sections()) == names()


@pytest.mark.parametrize("name", names())
def test_a_runbook_can_be_followed_at_night(name: str) -> None:
    text = sections()[name]
    parts = re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
    assert parts == ["Means", "Confirm", "Do", "False alarms"]
    command = re.search(r"```\n(.+?)```", text, re.DOTALL)
    assert command is not None
    assert re.match(r"(curl|jobproof) ", command[1]), name
    for number, quoted in enumerate(re.findall(r"\*([A-Z][^*]+)\*", text)):
        assert quoted, number
