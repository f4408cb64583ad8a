"""
What every request of an operation carries besides the job's id and the token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.headers import (
    HeaderPairs,
    header_names,
    header_values,
    without_headers,
)
from jobproof.contract.formats.secrets.redaction import (
    SHORTEST_SECRET,
    is_sensitive,
    names_a_secret,
)
from jobproof.contract.formats.secrets.token_place import TokenPlace, cookies_in
from jobproof.contract.model.asking.access import Access
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.document import Operation
from jobproof.contract.openapi.parameters import Parameter

__all__ = ["GivenValues", "RequestValues", "choose_values", "names_in"]

# RFC 9110 5.6.2: what a header's name consists of.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "te", "upgrade"})
# What any client sends by itself.
_SENT_ANYWAY = frozenset({"host", "user-agent", "accept-encoding"})


@dataclass(frozen=True, slots=True)
class RequestValues:
    """
    Attributes:
        path: By the parameter's name, not yet percent-encoded.
        query: Not yet percent-encoded, in the document's order.
        required_query: Those of `query` that the document requires, or that are secrets: what
            a request to another operation of the same API needs, too.
        secret_at: Where secrets stand, as in `Request.secret_at`.
        secrets: What no output may show.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    headers: HeaderPairs = ()
    cookies: tuple[tuple[str, str], ...] = ()
    required_query: tuple[tuple[str, str], ...] = ()
    secret_at: frozenset[tuple[str, str]] = frozenset()
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class GivenValues:
    """
    What the user of a run gives, and how the place where it is given is called.

    Attributes:
        parameter: How one gives a parameter; `{name}` stands for its name.
        header: How one gives a header.
        said: How a parameter that is given is called.
        hidden: Names, in small letters, of headers whose values are secrets.
        hidden_parameters: Names of parameters whose values are.
        placeholder: Taken where nothing is known, for a mock that takes any value.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: HeaderPairs = ()
    parameter: str = "--param {name}=VALUE"
    header: str = "--header {name}=VALUE"
    said: str = "--param {name}"
    hidden: frozenset[str] = frozenset()
    hidden_parameters: frozenset[str] = frozenset()
    placeholder: str | None = None


def choose_values(
    profile: Profile, operation: Operation, access: Access, given: GivenValues
) -> RequestValues:
    """
    A value for every parameter that needs one: what is given, else the profile's, else the
    document's only one.

    Raises:
        ConfigError: A value is missing, can't be sent, or belongs to no parameter.
    """
    wanted = _wanted(profile, operation, access)
    for name in given.parameters:
        _check_name(name, wanted, profile, access.token_at, given.said)
    for name in profile.parameters:
        _check_name(name, wanted, profile, access.token_at, "the profile's parameters.{name}")
    headers = without_headers(profile.headers.items(), *header_names(given.headers))
    headers = (*headers, *given.headers)
    chosen: dict[Parameter, str] = {}
    missing: list[Parameter] = []
    for parameter in wanted:
        value = _value(parameter, profile, given)
        if value is not None:
            chosen[parameter] = value
        elif parameter.required and parameter.name.lower() not in _SENT_ANYWAY:
            missing.append(parameter)
    if missing and given.placeholder is None:
        raise ConfigError(_missing(operation, missing, given))
    chosen |= dict.fromkeys(missing, given.placeholder or "")
    for parameter, value in chosen.items():
        _check_value(parameter.name, parameter.place, value)
        if any(_is_called(parameter, name) for name in given.hidden_parameters):
            _check_can_be_masked(parameter, value, given)
    for name, value in headers:
        _check_header(name, value, access.token_at)
    return _collected(chosen, headers, access, given)


def names_in(template: str) -> tuple[str, ...]:
    """
    The parameters of a path.
    """
    return tuple(re.findall(r"\{([^{}]*)\}", template))


def _wanted(profile: Profile, operation: Operation, access: Access) -> tuple[Parameter, ...]:
    """
    Every parameter but the job's id and the token, by the path that is really asked.
    """
    documented = {(p.place, p.name): p for p in operation.parameters}
    # The profile may name a path's parameters otherwise than the document does.
    path = [
        documented.get(("path", name), Parameter(name, "path", required=True))
        for name in names_in(profile.operation.path)
        if name != profile.operation.parameter
    ]
    listing = names_in(profile.listing.path) if profile.listing is not None else ()
    known = {parameter.name for parameter in path}
    path += [Parameter(name, "path", required=False) for name in listing if name not in known]
    token = access.token_at.key
    rest = [p for p in operation.parameters if p.place != "path" and _key(p) != token]
    beside = [Parameter(s.parameter, s.place, required=True) for s in access.others]
    keys = {_key(parameter) for parameter in beside}
    return (*path, *(p for p in rest if _key(p) not in keys), *beside)


def _key(parameter: Parameter) -> tuple[str, str]:
    name = parameter.name
    return parameter.place, name.lower() if parameter.place == "header" else name


def _check_name(
    name: str, wanted: Sequence[Parameter], profile: Profile, token_at: TokenPlace, how: str
) -> None:
    said = how.format(name=name)
    if any(_is_called(parameter, name) for parameter in wanted):
        return
    if name == profile.operation.parameter:
        raise ConfigError(f"{said}: this is the job's id, which each request has its own of")
    if name == token_at.name:
        raise ConfigError(f"{said}: the token stands there; give it by an environment variable")
    names = dict.fromkeys(parameter.name for parameter in wanted)
    hint = did_you_mean(name, names) if names else "It takes none"
    raise ConfigError(f"{said}: the operation has no such parameter. {hint}")


def _is_called(parameter: Parameter, name: str) -> bool:
    if parameter.place == "header":
        return parameter.name.lower() == name.lower()
    return parameter.name == name


def _value(parameter: Parameter, profile: Profile, given: GivenValues) -> str | None:
    own = ((given.parameters, given.headers), (profile.parameters, tuple(profile.headers.items())))
    for parameters, headers in own:
        stated = (*parameters.items(), *(headers if parameter.place == "header" else ()))
        found = [value for name, value in stated if _is_called(parameter, name)]
        if found:
            return found[0]
    # What isn't required is left to the server, which knows its own default.
    return parameter.value if parameter.required else None


def _missing(operation: Operation, missing: Iterable[Parameter], given: GivenValues) -> str:
    missing = tuple(missing)
    named = ", ".join(f"{p.name} ({p.place})" for p in missing)
    ways = " ".join(
        (given.header if p.place == "header" else given.parameter).format(name=p.name)
        for p in missing
    )
    return (
        f"{operation.method} {operation.path} needs a value for {named}: give {ways}, "
        "or write it under `parameters` or `headers` in the profile"
    )


def _check_value(name: str, place: str, value: str) -> None:
    problem = None
    if place == "path" and value in ("", ".", ".."):
        problem = "leads to another path"
    elif place == "header":
        problem = _header_problem(value)
    elif place == "cookie":
        problem = TokenPlace("cookie", name, "").problem_with(value)
    if problem is not None:
        raise ConfigError(f"the value of {place} parameter {name} can't be sent: {problem}")


def _check_can_be_masked(parameter: Parameter, value: str, given: GivenValues) -> None:
    problem = None
    if not (value.isascii() and value.isprintable()):
        problem = "other signs than printable ASCII in one line"
    # In a query, a header and a cookie it is masked by its name, whatever it is.
    elif parameter.place == "path" and len(value) < SHORTEST_SECRET:
        problem = f"fewer than {SHORTEST_SECRET} signs in a path"
    if problem is not None:
        raise ConfigError(
            f"{given.said.format(name=parameter.name)}: what a variable or a file holds is kept "
            f"out of every output, which can't be done for {problem}: if it is no secret, write "
            "it as it is"
        )


def _check_header(name: str, value: str, token_at: TokenPlace) -> None:
    # The value may be a secret, so no message shows it.
    if _NAME.fullmatch(name) is None:
        raise ConfigError("a header has no name, or one that can't be sent: write NAME=VALUE")
    if name.lower() in _FRAMING:
        raise ConfigError(f"header {name}: it frames the request, so it can't be chosen")
    if token_at.place == "header" and name.lower() == token_at.name.lower():
        raise ConfigError(f"header {name}: the token stands there; give it by its variable")
    problem = _header_problem(value)
    if problem is not None:
        raise ConfigError(f"header {name} can't be sent: {problem}")


def _header_problem(value: str) -> str | None:
    if not value.strip():
        return "it has no value"
    if not (value.isascii() and value.isprintable()):
        return "a header holds printable ASCII in one line"
    return None


def _collected(
    chosen: Mapping[Parameter, str], headers: HeaderPairs, access: Access, given: GivenValues
) -> RequestValues:
    def of(place: str) -> tuple[tuple[str, str], ...]:
        return tuple((p.name, value) for p, value in chosen.items() if p.place == place)

    held = [p for p in chosen if any(_is_called(p, name) for name in given.hidden_parameters)]
    secret = set(access.secret_at) | {("header", name) for name in given.hidden}
    secret |= {_key(parameter) for parameter in held if parameter.place in ("header", "query")}
    sent = (*without_headers(headers, "cookie", *(n for n, _ in of("header"))), *of("header"))
    cookies = (*of("cookie"), *cookies_in(headers))
    secret |= {("cookie", name) for name, _ in cookies}
    secret |= {("query", name) for name, _ in of("query") if names_a_secret(name)}
    paths = (
        value
        for parameter, value in chosen.items()
        if parameter.place == "path" and (parameter in held or names_a_secret(parameter.name))
    )
    return RequestValues(
        path=dict(of("path")),
        query=of("query"),
        headers=sent,
        cookies=cookies,
        required_query=tuple(
            (p.name, value) for p, value in chosen.items() if p.place == "query" and p.required
        ),
        secret_at=frozenset(secret),
        secrets=(*_secrets(sent, cookies, of("query"), secret), *paths),
    )


def _secrets(
    headers: HeaderPairs,
    cookies: Iterable[tuple[str, str]],
    query: Iterable[tuple[str, str]],
    secret_at: set[tuple[str, str]],
) -> Iterator[str]:
    yield from (value for name, value in headers if is_sensitive(name))
    for place, name in secret_at:
        yield from header_values(headers, name) if place == "header" else ()
    yield from (value for _, value in cookies)
    yield from (value for name, value in query if ("query", name) in secret_at)
