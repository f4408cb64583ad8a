"""
Header fields: said once, in a form that every reader takes, and true.
"""

from __future__ import annotations

__all__: list[str] = []
