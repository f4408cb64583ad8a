"""
Counters, gauges and histograms in memory, read and written under one lock.

`prometheus_client`'s own instruments can't carry what is needed here: `_sum` and
`_count` that agree, bucket edges that a reload may change without a reset, and
children that exist at 0 from the start without a `_created` twin.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite
from typing import Generic, TypeVar

__all__ = [
    "OTHER",
    "BoundedWords",
    "Counter",
    "Family",
    "Gauge",
    "Histogram",
    "JobExemplar",
    "Metric",
    "Snapshot",
]

OTHER = "__other__"

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """
    What is exported under one name.

    Attributes:
        name: As Prometheus stores it, `_total` included.
        type: `counter`, `gauge` or `histogram`.
    """

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class JobExemplar:
    """
    An exemplar: the job behind one observation.
    """

    job_id: str
    value: float
    at: float


class Counter:
    """
    A number that only grows.

    `name` is how the exposition spells it, labels and all; made at the first scrape.
    """

    __slots__ = ("exemplar", "name", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.exemplar: JobExemplar | None = None
        self.name = ""

    def add(self, amount: float = 1.0) -> None:
        """
        Grow by `amount`, which is never negative.
        """
        self.value += amount


class Gauge:
    """
    A number that is what it was last said to be.
    """

    __slots__ = ("name", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.name = ""


class Histogram:
    """
    Observations by upper edge; `+Inf` is the last bucket.
    """

    __slots__ = ("counts", "edges", "exemplars", "names", "total")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.names: tuple[str, ...] = ()
        self.counts = [0] * (len(edges) + 1)
        self.exemplars: list[JobExemplar | None] = [None] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, value: float, exemplar: JobExemplar | None = None) -> None:
        """
        Count `value` in the first bucket whose edge it doesn't pass.
        """
        bucket = bisect_left(self.edges, value)
        self.counts[bucket] += 1
        self.total += value
        if exemplar is not None:
            self.exemplars[bucket] = exemplar

    def cumulative(self) -> Iterator[int]:
        """
        What the exposition shows: each bucket with all below it.
        """
        return accumulate(self.counts)

    def move_to(self, edges: tuple[float, ...]) -> None:
        """
        Change the edges so that no series that stays is reset.

        A bucket's count moves to the lowest new edge that still covers all of it, so
        a new edge starts where its lower neighbour stands and is exact from then on.
        """
        if edges == self.edges:
            return
        fresh = Histogram(edges)
        for edge, count, exemplar in zip(
            (*self.edges, float("inf")), self.counts, self.exemplars, strict=True
        ):
            bucket = bisect_left(edges, edge)
            fresh.counts[bucket] += count
            fresh.exemplars[bucket] = exemplar or fresh.exemplars[bucket]
        self.edges, self.counts, self.exemplars = fresh.edges, fresh.counts, fresh.exemplars
        self.names = ()


Child = TypeVar("Child", Counter, Gauge, Histogram)


class Family(Generic[Child]):
    """
    All children of one metric, by their label values.
    """

    __slots__ = ("_birth", "children", "metric")

    def __init__(self, metric: Metric, birth: Callable[[], Child]) -> None:
        self.metric = metric
        self.children: dict[Labels, Child] = {}
        self._birth: Callable[[], Child] = birth

    def child(self, *labels: str) -> Child:
        """
        The child with these label values, born at 0 if it is new.
        """
        found = self.children.get(labels)
        if found is None:
            found = self.children[labels] = self._birth()
        return found

    def remove(self, gone: Callable[[dict[str, str]], bool]) -> None:
        """
        Forget every child whose labels `gone` says yes to.
        """
        names = self.metric.labels
        self.children = {
            labels: child
            for labels, child in self.children.items()
            if not gone(dict(zip(names, labels, strict=True)))
        }


AnyFamily = Family[Counter] | Family[Gauge] | Family[Histogram]
_Line = tuple[str, float, JobExemplar | None]
_Rows = tuple[tuple[str, ...], tuple[int, ...], float, tuple[JobExemplar | None, ...]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A family's numbers at one instant, to be written out when the lock is free again.
    """

    metric: Metric
    lines: tuple[_Line, ...]
    histograms: tuple[_Rows, ...]

    @classmethod
    def of(cls, family: AnyFamily) -> Snapshot:
        """
        The numbers as they stand.
        """
        lines: list[_Line] = []
        histograms: list[_Rows] = []
        for labels, child in family.children.items():
            if isinstance(child, Histogram):
                names = child.names or _bucket_names(family.metric, labels, child)
                rows = (names, tuple(child.cumulative()), child.total, tuple(child.exemplars))
                histograms.append(rows)
            else:
                child.name = child.name or _spell(family.metric, "", labels)
                exemplar = child.exemplar if isinstance(child, Counter) else None
                lines.append((child.name, child.value, exemplar))
        return cls(family.metric, tuple(lines), tuple(histograms))

    def write(self, *, openmetrics: bool, names: frozenset[str] = frozenset()) -> str:
        """
        The family in the text format, or in OpenMetrics 1.0, exemplars included.

        Written by hand because a scrape must not keep the probes waiting: the client
        library takes about ten times as long for the same bytes.

        Args:
            names: Only samples of these names; all if empty.
        """
        out: list[str] = []
        for name, value, exemplar in self.lines:
            out.append(f"{name}{_number(value)}{_exemplar(exemplar, openmetrics)}\n")
        for spelled, counts, total, exemplars in self.histograms:
            for name, count, exemplar in zip(spelled, counts, exemplars, strict=False):
                out.append(f"{name}{count}.0{_exemplar(exemplar, openmetrics)}\n")
            out.append(f"{spelled[-2]}{counts[-1]}.0\n{spelled[-1]}{_number(total)}\n")
        if names:
            lines = "".join(out).splitlines(keepends=True)
            out = [line for line in lines if line.partition(" ")[0].partition("{")[0] in names]
            if not out:
                return ""
        metric = self.metric
        name = metric.name.removesuffix("_total") if openmetrics else metric.name
        return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.type}\n{''.join(out)}"


