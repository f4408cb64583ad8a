"""
Messages on the wire: where an answer begins and ends, and what comes beside it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator

from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.field_values.grammar import TOKEN, is_token
from jobproof.contract.formats.secrets.redaction import is_masked
from jobproof.contract.formats.wording import Words, told
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.exchange import NotRecorded, Response, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.trace import Trace

__all__ = [
    "chunks_are_put_on_once",
    "connection_names_its_own",
    "digest_is_of_the_content",
    "field_names_are_tokens",
    "field_values_have_no_controls",
    "length_or_chunks_not_both",
    "no_content_has_no_length",
    "part_is_what_it_says",
    "part_says_which",
    "part_was_asked_for",
    "transfer_coding_has_its_place",
]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# In one look: each name a word, each value without control characters.
_PLAIN_HEAD = re.compile(rf"(?:{TOKEN}\n[^\x00-\x08\x0a-\x1f\x7f]*+(?:\n|\Z))*+")
_MOST_LENGTH = 2**63
_CONTENT_RANGE = re.compile(r"bytes +([0-9]+)-([0-9]+)/([0-9]+|\*)", re.IGNORECASE)
# RFC 8941 3.3.5: bytes stand in Base64 between colons.
_DIGEST = re.compile(r"(?:^|,)[ \t]*(sha-(?:256|512))=:([A-Za-z0-9+/]*={0,2}):")
_DIGESTS = ("content-digest", "repr-digest")
# RFC 9110 7.6.1: what is meant for everybody on the way and at its end.
_FOR_EVERYBODY = frozenset(
    {
        *("age", "allow", "authorization", "cache-control", "content-encoding", "content-language"),
        *("content-length", "content-location", "content-range", "content-type", "date", "etag"),
        *("expires", "last-modified", "location", "server", "set-cookie", "vary"),
        *("transfer-encoding", "host", "www-authenticate"),
    }
)


def _on_wire(trace: Trace) -> Response | None:
    """
    The answer where its head is known as it was sent: recorders rewrite what HTTP/2 has another
    form for, or join what came in two lines.
    """
    seen = trace.latest
    if seen.subject is Subject.UNSTATED or seen.response is None:
        return None
    return seen.response if seen.response.http_version.startswith("1.") else None


def _is_on_wire(trace: Trace) -> bool:
    response = _on_wire(trace)
    if response is None:
        return False
    response.need_all_headers()
    return True


def _has_coding(trace: Trace) -> bool:
    response = _on_wire(trace)
    return response is not None and response.header("transfer-encoding") is not None


def _has_odd_head(trace: Trace) -> bool:
    response = trace.latest.response
    if response is None:
        return False
    # A line break within a value would make two of it.
    is_in_lines = response.head.count("\n") == 2 * len(response.headers) - 1
    return not is_in_lines or _PLAIN_HEAD.fullmatch(response.head) is None


_RECORDED = "recorded heads aren't as they were sent"


@check(
    basis=Basis.RFC,
    source="RFC 9112 5.1 and RFC 9110 5.1: field-name = token",
    severity=Severity.HIGH,
    premise=Premise(_RECORDED, _is_on_wire),
    condition=_has_odd_head,
)
def field_names_are_tokens(trace: Trace) -> Iterator[Remark]:
    """
    A field's name is one word, and its colon follows at once.
    """
    response = _on_wire(trace)
    if response is None:
        return
    for name, _ in response.headers:
        if not is_token(name):
            yield violation(
                "header",
                f"a field is named {told(name)}",
                expected=Words("one word"),
                found=Words(told(name)),
            )
    response.need_all_headers()


@check(
    basis=Basis.RFC,
    source="RFC 9110 5.5: field-vchar = VCHAR / obs-text",
    premise=Premise(_RECORDED, _is_on_wire),
    condition=_has_odd_head,
)
def field_values_have_no_controls(trace: Trace) -> Iterator[Remark]:
    """
    No value in the head holds a control character.
    """
    response = _on_wire(trace)
    if response is None:
        return
    for name, value in response.headers:
        if _CONTROL.search(value):
            yield violation(
                f"header:{name}",
                expected=Words("no control characters"),
                found=Words(told(value)),
            )
    response.need_all_headers()


@check(
    basis=Basis.RFC,
    source="RFC 9112 6.2: MUST NOT send Content-Length beside Transfer-Encoding",
    severity=Severity.HIGH,
    premise=Premise("no answer had a Transfer-Encoding", _has_coding),
    fields=("transfer-encoding",),
)
def length_or_chunks_not_both(trace: Trace) -> Iterator[Remark]:
    """
    An answer ends by its length or by its chunks; two ends are how one smuggles another.
    """
    response = _on_wire(trace)
    if response is None or response.header("transfer-encoding") is None:
        return
    if response.header("content-length") is not None:
        yield violation(
            "header:content-length",
            expected=Words("Transfer-Encoding alone"),
            found=Words("both"),
        )


@check(
    basis=Basis.RFC,
    source="RFC 9112 6.1: not in 204, nor in HTTP/1.0",
    premise=Premise("no answer had a Transfer-Encoding", _has_coding),
    fields=("transfer-encoding",),
)
def transfer_coding_has_its_place(trace: Trace) -> Iterator[Remark]:
    """
    Chunks come neither without content nor in a version that doesn't know them.
    """
    response = _on_wire(trace)
    if response is None or response.header("transfer-encoding") is None:
        return
    if response.code == 204 or 100 <= response.code < 200:
        where = f"a {response.code}"
    elif response.http_version == "1.0":
        where = "HTTP/1.0"
    else:
        return
    yield violation(
        "header:transfer-encoding",
        f"{where} has a Transfer-Encoding",
        expected=Words("none"),
        found=response.header("transfer-encoding"),
    )


@check(
    basis=Basis.RFC,
    source="RFC 9112 6.1: MUST NOT apply chunked more than once",
    premise=Premise("no answer had a Transfer-Encoding", _has_coding),
    fields=("transfer-encoding",),
)
def chunks_are_put_on_once(trace: Trace) -> Iterator[Remark]:
    """
    A body is cut into chunks once.
    """
    response = _on_wire(trace)
    if response is None or response.header("transfer-encoding") is None:
        return
    stated = ", ".join(response.header_values("transfer-encoding")).lower()
    if sum(word.strip(" \t") == "chunked" for word in stated.split(",")) > 1:
        yield violation("header:transfer-encoding", expected="chunked", found=stated)


def _has_digest(trace: Trace) -> bool:
    return any(True for _ in _digests(trace))


@check(
    basis=Basis.RFC,
    source="RFC 9530 2 and 3: the digest of the content, coded as it came",
    severity=Severity.MEDIUM,
    premise=Premise("no whole answer had a digest of its content", _has_digest),
)
def digest_is_of_the_content(trace: Trace) -> Iterator[Remark]:
    """
    Whoever checks an answer's digest finds it true.
    """
    for name, algorithm, stated in _digests(trace):
        raw = _bytes_as_they_came(trace.latest.response)
        true = b64encode(hashlib.new(algorithm.replace("-", ""), raw).digest()).decode()
        if stated != true:
            expected = Words(f"{algorithm} of {len(raw)} bytes, {true}")
            yield violation(f"header:{name}", expected=expected, found=told(stated))


def _bytes_as_they_came(response: Response | None) -> bytes:
    """
    The bytes, where a recorder neither decoded nor masked them.

    Raises:
        NotRecorded: It may have.
    """
    raw = response.raw if response is not None else None
    if response is None or raw is None or is_masked(raw.decode("latin-1")):
        raise NotRecorded("the bytes that the digest is of")
    if response.header("content-encoding") is not None and raw == response.body:
        raise NotRecorded("the bytes that the digest is of")
    return raw


def _digests(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """
    Field, algorithm and digest of what came whole.
    """
    seen, response = trace.latest, _on_wire(trace)
    # What has no content may still say what a whole answer's digest is.
    if response is None or seen.method == "HEAD" or response.code in (204, 304):
        return
    for name in _DIGESTS:
        # That of a representation speaks of all of it, of which a 206 is a part.
        if response.header(name) is None or (name == "repr-digest" and response.code != 200):
            continue
        stated = ", ".join(response.header_values(name))
        yield from ((name, found[1], found[2]) for found in _DIGEST.finditer(stated))


def _is_without_content(trace: Trace) -> bool:
    response = trace.latest.response
    return response is not None and response.code == 204


@check(
    basis=Basis.RFC,
    source="RFC 9110 8.6: MUST NOT send Content-Length in a 204",
    premise=Premise("no answer was a 204", _is_without_content),
    codes=(204,),
)
def no_content_has_no_length(trace: Trace) -> Iterator[Remark]:
    """
    204 announces no body.
    """
    response = trace.latest.response
    if response is None or response.code != 204:
        return
    stated = response.header("content-length")
    # Many say 0, which some clients of old wait for, and which misleads nobody.
    if stated is not None and read_digits(stated.strip(), most=_MOST_LENGTH) != 0:
        yield violation("header:content-length", expected=Words("none"), found=stated)


def _has_options(trace: Trace) -> bool:
    response = _on_wire(trace)
    return response is not None and response.header("connection") is not None


@check(
    basis=Basis.RFC,
    source="RFC 9110 7.6.1: MUST NOT name a field that is for all recipients",
    severity=Severity.LOW,
    premise=Premise("no answer had a Connection", _has_options),
    fields=("connection",),
)
def connection_names_its_own(trace: Trace) -> Iterator[Remark]:
    """
    Connection names nothing that a proxy must not take away.
    """
    response = _on_wire(trace)
    if response is None or response.header("connection") is None:
        return
    stated = ",".join(response.header_values("connection")).lower()
    named = {word.strip(" \t") for word in stated.split(",")} & _FOR_EVERYBODY
    if named:
        yield violation(
            "header:connection", expected=Words("close or keep-alive"), found=sorted(named)
        )


def _is_part(trace: Trace) -> bool:
    return trace.latest.code == 206


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.3.7: 206 answers a request for a range",
    premise=Premise("no answer was a 206", _is_part),
    codes=(206,),
)
def part_was_asked_for(trace: Trace) -> Iterator[Remark]:
    """
    206, a part of the answer, comes only to who asked for a part.
    """
    seen = trace.latest
    if seen.code == 206 and seen.exchange.request.header("range") is None:
        yield violation("code", "a part came of what was asked for whole", expected=200, found=206)


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.3.7.1: MUST generate Content-Range",
    premise=Premise("no answer was a 206", _is_part),
    codes=(206,),
)
def part_says_which(trace: Trace) -> Iterator[Remark]:
    """
    A part says which part of the whole it is.
    """
    seen = trace.latest
    if seen.code != 206 or seen.response is None:
        return
    # Of several parts each says it for itself (RFC 9110 14.6).
    is_single = seen.media_type != "multipart/byteranges"
    if is_single and seen.response.header("content-range") is None:
        yield violation(
            "header:content-range", expected=Words("a range"), found=Words("no Content-Range")
        )


def _is_part_with_range(trace: Trace) -> bool:
    response = trace.latest.response
    return _is_part(trace) and response is not None and response.header("content-range") is not None


@check(
    basis=Basis.RFC,
    source="RFC 9110 14.4: where the part begins and ends within the whole",
    premise=Premise("no answer was a 206 with a Content-Range", _is_part_with_range),
    fields=("content-range",),
)
def part_is_what_it_says(trace: Trace) -> Iterator[Remark]:
    """
    A part lies within the whole, and has as many bytes as it says.
    """
    seen = trace.latest
    if not _is_part_with_range(trace) or seen.response is None:
        return
    stated = seen.response.header("content-range") or ""
    found = _CONTENT_RANGE.fullmatch(stated.strip())
    # Other units than bytes may be counted in any way.
    if found is None:
        return
    first, last = (read_digits(text, most=_MOST_LENGTH) for text in found.group(1, 2))
    whole = None if found[3] == "*" else read_digits(found[3], most=_MOST_LENGTH)
    if first is None or last is None:
        return
    if last < first or (whole is not None and last >= whole):
        yield violation("header:content-range", expected=Words("a part of the whole"), found=stated)
        return
    if seen.method != "GET" or seen.exchange.failure is not None:
        return
    if seen.response.raw is None:
        raise NotRecorded("the part's bytes")
    if len(seen.response.raw) != last - first + 1:
        yield violation(
            "body",
            f"a part of {len(seen.response.raw)} bytes is said to be {stated}",
            expected=Words(f"{last - first + 1} bytes"),
            found=Words(f"{len(seen.response.raw)} bytes"),
        )
