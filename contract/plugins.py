"""
One door for everything that plugs in, our own parts included: APIs, checks, canaries, sources
and sinks, loaded and held to what they have to be.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from jobproof.contract.entry_points import Plugin, plugins
from jobproof.contract.errors import (
    ConfigError,
    JobproofError,
    PluginError,
    ProfileError,
    did_you_mean,
)
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.wording import described
from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.contract.model.acceptance.reader import known_entries
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.check import Check

__all__ = [
    "api_names",
    "default_api",
    "find_api",
    "load_checks",
    "load_group",
    "set_up",
]

Instance = TypeVar("Instance")

_PROTOCOLS: dict[str, tuple[str, ...]] = {
    "jobproof.canaries": ("Options", "absence_is_right", "round_size", "next_request", "on_result"),
    "jobproof.sources": ("Options", "next_request", "on_answer"),
    "jobproof.sinks": ("Options", "write", "close"),
}
"""What a class must have, by group; the protocols say what it means."""


def load_group(group: str) -> dict[str, Any]:
    """
    Every class registered in `group`, loaded, by name.

    Raises:
        PluginError: One can't be imported or lacks what its protocol asks for, or two
            claim one name.
    """
    return {plugin.name: _class_of(plugin) for plugin in plugins(group)}


def set_up(group: str, name: str, cls: type[Instance], *arguments: Any) -> Instance:
    """
    One object of a class out of `group`.

    Raises:
        PluginError: Its constructor fails with anything but an error meant for people.
    """
    try:
        return cls(*arguments)
    # Written for people already, such as an option that is wrong.
    except JobproofError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # a SystemExit too: the process isn't the plug-in's to end
        message = f"can't be set up: {described(exc)}"
        plugin = next((plugin for plugin in plugins(group) if plugin.name == name), None)
        raise plugin.error(message) if plugin else PluginError(f"{name!r} {message}") from exc


def load_checks() -> tuple[Check, ...]:
    """
    Every check installed. An entry is a `Check`, or a module whose `__all__` names some.

    Raises:
        PluginError: An entry holds no check, or two checks have one id.
    """
    origin: dict[str, Plugin] = {}
    checks: list[Check] = []
    for plugin in plugins("jobproof.checks"):
        for check in _checks_of(plugin):
            other = origin.get(check.id)
            if other is not None:
                raise plugin.error(f"check {check.id!r} exists already, from {other.provider}")
            origin[check.id] = plugin
            checks.append(check)
            _hold_to_apis(plugin, check)
    return tuple(checks)


def _hold_to_apis(plugin: Plugin, check: Check) -> None:
    """
    A check that speaks of an API that doesn't exist would never be asked, and nobody would know.
    """
    if not check.apis:
        return
    known = api_names()
    for name in check.apis:
        if name not in known:
            hint = did_you_mean(name, known)
            raise plugin.error(f"check {check.id!r}: apis: unknown API {name!r}. {hint}")


def api_names() -> tuple[str, ...]:
    """
    The names of all installed APIs.
    """
    return tuple(plugin.name for plugin in plugins("jobproof.apis"))


def default_api() -> str:
    """
    The name of the API that is meant where none is named.
    """
    defaults = read_yaml(Path(str(files("jobproof.contract.apis"))) / "defaults.yaml")
    return str(pick(defaults.value, "/api"))


def find_api(name_or_folder: str) -> Api:
    """
    The API of that name, or the one whose data is in that folder.

    Raises:
        ConfigError: Neither exists, or the data in it is wrong.
    """
    # A name comes first, so that no folder lying about changes what it means.
    for plugin in plugins("jobproof.apis"):
        if plugin.name == name_or_folder:
            return _with_known_policy(_api_of(plugin))
    folder = Path(name_or_folder)
    if folder.is_dir():
        if not (folder / "profile.yaml").is_file():
            raise ConfigError(f"{folder}: the folder has no profile.yaml, so it is no API")
        return _with_known_policy(load_api(folder))
    raise ConfigError(
        f"unknown API {name_or_folder!r}. {did_you_mean(name_or_folder, api_names())}"
    )


def _with_known_policy(api: Api) -> Api:
    accept = api.profile.policy.accept
    if accept:
        ids = {check.id for check in load_checks()}
        file = read_yaml(api.folder / "profile.yaml", ProfileError)
        known_entries(accept, ids, file, ("policy", "accept"), ProfileError)
    return api


def _class_of(plugin: Plugin) -> Any:
    loaded = plugin.load()
    if not isinstance(loaded, type):
        raise plugin.error(f"is no class but a {type(loaded).__name__}; name it as package:Class")
    missing = [name for name in _PROTOCOLS[plugin.group] if not hasattr(loaded, name)]
    if missing:
        raise plugin.error(f"class {loaded.__name__} has no {', '.join(missing)}")
    options = getattr(loaded, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise plugin.error(f"{loaded.__name__}.Options is no pydantic model")
    return loaded


def _checks_of(plugin: Plugin) -> list[Check]:
    loaded = plugin.load()
    if isinstance(loaded, Check):
        return [loaded]
    if callable(loaded) and not hasattr(loaded, "__path__"):
        raise plugin.error(
            "is a plain function; decorate it with @check(...) of jobproof.contract.model.check"
        )
    # Only what is offered: a module may import checks of others to build on them.
    names = getattr(loaded, "__all__", ())
    found = [item for item in (getattr(loaded, n, None) for n in names) if isinstance(item, Check)]
    if not found:
        raise plugin.error("holds no check; name them in the module's __all__")
    return found


@cache
def _loaded(folder: Path, provider: str) -> Api:
    # Compiling a document's schemas takes far longer than a look at the cache.
    return load_api(folder, provider=provider)


def _api_of(plugin: Plugin) -> Api:
    package = plugin.entry.module
    try:
        found = plugin.run(lambda: find_spec(package))
    except PluginError:
        raise
    except (Exception, SystemExit) as exc:  # its parent is imported on the way
        what = str(exc) if isinstance(exc, ImportError | ValueError) else repr(exc)
        raise plugin.error(f"package {package!r} can't be found: {what}") from exc
    if found is None:
        raise plugin.error(f"package {package!r} can't be found")
    # For a plain module, newer Pythons would answer with the folder that it lies in.
    if found.submodule_search_locations is None:
        raise plugin.error(f"{package!r} is a module; an API is a package with data in it")
    root = Path(str(files(package)))
    folder = root / plugin.name
    # One package may bring several APIs, each in a folder of its name.
    folder = folder if folder.is_dir() else root
    if not (folder / "profile.yaml").is_file():
        raise plugin.error(f"no profile.yaml in package {package!r}")
    try:
        api = _loaded(folder, plugin.provider)
    except ConfigError as exc:
        raise plugin.error(str(exc)) from None
    # Options go by the entry point's name, reports and metrics by the profile's.
    if api.name != plugin.name:
        raise plugin.error(f"its profile says `api: {api.name}`; both names must be the same")
    return api
