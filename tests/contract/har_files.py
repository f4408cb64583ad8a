"""
HAR entries as recorders write them, and what is read of them.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from tests.contract.builders import JOB, api, judge, replay

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.trace import Trace
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.har.reader import read_har
from jobproof.contract.recordings.packing.attachments import FolderAttachments, NoAttachments
from jobproof.contract.recordings.recorded import Attachments, Recorded, RecordedItem

__all__ = ["ANY_JSON", "BODY", "JOB_URL", "broken_by", "entry", "exchanges_in", "items", "items_in"]

JOB_URL = f"https://api.krea.ai/jobs/{JOB}"
BODY = json.dumps({"job_id": JOB, "status": "queued", "created_at": "2026-09-21T13:12:20.000Z"})

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT | st.just("name"), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Also halves of signs, which JSON can write and UTF-8 can't."""


def entry(
    *, request: Any = None, response: Any = None, content: Any = None, **others: Any
) -> dict[str, Any]:
    """
    A good entry of a right server, with these parts changed; Ellipsis takes one out.
    """
    made: dict[str, Any] = {
        "startedDateTime": "2026-09-21T13:13:20.000Z",
        "time": 12,
        "request": {
            "method": "GET",
            "url": JOB_URL,
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Accept", "value": "application/json"}],
        },
        "response": {
            "status": 200,
            "httpVersion": "HTTP/1.1",
            "headers": [
                {"name": "Content-Type", "value": "application/json"},
                {"name": "Cache-Control", "value": "private, no-cache"},
                {"name": "Date", "value": "Mon, 21 Sep 2026 13:13:20 GMT"},
            ],
            "content": {"size": len(BODY), "mimeType": "application/json", "text": BODY},
            "bodySize": len(BODY),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 10, "receive": 2},
    }
    _change(made["response"]["content"], content)
    _change(made["response"], response)
    _change(made["request"], request)
    _change(made, others)
    return made


def _change(part: dict[str, Any], changes: dict[str, Any] | None) -> None:
    for name, value in (changes or {}).items():
        if value is ...:
            part.pop(name, None)
        else:
            part[name] = value


def _beside(folder: Path | None) -> Attachments:
    return NoAttachments() if folder is None else FolderAttachments(folder)


def items(*entries: Any, folder: Path | None = None, of: Api | None = None) -> list[RecordedItem]:
    """
    What is read of a file with these entries.
    """
    text = json.dumps({"log": {"version": "1.2", "entries": entries}})
    return list(read_har(BytesIO(text.encode()), EndpointFilter(of or api()), _beside(folder)))


def items_in(path: Path, of: Api | None = None) -> list[RecordedItem]:
    """
    What is read of a file.
    """
    with path.open("rb") as stream:
        return list(read_har(stream, EndpointFilter(of or api()), _beside(path.parent)))


def exchanges_in(path: Path, of: Api | None = None) -> list[Exchange]:
    """
    The exchanges in a file, in its order.
    """
    return [item.exchange for item in items_in(path, of) if isinstance(item, Recorded)]


def broken_by(found: list[RecordedItem]) -> list[str]:
    """
    The promises of the tests' API that the exchanges break, by name.
    """
    seen = [api().observe(item.exchange) for item in found if isinstance(item, Recorded)]
    if not seen:
        return []
    said = replay(judge(), Trace(api(), seen[0]), seen)
    return sorted({finding.check for finding in said if finding.breaks(strict=False)})
