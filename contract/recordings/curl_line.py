"""
A question as the line that asks it again.
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import quote, unquote_plus

from jobproof.contract.formats.headers import header_names, without_headers
from jobproof.contract.formats.secrets.redaction import Redactor, is_sensitive, scheme_of
from jobproof.contract.formats.secrets.token_place import cookies_in
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.exchange import Credential, Exchange, Request
from jobproof.contract.model.manners.manner import Manner

__all__ = ["curl"]

# What a client says about itself, and about a connection and a body that aren't there any more.
_LEFT_TO_CURL = (
    *("user-agent", "accept-encoding", "connection", "content-length", "expect", "keep-alive"),
    *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# All that a URL may hold, and what nobody needs to encode for a server to understand it.
_AS_IT_IS = "".join(map(chr, range(0x21, 0x7F)))


def curl(
    exchange: Exchange,
    redactor: Redactor | None = None,
    *,
    token_env: str = "TOKEN",  # noqa: S107 -- a name
    words: ShellWords = ShellWords(),
) -> str:
    """
    A shell line that asks the same again; the token is a variable, never a value.
    """
    # Before the shell's quotes come in: a secret that holds one would be spelled anew.
    wider = (redactor or Redactor()).also(exchange.request.credentials)
    request = exchange.request.redacted(wider)
    parts = ["curl", "-sS", "-i", "--path-as-is"]
    if request.method == "HEAD":
        parts.append("-I")
    elif request.method != "GET":
        parts += ["-X", request.method]
    answer = exchange.response if exchange.failure is None else exchange.failure.partial
    version = answer.http_version if answer is not None else ""
    line = [shlex.quote(part) for part in parts]
    line += words.of_curl(exchange.request.url, version)
    variable = _made(words.token or _expansion(token_env), request)
    said = header_names(request.manner.spec.headers)
    sent = without_headers(request.headers, *(n for n in _LEFT_TO_CURL if n not in said))
    line += [
        _header(name, value, exchange.request, words.headers.get(name.lower(), ""), variable)
        for name, value in sent
        # HTTP/2 names such as `:path` are no headers here; and to curl, `@` is a file's name.
        if _NAME.fullmatch(name) and not _CONTROL.search(value)
    ]
    if request.method in ("POST", "PUT", "PATCH"):
        line.append("-H 'Content-Length: 0'")  # as our own client says it
    line += _url(request, words, variable)
    return " ".join(line)


def _expansion(token_env: str) -> str:
    """
    What a shell puts the variable's value in for.
    """
    # The environment takes names that no shell does.
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", token_env):
        return f"${token_env}"
    return f"$(printenv {shlex.quote(token_env)})"


def _made(variable: str, request: Request) -> str:
    """
    What the question needs of the token: itself, or what a command makes of it.
    """
    command = request.manner.spec.command
    return f'$(printf "%s\\n" "{variable}" | {command})' if command else variable


def _header(name: str, value: str, asked: Request, given: str, variable: str) -> str:
    if given:
        return f'-H "{name}: {given}"'
    at = asked.token_at
    is_known = at is None or at.header == name.lower()
    is_secret = is_sensitive(name) or (at is not None and at.header == name.lower())
    made = asked.manner.spec
    is_wrong = made.token is None and asked.credential is Credential.INVALID
    if is_wrong or made.value is not None or (name, value) in made.headers:
        is_secret = False
    if not (is_secret and is_known):
        # To curl, `Name:` means that it isn't sent, and `Name;` that it is sent empty.
        return "-H " + _quoted(f"{name}: {value}" if value.strip(" \t") else f"{name};")
    # The variable needs double quotes, in which a recorded text could do harm.
    safe = re.sub(r"[^\w-]", "", name, flags=re.ASCII)
    if at is not None and at.is_pair:
        if asked.manner in (Manner.SCHEME_CASE, Manner.SCHEME_UPPER):
            pair = f'$(printf %s "{variable}" | base64 | tr -d "\\n")'
            return f'-H "{safe}: {scheme_of(value)}{pair}"'
        return f'-u "{variable}"'
    if at is not None and at.place == "cookie":
        cookies = (
            f"{re.sub(r'[^!#%&*+.^_|~0-9A-Za-z-]', '', cookie)}="
            f"{variable if cookie == at.name else Redactor().header('cookie', content)}"
            for cookie, content in cookies_in(asked.headers)
        )
        # Of a masked request not even the names are left.
        return f'-H "{safe}: {"; ".join(cookies) or f"{at.name}={variable}"}"'
    return f'-H "{safe}: {scheme_of(value)}{variable}"'


def _quoted(text: str) -> str:
    """
    `text` as one word of a shell, in which headers are bytes and not letters.
    """
    if text.isascii():
        return shlex.quote(text)
    shown = text.encode("latin-1", "replace")
    written = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"%\\" else f"\\{byte:03o}"
        for byte in shown
    )
    return f'"$(printf {shlex.quote(written)})"'


def _url(request: Request, words: ShellWords, variable: str) -> list[str]:
    """
    The URL, and what curl is to put into its query.
    """
    at = request.token_at
    url = quote(request.url.partition("#")[0], safe=_AS_IT_IS, errors="surrogatepass")
    # Else curl takes these for a pattern of many URLs.
    whole = ["-g"] if re.search(r"[][{}]", url) else []
    before, mark, query = url.partition("?")
    pieces = query.split("&") if mark else []
    is_shown = request.credential is Credential.INVALID and request.manner.spec.token is None
    held = dict(words.query)
    if at is not None and at.place == "query" and not is_shown:
        held[at.name] = variable
    names = [piece.partition("=")[0] for piece in pieces]
    secret = [(name, held[unquote_plus(name)]) for name in names if unquote_plus(name) in held]
    if not secret:
        return [*whole, shlex.quote(url)]
    rest = "&".join(
        piece for piece, name in zip(pieces, names, strict=True) if unquote_plus(name) not in held
    )
    # The variable holds the value as it is, and only curl can encode it.
    sent = [f'--data-urlencode {shlex.quote(f"{name}=")}"{word}"' for name, word in secret]
    return [*whole, "-G", *sent, shlex.quote(f"{before}?{rest}" if rest else before)]
