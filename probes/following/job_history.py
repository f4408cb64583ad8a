"""
The first sight of each status of a followed job, on disk beside the watch list: a daemon
that starts again judges a life from where it was, not from its first answer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable

from jobproof.contract.errors import JobproofError
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.recordings.har import har_entry, read_har_entry
from jobproof.probes.evidence.redaction import Scrubber
from jobproof.probes.following.watch_list import WatchList

__all__ = ["JobHistory"]

_LOG = logging.getLogger(__name__)
_LARGEST = 16_384


class JobHistory:
    """
    Writes sights down and reads them back.

    Args:
        secrets: What must not be written, all that is known by then.
    """

    def __init__(
        self, watchlist: WatchList, secrets: Callable[[], Iterable[str]] = tuple[str, ...]
    ) -> None:
        self._watchlist = watchlist
        self._secrets = secrets

    def of(self, target: str, job_id: str) -> tuple[Exchange, ...]:
        """
        What was seen of a followed job, oldest first; nothing where that can't be told.
        """
        try:
            texts = self._watchlist.observations(target, job_id)
            return tuple(read_har_entry(json.loads(text)) for text in texts)
        except (JobproofError, ValueError) as wrong:
            # The job is judged by what is seen from now on.
            _LOG.warning("target %s: job %s: its past is lost: %s", target, job_id, wrong)
            return ()

    def text(self, exchange: Exchange) -> str | None:
        """
        An exchange as it is kept, redacted as evidence is; None where it is too large.
        """
        clean = Scrubber(self._secrets()).exchange(exchange)
        text = json.dumps(har_entry(clean), ensure_ascii=False, separators=(",", ":"))
        return text if len(text) <= _LARGEST else None
