"""
What an ended job shows: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.builders import answer, job, links, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.finding import Basis, Drift, Kind

_REASON = {"code": "NSFW", "message": "refused"}


def _linked(*urls: str) -> Any:
    return answer(job(result={"urls": list(urls)}))


def _amazon(signed: str, lasts_s: int) -> str:
    query = f"X-Amz-Date={signed}&X-Amz-Expires={lasts_s}&X-Amz-Signature=0a"
    return f"https://renders.s3.amazonaws.com/1.png?{query}"


CASES = {
    "success_has_result": Case(
        accepts=trace(answer(job(result={"style_id": "s-1"}))),
        rejects=trace(answer(job(result={}))),
        at="/result/urls",
    ),
    "success_has_no_failure_reason": Case(
        accepts=trace(answer(job("cancelled", error=_REASON))),
        rejects=trace(answer(job(error=_REASON))),
        at="/error",
    ),
    "failure_has_reason": Case(
        accepts=trace(answer(job("cancelled"))),
        rejects=trace(answer(job("failed", without=["error"]))),
        at="/error",
    ),
    "result_comes_with_the_end": Case(
        accepts=trace(answer(job("processing", result={"urls": links()}))),
        rejects=trace(answer(job("queued", result={"urls": links()}))),
        at="/result/urls",
        says=Kind.DRIFT,
    ),
    "links_are_filled_in": Case(
        accepts=trace(_linked("https://gen.krea.ai/null-island/undefined_1.png")),
        rejects=trace(_linked("https://gen.krea.ai/images/undefined.png")),
        at="/result/urls/0",
    ),
    "links_outlive_the_job": Case(
        # Signed once, when the job ended three weeks ago, for an hour: the vendor says so.
        accepts=trace(
            answer(
                job(
                    created_at="2026-08-30T10:00:00Z",
                    completed_at="2026-08-30T10:01:00Z",
                    result={"urls": [_amazon("20260830T100100Z", 3600)]},
                )
            )
        ),
        rejects=trace(_linked(_amazon("20260830T100100Z", 3600))),
        at="/result/urls/0",
    ),
    "links_use_safe_schemes": Case(
        accepts=trace(_linked("HTTPS://gen.krea.ai/a.png#x")),
        rejects=trace(_linked("javascript:alert(1)")),
        at="/result/urls/0",
    ),
    "links_point_to_public_hosts": Case(
        accepts=trace(_linked("https://8.8.8.8:8443/a.png")),
        rejects=trace(_linked("https://gen.krea.ai/a.png", "https://10.0.0.7/a.png")),
        at="/result/urls/1",
    ),
}


@pytest.mark.parametrize("changes", [{"result": {"urls": []}}, {"result": {"style_id": ""}}, {}])
def test_an_end_without_anything_to_show_is_a_violation(changes: dict[str, Any]) -> None:
    body = job(**changes) if changes else job(without=["result"])
    assert [f.check for f in said(trace(answer(body)))] == ["success_has_result"]


@pytest.mark.parametrize("status", ["queued", "processing", "intermediate-complete", "completed"])
def test_a_reason_of_failure_without_a_failure_is_a_violation(status: str) -> None:
    seen = trace(answer(job(status, error=_REASON)))
    assert [f.check for f in said(seen)] == ["success_has_no_failure_reason"]


def test_the_reason_may_stand_in_the_result() -> None:
    body = job("failed", without=["error"], result={"error": "no memory"})
    assert said(trace(answer(body)), Kind.VIOLATION) == ()


def test_a_failure_without_a_reason_is_our_reading_only() -> None:
    (finding,) = said(trace(answer(job("failed", without=["error"]))))
    assert (finding.check, finding.basis) == ("failure_has_reason", Basis.INFERRED)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ({"code": ""}, True),
        ({"code": " ", "message": "undefined"}, True),
        ({"code": "null"}, True),
        ({"code": "", "message": "no memory"}, False),
        ({"code": "nullable_prompt"}, False),
        ({"code": "NaN"}, False),  # what a training fails with
    ],
)
def test_a_reason_of_words_for_nothing_is_none(error: dict[str, str], found: bool) -> None:
    findings = said(trace(answer(job("failed", error=error))))
    assert [(f.check, f.basis) for f in findings] == (
        [("failure_has_reason", Basis.INFERRED)] if found else []
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Expires=1700000000&Signature=a&Key-Pair-Id=K", True),
        ("Expires=1790000060&Signature=a&Key-Pair-Id=K", False),
        ("Expires=1700000000", False),  # a name that anybody may use
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=60&X-Goog-Signature=a", True),
        ("X-Goog-Date=20260230T000000Z&X-Goog-Expires=60", False),  # no day
        ("sv=2023&se=2026-01-01T00%3A00%3A00Z&sig=a", True),
        ("se=2026-01-01T00:00Z&sig=a", True),
        ("se=2036-01-01T00:00:00Z&sig=a", False),
        ("se=2026-01-01T00:00:00Z", False),
    ],
)
def test_a_link_that_never_led_anywhere_is_a_violation(query: str, found: bool) -> None:
    findings = said(trace(_linked(f"https://files.krea.ai/1.png?{query}")))
    assert [f.check for f in findings] == (["links_outlive_the_job"] if found else [])


def test_a_signature_is_not_shown() -> None:
    (finding,) = said(trace(_linked("https://a.krea.ai/1.png?Expires=1700000000&Signature=s3cret")))
    assert "s3cret" not in repr(finding.message) + repr(finding.found) + repr(finding.expected)


def test_a_result_before_the_work_began_is_drift() -> None:
    (finding,) = said(trace(answer(job("backlogged", result={"style_id": "s"}))))
    assert (finding.kind, finding.drift) == (Kind.DRIFT, Drift.EARLY_RESULT)


@pytest.mark.parametrize(
    "url",
    [
        "http://gen.krea.ai/a.png",
        "ftp://gen.krea.ai/a.png",
        "data:text/html,x",
        "file:///etc/passwd",
        "s3://bucket/a.png",
        "https://user:pass@gen.krea.ai/a.png",
    ],
)
def test_a_link_that_is_not_safe_to_open_is_a_violation(url: str) -> None:
    found = said(trace(_linked(url)), Kind.VIOLATION)
    assert "links_use_safe_schemes" in {f.check for f in found}
    assert "pass" not in str([f.found for f in found if f.check == "links_use_safe_schemes"][0:1])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.0x0.0x0.0xa",
        "256.1.1.1",
        "１２７.0.0.１",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.1.1:8443",
        "metadata.google.internal",
        "printer.local",
        "minio",
        "224.0.0.1",
        "0.0.0.0",
    ],
)
def test_a_link_into_a_network_is_a_violation(host: str) -> None:
    found = {f.check for f in said(trace(_linked(f"https://{host}/a.png")), Kind.VIOLATION)}
    assert "links_point_to_public_hosts" in found


@pytest.mark.parametrize(
    ("port", "found"), [(8080, set()), (9000, {"links_point_to_public_hosts"})]
)
def test_a_link_to_where_the_api_itself_was_reached_is_none_into_a_network(
    port: int, found: set[str]
) -> None:
    body = job(result={"urls": [f"http://127.0.0.1:{port}/files/a.png"]})
    told = said(trace(answer(body, base_url="http://127.0.0.1:8080")), Kind.VIOLATION)
    assert {f.check for f in told} - {"links_use_safe_schemes"} == found


@pytest.mark.parametrize(
    "host",
    [
        "gen.krea.ai",
        "1.1.1.1",
        "[2606:4700::1111]",
        "xn--bcher-kva.example",
        "0.pool.krea.ai",
        "123.krea.ai",
        "cdn.krea.ai.",
        "134744072",
        "[64:ff9b::808:808]",
    ],
)
def test_a_link_to_a_public_host_is_right(host: str) -> None:
    assert said(trace(_linked(f"https://{host}/a.png?X-Signature=1%2F2"))) == ()


@pytest.mark.parametrize("url", ["/a.png", "https://[::1", "://", "", "https://"])
def test_what_is_no_url_is_the_schemas_affair(url: str) -> None:
    found = {f.check for f in said(trace(_linked(url)))}
    assert found <= {"body_matches_schema"}


@pytest.mark.parametrize(
    "urls",
    [
        {"glb": "http://10.0.0.1/a.glb"},
        {"model": {"url": "http://10.0.0.1/a.glb"}},
        {"models": ["http://10.0.0.1/a.glb"]},
        [{"type": "model", "url": "http://10.0.0.1/a.glb"}],
        "http://10.0.0.1/a.glb",
    ],
    ids=["map", "map of objects", "map of lists", "list of objects", "text"],
)
def test_links_are_found_in_whatever_holds_them(urls: object) -> None:
    found = {f.check for f in said(trace(answer(job(result={"urls": urls}))), Kind.VIOLATION)}
    assert {"links_use_safe_schemes", "links_point_to_public_hosts"} <= found
