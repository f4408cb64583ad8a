"""
In which ways does a job endpoint go wrong?
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jobproof.contract.mock.faults.access import ACCESS
from jobproof.contract.mock.faults.chapter import Chapter, Fault
from jobproof.contract.mock.faults.formats import FORMATS
from jobproof.contract.mock.faults.history import HISTORY
from jobproof.contract.mock.faults.load import LOAD
from jobproof.contract.mock.faults.lookup import LOOKUP
from jobproof.contract.mock.faults.meaning import MEANING
from jobproof.contract.mock.faults.protocol import PROTOCOL
from jobproof.contract.mock.faults.schema import SCHEMA

__all__ = ["CHAPTERS", "FAULTS", "Chapter", "Fault"]

CHAPTERS: tuple[Chapter, ...] = (
    SCHEMA,
    FORMATS,
    MEANING,
    HISTORY,
    LOOKUP,
    ACCESS,
    LOAD,
    PROTOCOL,
)

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {fault.name: fault for chapter in CHAPTERS for fault in chapter.faults}
)
