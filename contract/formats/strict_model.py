"""
What a file's contents are read into.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["StrictModel"]


class StrictModel(BaseModel):
    """
    A frozen model that refuses keys that it doesn't have: a misspelt key is an error, no default.
    It refuses NaN and infinities, too: they pass every comparison that isn't written for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
