"""
The body against its schema, with the frequent faults told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from jobproof.contract.formats.json_pointer import parent, pick, replaced
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import Words, first_few, shorten, told
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.finding import (
    Basis,
    Drift,
    Remark,
    Severity,
    drift,
    gap,
    violation,
)
from jobproof.contract.model.job import is_status_missed
from jobproof.contract.model.promises.sources import schema_source
from jobproof.contract.model.trace import Trace
from jobproof.contract.openapi.schema import SchemaError
from jobproof.contract.openapi.schema_place import place_at

__all__ = [
    "body_matches_schema",
    "keys_are_declared",
    "keys_are_spelled_as_declared",
    "no_sensitive_keys",
    "null_only_where_allowed",
    "status_is_documented",
    "status_is_readable",
]

_MOST_WORDS = 50
_KEYS = {"most": 12, "shown": 10}
_SENSITIVE = re.compile(
    # `tokens` and `token_count` count what a model has read.
    r"passw|secret|token(?!s|_?count|_?usage)|api_?key|private_?key|credential|session|cookie|internal|"
    r"stack_?trace|debug|sql|e_?mail|phone|ssn|database|hostname",
    re.IGNORECASE,
)


def _is_validated(trace: Trace) -> bool:
    return trace.latest.speaks_for_document and trace.latest.parsed_body.is_validated


def _has_status(trace: Trace) -> bool:
    seen = trace.latest
    return seen.speaks_for_document and seen.job is not None and isinstance(seen.job.status, str)


def _names_are_declared(trace: Trace) -> bool:
    content = trace.latest.parsed_body.held_to
    return trace.latest.speaks_for_document and content is not None and bool(content.declared)


def _has_errors(trace: Trace) -> bool:
    return bool(trace.latest.parsed_body.schema_errors)


def _has_undeclared(trace: Trace) -> bool:
    return bool(trace.latest.parsed_body.undeclared)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.<code>.content.schema",
    severity=Severity.HIGH,
    about=Facet.VALUE,
    premise=Premise("no answer had a body for which the document has a schema", _is_validated),
    essential=True,
    condition=_has_errors,
)
def body_matches_schema(trace: Trace) -> Iterator[Remark]:
    """
    The body is what its schema says, formats included.
    """
    for error in trace.schema_errors:
        # null_only_where_allowed and status_is_documented speak of these.
        if _is_null(error) or _is_status_word(trace, error):
            continue
        yield violation(
            error.at or "body",
            _missing_keys(error),
            expected=Words(first_few(error.missing, **_KEYS) if error.missing else error.expected),
            found=_shortened(error.found),
            source=schema_source(trace.latest),
        )


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.<code>.content.schema",
    about=Facet.VALUE,
    premise=Premise("no answer had a body for which the document has a schema", _is_validated),
    condition=_has_errors,
)
def null_only_where_allowed(trace: Trace) -> Iterator[Remark]:
    """
    null stands only where the schema lets it; elsewhere a key without value is left out.
    """
    for error in trace.schema_errors:
        if _is_null(error):
            yield violation(
                error.at or "body",
                "null where the schema has no null",
                found=None,
                source=schema_source(trace.latest),
            )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status",
    severity=Severity.HIGH,
    about=Facet.VALUE,
    premise=Premise(
        "no job showed a status where the profile says that it stands (status.at)", _has_status
    ),
    essential=True,
)
def status_is_documented(trace: Trace) -> Iterator[Remark]:
    """
    The status is one of the documented words, letter for letter.
    """
    seen, promise = trace.latest, trace.api.profile.status
    if seen.job is None or not seen.speaks_for_document:
        return
    status = seen.job.status
    # status_is_readable speaks of a status that is no text.
    if not isinstance(status, str):
        return
    if trace.api.lifecycle.knows(status):
        yield from _undocumented_word(trace, status)
        return
    yield violation(
        promise.place,
        f"{told(_shortened(status))} is none of the documented words: {_words(trace)}",
        expected=list(promise.words),
        found=_shortened(status),
        basis=promise.basis,
        source=promise.source,
    )
    # As drift it is counted by its word's kind, also where a policy accepts the violation.
    yield drift(
        promise.place,
        f"a status that nobody documented: {told(_shortened(status))}",
        of=Drift.UNKNOWN_STATUS,
        found=_shortened(status),
        basis=promise.basis,
        source=promise.source,
    )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: status.at; whoever waits for a job reads it there",
    severity=Severity.HIGH,
    about=Facet.JOB,
)
def status_is_readable(trace: Trace) -> Iterator[Remark]:
    """
    A job that comes back says which status it has.
    """
    seen, promise = trace.latest, trace.api.profile.status
    if seen.job is None or not seen.speaks_for_document or isinstance(seen.job.status, str):
        return
    # Where the schema requires a status, or says what it is, body_matches_schema speaks of it.
    if any(promise.at and _is_about(error, promise.at) for error in trace.schema_errors):
        return
    if seen.job.status is not None:
        yield violation(
            promise.place,
            f"{told(_shortened(seen.job.status))} is none of the words: {_words(trace)}",
            expected=list(promise.words),
            found=_shortened(seen.job.status),
            basis=promise.basis,
            source=promise.source,
        )
    elif is_status_missed(seen.job, promise.at):
        yield violation(
            promise.place, "the job has no status", expected=Words("a status"), found=None
        )


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.<code>.content.schema",
    severity=Severity.LOW,
    about=Facet.VALUE,
    premise=Premise("no answer had a body whose keys the document names", _names_are_declared),
    condition=_has_undeclared,
)
def keys_are_declared(trace: Trace) -> Iterator[Remark]:
    """
    New keys are noticed; they are allowed.
    """
    known, more = trace.api.profile.declared_elsewhere, trace.undeclared_more
    for at, key, declared in trace.undeclared:
        if at not in known and not _lookalike(key, declared):
            remark = drift(
                at,
                f"key {told(key)} isn't in the document",
                of=Drift.UNDECLARED_KEY,
                found=key,
                source=schema_source(trace.latest),
            )
            yield replace(remark, more=more)
            more = 0


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.<code>.content.schema",
    about=Facet.VALUE,
    premise=Premise("no answer had a body whose keys the document names", _names_are_declared),
    condition=_has_undeclared,
)
def keys_are_spelled_as_declared(trace: Trace) -> Iterator[Remark]:
    """
    No key stands in another spelling in place of a declared one.
    """
    source = schema_source(trace.latest)
    for at, key, declared in trace.undeclared:
        meant = _lookalike(key, declared)
        if meant is None:
            continue
        # With the declared key beside it no reader misses anything.
        if not _stands_beside(trace, at, meant):
            yield violation(
                at,
                f"the key is spelled {told(key)}, and {told(meant)} in the document",
                expected=meant,
                found=key,
                source=source,
            )
        else:
            message = f"key {told(key)} repeats {told(meant)}"
            yield drift(at, message, of=Drift.UNDECLARED_KEY, found=key, source=source)


@check(
    basis=Basis.INFERRED,
    source="the document names no such key; its name speaks of internals or secrets",
    severity=Severity.HIGH,
    about=Facet.VALUE,
    premise=Premise("no answer had a body whose keys the document names", _names_are_declared),
    condition=_has_undeclared,
)
def no_sensitive_keys(trace: Trace) -> Iterator[Remark]:
    """
    No undeclared key has the name of a secret or of an internal thing.
    """
    for at, key, _ in trace.undeclared:
        if _SENSITIVE.search(key):
            yield violation(at, expected=Words("no such key"), found=key)


def _words(trace: Trace) -> str:
    return first_few(list(trace.api.profile.status.words), most=12, shown=10)


def _missing_keys(error: SchemaError) -> str:
    """
    The keys that an object lacks, in words; "" where it is about something else.
    """
    if not error.missing:
        return ""
    noun = "key is" if len(error.missing) == 1 else "keys are"
    names = first_few(error.missing, **_KEYS)
    return f"{len(error.missing)} required {noun} missing: {names}"


def _is_about(error: SchemaError, at: str) -> bool:
    if error.at == at:
        return True
    step = at[len(error.at) + 1 :].partition("/")[0] if at.startswith(f"{error.at}/") else None
    if step is None:
        return False
    return error.keyword in ("type", "anyOf", "oneOf") or (
        error.keyword == "required" and step in error.missing
    )


def _undocumented_word(trace: Trace, word: str) -> Iterator[Remark]:
    at, source = trace.api.profile.status.place, trace.api.profile.status.words[word].source
    if source is None:
        return
    if any(e.at == at or _fails_by_word(trace, e, word) for e in trace.schema_errors):
        message = f"{word!r} is right here and the document doesn't list it"
        yield gap(at, message, found=word, source=source)


def _is_status_word(trace: Trace, error: SchemaError) -> bool:
    """
    Whether it is about which word the status is: status_is_documented speaks of that.
    """
    status, job = trace.api.profile.status, trace.latest.job
    if error.at == status.at and isinstance(error.found, str):
        return error.keyword == "enum" or error.found in status.words
    return job is not None and _fails_by_word(trace, error, job.status)


def _fails_by_word(trace: Trace, error: SchemaError, word: Json) -> bool:
    """
    Whether a choice among bodies fails because none of them is of a job with this status.
    """
    at, seen = trace.api.profile.status.at, trace.latest
    is_choice = error.keyword in ("anyOf", "oneOf") and at.startswith(f"{error.at}/")
    content = seen.content or (seen.spec.contents[0] if seen.spec and seen.spec.contents else None)
    if not is_choice or not isinstance(word, str) or content is None or seen.body is None:
        return False
    listed = {text for _, text in place_at(content.schema, at).values or ()}
    if not listed or word in listed:
        return False
    meaning = trace.api.profile.status.words.get(word)
    # A body that the document describes nowhere can't be held to any description of it.
    if meaning is not None and meaning.source is not None:
        return True
    others = (replaced(seen.body.value, at, other) for other in sorted(listed)[:_MOST_WORDS])
    return any(
        all((e.at, e.keyword) != (error.at, error.keyword) for e in content.errors(body))
        for body in others
    )


def _is_null(error: SchemaError) -> bool:
    # A type that may be null is often written as a choice, which then fails by its own keyword.
    return error.found is None and error.keyword in ("type", "anyOf", "oneOf", "enum")


def _lookalike(key: str, declared: frozenset[str]) -> str | None:
    return _by_fold(declared).get(_fold(key))


@lru_cache(maxsize=256)
def _by_fold(declared: frozenset[str]) -> dict[str, str]:
    # Looked up for each of thousands of keys; the names declared at a place stay the same.
    return {_fold(name): name for name in sorted(declared, reverse=True)}


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _stands_beside(trace: Trace, at: str, key: str) -> bool:
    body = trace.latest.body
    place = pick(body.value, parent(at)) if body else None
    return isinstance(place, dict) and key in place


def _shortened(value: Json) -> Json:
    if isinstance(value, str):
        return shorten(value, 120)
    if isinstance(value, dict):
        return Words(f"an object with {len(value)} key{'' if len(value) == 1 else 's'}")
    if isinstance(value, list):
        return Words(f"a list of {len(value)} item{'' if len(value) == 1 else 's'}")
    return value
