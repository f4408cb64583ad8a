"""
In which ways does a job endpoint go wrong?
"""

from __future__ import annotations

from collections.abc import Mapping

from jobproof.contract.mock.behaviour import by_name
from jobproof.contract.mock.faults.access import ACCESS
from jobproof.contract.mock.faults.asked import ASKED
from jobproof.contract.mock.faults.drawn import DRAWN
from jobproof.contract.mock.faults.fault_group import Fault, FaultGroup
from jobproof.contract.mock.faults.formats import FORMATS
from jobproof.contract.mock.faults.heads.fields import FIELDS
from jobproof.contract.mock.faults.heads.framing import FRAMING
from jobproof.contract.mock.faults.ids import IDS
from jobproof.contract.mock.faults.instances import INSTANCES
from jobproof.contract.mock.faults.life.after_the_end import HISTORY
from jobproof.contract.mock.faults.load import LOAD
from jobproof.contract.mock.faults.lookup import LOOKUP
from jobproof.contract.mock.faults.meaning import MEANING
from jobproof.contract.mock.faults.protocol import PROTOCOL
from jobproof.contract.mock.faults.rights.giveaways import GIVEAWAYS
from jobproof.contract.mock.faults.rights.sight import SIGHT
from jobproof.contract.mock.faults.rights.tokens import TOKENS
from jobproof.contract.mock.faults.schema import SCHEMA

__all__ = ["FAULTS", "FAULT_GROUPS", "Fault", "FaultGroup"]

FAULT_GROUPS: tuple[FaultGroup, ...] = (
    SCHEMA,
    FORMATS,
    MEANING,
    HISTORY,
    LOOKUP,
    ACCESS,
    TOKENS,
    SIGHT,
    GIVEAWAYS,
    IDS,
    LOAD,
    PROTOCOL,
    FIELDS,
    FRAMING,
    ASKED,
    INSTANCES,
    DRAWN,
)

FAULTS: Mapping[str, Fault] = by_name(fault for group in FAULT_GROUPS for fault in group.faults)
