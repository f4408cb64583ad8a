"""
The daemon, mocked endpoints, Prometheus and Alertmanager: each fault fires its alerts.

The rules are the shipped ones with time running 120 times as fast: every window and every
wait is divided by 120, nothing else is changed.
"""

from __future__ import annotations

import json
import os
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.servers import (
    Prometheus,
    QuietHandler,
    alertmanager,
    free_port,
    http_server,
    prometheus,
    serving,
)
from tests.tools import JOBPROOF, PATIENCE_S, until

from jobproof.contract.formats.durations import parse_duration, write_duration
from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api
from jobproof.grafana.alerting.rules import rule_groups
from jobproof.grafana.configured import configured_settings
from jobproof.grafana.files import HOME

pytestmark = [pytest.mark.ladder, pytest.mark.xdist_group("end-to-end")]

SPEEDUP = 120.0
Alert = tuple[str, str]
"""Name and target."""

BURN, SLOW = "JobproofErrorBudgetBurn", "JobproofLatencyBudgetBurn"
BROKEN, DRIFT = "JobproofContractViolation", "JobproofContractDrift"


@dataclass(frozen=True)
class Trouble:
    """
    What goes wrong at one target, and every alert that must come of it.
    """

    target: str
    alerts: frozenset[str]
    fault: str = ""
    variant: str = ""

    def begin(self, mock: MockServer) -> None:
        if self.fault:
            mock.set_faults(self.fault)
        if self.variant:
            mock.set_variants(self.variant)

    def end(self, mock: MockServer) -> None:
        mock.set_faults()
        mock.set_variants()


def trouble(target: str, *alerts: str, fault: str = "", variant: str = "") -> Trouble:
    return Trouble(target, frozenset(alerts), fault, variant)


TROUBLES = (
    trouble("healthy"),
    trouble("crashing", BURN, BROKEN, fault="crash_on_unknown_id"),
    trouble("hanging", BURN, SLOW, fault="hang"),
    trouble("losing", BURN, BROKEN, "JobproofKnownJobNotFound", fault="never_found"),
    trouble("inventing", BURN, BROKEN, "JobproofMissingJobFound", fault="unknown_id_answered"),
    trouble("open", BURN, BROKEN, "JobproofJobVisibleToStranger", fault="token_not_needed"),
    trouble("leaking", BURN, BROKEN, "JobproofJobVisibleToStranger", fault="foreign_job_shown"),
    trouble(
        "improvising", BURN, BROKEN, DRIFT, "JobproofUnknownJobStatus", fault="status_unheard_of"
    ),
    trouble("garbling", BURN, BROKEN, fault="key_twice"),
    trouble("growing", DRIFT, variant="has_another_key"),
)


