"""
The fields of a report that anybody may have written: each is asked what it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.wording import legible, shorten

__all__ = ["ReportFields"]

_MOST_COUNT = 10**12


class ReportFields:
    """
    An object in a report. What isn't there is empty, as in a report of an earlier version; what is
    of another type is a mistake.

    Args:
        place: Where it stands in the report, for what is said of a mistake.

    Raises:
        ConfigError: (each method) The value is of another type.
    """

    __slots__ = ("_place", "_values")

    def __init__(self, values: Mapping[str, Json] | JsonDocument, place: str) -> None:
        self._values = values
        self._place = place

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def value(self, name: str) -> Json:
        """
        Whatever it is.
        """
        value: Json = self._values.get(name)
        return value

    def text(self, name: str, at_most: int = 200) -> str:
        """
        A text as one line of so many characters; "" for null.
        """
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._mistake(name, "text")
        return legible(shorten(value, at_most))

    def count(self, name: str) -> int:
        """
        A whole number from 0 on; 0 for null.
        """
        value = self._values.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST_COUNT:
            raise self._mistake(name, "a count")
        return value

    def number(self, name: str) -> float:
        """
        A number that is no less than 0; 0.0 for null.
        """
        value = self._values.get(name)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mistake(name, "a number")
        if not (math.isfinite(value) and 0 <= value < _MOST_COUNT):
            raise self._mistake(name, "a number")
        return float(value)

    def flag(self, name: str) -> bool:
        """
        A truth value; False for null.
        """
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._mistake(name, "true or false")
        return bool(value)

    def object(self, name: str) -> ReportFields:
        """
        An object; an empty one for null.
        """
        value = self._values.get(name)
        if value is None:
            return ReportFields({}, self._at(name))
        if not isinstance(value, Mapping):
            raise self._mistake(name, "an object")
        return ReportFields(value, self._at(name))

    def objects(self, name: str, most: int) -> Iterator[ReportFields]:
        """
        The first so many of a list of objects.
        """
        for index, item in enumerate(self._list(name)[:most]):
            if not isinstance(item, Mapping):
                raise self._mistake(f"{name}[{index}]", "an object")
            yield ReportFields(item, self._at(f"{name}[{index}]"))

    def texts(self, name: str, most: int = 200) -> list[str]:
        """
        The first so many of a list of texts, each one line.
        """
        items = self._list(name)[:most]
        if not all(isinstance(item, str) for item in items):
            raise self._mistake(name, "a list of texts")
        return [legible(shorten(str(item), 500)) for item in items]

    def names(self, most: int = 100) -> list[str]:
        """
        The first so many names of what it holds.
        """
        return [legible(shorten(name, 60)) for name in islice(self, most)]

    def counts(self, name: str, most: int = 100) -> Iterator[tuple[str, int]]:
        """
        The first so many of an object of counts that aren't 0.
        """
        inner = self.object(name)
        for key in islice(inner, most):
            count = inner.count(key)
            if count:
                yield legible(shorten(key, 60)), count

    def _list(self, name: str) -> Sequence[Json]:
        value = self._values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self._mistake(name, "a list")
        return value

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def _mistake(self, name: str, wanted: str) -> ConfigError:
        return ConfigError(f"{legible(shorten(self._at(name), 200))}: not {wanted}")
