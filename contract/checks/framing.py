"""
Messages on the wire: where an answer begins and ends, and what comes beside it.
"""

from __future__ import annotations

__all__: list[str] = []
