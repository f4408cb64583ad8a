"""
From options to a target: a live one by its URL, or the embedded mock.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import randbelow
from typing import Any

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import UrlError, is_loopback, read_base_url
from jobproof.contract.formats.durations import parse_duration
from jobproof.contract.model.acceptance.reader import read_accept_file, read_accept_option
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.asking.values import GivenValues
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.reaching.credential_reader import read_held_value
from jobproof.contract.reaching.route_reader import RouteTexts, read_route
from jobproof.contract.reaching.setting import OPTIONS_PLACE, SettingError
from jobproof.contract.suite.options import OPTIONS, OptionValues
from jobproof.contract.suite.planning.credential_options import (
    CREDENTIAL_KEYS,
    RunToken,
    read_token,
    signed_in_api,
    token_variable,
)
from jobproof.contract.suite.planning.target import Effort, SuiteTarget, parse_rate

TRUSTED_ENV = "SSL_CERT_FILE"
"""The variable by which OpenSSL, and what is built on it, is told whom to trust."""
_MOST_SEEDS = 10**6
"""Short enough to be typed."""
_MOST_RETRIES = 10
_MOST_SECONDS = 1_000_000
"""Longer than any run; libcurl counts in milliseconds, on some platforms by 32 bits."""

__all__ = [
    "TRUSTED_ENV",
    "accepting",
    "dry_run_target",
    "open_target",
    "read_staleness",
    "target_from",
]


@contextmanager
def open_target(values: OptionValues) -> Iterator[SuiteTarget]:
    """
    The target that the options name; the embedded mock runs as long as it is needed.

    Raises:
        ConfigError: An option can't be used; the message says which, and what to do.
    """
    if values.get("url") is not None:
        yield target_from(values)
        return
    from jobproof.contract.mock import MockServer

    api = find_api(values.get("api") or default_api())
    with MockServer(api) as server:
        target = target_from(
            {
                **values,
                "url": server.url,
                "job": [job.id for job in server.jobs],
                "foreign_job": [job.id for job in server.foreign_jobs],
                **dict.fromkeys(CREDENTIAL_KEYS),
                "token_env": values.get("token_env"),
            },
            # The token of the mock alone: a real one in that variable must not be read.
            environ={token_variable(api, values): server.token},
            placeholder="any",  # the mock takes every value
        )
        # The jobs of the mock end within seconds; the profile's interval is for real ones.
        yield replace(target, poll_interval_s=values.get("poll_interval") or 0.01)


def dry_run_target(values: OptionValues) -> SuiteTarget:
    """
    The target for a dry run, which needs no token: nothing is sent.
    """
    api = find_api(values.get("api") or default_api())
    # A real token is taken where there is one: the plan must mask it in ids and URLs.
    variable = token_variable(api, values)
    stand_in = "dry:run" if api.access.is_required else ""
    environ = {**os.environ, variable: os.environ.get(variable) or stand_in}
    return target_from(values, environ=environ, fetch=False)


def target_from(
    values: OptionValues,
    *,
    environ: Mapping[str, str] = os.environ,
    placeholder: str | None = None,
    fetch: bool = True,
) -> SuiteTarget:
    """
    The target that the options name; a URL must be among them.

    Args:
        placeholder: The value of parameters that nobody gives one.
        fetch: Whether a token is got that a command or a server gives; else something stands in.

    Raises:
        ConfigError: An option can't be used; the message says which, and what to do.
    """
    given = _given(values, placeholder)
    api = signed_in_api(find_api(values.get("api") or default_api()), values)
    api = api.with_values(given.values)
    if api.access.unsendable and placeholder is None:
        raise ConfigError(api.access.unsendable)
    api = accepting(api, values)
    url = _base_url(values["url"])
    loopback = is_loopback(url)
    disposable = _ids("disposable_job", values)
    cadence = api.profile.cadence
    route = _route(values, url)
    credential = read_token(api, values, route, environ, fetch=fetch)
    return SuiteTarget(
        api=api,
        base_url=url,
        token=credential.token,
        token_env=credential.variable,
        jobs=_jobs(values, disposable, url),
        foreign_jobs=_foreign_jobs(values, credential),
        disposable=frozenset(disposable),
        poll_interval_s=_positive_seconds(
            "poll_interval", values, 0.2 if loopback else cadence.poll
        ),
        job_deadline_s=_positive_seconds("job_deadline", values, None),
        watch_s=8.0 if loopback else 600.0,
        rate_per_minute=_rate(values, None if loopback else cadence.requests_per_minute),
        budget=_budget(values.get("budget")),
        effort=Effort(values.get("effort") or Effort.STANDARD),
        timeout_s=_positive_seconds("timeout", values, 10.0),
        strict=bool(values.get("strict")),
        # Drawn here, so that a run can say by which seed it is repeated.
        seed=int(values.get("seed") or 0) or randbelow(_MOST_SEEDS) + 1,
        staleness_s=read_staleness(values.get("staleness")),
        wait_ready_s=_duration("wait_ready", values),
        retries=_retries(values.get("retry_transport")),
        words=given.words(route, credential.shell_word, api),
        tokens=credential.tokens,
    )


def _refuse_empty(values: OptionValues) -> None:
    """
    Whoever writes a variable that is empty means something else than what is left out.
    """
    for option in OPTIONS:
        # Of these two their readers say so, in the words of the monitor's configuration.
        if option.key in ("url", "staleness"):
            continue
        if option.kind == "text" and values.get(option.key) == "":
            raise ConfigError(f"--{option.name} is empty: write a value, or leave it out")


def _jobs(values: OptionValues, disposable: tuple[str, ...], url: str) -> tuple[str, ...]:
    # A disposable job is the token's own, too, and need not be named twice.
    jobs = tuple(dict.fromkeys((*_ids("job", values), *disposable)))
    if not jobs:
        raise ConfigError(
            f"{url} needs a known job: give at least one --job ID, "
            "else no answer with a job in it can be judged"
        )
    return jobs


def _foreign_jobs(values: OptionValues, credential: RunToken) -> tuple[str, ...]:
    foreign_jobs = _ids("foreign_job", values)
    if foreign_jobs and credential.token is None:
        raise ConfigError(
            f"--foreign-job needs a token in {credential.variable}: "
            "without one no job is somebody else's"
        )
    return foreign_jobs


def _route(values: OptionValues, url: str) -> Route:
    texts = RouteTexts(
        # The variable has always been heard, as by whatever is built on OpenSSL.
        ca_file=values.get("ca_file") or os.environ.get(TRUSTED_ENV) or None,
        client_cert=values.get("client_cert"),
        client_key=values.get("client_key"),
        proxy=values.get("proxy"),
        resolve=values.get("resolve") or (),
        http_version=values.get("http_version"),
    )
    try:
        token_url = values.get("oauth2_token_url")
        return read_route(texts, url, OPTIONS_PLACE, token_url=token_url)
    except SettingError as exc:
        is_variable = exc.key == "ca_file" and not values.get("ca_file")
        said = TRUSTED_ENV if is_variable else OPTIONS_PLACE.named(exc.key)
        raise ConfigError(f"{said} {exc.problem}") from None


def accepting(api: Api, values: OptionValues) -> Api:
    """
    The API with what the options accept beside its profile's policy.

    Raises:
        ConfigError: One of them can't be used; the message says which, and what to do.
    """
    texts, place = values.get("accept") or (), values.get("accept_file")
    if not texts and not place:
        return api
    known = {check.id for check in load_checks()}
    entries = [read_accept_option(text, known) for text in texts]
    if place:
        entries += read_accept_file(Path(place), known)
    return api.with_accepted(entries)


def _rate(values: OptionValues, default: float | None) -> float | None:
    text = values.get("rate_limit")
    return default if text is None else parse_rate(text)


def read_staleness(text: str | None) -> float:
    """
    The seconds that `--staleness` names; 0.0 where it isn't given.

    Raises:
        ConfigError: It is no duration.
    """
    return _duration("staleness", {"staleness": text})


def _duration(key: str, values: OptionValues) -> float:
    text = values.get(key)
    try:
        return 0.0 if text in (None, "0") else parse_duration(str(text))
    except ValueError as exc:
        raise ConfigError(f"--{key.replace('_', '-')} {exc}") from None


def _retries(count: int | None) -> int:
    if count is not None and not 0 <= count <= _MOST_RETRIES:
        raise ConfigError(f"--retry-transport {count}: must be 0 to {_MOST_RETRIES}")
    return count or 0


def _base_url(text: str) -> str:
    try:
        return read_base_url(text, instead="give the token by --token-env")
    except UrlError as exc:
        raise ConfigError(f"--url {exc}") from None


def _ids(key: str, values: OptionValues) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(values.get(key) or ()))
    for job_id in ids:
        if not job_id.strip() or job_id in (".", ".."):
            raise ConfigError(
                f"--{key.replace('_', '-')} {job_id!r} is no id: it leads to another route"
            )
    return ids


@dataclass(frozen=True, slots=True)
class _Given:
    """
    What the options give, and what a shell puts in for headers and parameters whose values come
    from elsewhere.
    """

    values: GivenValues
    header_words: Mapping[str, str]
    parameter_words: Mapping[str, str]

    def words(self, route: Route, token_word: str, api: Api) -> ShellWords:
        plain = ShellWords(route, token_word, self.header_words)
        return plain.with_parameters(self.parameter_words, api.values.secret_at)


def _given(values: OptionValues, placeholder: str | None) -> _Given:
    _refuse_empty(values)
    parameters: dict[str, str] = {}
    parameter_words: dict[str, str] = {}
    for text in values.get("param") or ():
        name, equals, written = text.partition("=")
        if not equals or not name:
            # What was meant as a value may be a secret.
            raise ConfigError("--param: write NAME=VALUE")
        value = _held("param", name, written, parameter_words)
        if parameters.setdefault(name, value) != value:
            raise ConfigError(f"--param {name} is given twice, with two values")
    headers = []
    header_words: dict[str, str] = {}
    for name, written in (_header(text) for text in values.get("header") or ()):
        headers.append((name, _held("header", name.lower(), written, header_words)))
    given = GivenValues(
        parameters,
        tuple(headers),
        placeholder=placeholder,
        hidden=frozenset(header_words),
        hidden_parameters=frozenset(parameter_words),
    )
    return _Given(given, header_words, parameter_words)


def _held(option: str, name: str, written: str, words: dict[str, str]) -> str:
    """
    The value that is meant: what `$VAR` and `@FILE` stand for, whose word is noted then.
    """
    if written.startswith("@"):
        kind, where = "file", written[1:]
    elif re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", written):
        kind, where = "env", written[1:]
    else:
        return written
    try:
        found = read_held_value(option, kind, where, OPTIONS_PLACE, os.environ)
    except SettingError as exc:
        raise ConfigError(f"--{option}: {exc.problem}") from None
    words[name] = found.shell_word
    return found.text


def _header(text: str) -> tuple[str, str]:
    # The text may hold a secret, so a message shows its name at most.
    match = re.match(r"\s*([^\s:=]+)\s*[:=](.*)", text, re.DOTALL)
    if match is None:
        raise ConfigError("--header: write NAME=VALUE, or 'NAME: VALUE'")
    return match[1], match[2].strip(" \t")


def _positive_seconds(key: str, values: OptionValues, default: float | None) -> Any:
    value = values.get(key)
    if value is None:
        return default
    # Not `value <= 0`: that lets NaN through, which no wait ends at.
    if not 0 < value < _MOST_SECONDS:
        bound = f"less than {_MOST_SECONDS}" if value > 0 else "more than 0"
        raise ConfigError(f"--{key.replace('_', '-')} {value:g}: must be {bound} seconds")
    return float(value)


def _budget(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise ConfigError(f"--budget {value}: must be at least 1 request")
    return value
