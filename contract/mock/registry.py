"""
Every fault and every correct variant, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from contract.errors import ConfigError, did_you_mean
from contract.mock.turn import Twist

__all__ = ["find_twists"]


def find_twists(names: Iterable[str], *, of: Literal["fault", "variant"]) -> tuple[Twist, ...]:
    """
    The faults or variants of these names.

    Raises:
        ConfigError: A name that none has, with the nearest one.
    """
    known: Mapping[str, Twist] = {}
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown {of} {name!r}. {did_you_mean(name, known)}")
    return tuple(known[name] for name in names)
