"""
What one file of evidence holds: the exchange, those that it was judged by, and what was said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible_json
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.recordings.har.live import add_live
from jobproof.contract.recordings.har.own import is_as_it_was
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.probes.result import ProbeResult

__all__ = ["as_json", "entries_of"]


def entries_of(
    result: ProbeResult,
    history: Sequence[Exchange],
    redactor: Redactor,
    *,
    most_bytes: int,
    staleness_s: float = 0.0,
) -> list[JsonObject]:
    """
    The entries of a file, the result's own last. Where they take more than `most_bytes`, the
    largest bodies are left out, and read back as unknown.

    Args:
        history: Earlier exchanges that the result was judged by, oldest first.
    """
    assert result.exchange is not None
    kept = [*history, result.exchange]
    entries = [har_entry(one, redactor) for one in kept]
    sizes = [len(as_json(entry)) for entry in entries]
    # The last is what it is about: its body stays, unless it takes too much by itself.
    spared = len(kept) - 1 if sizes[-1] <= most_bytes else -1
    for at in sorted(range(len(kept)), key=lambda at: (at == spared, -sizes[at])):
        if sum(sizes) <= most_bytes:
            break
        entries[at] = har_entry(kept[at], redactor, has_body=False)
        sizes[at] = len(as_json(entries[at]))
    add_live(
        *(entries[-1], result.findings, redactor.also(result.exchange.request.credentials)),
        has_history=all(map(is_as_it_was, entries[:-1])),
        staleness_s=staleness_s,
    )
    return entries


def as_json(value: JsonObject) -> bytes:
    """
    As it stands in a file.
    """
    return legible_json(json.dumps(value, ensure_ascii=False, indent=1)).encode()
