"""
Ids that come in over the daemon's own HTTP: `POST /jobs/<target>/<id>`.
"""

from __future__ import annotations

import math
from typing import ClassVar

from jobproof.contract.model.exchange import Exchange, Request
from jobproof.probes.sources.source import FoundIds, SourceContext, SourceOptions

__all__ = ["PushedSource"]


class PushedSource:
    """
    Lets ids be pushed to a target; a pushed id goes straight to the watch list, so that the
    202 that answers it is a promise that outlives the process.
    """

    Options: ClassVar[type[SourceOptions]] = SourceOptions
    # Nothing to poll: the web's handler adds to the watch list itself.
    interval_s = math.inf

    def __init__(self, options: SourceOptions, context: SourceContext) -> None:
        pass

    def next_request(self) -> Request | None:
        """
        Nothing.
        """
        return None

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        Nothing: what was pushed is on the watch list already.
        """
        return FoundIds()
