"""
`${NAME}` in a configuration: put in from the environment, and kept out of every output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.secrets.redaction import SHORTEST_SECRET
from jobproof.contract.formats.yaml_file import Location, YamlFile

__all__ = ["can_be_hidden", "inline"]

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def inline(
    file: YamlFile,
    value: Json,
    at: Location,
    environment: Mapping[str, str],
    inlined: dict[str, str],
) -> Json:
    """
    `value` with every `${NAME}` in it replaced; what was put in is added to `inlined`.

    Raises:
        ConfigError: A variable isn't set; with file and line.
    """
    if isinstance(value, dict):
        return {
            key: inline(file, item, (*at, str(key)), environment, inlined)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            inline(file, item, (*at, index), environment, inlined)
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


def can_be_hidden(text: str) -> bool:
    """
    Whether a value is long and plain enough to be masked wherever it occurs.
    """
    return len(text) >= SHORTEST_SECRET and text.isascii() and text.isprintable()
