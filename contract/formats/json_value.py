"""
What JSON can say, as types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Json", "JsonDocument", "JsonObject"]

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
else:
    Json = Any  # pydantic evaluates names, and this one leads to itself
"""Any value of JSON: whoever looks into it has to ask first what it is."""

JsonObject: TypeAlias = dict[str, Json]
"""An object that is being put together, or was asked whether it is one."""

# Json all the way down would take a cast at each step, and a cast asks nothing either.
JsonDocument: TypeAlias = Mapping[str, Any]
"""An object whose form stands written elsewhere (OpenAPI, HAR, JSON Schema, a report of ours):
who looks into it goes by that, and says what happens where it isn't kept."""
