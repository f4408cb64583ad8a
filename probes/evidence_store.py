"""
Kept evidence: redacted exchanges on disk, bounded in bytes, that can be judged again.

Each file is a HAR that `jobwatch check` reads. Of every fingerprint the first, the last
and one in N stay. When space runs out, successes go before news, news before failures,
and failures before broken promises.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

from contract.evidence import curl, har
from contract.exchange import Exchange, Response, TransportFailure
from contract.finding import Finding, Kind
from contract.secret import MASK
from probes.result import Outcome, Result

__all__ = ["Evidence", "EvidenceStore", "Seen", "Worth", "shelf_of", "shelf_of_outcome"]

_LOG = logging.getLogger(__name__)

_ID = re.compile(r"[0-9]{13}-[0-9a-f]{16}")
_SIGNED = re.compile(
    rb"(?i)([?&][a-z0-9_.-]*(?:signature|sig|token|credential|secret|api-?key)=)[^&\"'\\\s<>]+"
)
_RENEW_S = 1.0
_RENEW_SUCCESS_S = 60.0
_SAMPLES = 8
_HISTORY = 16
_NOTES = "_jobwatch"


class Worth(IntEnum):
    """
    How long evidence outlives other evidence.
    """

    SUCCESS = 0
    NEWS = 1
    """A gap, a drift, nothing to be said."""
    FAILURE = 2
    """No answer, or one that nobody wants, although no promise is broken."""
    BROKEN = 3
    """A violation."""


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A finding as the evidence remembers it.
    """

    check: str
    kind: str
    basis: str
    source: str
    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One kept file.

    Attributes:
        id: Letters that are safe in a URL and in a file name.
        at: When the answer was whole, Unix seconds.
        curl: A shell line that asks the same again; the token is a variable.
        fingerprints: What it is evidence of.
    """

    id: str
    at: float
    target: str
    canary: str
    outcome: str
    worth: Worth
    curl: str
    findings: tuple[Seen, ...]
    fingerprints: tuple[str, ...]
    size_bytes: int


@dataclass(slots=True)
class _Shelf:
    """
    The files of one fingerprint.
    """

    first: str
    last: str
    renewed_at: float
    samples: list[str] = field(default_factory=list)
    seen: int = 0

    def ids(self) -> set[str]:
        return {self.first, self.last, *self.samples}


class EvidenceStore:
    """
    Keeps what shows how a promise was broken.

    Every call may come from any thread. A full or failing disk is logged and counted
    (`write_errors`); probing goes on.

    Args:
        folder: Made if missing; files in it that aren't evidence are left alone.
        max_bytes: Most bytes that all evidence takes together.
        every: One in so many further sightings of a fingerprint is kept.
        secrets: The tokens that mustn't be written, asked for at each writing.
        token_env: The variable that `curl` lines of a target name for its token.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = 32 * 1024 * 1024,
        every: int = 100,
        secrets: Callable[[], Iterable[str]] = tuple,
        token_env: Callable[[str], str] = lambda _target: "TOKEN",
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.every = every
        self.write_errors = 0
        self._secrets = secrets
        self._token_env = token_env
        self._turn = threading.Lock()
        self._kept: dict[str, Evidence] = {}
        self._shelves: dict[str, _Shelf] = {}
        self._bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._load()

    @property
    def size_bytes(self) -> int:
        """
        Bytes on disk.
        """
        return self._bytes

    def keep(self, result: Result, history: Sequence[Exchange] = ()) -> str | None:
        """
        Keep what `result` shows, if it shows anything worth the bytes.

        Args:
            history: Earlier exchanges about the same job, oldest first: with them a
                broken lifecycle can be judged again.

        Returns:
            The evidence's id; None where nothing is kept.
        """
        if result.exchange is None:
            return None
        prints = _fingerprints(result)
        at = result.exchange.ended_at
        with self._turn:
            wanted = [one for one in prints if self._wants(one, at, _worth(result))]
            evidence = self._write(result, history, tuple(wanted)) if wanted else None
            if evidence is not None:
                for one in wanted:
                    self._put(one, evidence)
            for one in prints:
                if one in self._shelves:
                    self._shelves[one].seen += 1
            self._make_room()
            return evidence.id if evidence is not None and evidence.id in self._kept else None

    def get(self, evidence_id: str) -> Evidence | None:
        """
        What is kept under that id, without the exchanges themselves.
        """
        with self._turn:
            return self._kept.get(evidence_id)

    def har(self, evidence_id: str) -> bytes | None:
        """
        The HAR file of that id; None where it isn't kept (any longer).
        """
        with self._turn:
            if evidence_id not in self._kept:
                return None
            try:
                return self._path(evidence_id).read_bytes()
            except OSError as wrong:
                _LOG.warning("evidence %s can't be read: %s", evidence_id, wrong)
                return None

    def latest_for(self, fingerprint: str) -> str | None:
        """
        The id of the newest evidence of a fingerprint.
        """
        with self._turn:
            shelf = self._shelves.get(fingerprint)
            return shelf.last if shelf else None

    def all(self) -> tuple[Evidence, ...]:
        """
        Everything that is kept, newest first.
        """
        with self._turn:
            return tuple(sorted(self._kept.values(), key=lambda e: e.at, reverse=True))

    def _wants(self, fingerprint: str, at: float, worth: Worth) -> bool:
        shelf = self._shelves.get(fingerprint)
        if shelf is None or shelf.seen % self.every == 0:
            return True
        renew_s = _RENEW_SUCCESS_S if worth is Worth.SUCCESS else _RENEW_S
        # Backwards too: a clock that was set back mustn't freeze `last` for good.
        return abs(at - shelf.renewed_at) >= renew_s

    def _put(self, fingerprint: str, evidence: Evidence) -> None:
        shelf = self._shelves.get(fingerprint)
        if shelf is None:
            self._shelves[fingerprint] = _Shelf(evidence.id, evidence.id, evidence.at)
            return
        before = shelf.ids()
        if shelf.seen % self.every == 0 and evidence.worth is not Worth.SUCCESS:
            shelf.samples = [*shelf.samples, evidence.id][-_SAMPLES:]
        if evidence.worth is Worth.SUCCESS:
            shelf.first = evidence.id
        shelf.last, shelf.renewed_at = evidence.id, evidence.at
        for dropped in before - shelf.ids():
            self._release(fingerprint, dropped)

    def _release(self, fingerprint: str, evidence_id: str) -> None:
        evidence = self._kept.get(evidence_id)
        if evidence is None:
            return
        left = tuple(one for one in evidence.fingerprints if one != fingerprint)
        if left:
            self._kept[evidence_id] = replace(evidence, fingerprints=left)
        else:
            self._remove(evidence_id)

    def _remove(self, evidence_id: str) -> None:
        evidence = self._kept.pop(evidence_id)
        self._bytes -= evidence.size_bytes
        self._path(evidence_id).unlink(missing_ok=True)
        for one in evidence.fingerprints:
            shelf = self._shelves.get(one)
            if shelf is None:
                continue
            shelf.samples = [sample for sample in shelf.samples if sample != evidence_id]
            left = [i for i in (shelf.first, *shelf.samples, shelf.last) if i in self._kept]
            if left:
                shelf.first, shelf.last = left[0], left[-1]
            else:
                del self._shelves[one]

    def _make_room(self) -> None:
        while self._bytes > self.max_bytes and self._kept:
            ends = {i for shelf in self._shelves.values() for i in (shelf.first, shelf.last)}
            victim = min(self._kept.values(), key=lambda e: (e.worth, e.id in ends, e.at))
            self._remove(victim.id)

    def _write(
        self, result: Result, history: Sequence[Exchange], prints: tuple[str, ...]
    ) -> Evidence | None:
        assert result.exchange is not None
        secrets = _spellings(self._secrets())
        exchange = _scrub(result.exchange, secrets)
        earlier = [_scrub(one, secrets) for one in history[-_HISTORY:]]
        evidence = Evidence(
            id=_new_id(result, prints),
            at=result.exchange.ended_at,
            target=result.target,
            canary=result.canary,
            outcome=result.outcome.value,
            worth=_worth(result),
            curl=curl(exchange, token_env=self._token_env(result.target)),
            findings=tuple(_seen(finding, secrets) for finding in result.findings),
            fingerprints=prints,
            size_bytes=0,
        )
        log = har([*earlier, exchange])
        log["log"][_NOTES] = _notes(evidence)
        content = json.dumps(log, ensure_ascii=False, indent=1).encode("utf-8", "replace")
        try:
            _write_whole(self._path(evidence.id), content)
        except OSError as wrong:
            self.write_errors += 1
            _LOG.warning("evidence can't be kept in %s: %s", self.folder, wrong)
            return None
        evidence = replace(evidence, size_bytes=len(content))
        self._kept[evidence.id] = evidence
        self._bytes += evidence.size_bytes
        return evidence

    def _path(self, evidence_id: str) -> Path:
        return self.folder / f"{evidence_id}.har"

    def _load(self) -> None:
        for path in sorted(self.folder.glob("*.har")):
            if not _ID.fullmatch(path.stem):
                continue
            evidence = _read(path)
            if evidence is None:
                continue
            self._kept[evidence.id] = evidence
            self._bytes += evidence.size_bytes
            for one in evidence.fingerprints:
                self._restore(one, evidence)
        self._make_room()

    def _restore(self, fingerprint: str, evidence: Evidence) -> None:
        shelf = self._shelves.get(fingerprint)
        if shelf is None:
            self._shelves[fingerprint] = _Shelf(evidence.id, evidence.id, evidence.at)
            return
        if shelf.last != shelf.first:
            shelf.samples.append(shelf.last)
        shelf.last, shelf.renewed_at = evidence.id, evidence.at
        for surplus in shelf.samples[:-_SAMPLES]:
            shelf.samples.remove(surplus)
            self._release(fingerprint, surplus)


