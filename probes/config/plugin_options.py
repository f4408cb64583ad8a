"""
The classes that a configuration may name: canaries, sources, sinks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from jobproof.contract.entry_points import plugins
from jobproof.contract.errors import JobproofError, PluginError
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import described
from jobproof.contract.formats.yaml_file import Location, YamlFile
from jobproof.contract.plugins import load_group

__all__ = ["load_options", "read_options"]

Options = TypeVar("Options", bound=BaseModel)


def load_options(group: str) -> Mapping[str, Any]:
    """
    The classes installed in an entry-point group, by name.

    Raises:
        PluginError: One of them can't be loaded.
    """
    return _load_once(group, os.environ.get("JOBPROOF_NO_PLUGINS", ""))


def read_options(
    file: YamlFile, group: str, name: str, model: type[Options], value: Json, at: Location
) -> Options:
    """
    The options of one plug-in, as its model reads them; they can be told from others.

    Raises:
        ConfigError: The model refuses them.
        PluginError: The model fails, or what it makes can't be compared.
    """
    try:
        options = file.parse_part(model, value, at)
    except JobproofError:
        raise
    except Exception as exc:
        message = f"its options can't be read: {described(exc)}"
        raise _error(group, name, message) from exc
    try:
        # A reload keeps what has the same options, and looks it up by them.
        hash(options)
    except TypeError as exc:
        message = (
            f"its options can't be told apart ({exc}): make {model.__name__} frozen, or a "
            "StrictModel of jobproof.contract.formats.strict_model, with tuples in place of lists"
        )
        raise _error(group, name, message) from exc
    return options


def _error(group: str, name: str, message: str) -> PluginError:
    plugin = next((one for one in plugins(group) if one.name == name), None)
    return plugin.error(message) if plugin else PluginError(f"{name!r}: {message}")


@cache
def _load_once(group: str, _switch: str) -> Mapping[str, Any]:
    # What is installed doesn't change while a process runs, and a reload shouldn't read
    # the metadata of every distribution again.
    return load_group(group)
