"""
One kept file as the evidence page shows it.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.probes.evidence.entry import Evidence
from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.pages.chart import tone_of
from jobproof.probes.web.pages.wording import clock_text, outcome_text, seconds_text

__all__ = ["EvidenceStep", "EvidenceView", "make_evidence_view"]

_LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class EvidenceStep:
    """
    One exchange.
    """

    asked: str
    at: str
    answered: str
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """
    What is kept, oldest exchange first.
    """

    file: Evidence
    tone: str
    word: str
    at_text: str
    steps: tuple[EvidenceStep, ...]


def make_evidence_view(file: Evidence, content: bytes) -> EvidenceView:
    """
    Read a HAR of the evidence store for a person.
    """
    outcome = ProbeOutcome(file.outcome)
    entries = json.loads(content)["log"]["entries"]
    word = outcome_text(outcome)
    return EvidenceView(
        file=file,
        tone="info" if outcome.success and file.findings else tone_of(outcome),
        word=word[:1].upper() + word[1:],
        at_text=clock_text(file.at),
        steps=tuple(_step(entry) for entry in entries),
    )


def _step(entry: JsonDocument) -> EvidenceStep:
    request, response = entry["request"], entry["response"]
    failure = entry.get("_jobproof", {}).get("failure")
    took = seconds_text(float(entry["time"]) / 1000)
    if failure is not None:
        answered = f"No whole answer after {took}: {failure['detail']}"
    else:
        answered = f"{response['httpVersion']} {response['status']} after {took}"
    return EvidenceStep(
        asked=f"{request['method']} {request['url']}",
        at=str(entry["startedDateTime"]),
        answered=answered,
        headers=tuple((h["name"], h["value"]) for h in response["headers"]),
        body=_body(response["content"]),
    )


def _body(content: JsonDocument) -> str:
    text = str(content.get("text", ""))
    if content.get("encoding") == "base64":
        try:
            raw = base64.b64decode(text)
        except (binascii.Error, ValueError):
            raw = b""
        text = raw.decode("latin-1").encode("unicode_escape").decode("ascii")
    else:
        text = _pretty(text)
    return text if len(text) <= _LONGEST_BODY else text[:_LONGEST_BODY] + "\n… cut here"


def _pretty(text: str) -> str:
    try:
        # Where a key stands twice, that is the very thing to be looked at: left as it came.
        value = json.loads(text, object_pairs_hook=_whole, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return json.dumps(value, indent=2, ensure_ascii=False)


def _whole(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> Json:
    raise ValueError(constant)
