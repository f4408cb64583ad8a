"""
The pages, requested over a real socket.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.contract.har_files import exchanges_in
from tests.probes.results import NOW, TOKEN, exchange, failed, finding, result
from tests.probes.web_world import StubDaemon, World, krea, open_world
from tests.tools import run_to_end, tool

from jobproof.contract.errors import JobproofError
from jobproof.contract.model.finding import Basis, Drift, Kind
from jobproof.probes.following.tracker import JobCounts
from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.pages import page as page_module


class _Page(HTMLParser):
    """
    A page's text, tags and attributes.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._silent = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _page(world: World, path: str = "/") -> _Page:
    answer = world.ask(path)
    assert answer.code == 200
    return _Page(answer.text)


def test_a_daemon_that_has_probed_nothing_says_so(world: World) -> None:
    page = _page(world).text
    assert "Waiting for the first answers 1 target, 5 canaries" in page
    assert "not asked yet" in page
    assert "No finding so far." in page


def test_without_a_problem_the_headline_says_so(world: World) -> None:
    for canary in krea().canaries:
        world.record(result(canary=canary.name))
    assert "All promises kept" in _page(world).text


def test_a_canary_shows_its_last_answer(world: World) -> None:
    world.now = NOW + 12
    world.record(result(at=NOW, duration_s=0.25), result(at=NOW - 30))
    page = _page(world).text
    assert "known ok job is queued 200 250 ms 100 % 12 s ago" in page


def test_silence_shows_why_and_links_to_what_was_sent(world: World) -> None:
    world.record(result(at=NOW - 30), failed(at=NOW))
    page = _page(world)
    assert "timed out evidence no byte in 10 s — 10 s timeout after 10 s 50 % 0 s ago" in page.text
    assert "1 canary not as it should be at krea · 1 target, 5 canaries" in page.text


def test_a_canary_that_is_asked_no_longer_is_not_green(world: World) -> None:
    world.record(result(at=NOW))
    world.now = NOW + 101
    page = _page(world).text
    assert "no answer lately" in page
    assert "All promises kept" not in page


def test_a_broken_promise_shows_the_promise_its_source_and_what_was_seen(world: World) -> None:
    world.record(result(ProbeOutcome.VIOLATION, checks=("job_id_is_echoed",)))
    page = _page(world)
    assert "1 promise broken at krea" in page.text
    assert "A 200 speaks about the job that was asked for." in page.text
    assert "Seen expected 'j', found 'k' Where /job_id" in page.text
    assert "Written openapi.yaml, path parameter `id` (documented)" in page.text
    assert 'curl -sS -i --path-as-is -H "Authorization: Bearer $KREA_API_TOKEN"' in page.text
    hrefs = [attrs["href"] for tag, attrs in page.tags if tag == "a" and "href" in attrs]
    (entry,) = world.evidence.all()
    for form in ("", ".curl", ".har"):
        assert f"./evidence/{entry.id}{form}" in hrefs


def test_an_old_violation_is_history(world: World) -> None:
    world.record(result(ProbeOutcome.VIOLATION, at=NOW - 1_000, checks=("job_id_is_echoed",)))
    for canary in krea().canaries:
        world.record(result(canary=canary.name))
    page = _page(world).text
    assert "All promises kept" in page
    assert "was broken" in page


def test_a_broken_reading_of_ours_warns_and_no_more(world: World) -> None:
    seen = exchange()
    reading = replace(finding(seen), basis=Basis.INFERRED)
    for canary in krea().canaries:
        world.record(replace(result(canary=canary.name, seen=seen), findings=(reading,)))
    page = _page(world).text
    assert "All promises kept" in page
    assert "suspect krea / " in page


def test_an_accepted_violation_is_not_red(world: World) -> None:
    seen = exchange()
    accepted = replace(finding(seen), accepted="known since May, ticket 4711")
    for canary in krea().canaries:
        world.record(replace(result(canary=canary.name, seen=seen), findings=(accepted,)))
    page = _page(world).text
    assert "All promises kept" in page
    assert "Accepted known since May, ticket 4711" in page


