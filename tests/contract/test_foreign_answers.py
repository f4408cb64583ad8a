"""
Two answers of one kind show what varies; only what doesn't can tell a foreign job from none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.contract.builders import MISSING, NOW, answer, not_found, said, trace

from jobproof.contract.model.exchange import Exchange, Subject
from jobproof.contract.model.finding import Finding, Kind

FOREIGN = "77777777-2222-4333-8444-555555555555"
OTHER = "5a3c1b2d-1111-4222-9333-444455556666"

_IDS = (MISSING, OTHER, FOREIGN)
_ULIDS = (
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "01BX5ZZKBKACTAV9WEVGEMMVRZ",
    "01HZXK7V3QJ8S2N4M6P0T9R5WE",
)
_PARENTS = (
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    "00-80e1afed08e019fc1110464cfa66635c-7a085853722dc6d2-01",
)
_PAGE = """<!DOCTYPE html><html><head><title>Not found</title>
<script nonce="{nonce}">let a = 1</script></head>
<body><h1>404</h1><p>No job {id}.</p><footer>{time} {request}</footer></body></html>"""


def _exchanges(
    unknown: list[Any],
    foreign: Any,
    headers: list[Mapping[str, str]] | None = None,
    more: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """
    What is said of `foreign` after the answers `unknown` to ids that nobody has.
    """
    shown = headers or [{}] * (len(unknown) + 1)
    asked = (MISSING, OTHER, MISSING, OTHER)
    baselines: list[Exchange] = [
        not_found(
            _as_body(body), job_id=asked[n], at=NOW - 9 + n, headers={**shown[n], **(more or {})}
        )
        for n, body in enumerate(unknown)
    ]
    # Twice: of one answer nobody knows which of its headers come every time.
    seen = [
        answer(
            *(_as_body(foreign), 404),
            job_id=FOREIGN,
            subject=Subject.FOREIGN,
            at=at,
            headers={**shown[-1], **(more or {})},
        )
        for at in (NOW - 2, NOW)
    ]
    subject = trace(*seen, baselines=baselines[:-1], baseline=baselines[-1])
    found = said(subject, Kind.VIOLATION)
    return tuple(f for f in found if f.check == "foreign_job_looks_unknown")


def _as_body(body: Any) -> Any:
    return body.encode() if isinstance(body, str) else body


def _vary(*each: Any) -> tuple[list[Any], Any]:
    return list(each[:-1]), each[-1]


VARYING: dict[str, tuple[list[Any], Any]] = {
    "the id": _vary(*({"error": f"no job {i}"} for i in _IDS)),
    "the id in another case": _vary(*({"error": f"no job {i.upper()}"} for i in _IDS)),
    "the id without hyphens": _vary(*({"error": f"no job {i.replace('-', '')}"} for i in _IDS)),
    "the id as a key": _vary(*({"error": {i: "unknown"}} for i in _IDS)),
    "a path": _vary(*({"error": "none", "instance": f"/v1/jobs/{i}"} for i in _IDS)),
    "a uuid": _vary(*({"error": "none", "request_id": i} for i in _IDS[::-1])),
    "a ulid": _vary(*({"error": "none", "ref": u} for u in _ULIDS)),
    "a ulid in a sentence": _vary(*({"error": f"none (see {u})"} for u in _ULIDS)),
    "hexadecimal digits": _vary(
        *({"error": "none", "x": x} for x in ("a1b2c3d4", "0f9e8d7c", "5a6b7c8d"))
    ),
    "base64": _vary(
        *({"error": "none", "x": x} for x in ("kJhGfDsA+/Lm==", "QwErTyUiOpAs", "ZxCvBnMlKjHg"))
    ),
    "a counter": _vary(*({"error": "none", "count": n} for n in (1, 2, 3))),
    "a counter in a sentence": _vary(*({"error": f"none (question {n})"} for n in (9, 10, 11))),
    "a counter behind a word": _vary(*({"error": "none", "ref": f"req-{n}"} for n in (7, 8, 9))),
    "a time": _vary(
        *({"error": "none", "timestamp": f"2026-01-02T03:04:{n:02}Z"} for n in (5, 6, 7))
    ),
    "a time as two show it by chance": _vary(
        *({"error": f"none at 2026-01-02T03:04:0{n}.123+00:00"} for n in (5, 5, 6))
    ),
    "an http date by chance": _vary(
        *({"error": f"none at Thu, 26 Nov 2026 02:48:{n} GMT"} for n in (16, 16, 17))
    ),
    "unix time by chance": _vary(*({"error": "none", "at": 1_790_000_000 + n} for n in (0, 0, 1))),
    "a duration by chance": _vary(*({"error": f"none, took {n} ms"} for n in (3, 3, 4))),
    "a duration as a number": _vary(*({"error": "none", "took_ms": n} for n in (3, 3, 4))),
    "traceparent": _vary(*({"error": "none", "traceparent": p} for p in _PARENTS)),
    "a trace in a sentence": _vary(*({"error": f"none, trace {p}"} for p in _PARENTS)),
    "a host": _vary(*({"error": "none", "server": f"web-{n}"} for n in ("a", "a", "b"))),
    "a key at times": _vary(
        {"error": "none"}, {"error": "none", "hint": "x"}, {"error": "none", "hint": "y"}
    ),
    "an object at times": _vary(
        {"error": "none"},
        {"error": "none", "debug": {"a": 1}},
        {"error": "none", "debug": {"b": 2}},
    ),
    "words": _vary(
        {"error": "none", "joke": "a"},
        {"error": "none", "joke": "b"},
        {"error": "none", "joke": "c"},
    ),
    "a list of another length": _vary(
        {"error": "none", "l": [1]}, {"error": "none", "l": [1, 2]}, {"error": "none", "l": []}
    ),
    "a page": _vary(
        *(
            _PAGE.format(nonce=n, id=i, time=f"2026-01-02 03:04:0{n[0]}", request=u)
            for n, i, u in zip(("1abXYc", "2defQW", "3ghiRT"), _IDS, _ULIDS, strict=True)
        )
    ),
    "a text": _vary(*(f"no job {i}, request {u}" for i, u in zip(_IDS, _ULIDS, strict=True))),
    "the order of keys": _vary({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 2}),
}


@pytest.mark.parametrize("what", sorted(VARYING))
def test_what_varies_between_two_unknown_ids_tells_nothing(what: str) -> None:
    unknown, foreign = VARYING[what]
    assert _exchanges(unknown, foreign) == ()


ONCE = ["the id", "the id as a key", "a path", "a uuid", "a ulid", "a ulid in a sentence",
        "hexadecimal digits", "a counter", "a counter in a sentence", "a counter behind a word",
        "a time", "unix time by chance", "a duration as a number", "traceparent",
        "a trace in a sentence", "a host", "a text"]  # fmt: skip


@pytest.mark.parametrize("what", ONCE)
def test_with_one_answer_alone_ids_and_times_tell_nothing(what: str) -> None:
    unknown, foreign = VARYING[what]
    assert _exchanges(unknown[:1], foreign) == ()


def test_a_key_that_comes_and_goes_is_no_leak_beside_one_answer_alone() -> None:
    unknown = {"error": "No such job"}
    assert _exchanges([unknown], {**unknown, "hint": "see the docs"}) == ()
    assert _exchanges([{**unknown, "hint": "see the docs"}], unknown) == ()
    assert _exchanges([unknown], {"error": "Not your job"}) != ()


LEAKS: dict[str, Mapping[str, Any]] = {
    "a message": {"error": "This job belongs to another user"},
    "one word": {"error": "No such job for you"},
    "a code": {"code": 40301},
    "a code in letters": {"code_name": "JOB_FORBIDDEN"},
    "a code in a sentence": {"error": "No such job (E4031)"},
    "a flag": {"exists": True},
    "a key more": {"owner": "acme"},
    "a key more in an object": {"meta": {"v": 1, "owner": "acme"}},
    "a key less": {"code": None},
    "another kind of value": {"error": {"message": "No such job"}},
    "an item more": {"hints": ["ask the owner"]},
}


_MAY_COME_AND_GO = ("a key less", "a key more", "a key more in an object")


@pytest.mark.parametrize(
    ("leak", "answers"),
    # Which keys come every time, one answer alone can't show.
    [(leak, n) for leak in LEAKS for n in (1, 2, 3) if n > 1 or leak not in _MAY_COME_AND_GO],
)
def test_what_never_varies_tells_although_other_parts_do(leak: str, answers: int) -> None:
    def body(n: int) -> dict[str, Any]:
        return {
            "error": "No such job (E4041)",
            "code": 40401,
            "code_name": "JOB_MISSING",
            "exists": False,
            "meta": {"v": 1},
            "hints": [],
            "request_id": _ULIDS[n],
            "time": f"2026-01-02T03:04:0{n}Z",
        }

    foreign = {**body(2), **LEAKS[leak]}
    if leak == "a key less":
        del foreign["code"]
    unknown = [body(n % 2) for n in range(answers)]
    found = _exchanges(unknown, foreign)
    if leak == "a code in a sentence" and answers == 1:
        # The words differ as well; of a number alone nothing could be said yet.
        assert [f.pointer for f in found] in ([], ["body"])
    else:
        assert [f.pointer for f in found] == ["body"]


@pytest.mark.parametrize("refs", [("kJhGfDsA", "QwErTyUi", "ZxCvBnMl"), ("3", "4", "15")])
def test_a_leak_in_a_sentence_that_varies_tells(refs: tuple[str, ...]) -> None:
    *unknown, foreign = [{"error": f"There is no such job, ask with {ref}"} for ref in refs]
    assert _exchanges(unknown, foreign) == ()
    leak = {"error": f"The job belongs to another user, ask with {refs[-1]}"}
    assert [f.pointer for f in _exchanges(unknown, leak)] == ["body"]


def test_sentences_with_little_in_common_tell_nothing() -> None:
    unknown = [{"error": "Oops, nothing here"}, {"error": "Well, we found nothing at all"}]
    assert _exchanges(unknown, {"error": "Hm, where did you see that?"}) == ()


def test_a_finding_shows_what_differs_and_nothing_else() -> None:
    unknown = [{"error": "none", "request_id": u} for u in _ULIDS[:2]]
    (finding,) = _exchanges(unknown, {"error": "not yours", "request_id": _ULIDS[2]})
    assert (finding.expected, finding.found) == ({"/error": "none"}, {"/error": "not yours"})


@pytest.mark.parametrize("answers", [1, 2])
def test_another_sentence_on_a_page_tells(answers: int) -> None:
    def page(n: int, sentence: str) -> str:
        said_ = _PAGE.replace("No job {id}.", sentence)
        return said_.format(nonce=f"{n}abXYc", time=f"03:04:0{n}", request=_ULIDS[n])

    unknown = [page(n, "No such job.") for n in range(answers)]
    assert _exchanges(unknown, page(2, "No such job."))[:0] == ()
    (finding,) = _exchanges(unknown, page(2, "It belongs to another user, request denied."))
    assert finding.pointer == "body"


def test_a_page_where_others_get_json_tells() -> None:
    seen = answer(
        b"<p>Forbidden</p>", 404, job_id=FOREIGN, subject=Subject.FOREIGN,
        headers={"content-type": "text/html"},
    )  # fmt: skip
    found = said(trace(seen, baseline=not_found()), Kind.VIOLATION)
    assert "foreign_job_looks_unknown" in {f.check for f in found}


def test_headers_that_vary_tell_nothing() -> None:
    body = {"error": "none"}
    headers = [{"x-cache": "MISS"}, {"x-sampled": "1"}, {"x-cache": "HIT", "x-request-id": "a"}]
    more = {"x-request-id": "8f2b"}
    assert _exchanges([body, body], body, headers, more) == ()


def test_a_header_that_only_a_foreign_job_has_tells() -> None:
    body = {"error": "none"}
    headers = [{"x-cache": "MISS"}, {"x-sampled": "1"}, {"x-owner": "acme"}]
    (finding,) = _exchanges([body, body], body, headers)
    assert (finding.pointer, finding.found) == ("headers", ["x-owner"])


def test_a_header_that_a_foreign_job_lacks_tells() -> None:
    body = {"error": "none"}
    (finding,) = _exchanges([body, body], body, [{"x-why": "a"}, {"x-why": "b"}, {}])
    assert (finding.pointer, finding.expected) == ("headers", ["x-why"])


def test_a_header_that_says_why_tells() -> None:
    body = {"error": "none"}
    said_ = [{"x-error-code": "missing"}, {"x-error-code": "missing"}, {"x-error-code": "denied"}]
    assert [f.pointer for f in _exchanges([body, body], body, said_)] == ["header:x-error-code"]


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503])
def test_a_refusal_for_the_moment_is_no_baseline(code: int) -> None:
    later = not_found({"error": "later"}, code, at=NOW - 5)
    foreign = answer({"error": "Job not found"}, 404, job_id=FOREIGN, subject=Subject.FOREIGN)
    assert said(trace(foreign, baselines=[not_found()], baseline=later), Kind.VIOLATION) == ()
    assert said(trace(foreign, baseline=later), Kind.VIOLATION) == ()


def test_codes_that_vary_between_unknown_ids_tell_nothing() -> None:
    gone = not_found({"error": "gone"}, 403, at=NOW - 5)
    foreign = answer({"error": "gone"}, 403, job_id=FOREIGN, subject=Subject.FOREIGN)
    found = said(trace(foreign, baselines=[gone], baseline=not_found()))
    assert "foreign_job_looks_unknown" not in {f.check for f in found}


def test_a_body_of_any_size_and_depth_is_compared_in_bounds() -> None:
    deep: Any = "x"
    for _ in range(60):
        deep = {"a": deep}
    wide = {"error": " ".join(f"<b>{n}</b>" for n in range(20_000)), "deep": deep}
    texts = [json.dumps(wide), json.dumps({**wide, "error": wide["error"][::-1]})]
    assert _exchanges(texts, texts[0]) == ()
    pages = [t.replace("{", "<") for t in texts]
    assert _exchanges(pages, pages[1]) == ()
