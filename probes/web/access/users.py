"""
Users with bcrypt passwords, and the rate limit of requests.
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

_CACHE_SIZE = 100

# Checked for unknown names, so that they take as long as known ones and can't be told apart.
_DUMMY_HASH = b"$2b$10$0OnsCNUWUzsGwxTzdLybb.VvKyi4MTsiYmZWoXT5XmzbBs5J7053S"


@dataclass
class Users:
    """
    Who may come in. A password costs its bcrypt once; the latest results are cached under a
    keyed hash, without the passwords.

    Attributes:
        hashes: bcrypt hashes by user name.
    """

    hashes: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, bool] = OrderedDict()

    def admits(self, name: str, password: str) -> bool:
        """
        Whether that is the user's password; as slow for users that don't exist.
        """
        import bcrypt

        user_hash = self.hashes.get(name)
        stored = user_hash.encode() if user_hash is not None else _DUMMY_HASH
        # bcrypt reads 72 bytes; the libraries disagree about what follows.
        password_bytes = password.encode()[:72]
        text = b"\0".join((name.encode(), stored, password.encode()))
        cache_key = hmac.digest(self._salt, text, hashlib.sha256)
        # One at a time: a hundred guesses at once would take every core.
        with self._lock:
            matches = self._verified.get(cache_key)
            if matches is None:
                matches = b"\0" not in password_bytes and bcrypt.checkpw(password_bytes, stored)
                self._verified[cache_key] = matches
                while len(self._verified) > _CACHE_SIZE:
                    self._verified.popitem(last=False)
        return matches and user_hash is not None


class RateLimit:
    """
    A token bucket: `burst` requests at once, and one more each interval. Not thread-safe.
    """

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval_s = interval_s
        self._burst = burst
        self._full_at = -math.inf

    def admits(self, now: float) -> bool:
        """
        Whether a request may come in at `now`, a monotonic clock's seconds.
        """
        # The bucket as one number, when it is full again (GCRA): nothing has to refill it.
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
    # Each step doubles the time: above 16 one check of a password takes many seconds.
    if cost is None or not 4 <= cost <= 16:
        raise ValueError("write a bcrypt hash of cost 4 to 16, for example from: htpasswd -nBC 10")
    return text
