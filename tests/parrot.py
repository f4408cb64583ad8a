"""
A server that gives a token back wherever it can, in every spelling; and who looks for them.

Written without the product's code and without the libraries that it uses for it: what both
got wrong in the same way would never be seen.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from tests.servers import QuietHandler, http_server

__all__ = ["TOKEN", "Parrot", "shown_in", "spellings_of"]

TOKEN = "sk/live+a\"b\\c=d <e>&f'g-1234567"
"""Holds whatever some way of writing escapes."""

_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_SIXTY_FOUR = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _percent(text: str, *, kept: str = "", hexadecimal: str = "%02X", blank: str = "") -> str:
    signs = []
    for sign in text:
        if sign == " " and blank:
            signs.append(blank)
        else:
            safe = sign in _SAFE or sign in kept
            signs.append(sign if safe else "%" + hexadecimal % ord(sign))
    return "".join(signs)


def _json(text: str, *, slash: str = "/") -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("/", slash)


def _html(text: str, *, quote: str = "&quot;", apostrophe: str = "&#39;") -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', quote)):
        text = text.replace(sign, entity)
    return text.replace("'", apostrophe)


def _base64(text: str, *, last: str = "+/", padding: str = "=") -> str:
    bits = "".join(f"{ord(sign):08b}" for sign in text)
    groups = [bits[at : at + 6].ljust(6, "0") for at in range(0, len(bits), 6)]
    signs = "".join((_SIXTY_FOUR + last)[int(group, 2)] for group in groups)
    return signs + padding * (-len(signs) % 4)


def spellings_of(token: str) -> Mapping[str, str]:
    """
    The ways in which an answer can hold a token, by name.
    """
    url = _percent(token)
    return {
        "plain": token,
        "url": url,
        "url, / kept": _percent(token, kept="/"),
        "url, lower hex": _percent(token, hexadecimal="%02x"),
        "url, every sign": "".join(f"%{ord(sign):02X}" for sign in token),
        "form": _percent(token, blank="+"),
        "url twice": _percent(url),
        "url three times": _percent(_percent(url)),
        "json": _json(token),
        "json, \\/": _json(token, slash="\\/"),
        "json twice": _json(_json(token)),
        "json in a url": _percent(_json(token)),
        "json \\u": "".join(f"\\u{ord(sign):04x}" for sign in token),
        "json \\U": "".join(f"\\u{ord(sign):04X}" for sign in token),
        "json, html-safe": "".join(
            f"\\u{ord(sign):04x}" if sign in "<>&'=" else _json(sign) for sign in token
        ),
        "html": _html(token),
        "html, other names": _html(token, quote="&#x22;", apostrophe="&apos;"),
        "html twice": _html(_html(token)),
        "html, decimal": "".join(f"&#{ord(sign)};" for sign in token),
        "html, hexadecimal": "".join(f"&#x{ord(sign):X};" for sign in token),
        "repr": repr(token),
        "json pointer": token.replace("~", "~0").replace("/", "~1"),
        "json pointer in json": _json(token.replace("~", "~0").replace("/", "~1")),
        "hexadecimal": "".join(f"{ord(sign):02x}" for sign in token),
        "base64": _base64(token),
        "base64, bare": _base64(token, padding=""),
        "base64, url-safe": _base64(token, last="-_"),
        "base64 behind one": _base64(f"u:{token}"),
        "base64 behind two": _base64(f"us:{token}"),
        "base64 of basic auth": _base64(f"user:{token}", padding=""),
        "base64 of a json": _base64(f'{{"token": "{_json(token)}", "more": 1}}'),
        "base64 of a url": _base64(f"https://h/?t={url}"),
        "base64 in a url": _percent(_base64(token)),
        "bearer": f"Bearer {token}",
        "a link": f"https://h.test/a.png?X-Amz-Signature={url}&w=1",
        "python \\U": "".join(f"\\U{ord(sign):08x}" for sign in token),
        "javascript \\x": "".join(f"\\x{ord(sign):02x}" for sign in token),
        "javascript \\u{}": "".join(f"\\u{{{ord(sign):x}}}" for sign in token),
        "capitals": token.upper(),
        "small letters": token.lower(),
        "the other case": token.swapcase(),
        "capitals in a url": _percent(token.upper()),
        "capitals in json \\u": "".join(f"\\u{ord(sign):04x}" for sign in token.upper()),
        "capitals in decimal html": "".join(f"&#{ord(sign)};" for sign in token.upper()),
        "base64 of capitals": _base64(token.upper()),
        "base64 of small letters behind one": _base64(f"u:{token.lower()}"),
        "hexadecimal capitals": "".join(f"{ord(sign):02X}" for sign in token),
        "utf-16": "".join(f"{sign}\0" for sign in token),
    }


def shown_in(output: str, token: str = TOKEN) -> list[str]:
    """
    The names of the spellings that stand in an output, be it text, JSON or HTML.
    """
    half = len(token) // 2
    needles = {**spellings_of(token), "first half": token[:half], "last half": token[half:]}
    return [
        name
        for name, needle in needles.items()
        if any(form in output for form in (needle, _json(needle), _html(needle)))
    ]


class Parrot:
    """
    Answers every request with the token: in each header, key and value it can think of.
    """

    def __init__(self, token: str = TOKEN) -> None:
        self.spellings = tuple(spellings_of(token).values())
        self.url = ""
        self._turn = itertools.count()

    def next_spelling(self) -> str:
        """
        The spellings by turns.
        """
        return self.spellings[next(self._turn) % len(self.spellings)]

    @contextmanager
    def serve(self) -> Iterator[Parrot]:
        """
        On a free port, until the block ends.
        """
        with http_server(type("Handler", (_Handler,), {"parrot": self})) as self.url:
            yield self


class _Handler(QuietHandler):
    protocol_version = "HTTP/1.1"
    parrot: ClassVar[Parrot]

    def do_GET(self) -> None:
        told = self.parrot.next_spelling()
        value = {
            "job_id": told,
            "status": told,
            "created_at": told,
            "error": {"code": told, "message": list(self.parrot.spellings)},
            "result": {"urls": [told]},
            told: {told: told},
        }
        body = json.dumps(value).encode()
        ways = ["whole", "raw", "cut", "html", "status line"]
        way = ways[len(told) % len(ways)] if "/jobs/" in self.path else "whole"
        if way == "raw":  # the spelling as it is, which is no JSON
            body = f'{{"status": "{told}", "job_id": "x"}}'.encode() + b"\xff"
        elif way == "html":
            body = f"Traceback (most recent call last): {told}".encode()
        length = len(body) + 7 if way == "cut" else len(body)
        self.send_response(200 if way != "html" else 500, "" if way != "status line" else "OK")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name in ("X-Echo", "Location", "ETag", "Retry-After", "Set-Cookie", "Link", "Date"):
            self.send_header(name, told.replace("\0", ""))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = way == "cut"

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET
