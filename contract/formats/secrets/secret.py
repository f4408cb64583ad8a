"""
A value that no output shows.
"""

from __future__ import annotations

from typing import NoReturn

__all__ = ["MASK", "Secret"]

MASK = "***"
_LONGEST = 65_536


class Secret:
    """
    Holds a token; repr, str and format give the mask; pickle is refused.

    Raises:
        ValueError: The value is empty, too long, or can't be sent in an HTTP header.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        if not value:
            raise ValueError("a secret can't be empty")
        if len(value) > _LONGEST:
            raise ValueError(f"a secret of more than {_LONGEST:,} characters fits into no header")
        if not value.isascii() or not value.isprintable():
            raise ValueError("a secret must be printable ASCII to travel in a header")
        self.__value = value

    def reveal(self) -> str:
        """
        The value itself, for the one place that sends it.
        """
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret can't be pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.__value == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)
