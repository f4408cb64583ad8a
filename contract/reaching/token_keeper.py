"""
The token of now: got when it is first needed, and got anew when it ends or is refused.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable

from jobproof.contract.errors import JobproofError
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.reaching.token_sources import FetchedToken, TokenError, TokenSource

__all__ = ["TokenKeeper"]

_LOG = logging.getLogger(__name__)
_EARLY_S = 30.0
"""Before its end a token is renewed, or in the last tenth of its life if that is shorter."""
_BETWEEN_S = 30.0
"""A token that is refused again and again isn't renewed more often."""


class TokenKeeper:
    """
    Safe to share between threads; equal to one whose tokens come from the same source.

    Args:
        problem_with: Why a token can't be sent where it has to stand; None where it can.
        clock: The monotonic one.

    Attributes:
        stand_in: What requests are built with: the first token where there was one, else a word
            that stands for it until they are sent.
        renewals: How often a refused token was replaced.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        first: Secret | None = None,
        problem_with: Callable[[str], str | None] = lambda _token: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._problem_with = problem_with
        self._clock = clock
        self._lock = threading.Lock()
        self._now = first
        self._ends_at: float | None = None
        self._stamp = source.stamp()
        self._renewed_at: float | None = None
        self._listeners: list[Callable[[tuple[Secret, ...]], object]] = []
        self._known = [first] if first is not None else []
        self.stand_in = first or _stand_in(source)
        self.renewals = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenKeeper) and other._source == self._source

    def __hash__(self) -> int:
        return hash(self._source)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """
        What no output may show: every token so far, and what they are got with.
        """
        return (*self._source.secrets, *self._known)

    @property
    def shell_word(self) -> str:
        """
        As in `TokenSource`.
        """
        return self._source.shell_word

    def begun_with(self, first: Secret) -> TokenKeeper:
        """
        This one, where requests are built with a token that it has given.
        """
        self.stand_in = first
        return self

    def tell(self, listener: Callable[[tuple[Secret, ...]], object]) -> None:
        """
        Have `listener` called with every further token before it is sent.
        """
        self._listeners.append(listener)
        listener(self.secrets)

    def current(self) -> Secret:
        """
        The token to send.

        Raises:
            TokenError: There is none.
            SettingError: There can be none.
        """
        with self._lock:
            if self._now is None:
                return self._fetch()
            stamp = self._source.stamp()
            is_over = self._ends_at is not None and self._clock() >= self._ends_at
            if is_over or stamp not in (None, self._stamp):
                return self._fetch_or_keep(self._now)
            return self._now

    def renewed(self, refused: Secret) -> Secret | None:
        """
        Another token than the one that was refused; None where there is none.
        """
        with self._lock:
            if self._now is not None and self._now != refused:
                return self._now  # somebody else was refused, too, and has got it already
            now = self._clock()
            if self._renewed_at is not None and now - self._renewed_at < _BETWEEN_S:
                return None
            self._renewed_at = now
            token = self._fetch_or_keep(refused)
            self.renewals += token != refused
            return None if token == refused else token

    def _fetch_or_keep(self, known: Secret) -> Secret:
        try:
            return self._fetch()
        except JobproofError as exc:
            # It may still be good, and if it isn't, the answer says so.
            _LOG.warning("the token can't be renewed: %s", exc)
            return known

    def _fetch(self) -> Secret:
        stamp = self._source.stamp()
        fetched = self._source.fetch()
        problem = self._problem_with(fetched.token.reveal())
        if problem is not None:
            raise TokenError(f"the token can't be used: {problem}")
        self._now, self._stamp = fetched.token, stamp
        self._ends_at = self._end_of(fetched)
        if fetched.token not in self._known:
            self._known.append(fetched.token)
            for listener in self._listeners:
                listener((fetched.token,))
        return fetched.token

    def _end_of(self, fetched: FetchedToken) -> float | None:
        if fetched.lifetime_s is None:
            return None
        return self._clock() + max(fetched.lifetime_s - _EARLY_S, fetched.lifetime_s * 0.9)


def _stand_in(source: TokenSource) -> Secret:
    # Of the settings alone, so that targets with the same ones are known to share a key.
    digest = hashlib.sha256(repr(source).encode()).hexdigest()[:24]
    return Secret(f"jobproof:stand-in-{digest}")
