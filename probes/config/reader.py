"""
The configuration file, read, checked as a whole, and turned into settings.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.addresses.ip_addresses import (
    NEVER_DIALLED,
    address_kind,
    parse_address,
)
from jobproof.contract.formats.addresses.urls import UrlError, parse_url, read_base_url
from jobproof.contract.formats.durations import write_duration
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.formats.yaml_file import Location, YamlFile, read_yaml
from jobproof.contract.model.acceptance.reader import known_entries, read_accept_file
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.asking.values import GivenValues
from jobproof.contract.plugins import find_api, load_checks
from jobproof.contract.reaching.credential_reader import read_held_value
from jobproof.contract.reaching.route_reader import RouteTexts, read_route
from jobproof.contract.reaching.setting import SettingError, SettingsPlace
from jobproof.probes.config.access_settings import read_access_settings
from jobproof.probes.config.canary_settings import held_timeout, read_canary_settings
from jobproof.probes.config.digests import digest_of_api, digest_of_file, key_of
from jobproof.probes.config.environment import can_be_hidden, inline
from jobproof.probes.config.file import ConfigFile, HeldPart, TargetPart
from jobproof.probes.config.plain_files import problem_with_file
from jobproof.probes.config.plugin_options import load_options, read_options
from jobproof.probes.config.settings import (
    MonitorSettings,
    SinkSettings,
    SourceSettings,
    TargetSettings,
)

__all__ = ["load_settings"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_WORD = 500
# Top-level domains that were set aside for texts, so that no name of theirs leads anywhere.
_NOWHERE = ("example", "invalid")


def load_settings(
    path: Path, *, environment: Mapping[str, str] | None = None, runs_elsewhere: bool = False
) -> MonitorSettings:
    """
    Read, validate and resolve a configuration file; nothing is asked over the network.

    Args:
        runs_elsewhere: The daemon runs on another machine: token and CA files are there, so
            they aren't read, and a token file's name stands for its token.

    Raises:
        ConfigError: With file and line of the first thing that can't be used.
    """
    environment = os.environ if environment is None else environment
    problem = problem_with_file(path)
    if problem is not None:
        raise ConfigError(f"{path}: can't be read: {problem}")
    file = read_yaml(path)
    inlined: dict[str, str] = {}
    written = file.value
    value = inline(file, written, (), environment, inlined)
    secrets = [Secret(text) for text in inlined.values() if can_be_hidden(text)]
    resolved = YamlFile(file.path, value, file.lines)
    try:
        reader = _Reader(resolved, written, environment, runs_elsewhere=runs_elsewhere)
        targets = reader.targets()
        sinks = reader.sinks()
    except ConfigError as exc:
        # Values out of the environment stand in the message, and may be secrets.
        raise type(exc)(Redactor(secrets).text(str(exc))) from None
    for target in targets:
        secrets += [
            Secret(text) for text in target.secrets if text.isascii() and text.isprintable()
        ]
    digest = digest_of_file(path)
    return MonitorSettings(path, digest, targets, sinks, tuple(secrets))


class _Reader:
    """
    One file on its way to settings.
    """

    def __init__(
        self,
        file: YamlFile,
        written: Json,
        environment: Mapping[str, str],
        *,
        runs_elsewhere: bool,
    ) -> None:
        self._file = file
        self._written = written
        self._environment = environment
        self._runs_elsewhere = runs_elsewhere
        self._canaries = load_options("jobproof.canaries")
        self._sources = load_options("jobproof.sources")
        self._sinks = load_options("jobproof.sinks")
        self._parsed = file.parse(ConfigFile)
        self._place = SettingsPlace(str, file.path.parent, is_elsewhere=runs_elsewhere)

    def targets(self) -> tuple[TargetSettings, ...]:
        found: dict[str, int] = {}
        targets = []
        for index, target in enumerate(self._parsed.targets):
            at: Location = ("targets", index)
            if target.name in found:
                first = self._file.line_of(("targets", found[target.name], "name"))
                message = f"{target.name!r} is the name of the target in line {first} already"
                raise self._file.error((*at, "name"), message)
            found[target.name] = index
            try:
                targets.append(self._target(target, at))
            # A name that no file can have: too long, or with a NUL in it.
            except (OSError, ValueError) as exc:
                raise self._file.error(at, f"can't be used: {exc}"[:_LONGEST_WORD]) from None
        self._check_budgets(targets)
        return tuple(targets)

    def sinks(self) -> tuple[SinkSettings, ...]:
        sinks = []
        for index, item in enumerate(self._parsed.sinks):
            name, make, options = self._load_options("sink", self._sinks, item, ("sinks", index))
            sinks.append(SinkSettings(name, make, options))
        return tuple(sinks)

    def _target(self, target: TargetPart, at: Location) -> TargetSettings:
        self._refuse_no_files(target, at)
        api, header_words, parameter_words = self._api_asked(target, at)
        url, shown_url = self._url(target.url, api, (*at, "url"))
        route = self._route(target, url, at)
        try:
            access = read_access_settings(target, api, route, self._place, self._environment)
        except SettingError as exc:
            raise self._file.error((*at, *exc.key.split(".")), exc.problem) from None
        problem = _why_nowhere(url, route)
        if problem is not None:
            here = (*at, "api" if target.url is None else "url")
            raise self._file.error(here, f"the host of {shown_url!r} {problem}")
        token = access.token
        rate = target.requests_per_minute
        budget = api.profile.cadence.requests_per_minute if rate is None else rate
        return TargetSettings(
            name=target.name,
            api=api,
            api_digest=digest_of_api(api),
            url=url,
            shown_url=shown_url,
            token=token,
            token_env=target.token_env,
            key=key_of(url, token),
            timeout_s=held_timeout(self._file, target.timeout, (*at, "timeout")),
            interval_s=target.interval,
            requests_per_minute=budget,
            availability=target.slo.availability,
            latency_s=target.slo.latency or api.profile.latency.budget,
            canaries=read_canary_settings(self._file, target, api, self._canaries, at),
            follow=self._follow(target, at),
            words=ShellWords(route, access.shell_word, header_words).with_parameters(
                parameter_words, api.values.secret_at
            ),
            tokens=access.tokens,
            staleness_s=target.staleness,
        )

    def _api(self, name: str, at: Location) -> Api:
        beside = self._file.path.parent / name
        try:
            return find_api(str(beside) if "/" in name and beside.is_dir() else name)
        except ConfigError as exc:
            raise self._file.error(at, str(exc)) from None

    def _api_asked(
        self, target: TargetPart, at: Location
    ) -> tuple[Api, dict[str, str], dict[str, str]]:
        """
        The target's API, with a value for each parameter of its requests, and what a shell puts
        in for the headers and parameters whose values come from elsewhere.
        """
        api = replace(self._api(target.api, (*at, "api")), is_basic=target.basic is not None)
        headers, named = self._held(target.headers, (*at, "headers"))
        words = {name.lower(): word for name, word in named.items()}
        parameters, parameter_words = self._held(target.params, (*at, "params"))
        if api.access.unsendable:
            raise self._file.error((*at, "api"), api.access.unsendable)
        given = GivenValues(
            parameters,
            tuple(headers.items()),
            parameter="params: {{{name}: VALUE}}",
            header="headers: {{{name}: VALUE}}",
            said="params.{name}",
            hidden=frozenset(words),
            hidden_parameters=frozenset(parameter_words),
        )
        api = self._accepting(api, target, at)
        try:
            return api.with_values(given), words, parameter_words
        except ConfigError as exc:
            place = "headers" if str(exc).startswith("header") else "params"
            raise self._file.error((*at, place), str(exc)) from None

    def _held(
        self, written: Mapping[str, str | HeldPart], at: Location
    ) -> tuple[dict[str, str], dict[str, str]]:
        """
        Values by name, and what a shell puts in for those that come from elsewhere.
        """
        values: dict[str, str] = {}
        words: dict[str, str] = {}
        for name, value in written.items():
            if isinstance(value, str):
                values[name] = value
                continue
            here = (*at, name)
            if (value.env is None) == (value.file is None):
                raise self._file.error(here, "write {env: VAR} or {file: F}")
            kind, held = ("env", value.env) if value.env is not None else ("file", value.file)
            try:
                found = read_held_value(kind, kind, str(held), self._place, self._environment)
            except SettingError as exc:
                raise self._file.error((*here, kind), exc.problem) from None
            values[name], words[name] = found.text, found.shell_word
        return values, words

    def _accepting(self, api: Api, target: TargetPart, at: Location) -> Api:
        """
        The API with what the target accepts beside its profile's policy.
        """
        if not target.accept and target.accept_file is None:
            return api
        known = {check.id for check in load_checks()}
        entries = list(known_entries(target.accept, known, self._file, (*at, "accept")))
        if target.accept_file is not None and not self._runs_elsewhere:
            path = self._file.path.parent / target.accept_file
            if not path.is_file():
                raise self._file.error((*at, "accept_file"), f"{path} can't be read: no such file")
            entries += read_accept_file(path, known)
        return api.with_accepted(entries)

    def _url(self, text: str | None, api: Api, at: Location) -> tuple[str, str]:
        """
        The URL that is asked, and the one that may be shown.
        """
        if text is None:
            return api.profile.server, api.profile.server
        written = self._as_written(at)
        try:
            url = read_base_url(text, instead="give the token by token_env or token_file")
        except UrlError as exc:
            if written == text:
                raise self._file.error(at, str(exc)) from None
            # What the environment put in may be a secret, and in part it can't be masked.
            message = f"{written!r}, its variables filled in, {exc.problem}"
            raise self._file.error(at, message) from None
        return url, url if written == text else str(written)

    def _refuse_no_files(self, target: TargetPart, at: Location) -> None:
        """
        Before any of them is opened: who opens a pipe waits until somebody writes.
        """
        if self._runs_elsewhere:
            return
        named: dict[Location, str | None] = {
            (key,): getattr(target, key)
            for key in ("token_file", "accept_file", "ca_file", "client_cert", "client_key")
        }
        if target.oauth2 is not None:
            named["oauth2", "client_secret_file"] = target.oauth2.client_secret_file
        if target.basic is not None:
            named["basic", "password_file"] = target.basic.password_file
        for key, held in (("headers", target.headers), ("params", target.params)):
            for name, value in held.items():
                if isinstance(value, HeldPart):
                    named[key, name, "file"] = value.file
        for location, written in named.items():
            path = self._place.path(written)
            problem = problem_with_file(path) if path is not None else None
            if problem is not None:
                raise self._file.error((*at, *location), f"{path} {problem}")

    def _route(self, target: TargetPart, url: str, at: Location) -> Route:
        texts = RouteTexts(
            *(target.ca_file, target.client_cert, target.client_key, target.proxy),
            resolve=target.resolve,
            http_version=target.http_version,
        )
        try:
            token_url = target.oauth2.token_url if target.oauth2 else None
            return read_route(texts, url, self._place, token_url=token_url)
        except SettingError as exc:
            raise self._file.error((*at, exc.key), exc.problem) from None

    def _follow(self, target: TargetPart, at: Location) -> tuple[SourceSettings, ...]:
        settings = []
        for index, item in enumerate(target.follow):
            here = (*at, "follow", index)
            name, make, options = self._load_options("source", self._sources, item, here)
            settings.append(SourceSettings(name, make, options))
        return tuple(settings)

    def _load_options(
        self, tag: str, known: Mapping[str, Any], item: JsonObject, at: Location
    ) -> tuple[str, type[Any], Any]:
        name = item.get(tag)
        if name is None:
            raise self._file.error(at, f"key {tag!r} is missing")
        make = known.get(name) if isinstance(name, str) else None
        if make is None:
            hint = did_you_mean(str(name), known)
            raise self._file.error((*at, tag), f"unknown {tag} {name!r}. {hint}")
        rest = {key: value for key, value in item.items() if key != tag}
        group = f"jobproof.{tag}s"
        return str(name), make, read_options(self._file, group, str(name), make.Options, rest, at)

    def _as_written(self, at: Location) -> str | None:
        value = self._written
        for step in at:
            if isinstance(value, dict):
                value = value.get(step)
            else:
                value = value[step] if isinstance(value, list) and isinstance(step, int) else None
        return None if value is None else str(value)

    def _check_budgets(self, targets: Sequence[TargetSettings]) -> None:
        for index, target in enumerate(targets):
            sharing = [other for other in targets if other.key == target.key]
            budget = min(other.requests_per_minute for other in sharing)
            rates = [
                (other.name, canary.name, 60.0 / canary.interval_s)
                for other in sharing
                for canary in other.canaries
            ]
            total = sum(rate for _, _, rate in rates)
            if any(other.follow for other in sharing) and total <= budget < total + 1:
                raise self._file.error(
                    ("targets", index, "requests_per_minute"),
                    f"the canaries ask {total:.4g} times a minute and the key may be used "
                    f"{budget:.4g} times: that leaves less than one request a minute for the "
                    f"jobs to follow; set requests_per_minute to {math.ceil(total + 1)} or more",
                )
            # Sums of rates such as 60/7: a budget that is just enough must not fail by a bit.
            if total <= budget * (1 + 1e-9):
                continue
            several = len(sharing) > 1
            sums = " + ".join(
                f"{f'{name}/' if several else ''}{canary} {rate:.4g}"
                for name, canary, rate in rates[:8]
            )
            more = f" + {len(rates) - 8} more" if len(rates) > 8 else ""
            longer = write_duration(math.ceil(target.interval_s * total / budget))
            raise self._file.error(
                ("targets", index, "requests_per_minute"),
                f"the canaries ask {total:.4g} times a minute ({sums}{more}) and the key "
                f"may be used {budget:.4g} times: raise the intervals (to {longer} if all are "
                f"alike) or set requests_per_minute to {math.ceil(total)}",
            )


def _why_nowhere(url: str, route: Route) -> str | None:
    """
    Why no request to `url` can ever arrive; None where one may.
    """
    host = parse_url(url).host.rstrip(".")
    if route.proxy:  # it has a name of its own, and finds the others by its own means
        return None
    address = parse_address(host.strip("[]"))
    kind = address_kind(address) if address is not None else None
    if kind in NEVER_DIALLED:
        return f"is an address that is never asked ({kind}): write another one"
    is_named = any(entry.lower().startswith(f"{host}:") for entry in route.resolve)
    if host.rpartition(".")[2] not in _NOWHERE or is_named:
        return None
    return (
        "never has an address (RFC 2606): write one that has, or say which address it stands for, "
        "by resolve"
    )