def shelf_of(target: str, finding: Finding) -> str:
    """
    The name under which evidence of this finding is kept: `EvidenceStore.latest_for`.
    """
    return _digest(target, *finding.fingerprint)


def shelf_of_outcome(target: str, canary: str, outcome: Outcome) -> str:
    """
    The name under which answers that no finding speaks about are kept.
    """
    return _digest(target, canary, outcome.value)


def _fingerprints(result: Result) -> tuple[str, ...]:
    prints = {shelf_of(result.target, finding) for finding in result.findings}
    if not prints or not result.outcome.success:
        prints.add(shelf_of_outcome(result.target, result.canary, result.outcome))
    return tuple(sorted(prints))


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def _worth(result: Result) -> Worth:
    if any(finding.kind is Kind.VIOLATION for finding in result.findings):
        return Worth.BROKEN
    if not result.outcome.success:
        return Worth.FAILURE
    return Worth.NEWS if result.findings else Worth.SUCCESS


def _new_id(result: Result, prints: Iterable[str]) -> str:
    assert result.exchange is not None
    exchange = result.exchange
    digest = _digest(repr((exchange.started_at, exchange.elapsed_s, exchange.request.url)), *prints)
    return f"{max(0, int(exchange.ended_at * 1000)):013d}"[:13] + f"-{digest}"


