"""
What a scrape is answered with, and what a cron job pushes.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    generate_latest,
    push_to_gateway,
)
from prometheus_client.metrics_core import Metric as PrometheusFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from contract.errors import ConfigError

__all__ = ["OPENMETRICS", "TEXT", "Exposition", "Registry", "expose", "new_registry", "push"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Registry = CollectorRegistry
"""Where metrics are registered: nobody else needs to import the client library."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exposition:
    """
    One answer: bytes, and the headers that say how to read them.
    """

    body: bytes
    content_type: str
    encoding: str | None = None


def expose(
    registry: CollectorRegistry,
    *,
    accept: str = "",
    accept_encoding: str = "",
    names: Collection[str] = (),
) -> Exposition:
    """
    Everything in `registry`, in the format the scraper likes best.

    A collector that fails costs its own families, never the scrape.

    Args:
        accept: The `Accept` header; q-values are honoured. OpenMetrics 2.0 isn't spoken.
        accept_encoding: The `Accept-Encoding` header.
        names: Only these sample names (`?name[]=`); all if empty.
    """
    families = _Frozen(_collect(registry, frozenset(names)))
    if _wants_openmetrics(accept):
        body = openmetrics.generate_latest(families)  # type: ignore[no-untyped-call]
        content_type = OPENMETRICS
    else:
        body, content_type = generate_latest(families), TEXT
    if _quality(accept_encoding, "gzip") > 0:
        # Level 9 costs thirty times the CPU of level 1 for a quarter of the bytes.
        return Exposition(gzip.compress(body, 1, mtime=0), content_type, "gzip")
    return Exposition(body, content_type)


def new_registry(*, process: bool = True) -> Registry:
    """
    An empty registry, or one that knows the process: CPU, memory, open files.
    """
    registry = CollectorRegistry()
    if process:
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
    return registry


def push(registry: Registry, url: str) -> None:
    """
    Put everything in `registry` to a Pushgateway, in place of what was there.

    Raises:
        ConfigError: Nobody answers there, or the answer is a refusal.
    """
    try:
        push_to_gateway(url, job="jobwatch", registry=registry, timeout=10)
    except (OSError, ValueError, HTTPException) as exc:
        raise ConfigError(f"--pushgateway {url}: {exc}") from None


class _Frozen(CollectorRegistry):
    """
    Families that were collected already, in a registry's clothes.
    """

    def __init__(self, families: Iterable[PrometheusFamily]) -> None:
        super().__init__()
        self._families = tuple(families)

    def collect(self) -> Iterator[PrometheusFamily]:
        return iter(self._families)


def _collect(registry: CollectorRegistry, names: frozenset[str]) -> Iterator[PrometheusFamily]:
    for collector in _collectors(registry):
        try:
            # Taken whole before anything is written: half a family would break the format.
            families = list(collector.collect())
        except Exception:  # noqa: BLE001 -- logged, and the other collectors still answer
            _LOG.exception("collector %s failed; its metrics are missing", type(collector).__name__)
            continue
        for family in families:
            if not names:
                yield family
                continue
            family.samples = [sample for sample in family.samples if sample.name in names]
            if family.samples:
                yield family


def _collectors(registry: CollectorRegistry) -> tuple[Collector, ...]:
    # The registry's own collect() is one generator: the first failure ends it for all.
    with registry._lock:
        return tuple(registry._collector_to_names)


def _wants_openmetrics(accept: str) -> bool:
    best, text = 0.0, 0.0
    for kind, parameters, quality in _ranges(accept):
        if kind == "application/openmetrics-text":
            # A scraper that asks for 2.0 only gets text: what it asked for isn't spoken here.
            if parameters.get("version", "1.0.0") in ("0.0.1", "1.0.0"):
                best = max(best, quality)
        elif kind == "text/plain":
            text = max(text, quality)
    return best > 0.0 and best >= text


def _quality(header: str, wanted: str) -> float:
    found = {kind: quality for kind, _, quality in _ranges(header)}
    return found.get(wanted, found.get("*", 0.0))


def _ranges(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for part in header.split(","):
        kind, *rest = (piece.strip() for piece in part.split(";"))
        parameters = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (piece.partition("=") for piece in rest)
        }
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        yield kind.lower(), parameters, quality
