"""
The table of what the daemon exports: name, type, labels, help, and the edges of histograms.

Labels come from closed sets, whose children exist at 0 from the start: a series born
with its first failure cannot be alerted on. A word that the vendor makes up passes a
bounded dictionary. A job's id is never a label; it travels as an exemplar.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobproof.contract.judging.limited_calls import FailureReason, PluginKind
from jobproof.contract.model.finding import Drift, Kind
from jobproof.probes.export.series import Metric
from jobproof.probes.result import MissReason, ProbeOutcome

__all__ = [
    "ACCEPTED",
    "CODES",
    "DIAL_OUTCOMES",
    "DURATION_EDGES_S",
    "JOB_EDGES_S",
    "LABEL_VALUES",
    "LAG_EDGES_S",
    "LATENESS_EDGES_S",
    "METRICS",
    "OTHER_CODE",
    "PHASES",
    "PHASE_EDGES_S",
    "STORES",
    "UNKNOWN_STATUS",
    "UNSEEN_STATUS",
    "Edges",
    "Metric",
    "status_label",
]

UNKNOWN_STATUS = "unknown"
"""Every status word that the profile doesn't have."""
UNSEEN_STATUS = "unseen"
"""What a job may have been in between two polls that were far apart."""
_LISTED_UNKNOWN = "unknown (listed)"
OTHER_CODE = "other"
ACCEPTED = "accepted"
"""The kind of a finding that the profile's policy accepts: no alert may ring for it."""
PHASES = ("resolve", "connect", "tls", "wait", "transfer")
# Exist at 0 for every canary; other codes get a series with their first answer.
CODES = ("200", "400", "401", "403", "429", "500", "502", "503", "504")
DIAL_OUTCOMES = (
    ProbeOutcome.OK,
    ProbeOutcome.DNS,
    ProbeOutcome.CONNECT,
    ProbeOutcome.TLS,
    ProbeOutcome.TIMEOUT,
)
"""How a connection can come about or not."""

Edges = tuple[float, ...]

DURATION_EDGES_S: Edges = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
PHASE_EDGES_S: Edges = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
LAG_EDGES_S: Edges = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_EDGES_S: Edges = (
    *(0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0),
    *(180.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0),
)

LATENESS_EDGES_S: Edges = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

# What is written to disk, or elsewhere, and may fail.
STORES = ("evidence", "watch_list", "sinks")

