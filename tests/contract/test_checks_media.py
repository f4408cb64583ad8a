"""
Media types: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.builders import answer, api, judge, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.finding import Kind

CASES = {
    "media_type_is_documented": Case(
        accepts=trace(answer(headers={"content-type": "Application/JSON;charset=UTF-8"})),
        rejects=trace(answer(headers={"content-type": "text/html"})),
        at="header:content-type",
    ),
    "charset_is_utf8": Case(
        accepts=trace(answer(headers={"content-type": 'application/json; charset="utf-8"'})),
        rejects=trace(answer(headers={"content-type": "application/json; charset=latin-1"})),
        at="header:content-type",
    ),
}


@pytest.mark.parametrize("stated", [None, "", "text/plain", "application/problem+json", ";"])
@pytest.mark.parametrize("exchange", [answer, not_found])
def test_another_media_type_is_a_violation(exchange: object, stated: str | None) -> None:
    assert callable(exchange)
    seen = trace(exchange(headers={"content-type": stated}))
    # That the value itself is none, another check says as well.
    found = [f.check for f in said(seen) if f.check != "content_type_is_well_formed"]
    assert found == ["media_type_is_documented"]


def test_a_page_in_place_of_a_job_is_told_of_as_both() -> None:
    seen = trace(answer(b"<html>", headers={"content-type": "text/html"}))
    found = {f.check for f in said(seen, Kind.VIOLATION)}
    assert found == {"media_type_is_documented", "body_is_json"}


@pytest.mark.parametrize("code", [204, 304])
def test_where_there_is_no_body_there_is_no_media_type_to_document(code: int) -> None:
    operation = api().operation
    spec = replace(operation.responses["200"])
    listed = {**operation.responses, str(code): spec}
    of = replace(api(), operation=replace(operation, responses=listed))
    seen = trace(answer(b"", code, headers={"content-type": "text/html"}), of=of)
    judgement = judge().judge(seen)
    names = {f.check for f in judgement.findings} | {check.id for check in judgement.looked}
    assert "media_type_is_documented" not in names
