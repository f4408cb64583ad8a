"""
The daemon as a process: its socket, its signals, its end.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from contract.errors import ConfigError
from contract.http import Client, Limits
from contract.plugins import load_checks
from probes.config import Settings, load_settings
from probes.daemon import Daemon
from probes.evidence_store import EvidenceStore
from probes.logs import Redactor, set_up_logs
from probes.prober import ClientSettings, user_agent
from probes.shard import Shard
from probes.sinks.prometheus import new_registry
from probes.watchlist import Watchlist

__all__ = ["Options", "bind", "connect", "serve"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """
    What `jobwatch probe` was told.
    """

    config: Path
    listen: str
    state: Path | None
    shard: str
    seed: str
    web_config: Path | None
    log_format: str
    log_level: str


def serve(options: Options) -> int:
    """
    Run until a signal ends it.

    Returns:
        0: everything under way ended in time.

    Raises:
        ConfigError: Something in the options or the configuration can't be used.
    """
    redactor = Redactor()
    set_up_logs(redactor, style=options.log_format, level=options.log_level)
    settings = load_settings(options.config)
    redactor.add(settings.secrets)
    with ExitStack() as stack:
        listener = stack.enter_context(bind(options.listen))
        daemon = _build(options, settings, redactor, stack)
        return _run(daemon, listener)


def bind(listen: str) -> socket.socket:
    """
    A listening socket on HOST:PORT; port 0 takes any free one.

    Raises:
        ConfigError: It is no address, or it is taken.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"--listen {listen!r}: write HOST:PORT, for example 127.0.0.1:9641")
    bare = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        return socket.create_server((bare, int(port)), family=family, backlog=128)
    except OSError as exc:
        raise ConfigError(f"--listen {listen}: {exc.strerror or exc}") from None


def connect(settings: ClientSettings) -> Client:
    """
    The HTTP client that probes of that kind share.
    """
    return Client(
        limits=Limits(body_bytes=settings.body_limit),
        user_agent=user_agent(),
        ca_file=settings.ca_file,
    )


def _build(options: Options, settings: Settings, redactor: Redactor, stack: ExitStack) -> Daemon:
    state = options.state
    if state is not None:
        _make_folder(state)
        watchlist = Watchlist(state / "followed.sqlite")
        if watchlist.moved_aside is not None:
            _LOG.error(
                "the watch list was unreadable; it lies in %s now and a new one was begun",
                watchlist.moved_aside,
            )
        folder = state / "evidence"
    else:
        watchlist = Watchlist(None)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobwatch-")))
    daemon: Daemon
    evidence = EvidenceStore(
        folder,
        secrets=redactor.values,
        token_env=lambda name: daemon.settings.target(name).token_env or "TOKEN",
    )
    daemon = Daemon(
        settings,
        make_client=connect,
        checks=load_checks(),
        watchlist=watchlist,
        registry=new_registry(),
        redactor=redactor,
        rng=random.Random(random.SystemRandom().getrandbits(64)),  # noqa: S311 -- ids, not secrets
        evidence=evidence,
        shard=Shard.parse(options.shard),
        seed=options.seed,
    )
    return daemon


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"--state {folder}: {exc.strerror}") from None


def _run(daemon: Daemon, listener: socket.socket) -> int:
    stop, reload = threading.Event(), threading.Event()
    wake = threading.Event()

    def on_stop(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # A person who asks twice doesn't want to wait for anything any more.
            os._exit(128 + number)
        stop.set()
        wake.set()

    def on_reload(_number: int, _frame: FrameType | None) -> None:
        reload.set()
        wake.set()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGHUP, on_reload)
    host, port = listener.getsockname()[:2]
    daemon.start()
    _LOG.info("watching %d targets; http://%s:%d/", len(daemon.targets), host, port)
    while not stop.is_set():
        wake.wait()
        wake.clear()
        if reload.is_set():
            reload.clear()
            daemon.reload()
    _LOG.info("ending: %d probes under way", daemon.prober.in_flight)
    ended = daemon.stop(within_s=daemon.longest_timeout_s + 1.0)
    if not ended:
        _LOG.warning("some probes had not ended in time")
    _LOG.info("ended")
    return 0
