"""
One HAR file of the evidence store as the evidence page shows it.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.formats.wording import legible, legible_json, legible_lines
from jobproof.probes.evidence.entry import Evidence
from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.pages.chart import tone_of
from jobproof.probes.web.pages.wording import clock_text, outcome_text, seconds_text

__all__ = ["EvidenceStep", "EvidenceView", "make_evidence_view"]

# Characters; the HAR file has the whole body.
_LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class EvidenceStep:
    """
    One exchange of the file.

    Attributes:
        request_line: Method and URL.
        outcome_line: HTTP version, code and latency, or why there was no whole answer.
        body: Of the answer; JSON is indented.
    """

    request_line: str
    at: str
    outcome_line: str
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """
    The whole file.

    Attributes:
        tone: The colour of the outcome, as a CSS class.
        headline: The outcome in two words.
        steps: The exchanges, as the file has them: oldest first.
    """

    file: Evidence
    tone: str
    headline: str
    at_text: str
    steps: tuple[EvidenceStep, ...]


def make_evidence_view(file: Evidence, content: bytes) -> EvidenceView:
    """
    Read a HAR of the evidence store for a person.
    """
    outcome = ProbeOutcome(file.outcome)
    entries = json.loads(content)["log"]["entries"]
    headline = outcome_text(outcome)
    return EvidenceView(
        file=file,
        tone="info" if outcome.success and file.findings else tone_of(outcome),
        headline=headline[:1].upper() + headline[1:],
        at_text=clock_text(file.at),
        steps=tuple(_step(entry) for entry in entries),
    )


def _step(entry: JsonDocument) -> EvidenceStep:
    request, response = entry["request"], entry["response"]
    failure = entry.get("_jobproof", {}).get("failure")
    took = seconds_text(float(entry["time"]) / 1000)
    if failure is not None:
        outcome_line = legible(f"No whole answer after {took}: {failure['detail']}")
    else:
        outcome_line = legible(f"{response['httpVersion']} {response['status']} after {took}")
    return EvidenceStep(
        request_line=legible(f"{request['method']} {request['url']}"),
        at=str(entry["startedDateTime"]),
        outcome_line=outcome_line,
        headers=tuple((legible(h["name"]), legible(h["value"])) for h in response["headers"]),
        body=_body(response["content"]),
    )


def _body(content: JsonDocument) -> str:
    text = str(content.get("text", ""))
    if content.get("encoding") == "base64":
        try:
            decoded = base64.b64decode(text)
        except (binascii.Error, ValueError):
            decoded = b""
        # Bytes that are no text: escaped, so that a browser shows each of them.
        begun = decoded[: _LONGEST_BODY + 1].decode("latin-1")
        text = begun.encode("unicode_escape").decode("ascii")
    else:
        text = _indented(text)
    return text if len(text) <= _LONGEST_BODY else text[:_LONGEST_BODY] + "\n… cut here"


def _indented(text: str) -> str:
    try:
        # A key that comes twice is the very thing to look at: such a body is left as it came.
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return legible_lines(text[: _LONGEST_BODY + 1])
    return legible_json(json.dumps(value, indent=2, ensure_ascii=False))


def _unique_keys(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse_constant(constant: str) -> Json:
    raise ValueError(constant)
