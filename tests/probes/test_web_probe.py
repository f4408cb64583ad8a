"""
`/probe`: blackbox_exporter's words for a configured target, never for a URL.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.probes.results import NOW, exchange, failed, result
from tests.probes.web_world import World
from tests.servers import QuietHandler, free_port, http_server, serving
from tests.tools import PATIENCE_S, time_zone, tool

from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Exchange, Phases, Response
from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.blackbox import blackbox_text

_METADATA = "http://169.254.169.254/latest"
_NO_URL = "A target is a configured name, never a URL."
_OURS = {"probe_failed_due_to_contract", "probe_contract_findings", "probe_timeout_seconds"}


def _samples(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_probe_is_made_now_and_reported_in_blackbox_words(world: World) -> None:
    world.daemon.answer = result(ProbeOutcome.OK, duration_s=0.25)
    answer = world.ask("/probe?target=krea&canary=missing")
    assert answer.code == 200
    assert world.daemon.probed == [("krea", "missing", 10.0)]
    seen = _samples(answer.text)
    assert seen["probe_success"] == 1.0
    assert seen["probe_duration_seconds"] == 0.25
    assert seen["probe_http_status_code"] == 200.0
    assert seen['probe_http_duration_seconds{phase="tls"}'] == 0.003


def test_each_probe_stands_for_itself(world: World) -> None:
    world.daemon.answer = result(ProbeOutcome.VIOLATION, checks=("a_check",))
    first = _samples(world.ask("/probe?target=krea").text)
    assert first["probe_failed_due_to_contract"] == 1.0
    assert first['probe_contract_findings{kind="violation"}'] == 1.0
    world.daemon.answer = result()
    second = _samples(world.ask("/probe?target=krea").text)
    assert second["probe_failed_due_to_contract"] == 0.0
    assert second['probe_contract_findings{kind="violation"}'] == 0.0


def test_silence_is_a_failed_probe_with_all_its_phases(world: World) -> None:
    world.daemon.answer = failed()
    seen = _samples(world.ask("/probe?target=krea").text)
    assert (seen["probe_success"], seen["probe_http_status_code"]) == (0.0, 0.0)
    assert sum(name.startswith("probe_http_duration_seconds") for name in seen) == 5


@pytest.mark.parametrize(
    ("scrape_s", "timeout_s"), [("5", 4.5), ("30", 10.0), ("0.4", 0.2), ("1.0", 0.5)]
)
def test_the_scrapers_timeout_is_honoured(world: World, scrape_s: str, timeout_s: float) -> None:
    world.ask("/probe?target=krea", X_Prometheus_Scrape_Timeout_Seconds=scrape_s)
    assert world.daemon.probed == [("krea", "known", pytest.approx(timeout_s))]


@pytest.mark.parametrize("scrape_s", ["0", "-1", "nan", "inf", "soon", "1e9", ""])
def test_an_absurd_timeout_is_refused(world: World, scrape_s: str) -> None:
    answer = world.ask("/probe?target=krea", X_Prometheus_Scrape_Timeout_Seconds=scrape_s)
    assert answer.code == 400
    assert world.daemon.probed == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "say which: ?target=NAME. Known: krea."),
        ("?target=", "say which: ?target=NAME. Known: krea."),
        ("?target=kraa", "unknown target 'kraa'. Did you mean 'krea'?"),
        (
            f"?target={_METADATA}",
            f"unknown target '{_METADATA}'. {_NO_URL} Known: krea.",
        ),
        ("?target=krea&canary=knwon", "unknown canary 'knwon'. Did you mean 'known'?"),
        (
            "?target=krea&canary=followed",
            "unknown canary 'followed'. Known: anonymous, known, malformed, missing.",
        ),
    ],
)
def test_only_configured_names_are_asked(world: World, query: str, message: str) -> None:
    answer = world.ask(f"/probe{query}")
    assert (answer.code, answer.text) == (400, f"{message}\n")
    assert world.daemon.probed == []


def test_a_spent_budget_refuses_the_scrape(world: World) -> None:
    world.daemon.refusal = "the key's budget is spent, or it rests"
    answer = world.ask("/probe?target=krea")
    assert (answer.code, answer.text) == (429, "the key's budget is spent, or it rests\n")


@contextmanager
def _endpoint() -> Iterator[str]:
    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b'{"job_id": "j"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
            self.end_headers()
            self.wfile.write(body)

    with http_server(Handler) as url:
        yield f"{url}/jobs/j"


def _blackbox(folder: Path, url: str) -> str:
    """
    What the real exporter says of the same endpoint.
    """
    program = tool("prometheus-blackbox-exporter", "blackbox_exporter")
    config = folder / "blackbox.yml"
    config.write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n")
    port = free_port()
    options = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}")
    log, ready = folder / "blackbox.log", f"{port}/-/healthy"
    with serving(program, *options, log=log, ready=ready) as exporter:
        address = f"{exporter}/probe?module=http_2xx&target={url}"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("headers", "length", "changed"),
    [
        ((("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT"),), -1.0, 1_700_000_000.0),
        ((("Last-Modified", "Tuesday, 14-Nov-23 22:13:20 GMT"),), -1.0, 1_700_000_000.0),
        ((("Last-Modified", "Tue Nov 14 22:13:20 2023"),), -1.0, 1_700_000_000.0),
        ((("Last-Modified", "Tue, 14 Nov 2023 22:13:20 -0000"),), -1.0, None),
        ((("Content-Length", "7"),), 7.0, None),
        ((("Content-Length", "9" * 5_000),), float(2**63), None),
        ((("Content-Length", "\u00b2"),), -1.0, None),
        ((("Content-Length", "1_0"),), -1.0, None),
    ],
)
def test_dates_and_lengths_are_read_as_http_writes_them(
    headers: tuple[tuple[str, str], ...], length: float, changed: float | None, zone: str
) -> None:
    with time_zone(zone):
        ours = _samples(blackbox_text(result(seen=exchange(headers=headers)), timeout_s=5.0))
    assert ours["probe_http_content_length"] == length
    assert ours.get("probe_http_last_modified_timestamp_seconds") == changed


def test_names_types_and_values_are_those_of_blackbox_exporter(tmp_path: Path) -> None:
    with _endpoint() as url:
        theirs = _blackbox(tmp_path, url)
        client = Client()
        request = replace(exchange().request, url=url)
        seen = client.send(request, deadline_s=PATIENCE_S)
        client.close()
    ours = blackbox_text(result(seen=seen), timeout_s=5.0)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)", theirs, re.MULTILINE))
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", ours, re.MULTILINE):
        if name not in _OURS:
            assert types.get(name) == kind, name
    mine, other = _samples(ours), _samples(theirs)
    labelled = {name for name in other if name.startswith("probe_http_duration_seconds")}
    assert labelled <= set(mine)
    for name in (
        "probe_success",
        "probe_http_status_code",
        "probe_http_version",
        "probe_http_ssl",
        "probe_http_redirects",
        "probe_http_content_length",
        "probe_http_uncompressed_body_length",
        "probe_http_last_modified_timestamp_seconds",
        "probe_ip_protocol",
        "probe_ip_addr_hash",
    ):
        assert mine[name] == other[name], name


def test_strange_answers_leave_no_strange_lines() -> None:
    odd = Response(
        200,
        (("Content-Length", "9" * 400), ("Last-Modified", "once upon a time")),
        b"",
        http_version="?",
    )
    seen = Exchange(exchange().request, odd, NOW, 0.1, Phases(), remote_ip="not an ip")
    text = blackbox_text(result(seen=seen), timeout_s=1.0)
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|\w+(\{\w+=\"\w+\"\})? -?[0-9.e+-]+", line), line
