"""
One probe in blackbox_exporter's words, so that its alerts and dashboards work unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from jobproof.contract.formats.digits import read_decimal, read_digits
from jobproof.contract.formats.http_date import read_http_date
from jobproof.contract.model.exchange import Exchange, Response
from jobproof.contract.model.finding import Kind
from jobproof.probes.result import ProbeResult

__all__ = ["blackbox_text"]

# blackbox_exporter holds a length in an int64.
_LONGEST_BODY = 2**63 - 1
_Sample = tuple[Mapping[str, str], float]


def blackbox_text(result: ProbeResult, *, timeout_s: float) -> str:
    """
    The result in Prometheus' text format; nothing of earlier probes is in it.
    """
    lines = []
    for name, help_, samples in _gauges(result, timeout_s):
        lines += [f"# HELP {name} {help_}", f"# TYPE {name} gauge"]
        lines += [f"{name}{_label_set(labels)} {float(value)!r}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _gauges(result: ProbeResult, timeout_s: float) -> Iterator[tuple[str, str, list[_Sample]]]:
    def gauge(name: str, help_: str, value: float) -> tuple[str, str, list[_Sample]]:
        return name, help_, [({}, value)]

    success = float(result.outcome.success)
    yield gauge("probe_success", "Displays whether or not the probe was a success", success)
    yield gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        result.duration_s,
    )
    yield gauge("probe_timeout_seconds", "The time limit of this probe in seconds", timeout_s)
    violated = any(finding.breaks(strict=False) for finding in result.findings)
    yield gauge(
        "probe_failed_due_to_contract",
        "Indicates if the probe failed because a promise of the contract is broken",
        float(violated),
    )
    kinds = Counter(finding.kind for finding in result.findings)
    yield (
        "probe_contract_findings",
        "What the contract's checks found in this answer, by kind",
        [({"kind": kind.value}, float(kinds[kind])) for kind in Kind],
    )
    if result.exchange is not None:
        yield from _exchange_gauges(result.exchange)


def _exchange_gauges(exchange: Exchange) -> Iterator[tuple[str, str, list[_Sample]]]:
    phases = exchange.phases
    seconds_by_phase = {
        "resolve": phases.resolve,
        "connect": phases.connect,
        "tls": phases.tls,
        "processing": phases.wait,
        "transfer": phases.transfer,
    }
    yield (
        "probe_http_duration_seconds",
        "Duration of http request by phase, summed over all redirects",
        [({"phase": phase}, seconds) for phase, seconds in seconds_by_phase.items()],
    )
    failure = exchange.failure
    response = exchange.response or (failure.partial if failure is not None else None)
    for name, help_, value in _response_gauges(response, exchange.ended_at):
        yield name, help_, [({}, value)]
    rest = {
        "probe_dns_lookup_time_seconds": (
            "Returns the time taken for probe dns lookup in seconds",
            phases.resolve,
        ),
        "probe_http_ssl": (
            "Indicates if SSL was used for the final redirect",
            float(exchange.request.url.startswith("https:")),
        ),
        "probe_http_redirects": ("The number of redirects", 0.0),
    }
    for name, (help_, value) in rest.items():
        yield name, help_, [({}, value)]
    for name, help_, value in _connection_gauges(exchange):
        yield name, help_, [({}, value)]


def _connection_gauges(exchange: Exchange) -> Iterator[tuple[str, str, float]]:
    if exchange.remote_ip is not None:
        yield (
            "probe_ip_protocol",
            "Specifies whether probe ip protocol is IP4 or IP6",
            float(_ip_version(exchange.remote_ip)),
        )
        yield (
            "probe_ip_addr_hash",
            "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
            float(_fnv32(exchange.remote_ip)),
        )
    if exchange.certificate_expires_at is not None:
        yield (
            "probe_ssl_earliest_cert_expiry",
            "Returns last SSL chain expiry in unixtime",
            exchange.certificate_expires_at,
        )


def _response_gauges(response: Response | None, now: float) -> Iterator[tuple[str, str, float]]:
    code = response.code if response is not None else 0
    yield "probe_http_status_code", "Response HTTP status code", float(code)
    version = read_decimal(response.http_version) if response is not None else None
    yield "probe_http_version", "Returns the version of HTTP of the probe response", version or 0.0
    yield "probe_http_content_length", "Length of http content response", _length(response)
    body_bytes = len(response.body or b"") if response is not None else 0
    yield (
        "probe_http_uncompressed_body_length",
        "Length of uncompressed response body",
        float(body_bytes),
    )
    last_modified = response.header("last-modified") if response is not None else None
    modified_at = read_http_date(last_modified, now=now) if last_modified is not None else None
    if modified_at is not None:
        yield (
            "probe_http_last_modified_timestamp_seconds",
            "Returns the Last-Modified HTTP response header in unixtime",
            modified_at,
        )


def _label_set(labels: Mapping[str, str]) -> str:
    # Label values here are our own words; none needs escaping.
    return "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""


def _length(response: Response | None) -> float:
    if response is None:
        return 0.0
    # blackbox_exporter says -1 where the header is missing or is no length.
    length = read_digits(response.header("content-length") or "", most=_LONGEST_BODY)
    return -1.0 if length is None else float(length)


def _ip_version(text: str) -> int:
    try:
        return ip_address(text).version
    except ValueError:
        return 0


def _fnv32(text: str) -> int:
    """
    FNV-1a of the address's bytes, as blackbox_exporter hashes it.
    """
    try:
        address = ip_address(text).packed
    except ValueError:
        return 0
    digest = 0x811C9DC5
    for byte in address:
        digest = ((digest ^ byte) * 0x01000193) % 2**32
    return digest
