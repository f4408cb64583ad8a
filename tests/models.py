"""
The fields of a pydantic model, as the keys of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

__all__ = ["parts_of"]

_SUFFIXES = {"tuple": "[]", "list": "[]", "dict": ".<word>"}


def parts_of(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel] | None, str]]:
    """
    Each key of the model, the model below it if there is one, and what leads to that: `[]`
    for a list of them, `.<word>` for a mapping.
    """
    for name, field in model.model_fields.items():
        below, suffix = _model_in(field.annotation)
        yield field.alias or name, below, suffix


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    suffix = _SUFFIXES.get(getattr(get_origin(annotation), "__name__", ""), "")
    for argument in get_args(annotation):
        below, further = _model_in(argument)
        if below is not None:
            return below, suffix + further
    return None, ""