def test_jobs_are_drawn_in_the_order_of_life_with_the_profiles_colours(world: World) -> None:
    for number, status in enumerate(["completed", "queued", "completed", "sabotage"]):
        seen = exchange(job_id=f"job-{number}")
        world.record(result(canary="followed", seen=seen, job_status=status))
    world.daemon.jobs = JobCounts({"queued": 7}, 2, 8_100.0)
    page = _page(world)
    assert "queued 1 completed 2 unknown 1" in page.text
    assert "7 followed now oldest unfinished 2 h 15 min 2 past the documented limit" in page.text
    shares = next(attrs for tag, attrs in page.tags if attrs.get("class") == "shares")
    assert shares["aria-label"] == "1 queued, 2 completed, 1 unknown"
    fills = [attrs.get("fill") for tag, attrs in page.tags if tag == "rect"]
    assert krea().statuses["completed"].colour in fills


def test_the_chart_says_in_words_what_it_shows(world: World) -> None:
    world.record(*(result(at=NOW - n, duration_s=0.1) for n in range(20, 1, -1)), failed(at=NOW))
    chart = next(attrs for _, attrs in _page(world).tags if attrs.get("class") == "sparkline")
    assert chart["aria-label"] == (
        "latest 20 probes: 1 not as they should be, median 100 ms, slowest 10 s"
    )


def test_a_late_schedule_comes_before_everything_else(world: World) -> None:
    world.daemon.lag = 3.25
    assert "Asking late the schedule is 3.2 intervals behind" in _page(world).text


_HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def test_nothing_an_answer_says_becomes_markup(world: World) -> None:
    seen = exchange(job_id=_HOSTILE, body=_HOSTILE.encode())
    hostile = replace(finding(seen, _HOSTILE, pointer=_HOSTILE, message=_HOSTILE), source=_HOSTILE)
    world.daemon.target_infos = (replace(krea(), title=_HOSTILE, url=_HOSTILE),)
    bad = result(ProbeOutcome.VIOLATION, seen=seen, job_status=_HOSTILE)
    world.record(replace(bad, findings=(hostile,)))
    (entry,) = world.evidence.all()
    for path in ("/", f"/evidence/{entry.id}"):
        page = _page(world, path)
        assert "alert(1)" in page.text
        assert not [tag for tag, _ in page.tags if tag == "img"]
        assert all(name[:2] != "on" for _, attrs in page.tags for name in attrs)
        scripts = [attrs for tag, attrs in page.tags if tag == "script"]
        assert all(attrs.get("nonce") for attrs in scripts)


def test_the_policy_lets_only_our_own_style_and_script_run(world: World) -> None:
    answers = [world.ask("/"), world.ask("/")]
    nonces = set()
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'nonce-")
        assert "unsafe" not in policy
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
        assert nonce is not None
        assert f'<script nonce="{nonce[1]}">' in answer.text
        assert " style=" not in answer.text
        nonces.add(nonce[1])
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(nonces) == 2


def test_the_page_renews_itself_without_javascript(world: World) -> None:
    page = _page(world)
    meta = [attrs for tag, attrs in page.tags if attrs.get("http-equiv") == "refresh"]
    assert meta == [{"http-equiv": "refresh", "content": "10"}]


def test_the_page_can_be_read_aloud(world: World) -> None:
    world.record(result(ProbeOutcome.VIOLATION, checks=("job_id_is_echoed",)))
    page = _page(world)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == 1
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    named = {attrs["aria-labelledby"] for _, attrs in page.tags if "aria-labelledby" in attrs}
    assert named <= set(ids)
    for tag, attrs in page.tags:
        if tag == "svg":
            assert attrs.get("aria-label") or attrs.get("aria-hidden") == "true"
        if tag == "th":
            assert attrs.get("scope") in ("col", "row")
    assert ("html", {"lang": "en"}) in page.tags


