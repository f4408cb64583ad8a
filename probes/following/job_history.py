"""
The first observation of each status of a followed job, on disk beside the watch list: a
daemon that starts again judges a job from where it was, not from its own first answer.
"""

from __future__ import annotations

import json
import logging

from jobproof.contract.errors import JobproofError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible_json
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.recordings.har.entry import read_har_entry
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.probes.following.watch_list import WatchList

__all__ = ["JobHistory"]

_LOG = logging.getLogger(__name__)
# Characters of one observation; the watch list keeps 16 of each of 10,000 jobs per target.
_LARGEST_TEXT = 16_384


class JobHistory:
    """
    Writes observations down and reads them back.

    Args:
        redactor: Masks what must not be written.
    """

    def __init__(self, watchlist: WatchList, redactor: Redactor | None = None) -> None:
        self._watchlist = watchlist
        self.redactor = redactor or Redactor()

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
        An exchange as it is kept, redacted as evidence is: without its body where that is too
        large, which is then unknown; None where even that doesn't help.
        """
        for has_body in (True, False):
            entry = har_entry(exchange, self.redactor, has_body=has_body)
            text = legible_json(json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
            if len(text) <= _LARGEST_TEXT:
                return text
        return None
