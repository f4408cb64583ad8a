"""
The daemon as a process: its socket, its signals, its end.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Self

from jobproof.contract.client.curl import Client, Limits
from jobproof.contract.errors import ConfigError, JobproofError
from jobproof.contract.formats.addresses.ip_addresses import is_loopback_address
from jobproof.contract.formats.addresses.urls import UrlError, read_host
from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.yaml_file import Location, read_yaml
from jobproof.contract.judging.judge import Judge
from jobproof.contract.judging.limited_calls import CallMarks
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.plugins import load_checks
from jobproof.contract.reaching.renewing_client import RenewingClient, SendingClient
from jobproof.probes.allocator import give_memory_back
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import MonitorSettings, TargetSettings
from jobproof.probes.control import DaemonControl
from jobproof.probes.daemon import Daemon
from jobproof.probes.engine.shard import Shard
from jobproof.probes.engine.target_state import ClientSettings, TargetState, user_agent
from jobproof.probes.evidence.store import EvidenceStore
from jobproof.probes.export.jsonl import JsonLinesOptions, problem_with_place
from jobproof.probes.export.prometheus import expose, new_registry
from jobproof.probes.following.source_poller import SourcePoller
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.logs import set_up_logs
from jobproof.probes.plugins.interpreter_watch import InterpreterWatch
from jobproof.probes.web.access.hosts import Hosts
from jobproof.probes.web.access.web_config import WebConfig
from jobproof.probes.web.app import create_app
from jobproof.probes.web.recent_results import RecentResults
from jobproof.probes.web.server import WebServer

__all__ = [
    "Service",
    "ServiceOptions",
    "bind",
    "connect",
    "refuse_what_cannot_start",
    "serve",
]

_LOG = logging.getLogger(__name__)
_LAST_PORT = 65_535
OLDEST_CONNECTION_S = 60.0
"""After it the next probe dials anew, as a customer does who comes now."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """
    The options of `jobproof probe`, as they were given.
    """

    config: Path
    listen: str
    state: Path | None
    shard: str
    seed: str
    web_config: Path | None
    log_format: str
    log_level: str
    hostnames: tuple[str, ...] = ()


def serve(options: ServiceOptions) -> int:
    """
    Run until a signal ends it.

    Returns:
        0: it was asked to end, and ended. Where a plug-in holds the interpreter the process ends
        with 4, without a return.

    Raises:
        ConfigError: Something in the options or the configuration can't be used.
    """
    redactor = Redactor()
    set_up_logs(redactor, style=options.log_format, level=options.log_level)
    # Objects live long here and die by reference count: a collection of the whole heap
    # at every turn would only make the threads that measure wait.
    gc.set_threshold(20_000, 50, 100)
    give_memory_back()
    # A thread that reads an answer waits this long for one that judges or writes a scrape,
    # once for every header line; the default of 5 ms would be seen in the latencies.
    sys.setswitchinterval(0.0002)
    with ExitStack() as stack:
        watch = stack.enter_context(InterpreterWatch(style=options.log_format))
        service = Service.build(options, redactor, stack, watch)
        stop = _listen_for_signals(service)
        service.start()
        # What is alive by now stays alive: no collection needs to walk over it again.
        gc.freeze()
        while not stop.wait(1.0):
            pass
        service.stop()
    _LOG.info("ended")
    return 0


class Service:
    """
    A daemon and its web server, for a process of its own or inside another.
    """

    def __init__(self, daemon: Daemon, web: WebServer, url: str) -> None:
        self.daemon = daemon
        self.url = url
        self._web = web

    @classmethod
    def build(
        cls,
        options: ServiceOptions,
        redactor: Redactor,
        stack: ExitStack,
        marks: CallMarks | None = None,
    ) -> Self:
        """
        Everything made and nothing started; `stack` takes what must be cleared away, and `marks`
        is told which plug-in is being called.

        Raises:
            ConfigError: Something in the options or the configuration can't be used.
        """
        settings = load_settings(options.config)
        redactor.add(settings.secrets)
        shard = Shard.parse(options.shard)
        web_config = WebConfig(options.web_config)
        tls = web_config.tls
        checks = load_checks()
        listener = stack.enter_context(bind(options.listen))

        def named(target: str) -> TargetSettings | None:
            return next((one for one in daemon.settings.targets if one.name == target), None)

        def failed(store: str) -> None:
            daemon.metrics.write_failed(store)

        evidence, watchlist = _state(options.state, named, redactor, failed, stack)
        results = RecentResults(redactor=redactor)
        daemon = Daemon(
            settings,
            make_client=lambda kind: connect(kind, redactor),
            checks=checks,
            watchlist=watchlist,
            registry=new_registry(),
            redactor=redactor,
            rng=random.Random(random.SystemRandom().getrandbits(64)),  # noqa: S311 -- no secrets
            evidence=evidence,
            results=results,
            shard=shard,
            seed=options.seed,
            marks=marks,
        )
        host, port = listener.getsockname()[:2]
        app = create_app(
            control=DaemonControl(daemon),
            results=results,
            evidence=evidence,
            expose=partial(expose, daemon.registry),
            promises={check.id: check.summary for check in checks},
            config=web_config,
            # Bound to more than loopback it is asked for by names that nobody here can know.
            hosts=_hosts(options.hostnames) if is_loopback_address(ip_address(host)) else None,
        )
        scheme = "https" if tls is not None else "http"
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
        return cls(daemon, WebServer(app, listener, tls=tls), url)

    def start(self) -> None:
        """
        Ask, and serve.
        """
        self._web.start()
        self.daemon.start()
        names = ", ".join(target.name for target in self.daemon.targets[:10])
        _LOG.info("serving %s; targets (%d): %s", self.url, len(self.daemon.targets), names)

    def stop(self) -> bool:
        """
        Start nothing more, let what is under way end, then stop serving.

        Returns:
            Whether every probe ended in time.
        """
        daemon = self.daemon
        _LOG.info("ending: %d probes under way", daemon.prober.in_flight)
        # The pages stay up meanwhile: the last scrape shows the last results.
        ended = daemon.stop(within_s=daemon.longest_timeout_s + 1.0)
        if not ended:
            _LOG.warning("some probes had not ended in time")
        self._web.stop(within_s=2.0)
        return ended


def bind(listen: str) -> socket.socket:
    """
    A listening socket on HOST:PORT; port 0 takes any free one.

    Raises:
        ConfigError: It is no address, or it is taken.
    """
    host, colon, digits = listen.rpartition(":")
    port = read_digits(digits, most=_LAST_PORT + 1)
    if not colon or port is None or port > _LAST_PORT:
        raise ConfigError(f"--listen {listen!r}: write HOST:PORT, for example 127.0.0.1:9641")
    bare = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        return socket.create_server((bare, port), family=family, backlog=128)
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
        raise ConfigError(f"--listen {listen}: {why}") from None


def _hosts(names: Iterable[str]) -> Hosts:
    try:
        return Hosts(read_host(name) for name in names)
    except UrlError as exc:
        raise ConfigError(f"--hostname {exc}") from None


def connect(settings: ClientSettings, redactor: Redactor | None = None) -> SendingClient:
    """
    The HTTP client that probes of that kind share.

    Args:
        redactor: Is told of every token that it gets.
    """
    client = Client(
        limits=Limits(body_bytes=settings.body_limit),
        user_agent=user_agent(),
        route=settings.route,
        max_age_s=OLDEST_CONNECTION_S,
    )
    if settings.tokens is None:
        return client
    if redactor is not None:
        settings.tokens.tell(redactor.add)
    return RenewingClient(client, settings.tokens)


def _state(
    folder: Path | None,
    named: Callable[[str], TargetSettings | None],
    redactor: Redactor,
    failed: Callable[[str], None],
    stack: ExitStack,
) -> tuple[EvidenceStore, WatchList]:
    if folder is None:
        watchlist = WatchList(None, on_write_error=lambda: failed("watch_list"))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="jobproof-")))
    else:
        _make_folder(folder)
        watchlist = WatchList(
            folder / "followed.sqlite", on_write_error=lambda: failed("watch_list")
        )
    if watchlist.moved_aside is not None:
        aside = watchlist.moved_aside
        _LOG.error("the watch list couldn't be used; it is %s now, and a new one begins", aside)

    def token_env(target: str) -> str:
        found = named(target)
        return (found.token_env if found is not None else None) or "TOKEN"

    def words(target: str) -> ShellWords:
        found = named(target)
        return found.words if found is not None else ShellWords()

    try:
        evidence = EvidenceStore(
            folder / "evidence",
            redactor=redactor,
            token_env=token_env,
            words=words,
            on_write_error=lambda: failed("evidence"),
        )
    except OSError as exc:
        raise ConfigError(f"--state {folder}: evidence: {exc.strerror or exc}") from None
    return evidence, watchlist


def _make_folder(folder: Path) -> None:
    try:
        # One that is there may be shared on purpose: what lies in it is private all the same.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"--state {folder}: {exc.strerror}") from None


def refuse_what_cannot_start(settings: MonitorSettings) -> None:
    """
    Set up what is set up when the daemon starts, and open and make nothing.

    Raises:
        ConfigError: The daemon would refuse it; with file and line.
    """
    file = read_yaml(settings.path)
    folder = settings.path.resolve().parent
    for number, target in enumerate(settings.targets):
        at: Location = ("targets", number, "canaries")
        try:
            TargetState(target, Judge(()), random.Random(0))  # noqa: S311 -- for ids of nobody
            for index, source in enumerate(target.follow):
                at = ("targets", number, "follow", index)
                SourcePoller(target, source, folder)
        except JobproofError as exc:
            raise file.error(at, settings.redactor.text(str(exc))) from None
    for index, sink in enumerate(settings.sinks):
        options = sink.options
        problem = problem_with_place(options) if isinstance(options, JsonLinesOptions) else None
        if problem is not None:
            raise file.error(("sinks", index, "path"), settings.redactor.text(problem))


def _listen_for_signals(service: Service) -> threading.Event:
    stop = threading.Event()
    reload = threading.Event()

    def on_stop(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # A second signal: nothing is waited for any more, not even threads.
            os._exit(128 + number)
        stop.set()

    # A reload reads files and may wait for the schedule: too long for a signal handler.
    def reload_when_signalled() -> None:
        while True:
            reload.wait()
            reload.clear()
            service.daemon.reload()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGHUP, lambda *_: reload.set())
    threading.Thread(target=reload_when_signalled, name="reload", daemon=True).start()
    return stop
