"""
Situations in which a check may find itself: by group, each with one thing that is different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.contract.builders import (
    CREATED,
    ENDED,
    JOB,
    NOW,
    answer,
    api,
    failure,
    job,
    not_found,
    trace,
    written,
)

from jobproof.contract.model.exchange import Credential, Exchange, Reason, Response, Subject
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import find_api

__all__ = ["SITUATIONS"]

_CODES = (
    *(200, 201, 204, 206, 299, 301, 304, 307, 399, 400, 401, 403, 404, 405, 408, 409, 418, 422),
    *(425, 428, 429, 430, 499, 500, 501, 502, 503, 504, 599),
)
_FEW_CODES = (200, 204, 301, 304, 400, 401, 403, 404, 405, 408, 429, 499, 500, 501, 503)
_STATUSES = (
    *("backlogged", "queued", "scheduled", "processing", "sampling", "intermediate-complete"),
    *("completed", "failed", "cancelled", "melting"),
)
_TAG = {"etag": '"1"'}
_ASKED = {"If-None-Match": '"1"'}
_PART = {"Range": "bytes=0-9"}
_FOR_CACHES = {"content-encoding": "gzip", "cache-control": "max-age=60"}
_CUT = Response(200, (("content-type", "application/json"),), b"{", b"{", "1.1")


def _of_code(code: int, **kwargs: Any) -> Exchange:
    return answer(None if code == 200 else {"error": "no"}, code, **kwargs)


def _codes(codes: Sequence[int], **kwargs: Any) -> dict[str, Trace]:
    return {str(code): trace(_of_code(code, **kwargs)) for code in codes}


def _after(before: Exchange, codes: Sequence[int] = _FEW_CODES, **kwargs: Any) -> dict[str, Trace]:
    return {str(code): trace(before, _of_code(code, **kwargs)) for code in codes}


def _heads() -> Iterator[tuple[str, Mapping[str, str | None]]]:
    yield "bare", {"content-type": None, "date": None}
    for kind in ("text/html", "text/plain", "application/problem+json", "a/b; charset=latin-1"):
        yield kind, {"content-type": kind}
    yield "latin-1", {"content-type": "application/json; charset=latin-1"}
    for name, values in {
        "etag": ('"1"', "1"),
        "age": ("0", "1", "2", "61", "62", "-1"),
        "cache-control": ("public", "private", "no-store", "s-maxage=5", "max-age=0", "max-age=x"),
        "content-encoding": ("gzip", "identity", "br"),
        "vary": ("*", "a b"),
        "last-modified": ("Sun, 06 Nov 1994 08:49:37 GMT", "x"),
        "link": ("<a>; rel=b", "a"),
        "location": ("/a", "/a b"),
        "content-language": ("en", "e"),
        "retry-after": ("1", "x"),
        "allow": ("GET", "POST", ""),
        "connection": ("close", "date"),
        "transfer-encoding": ("chunked", "chunked, chunked"),
        "www-authenticate": ("Bearer", "Basic", "=", 'Bearer error="invalid_token"'),
        "content-range": ("bytes 0-9/10",),
        "access-control-allow-origin": ("*", "https://a.example"),
    }.items():
        for value in values:
            yield f"{name}={value}", {name: value}
    yield "age=61 max-age=60", {"age": "61", "cache-control": "max-age=60"}
    yield "age=62 max-age=60", {"age": "62", "cache-control": "max-age=60"}
    yield "coded", _FOR_CACHES
    yield "coded private no-store", {**_FOR_CACHES, "cache-control": "no-store, max-age=60"}
    yield "both ends", {"transfer-encoding": "chunked", "content-length": "9"}


def _statuses() -> Iterator[tuple[str, Trace]]:
    for status in _STATUSES:
        yield status, trace(answer(job(status)))
        yield f"{status} ended", trace(answer(job(status, completed_at=written(ENDED))))
        bare = job(status, without=["completed_at", "result", "error", "created_at"])
        yield f"{status} bare", trace(answer(bare))
        linked = {"urls": ["http://10.0.0.1/undefined.png?Expires=1"]}
        yield f"{status} linked", trace(answer(job(status, result=linked)))
        yield f"{status} reasoned", trace(answer(job(status, error={"code": "x"})))
        yield f"{status} blank", trace(answer(job(status, error="", result={"urls": []})))


def _moves() -> Iterator[tuple[str, Trace]]:
    for before in _STATUSES:
        for after in _STATUSES:
            seen = answer(job(before), at=NOW - 9), answer(job(after))
            yield f"{before}>{after}", trace(*seen)
            yield f"{before}>{after} lagging", trace(*seen, staleness_s=30)


def _ends() -> Iterator[tuple[str, Trace]]:
    ended = answer(at=NOW - 9, headers=_TAG)
    for name, changes in {
        "same": {},
        "result": {"result": {"urls": ["https://gen.krea.ai/z.png"]}},
        "no result": {"result": None},
        "created": {"created_at": written(CREATED + 1)},
        "end": {"completed_at": written(ENDED + 1)},
        "no end": {"completed_at": None},
        "id": {"job_id": "0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"},
        "case": {"job_id": JOB.upper()},
        "key": {"colour": "red"},
        "error": {"error": {"code": "x"}},
    }.items():
        yield name, trace(ended, answer(job(**changes), headers=_TAG))
        yield f"{name} first", trace(answer(job(**changes)))


def _times() -> Iterator[tuple[str, Trace]]:
    for name, key, moment in (
        ("created ahead", "created_at", NOW + 99),
        ("created soon", "created_at", NOW + 9),
        ("created long ago", "created_at", 0.0),
        ("ended ahead", "completed_at", NOW + 99),
        ("ended before", "completed_at", CREATED - 9),
        ("ended unseen", "completed_at", NOW - 200),
    ):
        late = job(**{key: written(moment)})
        yield name, trace(answer(late))
        yield f"{name} after unfinished", trace(answer(job("queued"), at=NOW - 9), answer(late))


def _failures() -> Iterator[tuple[str, Trace]]:
    for reason in Reason:
        for partial in (None, _CUT):
            name = f"{reason.value}{' cut' if partial else ''}"
            lost = failure(reason, partial=partial)
            yield name, trace(lost)
            yield f"{name} again", trace(failure(reason, at=NOW - 30), lost, baseline=not_found())
            yield f"{name} after 200", trace(answer(at=NOW - 30), lost)
            yield f"{name} anonymous", trace(failure(reason, credential=Credential.NONE))
        yield f"{reason.value} HEAD", trace(failure(reason, method="HEAD"))
        foreign = failure(reason, subject=Subject.FOREIGN)
        yield f"{reason.value} foreign", trace(foreign, baseline=not_found())


def _answered(exchange: Exchange, **changes: Any) -> Exchange:
    assert exchange.response is not None
    return replace(exchange, answer=replace(exchange.response, **changes))


def _without(what: str) -> Iterator[tuple[str, Trace]]:
    for code in _FEW_CODES:
        whole = _of_code(code, sent=_ASKED)
        known = answer(at=NOW - 9, headers=_TAG)
        told = replace(whole.request, headers=(), has_all_headers=False)
        cut = {
            "body": _answered(whole, body=None, raw=None),
            "head": _answered(whole, headers=(), has_all_headers=False),
            "question": replace(whole, request=told),
            "time": replace(whole, is_timed=False, elapsed_s=0.0),
        }
        yield str(code), trace(known, cut[what], baseline=not_found())


def _head(code: int, **kwargs: Any) -> Exchange:
    return answer(code=code, method="HEAD", **kwargs)


def _manners(code: int, method: str = "GET") -> Iterator[tuple[str, Trace]]:
    for manner in Manner:
        seen = _of_code(code, manner=manner, method=method)
        yield manner.value, trace(answer(at=NOW - 9), seen)


def _foreign(baseline: int) -> Iterator[tuple[str, Trace]]:
    for code in _FEW_CODES:
        foreign = _of_code(code, subject=Subject.FOREIGN)
        yield str(code), trace(foreign, baseline=not_found(code=baseline))


def _bodies() -> Iterator[tuple[str, Trace]]:
    for name, body in {
        "empty": b"",
        "list": b"[]",
        "text": b"no",
        "number": b"3",
        "mark": b"\xef\xbb\xbf{}",
        "twice": b'{"a": 1, "a": 2}',
        "nan": b'{"a": NaN}',
        "big": b'{"a": 9007199254740993}',
        "half": b'{"a": "\\ud800"}',
        "bytes": b'{"a": "\xff"}',
        "trace": b'{"error": "Traceback (most recent call last)"}',
        "key": b'{"error": "-----BEGIN PRIVATE KEY-----"}',
        "problem": b'{"status": 400, "type": "a b", "title": 3}',
        "other problem": b'{"status": 404}',
        "odd problem": b'{"status": true}',
        "secret": b'{"api_key": "x"}',
    }.items():
        for code in (200, 400, 404, 418):
            yield f"{name} {code}", trace(answer(body, code))
        kind = {"content-type": "application/problem+json"}
        yield f"{name} as problem", trace(answer(body, 400, headers=kind))
        yield f"{name} hostile", trace(answer(body, subject=Subject.MALFORMED, job_id="%00"))


def _fast(*took: float) -> Trace:
    return trace(*(answer(at=NOW + 30 * n, elapsed_s=one) for n, one in enumerate(took)))


_BATCH = find_api("openai-batch")
_STAMPS = (
    *("in_progress_at", "expires_at", "completed_at", "failed_at", "expired_at", "cancelled_at"),
)


def _batch(status: str = "completed", *, at: float = NOW, **changes: Any) -> Exchange:
    body = {
        "id": f"batch_{'0a' * 16}",
        "object": "batch",
        "endpoint": "/v1",
        "input_file_id": "f",
        "completion_window": "24h",
        "status": status,
        "created_at": int(CREATED),
        "output_file_id": "g" if status == "completed" else None,
        **changes,
    }
    return answer({key: value for key, value in body.items() if value is not None}, at=at)


def _batches() -> Iterator[tuple[str, Trace]]:
    for status in ("in_progress", "cancelling", "completed", "failed"):
        yield status, trace(_batch(status), of=_BATCH)
        for stamp in _STAMPS:
            set_to = {stamp: int(ENDED)}
            yield f"{status} {stamp}", trace(_batch(status, **set_to), of=_BATCH)
    for status in ("completed", "expired"):
        both = {"failed_at": int(ENDED), "cancelled_at": int(ENDED)}
        yield f"{status} twice", trace(_batch(status, **both), of=_BATCH)


def _stamps() -> Iterator[tuple[str, Trace]]:
    for stamp in _STAMPS:
        known = _batch(at=NOW - 9, **{stamp: int(ENDED)})
        for name, moment in {
            "ahead": int(NOW) + 99,
            "in another unit": int(NOW) * 1_000,
            "before the creation": int(CREATED) - 9,
            "a little before": int(CREATED) - 1,
            "moved": int(ENDED) + 5,
            "gone": None,
            "kept": int(ENDED),
        }.items():
            yield f"{stamp} {name}", trace(known, _batch(**{stamp: moment}), of=_BATCH)
    for name in ("endpoint", "completion_window", "input_file_id"):
        changed = _batch(**{name: "x", "metadata": {"a": "b"}})
        yield f"{name} changed", trace(_batch(at=NOW - 9), changed, of=_BATCH)


_LINKS = {
    "right": "https://gen.krea.ai/a.png",
    "relative": "/a.png",
    "unsafe": "ftp://gen.krea.ai/a.png",
    "plain": "http://gen.krea.ai/a.png",
    "private": "https://10.0.0.1/a.png",
    "blank": "https://gen.krea.ai/undefined.png",
    "expired": "https://gen.krea.ai/a.png?Expires=1700000000&Signature=a",
    "lasting": "https://gen.krea.ai/a.png?Expires=1790000060&Signature=a",
    "with a password": "https://a:b@gen.krea.ai/a.png",
    "unreadable": "https://[::1",
}


def _pairs_of_links() -> Iterator[tuple[str, Trace]]:
    for first, one in _LINKS.items():
        for second in ("right", "unsafe", "private", "blank", "expired"):
            body = job(result={"urls": [one, _LINKS[second]]})
            yield f"{first} + {second}", trace(answer(body))


_BARE = replace(
    api(),
    profile=api().profile.model_copy(update={"times": None, "result": None, "failure": None}),
)
_ANY_SUBJECT = [one for one in Subject if one is not Subject.KNOWN]
_ANY_CREDENTIAL = [one for one in Credential if one is not Credential.OWNER]
_OTHER_METHODS = ("HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "QUERY")

_GROUPS: dict[str, Callable[[], Mapping[str, Trace]]] = {
    "GET": lambda: _codes(_CODES),
    **{
        method: lambda method=method: _codes(_CODES, method=method)  # type: ignore[misc]
        for method in _OTHER_METHODS
    },
    **{
        f"{method} after GET": lambda method=method: _after(  # type: ignore[misc]
            answer(at=NOW - 9), method=method
        )
        for method in ("GET", "HEAD", "PATCH")
    },
    **{
        f"{method} allowing": lambda method=method: _codes(  # type: ignore[misc]
            _FEW_CODES, method=method, headers={"allow": "GET, PUT"}
        )
        for method in ("GET", "OPTIONS", "PUT", "PATCH", "TRACE")
    },
    **{
        one.value: lambda one=one: _codes(_FEW_CODES, subject=one)  # type: ignore[misc]
        for one in _ANY_SUBJECT
    },
    **{
        f"by {one.value}": lambda one=one: _codes(_FEW_CODES, credential=one)  # type: ignore[misc]
        for one in _ANY_CREDENTIAL
    },
    "GET after 404": lambda: _after(answer({"error": "no"}, 404, at=NOW - 9)),
    "GET after 503": lambda: _after(answer({"error": "no"}, 503, at=NOW - 9)),
    "GET after 429": lambda: _after(answer({"error": "no"}, 429, at=NOW - 9)),
    "HEAD after 404": lambda: _after(answer({"error": "no"}, 404, at=NOW - 9), method="HEAD"),
    "HEAD after unfinished": lambda: _after(answer(job("queued"), at=NOW - 9), method="HEAD"),
    "with a tag": lambda: _after(answer(at=NOW - 9, headers=_TAG), sent=_ASKED),
    "with another tag": lambda: _after(answer(at=NOW - 9, headers={"etag": "2"}), sent=_ASKED),
    "tagged again": lambda: _after(answer(at=NOW - 9, headers=_TAG), headers=_TAG),
    "PATCH": lambda: _codes(_FEW_CODES, method="PATCH"),
    "for a part": lambda: _codes((200, 206), sent={"Range": "bytes=0-9"}),
    "a part": lambda: {
        stated: trace(answer(b"0123456789", 206, headers={"content-range": stated}, sent=_PART))
        for stated in ("bytes 0-9/10", "bytes 0-8/10", "bytes 0-9/9", "lines 0-9/10", "x")
    },
    "by HTTP/1.0": lambda: _codes((200,), version="1.0", headers={"transfer-encoding": "chunked"}),
    "by HTTP/2": lambda: _codes((200,), version="2", headers={"transfer-encoding": "chunked"}),
    "head": lambda: {name: trace(answer(headers=head)) for name, head in _heads()},
    "head of a 401": lambda: {
        name: trace(_of_code(401, credential=Credential.NONE, headers=head))
        for name, head in _heads()
    },
    "head of a HEAD": lambda: {
        name: trace(*(answer(at=NOW - n, headers=_TAG) for n in (9, 8)), _head(200, headers=head))
        for name, head in _heads()
    },
    "undated": lambda: {
        str(code): trace(_of_code(code, headers={"date": None}), baseline=not_found())
        for code in _CODES
    },
    "job": lambda: dict(_statuses()),
    "move": lambda: dict(_moves()),
    "after the end": lambda: dict(_ends()),
    "times": lambda: dict(_times()),
    "lost": lambda: dict(_failures()),
    **{
        f"without {what}": lambda what=what: dict(_without(what))  # type: ignore[misc]
        for what in ("body", "head", "question", "time")
    },
    **{
        f"otherwise {code}": lambda code=code: dict(_manners(code))  # type: ignore[misc]
        for code in (200, 206, 304, 400, 403, 404, 500)
    },
    **{
        f"otherwise HEAD {code}": lambda code=code: dict(_manners(code, "HEAD"))  # type: ignore[misc]
        for code in (404, 405)
    },
    **{
        f"foreign as {code}": lambda code=code: dict(_foreign(code))  # type: ignore[misc]
        for code in (200, 403, 404, 429, 503)
    },
    "foreign HEAD": lambda: {
        str(code): trace(
            _of_code(code, subject=Subject.FOREIGN, method="HEAD"), baseline=not_found()
        )
        for code in _FEW_CODES
    },
    "body": lambda: dict(_bodies()),
    "took": lambda: {
        "once": _fast(9),
        "twice": _fast(9, 9),
        "in a row": _fast(9, 9, 9),
        "first": _fast(9, 0.1, 0.1),
        "last": _fast(0.1, 0.1, 9),
        "with a gap": _fast(9, 0.1, 9),
        "at the limit": _fast(2, 2, 2),
    },
    "batch": lambda: dict(_batches()),
    "batch again": lambda: dict(_stamps()),
    "links": lambda: dict(_pairs_of_links()),
    "another API's": lambda: {
        f"{before}>{status}": trace(answer(job(before), at=NOW - 9), answer(job(status)), of=_BARE)
        for before in ("queued", "completed")
        for status in _STATUSES
    },
}

SITUATIONS: dict[str, Mapping[str, Trace]] = {name: make() for name, make in _GROUPS.items()}
"""By group and name."""
