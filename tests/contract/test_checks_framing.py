"""
Messages on the wire: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import answer, job, said, trace
from tests.contract.cases import Case

from jobproof.contract.formats.secrets.secret import MASK
from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.model.manners.manner import Manner

_CHUNKED = {"transfer-encoding": "chunked"}
_OPTIONS: dict[str, Any] = {"code": 204, "method": "OPTIONS"}
_UNDOCUMENTED = {"code_is_documented": "206 isn't among the codes that the document lists"}
_PART: dict[str, Any] = {"code": 206, "sent": {"Range": "bytes=0-9"}}
_RANGE = {"content-range": "bytes 0-9/100"}
_SIZE = len(json.dumps(job()))
_RANGED: dict[str, Any] = {**_PART, "manner": Manner.RANGE}


def _digest(data: bytes, algorithm: str = "sha-256") -> str:
    made = hashlib.new(algorithm.replace("-", ""), data).digest()
    return f"{algorithm}=:{b64encode(made).decode()}:"


CASES = {
    "field_names_are_tokens": Case(
        accepts=trace(answer(more=[("x_y.z~", ""), ("X-2", "a: b")])),
        rejects=trace(answer(more=[("X-Trace ", "1")])),
        at="header",
    ),
    "field_values_have_no_controls": Case(
        accepts=trace(answer(more=[("x-name", "M\xc3\xbcller\tund S\xf6hne")])),
        rejects=trace(answer(more=[("x-name", "a\x01b")])),
        at="header:x-name",
    ),
    "length_or_chunks_not_both": Case(
        accepts=trace(answer(headers=_CHUNKED)),
        rejects=trace(answer(headers={**_CHUNKED, "content-length": "216"})),
        at="header:content-length",
    ),
    "transfer_coding_has_its_place": Case(
        accepts=trace(answer(headers={"transfer-encoding": "Chunked"})),
        rejects=trace(answer(headers=_CHUNKED, version="1.0")),
        at="header:transfer-encoding",
    ),
    "chunks_are_put_on_once": Case(
        accepts=trace(answer(headers={"transfer-encoding": "gzip, chunked"})),
        rejects=trace(answer(headers=_CHUNKED, more=[("Transfer-Encoding", "chunked")])),
        at="header:transfer-encoding",
    ),
    "digest_is_of_the_content": Case(
        accepts=trace(answer(headers={"content-digest": _digest(json.dumps(job()).encode())})),
        rejects=trace(answer(headers={"content-digest": _digest(b"{}")})),
        at="header:content-digest",
    ),
    "no_content_has_no_length": Case(
        accepts=trace(answer(b"", headers={"content-length": "0"}, **_OPTIONS)),
        rejects=trace(answer(b"", headers={"content-length": "12"}, **_OPTIONS)),
        at="header:content-length",
    ),
    "connection_names_its_own": Case(
        accepts=trace(answer(headers={"connection": "keep-alive, Upgrade, X-Hop"})),
        rejects=trace(answer(headers={"connection": "close, Cache-Control"})),
        at="header:connection",
    ),
    "part_was_asked_for": Case(
        accepts=trace(answer(headers={"accept-ranges": "bytes"}, sent={"Range": "bytes=0-9"})),
        rejects=trace(answer(headers={"content-range": f"bytes 0-{_SIZE - 1}/*"}, code=206)),
        at="code",
        also=_UNDOCUMENTED,
    ),
    "part_says_which": Case(
        accepts=trace(answer(sent={"Range": "bytes=0-9"})),
        rejects=trace(answer(**_PART)),
        at="header:content-range",
        also=_UNDOCUMENTED,
    ),
    "part_is_what_it_says": Case(
        accepts=trace(answer(b'{"job_id":', headers=_RANGE, **_RANGED)),
        rejects=trace(answer(b'{"job_id": ', headers=_RANGE, **_RANGED)),
        at="body",
    ),
}


@pytest.mark.parametrize("name", ["", "X A", "x(a)", " x", "x\xe9", "a:b"])
def test_a_name_that_is_no_word_is_a_violation(name: str) -> None:
    found = said(trace(answer(more=[(name, "1")])))
    assert [(f.check, f.basis) for f in found] == [("field_names_are_tokens", Basis.RFC)]


@pytest.mark.parametrize("sign", ["\x00", "\x7f", "\r", "\n", "\x1b", "\x08"])
def test_a_sign_that_steers_is_a_violation(sign: str) -> None:
    found = said(trace(answer(more=[("x-a", f"1{sign}2")])))
    assert [f.check for f in found] == ["field_values_have_no_controls"]
    assert all(one.message.isprintable() for one in found)


@pytest.mark.parametrize(
    "more",
    [
        [(":status", "200")],
        [("x-a", "1\n2")],
        [("transfer-encoding", "chunked"), ("content-length", "216")],
        [("connection", "close, cache-control")],
    ],
    ids=["of HTTP/2", "two lines joined", "an end of each kind", "a proxy's own"],
)
def test_a_recorded_head_is_not_held_to_how_it_was_sent(more: list[tuple[str, str]]) -> None:
    assert said(trace(answer(more=more, subject=Subject.UNSTATED)), Kind.VIOLATION) == ()
    assert said(trace(answer(more=more, version="2")), Kind.VIOLATION) == ()


@pytest.mark.parametrize("stated", ["chunked", "gzip, chunked"])
def test_chunks_have_no_place_where_there_is_no_content(stated: str) -> None:
    found = said(trace(answer(b"", headers={"transfer-encoding": stated}, **_OPTIONS)))
    assert [f.check for f in found] == ["transfer_coding_has_its_place"]


@pytest.mark.parametrize("length", ["", "-1", "12", "9" * 5_000, "\u0660"])
def test_a_length_of_no_content_is_a_violation_unless_it_is_0(length: str) -> None:
    found = said(trace(answer(b"", headers={"content-length": length}, **_OPTIONS)))
    assert [f.check for f in found] == ["no_content_has_no_length"]


def test_several_parts_say_each_for_itself_which_they_are() -> None:
    parts = {"content-type": "multipart/byteranges; boundary=x"}
    found = said(trace(answer(b"--x--", headers=parts, **_PART)))
    assert "part_says_which" not in {f.check for f in found}


def test_a_part_of_a_text_is_no_text() -> None:
    part = answer(b'{"job_id":', headers=_RANGE, **_RANGED)
    assert said(trace(part)) == ()


@pytest.mark.parametrize(
    ("stated", "pointer"),
    [
        ("bytes 0-9/100", None),
        ("bytes 0-9/*", None),
        ("Bytes  90-99/100", None),
        ("bytes 0-9/10", None),
        # Whatever it counts in isn't known.
        ("lines 0-3/4", None),
        ("bytes */100", None),
        ("bytes 0-8/100", "body"),
        ("bytes 0-10/100", "body"),
        ("bytes 0-9/9", "header:content-range"),
        ("bytes 9-0/100", "header:content-range"),
        (f"bytes 0-{'9' * 5_000}/10", "header:content-range"),
    ],
    ids=lambda text: str(text)[:20],
)
def test_a_part_lies_within_the_whole_and_is_as_long_as_it_says(
    stated: str, pointer: str | None
) -> None:
    part = answer(b"0123456789", headers={"content-range": stated}, **_RANGED)
    found = [one for one in said(trace(part)) if one.check == "part_is_what_it_says"]
    assert [one.pointer for one in found] == ([pointer] if pointer else [])


def test_of_a_part_s_head_alone_no_length_is_taken() -> None:
    head = answer(b"", headers=_RANGE, code=206, method="HEAD", sent={"Range": "bytes=0-9"})
    assert "part_is_what_it_says" not in {one.check for one in said(trace(head))}


_DIGESTED = json.dumps(job()).encode()


@pytest.mark.parametrize(
    ("headers", "is_true"),
    [
        ({"content-digest": _digest(_DIGESTED, "sha-512")}, True),
        ({"content-digest": f"md5=:AAAA:, {_digest(b'')}"}, False),
        ({"content-digest": f"{_digest(_DIGESTED)}, {_digest(b'', 'sha-512')}"}, False),
        ({"repr-digest": _digest(b"")}, False),
        # What is no digest that we know is none that is wrong.
        ({"content-digest": "sha-256=AAAA"}, True),
        ({"content-digest": "unixsum=:AAAA:"}, True),
    ],
)
def test_a_digest_is_of_the_bytes_that_came(headers: dict[str, str], is_true: bool) -> None:
    found = {f.check for f in said(trace(answer(headers=headers)))}
    assert ("digest_is_of_the_content" in found) is not is_true


@pytest.mark.parametrize(
    ("raw", "coding", "is_told"),
    [
        (b"as it came", None, False),
        (b"coded otherwise", "gzip", True),
        # As a recorder leaves it: masked, or decoded.
        (b'{"token": "[masked]"}'.replace(b"[masked]", MASK.encode()), None, False),
        (_DIGESTED, "gzip", False),
        (None, None, False),
    ],
)
def test_a_digest_is_of_the_bytes_as_they_came(
    raw: bytes | None, coding: str | None, is_told: bool
) -> None:
    headers = {"content-digest": _digest(b"as it came"), "content-encoding": coding}
    seen = answer(headers=headers)
    assert seen.response is not None
    seen = replace(seen, answer=replace(seen.response, raw=raw))
    assert ("digest_is_of_the_content" in {f.check for f in said(trace(seen))}) is is_told


def test_a_head_has_the_digest_of_what_it_left_out() -> None:
    head = answer(b"", method="HEAD", headers={"content-digest": _digest(_DIGESTED)})
    assert "digest_is_of_the_content" not in {f.check for f in said(trace(head))}


@pytest.mark.parametrize(("code", "speaks"), [(200, True), (204, False), (304, False)])
def test_what_has_no_content_may_give_the_digest_of_the_whole(code: int, *, speaks: bool) -> None:
    stated = {"content-digest": _digest(b"another")}
    found = {f.check for f in said(trace(answer(b"", code, headers=stated)))}
    assert ("digest_is_of_the_content" in found) is speaks