def test_many_targets_and_findings_stay_one_small_page(world: World) -> None:
    world.daemon.target_infos = tuple(krea(f"target-{n}") for n in range(20))
    for number in range(200):
        world.record(
            result(
                ProbeOutcome.VIOLATION, target=f"target-{number % 20}", checks=(f"check_{number}",)
            )
        )
    answer = world.ask("/")
    assert "160 more are counted in" in _Page(answer.text).text
    assert len(answer.body) < 400_000


def test_evidence_is_shown_as_page_curl_and_har(world: World, tmp_path: Path) -> None:
    seen = exchange(body=b'{"job_id": "k", "job_id": "j"}')
    world.record(result(ProbeOutcome.VIOLATION, seen=seen, checks=("job_id_is_echoed",)))
    (entry,) = world.evidence.all()
    page = _page(world, f"/evidence/{entry.id}").text
    assert "Promise broken krea / known" in page
    assert f"jobproof check --api krea {entry.id}.har" in page
    assert '{"job_id": "k", "job_id": "j"}' in page
    curl = world.ask(f"/evidence/{entry.id}.curl")
    assert curl.text.startswith("curl -sS -i")
    assert curl.headers["content-type"].startswith("text/plain")
    har = world.ask(f"/evidence/{entry.id}.har")
    assert har.headers["content-disposition"] == f'attachment; filename="{entry.id}.har"'
    path = tmp_path / "replay.har"
    path.write_bytes(har.body)
    (again,) = exchanges_in(path)
    assert again.response is not None
    assert again.response.body == seen.response.body if seen.response else False


@pytest.mark.parametrize(
    "name", ["nothing", "..%2f..%2fetc%2fpasswd", "1764000000000-aaaaaaaaaaaaaaaa.har", "%00"]
)
def test_evidence_that_is_not_stored_is_not_found(world: World, name: str) -> None:
    assert world.ask(f"/evidence/{name}").code == 404


def test_evidence_has_no_other_form(world: World) -> None:
    world.record(result(ProbeOutcome.VIOLATION, checks=("a_check",)))
    (entry,) = world.evidence.all()
    assert world.ask(f"/evidence/{entry.id}.exe").code == 404


def test_no_page_shows_the_token(world: World) -> None:
    seen = exchange(
        body=f'{{"token": "{TOKEN}"}}'.encode(), headers=(("X-Echo", TOKEN),), job_id=TOKEN
    )
    leak = replace(finding(seen, message=f"the token {TOKEN} is in the body"), found=TOKEN)
    world.record(replace(result(ProbeOutcome.VIOLATION, seen=seen), findings=(leak,)))
    (entry,) = world.evidence.all()
    paths = ["/", "/metrics", "/-/sd", *(f"/evidence/{entry.id}{f}" for f in ("", ".curl", ".har"))]
    for path in paths:
        assert TOKEN not in world.ask(path).text
        assert "tok%2Fen" not in world.ask(path).text


def test_a_drift_is_shown_but_is_no_problem(world: World) -> None:
    seen = exchange()
    drift_finding = replace(finding(seen, kind=Kind.DRIFT), drift=Drift.UNDECLARED_KEY)
    for canary in krea().canaries:
        world.record(replace(result(canary=canary.name, seen=seen), findings=(drift_finding,)))
    page = _page(world).text
    assert "All promises kept" in page
    assert "new krea / " in page


