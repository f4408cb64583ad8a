"""
What JSON can say, as types; and values that nobody can change, for what several are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar, cast

__all__ = ["FrozenArray", "FrozenObject", "Json", "JsonDocument", "JsonObject", "frozen"]

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


Value = TypeVar("Value")


def _refuse(_self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError("what was seen can't be changed; copy.deepcopy makes a copy that can")


class FrozenObject(dict[str, Value]):
    """
    An object that can be read only; a copy of it is a plain `dict`.
    """

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return dict, (dict(self),)


class FrozenArray(list[Json]):
    """
    A list that can be read only; a copy of it is a plain `list`.
    """

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return list, (list(self),)


def frozen(value: Json) -> Json:
    """
    The same value, in objects and lists that can't be changed, all the way down.
    """
    kind = type(value)
    if kind is dict:
        items = cast("dict[str, Json]", value).items()
        return FrozenObject(
            [(key, item if type(item) in _PLAIN else frozen(item)) for key, item in items]
        )
    if kind is list:
        listed = cast("list[Json]", value)
        return FrozenArray([item if type(item) in _PLAIN else frozen(item) for item in listed])
    return value


# Most values in a body are these, and a call for each would cost more than all the rest.
_PLAIN = frozenset({str, int, float, bool, type(None)})
