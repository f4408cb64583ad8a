"""
On which servers an operation is, by its document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jobproof.contract.formats.addresses.urls import UrlError, read_base_url
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.openapi.source.files import Base

__all__ = ["read_servers"]

_MOST = 100
_LONGEST = 2_000
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_WITH_HOST = re.compile(r"(?:https?|\{[^{}]*\})://[^/]", re.IGNORECASE)


def read_servers(
    root: JsonDocument, item: Mapping[str, tuple[Json, Base]], operation: JsonDocument
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    The base URLs that are stated, and what of them couldn't be used, a line each.

    One without a host is a base path; `{name}` in one stands for any text. The operation's go
    before its path item's, and those before the document's; none where nothing is stated.
    """
    if "swagger" in root:
        written = _swagger(root, operation)
    else:
        of_item = item["servers"][0] if "servers" in item else None
        # An empty list states nothing (3.1.1, 4.8.1).
        listed = operation.get("servers") or of_item or root.get("servers")
        written = _openapi(listed)
    found: dict[str, None] = {}
    notes: dict[str, None] = {}
    for text in written:
        if len(found) + len(notes) >= _MOST:
            break
        try:
            found.setdefault(_normalised(text))
        except UrlError as exc:
            notes.setdefault(f"a server is left out: {exc}")
    return tuple(found), tuple(notes)


def _normalised(text: str) -> str:
    if len(text) > _LONGEST:
        raise UrlError(f"has more than {_LONGEST} characters", "write a shorter one", text)
    if text.startswith("/"):
        return text.rstrip("/") or "/"
    if not _WITH_HOST.match(text):
        raise UrlError("has neither a host nor a slash at its start", "write one", text)
    if not _VARIABLE.search(text):
        return read_base_url(text)
    scheme, _, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    # What stands for any text has no usual form.
    return f"{_lowered(scheme)}://{_lowered(host)}{slash}{path}".rstrip("/")


def _lowered(text: str) -> str:
    return "".join(
        part if part.startswith("{") else part.lower() for part in re.split(r"(\{[^{}]*\})", text)
    )


def _openapi(listed: Json) -> Iterator[str]:
    for server in listed if isinstance(listed, list) else [listed]:
        stated = server if isinstance(server, dict) else {}
        url = stated.get("url")
        if isinstance(url, str):
            for each in _filled(url.strip(), stated.get("variables")):
                # Of the document's own scheme, which nobody knows.
                yield from ([f"http:{each}", f"https:{each}"] if each.startswith("//") else [each])


def _filled(url: str, variables: Json) -> list[str]:
    """
    The URL with each value that a closed variable may have; an open one stays as `{name}`.
    """
    filled = [url]
    for name in dict.fromkeys(_VARIABLE.findall(url[:_LONGEST])):
        described = variables.get(name) if isinstance(variables, dict) else None
        closed = described.get("enum") if isinstance(described, dict) else None
        values = [v for v in closed if isinstance(v, str)] if isinstance(closed, list) else []
        if values and len(filled) * len(values) <= _MOST:
            filled = [each.replace("{" + name + "}", v) for each in filled for v in values]
    return filled


def _swagger(root: JsonDocument, operation: JsonDocument) -> Iterator[str]:
    stated = operation.get("schemes") or root.get("schemes")
    host, path = root.get("host"), root.get("basePath")
    path = path.strip() if isinstance(path, str) else ""
    path = path if path.startswith("/") or not path else f"/{path}"
    if not isinstance(host, str) or not host.strip():
        yield from [path] if path else []
        return
    host = host.strip().rstrip("/")
    if "://" in host:
        # Not by the specification; yet it says what is meant.
        yield host + path
        return
    # Without schemes it is that of the document, which nobody knows.
    schemes = [str(s).lower() for s in stated] if isinstance(stated, list) else ["https", "http"]
    for scheme in schemes:
        if scheme in ("http", "https"):
            yield f"{scheme}://{host}{path}"