def test_metrics_are_served_in_both_formats(world: World) -> None:
    text = world.ask("/metrics")
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE jobproof_probes_total counter" in text.text
    openmetrics = world.ask("/metrics", Accept="application/openmetrics-text;version=1.0.0")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def test_metrics_can_be_had_by_name_and_compressed(world: World) -> None:
    only = world.ask("/metrics?name[]=jobproof_probes_in_flight")
    families = re.findall(r"^# TYPE (\S+)", only.text, re.MULTILINE)
    assert families == ["jobproof_probes_in_flight"]
    packed = world.ask("/metrics", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.body[:2] == b"\x1f\x8b"


def test_promtool_finds_nothing_wrong_with_what_is_served(world: World) -> None:
    for path in ("/metrics", "/probe?target=krea"):
        ran = run_to_end(tool("promtool"), "check", "metrics", stdin=world.ask(path).text)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_healthy_as_long_as_it_answers(world: World) -> None:
    world.daemon.lag = 99.0
    assert world.ask("/-/healthy").code == 200


@pytest.mark.parametrize(("lag", "code"), [(0.0, 200), (1.9, 200), (2.0, 503), (40.0, 503)])
def test_ready_fails_when_the_schedule_lags_two_intervals(
    world: World, lag: float, code: int
) -> None:
    world.daemon.lag = lag
    assert world.ask("/-/ready").code == code


def test_ready_and_healthy_say_what_is_lacking(world: World) -> None:
    world.daemon.lacking = ("sink pipe hangs", "target a: 5 bytes of answers wait to be judged")
    assert world.ask("/-/healthy").code == 200
    ready = world.ask("/-/ready")
    assert ready.code == 503
    assert ready.text == (
        "jobproof is not ready: sink pipe hangs; target a: 5 bytes of answers wait to be judged.\n"
    )
    world.daemon.broken = ("judging has ended",)
    healthy = world.ask("/-/healthy")
    assert (healthy.code, healthy.text) == (
        503,
        "jobproof is not healthy: judging has ended.\n",
    )


def test_discovery_gives_names_and_nothing_else(world: World) -> None:
    world.daemon.target_infos = (krea("one"), krea("two"))
    answer = world.ask("/-/sd")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text) == [
        {"targets": ["one"], "labels": {"__meta_jobproof_api": "krea"}},
        {"targets": ["two"], "labels": {"__meta_jobproof_api": "krea"}},
    ]
    assert "://" not in answer.text


def test_a_daemon_that_doesn_t_run_is_neither_healthy_nor_ready(world: World) -> None:
    world.daemon.broken = ("following has ended",)
    for page, word in (("healthy", "healthy"), ("ready", "ready")):
        answer = world.ask(f"/-/{page}")
        assert answer.code == 503
        assert answer.text == f"jobproof is not {word}: following has ended.\n"
    world.daemon.broken = ()
    assert {world.ask(f"/-/{page}").code for page in ("healthy", "ready")} == {200}


def test_a_reload_says_whose_jobs_are_left(world: World) -> None:
    world.daemon.kept = {"old": 3}
    assert world.ask("/-/reload", "POST").text == (
        "reloaded\ntarget old isn't configured any longer: its 3 followed jobs are kept for an "
        "hour, then dropped\n"
    )


def test_a_reload_is_posted(world: World) -> None:
    got = world.ask("/-/reload")
    assert (got.code, got.headers["allow"]) == (405, "POST")
    assert world.daemon.reloads == 0
    assert world.ask("/-/reload", "POST").code == 200
    assert world.daemon.reloads == 1


