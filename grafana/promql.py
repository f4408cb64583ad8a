"""
PromQL written against the daemon's own table of metrics, so that a name can't be misspelt.

A query names a metric by its short name (`probes_total`) and its labels by keyword;
one that the daemon doesn't export stops the generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobproof.contract.errors import JobproofError, did_you_mean
from jobproof.probes.export.families import METRICS

__all__ = [
    "BOARD",
    "RULES",
    "Selector",
    "any_of",
    "escape",
    "metric_name",
    "quantile",
    "ratio",
    "sum_by",
]

PREFIX = "jobproof_"
RATE_INTERVAL = "$__rate_interval"
_LABELS: Mapping[str, tuple[str, ...]] = {metric.name: metric.labels for metric in METRICS}


class UnknownSeriesError(JobproofError):
    """
    A query names a metric or a label that the daemon doesn't export.
    """


def metric_name(short: str) -> str:
    """
    The exported name, or an error that suggests the nearest one.
    """
    full = short if short in _LABELS else PREFIX + short
    if full not in _LABELS:
        raise UnknownSeriesError(f"no metric {full!r} is exported. {did_you_mean(full, _LABELS)}")
    return full


def escape(value: str) -> str:
    """
    `value` as the inside of a PromQL string.
    """
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def any_of(words: tuple[str, ...] | list[str]) -> str:
    """
    A regular expression that matches these words and nothing else.
    """
    special = str.maketrans({char: f"\\{char}" for char in r"\.+*?()[]{}|^$"})
    return "|".join(word.translate(special) for word in words)


@dataclass(frozen=True, slots=True)
class Selector:
    """
    Writes selectors with the matchers of their place: a rule, or a dashboard with its variables.

    Attributes:
        always: Matchers of every selector.
        if_labelled: Matchers of metrics that have the label.
    """

    always: tuple[tuple[str, str], ...] = ()
    if_labelled: tuple[tuple[str, str], ...] = ()

    def select(self, short: str, *, part: str = "", **matchers: str) -> str:
        """
        An instant vector selector.

        Args:
            part: `_bucket`, `_sum` or `_count` of a histogram.
            matchers: `code="404"`; an operator may lead the value: `code="!~2.."`.
        """
        full = metric_name(short)
        known = (*_LABELS[full], "le") if part == "_bucket" else _LABELS[full]
        for label in matchers:
            if label not in known:
                raise UnknownSeriesError(
                    f"{full} has no label {label!r}. {did_you_mean(label, known)}"
                )
        scoped = [(k, v) for k, v in self.if_labelled if k in known and k not in matchers]
        pairs = [*self.always, *scoped, *matchers.items()]
        inside = ",".join(_matcher(label, value) for label, value in pairs)
        return f"{full}{part}{{{inside}}}" if inside else full + part

    def rate(self, short: str, window: str = RATE_INTERVAL, *, part: str = "", **m: str) -> str:
        """
        Growth per second over `window`.
        """
        return f"rate({self.select(short, part=part, **m)}[{window}])"

    def increase(self, short: str, window: str = RATE_INTERVAL, *, part: str = "", **m: str) -> str:
        """
        Growth over `window`.
        """
        return f"increase({self.select(short, part=part, **m)}[{window}])"

    def recorded(self, name: str, **matchers: str) -> str:
        """
        A selector of a recorded series: it has lost `job` and `instance`.
        """
        # A rule reads what it recorded of all targets; only dashboards have a variable to narrow.
        variables = [] if self == RULES or "target" in matchers else [("target", "=~$target")]
        inside = ",".join(_matcher(k, v) for k, v in [*variables, *matchers.items()])
        return f"{name}{{{inside}}}" if inside else name


def _matcher(label: str, value: str) -> str:
    operator = next((op for op in ("=~", "!~", "!=") if value.startswith(op)), "")
    return f'{label}{operator or "="}"{escape(value.removeprefix(operator))}"'


RULES = Selector()
BOARD = Selector(
    always=(("job", "=~$job"), ("instance", "=~$instance")),
    if_labelled=(("target", "=~$target"),),
)


def sum_by(labels: str, expr: str) -> str:
    """
    Sum that keeps `labels` (comma separated).
    """
    return f"sum by ({labels}) ({expr})"


def ratio(part: str, whole: str) -> str:
    """
    `part` of `whole`; nothing at all where the whole is nothing, instead of NaN.
    """
    return f"{part}\n/\n({whole} > 0)"


def quantile(q: float, by: str, rate: str) -> str:
    """
    A percentile of a histogram's buckets, one for each value of the labels `by`.
    """
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) ({rate}))"
