"""
The value of a request's parameter or header, as a file writes it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["ParameterValue"]


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # 1.10 is read as 1.1, which is another version.
        raise ValueError(f"write it in quotes, else {value!r} is what is sent")
    if not isinstance(value, str):
        raise ValueError("write one text in quotes")
    return value


ParameterValue = Annotated[str, BeforeValidator(_as_text)]
"""Text; a whole number and a truth value stand for how they are written."""
