"""
Faults and correct variants by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.mock.behaviour import Behaviour
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS

__all__ = ["find_behaviours"]


def find_behaviours(
    names: Iterable[str | Behaviour], *, of: Literal["fault", "variant"]
) -> tuple[Behaviour, ...]:
    """
    The faults or variants of these names; what is one already stays.

    Raises:
        ConfigError: A name that none has, with the nearest one.
    """
    known: Mapping[str, Behaviour] = FAULTS if of == "fault" else VARIANTS
    found = []
    for name in names:
        if isinstance(name, Behaviour):
            found.append(name)
            continue
        if name not in known:
            raise ConfigError(f"unknown {of} {name!r}. {did_you_mean(name, known)}")
        found.append(known[name])
    return tuple(found)
