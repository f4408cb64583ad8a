"""
A target while it is probed: its canaries, its judge, its client's settings.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

from jobproof.contract.errors import PluginError
from jobproof.contract.formats.wording import plain, shorten
from jobproof.contract.judging.judge import Judge
from jobproof.contract.judging.limited_calls import PluginKind
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Credential, Exchange, Request, Subject
from jobproof.contract.model.request import build_request
from jobproof.contract.plugins import set_up
from jobproof.contract.reaching.token_keeper import TokenKeeper
from jobproof.probes.canaries.canary import Canary, CanaryContext, CanaryRequest
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.engine.judging import JudgedResult, ResultJudge
from jobproof.probes.engine.schedule import PeriodicProbe
from jobproof.probes.plugins.plugin_calls import PluginCalls

__all__ = ["ClientSettings", "HistoryLoader", "TargetState", "user_agent"]

HistoryLoader = Callable[[str, str], Iterable[Exchange]]
"""By target and job id: what an earlier run saw of a followed job, oldest first."""

_LOG = logging.getLogger(__name__)
_LONGEST_SENTENCE = 500
_LARGEST_ROUND = 10_000


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """
    What tells one client from another; targets with the same settings share a client.
    """

    route: Route = Route()
    tokens: TokenKeeper | None = None
    body_limit: int = 1_048_576


class TargetState:
    """
    A target while it is being watched: its canaries, and what was seen of its jobs.
    """

    def __init__(
        self,
        target: TargetSettings,
        judge: Judge,
        rng: random.Random,
        load_history: HistoryLoader = lambda _target, _job_id: (),
        plugins: PluginCalls | None = None,
    ) -> None:
        self.target = target
        self.judging = ResultJudge(
            target.api,
            judge,
            target.token,
            lambda job_id: load_history(target.name, job_id),
            staleness_s=target.staleness_s,
        )
        self.client = ClientSettings(target.route, target.tokens, target.api.profile.body.limit)
        # A canary is called by the threads that ask, the judge and the web's `/probe`.
        calls = plugins or PluginCalls()
        names = frozenset(canary.name for canary in target.canaries)
        context = CanaryContext(target.api, rng, _known_ids(target), names)
        self._canaries: dict[str, Canary] = {
            canary.name: set_up(
                "jobproof.canaries", canary.name, canary.make, canary.options, context
            )
            for canary in target.canaries
        }
        self._guarded = {
            name: calls.guard(PluginKind.CANARY, name, canary)
            for name, canary in self._canaries.items()
        }

    def probes(self) -> Iterable[PeriodicProbe]:
        """
        The grids that its canaries are asked on.
        """
        target = self.target
        for canary in target.canaries:
            yield PeriodicProbe(
                target.name, canary.name, target.key, canary.interval_s, canary.timeout_s
            )

    def next_request(self, canary: str) -> CanaryRequest:
        """
        The canary's next request.

        Raises:
            PluginError: The canary raised anything, or hangs, or did so earlier; or it asks for
                what is no id.
        """
        return self._guarded[canary].call(lambda: _checked(self._canaries[canary].next_request()))

    def round_size(self, canary: str) -> int:
        """
        How many requests this canary needs for one round.

        Raises:
            PluginError: As with `next_request`; or it says no number, or one beyond all measure.
        """
        return self._guarded[canary].call(lambda: _size(self._canaries[canary].round_size))

    def request(self, wanted: CanaryRequest) -> Request:
        """
        A canary's request as it goes over the wire.
        """
        target = self.target
        return build_request(
            target.api,
            target.url,
            wanted.job_id,
            subject=wanted.subject,
            credential=wanted.credential,
            token=target.token,
            user_agent=user_agent(),
        )

    def on_result(self, judged: JudgedResult) -> None:
        """
        Tell the canary what came of its request.
        """
        exchange, canary = judged.result.exchange, self._canaries.get(judged.result.canary)
        if exchange is None or canary is None or exchange.request.job_id is None:
            return
        sent = exchange.request
        request = CanaryRequest(exchange.request.job_id, sent.subject, sent.credential)
        guarded = self._guarded[judged.result.canary]
        if guarded.off is not None:
            return
        with suppress(PluginError):  # counted and said; the result is right all the same
            message = guarded.call(
                lambda: _sentence(canary.on_result(request, judged.result.outcome))
            )
            if message is not None:
                _LOG.warning("target %s: %s", self.target.name, message)


def _checked(wanted: object) -> CanaryRequest:
    if not isinstance(wanted, CanaryRequest):
        raise TypeError(f"next_request gave {shorten(repr(wanted), 60)}, and no CanaryRequest")
    # An empty one would be the URL of the list of jobs.
    if not isinstance(wanted.job_id, str) or not wanted.job_id:
        raise TypeError(f"{shorten(repr(wanted.job_id), 60)} is no job id")
    if not isinstance(wanted.subject, Subject):
        raise TypeError(f"subject: {shorten(repr(wanted.subject), 60)} is no Subject")
    if not isinstance(wanted.credential, Credential):
        raise TypeError(f"credential: {shorten(repr(wanted.credential), 60)} is no Credential")
    if type(wanted.job_id) is str:
        return wanted
    return CanaryRequest(plain(wanted.job_id), wanted.subject, wanted.credential)


def _sentence(given: object) -> str | None:
    if given is not None and not isinstance(given, str):
        raise TypeError(f"on_result gave {shorten(repr(given), 60)}, and no text")
    return None if given is None else shorten(plain(given), _LONGEST_SENTENCE)


def _size(given: object) -> int:
    if not isinstance(given, int) or not 0 < given <= _LARGEST_ROUND:
        raise TypeError(
            f"round_size is {shorten(repr(given), 60)}, and no number from 1 to {_LARGEST_ROUND:,}"
        )
    return given


def user_agent() -> str:
    """
    Who we say we are, so that an endpoint's owner can tell probes from customers.
    """
    return _USER_AGENT


_USER_AGENT = f"jobproof/{version('jobproof')}"


def _known_ids(target: TargetSettings) -> tuple[str, ...]:
    for canary in target.canaries:
        if canary.name == "known":
            return tuple(getattr(canary.options, "ids", ()))
    return ()
