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
from typing import Generic, TypeVar

__all__ = [
    "OTHER",
    "BoundedWords",
    "Counter",
    "Family",
    "Gauge",
    "Histogram",
    "Mark",
    "Metric",
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
class Mark:
    """
    An exemplar: the job behind one observation.
    """

    job_id: str
    value: float
    at: float


class Counter:
    """
    A number that only grows.
    """

    __slots__ = ("mark", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.mark: Mark | None = None

    def add(self, amount: float = 1.0) -> None:
        """
        Grow by `amount`, which is never negative.
        """
        self.value += amount


class Gauge:
    """
    A number that is what it was last said to be.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Histogram:
    """
    Observations by upper edge; `+Inf` is the last bucket.
    """

    __slots__ = ("counts", "edges", "marks", "total")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.marks: list[Mark | None] = [None] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, value: float, mark: Mark | None = None) -> None:
        """
        Count `value` in the first bucket whose edge it doesn't pass.
        """
        bucket = bisect_left(self.edges, value)
        self.counts[bucket] += 1
        self.total += value
        if mark is not None:
            self.marks[bucket] = mark

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
        for edge, count, mark in zip(
            (*self.edges, float("inf")), self.counts, self.marks, strict=True
        ):
            bucket = bisect_left(edges, edge)
            fresh.counts[bucket] += count
            fresh.marks[bucket] = mark or fresh.marks[bucket]
        self.edges, self.counts, self.marks = fresh.edges, fresh.counts, fresh.marks


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
