"""
Text, headers and values without the secrets in them: the one place that masks.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from jobproof.contract.formats.secrets.secret import MASK, Secret
from jobproof.contract.formats.secrets.spellings import SHORTEST_SECRET, SecretFinder

__all__ = [
    "SHORTEST_SECRET",
    "Redactor",
    "is_masked",
    "is_sensitive",
    "names_a_secret",
    "scheme_of",
    "without_userinfo",
]

# Vendors have names of their own for the header that carries the token.
_SENSITIVE = re.compile(r"(?i)authorization|token|key|secret|cookie|password|credential|session")
# It says whether a browser may send some, and never holds one.
_CORS = "access-control-allow-credentials"
# Of other two words the first may be half the secret; a scheme that we don't know is one word.
_SCHEME = re.compile(r"(?i:bearer|basic|digest|key|apikey|token) |[A-Za-z]+ (?=\S+$)")

# Each begins with a sign that few texts are full of: what comes behind it is read only there.
_CREDENTIAL = re.compile(
    r"([BbKk](?<![A-Za-z0-9_].)"
    r"(?:(?<=[Bb])(?i:earer)|(?:(?<=[Bb])(?i:asic)|(?<=[Kk])(?i:ey))"
    # "Basic authentication" and "key completed_at" are words, not credentials.
    r"(?=(?:\s|\+|%(?:25)*20){1,8}+[a-z._~+/%-]{0,80}[A-Z0-9=]))"
    r"(?:\s|\+|%(?:25)*20){1,8}+)"
    # A challenge names the scheme too, and then its parameters.
    r"(?![A-Za-z_-]{1,40}=[\"' ])[A-Za-z0-9._~+/=%-]{8,}"
)
_PARAMETER = re.compile(
    r"((?:\?|&|;|\\(?<!\\\\)\\*+u00(?:26|3[Ff])|%(?:25)*(?:26|3[Ff]))"
    r"(?=[\w.~-]{2,80}(?:=|\\|%))(?i:"
    r"[\w.~-]{0,64}(?:signature|sig|token|credentials?|secret|password|api[-_]?key|key[-_]?(?:pair[-_]?)?id)"
    r"|(?:[\w.~-]{0,64}[-_.])?(?:key|auth|hmac))"
    r"(?:=|\\+u003[Dd]|%(?:25)*3[Dd]))"
    # The value ends at the next parameter, however that is escaped.
    r"(?:[^&;\"'\\\s<>%#]++|%(?!(?:25)*26)|\\+/|\\+u00(?!2[267]|3[CcEe])[0-9A-Fa-f]{2})+"
)
_SECRET_NAME = re.compile(
    r"(?i).*(?:signature|sig|token|credentials?|secret|password|api[-_]?key|access[-_]?key)"
)
_USERINFO = re.compile(r"(://)[^\s/?#@\"'<>\\]{1,256}(?=@)")


class Redactor:
    """
    Masks the secrets that it was told of, in every spelling, and what anybody's credentials
    look like: `Bearer x`, signatures and keys of links, the headers that carry them.

    A text is masked before it is cut: half a token is a secret too. Safe to share
    between threads.

    Args:
        secrets: Those shorter than `SHORTEST_SECRET` are masked in headers only.
    """

    def __init__(self, secrets: Iterable[Secret | str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._finder = _finder(self._secrets)
        self._adding = threading.Lock()
        self.add(secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def add(self, secrets: Iterable[Secret | str]) -> None:
        """
        Mask these too from now on; what was masked stays so: an old token may still be in
        a traceback.
        """
        more = _in_clear(secrets)
        # Two at once would each forget what the other one adds: a reload, and a token renewed.
        with self._adding:
            known = self._secrets | more
            if known != self._secrets:
                self._finder, self._secrets = _finder(known), known

    def also(self, secrets: Iterable[Secret | str]) -> Redactor:
        """
        One that masks these too; this one where it does so already.
        """
        more = _in_clear(secrets)
        return self if more <= self._secrets else Redactor(self._secrets | more)

    def text(self, text: str, *, foreign: bool = True) -> str:
        """
        `text` without secrets.

        Args:
            foreign: Also without the credentials of anybody else.
        """
        spans = self._finder.spans(text)
        if spans:
            text = _masked(text, spans)
        if not foreign:
            return text
        for pattern in (_CREDENTIAL, _PARAMETER, _USERINFO):
            if pattern.search(text) is not None:  # quicker than a replacement that finds nothing
                text = pattern.sub(rf"\1{MASK}", text)
        return text

    def content(self, content: bytes) -> bytes:
        """
        Bytes in whatever encoding, without secrets.
        """
        # Every byte is a sign of Latin-1 and comes back as it was.
        return self.text(content.decode("latin-1")).encode("latin-1")

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """
        Name and value pairs; of a sensitive one only the scheme is left.
        """
        return tuple((self.text(name), self.header(name, value)) for name, value in headers)

    def header(self, name: str, value: str, *, secret: bool = False) -> str:
        """
        The value of the header of that name.

        Args:
            secret: It holds a credential, whatever its name.
        """
        clean = self.text(value)
        hidden = value and (secret or is_sensitive(name))
        return f"{scheme_of(clean)}{MASK}" if hidden else clean

    def url(self, url: str, secret: Collection[str] = (), *, foreign: bool = True) -> str:
        """
        A URL without secrets.

        Args:
            secret: Names of the query's parameters that hold a credential, whatever it is.
        """
        before, mark, rest = url.partition("?")
        if mark and secret:
            query, hash_, fragment = rest.partition("#")
            parts = [_without_value(part, secret) for part in query.split("&")]
            url = f"{before}?{'&'.join(parts)}{hash_}{fragment}"
        return self.text(url, foreign=foreign)

    def value(self, value: Any) -> Any:
        """
        A value as JSON holds it, its keys and numbers included.
        """
        # Text by text: in the JSON of the whole, a secret's quotes would be escaped once more.
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if value is None or isinstance(value, bool):
            return value
        written = str(value)
        clean = self.text(written)
        return value if clean == written and isinstance(value, int | float) else clean

    def holds_secret(self, text: str | bytes) -> bool:
        """
        Whether one of its secrets stands in `text`, in whatever spelling.
        """
        shown = text if isinstance(text, str) else text.decode("latin-1")
        return bool(self._finder.spans(shown))


def names_a_secret(parameter: str) -> bool:
    """
    Whether a parameter of that name holds a secret; `key` by itself may be that of a sort.
    """
    return _SECRET_NAME.fullmatch(parameter) is not None


def is_masked(text: str) -> bool:
    """
    Whether somebody has put a mask for a secret in it, or in a part of it.
    """
    return MASK in text


def is_sensitive(header: str) -> bool:
    """
    Whether a header of that name may carry a credential.
    """
    return _SENSITIVE.search(header) is not None and header.lower() != _CORS


def scheme_of(credential: str) -> str:
    """
    The scheme that a header's value begins with, its blank included; "" where it has none.
    """
    found = _SCHEME.match(credential)
    return found.group() if found else ""


def without_userinfo(url: str) -> str:
    """
    A text that is meant as one URL, however wrong, without what stands before its last `@`.
    """
    before, at, after = url.rpartition("@")
    scheme, slashes, _ = before.partition("://")
    if not at:
        return url
    return f"{scheme}://{MASK}@{after}" if slashes else f"{MASK}@{after}"


def _without_value(part: str, names: Collection[str]) -> str:
    name, _, value = part.partition("=")
    return f"{name}={MASK}" if value and unquote_plus(name) in names else part


def _in_clear(secrets: Iterable[Secret | str]) -> frozenset[str]:
    shown = (one.reveal() if isinstance(one, Secret) else one for one in secrets)
    return frozenset(one for one in shown if len(one) >= SHORTEST_SECRET)


@lru_cache(maxsize=256)
def _finder(secrets: frozenset[str]) -> SecretFinder:
    return SecretFinder(secrets)


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += text[at:start], MASK
        at = end
    return "".join((*parts, text[at:]))
