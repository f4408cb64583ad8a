"""
Which of all requests in a recording are the job endpoint's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_to_bytes

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import UrlError, parse_url, read_base_url
from jobproof.contract.model.api import Api

__all__ = ["EndpointFilter", "JobAddress"]

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)", re.IGNORECASE)
_JOB = "{}"
_PARAMETER = re.compile(r"(\{[^{}]*\})")
# What a URL reader refuses may be asked for all the same, such as 0.0.0.0.
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]\s@:]+)(?::[0-9]*)?")
_LONGEST_AUTHORITY = 1_000
# More than servers take as a whole request line.
_LONGEST_PATH = 16_000
# `;jsessionid=…` goes to the server's own ground, not into the id (RFC 3986 3.3).
_PATH_PARAMETERS = re.compile(r";[\w.-]+=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JobAddress:
    """
    What a job's URL says.

    Attributes:
        base: What it has before the operation's path, and the values of the path's other
            parameters, if any: one id may be two jobs in two projects.
        job_id: Before percent-encoding.
    """

    base: str
    job_id: str


class EndpointFilter:
    """
    Tells a job's URL from all others.
    """

    def __init__(self, api: Api, base_url: str | None = None) -> None:
        """
        Args:
            base_url: Where the API is; without it, any server that has the operation's path.

        Raises:
            ConfigError: The base URL can't be read.
        """
        self.api = api
        self._own = None if base_url is None else _own_base(base_url)
        operation = api.profile.operation
        parts = operation.path.removeprefix("/").split("/")
        self._segments = [_Segment(part, operation.parameter) for part in parts]
        self._has_parameters = ";" in operation.path
        servers = dict.fromkeys((api.profile.server, *api.operation.servers))
        self._servers = [_server_pattern(server) for server in servers]

    def address_of(self, url: str) -> JobAddress | None:
        """
        What `url` says; None where it isn't a job's.
        """
        found = _URL.match(url.lstrip())
        if found is None or len(found["path"]) > _LONGEST_PATH:
            return None
        segments = found["path"].rstrip().split("/")
        count = len(self._segments)
        # Before the first slash there is nothing.
        if len(segments) <= count:
            return None
        job_id, others = "", []
        for expected, segment in zip(self._segments, segments[-count:], strict=True):
            values = expected.values_in(self._bare(segment))
            if values is None:
                return None
            job_id = values.pop(_JOB, job_id)
            others += [f"{name} {quote(value, safe='')}" for name, value in values.items()]
        origin = _origin(found["scheme"].lower(), found["authority"])
        if not job_id or origin is None:
            return None
        base = origin + _normal_path("/".join(segments[:-count]))
        if self._own not in (None, base):
            return None
        return JobAddress(f"{base} with {', '.join(others)}" if others else base, job_id)

    def is_documented(self, base: str) -> bool:
        """
        Whether the base of a job's address is a server that the document or the profile states.
        """
        server = base.partition(" ")[0]
        return any(pattern.fullmatch(server) for pattern in self._servers)

    def _bare(self, segment: str) -> str:
        return segment if self._has_parameters else _PATH_PARAMETERS.sub("", segment)


class _Segment:
    """
    One segment of the operation's path.
    """

    def __init__(self, template: str, job: str) -> None:
        parts = _PARAMETER.split(template)
        self._names = [_JOB if part == job else part for part in (p[1:-1] for p in parts[1::2])]
        self._pattern = re.compile(
            "".join("(.+)" if i % 2 else re.escape(unquote(p)) for i, p in enumerate(parts)),
            re.DOTALL,
        )

    def values_in(self, segment: str) -> dict[str, str] | None:
        """
        The values of its parameters in a segment as it was asked; None where it isn't this one.
        """
        # These two never arrive unless they are encoded.
        if segment in (".", ".."):
            return None
        found = self._pattern.fullmatch(unquote(segment))
        return None if found is None else dict(zip(self._names, found.groups(), strict=True))


def _own_base(base_url: str) -> str:
    try:
        url = parse_url(read_base_url(base_url, instead="a recording is read without a token"))
    except UrlError as exc:
        raise ConfigError(f"--url {exc}") from None
    return _without_dot(url.scheme, url.host, url.port) + _normal_path(url.path)


@lru_cache(maxsize=256)
def _origin(scheme: str, authority: str) -> str | None:
    authority = authority.rpartition("@")[2]
    if len(authority) > _LONGEST_AUTHORITY:
        return None
    try:
        url = parse_url(f"{scheme}://{authority}")
    except UrlError:
        return f"{scheme}://{authority.lower()}" if _AUTHORITY.fullmatch(authority) else None
    return _without_dot(url.scheme, url.host, url.port)


def _without_dot(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{host.removesuffix('.')}" + ("" if port is None else f":{port}")


def _normal_path(path: str) -> str:
    """
    A path with exactly those characters encoded that need it, so that equal paths are alike.
    """
    return "/".join(
        quote(unquote_to_bytes(segment), safe="-._~!$&'()*+,;=:@") for segment in path.split("/")
    )


def _server_pattern(server: str) -> re.Pattern[str]:
    """
    What the bases of a documented server look like; `{name}` stands for any text.
    """
    if server.startswith("/"):
        return re.compile("https?://[^/]*" + _path_pattern(server.rstrip("/")))
    scheme, _, rest = server.partition("://")
    host, slash, path = rest.partition("/")
    if "{" not in scheme + host:
        origin = _origin(scheme, host)
        return re.compile(re.escape(origin or server) + _path_pattern(slash + path))
    before = "".join(
        "[^/]*" if i % 2 else re.escape(part)
        for i, part in enumerate(_PARAMETER.split(f"{scheme}://{host}"))
    )
    return re.compile(before + _path_pattern(slash + path))


def _path_pattern(path: str) -> str:
    # A variable may hold slashes, so what follows it says nothing more.
    stated, variable, _ = path.partition("{")
    return re.escape(_normal_path(stated)) + (".*" if variable else "")