def test_a_refused_reload_says_why(world: World) -> None:
    world.daemon.error = "jobproof.yaml:7: targets[0].intervall: unknown key"
    answer = world.ask("/-/reload", "POST")
    assert answer.code == 500
    assert "jobproof.yaml:7: targets[0].intervall: unknown key" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Referer": "https://evil.test/page"},
        {"Referer": "about:blank"},
        {"Referer": "http://[::1/"},
        {"Origin": "http://[::1/"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_no_other_sites_page_may_post(world: World, headers: dict[str, str]) -> None:
    assert world.ask("/-/reload", "POST", **headers).code == 403
    assert world.ask("/jobs/krea/abc", "POST", **headers).code == 403
    assert (world.daemon.reloads, world.daemon.followed) == (0, [])


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_other_site_s_page_may_have_a_probe_made(world: World, site: str) -> None:
    path = "/probe?target=krea&canary=known"
    assert world.ask(path, Sec_Fetch_Site=site).code == 403
    assert world.ask("/metrics", Sec_Fetch_Site=site).code == 200
    assert world.ask(path, Sec_Fetch_Site="none").code == 200
    assert world.ask(path).code == 200


def test_our_own_page_may_post(world: World) -> None:
    origin = world.url.rstrip("/")
    own = {"Origin": origin, "Referer": f"{origin}/", "Sec_Fetch_Site": "same-origin"}
    assert world.ask("/-/reload", "POST", **own).code == 200


def test_a_pushed_job_is_followed(world: World) -> None:
    job_id = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
    assert world.ask(f"/jobs/krea/{job_id}", "POST").code == 202
    assert world.ask(f"/jobs/krea/{job_id}", "POST").code == 200
    assert world.daemon.followed[0] == ("krea", job_id)


def test_a_pushed_id_may_hold_anything_printable(world: World) -> None:
    assert world.ask("/jobs/krea/a%2Fb%20c", "POST").code == 202
    assert world.daemon.followed == [("krea", "a/b c")]


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("/jobs/kera/abc", 404, "Did you mean 'krea'?"),
        (f"/jobs/krea/{'x' * 201}", 400, "1 to 200 printable characters"),
        ("/jobs/krea/%00", 400, "1 to 200 printable characters"),
        ("/jobs/krea/", 400, "1 to 200 printable characters"),
    ],
)
def test_a_wrong_push_says_what_is_wrong(world: World, path: str, code: int, word: str) -> None:
    answer = world.ask(path, "POST")
    assert answer.code == code
    assert word in answer.text
    assert world.daemon.followed == []


def test_a_push_that_cannot_be_stored_is_to_be_tried_again(world: World) -> None:
    def fail(target: str, job_id: str) -> bool:
        raise JobproofError("followed.sqlite: the watch list failed: database or disk is full")

    world.daemon.follow = fail  # type: ignore[method-assign]
    answer = world.ask("/jobs/krea/abc", "POST")
    assert (answer.code, answer.headers["retry-after"]) == (503, "1")
    assert "database or disk is full" in answer.text


def test_a_target_that_takes_no_jobs_says_how_it_would(tmp_path: Path) -> None:
    daemon = StubDaemon(target_infos=(krea(accepts_jobs=False),))
    with open_world(tmp_path, daemon=daemon) as world:
        answer = world.ask("/jobs/krea/abc", "POST")
    assert answer.code == 409
    assert "configure follow: [{source: pushed}]" in answer.text


def test_head_is_get_without_the_body(world: World) -> None:
    for path in ("/", "/metrics", "/-/healthy", "/-/sd"):
        answer = world.ask(path, "HEAD")
        assert (answer.code, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/", "/config", "/debug/pprof"])
def test_other_paths_are_not_found(world: World, path: str) -> None:
    assert world.ask(path).code in (404, 307)


def test_of_many_targets_those_in_trouble_are_drawn_in_full(world: World) -> None:
    world.daemon.target_infos = tuple(krea(f"target-{n}") for n in range(2_000))
    for number in range(2_000):
        world.results.record(result(target=f"target-{number}"))
    world.record(replace(failed(), target="target-1999"))
    answer = world.ask("/")
    page = _Page(answer.text)
    cards = [attrs["id"] for tag, attrs in page.tags if (attrs.get("id") or "")[:7] == "target-"]
    assert len(cards) == 24
    assert page.text.index("target-1999") < page.text.index("target-0")
    assert "1976 more targets" in page.text
    assert "and 976 others" in page.text
    assert len(answer.body) < 500_000


_CSS = Path(page_module.__file__).parent / "templates" / "page.css"


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, ground) for ink in ("text", "soft", "link") for ground in ("card", "ground")),
        *((f"{t}", f"{t}-ground") for t in ("ok", "bad", "silent", "odd", "info", "idle")),
        *((ink, f"{t}-ground") for ink in ("text", "soft") for t in ("ok", "bad", "silent", "odd")),
        ("text", "faint"),
        ("bad", "card"),
    ],
)
def test_every_ink_is_readable_on_its_ground(scheme: int, ink: str, ground: str) -> None:
    root = re.findall(r":root \{(.*?)\}", _CSS.read_text(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", root))
    light, dark = sorted((_luminance(colours[ink]), _luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
