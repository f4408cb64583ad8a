"""
Accepted faults from wherever they are written: an option, a file, or a part of one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.formats.yaml_file import Location, YamlFile, read_yaml
from jobproof.contract.model.acceptance.accepted import AcceptedFinding

__all__ = ["GIVEN_REASON", "entries_of", "known_entries", "read_accept_file", "read_accept_option"]

GIVEN_REASON = "accepted by --accept"
"""The reason where an option gives none."""

_FORM = "CHECK[@POINTER]:DATE[:REASON]"
# The first date ends the pointer, which may hold colons of its own, as the reason may.
_OPTION = re.compile(
    r"(?P<check>[^@:]+)(?:@(?P<pointer>.*?))?:(?P<expires>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?::(?P<reason>.*))?",
    re.DOTALL,
)


def read_accept_option(text: str, known: Collection[str]) -> AcceptedFinding:
    """
    What one `--accept CHECK[@POINTER]:DATE[:REASON]` accepts.

    Args:
        known: The ids of all checks.

    Raises:
        ConfigError: It can't be read so, or names no check.
    """
    shown = f"--accept {legible(shorten(text, 120))!r}"
    match = _OPTION.fullmatch(text)
    if match is None:
        raise ConfigError(f"{shown}: write {_FORM}, the date as 2026-12-31")
    given = {name: value for name, value in match.groupdict().items() if value is not None}
    try:
        entry = AcceptedFinding.model_validate({"reason": GIVEN_REASON, **given})
    except ValidationError as exc:
        first = exc.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"{shown}: {first['loc'][0]}: {legible(message)}") from None
    hint = _unknown(entry.check, known)
    if hint:
        raise ConfigError(f"{shown}: {hint}")
    return entry


def read_accept_file(path: Path, known: Collection[str]) -> tuple[AcceptedFinding, ...]:
    """
    What a file accepts: a list of entries as they stand in a profile's `policy.accept`.

    Raises:
        ConfigError: With file and line of the first thing that can't be used.
    """
    return entries_of(read_yaml(path), known)


def entries_of(file: YamlFile, known: Collection[str]) -> tuple[AcceptedFinding, ...]:
    """
    The same of a file that was read.

    Raises:
        ConfigError: With file and line of the first thing that can't be used.
    """
    if not isinstance(file.value, list):
        raise file.error((), "expected a list of entries: - check: …, pointer, reason, expires")
    found = []
    for index, item in enumerate(file.value):
        if not isinstance(item, dict):
            raise file.error((index,), "expected a mapping with check, reason and expires")
        found.append(file.parse_part(AcceptedFinding, item, (index,)))
    return known_entries(found, known, file, ())


def known_entries(
    entries: Sequence[AcceptedFinding],
    known: Collection[str],
    file: YamlFile,
    at: Location,
    kind: type[ConfigError] = ConfigError,
) -> tuple[AcceptedFinding, ...]:
    """
    The entries, which stand as a list at `at`, each about a check that there is.

    Raises:
        ConfigError: (or `kind`) One names no check.
    """
    for index, entry in enumerate(entries):
        hint = _unknown(entry.check, known)
        if hint:
            raise file.error((*at, index, "check"), hint, kind)
    return tuple(entries)


def _unknown(check: str, known: Iterable[str]) -> str:
    """
    That there is no such check, and which one may be meant; "" where there is.
    """
    ids = frozenset(known)
    if check in ids:
        return ""
    hint = did_you_mean(check, ids)
    # There are more than a hundred.
    hint = hint if hint.startswith("Did you mean") else "`jobproof checks` lists them."
    return f"unknown check {legible(shorten(check, 60))!r}. {hint}"
