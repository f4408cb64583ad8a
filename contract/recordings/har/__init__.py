"""
How is an exchange written as HAR, and read from what others call HAR?
"""

from __future__ import annotations

from jobproof.contract.recordings.har.writer import har, har_entry

__all__ = ["har", "har_entry"]
