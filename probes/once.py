"""
One round by hand: every canary of every target asked once, printed for a person.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobproof.contract.errors import PluginError
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible, legible_json, shorten
from jobproof.contract.judging.judge import CRASHED, Judge
from jobproof.contract.judging.limited_calls import LimitedCalls
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Credential, Exchange, Request, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.verdict import Verdict, group
from jobproof.contract.plugins import load_checks
from jobproof.contract.reaching.remedy import remedy_of
from jobproof.contract.reaching.setting import SettingsPlace
from jobproof.probes.canaries.canary import CanaryRequest
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import MonitorSettings, TargetSettings
from jobproof.probes.engine.judging import JudgedResult, RawResult
from jobproof.probes.engine.prober import HttpClient
from jobproof.probes.engine.rate_budget import BudgetLimits, RateBudgets
from jobproof.probes.engine.target_labels import labels_of
from jobproof.probes.engine.target_state import ClientSettings, TargetState
from jobproof.probes.export.jsonl import as_json
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.export.prometheus import Registry, expose, new_registry
from jobproof.probes.export.prometheus import push as push_registry
from jobproof.probes.following.source_poller import SourcePoller
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.result import FOLLOWED, MissReason, ProbeOutcome, ProbeResult
from jobproof.probes.service import connect

_PLACE = SettingsPlace(str)
_MOST_FOLLOWED = 100
"""How many jobs that sources find are asked for in one round."""

__all__ = ["ProbeRound", "print_round", "probe_round", "push", "run_round"]


@dataclass(frozen=True, slots=True)
class ProbeRound:
    """
    What one round came to.

    Attributes:
        stopped: Targets that asked for rest before the round was over.
        problems: What kept questions from being asked, or jobs from being found; one line each.
        routes: Which way leads to each target.
    """

    results: tuple[ProbeResult, ...]
    registry: Registry
    strict: bool
    redactor: Redactor
    stopped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    routes: Mapping[str, Route] = field(default_factory=dict)

    @property
    def crashed(self) -> tuple[str, ...]:
        """
        The checks that failed by themselves, so that what they watch was not watched.
        """
        findings = (finding for result in self.results for finding in result.findings)
        return tuple(dict.fromkeys(f.pointer for f in findings if f.check == CRASHED))

    @property
    def verdict(self) -> Verdict:
        """
        Broken if a promise is; kept if every request got its right answer.
        """
        findings = [finding for result in self.results for finding in result.findings]
        broken = any(finding.breaks(strict=self.strict) for finding in findings)
        if broken or any(result.outcome is ProbeOutcome.VIOLATION for result in self.results):
            return Verdict.BROKEN
        if self.results and all(result.outcome.success for result in self.results):
            untold = self.stopped or self.problems or self.crashed
            return Verdict.INCONCLUSIVE if untold else Verdict.KEPT
        return Verdict.INCONCLUSIVE

    @property
    def exit_code(self) -> int:
        """
        The verdict's; 4 where nothing is broken, and a check failed by itself.
        """
        verdict = self.verdict
        return 4 if self.crashed and verdict is not Verdict.BROKEN else verdict.exit_code


def run_round(
    path: Path,
    names: Sequence[str] = (),
    *,
    strict: bool = False,
    progress: bool | None = None,
    redactor: Redactor | None = None,
) -> ProbeRound:
    """
    Read the configuration and ask.

    Args:
        names: Only these targets; all if empty.
        progress: Show what is being asked; by default on a terminal only.
        redactor: Is told of every secret, before anything is asked.

    Raises:
        ConfigError: The file can't be used, or a name isn't in it.
    """
    settings = load_settings(path)
    targets = [settings.target(name) for name in names] or list(settings.targets)
    console = Console(stderr=True)
    shown = console.is_terminal if progress is None else progress
    with console.status("asking") as status:
        if not shown:
            status.stop()
        return probe_round(settings, targets, strict=strict, tell=status.update, redactor=redactor)


def probe_round(
    settings: MonitorSettings,
    targets: Sequence[TargetSettings],
    *,
    strict: bool = False,
    tell: Callable[[str], None] = lambda _text: None,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    redactor: Redactor | None = None,
) -> ProbeRound:
    """
    Probe every canary of these targets for one round, one request at a time; then ask each source
    for jobs once, and for the jobs that it finds.

    The key's budget holds here too: a round that is larger takes longer.
    """
    registry = new_registry(process=False)
    checks = load_checks()
    ids = [check.id for check in checks]
    # One for all: it learns of each token that is got meanwhile.
    redactor = redactor or Redactor()
    redactor.add(settings.secrets)
    metrics = Metrics(registry, [labels_of(t) for t in targets], ids, redactor)
    rng = random.Random(random.SystemRandom().getrandbits(64))  # noqa: S311 -- ids, no secrets
    calls = LimitedCalls()
    plugins, judge = PluginCalls(metrics, calls), Judge(checks, calls=calls)
    keys = RateBudgets(_limits(targets), rng)
    clients: dict[ClientSettings, HttpClient] = {}
    results: list[ProbeResult] = []
    stopped: list[str] = []
    problems: list[str] = []
    folder = settings.path.resolve().parent
    for target in targets:
        state = TargetState(target, judge, rng, plugins=plugins)
        if state.client not in clients:
            clients[state.client] = connect(state.client, redactor)
        asking = _Asking(state, clients[state.client], keys, pause, monotonic)
        try:
            for canary, wanted, timeout_s in chain(
                _requests(state, problems), _followed(asking, folder, plugins, problems, tell)
            ):
                tell(f"asking {target.name}: {canary}")
                judged = asking.probe(canary, wanted, timeout_s)
                metrics.observe(judged.result, judged.checks)
                state.on_result(judged)
                results.append(judged.result)
        except _RestAskedForError:
            # Rest may last ten minutes: a round by hand, or a cron job's, ends instead.
            stopped.append(target.name)
    for client in clients.values():
        client.close()
    calls.close()
    routes = {target.name: target.route for target in targets}
    seen = (tuple(results), registry, strict, redactor)
    return ProbeRound(*seen, tuple(stopped), tuple(problems), routes)


def print_round(done: ProbeRound, *, as_json: bool = False, as_metrics: bool = False) -> None:
    """
    Print a round to stdout: a table and its findings, or one JSON object.
    """
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 200  # a pipe has no edge to fold a line at
    if as_json:
        shown = done.redactor.value(_as_json(done))
        console.out(legible_json(json.dumps(shown, ensure_ascii=False, indent=2)))
    else:
        console.print(_table(done))
        for line in _findings(done):
            console.print(line)
        for problem in done.problems:
            console.print(f"[yellow]{escape(legible(done.redactor.text(problem)))}[/]")
        reason = escape(legible(done.redactor.text(_reason(done))))
        console.print(f"[bold]{done.verdict.value}[/]: {reason}")
    if as_metrics:
        console.out(expose(done.registry).body.decode(), end="")


def push(done: ProbeRound, url: str) -> None:
    """
    Put the round's metrics to a Pushgateway.

    Raises:
        ConfigError: It can't be reached, or refuses them.
    """
    push_registry(done.registry, url)


def _requests(
    state: TargetState, problems: list[str]
) -> Iterator[tuple[str, CanaryRequest, float]]:
    # Ids that nobody has go first: others' answers are compared with theirs.
    canaries = sorted(state.target.canaries, key=lambda canary: canary.name != "missing")
    for canary in canaries:
        try:
            for _ in range(state.round_size(canary.name)):
                yield canary.name, state.next_request(canary.name), canary.timeout_s
        except PluginError as exc:
            problems.append(f"target {state.target.name}: {exc}")


def _followed(
    asking: _Asking,
    folder: Path,
    plugins: PluginCalls,
    problems: list[str],
    tell: Callable[[str], None],
) -> Iterator[tuple[str, CanaryRequest, float]]:
    target = asking.state.target
    found: dict[str, None] = {}
    for settings in target.follow:
        tell(f"asking {target.name}: source {settings.source}")
        try:
            poller = SourcePoller(target, settings, folder, plugins)
            request = poller.next_request()
            answer = None if request is None else asking.send(request, target.timeout_s)
            seen = poller.on_answer(answer)
        except PluginError as exc:
            problems.append(f"target {target.name}: {exc}")
            continue
        found |= dict.fromkeys(seen.ids)
        if seen.problem is not None:
            problems.append(f"target {target.name}: source {settings.source}: {seen.problem}")
    for job_id in islice(found, _MOST_FOLLOWED):
        yield FOLLOWED, CanaryRequest(job_id, Subject.KNOWN), target.timeout_s
    if len(found) > _MOST_FOLLOWED:
        left = len(found) - _MOST_FOLLOWED
        problems.append(f"target {target.name}: {left:,} more jobs were found, and not asked for")


class _RestAskedForError(Exception):
    """
    The key may not be used for a while.
    """


@dataclass(frozen=True, slots=True)
class _Asking:
    """
    One target's questions, in its key's turn.
    """

    state: TargetState
    client: HttpClient
    keys: RateBudgets
    pause: Callable[[float], None]
    monotonic: Callable[[], float]

    def send(self, request: Request, timeout_s: float) -> Exchange:
        key = self.state.target.key
        while (refusal := self.keys.take(key, self.monotonic())) is MissReason.BUDGET:
            self.pause(0.25)
        if refusal is not None:
            raise _RestAskedForError
        exchange = self.client.send(request, deadline_s=timeout_s)
        if exchange.response is not None:
            now = self.monotonic()
            self.keys.take_answer(
                key, exchange.response, started=now, now=now, now_unix=time.time()
            )
        return exchange

    def probe(self, canary: str, wanted: CanaryRequest, timeout_s: float) -> JudgedResult:
        request = self.state.request(wanted)
        exchange = self.send(request, timeout_s)
        # No grid here, so no lag: the probe is due when it is sent.
        at, elapsed_s = exchange.started_at, exchange.elapsed_s
        return self.state.judging(
            RawResult(self.state.target.name, canary, request, at, 0.0, elapsed_s, exchange)
        )


def _limits(targets: Iterable[TargetSettings]) -> dict[str, BudgetLimits]:
    limits: dict[str, BudgetLimits] = {}
    for target in targets:
        known = limits.get(target.key, BudgetLimits(math.inf)).per_minute
        limits[target.key] = BudgetLimits(min(known, target.requests_per_minute))
    return limits


def _table(done: ProbeRound) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("target", "canary", "asked for", "answer", "outcome"):
        table.add_column(name, overflow="fold")
    table.add_column("time", justify="right")
    for seen in done.results:
        result = seen.redacted(done.redactor)
        style = {ProbeOutcome.OK: "green", ProbeOutcome.VIOLATION: "bold red"}.get(
            result.outcome, "yellow"
        )
        table.add_row(
            escape(done.redactor.text(result.target)),
            result.canary,
            escape(_asked(result)),
            escape(_answer(result)),
            f"[{style}]{result.outcome.value}[/]",
            f"{result.duration_s * 1000:.0f} ms",
        )
    return table


def _asked(result: ProbeResult) -> str:
    request = result.exchange.request if result.exchange is not None else None
    if request is None:
        return "-"
    words = repr(request.job_id) if request.subject is Subject.MALFORMED else request.job_id
    text = legible(shorten(words or "", 40))
    who = {Credential.NONE: " (no token)", Credential.INVALID: " (wrong token)"}
    return f"{text}{who.get(request.credential, '')}"


def _answer(result: ProbeResult) -> str:
    exchange = result.exchange
    if exchange is None:
        return legible(result.error or "-")
    if exchange.failure is not None:
        return legible(exchange.failure.detail)
    code = exchange.response.code if exchange.response is not None else "-"
    return f"{code} {legible(shorten(result.job_status, 60))}" if result.job_status else str(code)


def _findings(done: ProbeRound) -> Iterator[str]:
    found: list[Finding] = [finding for result in done.results for finding in result.findings]
    styles = {Kind.VIOLATION: "red", Kind.DRIFT: "yellow", Kind.GAP: "cyan"}
    for item in group(found):
        shown = item.redacted(done.redactor)
        first = shown.first
        style = styles.get(first.kind, "dim")
        times = f" ({item.count} times)" if item.count > 1 else ""
        where = f" at {escape(shown.pointer)}" if shown.pointer else ""
        message = escape(shown.message)
        kind = first.kind.value
        if first.accepted is not None:
            kind, style = "accepted", "dim"
            message += escape(f" ({legible(shorten(first.accepted, 120))})")
        yield f"[{style}]{kind}[/] {first.check}{where}{times}: {message}"


def _reason(done: ProbeRound) -> str:
    right = sum(result.outcome.success for result in done.results)
    text = f"{right} of {len(done.results)} questions were answered as promised"
    for result in done.results:
        failure = result.exchange.failure if result.exchange is not None else None
        remedy = remedy_of(failure.detail, done.routes[result.target], _PLACE) if failure else ""
        if remedy:
            return f"{text}; {result.target} can't be reached ({remedy})"
    if done.crashed:
        text += f"; checks failed by themselves: {', '.join(done.crashed)}"
    if done.problems:
        text += "; not all was asked for that was to be"
    if done.stopped:
        text += f"; {', '.join(done.stopped)} asked for rest, so the round was cut short"
    return text


def _as_json(done: ProbeRound) -> JsonObject:
    return {
        "verdict": done.verdict.value,
        "requests": len(done.results),
        "stopped": list(done.stopped),
        "problems": list(done.problems),
        "results": [as_json(result) for result in done.results],
    }
