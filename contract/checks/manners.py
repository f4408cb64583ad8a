"""
However a job is asked for, it is the same job.
"""

from __future__ import annotations

__all__: list[str] = []
