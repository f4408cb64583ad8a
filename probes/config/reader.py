"""
The configuration file, read, checked as a whole, and turned into settings.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.durations import Duration, write_duration
from jobproof.contract.formats.secret import Secret
from jobproof.contract.formats.yaml_file import YamlFile, read_yaml
from jobproof.contract.model.api import Api
from jobproof.contract.plugins import find_api, load_group
from jobproof.probes.canaries.canary import Canary, CanaryOptions, IdOptions

__all__ = [
    "CanarySettings",
    "Settings",
    "SinkSettings",
    "SourceSettings",
    "TargetSettings",
    "config_schema",
    "load_settings",
]

_LONGEST_S = 86_400.0
_LONGEST_TIMEOUT_S = 600.0
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_Location = tuple[str | int, ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _rate(value: object) -> object:
    if value == "unlimited":
        return math.inf
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise ValueError("write a number of requests above 0, or unlimited")


def _positive(seconds: float) -> float:
    if not 0.001 <= seconds <= _LONGEST_S:
        raise ValueError(f"{write_duration(seconds)} isn't between 1ms and 1d")
    return seconds


def _base_url(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write a URL, for example https://api.example.com")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as exc:
        raise ValueError(f"is no URL: {exc}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a URL with scheme and host, for example https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL can't carry credentials; use token_env or token_file")
    if parts.query or parts.fragment:
        raise ValueError("a base URL has no query and no fragment")
    return value.rstrip("/")


Rate = Annotated[float, BeforeValidator(_rate)]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
Interval = Annotated[Duration, AfterValidator(_positive)]


class _Slo(_Part):
    availability: float = Field(
        default=0.995, gt=0, lt=1, description="Share of probes that must succeed."
    )
    latency: Duration | None = Field(
        default=None,
        gt=0,
        description="How fast an answer must be. Default: the budget in the API's profile.",
    )


class _Target(_Part):
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="The `target` label, unique."
    )
    api: str = Field(description="An installed API's name, or a folder beside the file.")
    url: BaseUrl | None = Field(
        default=None, description="Its base URL. Default: the server in the API's profile."
    )
    token_env: str | None = Field(
        default=None, description="The environment variable that holds the token."
    )
    token_file: str | None = Field(
        default=None, description="The file that holds the token, instead of `token_env`."
    )
    interval: Interval = Field(default=30.0, description="Time between two probes of a canary.")
    timeout: Interval = Field(
        default=10.0, description="Time for one answer; may be longer than the interval."
    )
    requests_per_minute: Rate | None = Field(
        default=None,
        description="Budget of the key, for everything asked with it. Default: the profile's.",
    )
    slo: _Slo = Field(default=_Slo(), description="What alerts and dashboards hold it to.")
    canaries: dict[str, Any] = Field(
        default_factory=lambda: {"missing": {}}, description="What is asked, by canary."
    )
    follow: tuple[dict[str, Any], ...] = Field(
        default=(), description="Sources of jobs that are followed to their end."
    )
    ca_file: str | None = Field(default=None, description="PEM file of certificates to trust.")


class _File(_Part):
    targets: tuple[_Target, ...] = Field(
        min_length=1, max_length=10_000, description="The endpoints to be watched."
    )
    sinks: tuple[dict[str, Any], ...] = Field(
        default=(), description="Where results go besides the metrics."
    )


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """
    One canary of a target, with every default filled in.
    """

    name: str
    make: type[Canary] = field(repr=False)
    interval_s: float
    timeout_s: float
    options: CanaryOptions


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """
    Where ids of jobs to follow come from; `options` is what the source's class takes.
    """

    source: str
    make: type[Any] = field(repr=False)
    options: Any


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """
    Where results go besides the metrics.
    """

    sink: str
    make: type[Any] = field(repr=False)
    options: Any


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """
    One endpoint to be watched.

    Attributes:
        shown_url: The URL as the file writes it, `${...}` and all: what outputs show.
        key: Names the API key without telling it; targets with one key share a budget.
        requests_per_minute: Of the key, over all canaries; `inf` for unlimited.
        api_digest: Of everything the API's data files say.
    """

    name: str
    api: Api = field(compare=False, repr=False)
    api_digest: str
    url: str
    shown_url: str
    token: Secret | None
    token_env: str | None
    key: str
    timeout_s: float
    interval_s: float
    requests_per_minute: float
    availability: float
    latency_s: float
    canaries: tuple[CanarySettings, ...]
    follow: tuple[SourceSettings, ...] = ()
    ca_file: Path | None = None

    @property
    def edges_s(self) -> tuple[float, ...]:
        """
        Thresholds and time-outs, which must be edges of the latency histogram.

        A probe that timed out ends a little after its time-out, lag included: the edge
        just beyond keeps a quantile from being read as the next bucket's far end.
        """
        limits = {self.timeout_s, *(canary.timeout_s for canary in self.canaries)}
        return (self.latency_s, *limits, *(round(limit * 1.1, 3) for limit in limits))


@dataclass(frozen=True, slots=True)
class Settings:
    """
    A configuration that can be run.

    Attributes:
        digest: SHA-256 of the file's bytes.
        secrets: Everything that no output may show.
    """

    path: Path
    digest: str
    targets: tuple[TargetSettings, ...]
    sinks: tuple[SinkSettings, ...] = ()
    secrets: tuple[Secret, ...] = ()

    def target(self, name: str) -> TargetSettings:
        """
        The target of that name.

        Raises:
            ConfigError: There is none.
        """
        for target in self.targets:
            if target.name == name:
                return target
        known = [target.name for target in self.targets]
        raise ConfigError(f"unknown target {name!r}. {did_you_mean(name, known)}")


def load_settings(path: Path, *, environment: Mapping[str, str] | None = None) -> Settings:
    """
    Read, validate and resolve a configuration file; nothing is asked over the network.

    Raises:
        ConfigError: With file and line of the first thing that can't be used.
    """
    environment = os.environ if environment is None else environment
    file = read_yaml(path)
    inlined: dict[str, str] = {}
    written = file.value
    value = _inline(file, written, (), environment, inlined)
    secrets = [Secret(text) for text in inlined.values() if _can_be_hidden(text)]
    resolved = YamlFile(file.path, value, file.lines)
    try:
        reader = _Reader(resolved, written, environment)
        targets = reader.targets()
        sinks = reader.sinks()
    except ConfigError as exc:
        raise type(exc)(_masked(str(exc), secrets)) from None
    secrets += [target.token for target in targets if target.token is not None]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Settings(path, digest, targets, sinks, tuple(secrets))


def config_schema() -> dict[str, Any]:
    """
    JSON Schema of the configuration file, with the plug-ins that are installed.
    """
    canaries = create_model(
        "Canaries",
        __config__=ConfigDict(extra="forbid"),
        **{name: (_or_nothing(c.Options), None) for name, c in _canaries().items()},  # type: ignore[call-overload]
    )
    target = create_model(
        "Target",
        __base__=_Target,
        canaries=(canaries, _default_of(_Target, "canaries", {"missing": {}})),
        follow=(
            _tagged("source", _plugged("jobproof.sources")),
            _default_of(_Target, "follow", ()),
        ),
    )
    whole = create_model(
        "Configuration",
        __base__=_File,
        targets=(
            tuple[target, ...],  # type: ignore[valid-type]
            Field(min_length=1, description=_File.model_fields["targets"].description),
        ),
        sinks=(_tagged("sink", _plugged("jobproof.sinks")), _default_of(_File, "sinks", ())),
    )
    schema = whole.model_json_schema()
    _durations_are_text(schema)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "jobproof configuration"
    return schema


class _Reader:
    """
    One file on its way to settings.
    """

    def __init__(self, file: YamlFile, written: Any, environment: Mapping[str, str]) -> None:
        self._file = file
        self._written = written
        self._environment = environment
        self._canaries = _canaries()
        self._sources = _plugged("jobproof.sources")
        self._sinks = _plugged("jobproof.sinks")
        self._parsed = file.parse(_File)

    def targets(self) -> tuple[TargetSettings, ...]:
        found: dict[str, int] = {}
        targets = []
        for index, target in enumerate(self._parsed.targets):
            at: _Location = ("targets", index)
            if target.name in found:
                first = self._file.line_of(("targets", found[target.name], "name"))
                message = f"{target.name!r} is the name of the target in line {first} already"
                raise self._file.error((*at, "name"), message)
            found[target.name] = index
            targets.append(self._target(target, at))
        self._check_budgets(targets)
        return tuple(targets)

    def sinks(self) -> tuple[SinkSettings, ...]:
        sinks = []
        for index, item in enumerate(self._parsed.sinks):
            name, make, options = self._plugged("sink", self._sinks, item, ("sinks", index))
            sinks.append(SinkSettings(name, make, options))
        return tuple(sinks)

    def _target(self, target: _Target, at: _Location) -> TargetSettings:
        api = self._api(target.api, (*at, "api"))
        token = self._token(target, at)
        url = target.url or _base_url(api.profile.server)
        assert isinstance(url, str)
        rate = target.requests_per_minute
        budget = api.profile.cadence.requests_per_minute if rate is None else rate
        return TargetSettings(
            name=target.name,
            api=api,
            api_digest=_digest_of(api),
            url=url,
            shown_url=self._as_written((*at, "url")) or url,
            token=token,
            token_env=target.token_env,
            key=_key_of(url, token),
            timeout_s=self._timeout(target.timeout, (*at, "timeout")),
            interval_s=target.interval,
            requests_per_minute=budget,
            availability=target.slo.availability,
            latency_s=target.slo.latency or api.profile.latency.budget,
            canaries=self._canary_settings(target, at),
            follow=self._follow(target, at),
            ca_file=self._existing(target.ca_file, (*at, "ca_file")),
        )

    def _api(self, name: str, at: _Location) -> Api:
        beside = self._file.path.parent / name
        try:
            return find_api(str(beside) if "/" in name and beside.is_dir() else name)
        except ConfigError as exc:
            raise self._file.error(at, str(exc)) from None

    def _token(self, target: _Target, at: _Location) -> Secret | None:
        if target.token_env is not None and target.token_file is not None:
            raise self._file.error((*at, "token_file"), "token_env is given too: keep one of them")
        try:
            if target.token_env is not None:
                if not _NAME.fullmatch(target.token_env):  # maybe the token itself: not shown
                    message = "must be the name of an environment variable, not its value"
                    raise self._file.error((*at, "token_env"), message)
                value = self._environment.get(target.token_env)
                if value is None:
                    message = f"environment variable {target.token_env} isn't set"
                    raise self._file.error((*at, "token_env"), message)
                return Secret(value.strip())
            if target.token_file is not None:
                return Secret(self._read(target.token_file, (*at, "token_file")).strip())
        except ValueError as exc:
            name = "token_env" if target.token_env is not None else "token_file"
            where = target.token_env or target.token_file
            raise self._file.error((*at, name), f"{where}: {exc}") from None
        return None

    def _read(self, name: str, at: _Location) -> str:
        path = self._file.path.parent / name
        try:
            return path.read_text(encoding="utf-8")
        except OSError as exc:
            raise self._file.error(at, f"{path} can't be read: {exc.strerror}") from None
        except UnicodeDecodeError:
            raise self._file.error(at, f"{path} isn't UTF-8 text") from None

    def _existing(self, name: str | None, at: _Location) -> Path | None:
        if name is None:
            return None
        path = self._file.path.parent / name
        if not path.is_file():
            raise self._file.error(at, f"{path} can't be read: no such file")
        return path

    def _timeout(self, timeout_s: float, at: _Location) -> float:
        if timeout_s > _LONGEST_TIMEOUT_S:
            longest = write_duration(_LONGEST_TIMEOUT_S)
            raise self._file.error(at, f"{write_duration(timeout_s)} is longer than {longest}")
        return timeout_s

    def _canary_settings(self, target: _Target, at: _Location) -> tuple[CanarySettings, ...]:
        settings = []
        for name, written in target.canaries.items():
            here = (*at, "canaries", name)
            make = self._canaries.get(name)
            if make is None:
                hint = did_you_mean(name, self._canaries)
                raise self._file.error(here, f"unknown canary. {hint}")
            options = self._file.parse_part(make.Options, written or {}, here)
            if options.interval is not None and not 0.001 <= options.interval <= _LONGEST_S:
                raise self._file.error((*here, "interval"), "must be between 1ms and 1d")
            if options.timeout is not None and options.timeout <= 0:
                raise self._file.error((*here, "timeout"), "must be longer than 0")
            timeout_s = self._timeout(options.timeout or target.timeout, (*here, "timeout"))
            interval_s = options.interval or target.interval
            settings.append(CanarySettings(name, make, interval_s, timeout_s, options))
            self._check_ids(options, here)
        return tuple(settings)

    def _check_ids(self, options: CanaryOptions, at: _Location) -> None:
        for index, job_id in enumerate(getattr(options, "ids", ())):
            if not job_id or len(job_id) > 200 or not job_id.isprintable():
                message = "an id has 1 to 200 printable characters"
                raise self._file.error((*at, "ids", index), message)
        if isinstance(options, IdOptions) and len(set(options.ids)) < len(options.ids):
            raise self._file.error((*at, "ids"), "an id stands here twice")

    def _follow(self, target: _Target, at: _Location) -> tuple[SourceSettings, ...]:
        settings = []
        for index, item in enumerate(target.follow):
            here = (*at, "follow", index)
            name, make, options = self._plugged("source", self._sources, item, here)
            settings.append(SourceSettings(name, make, options))
        return tuple(settings)

    def _plugged(
        self, tag: str, known: Mapping[str, Any], item: dict[str, Any], at: _Location
    ) -> tuple[str, type[Any], Any]:
        name = item.get(tag)
        if name is None:
            raise self._file.error(at, f"key {tag!r} is missing")
        make = known.get(name) if isinstance(name, str) else None
        if make is None:
            hint = did_you_mean(str(name), known)
            raise self._file.error((*at, tag), f"unknown {tag} {name!r}. {hint}")
        rest = {key: value for key, value in item.items() if key != tag}
        return str(name), make, self._file.parse_part(make.Options, rest, at)

    def _as_written(self, at: _Location) -> str | None:
        value = self._written
        for step in at:
            value = value.get(step) if isinstance(value, dict) else value[step]
            if value is None:
                return None
        return str(value)

    def _check_budgets(self, targets: Sequence[TargetSettings]) -> None:
        for index, target in enumerate(targets):
            sharing = [other for other in targets if other.key == target.key]
            budget = min(other.requests_per_minute for other in sharing)
            asked = [
                (other.name, canary.name, 60.0 / canary.interval_s)
                for other in sharing
                for canary in other.canaries
            ]
            total = sum(rate for _, _, rate in asked)
            if any(other.follow for other in sharing) and total <= budget < total + 1:
                raise self._file.error(
                    ("targets", index, "requests_per_minute"),
                    f"the canaries ask {total:.4g} times a minute and the key may be used "
                    f"{budget:.4g} times: that leaves less than one request a minute for the "
                    f"jobs to follow; set requests_per_minute to {math.ceil(total + 1)} or more",
                )
            if total <= budget * (1 + 1e-9):
                continue
            several = len(sharing) > 1
            sums = " + ".join(
                f"{f'{name}/' if several else ''}{canary} {rate:.4g}"
                for name, canary, rate in asked[:8]
            )
            more = f" + {len(asked) - 8} more" if len(asked) > 8 else ""
            longer = write_duration(math.ceil(target.interval_s * total / budget))
            raise self._file.error(
                ("targets", index, "requests_per_minute"),
                f"the canaries ask {total:.4g} times a minute ({sums}{more}) and the key "
                f"may be used {budget:.4g} times: raise the intervals (to {longer} if all are "
                f"alike) or set requests_per_minute to {math.ceil(total)}",
            )


def _canaries() -> Mapping[str, type[Canary]]:
    return _plugged("jobproof.canaries")


def _plugged(group: str) -> Mapping[str, Any]:
    return _load_once(group, os.environ.get("JOBPROOF_NO_PLUGINS", ""))


@cache
def _load_once(group: str, _switch: str) -> Mapping[str, Any]:
    # What is installed doesn't change while a process runs, and a reload shouldn't read
    # the metadata of every distribution again.
    return load_group(group)


def _digest_of(api: Api) -> str:
    meaning = f"{api.operation.digest}\0{api.profile.model_dump_json()}"
    return hashlib.sha256(meaning.encode()).hexdigest()


def _key_of(url: str, token: Secret | None) -> str:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    revealed = token.reveal() if token is not None else ""
    return hashlib.sha256(f"{origin}\0{revealed}".encode()).hexdigest()[:16]


def _inline(
    file: YamlFile,
    value: Any,
    at: _Location,
    environment: Mapping[str, str],
    inlined: dict[str, str],
) -> Any:
    if isinstance(value, dict):
        return {
            key: _inline(file, item, (*at, str(key)), environment, inlined)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _inline(file, item, (*at, index), environment, inlined)
            for index, item in enumerate(value)
        ]
    if not isinstance(value, str):
        return value

    def resolve(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise file.error(at, f"environment variable {name} isn't set")
        inlined[name] = environment[name]
        return environment[name]

    return _REFERENCE.sub(resolve, value)


def _can_be_hidden(text: str) -> bool:
    # Masking "1" or "on" wherever it occurs would make every output unreadable.
    return len(text) >= 6 and text.isascii() and text.isprintable()


def _masked(text: str, secrets: Sequence[Secret]) -> str:
    for secret in secrets:
        text = secret.redact(text)
    return text


def _default_of(model: type[BaseModel], key: str, default: Any) -> Any:
    return Field(default=default, description=model.model_fields[key].description)


def _or_nothing(options: type[CanaryOptions]) -> Any:
    return options | None


def _tagged(tag: str, plugged: Mapping[str, Any]) -> Any:
    models = [
        create_model(
            f"{name}_{tag}".title().replace("_", ""),
            __base__=make.Options,
            **{tag: (Literal[name], ...)},  # type: ignore[call-overload]
        )
        for name, make in plugged.items()
    ]
    if not models:
        return tuple[dict[str, Any], ...]
    choice: Any = models[0]
    for model in models[1:]:
        choice = choice | model
    return tuple[choice, ...]


def _durations_are_text(node: Any) -> None:
    """
    Editors must offer `30s` where the settings hold 30.0.
    """
    if isinstance(node, list):
        for item in node:
            _durations_are_text(item)
    if not isinstance(node, dict):
        return
    for name, schema in node.get("properties", {}).items():
        if name in ("interval", "timeout", "latency") or name.endswith("_interval"):
            fresh = {k: schema[k] for k in ("title", "description") if k in schema}
            if schema.get("default") is not None:
                fresh["default"] = write_duration(schema["default"])
            schema.clear()
            schema |= {**fresh, "type": "string", "pattern": r"^(\d+(y|w|d|h|m|s|ms))+$"}
        if name == "requests_per_minute":
            number = {"type": "number", "exclusiveMinimum": 0}
            schema["anyOf"] = [number, {"const": "unlimited"}]
    for child in node.values():
        _durations_are_text(child)
