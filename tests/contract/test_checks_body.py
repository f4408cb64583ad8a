"""
Bytes: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.builders import answer, failure, job, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Credential, Exchange, Reason, Response
from jobproof.contract.model.finding import Basis, Kind

_TEXT = json.dumps(job())
_UMLAUT = json.dumps(job("failed", error={"code": "müde"}), ensure_ascii=False)
_PARTIAL = Response(200, (("content-type", "application/json"),), _TEXT[:40].encode())
_DRIFT = {"keys_are_declared": "the document declares no number, so one needs a new key"}


def _with_number(text: str) -> bytes:
    return f'{_TEXT[:-1]}, "cost": {text}}}'.encode()


def _problem(**members: Any) -> Exchange:
    # The document has no 401, so it is held to nothing but the RFC.
    kind = {"content-type": "application/problem+json"}
    return answer(members, 401, credential=Credential.NONE, headers=kind)


CASES = {
    "body_arrives_whole": Case(
        accepts=trace(answer()),
        rejects=trace(failure(Reason.PROTOCOL, partial=_PARTIAL)),
        at="body",
    ),
    "body_is_within_size_cap": Case(
        accepts=trace(answer(_TEXT.encode() + b" " * 1_000_000)),
        rejects=trace(failure(Reason.TOO_LARGE, partial=_PARTIAL)),
        at="body",
    ),
    "content_coding_was_offered": Case(
        accepts=trace(answer(headers={"content-encoding": "gzip"})),
        rejects=trace(answer(headers={"content-encoding": "br"})),
        at="header:content-encoding",
    ),
    "body_is_utf8": Case(
        accepts=trace(answer(_UMLAUT.encode())),
        rejects=trace(answer(_TEXT.replace("completed", "compl\xe9ted").encode("latin-1"))),
        at="body",
    ),
    "body_has_no_byte_order_mark": Case(
        accepts=trace(answer(_TEXT.encode())),
        rejects=trace(answer(b"\xef\xbb\xbf" + _TEXT.encode())),
        at="body",
    ),
    "body_is_json": Case(
        accepts=trace(answer(b"\r\n\t " + _TEXT.encode() + b"\n")),
        rejects=trace(answer(_TEXT.encode()[:-1])),
        at="body",
    ),
    "json_keys_are_unique": Case(
        accepts=trace(answer(job("failed", error={"code": "x", "message": '"code": "y"'}))),
        rejects=trace(answer(_TEXT.replace("{", '{"status": "completed", ', 1).encode())),
        at="body",
    ),
    "json_numbers_are_finite": Case(
        accepts=trace(answer(job("failed", error={"code": "NaN"}))),
        rejects=trace(answer(_with_number("NaN"))),
        at="body",
        also=_DRIFT,
    ),
    "json_numbers_are_exact": Case(
        accepts=trace(answer(job("failed", error={"code": str(2**60)}))),
        rejects=trace(answer(_with_number(str(2**53 + 1)))),
        at="body",
        also=_DRIFT,
    ),
    "json_text_is_unicode": Case(
        accepts=trace(answer(job("failed", error={"code": "\U0001f600 \\ud83d"}))),
        rejects=trace(answer(job("failed", error={"code": "\ud83d"}))),
        at="body",
    ),
    "problem_repeats_the_code": Case(
        accepts=trace(_problem(status=401.0, title="no", type="about:blank")),
        rejects=trace(_problem(status=403)),
        at="/status",
    ),
    "problem_members_have_their_types": Case(
        accepts=trace(_problem(type="/problems/no-token", detail=None, status=None)),
        rejects=trace(_problem(type="no token")),
        at="/type",
    ),
}


@pytest.mark.parametrize("code", [502, 503])
def test_an_outage_page_that_calls_itself_json_is_no_broken_json(code: int) -> None:
    seen = trace(answer(b"<html>down</html>", code))
    assert "body_is_json" not in {f.check for f in said(seen)}


def test_an_empty_refusal_that_calls_itself_json_breaks_the_rfc_not_the_document() -> None:
    seen = trace(answer(b"", 401, credential=Credential.NONE))
    (finding,) = [f for f in said(seen) if f.kind is Kind.VIOLATION]
    assert (finding.check, finding.basis) == ("body_is_json", Basis.RFC)


def test_a_timeout_in_the_middle_of_a_body_is_inconclusive() -> None:
    seen = trace(failure(Reason.TIMEOUT, partial=_PARTIAL))
    assert [(f.check, f.kind) for f in said(seen)] == [("endpoint_is_available", Kind.INCONCLUSIVE)]


def test_a_body_that_does_not_decode_is_a_violation() -> None:
    seen = trace(failure(Reason.ENCODING, partial=_PARTIAL))
    assert [f.check for f in said(seen)] == ["body_arrives_whole"]


def test_a_coding_that_the_request_offered_is_right() -> None:
    seen = trace(answer(headers={"content-encoding": "br"}, sent={"Accept-Encoding": "gzip, br"}))
    assert said(seen) == ()


@pytest.mark.parametrize("text", ["", "   ", "{}{}", "cb({});", "{'a': 1}", "// no\n{}", "[1,]"])
def test_what_is_not_one_json_value_is_a_violation(text: str) -> None:
    assert [f.check for f in said(trace(answer(text.encode())))] == ["body_is_json"]


def test_no_body_is_read_where_there_is_none() -> None:
    seen = trace(answer(b"", 304, sent={"If-None-Match": '"a"'}), answer(method="HEAD"))
    assert said(seen) == ()


@pytest.mark.parametrize(
    "members",
    [{"status": "401"}, {"status": True}, {"title": 7}, {"detail": []}, {"instance": "a b"}],
    ids=str,
)
def test_a_member_of_a_problem_that_readers_pass_over_is_our_reading_only(
    members: dict[str, Any],
) -> None:
    found = said(trace(_problem(**members)), Kind.VIOLATION)
    assert [(f.check, f.basis) for f in found] == [
        ("problem_members_have_their_types", Basis.INFERRED)
    ]
