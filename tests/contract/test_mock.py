"""
The mocked endpoint, asked in the process: lives, tenants, ids, lists, the log.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.requests_to_mock import APIS, Clock, api_named, bearer, path_of, poll

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.mock import Caller, Mock
from jobproof.contract.mock.serving.wire import frame
from jobproof.contract.model.job import read_time
from jobproof.contract.model.profile import Codec


@pytest.fixture(params=APIS)
def mock(request: pytest.FixtureRequest) -> Mock:
    return Mock(api_named(request.param), clock=Clock())


def _owners(mock: Mock, life: str) -> str:
    return next(job.id for job in mock.jobs if job.life == life)


def _answer(mock: Mock, target: str, method: str = "GET", token: str | None = None, **headers: str):
    credentials = bearer(mock.token if token is None else token) if token != "" else []
    extra = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return mock.respond(method, target, credentials + extra)


def test_every_documented_status_is_seen_by_polling(mock: Mock) -> None:
    seen = set()
    for job in mock.jobs:
        for _ in range(20):
            seen.add(pick(poll(mock, job.id)[1], mock.api.profile.status.at))
    clock = Clock()
    timed = Mock(mock.api, clock=clock)
    for _ in range(30):
        clock.now += 0.2
        seen.add(pick(poll(timed, _owners(timed, "timed"))[1], mock.api.profile.status.at))
    assert seen == set(mock.api.profile.status.words)


def test_every_body_of_every_life_matches_the_document(mock: Mock) -> None:
    content = mock.api.operation.responses["200"].contents[0]
    bodies = 0
    for job in mock.jobs:
        for _ in range(20):
            code, body = poll(mock, job.id)
            assert code == 200
            assert list(content.errors(body)) == []
            assert list(content.undeclared(body)) == []
            bodies += 1
    assert bodies >= 8 * 20


def test_no_life_moves_in_a_way_that_the_profile_calls_illegal(mock: Mock) -> None:
    for job in mock.jobs:
        seen = [pick(poll(mock, job.id)[1], mock.api.profile.status.at) for _ in range(20)]
        for before, after in pairwise(seen):
            step = mock.api.lifecycle.step(before, after)
            assert step is not None
            assert step.verdict == "legal", f"{job.life}: {before} -> {after}"


def test_polls_move_a_life_on_and_looking_does_not() -> None:
    mock = Mock(api_named("krea"), clock=Clock())
    image = _owners(mock, "image")
    path = path_of(mock, image)
    for _ in range(5):
        _answer(mock, path, "HEAD")
        _answer(mock, "/jobs")
    statuses = [poll(mock, image)[1]["status"] for _ in range(6)]
    assert statuses == ["queued", "scheduled", "processing", "processing", "sampling", "completed"]


def test_time_moves_a_life_on_to_the_moment() -> None:
    clock = Clock()
    mock = Mock(api_named("krea"), clock=clock)
    timed = _owners(mock, "timed")
    assert poll(mock, timed)[1]["status"] == "processing"  # it is a little older than the mock
    clock.now += 0.15
    assert poll(mock, timed)[1]["status"] == "processing"
    clock.now += 0.1
    assert poll(mock, timed)[1]["status"] == "sampling"
    clock.now += 10
    body = poll(mock, timed)[1]
    assert body["status"] == "completed"
    created = datetime.fromisoformat(body["created_at"])
    assert (datetime.fromisoformat(body["completed_at"]) - created).total_seconds() == 0.75


def test_a_job_that_nobody_polls_ends_within_its_time() -> None:
    clock = Clock()
    mock = Mock(api_named("krea"), clock=clock)
    clock.now += 3601
    body = poll(mock, _owners(mock, "video"))[1]
    assert body["status"] == "completed"
    created = datetime.fromisoformat(body["created_at"])
    assert (datetime.fromisoformat(body["completed_at"]) - created).total_seconds() == 3600


def test_jobs_that_have_ended_were_created_more_than_a_day_ago(mock: Mock) -> None:
    times = mock.api.profile.times
    assert times is not None
    old = [job for job in mock.jobs if job.life.startswith("old-")]
    assert len(old) == 4
    for job in old:
        body = poll(mock, job.id)[1]
        assert mock.api.lifecycle.is_terminal(pick(body, mock.api.profile.status.at))
        created = read_time(pick(body, times.created), times.codec)
        assert created is not None
        assert created < Clock().now - 86400


def test_lives_that_break_the_document_wait_until_they_are_asked_for() -> None:
    mock = Mock(api_named("krea"), clock=Clock())
    assert {"mesh", "node-app"} <= set(mock.script.lives)
    assert not {"mesh", "node-app"} & {job.life for job in mock.jobs}
    more = Mock(api_named("krea"), clock=Clock(), lives=["mesh", "node-app"])
    content = more.api.operation.responses["200"].contents[0]
    for life, kind in (("mesh", list), ("node-app", dict)):
        for _ in range(4):
            body = poll(more, _owners(more, life))[1]
        assert isinstance(body["result"]["urls"], kind)
        assert list(content.errors(body))


def test_an_unknown_life_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^unknown life 'mash'. Did you mean 'mesh'\?$"):
        Mock(api_named("krea"), lives=["mash"])


def test_same_seed_gives_the_same_answers_and_another_gives_other_ids(mock: Mock) -> None:
    twin = Mock(mock.api, clock=Clock())
    other = Mock(mock.api, clock=Clock(), seed=1)
    assert [job.id for job in mock.jobs] == [job.id for job in twin.jobs]
    assert mock.token == twin.token
    assert not {job.id for job in mock.jobs} & {job.id for job in other.jobs}
    assert mock.token != other.token
    for job in mock.jobs:
        path = path_of(mock, job.id)
        assert _answer(mock, path) == _answer(twin, path)


def test_each_tenant_sees_its_own_jobs_only(mock: Mock) -> None:
    foreign, own = mock.foreign_jobs[0].id, mock.jobs[0].id
    unknown = _answer(mock, path_of(mock, "nobody"))
    assert _answer(mock, path_of(mock, foreign)) == unknown
    assert unknown.code == 404
    assert _answer(mock, path_of(mock, foreign), token=mock.other_token).code == 200
    assert _answer(mock, path_of(mock, own), token=mock.other_token) == unknown


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic eDp5", "", "Bearer  "])
def test_nothing_is_shown_without_a_valid_token(mock: Mock, header: str | None) -> None:
    headers = [] if header is None else [("Authorization", header)]
    answer = mock.respond("GET", path_of(mock, mock.jobs[0].id), headers)
    assert answer.code == 401
    assert answer.header("WWW-Authenticate") == 'Bearer realm="api"'
    assert json.loads(answer.body) == mock.script.pages.anonymous.body


def test_no_answer_ever_shows_a_token(mock: Mock) -> None:
    targets = [path_of(mock, mock.jobs[0].id), path_of(mock, "nobody"), "/nowhere"]
    for target in targets:
        for method in ("GET", "POST", "OPTIONS"):
            answer = _answer(mock, target, method)
            assert mock.token.encode() not in answer.body
            assert all(mock.token not in value for _, value in answer.headers)


@pytest.mark.parametrize(
    "raw",
    ["%00", "a%00b", "..", "%2e%2e", "a%2Fb", "%2F..%2F", "%zz", "%", "%ff%fe", "%F0%9F%98%80",
     "x" * 60_000, "'%20OR%201=1", "%0d%0aSet-Cookie:%20a=b", "\xff", ";", "*", ""],
)  # fmt: skip
def test_hostile_ids_are_not_found_and_never_crash(mock: Mock, raw: str) -> None:
    answer = _answer(mock, path_of(mock, raw))
    assert answer.code == 404
    assert json.loads(answer.body) == mock.script.pages.unknown.body
    assert not any("\r" in v or "\n" in v for _, v in answer.headers)


@settings(max_examples=300, deadline=None, database=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "TRACE", ""]),
    target=st.text(st.characters(max_codepoint=255), max_size=200),
    below=st.booleans(),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Authorization", "If-None-Match", "Accept-Encoding", "X-Any"]),
            st.text(st.characters(max_codepoint=255), max_size=80),
        ),
        max_size=4,
    ),
)
def test_no_question_crashes_the_mock(
    method: str, target: str, below: bool, headers: list[tuple[str, str]]
) -> None:
    for name in APIS:
        mock = _shared(name)
        whole = path_of(mock, target) if below else target
        answer = mock.respond(method, whole, headers)
        assert answer.code in (204, 401, 404, 405)
        authorised = mock.respond(method, whole, bearer(mock.token) + headers)
        assert authorised.code in (200, 204, 304, 400, 404, 405)
        assert frame(authorised, keep_alive=True).startswith(b"HTTP/1.1 ")


@cache
def _shared(name: str) -> Mock:
    return Mock(api_named(name), clock=Clock())


def test_an_encoded_slash_belongs_to_the_id_and_a_plain_one_does_not(mock: Mock) -> None:
    _answer(mock, path_of(mock, "a%2Fb"))
    assert mock.log[-1].job_id == "a/b"
    _answer(mock, path_of(mock, "a/b"))
    assert mock.log[-1].job_id is None


def test_another_spelling_of_an_id_is_another_id(mock: Mock) -> None:
    known = mock.jobs[-1].id
    for other in (known.upper(), known[:-1], known + "%20", "%20" + known, known + "%00"):
        assert _answer(mock, path_of(mock, other)).code == 404
    spelled = "".join(f"%{ord(letter):02x}" for letter in known)
    assert _answer(mock, path_of(mock, spelled)).code == 200


def test_an_unknown_path_is_answered_as_the_vendor_does() -> None:
    krea = Mock(api_named("krea"), clock=Clock())
    answer = _answer(krea, "/v1/jobs/" + krea.jobs[0].id)
    assert answer.code == 404
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_a_target_in_absolute_form_and_with_a_query_is_understood(mock: Mock) -> None:
    path = path_of(mock, mock.jobs[-1].id)
    assert _answer(mock, f"http://any.example{path}?a=b&c").code == 200
    assert mock.log[-1].job_id == mock.jobs[-1].id


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "get", "X"])
def test_other_methods_are_refused_with_the_allowed_ones(mock: Mock, method: str) -> None:
    answer = _answer(mock, path_of(mock, mock.jobs[0].id), method)
    assert answer.code == 405
    assert answer.header("Allow") == "GET, HEAD, OPTIONS"
    assert json.loads(answer.body) == mock.script.pages.method.body


def test_options_lists_the_methods_and_needs_no_token(mock: Mock) -> None:
    answer = _answer(mock, path_of(mock, "nobody"), "OPTIONS", token="")
    assert (answer.code, answer.body) == (204, b"")
    assert answer.header("Allow") == "GET, HEAD, OPTIONS"


def test_head_has_the_headers_of_get_and_no_body(mock: Mock) -> None:
    path = path_of(mock, mock.jobs[-1].id)
    get, head = _answer(mock, path), _answer(mock, path, "HEAD")
    assert head.headers == get.headers
    assert head.wire.omit_body


def test_a_tag_is_honoured_until_the_job_changes() -> None:
    mock = Mock(api_named("krea"), clock=Clock())
    path = path_of(mock, _owners(mock, "withdrawn"))
    first = _answer(mock, path)
    tag = first.header("ETag")
    assert tag is not None
    same = _answer(mock, path, If_None_Match=f'"other", W/{tag}')
    assert (same.code, same.body, same.header("ETag")) == (304, b"", tag)
    changed = _answer(mock, path, If_None_Match=tag)
    assert changed.code == 200
    assert changed.header("ETag") != tag
    assert _answer(mock, path, If_None_Match="*").code == 304


def test_a_private_answer_says_so(mock: Mock) -> None:
    answer = _answer(mock, path_of(mock, mock.jobs[0].id))
    assert answer.header("Cache-Control") == "private, no-cache"
    assert answer.header("Vary") == "Authorization"
    assert answer.header("Date") == "Mon, 21 Sep 2026 14:13:20 GMT"


def test_a_list_holds_the_askers_jobs_newest_first_page_by_page(mock: Mock) -> None:
    listing = mock.api.profile.listing
    assert listing is not None
    assert listing.cursor is not None
    ids, cursor, pages = [], "", 0
    while pages < 20:
        more = f"&{listing.cursor_parameter}={cursor}" if cursor else ""
        answer = _answer(mock, f"{mock.prefix}{listing.path}?limit=3{more}")
        body = json.loads(answer.body)
        ids += [pick(item, listing.id) for item in pick(body, listing.items)]
        cursor, pages = pick(body, listing.cursor), pages + 1
        if not cursor:
            break
    newest = sorted(mock.jobs, key=lambda job: job.created, reverse=True)
    assert ids == [job.id for job in newest]
    assert pages == -(-len(newest) // 3)


def test_a_list_is_filtered_by_status() -> None:
    mock = Mock(api_named("krea"), clock=Clock())
    body = json.loads(_answer(mock, "/jobs?status=backlogged").body)
    assert [item["job_id"] for item in body["items"]] == [_owners(mock, "video")]
    assert body["next_cursor"] is None


_LONG = ["limit=" + "0" * 8 + "1" + "9" * 5_000]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=1001", "limit=²", "limit=0000000019999", "status=done", *_LONG],
)
def test_a_list_refuses_what_it_does_not_understand(query: str) -> None:
    mock = Mock(api_named("krea"), clock=Clock())
    assert _answer(mock, f"/jobs?{query}").code == 400


def test_a_list_needs_a_token(mock: Mock) -> None:
    listing = mock.api.profile.listing
    assert listing is not None
    assert _answer(mock, mock.prefix + listing.path, token="").code == 401


def test_the_log_says_who_asked_what_and_what_went_wrong(mock: Mock) -> None:
    path = path_of(mock, mock.jobs[-1].id)
    _answer(mock, path, token=mock.other_token)
    _answer(mock, path, "DELETE", token="")
    _answer(mock, path, token="wrong")
    _answer(mock, path, X_Mock_Fault="status_null, media_type_html")
    rows = [(r.method, r.target, r.job_id, r.credential, r.code, r.fault) for r in mock.log]
    known = mock.jobs[-1].id
    assert rows == [
        ("GET", path, known, Caller.OTHER, 404, None),
        ("DELETE", path, known, Caller.NONE, 405, None),
        ("GET", path, known, Caller.INVALID, 401, None),
        ("GET", path, known, Caller.OWNER, 200, "status_null,media_type_html"),
    ]


def test_a_fault_named_in_the_request_spoils_that_answer_alone(mock: Mock) -> None:
    path, at = path_of(mock, mock.jobs[-1].id), mock.api.profile.status.at
    assert pick(json.loads(_answer(mock, path, X_Mock_Fault="status_null").body), at) is None
    assert pick(json.loads(_answer(mock, path).body), at) is not None


def test_an_unknown_fault_in_the_request_is_refused_with_a_hint(mock: Mock) -> None:
    answer = _answer(mock, path_of(mock, mock.jobs[0].id), X_Mock_Fault="status_nul")
    assert answer.code == 400
    assert answer.body == b"unknown fault 'status_nul'. Did you mean 'status_null'?\n"


def test_unknown_faults_and_variants_are_refused_at_the_start(mock: Mock) -> None:
    with pytest.raises(ConfigError, match=r"^unknown fault 'hangs'. Did you mean 'hang'\?$"):
        Mock(mock.api, faults=["hangs"])
    with pytest.raises(
        ConfigError, match=r"^unknown variant 'compress'. Did you mean 'compresses'\?$"
    ):
        mock.set_variants("compress")


@pytest.mark.parametrize(
    ("cut_by", "written_by"),
    [
        ("whole_seconds", "fractions_without_zeros"),
        ("whole_seconds", "microseconds"),
        ("creation_cut_to_the_second", "nanoseconds"),
    ],
)
def test_times_that_one_variant_cut_are_the_same_as_another_writes_them(
    cut_by: str, written_by: str
) -> None:
    api = api_named("krea")
    for second in range(10):
        # One of ten seconds ends in a zero, which isn't that of a fraction.
        cut, both = (
            Mock(api, clock=Clock(1_790_000_000.0 + second), variants=names)
            for names in ((cut_by,), (cut_by, written_by))
        )
        created = [
            read_time(poll(one, _owners(one, "old-image"))[1]["created_at"], Codec.RFC3339)
            for one in (cut, both)
        ]
        assert created[0] == created[1] == int(created[0] or 0)


def test_a_link_that_is_there_twice_is_the_same_in_any_order() -> None:
    api = api_named("krea")
    mock = Mock(api, clock=Clock(), variants=("links_in_any_order", "link_twice"))
    shown = [poll(mock, job.id)[1].get("result") or {} for job in mock.jobs for _ in range(40)]
    links = {tuple(sorted(one["urls"])) for one in shown if len(one.get("urls", ())) > 2}
    assert links
    for one in links:
        assert [link for link in one if one.count(link) > 1] == [one[0], one[0]]


@pytest.mark.parametrize(
    ("refused_by", "job_id", "token"),
    [("proxy_refuses_ids", "a%00b", None), ("challenges_of_three_sorts", "x", "")],
)
def test_help_is_added_to_plain_json_alone(refused_by: str, job_id: str, token: str | None) -> None:
    plain, helpful = (
        Mock(api_named("krea"), clock=Clock(), variants=names)
        for names in ((refused_by,), (refused_by, "refusal_helps"))
    )
    said = [_answer(one, path_of(one, job_id), token=token).body for one in (plain, helpful)]
    assert said[0] == said[1] != b""


def test_faults_switch_at_run_time(mock: Mock) -> None:
    mock.set_faults("never_found")
    assert poll(mock, mock.jobs[0].id)[0] == 404
    mock.set_faults()
    assert poll(mock, mock.jobs[0].id)[0] == 200


def test_a_lively_mock_gets_new_jobs_as_time_goes_by_and_keeps_a_bound(mock: Mock) -> None:
    clock = Clock()
    lively = Mock(mock.api, clock=clock, jobs_per_minute=600)
    before = len(lively.jobs)
    clock.now += 60
    after = {job.id for job in lively.jobs}
    assert len(after) == before + 600
    statuses = {pick(poll(lively, one)[1], mock.api.profile.status.at) for one in after}
    assert len(statuses) >= 5
    clock.now += 7200
    assert len(lively.jobs) <= 2000 + len(mock.jobs)
    assert all(poll(lively, job.id)[0] == 200 for job in mock.jobs)


def test_lively_jobs_are_the_same_whenever_one_looks(mock: Mock) -> None:
    often, seldom = Clock(), Clock()
    first = Mock(mock.api, clock=often, jobs_per_minute=30)
    second = Mock(mock.api, clock=seldom, jobs_per_minute=30)
    for _ in range(60):
        often.now += 1
        assert first.jobs
    seldom.now += 60
    assert [(job.id, job.life) for job in first.jobs] == [(j.id, j.life) for j in second.jobs]
