"""
The body's bytes: cut, followed, encoded and written otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from jobproof.contract.formats.json_value import Json
from jobproof.contract.scoring.mutants.mutant import Mutant, Original, with_body

__all__ = ["mutate_bytes", "written"]


def written(value: Json) -> bytes:
    """
    JSON as it is commonly written.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def mutate_bytes(original: Original) -> Iterator[Mutant]:
    """
    The same value in bytes that are no JSON, that readers differ on, or that are JSON as well.
    """
    response, body = original.response, original.response.recorded_body
    broken = (
        ("text cut", "half", body[: len(body) // 2]),
        ("text cut", "empty", b""),
        ("text cut", "the last byte", body[:-1]),
        ("text prefixed", "mark", b"\xef\xbb\xbf" + body),
        ("text prefixed", "guard", b")]}',\n" + body),
        ("text followed", "again", body + body),
        ("text followed", "comment", body + b"// end"),
        ("text followed", "comma", body.rstrip()[:-1] + b",}"),
        ("text encoded", "utf-16", body.decode().encode("utf-16")),
        ("text encoded", "latin-1", body[:-1] + ',"\u00e9":1}'.encode("latin-1")),
        ("text encoded", "single quotes", body.replace(b'"', b"'")),
        ("key twice", "a", b'{"a":1,"a":2,' + body.lstrip()[1:]),
        ("number not finite", "NaN", body.rstrip()[:-1] + b',"odd":NaN}'),
        ("half a character", "odd", body.rstrip()[:-1] + b',"odd":"\\ud800"}'),
        ("text wrapped", "in a list", b"[" + body + b"]"),
        ("text wrapped", "in text", json.dumps(body.decode()).encode()),
    )
    for operator, place, changed in broken:
        yield Mutant(operator, place, with_body(response, changed))
    value = json.loads(body)
    same = (
        ("indented", json.dumps(value, indent=2).encode()),
        ("blanks around", b" \r\n\t" + body + b"\n"),
        # RFC 8259 7: a slash may be escaped, and in JSON it stands in texts alone.
        ("escaped", body.replace(b"/", b"\\/")),
        ("keys reordered", written(_reordered(value))),
    )
    for place, changed in same:
        yield Mutant("text respelled", place, with_body(response, changed), legal=True)


def _reordered(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _reordered(value[key]) for key in reversed(list(value))}
    return [_reordered(item) for item in value] if isinstance(value, list) else value
