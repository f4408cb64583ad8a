"""
Who may come in, and how often: bcrypt users and the pace of requests.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.formats.digits import read_digits

__all__ = ["RateLimit", "Users", "bcrypt_hash"]

_REMEMBERED = 100

# Of a password that nobody has: who tries an unknown name waits as long as for a known one.
_NOBODY = b"$2b$10$0OnsCNUWUzsGwxTzdLybb.VvKyi4MTsiYmZWoXT5XmzbBs5J7053S"


@dataclass
class Users:
    """
    Who may come in. Each check of a password costs its bcrypt once; the last answers
    are remembered, without the passwords.
    """

    hashes: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()

    def admits(self, name: str, password: str) -> bool:
        """
        Whether that is the user's password; as slow for users that don't exist.
        """
        import bcrypt

        wanted = self.hashes.get(name)
        stored = wanted.encode() if wanted is not None else _NOBODY
        # bcrypt reads 72 bytes; the libraries disagree about what follows.
        given = password.encode()[:72]
        text = b"\0".join((name.encode(), stored, password.encode()))
        memory = hmac.digest(self._salt, text, hashlib.sha256)
        # One at a time: a hundred guesses at once would take every core.
        with self._lock:
            right = self._known.get(memory)
            if right is None:
                right = b"\0" not in given and bcrypt.checkpw(given, stored)
                self._known[memory] = right
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return right and wanted is not None


class RateLimit:
    """
    So many requests at once, and one more each interval; asked from one thread.
    """

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval_s = interval_s
        self._burst = burst
        self._full_at = -math.inf

    def admits(self, now: float) -> bool:
        """
        Whether a request may come in at `now`, a monotonic clock's seconds.
        """
        full_at = max(self._full_at, now) + self._interval_s
        if full_at > now + self._interval_s * self._burst + 1e-9:
            return False
        self._full_at = full_at
        return True


def bcrypt_hash(value: object) -> str:
    """
    `value`, if it is the hash of a password.

    Raises:
        ValueError: It is not; the message doesn't show it.
    """
    # Before pydantic looks at it: its messages show the value, which may be a password.
    text = value if isinstance(value, str) else ""
    parts = text.split("$")
    known = len(parts) == 4 and parts[1] in ("2a", "2b", "2x", "2y") and len(text) == 60
    cost = read_digits(parts[2], most=99) if known else None
    if cost is None or not 4 <= cost <= 16:
        raise ValueError("write a bcrypt hash of cost 4 to 16, for example from: htpasswd -nBC 10")
    return text
