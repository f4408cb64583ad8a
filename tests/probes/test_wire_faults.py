"""
Whatever goes wrong on the wire ends in time, in its own outcome, and never in a success.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.probes.live import running, sample, write_config
from tests.probes.process import daemon
from tests.tools import PATIENCE_S, until
from tests.wire import Certificates, Wire

from jobproof.contract.formats.durations import write_duration
from jobproof.probes.result import ProbeOutcome, ProbeResult

_TIMEOUT_S = 0.5

OUTCOMES = {
    "silent": ProbeOutcome.TIMEOUT,
    "dripping-head": ProbeOutcome.TIMEOUT,
    "dripping-body": ProbeOutcome.TIMEOUT,
    "endless-interim": ProbeOutcome.TIMEOUT,
    "close-before-head": ProbeOutcome.PROTOCOL,
    "close-in-head": ProbeOutcome.PROTOCOL,
    "reset-before-head": ProbeOutcome.PROTOCOL,
    "reset-in-head": ProbeOutcome.PROTOCOL,
    "reset-in-body": ProbeOutcome.PROTOCOL,
    "short-body": ProbeOutcome.PROTOCOL,
    "extra-bytes": ProbeOutcome.PROTOCOL,
    "truncated-chunk": ProbeOutcome.PROTOCOL,
    "bad-chunk-size": ProbeOutcome.PROTOCOL,
    "not-http": ProbeOutcome.PROTOCOL,
    "gzip-lie": ProbeOutcome.PROTOCOL,
    "gzip-cut": ProbeOutcome.PROTOCOL,
    "huge-body": ProbeOutcome.TOO_LARGE,
    "gzip-bomb": ProbeOutcome.TOO_LARGE,
    "huge-header": ProbeOutcome.TOO_LARGE,
    "flood-of-interims": ProbeOutcome.TOO_LARGE,
    "flood-of-trailers": ProbeOutcome.TOO_LARGE,
    "redirect-loop": ProbeOutcome.REDIRECT,
    "redirect-to-metadata": ProbeOutcome.REDIRECT,
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as server:
        yield server


def probe(
    folder: Path, url: str, *, more: str = "", count: int = 2, timeout_s: float = PATIENCE_S
) -> list[ProbeResult]:
    config = write_config(
        folder, url, canaries="      known: {ids: [4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20]}\n"
    )
    text = config.read_text(encoding="utf-8").replace(
        "timeout: 2s", f"timeout: {write_duration(timeout_s)}\n{more}"
    )
    config.write_text(text, encoding="utf-8")
    with running(config) as (daemon, heard):
        until(lambda: len(heard.results) >= count)
        results = heard.results[:count]
        assert sample(daemon, "jobproof_probe_duration_seconds_count") >= count
    return results


@pytest.mark.parametrize("script", sorted(OUTCOMES))
def test_a_wire_fault_has_its_outcome_and_ends(wire: Wire, tmp_path: Path, script: str) -> None:
    # How soon after the time-out is a figure, in `benches/deadlines.py`.
    timed_out = OUTCOMES[script] is ProbeOutcome.TIMEOUT
    timeout_s = _TIMEOUT_S if timed_out else PATIENCE_S
    for result in probe(tmp_path, wire.url(script).rstrip("/"), timeout_s=timeout_s):
        assert result.outcome is OUTCOMES[script], result
        assert result.exchange is not None
        assert (result.exchange.elapsed_s >= 0.9 * timeout_s) is timed_out


def test_a_redirect_is_never_followed(wire: Wire, tmp_path: Path) -> None:
    results = probe(tmp_path, wire.url("redirect-to-metadata").rstrip("/"))
    assert {result.exchange.remote_ip for result in results if result.exchange} == {"127.0.0.1"}


def test_a_broken_body_is_a_violation_of_the_contract_too(wire: Wire, tmp_path: Path) -> None:
    result = probe(tmp_path, wire.url("short-body").rstrip("/"))[0]
    assert [finding.check for finding in result.findings]
    assert result.outcome is not ProbeOutcome.OK


def test_a_server_that_isn_t_there_is_a_connect_failure(tmp_path: Path) -> None:
    with Wire() as gone:
        url = gone.url("ok").rstrip("/")
    assert {result.outcome for result in probe(tmp_path, url)} == {ProbeOutcome.CONNECT}


def test_a_name_that_doesn_t_resolve_is_a_dns_failure(tmp_path: Path) -> None:
    results = probe(tmp_path, "http://nobody.nowhere.test")
    assert {result.outcome for result in results} <= {ProbeOutcome.DNS, ProbeOutcome.TIMEOUT}


def test_a_handshake_that_hangs_ends(tmp_path: Path) -> None:
    with Wire(mute=True) as wire:
        results = probe(tmp_path, wire.url("ok").rstrip("/"), timeout_s=_TIMEOUT_S)
    assert {result.outcome for result in results} <= {ProbeOutcome.TIMEOUT, ProbeOutcome.TLS}


@pytest.mark.parametrize("kind", ["expired", "wrong_host"])
def test_a_certificate_that_doesn_t_hold_is_a_tls_failure(tmp_path: Path, kind: str) -> None:
    certificates = Certificates.new()
    bundle = certificates.bundle(tmp_path)
    with Wire(tls=getattr(certificates, kind)()) as wire:
        results = probe(tmp_path, wire.url("ok").rstrip("/"), more=f"    ca_file: {bundle}\n")
    assert {result.outcome for result in results} == {ProbeOutcome.TLS}


def test_a_certificate_s_expiry_is_exported(tmp_path: Path) -> None:
    certificates = Certificates.new()
    bundle = certificates.bundle(tmp_path)
    with Wire(tls=certificates.good()) as wire:
        results = probe(tmp_path, wire.url("ok").rstrip("/"), more=f"    ca_file: {bundle}\n")
    assert all(r.exchange and r.exchange.certificate_expires_at for r in results)


def test_bombs_don_t_grow_the_daemon(wire: Wire, tmp_path: Path) -> None:
    config = write_config(
        tmp_path,
        wire.url("ok").rstrip("/"),
        canaries="      known: {ids: [4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20]}\n",
    )
    calm = config.read_text(encoding="utf-8")
    with daemon(config) as process:

        def ask(text: str) -> None:
            config.write_text(text, encoding="utf-8")
            done = process.count("jobproof_probes_total")
            process.handle.send_signal(signal.SIGHUP)
            until(lambda: process.count("jobproof_probes_total") >= done + 10)

        # What a daemon costs that has asked, been scraped and been reloaded, bombs or none.
        ask(calm + "# read again\n")
        ask(calm)
        before = process.peak_bytes
        for script in ("huge-body", "gzip-bomb", "huge-header", "flood-of-interims"):
            ask(calm.replace("/ok", f"/{script}"))
        assert process.count("jobproof_probes_total") >= 50
        # So many bodies may be under way at once on a busy machine, each cut at a mebibyte; one
        # bomb has two hundred.
        assert process.peak_bytes - before < 48 * 1024 * 1024