METRICS: tuple[Metric, ...] = (
    Metric(
        "jobproof_probes_total",
        "counter",
        ("target", "canary", "outcome"),
        "Probes by how they ended, slots of an announced outage included; only `ok` is a success.",
    ),
    Metric(
        "jobproof_probe_success",
        "gauge",
        ("target", "canary"),
        "Whether the last probe was answered as promised; absent before the first.",
    ),
    Metric(
        "jobproof_last_probe_timestamp_seconds",
        "gauge",
        ("target", "canary"),
        "When the last probe ended.",
    ),
    Metric(
        "jobproof_last_success_timestamp_seconds",
        "gauge",
        ("target", "canary"),
        "When the last successful probe ended.",
    ),
    Metric(
        "jobproof_probe_duration_seconds",
        "histogram",
        ("target", "canary"),
        "From the intended start to the last byte or the failure, whatever the outcome.",
    ),
    Metric(
        "jobproof_probe_phase_duration_seconds",
        "histogram",
        ("target", "phase"),
        "Where a probe's time went; a phase that didn't happen is 0.",
    ),
    Metric(
        "jobproof_http_responses_total",
        "counter",
        ("target", "canary", "code"),
        "Answers by HTTP status code.",
    ),
    Metric(
        "jobproof_not_found_total",
        "counter",
        ("target", "canary", "expected"),
        "Answers that deny the job: expected for ids nobody has, unexpected for known jobs.",
    ),
    Metric(
        "jobproof_job_status_observations_total",
        "counter",
        ("target", "job_status"),
        "Job statuses read in answers.",
    ),
    Metric(
        "jobproof_followed_jobs",
        "gauge",
        ("target", "job_status"),
        "Jobs being followed, by the status last seen.",
    ),
    Metric(
        "jobproof_job_status_duration_seconds",
        "histogram",
        ("target", "job_status"),
        "Time a followed job spent in a status, to the middle of the poll gap.",
    ),
    Metric(
        "jobproof_job_completion_seconds",
        "histogram",
        ("target", "job_status"),
        "From a followed job's creation to its end, by the status it ended in.",
    ),
    Metric(
        "jobproof_job_transitions_total",
        "counter",
        ("target", "from_status", "to_status"),
        "Moves of followed jobs from one status to another, as seen between two polls; by way of "
        "`unseen` where the polls were too far apart to tell.",
    ),
    Metric(
        "jobproof_stuck_jobs",
        "gauge",
        ("target",),
        "Followed jobs that are unfinished past the longest limit the vendor documents.",
    ),
    Metric(
        "jobproof_oldest_pending_job_seconds",
        "gauge",
        ("target",),
        "Age of the oldest followed job that has not ended.",
    ),
    Metric(
        "jobproof_followed_poll_lateness_seconds",
        "histogram",
        ("target",),
        "From the time when a followed job was due to the time when it was asked for.",
    ),
    Metric(
        "jobproof_store_write_errors_total",
        "counter",
        ("store",),
        "What couldn't be written down: evidence, the watch list, or a sink's result.",
    ),
    Metric(
        "jobproof_contract_findings_total",
        "counter",
        ("target", "check", "kind"),
        "What the contract's checks said about answers.",
    ),
    Metric(
        "jobproof_contract_drift_total",
        "counter",
        ("target", "drift", "pointer"),
        "Allowed but new things in answers, by the place in the body.",
    ),
    Metric(
        "jobproof_check_crashes_total",
        "counter",
        ("check",),
        "Checks that failed by themselves instead of judging.",
    ),
    Metric(
        "jobproof_checks_judged_total",
        "counter",
        ("target", "check"),
        "Answers about which a check had its say, whatever it said.",
    ),
    Metric(
        "jobproof_findings_dropped_total",
        "counter",
        ("target",),
        "Findings beyond those that are kept of one answer; at least so many.",
    ),
    Metric(
        "jobproof_judge_backlog_bytes",
        "gauge",
        ("target",),
        "About what the answers take that wait to be judged.",
    ),
    Metric(
        "jobproof_judge_oldest_seconds",
        "gauge",
        ("target",),
        "For how long the oldest answer has waited to be judged; 0 where none waits.",
    ),
    Metric(
        "jobproof_plugin_failures_total",
        "counter",
        ("kind", "name", "why"),
        "Calls of checks, canaries, sources and sinks that raised or hung.",
    ),
    Metric(
        "jobproof_sink_dropped_total",
        "counter",
        ("sink",),
        "Results that a sink didn't take in time.",
    ),
    Metric(
        "jobproof_schedule_lag_seconds",
        "histogram",
        (),
        "From a probe's intended start to its actual one.",
    ),
    Metric(
        "jobproof_slots_missed_total",
        "counter",
        ("target", "reason"),
        "Slots of the schedule in which no probe could start; `backoff` is in probes_total, too.",
    ),
    Metric(
        "jobproof_target_interval_seconds",
        "gauge",
        ("target", "canary"),
        "Time between two slots of the schedule, as configured.",
    ),
    Metric(
        "jobproof_dials_total",
        "counter",
        ("target", "outcome"),
        "Connections dialled for probes, by what came of that: `ok` once a request could be sent.",
    ),
    Metric(
        "jobproof_probes_in_flight",
        "gauge",
        (),
        "Probes that have started and not ended.",
    ),
    Metric(
        "jobproof_request_budget_used_ratio",
        "gauge",
        ("target",),
        "Share of the key's requests per minute that were spent in the last minute.",
    ),
    Metric(
        "jobproof_backoff_until_timestamp_seconds",
        "gauge",
        ("target",),
        "Until when the server has asked for rest, by 429 or 503; 0 when it has not.",
    ),
    Metric(
        "jobproof_tls_certificate_expiry_timestamp_seconds",
        "gauge",
        ("target",),
        "When the server's own certificate expires.",
    ),
    Metric(
        "jobproof_clock_skew_seconds",
        "gauge",
        ("target",),
        "How far the server's Date is ahead of our clock, to the second.",
    ),
    Metric(
        "jobproof_config_last_reload_successful",
        "gauge",
        (),
        "Whether the last reload took the configuration over.",
    ),
    Metric(
        "jobproof_config_last_reload_success_timestamp_seconds",
        "gauge",
        (),
        "When a configuration was last taken over.",
    ),
    Metric(
        "jobproof_build_info",
        "gauge",
        ("version", "python_version"),
        "1, labelled by what is running.",
    ),
    Metric(
        "jobproof_contract_info",
        "gauge",
        ("target", "api", "openapi_version", "spec_sha256"),
        "1, labelled by the document that answers are held to.",
    ),
    Metric(
        "jobproof_target_info",
        "gauge",
        ("target", "api", "url"),
        "1, labelled by what the target is.",
    ),
)

LABEL_VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "jobproof_probes_total": {"outcome": tuple(ProbeOutcome)},
    "jobproof_probe_phase_duration_seconds": {"phase": PHASES},
    "jobproof_not_found_total": {"expected": ("true", "false")},
    "jobproof_store_write_errors_total": {"store": STORES},
    "jobproof_contract_findings_total": {"kind": (*Kind, ACCEPTED)},
    "jobproof_contract_drift_total": {"drift": tuple(Drift)},
    "jobproof_plugin_failures_total": {"kind": tuple(PluginKind), "why": tuple(FailureReason)},
    "jobproof_slots_missed_total": {"reason": tuple(MissReason)},
    "jobproof_dials_total": {"outcome": DIAL_OUTCOMES},
}
"""
By metric, the labels whose values are closed in code; others come from the configuration and
the API.
"""


def status_label(word: str) -> str:
    """
    The label of a status word that the profile has: `unknown` is that of all others.
    """
    return _LISTED_UNKNOWN if word == UNKNOWN_STATUS else word