def _spellings(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """
    Every way in which a secret may stand in a URL, a header or a JSON body.
    """
    found = set()
    for secret in secrets:
        for text in (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]):
            found.add(text.encode())
    return tuple(sorted(found, key=len, reverse=True))


def _scrub(exchange: Exchange, secrets: Sequence[bytes]) -> Exchange:
    request = exchange.request
    clean = replace(
        request,
        url=_mask(request.url, secrets),
        headers=_mask_headers(request.headers, secrets),
        job_id=None if request.job_id is None else _mask(request.job_id, secrets),
    )
    answer = exchange.answer
    if isinstance(answer, Response):
        return replace(exchange, request=clean, answer=_scrub_response(answer, secrets))
    partial = None if answer.partial is None else _scrub_response(answer.partial, secrets)
    failure = TransportFailure(answer.reason, _mask(answer.detail, secrets), partial)
    return replace(exchange, request=clean, answer=failure)


def _scrub_response(response: Response, secrets: Sequence[bytes]) -> Response:
    body = _mask_bytes(response.body, secrets)
    return replace(response, headers=_mask_headers(response.headers, secrets), body=body, raw=body)


def _mask_headers(
    headers: Iterable[tuple[str, str]], secrets: Sequence[bytes]
) -> tuple[tuple[str, str], ...]:
    return tuple((_mask(name, secrets), _mask(value, secrets)) for name, value in headers)


def _mask(text: str, secrets: Sequence[bytes]) -> str:
    return _mask_bytes(text.encode("utf-8", "surrogateescape"), secrets).decode(
        "utf-8", "surrogateescape"
    )


def _mask_bytes(content: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        content = content.replace(secret, MASK.encode())
    # A signed link opens what it points at for whoever reads the evidence.
    return _SIGNED.sub(rb"\1" + MASK.encode(), content)


def _seen(finding: Finding, secrets: Sequence[bytes]) -> Seen:
    return Seen(
        check=finding.check,
        kind=finding.kind.value,
        basis=finding.basis.value,
        source=finding.source,
        pointer=_mask(finding.pointer, secrets)[:200],
        message=_mask(finding.message, secrets)[:1_000],
    )


def _notes(evidence: Evidence) -> dict[str, Any]:
    return {
        "at": evidence.at,
        "target": evidence.target,
        "canary": evidence.canary,
        "outcome": evidence.outcome,
        "worth": int(evidence.worth),
        "curl": evidence.curl,
        "findings": [
            {name: getattr(seen, name) for name in Seen.__slots__} for seen in evidence.findings
        ],
        "fingerprints": list(evidence.fingerprints),
    }


def _read(path: Path) -> Evidence | None:
    try:
        content = path.read_bytes()
        notes = json.loads(content)["log"][_NOTES]
        return Evidence(
            id=path.stem,
            at=float(notes["at"]),
            target=str(notes["target"]),
            canary=str(notes["canary"]),
            outcome=str(notes["outcome"]),
            worth=Worth(notes["worth"]),
            curl=str(notes["curl"]),
            findings=tuple(Seen(**seen) for seen in notes["findings"]),
            fingerprints=tuple(str(one) for one in notes["fingerprints"]),
            size_bytes=len(content),
        )
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        _LOG.warning("%s is no evidence of ours and is left alone: %s", path, wrong)
        return None


def _write_whole(path: Path, content: bytes) -> None:
    """
    Write all or nothing: a reader never sees half a file.
    """
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
