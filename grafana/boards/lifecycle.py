"""
Do jobs get through? Where do they wait, how do they end, and which are stuck?
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jobproof.contract.formats.json_value import JsonObject
from jobproof.grafana.boards.dashboard import Dashboard, PanelRow, Row
from jobproof.grafana.boards.panels import (
    Panel,
    Query,
    bargauge,
    fixed_colour,
    heatmap,
    override,
    stat,
    table,
    threshold_steps,
    timeseries,
)
from jobproof.grafana.boards.variables import COMMON
from jobproof.grafana.promql import BOARD, any_of, quantile, ratio, sum_by
from jobproof.grafana.settings import DashboardSettings
from jobproof.probes.export.families import UNKNOWN_STATUS

__all__ = ["board", "by_status", "status_colours"]

UNKNOWN_COLOUR = "#ff00ff"


def board(settings: DashboardSettings) -> Dashboard:
    """
    The dashboard about the jobs themselves, not about the HTTP around them.
    """
    return Dashboard(
        uid="jobproof-lifecycle",
        title="jobproof: job lifecycle",
        description=(
            "What becomes of jobs: their statuses now and over time, how long each status "
            "lasts, how jobs end, and which don't."
        ),
        variables=COMMON,
        rows=(
            Row(
                "",
                (
                    PanelRow(4, _tiles(settings)),
                    PanelRow(9, (_followed_now(settings), _followed_over_time(settings))),
                ),
            ),
            Row(
                "How jobs end",
                (
                    PanelRow(
                        8,
                        (
                            _ended_over_time(settings),
                            _ended_in_a_day(settings),
                            _oldest_age(settings),
                        ),
                    ),
                    PanelRow(9, (_status_durations(settings), _completion_times())),
                ),
            ),
            Row(
                "Which way jobs go",
                (PanelRow(10, (_transitions(), _status_shares(settings))),),
            ),
        ),
    )


def status_colours(settings: DashboardSettings) -> list[JsonObject]:
    """
    One fixed colour a status word, the same on every panel.
    """
    known = [fixed_colour(status.word, status.colour) for status in settings.statuses]
    return [*known, fixed_colour(UNKNOWN_STATUS, UNKNOWN_COLOUR)]


def by_status(words: tuple[str, ...], selector: Callable[[str], str]) -> Iterator[Query]:
    """
    One query a status: bars come in the order of a job's life, where one query would sort them
    by the alphabet.
    """
    for word in words:
        yield Query(f"sum by (job_status) ({selector(word)})", word, instant=True)


def _tiles(settings: DashboardSettings) -> tuple[Panel, ...]:
    return (*_unfinished(settings), *_ended(settings))


def _unfinished(settings: DashboardSettings) -> tuple[Panel, ...]:
    pending = BOARD.select(
        "followed_jobs", job_status="=~" + any_of([*settings.pending, UNKNOWN_STATUS])
    )
    return (
        stat(
            "Stuck jobs",
            "Are there jobs that should have ended by the vendor's own limits and have not?",
            Query(f"sum({BOARD.select('stuck_jobs')})", "stuck", instant=True),
            unit="none",
            width=4,
            no_value="nothing followed",
            thresholds=threshold_steps("green", (1, "red")),
            background=True,
            named=False,
        ),
        stat(
            "Jobs in the works",
            "How many followed jobs have not ended yet?",
            Query(f"sum({pending})", "jobs", instant=True),
            unit="none",
            width=4,
            no_value="nothing followed",
            named=False,
        ),
        stat(
            "Oldest job in the works",
            "How long has the oldest unfinished job been waiting? Orange and red are the limits "
            "that the vendor documents.",
            Query(f"max({BOARD.select('oldest_pending_job_seconds')})", "age", instant=True),
            unit="s",
            width=4,
            no_value="nothing waits",
            thresholds=_limit_steps(settings, "green"),
            named=False,
        ),
    )


def _ended(settings: DashboardSettings) -> tuple[Panel, ...]:
    ended = "target_status:jobproof_job_completions:increase1d"
    succeeded = BOARD.recorded(ended, job_status="=~" + any_of(settings.succeeded))
    unknown = BOARD.recorded(
        "target_status:jobproof_job_status_observations:increase1d", job_status=UNKNOWN_STATUS
    )
    return (
        stat(
            "Succeeded, 24 h",
            "What share of the jobs that ended in the last 24 hours came to a result?",
            Query(
                ratio(f"sum({succeeded})", f"sum({BOARD.recorded(ended)})"), "share", instant=True
            ),
            unit="percentunit",
            width=4,
            no_value="none ended",
            thresholds=threshold_steps("red", (0.8, "orange"), (0.95, "green")),
            decimals=1,
            named=False,
        ),
        stat(
            "Ended, 24 h",
            "How many followed jobs ended in the last 24 hours, in whichever way?",
            Query(f"sum({BOARD.recorded(ended)})", "jobs", instant=True),
            unit="locale",
            width=4,
            no_value="no rules loaded",
            decimals=0,
            named=False,
        ),
        stat(
            "Unknown statuses, 24 h",
            "Did the API send a status word that it doesn't document?",
            Query(f"sum({unknown})", "answers", instant=True),
            unit="short",
            width=4,
            no_value="no rules loaded",
            thresholds=threshold_steps("green", (0.5, "red")),
            decimals=0,
            named=False,
        ),
    )


def _limit_steps(settings: DashboardSettings, base: str) -> JsonObject:
    colours = ["orange", "red"] if len(settings.limits_s) > 1 else ["red"]
    return threshold_steps(base, *zip(settings.limits_s, colours, strict=False))


def _followed_now(settings: DashboardSettings) -> Panel:
    return bargauge(
        "Followed jobs by status, now",
        "Where in life are the jobs that are being followed? A long bar early in the list is a "
        "queue that doesn't move.",
        *by_status(settings.words, lambda word: BOARD.select("followed_jobs", job_status=word)),
        unit="none",
        width=8,
        no_value="nothing followed",
        overrides=status_colours(settings),
    )


def _followed_over_time(settings: DashboardSettings) -> Panel:
    return timeseries(
        "Followed jobs by status, over time",
        "Does work flow, or does it pile up in one status? A band that widens is a bottleneck.",
        Query(sum_by("job_status", BOARD.select("followed_jobs")), "{{job_status}}"),
        unit="none",
        width=16,
        stacked="normal",
        overrides=status_colours(settings),
        limits=(0, None),
        no_value="nothing followed",
    )


def _ended_over_time(settings: DashboardSettings) -> Panel:
    ended = BOARD.increase("job_completion_seconds", part="_count")
    return timeseries(
        "Jobs that ended, by how",
        "How do jobs end: with a result, by an error, or called off?",
        Query(sum_by("job_status", ended), "{{job_status}}"),
        unit="short",
        width=10,
        stacked="normal",
        bars=True,
        overrides=status_colours(settings),
        limits=(0, None),
        no_value="nothing ended",
    )


def _ended_in_a_day(settings: DashboardSettings) -> Panel:
    return bargauge(
        "Jobs that ended, 24 h",
        "How many jobs ended in each way during the last 24 hours?",
        *by_status(
            settings.terminal,
            lambda word: BOARD.recorded(
                "target_status:jobproof_job_completions:increase1d", job_status=word
            ),
        ),
        unit="locale",
        width=6,
        no_value="no rules loaded",
        overrides=status_colours(settings),
    )


def _oldest_age(settings: DashboardSettings) -> Panel:
    limits = " and ".join(f"{limit:g} s" for limit in settings.limits_s) or "none"
    return timeseries(
        "Age of the oldest unfinished job",
        "Is the queue getting older? The dashed lines are the limits that the vendor documents "
        f"({limits}); a sawtooth is normal, a ramp is a stuck job.",
        Query(f"max by (target) ({BOARD.select('oldest_pending_job_seconds')})", "{{target}}"),
        unit="s",
        width=8,
        thresholds=_limit_steps(settings, "transparent"),
        limits=(0, None),
        no_value="nothing waits",
    )


def _status_durations(settings: DashboardSettings) -> Panel:
    buckets = BOARD.rate("job_status_duration_seconds", part="_bucket")
    return timeseries(
        "Time spent in a status, p95",
        "In which status do jobs lose their time? 95 % of the jobs that left a status had spent "
        "less than this in it; exact to the distance of two polls.",
        Query(quantile(0.95, "job_status", buckets), "{{job_status}}", exemplar=True),
        unit="s",
        width=12,
        overrides=status_colours(settings),
        limits=(0, None),
        no_value="nothing followed",
    )


def _completion_times() -> Panel:
    buckets = BOARD.increase("job_completion_seconds", part="_bucket")
    return heatmap(
        "Time from creation to the end",
        "How long do whole jobs take? Brighter cells hold more jobs; a second band is a second "
        "kind of job.",
        Query(sum_by("le", buckets), "{{le}}", format="heatmap", exemplar=True),
        unit="s",
        width=12,
    )


def _transitions() -> Panel:
    transitions = BOARD.recorded("target_from_to:jobproof_job_transitions:increase1d")
    return table(
        "Moves between statuses, 24 h",
        "Which way do jobs go? Rows are where they came from, columns where they went. A row for "
        "a status that ends a job should not exist.",
        Query(f"{sum_by('from_status, to_status', transitions)} > 0", instant=True, format="table"),
        unit="locale",
        width=14,
        no_value="-",
        transformations=[
            {
                "id": "groupingToMatrix",
                "options": {
                    "columnField": "to_status",
                    "rowField": "from_status",
                    "valueField": "Value",
                },
            }
        ],
        overrides=[override("from_status\\to_status", displayName="From", custom__width=150)],
        thresholds=threshold_steps("transparent", (0.5, "semi-dark-blue")),
        decimals=0,
    )


def _status_shares(settings: DashboardSettings) -> Panel:
    seen = BOARD.rate("job_status_observations_total")
    return timeseries(
        "Statuses read in answers, share",
        "Which statuses do answers show, over all canaries? A share that jumps without a change "
        "in load is a change at the vendor.",
        Query(
            f"{sum_by('job_status', seen)}\n/ ignoring (job_status) group_left ()\n"
            f"(sum({seen}) > 0)",
            "{{job_status}}",
        ),
        unit="percentunit",
        width=10,
        stacked="normal",
        overrides=status_colours(settings),
        no_value="no answers",
    )
