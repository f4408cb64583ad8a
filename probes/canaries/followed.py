"""
Jobs on their way to an end: no grid asks for them, the watch list does.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = ["FollowedCanary"]


class FollowedCanary:
    """
    Jobs on their way to an end; the watch list says which and when, not the grid.
    """

    absence_is_right: ClassVar[bool] = False