def _bucket_names(metric: Metric, labels: Labels, child: Histogram) -> tuple[str, ...]:
    edges = (*map(repr, child.edges), "+Inf")
    buckets = (_spell(metric, "_bucket", labels, le=edge) for edge in edges)
    child.names = (
        *buckets,
        _spell(metric, "_count", labels),
        _spell(metric, "_sum", labels),
    )
    return child.names


def _spell(metric: Metric, suffix: str, values: Labels, le: str | None = None) -> str:
    pairs = [
        f'{label}="{_escape(value)}"' for label, value in zip(metric.labels, values, strict=True)
    ]
    if le is not None:
        pairs.append(f'le="{le}"')
    inner = f"{{{','.join(pairs)}}}" if pairs else ""
    return f"{metric.name}{suffix}{inner} "


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if isfinite(value):
        return repr(float(value))
    return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124


def _exemplar(exemplar: JobExemplar | None, openmetrics: bool) -> str:
    if exemplar is None or not openmetrics:
        return ""
    when = f" {exemplar.at:.3f}" if exemplar.at else ""
    return f' # {{job_id="{_escape(exemplar.job_id)}"}} {_number(exemplar.value)}{when}'


class BoundedWords:
    """
    Words that somebody else makes up, held to a number that a database can carry.
    """

    __slots__ = ("_known", "_limit")

    def __init__(self, known: Iterable[str] = (), *, limit: int = 50) -> None:
        self._known = set(known)
        self._limit = len(self._known) + limit

    def word(self, text: str) -> str:
        """
        `text`, or `__other__` once the room is full.
        """
        if text in self._known:
            return text
        if len(self._known) >= self._limit or len(text) > 200:
            return OTHER
        self._known.add(text)
        return text