@dataclass
class Pager:
    """
    Receives what Alertmanager sends.
    """

    firing: set[Alert] = field(default_factory=set)
    resolved: set[Alert] = field(default_factory=set)
    seen: set[Alert] = field(default_factory=set)
    texts: dict[Alert, dict[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: dict[str, Any]) -> None:
        with self.lock:
            # One message speaks of all alerts of one name and target.
            states: dict[Alert, set[str]] = {}
            for alert in message["alerts"]:
                key = (alert["labels"]["alertname"], alert["labels"].get("target", ""))
                states.setdefault(key, set()).add(alert["status"])
                self.texts[key] = alert["annotations"]
            for key, statuses in states.items():
                if "firing" in statuses:
                    self.firing.add(key)
                    self.seen.add(key)
                else:
                    self.firing.discard(key)
                    self.resolved.add(key)

    def forget(self) -> None:
        with self.lock:
            self.seen.clear()
            self.resolved.clear()

    def of(self, target: str) -> set[str]:
        with self.lock:
            return {name for name, where in self.firing if where == target}


@contextmanager
def paging() -> Iterator[tuple[Pager, str]]:
    pager = Pager()

    class Hook(QuietHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            pager.take(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    with http_server(Hook) as url:
        yield pager, f"{url}/"


def shortened(text: str) -> str:
    return write_duration(parse_duration(text) / SPEEDUP)


def fast_rules(config: Path) -> str:
    """
    The rules for a configuration, with all durations divided.
    """
    settings = configured_settings(config)
    # The slow pairs would need minutes to resolve even so; promtool holds them.
    settings = replace(settings, burn_rates=settings.burn_rates[:2])
    groups = [g for members in rule_groups(settings).values() for g in members]
    for group in groups:
        group["interval"] = "500ms"
        for rule in group["rules"]:
            text = re.sub(r"\[(\w+)\]", lambda m: f"[{shortened(m[1])}]", rule["expr"])
            rule["expr"] = re.sub(r"offset (\w+)", lambda m: f"offset {shortened(m[1])}", text)
            if "for" in rule:
                rule["for"] = shortened(rule["for"])
    return yaml.safe_dump({"groups": groups}, sort_keys=False)


def configuration(mocks: dict[str, MockServer], folder: Path) -> str:
    targets = []
    for name, mock in mocks.items():
        (folder / f"{name}.token").write_text(mock.token, encoding="utf-8")
        known = next(job.id for job in mock.jobs if job.life.startswith("old"))
        targets.append(
            {
                "name": name,
                "api": "krea",
                "url": mock.url,
                "token_file": f"{name}.token",
                "interval": "700ms",
                "timeout": "1s",
                "requests_per_minute": "unlimited",
                "slo": {"availability": 0.995, "latency": "800ms"},
                "canaries": {
                    "known": {"ids": [known]},
                    "missing": {},
                    "anonymous": {"ids": [known]},
                    "foreign": {"ids": [mock.foreign_jobs[0].id]},
                },
            }
        )
    return yaml.safe_dump({"targets": targets}, sort_keys=False)


@contextmanager
def daemon(config: Path, folder: Path) -> Iterator[str]:
    """
    `jobproof probe`, as it is installed; its address.
    """
    port = free_port()
    options = ("--config", str(config), "--listen", f"127.0.0.1:{port}")
    env = {**os.environ, "PYTHONWARNINGS": "error"}
    log, ready = folder / "daemon.log", f"{port}/-/healthy"
    with serving(*JOBPROOF, "probe", *options, log=log, ready=ready, env=env) as url:
        yield url.removeprefix("http://")


def _status(url: str, method: str = "GET") -> int:
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code
    except OSError:
        return 0


PROMETHEUS = """\
global: {{scrape_interval: 500ms, scrape_timeout: 450ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
scrape_configs: [{{job_name: jobproof, static_configs: [{{targets: ['{daemon}']}}]}}]
"""


def fast_alertmanager(hook: str) -> str:
    """
    The shipped routes and inhibitions; every receiver is the hook, and nobody waits.
    """
    config = yaml.safe_load((HOME / "example" / "alertmanager.yml").read_text("utf-8"))
    config["global"] = {"resolve_timeout": "5s"}
    quick = {"group_wait": "0s", "group_interval": "500ms"}
    for route in (config["route"], *config["route"]["routes"]):
        route.update(quick)
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": hook, "send_resolved": True}]
    return yaml.safe_dump(config, sort_keys=False)


def test_each_fault_fires_its_alerts_and_no_others(tmp_path: Path) -> None:
    with ExitStack() as stack:
        api = find_api("krea")
        mocks = {
            one.target: stack.enter_context(MockServer(api, seed=index))
            for index, one in enumerate(TROUBLES)
        }
        mocks["locked"] = stack.enter_context(MockServer(api, seed=99))
        config = tmp_path / "jobproof.yaml"
        config.write_text(configuration(mocks, tmp_path), encoding="utf-8")
        (tmp_path / "rules.yml").write_text(fast_rules(config), encoding="utf-8")
        pager, hook = stack.enter_context(paging())
        alerting = stack.enter_context(alertmanager(tmp_path, fast_alertmanager(hook)))
        probing = stack.enter_context(ExitStack())
        address = probing.enter_context(daemon(config, tmp_path))
        server = stack.enter_context(
            prometheus(
                tmp_path,
                PROMETHEUS.format(alertmanager=alerting.removeprefix("http://"), daemon=address),
                # What is sent before Alertmanager is discovered is lost until it is sent again.
                "--rules.alert.resend-delay=1s",
            )
        )
        _wait_until_calm(pager, server)
        for one in TROUBLES:
            one.begin(mocks[one.target])
        (tmp_path / "locked.token").write_text("no-longer-valid", encoding="utf-8")
        assert _status(f"http://{address}/-/reload", "POST") == 200
        expected = {one.target: set(one.alerts) for one in TROUBLES}
        expected["locked"] = {"JobproofAuthFailing"}
        _wait_for(lambda: _all_fired(pager, expected), lambda: _state(pager, expected, server))

        for one in TROUBLES:
            one.end(mocks[one.target])
        (tmp_path / "locked.token").write_text(mocks["locked"].token, encoding="utf-8")
        assert _status(f"http://{address}/-/reload", "POST") == 200
        nothing: dict[str, set[str]] = {target: set() for target in expected}
        _wait_for(
            lambda: all(not pager.of(target) for target in expected),
            lambda: _state(pager, nothing, server),
        )
        _reload_goes_wrong_and_right(pager, config, address)
        # Over its whole life each target has set off what it should, and nothing else.
        assert _ever_fired(pager, expected) == expected
        probing.close()
        until(lambda: "JobproofProberDown" in pager.of(""), what="JobproofProberDown")
        text = pager.texts["JobproofProberDown", ""]
        assert address in text["description"]
        assert text["runbook_url"].endswith("#jobproofproberdown")


def _wait_until_calm(pager: Pager, server: Prometheus) -> None:
    until(lambda: "JobproofWatchdog" in pager.of(""), what="the watchdog")
    ready = 'min(count_over_time(slo:sli_error:ratio_rate5m{sloth_slo="availability"}[1m])) > 10'
    until(lambda: server.instant(ready), what="recorded objectives")
    # A second's hiccup while eleven targets start is two minutes in this time.
    calm = {("JobproofWatchdog", "")}
    until(lambda: pager.firing == calm, what=f"calm, not {sorted(pager.firing)}")
    pager.forget()


def _all_fired(pager: Pager, expected: dict[str, set[str]]) -> bool:
    return all(
        alerts <= pager.of(target) | _resolved(pager, target) for target, alerts in expected.items()
    )


def _resolved(pager: Pager, target: str) -> set[str]:
    # A short alert (drift) may be over before the last burn rate is due.
    with pager.lock:
        return {name for name, where in pager.resolved if where == target}


def _ever_fired(pager: Pager, expected: dict[str, set[str]]) -> dict[str, set[str]]:
    with pager.lock:
        return {t: {name for name, where in pager.seen if where == t} for t in expected}


def _state(pager: Pager, expected: dict[str, set[str]], server: Prometheus) -> str:
    prometheus_alerts = [
        (a["labels"]["alertname"], a["labels"].get("target"), a["state"]) for a in server.alerts()
    ]
    wrong = {t: (sorted(pager.of(t)), sorted(e)) for t, e in expected.items() if pager.of(t) != e}
    return f"fired and expected differ: {wrong}\nPrometheus: {sorted(map(str, prometheus_alerts))}"


def _wait_for(condition: Callable[[], bool], state: Callable[[], str]) -> None:
    try:
        until(condition)
    except AssertionError as exc:
        raise AssertionError(f"{exc}: {state()}") from None


def _reload_goes_wrong_and_right(pager: Pager, config: Path, address: str) -> None:
    right = config.read_text(encoding="utf-8")
    config.write_text(right.replace("interval", "intervall"), encoding="utf-8")
    assert _status(f"http://{address}/-/reload", "POST") >= 400
    name = "JobproofConfigReloadFailed"
    until(lambda: name in pager.of(""), what=name)
    config.write_text(right, encoding="utf-8")
    assert _status(f"http://{address}/-/reload", "POST") == 200
    until(lambda: name not in pager.of(""), what=f"{name} to resolve")
