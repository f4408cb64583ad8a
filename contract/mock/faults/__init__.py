"""
The ways in which a job endpoint goes wrong, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from contract.mock.faults.access import ACCESS
from contract.mock.faults.chapter import Chapter, Fault
from contract.mock.faults.formats import FORMATS
from contract.mock.faults.history import HISTORY
from contract.mock.faults.load import LOAD
from contract.mock.faults.lookup import LOOKUP
from contract.mock.faults.meaning import MEANING
from contract.mock.faults.protocol import PROTOCOL
from contract.mock.faults.schema import SCHEMA

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
