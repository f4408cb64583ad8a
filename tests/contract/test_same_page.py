"""
A run finds out whether a page comes from something in front of the API, says so, and stops.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.contract.builders import JOB, NOW, job

from jobproof.contract.model.exchange import Credential, Exchange, Request, Response
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import Verdict, conclude
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.plan import build_plan
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.reporting.outcome import outcome_of_run
from jobproof.contract.suite.reporting.report import build_report
from jobproof.contract.suite.running.run import Run

JSON = "application/json"
HTML = "text/html; charset=utf-8"
PORTAL = Response(200, (("content-type", HTML),), b"<html><title>Log in to WiFi</title></html>")
BLOCK = Response(403, (("content-type", HTML),), b"<html><h1>Access denied</h1></html>")


def _json(code: int, body: Any, **headers: str) -> Response:
    shown = {"content-type": JSON, **{n.replace("_", "-"): v for n, v in headers.items()}}
    return Response(code, tuple(shown.items()), json.dumps(body).encode())


def _right(request: Request) -> Response:
    """
    A right server, and a 404 of its own at every other place.
    """
    if request.credential in (Credential.NONE, Credential.INVALID):
        return _json(401, {"error": "no token"}, www_authenticate="Bearer")
    known = unquote(urlsplit(request.url).path).lower() == f"/jobs/{JOB}"
    if request.method == "OPTIONS":
        return Response(204, (("allow", "GET, HEAD, OPTIONS"),))
    if request.method not in ("GET", "HEAD"):
        return _json(405, {"error": "no"}, allow="GET, HEAD, OPTIONS")
    return _json(200, job()) if known else _json(404, {"error": "no such job"})


@dataclass
class _Sender:
    """
    Answers by a function of the request and its number, from 1 on.
    """

    reply: Callable[[Request, int], Response]
    sent: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        assert deadline_s > 0
        with self.lock:
            self.sent.append(request)
            number = len(self.sent)
        response = self.reply(request, number)
        if request.method == "HEAD":
            response = Response(response.code, response.headers)
        return Exchange(request, response, NOW + number, 0.01)

    @property
    def paths(self) -> list[str]:
        return [urlsplit(request.url).path for request in self.sent]


def _carried_out(
    reply: Callable[[Request, int], Response], waits: list[float] | None = None, **values: Any
) -> tuple[Run, _Sender]:
    target = target_from(
        {
            "api": "krea",
            "url": "http://127.0.0.1:9",
            "job": [JOB],
            "token_env": "T",
            "effort": "quick",
            "poll_interval": 0.01,
            **values,
        },
        environ={"T": "token-of-the-owner"},
    )
    sender = _Sender(reply)
    wait = waits.append if waits is not None else (lambda _s: None)
    run = Run(target, load_checks(), sender, clock=lambda: NOW, wait=wait)
    run.execute()
    return run, sender


def _verdict(run: Run, *, strict: bool = False) -> Verdict:
    return conclude(run.findings, missing=run.coverage.missing(), strict=strict)


def _said(run: Run) -> set[tuple[str, Kind]]:
    return {(f.check, f.kind) for f in run.findings if f.kind is not Kind.GAP}


ONE = {("endpoint_is_available", Kind.INCONCLUSIVE)}


def test_a_right_server_is_never_asked_for_its_root() -> None:
    run, sender = _carried_out(lambda request, _: _right(request))
    assert _verdict(run, strict=True) is Verdict.KEPT
    assert "/" not in sender.paths


@pytest.mark.parametrize("page", [PORTAL, BLOCK], ids=["portal", "block"])
def test_one_page_for_everything_is_nobodys_fault(page: Response) -> None:
    run, sender = _carried_out(lambda _request, _: page)
    assert _verdict(run, strict=True) is Verdict.INCONCLUSIVE
    assert _said(run) == ONE
    assert sender.paths.count("/") == 1
    # Hostile ids got the page as well.
    assert {check.id for check in run.checks if run.lack(check) is None} == set()
    message = run.findings[0].message
    assert "one page for a known id, an unknown one and http://127.0.0.1:9/" in message
    assert run.stopped is not None
    # Five in a row, and as many as were under way by then: eight side by side.
    assert len(sender.sent) < 20


def test_what_differs_between_two_fetches_doesnt_make_another_page() -> None:
    def reply(_request: Request, number: int) -> Response:
        body = f"<html><h1>Access denied</h1>ray {number:x}f{number}, 12:00:{number:02}</html>"
        return Response(403, BLOCK.headers, body.encode())

    run, _ = _carried_out(reply)
    assert (_verdict(run), _said(run)) == (Verdict.INCONCLUSIVE, ONE)


def test_a_redirect_of_everything_to_one_place_is_a_portals() -> None:
    portal = Response(302, (("location", "http://portal.example/login"),))
    run, _ = _carried_out(lambda _request, _: portal)
    assert (_verdict(run), _said(run)) == (Verdict.INCONCLUSIVE, ONE)


@pytest.mark.parametrize(
    "is_page",
    [
        lambda request: urlsplit(request.url).path == f"/jobs/{JOB}",
        lambda request: urlsplit(request.url).path.startswith("/jobs/"),
    ],
    ids=["known alone", "jobs alone"],
)
def test_a_page_that_isnt_at_the_root_stays_a_violation(is_page: Callable[[Request], bool]) -> None:
    run, sender = _carried_out(lambda r, _: PORTAL if is_page(r) else _right(r))
    assert _verdict(run) is Verdict.BROKEN
    assert ("body_is_json", Kind.VIOLATION) in _said(run)
    assert run.stopped is None
    assert sender.paths.count("/") == 1


def test_a_page_that_echoes_the_path_stays_a_violation() -> None:
    def reply(request: Request, _: int) -> Response:
        text = f"<pre>Cannot GET {urlsplit(request.url).path}</pre>"
        return Response(200, PORTAL.headers, text.encode())

    run, _ = _carried_out(reply)
    assert _verdict(run) is Verdict.BROKEN


@pytest.mark.parametrize(
    "response",
    [
        _json(401, {"error": "revoked"}),
        Response(401, (("content-type", HTML),), b'{"error": "revoked"}'),
        Response(401, (("www-authenticate", "Bearer"),)),
    ],
    ids=["json", "json as html", "nothing"],
)
def test_a_revoked_tokens_401_is_no_page(response: Response) -> None:
    run, sender = _carried_out(lambda _request, _: response)
    assert _verdict(run) is not Verdict.KEPT
    assert "/" not in sender.paths
    assert run.coverage.intermediaries == 0


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_bare_gateways_error_stays_a_server_error(code: int) -> None:
    page = Response(code, (("content-type", HTML),), b"<center><h1>Bad Gateway</h1>nginx")
    run, sender = _carried_out(lambda _request, _: page)
    assert _verdict(run) is Verdict.BROKEN
    assert ("no_server_error", Kind.VIOLATION) in _said(run)
    assert "/" not in sender.paths


def test_a_404_for_everything_asks_about_the_base_url_as_before() -> None:
    page = Response(404, (("content-type", HTML),), b"<h1>404 Not Found</h1>")
    run, sender = _carried_out(lambda _request, _: page)
    assert _verdict(run) is Verdict.BROKEN
    assert "/" not in sender.paths


MARKED = Response(
    403, (("content-type", HTML), ("cf-mitigated", "challenge")), b"<title>Just a moment...</title>"
)


@pytest.mark.parametrize("page", [MARKED, PORTAL, BLOCK], ids=["marked", "portal", "block"])
@pytest.mark.parametrize("begins", range(1, 30, 2))
def test_whenever_it_begins_it_is_inconclusive_from_then_on(page: Response, begins: int) -> None:
    run, sender = _carried_out(lambda r, number: _right(r) if number < begins else page)
    assert _said(run) == ONE
    assert _verdict(run, strict=True) is Verdict.INCONCLUSIVE
    assert len(sender.sent) < begins + 25


def test_a_head_that_comes_first_is_looked_into_by_a_get() -> None:
    marked = Response(403, (("content-type", HTML),), b'<div id="cf-error-details">')
    for page in (PORTAL, BLOCK, marked):
        first = next(n for n, r in enumerate(_plan(), 1) if r.method == "HEAD")
        run, _ = _carried_out(lambda r, n, p=page, f=first: _right(r) if n < f else p)
        assert _said(run) == ONE


def _plan() -> list[Request]:
    return _carried_out(lambda request, _: _right(request))[1].sent


def test_once_is_enough_although_later_answers_are_fine() -> None:
    run, _ = _carried_out(lambda r, number: MARKED if number == 8 else _right(r))
    assert run.stopped is None
    assert _verdict(run, strict=True) is Verdict.INCONCLUSIVE
    assert run.coverage.missing() == ("answers that weren't the API's own: 1",)


def test_violations_seen_before_stand() -> None:
    def reply(request: Request, number: int) -> Response:
        if number > 12:
            return MARKED
        right = _right(request)
        return _json(200, job(status="done")) if right.code == 200 else right

    run, _ = _carried_out(reply)
    assert _verdict(run) is Verdict.BROKEN
    assert ("status_is_documented", Kind.VIOLATION) in _said(run)


def test_after_several_in_a_row_nothing_more_is_sent_and_the_report_says_so() -> None:
    run, sender = _carried_out(lambda _request, _: MARKED)
    assert 5 <= len(sender.sent) < 20
    assert run.stopped == "5 answers in a row weren't the API's own"
    report = build_report(run, outcome_of_run(run, generated=False), started_at=NOW, duration_s=1.0)
    assert report["verdict"] == "inconclusive"
    assert "cf-mitigated: challenge (https://developers.cloudflare.com" in str(report["why"])


def test_the_questions_count_in_the_budget() -> None:
    run, sender = _carried_out(lambda _request, _: PORTAL, budget=3)
    assert len(sender.sent) == run.requests == 3


def test_a_firewalls_page_for_hostile_ids_alone_is_right() -> None:
    def reply(request: Request, _: int) -> Response:
        return BLOCK if request.subject.value == "malformed" else _right(request)

    run, sender = _carried_out(reply)
    assert _verdict(run) is Verdict.KEPT
    assert "/" not in sender.paths


def test_pages_without_end_cost_few_questions() -> None:
    def reply(request: Request, number: int) -> Response:
        words = "".join(chr(ord("g") + int(digit)) for digit in str(number))
        page = Response(200, PORTAL.headers, f"<html>{words}</html>".encode())
        return page if request.method == "GET" else _right(request)

    run, sender = _carried_out(reply)
    assert sender.paths.count("/") == 3
    assert _verdict(run) is Verdict.BROKEN


DOWN = _json(503, {"error": "deploying"}, retry_after="2")


def test_out_of_service_throughout_is_inconclusive_and_soon_over() -> None:
    waits: list[float] = []
    run, _ = _carried_out(lambda _request, _: DOWN, waits)
    assert _verdict(run, strict=True) is Verdict.INCONCLUSIVE
    assert _said(run) == ONE


def test_a_maintenance_of_minutes_is_not_waited_for() -> None:
    waits: list[float] = []
    down = _json(503, {"error": "deploying"}, retry_after="120")
    run, _ = _carried_out(lambda _request, _: down, waits)
    assert _verdict(run, strict=True) is Verdict.INCONCLUSIVE
    assert max(waits, default=0.0) <= 1.0


# Questions that are put two at once, as some later ones are, are put once.
@pytest.mark.parametrize("at", [3, 5, 6, 9, 12])
def test_a_short_outage_is_sat_out_and_the_question_put_again(at: int) -> None:
    run, sender = _carried_out(lambda r, number: DOWN if number == at else _right(r))
    assert _verdict(run, strict=True) is Verdict.KEPT
    assert _said(run) == set()
    down, again = sender.sent[at - 1], sender.sent[at:]
    assert any((r.method, r.url, r.headers) == (down.method, down.url, down.headers) for r in again)
    found = [f for f in run.findings if f.check == "endpoint_stays_in_service"]
    assert [f.kind for f in found] == [Kind.GAP]


def test_a_server_that_wants_to_be_left_alone_is_not_polled() -> None:
    busy = Response(503, (("retry-after", "120"), ("content-type", "application/json")), b"{}")
    run, sender = _carried_out(lambda _request, _: busy)
    assert _verdict(run, strict=True) is Verdict.INCONCLUSIVE
    # Each of the plan's requests once, whatever time there would be to watch.
    planned = sum(planned.questions for planned in build_plan(run.target))
    assert len(sender.sent) <= planned
