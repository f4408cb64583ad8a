"""
Kept evidence: redacted exchanges on disk, bounded in bytes, that can be judged again.

Each file is a HAR that `jobproof check` reads. Of every fingerprint the first, the last
and one in N stay. When space runs out, successes go before news, news before failures,
and failures before broken promises. A file that would take more than its share is written without
its largest bodies, and says so.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.text_file import make_private, open_private
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.har.writer import har_log
from jobproof.contract.recordings.live_judgement import seen_in
from jobproof.probes.evidence.entries import as_json, entries_of
from jobproof.probes.evidence.entry import (
    NOTES,
    Evidence,
    EvidencePriority,
    fingerprints_of,
    new_id,
    notes_of,
    priority_of,
    read_evidence,
)
from jobproof.probes.result import ProbeResult
from jobproof.probes.sparing_log import SparingLog

__all__ = ["EvidenceStore"]

_LOG = logging.getLogger(__name__)

_ID = re.compile(r"[0-9]{13}-[0-9a-f]{16}")
_RENEW_S = 1.0
_RENEW_SUCCESS_S = 60.0
_SAMPLES = 8
# Of all bytes for one file: the news of one answer mustn't push out that of all others.
_LARGEST_SHARE = 8
_SPARE_SHARE = 64


@dataclass(slots=True)
class _SampleSet:
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

    Every call may come from any thread. A full or failing disk is logged; probing goes on.

    Args:
        folder: Made if missing, and its owner's alone; files in it that aren't evidence are left
            alone.
        max_bytes: Most bytes that all evidence takes together.
        every: One in so many further sightings of a fingerprint is kept.
        redactor: Masks what mustn't be written.
        token_env: The variable that `curl` lines of a target name for its token.
        words: What these lines say beside the request, by target.
        on_write_error: Called where something couldn't be written, or removed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = 32 * 1024 * 1024,
        every: int = 100,
        redactor: Redactor | None = None,
        token_env: Callable[[str], str] = lambda _target: "TOKEN",
        words: Callable[[str], ShellWords] = lambda _target: ShellWords(),
        on_write_error: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_write_error = on_write_error
        self._sparing = SparingLog()
        self.folder = folder
        self.max_bytes = max_bytes
        self.every = every
        self._redactor = redactor or Redactor()
        self._token_env = token_env
        self._words = words
        self._lock = threading.Lock()
        self._kept: dict[str, Evidence] = {}
        self._samples_of: dict[str, _SampleSet] = {}
        self._bytes = 0
        make_private(folder)
        self._load()

    @property
    def size_bytes(self) -> int:
        """
        Bytes on disk.
        """
        return self._bytes

    def keep(
        self,
        result: ProbeResult,
        history: Sequence[Exchange] = (),
        *,
        staleness_s: float = 0.0,
    ) -> str | None:
        """
        Keep what `result` shows, if it shows anything worth the bytes.

        Args:
            history: Earlier exchanges that it was judged by, oldest first: with them a
                broken lifecycle can be judged again.
            staleness_s: By which a replica was allowed to be behind.

        Returns:
            The evidence's id; None where nothing is kept.
        """
        if result.exchange is None:
            return None
        prints = fingerprints_of(result)
        at = result.exchange.ended_at
        with self._lock:
            wanted = [one for one in prints if self._wants(one, at, priority_of(result))]
            evidence = None
            if wanted:
                evidence = self._write(result, history, tuple(wanted), staleness_s)
            if evidence is not None:
                for one in wanted:
                    self._put(one, evidence)
            for one in prints:
                if one in self._samples_of:
                    self._samples_of[one].seen += 1
            self._make_room()
            return evidence.id if evidence is not None and evidence.id in self._kept else None

    def get(self, evidence_id: str) -> Evidence | None:
        """
        What is kept under that id, without the exchanges themselves.
        """
        with self._lock:
            return self._kept.get(evidence_id)

    def har(self, evidence_id: str) -> bytes | None:
        """
        The HAR file of that id; None where it isn't kept (any longer).
        """
        with self._lock:
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
        with self._lock:
            samples = self._samples_of.get(fingerprint)
            return samples.last if samples else None

    def all(self) -> tuple[Evidence, ...]:
        """
        Everything that is kept, newest first.
        """
        with self._lock:
            return tuple(sorted(self._kept.values(), key=lambda e: e.at, reverse=True))

    def _wants(self, fingerprint: str, at: float, priority: EvidencePriority) -> bool:
        samples = self._samples_of.get(fingerprint)
        if samples is None or samples.seen % self.every == 0:
            return True
        renew_s = _RENEW_SUCCESS_S if priority is EvidencePriority.SUCCESS else _RENEW_S
        # Backwards too: a clock that was set back mustn't freeze `last` for good.
        return abs(at - samples.renewed_at) >= renew_s

    def _put(self, fingerprint: str, evidence: Evidence) -> None:
        samples = self._samples_of.get(fingerprint)
        if samples is None:
            self._samples_of[fingerprint] = _SampleSet(evidence.id, evidence.id, evidence.at)
            return
        before = samples.ids()
        if samples.seen % self.every == 0 and evidence.priority is not EvidencePriority.SUCCESS:
            samples.samples = [*samples.samples, evidence.id][-_SAMPLES:]
        if evidence.priority is EvidencePriority.SUCCESS:
            samples.first = evidence.id
        samples.last, samples.renewed_at = evidence.id, evidence.at
        for dropped in before - samples.ids():
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
        try:
            self._path(evidence_id).unlink(missing_ok=True)
        except OSError as wrong:
            self._failed("removed from", wrong)
        for one in evidence.fingerprints:
            samples = self._samples_of.get(one)
            if samples is None:
                continue
            samples.samples = [sample for sample in samples.samples if sample != evidence_id]
            left = [i for i in (samples.first, *samples.samples, samples.last) if i in self._kept]
            if left:
                samples.first, samples.last = left[0], left[-1]
            else:
                del self._samples_of[one]

    def _make_room(self) -> None:
        # Room for more than one: what is kept isn't gone through again for each that comes.
        goal = self.max_bytes - self.max_bytes // _SPARE_SHARE
        for priority in EvidencePriority:
            if self._bytes <= self.max_bytes:
                return
            ends = {
                i for samples in self._samples_of.values() for i in (samples.first, samples.last)
            }
            victims = [one for one in self._kept.values() if one.priority is priority]
            for victim in sorted(victims, key=lambda e: (e.id in ends, e.at)):
                if self._bytes <= goal:
                    return
                self._remove(victim.id)

    def _write(
        self,
        result: ProbeResult,
        history: Sequence[Exchange],
        prints: tuple[str, ...],
        staleness_s: float,
    ) -> Evidence | None:
        assert result.exchange is not None
        redactor, exchange = self._redactor, result.exchange
        evidence = Evidence(
            id=new_id(result, prints),
            at=result.exchange.ended_at,
            target=result.target,
            canary=result.canary,
            outcome=result.outcome.value,
            priority=priority_of(result),
            curl=curl(
                exchange,
                redactor,
                token_env=self._token_env(result.target),
                words=self._words(result.target),
            ),
            findings=tuple(seen_in(finding, redactor) for finding in result.findings),
            fingerprints=prints,
            size_bytes=0,
        )
        share = self.max_bytes // _LARGEST_SHARE
        entries = entries_of(result, history, redactor, most_bytes=share, staleness_s=staleness_s)
        content = as_json(har_log(entries, notes={NOTES: notes_of(evidence)}))
        try:
            _write_whole(self._path(evidence.id), content)
        except OSError as wrong:
            self._failed("kept in", wrong)
            return None
        evidence = replace(evidence, size_bytes=len(content))
        self._kept[evidence.id] = evidence
        self._bytes += evidence.size_bytes
        return evidence

    def _failed(self, what: str, wrong: OSError) -> None:
        self._on_write_error()
        if self._sparing.before_now(what) is not None:
            _LOG.warning("evidence can't be %s %s: %s", what, self.folder, wrong)

    def _path(self, evidence_id: str) -> Path:
        return self.folder / f"{evidence_id}.har"

    def _load(self) -> None:
        for path in sorted(self.folder.glob("*.har")):
            if not _ID.fullmatch(path.stem):
                continue
            evidence = read_evidence(path)
            if evidence is None:
                continue
            self._kept[evidence.id] = evidence
            self._bytes += evidence.size_bytes
            for one in evidence.fingerprints:
                self._restore(one, evidence)
        self._make_room()

    def _restore(self, fingerprint: str, evidence: Evidence) -> None:
        samples = self._samples_of.get(fingerprint)
        if samples is None:
            self._samples_of[fingerprint] = _SampleSet(evidence.id, evidence.id, evidence.at)
            return
        if samples.last != samples.first:
            samples.samples.append(samples.last)
        samples.last, samples.renewed_at = evidence.id, evidence.at
        for surplus in samples.samples[:-_SAMPLES]:
            samples.samples.remove(surplus)
            self._release(fingerprint, surplus)


def _write_whole(path: Path, content: bytes) -> None:
    """
    Write all or nothing: a reader never sees half a file.
    """
    fresh = path.with_suffix(".new")
    try:
        # What an earlier process was killed over may be another's to read.
        fresh.unlink(missing_ok=True)
        os.close(open_private(str(fresh), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
