"""
What a scrape is answered with, and what a cron job pushes.
"""

from __future__ import annotations

import gzip
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    generate_latest,
    push_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler, default_handler
from prometheus_client.metrics_core import Metric as PrometheusFamily
from prometheus_client.openmetrics.exposition import generate_latest as encode_openmetrics
from prometheus_client.registry import Collector

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import UrlError, read_base_url
from jobproof.contract.formats.digits import read_decimal

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


@runtime_checkable
class _Writer(Protocol):
    """
    A collector that writes itself, faster than the client library would.
    """

    def write(self, *, openmetrics: bool, names: frozenset[str] = ...) -> str: ...


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
    openmetrics = _wants_openmetrics(accept)
    text = "".join(_written(registry, frozenset(names), openmetrics))
    body = f"{text}# EOF\n".encode() if openmetrics else text.encode()
    content_type = OPENMETRICS if openmetrics else TEXT
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

    Args:
        url: May hold `user:password@`, which is sent as basic authentication.

    Raises:
        ConfigError: It is no URL, nobody answers there, or the answer is a refusal.
    """
    gateway, handler = _gateway(url)
    try:
        push_to_gateway(gateway, job="jobproof", registry=registry, timeout=10, handler=handler)
    except (OSError, ValueError, HTTPException) as exc:
        raise ConfigError(f"--pushgateway {gateway}: {exc}") from None


def _gateway(url: str) -> tuple[str, Callable[..., Callable[[], None]]]:
    """
    The URL without its password, which no message may show, and who sends it instead.
    """
    scheme, slashes, rest = url.strip().partition("://")
    if not slashes:
        scheme, rest = "http", scheme
    authority = re.split("[/?#]", rest)[0]
    userinfo, at, host = authority.rpartition("@")
    try:
        gateway = read_base_url(f"{scheme}://{host}{rest[len(authority) :]}")
    except UrlError as exc:
        raise ConfigError(f"--pushgateway {exc}") from None
    if not at:
        return gateway, default_handler
    name, _, password = userinfo.partition(":")
    handler = partial(basic_auth_handler, username=unquote(name), password=unquote(password))
    return gateway, handler


class _OneFamily(CollectorRegistry):
    """
    A registry of one family that was collected already: encoders take registries only.
    """

    def __init__(self, family: PrometheusFamily) -> None:
        super().__init__()
        self._family = family

    def collect(self) -> Iterator[PrometheusFamily]:
        yield self._family


def _written(
    registry: CollectorRegistry, names: frozenset[str], openmetrics: bool
) -> Iterator[str]:
    for collector in _collectors(registry):
        try:
            if isinstance(collector, _Writer):
                text = collector.write(openmetrics=openmetrics, names=names)
            else:
                # Taken whole before it is passed on: half a family would break the format.
                text = "".join(
                    _encoded(family, openmetrics) for family in _chosen(collector.collect(), names)
                )
        except Exception:  # noqa: BLE001 -- logged, and the other collectors still answer
            _LOG.exception("collector %s failed; its metrics are missing", type(collector).__name__)
            continue
        yield text


def _encoded(family: PrometheusFamily, openmetrics: bool) -> str:
    alone = _OneFamily(family)
    if not openmetrics:
        return generate_latest(alone).decode()
    encoded: bytes = encode_openmetrics(alone)  # type: ignore[no-untyped-call]
    return encoded.decode().removesuffix("# EOF\n")


def _chosen(
    families: Iterable[PrometheusFamily], names: frozenset[str]
) -> Iterator[PrometheusFamily]:
    for family in families:
        if names:
            family.samples = [sample for sample in family.samples if sample.name in names]
        if family.samples or not names:
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


# A header without q-values is all 1; `*` speaks for whatever isn't named (RFC 9110 12.5.3).
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
        quality = read_decimal(parameters.pop("q", "1"))
        yield kind.lower(), parameters, quality or 0.0
