"""
For every key of a profile, something that goes differently when the key says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.contract.builders import (
    ENDED,
    JOB,
    MISSING,
    NOW,
    TOKEN,
    answer,
    failure,
    job,
    judge,
    not_found,
    trace,
    written,
)
from tests.contract.edited_api import Edit
from tests.probes.live import write_config

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
)
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.request import build_request
from jobproof.contract.suite.planning.plan import PlannedRequest, build_plan, request_of
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.probes.canaries.anonymous import AnonymousCanary, AnonymousOptions
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest
from jobproof.probes.canaries.missing import MissingCanary
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.engine.judging import RawResult, ResultJudge
from jobproof.probes.engine.prober import TargetState
from jobproof.probes.engine.target_labels import labels_of
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.export.prometheus import expose, new_registry
from jobproof.probes.following.tracker import JobObservation, Tracker
from jobproof.probes.following.watch_list import FollowedJob
from jobproof.probes.sources.listing import ListingOptions, ListingSource
from jobproof.probes.sources.source import SourceContext
from jobproof.probes.web.view_protocols import statuses_of

__all__ = ["SCENARIOS", "UNUSED", "Scenario", "Sight"]

Sight = Callable[[Api], object]
"""What one side makes of an API's data; it is compared."""

URL = "https://api.example.com"


@dataclass(frozen=True)
class Scenario:
    """
    Attributes:
        key: Where in the profile; items of lists by number, statuses by word.
        value: What it says instead.
        suite: What the suite makes of it; a text says why it has no part in it.
        daemon: The same of the daemon.
        given: What the profile says besides, before and after.
        document: What the document says besides.
    """

    key: str
    value: object
    suite: Sight | str
    daemon: Sight | str
    given: Mapping[str, object] = field(default_factory=dict)
    document: Edit | None = None


# -- what is judged ---------------------------------------------------------------------------


def _told(finding: Finding) -> tuple[object, ...]:
    return (
        *(finding.check, finding.kind, finding.basis, finding.source, finding.pointer),
        *(finding.message, repr(finding.expected), repr(finding.found), finding.accepted),
    )


def _by_the_suite(exchanges: tuple[Exchange, ...]) -> Sight:
    return lambda api: [_told(finding) for finding in judge()(trace(*exchanges, of=api))]


def _by_the_daemon(exchanges: tuple[Exchange, ...]) -> Sight:
    def sight(api: Api) -> object:
        target = settings(api)
        registry = new_registry(process=False)
        metrics = Metrics(registry, [labels_of(target)], [])
        judging, seen = ResultJudge(api, judge(), Secret(TOKEN)), []
        for exchange in exchanges:
            canary, request = _canary(exchange), exchange.request
            raw = RawResult("mocked", canary, request, NOW, 0.0, exchange.elapsed_s, exchange)
            result = judging(raw).result
            metrics.observe(result)
            seen.append((result.outcome, *map(_told, result.findings)))
        return seen, expose(registry).body

    return sight


def _canary(exchange: Exchange) -> str:
    owner = exchange.request.credential is Credential.OWNER
    if not owner:
        return "anonymous"
    return "known" if exchange.request.subject is Subject.KNOWN else "missing"


def judged(key: str, value: object, *exchanges: Exchange, **given: object) -> Scenario:
    """
    Both judge these answers, and the last of them otherwise.
    """
    places = {place.replace("__", "."): what for place, what in given.items()}
    return Scenario(key, value, _by_the_suite(exchanges), _by_the_daemon(exchanges), places)


_ENDED = {"in": "/steps", "where": {"type": "Ended"}}


def _rules(**condition: object) -> list[dict[str, object]]:
    return [{"word": "completed", "when": [condition]}]


def ruled(key: str, value: object, *exchanges: Exchange, **condition: object) -> Scenario:
    """
    The same where one rule tells the status, by one condition.
    """
    rules = _rules(**(condition or {"at": "/status", "equals": "completed"}))
    return judged(
        f"status.rules.0.{key}",
        value,
        *exchanges,
        status__at="",
        status__rules=rules,
        status__otherwise="processing",
    )


# -- what else is made of it ------------------------------------------------------------------


def settings(api: Api, **replaced: str) -> TargetSettings:
    """
    The daemon's settings for a target of that API, all else by default.
    """
    folder = api.folder.parent
    canaries = f"      known: {{ids: [{JOB}], interval: 1h}}\n"
    canaries += "      missing: {interval: 1h}\n      anonymous: {interval: 1h}\n"
    config = write_config(folder, URL, api=f"./{api.folder.name}", canaries=canaries)
    text = config.read_text(encoding="utf-8").replace("    requests_per_minute: unlimited\n", "")
    for line, other in replaced.items():
        text = text.replace(f"    {line}: {URL}\n", other)
    config.write_text(text, encoding="utf-8")
    return load_settings(config).targets[0]


def _suite_target(api: Api, **values: object) -> Any:
    variables = {api.profile.token_env: f"token in {api.profile.token_env}"}
    options = {"api": str(api.folder), "url": URL, "job": [JOB], "seed": 7, **values}
    return target_from(options, environ=variables, placeholder="any")


def _suite_asks(api: Api) -> object:
    target = _suite_target(api)
    planned = PlannedRequest("GET", JOB, Subject.KNOWN, Credential.OWNER, "")
    wrong = PlannedRequest("GET", JOB, Subject.KNOWN, Credential.INVALID, "")
    requests = [request_of(target, one) for one in (planned, wrong)]
    missing = [one.job_id for one in build_plan(target) if one.subject is Subject.MISSING]
    return [(one.url, one.headers) for one in requests], missing


def _daemon_asks(api: Api) -> object:
    context = CanaryContext(api, Random(7))
    missing = MissingCanary(CanaryOptions(), context).next_request()
    anonymous = AnonymousCanary(AnonymousOptions(), context)
    anonymous.next_request()
    asks = [CanaryRequest(JOB, Subject.KNOWN), missing, anonymous.next_request()]
    built = [_request(api.with_any_values(), ask) for ask in asks]
    return [(one.url, one.headers) for one in built]


def _request(api: Api, ask: CanaryRequest) -> Request:
    return build_request(
        *(api, URL, ask.job_id),
        subject=ask.subject,
        credential=ask.credential,
        token=Secret(TOKEN),
    )


def asked(key: str, value: object, **given: object) -> Scenario:
    """
    Both ask otherwise.
    """
    places = {place.replace("__", "."): what for place, what in given.items()}
    return Scenario(key, value, _suite_asks, _daemon_asks, places)


def _next_poll(quiet_polls: int) -> Sight:
    def sight(api: Api) -> object:
        waiting = FollowedJob("t", JOB, "static", NOW, NOW)
        tracker, now = Tracker.of(api.profile), NOW
        due = []
        for _ in range(quiet_polls + 1):
            waiting = tracker.advance(waiting, JobObservation(now, "queued")).job
            due.append(waiting.next_poll_at - now)
            now = waiting.next_poll_at
        return due

    return sight


def _stuck(api: Api) -> object:
    tracker, counts = Tracker.of(api.profile), []
    for hours in (1, 3, 25):
        created_at = NOW - hours * 3_600
        job = FollowedJob("t", JOB, "static", NOW, NOW)
        seen = JobObservation(NOW, "processing", created_at=created_at)
        job = tracker.advance(job, seen).job
        counts.append([tracker.job_counts([job], now=NOW + s).stuck for s in (0, 240, 9_000)])
    return counts


def stuck(key: str, value: object) -> Scenario:
    """
    The suite's check of limits says otherwise, and the daemon's gauge of stuck jobs, too.
    """
    return Scenario(key, value, _limits, _stuck)


def _limits(api: Api) -> object:
    return [_by_the_suite((exchange,))(api) for exchange in (_LONG, _OVERDUE)]


def _listing(api: Api) -> object:
    source = ListingSource(ListingOptions(), SourceContext("t", api, URL, (), Path()))
    page = (
        b'{"items": [{"job_id": "a", "status": "queued", "id": "b"}], "next_cursor": "c2",'
        b' "jobs": [{"job_id": "d", "status": "queued"}], "next": "c3", "job_id": "e"}'
    )
    response = Response(200, (("Content-Type", "application/json"),), page, page)
    steps: list[object] = []
    for _ in range(4):
        request = source.next_request()
        assert request is not None
        found = source.on_answer(Exchange(request, response, NOW, 0.1))
        steps.append((request.url, found.ids, found.problem))
    return steps


def listed(key: str, value: object) -> Scenario:
    """
    The source of ids asks for another list, or reads it otherwise.
    """
    return Scenario(f"listing.{key}", value, "the suite asks for no list", _listing)


def _body_cap(api: Api) -> object:
    return TargetState(settings(api), judge(), Random(7)).client.body_limit


def _loose(document: Any) -> None:
    """
    A document that lists no jobs, and in which other places of a job may hold whatever.
    """
    del document["paths"]["/jobs"]
    responses = document["paths"]["/jobs/{id}"]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    schema["additionalProperties"] = True
    for name in ("job_id", "created_at", "completed_at"):
        schema["properties"][name] = {}


def loosely(scenario: Scenario) -> Scenario:
    """
    The scenario by a document that doesn't refuse what it says.
    """
    return replace(scenario, document=_loose)


PEOPLE = "for people's eyes"

_UNHEARD = answer({**job("queued"), "status": "reticulating"})
_OTHER_ID = answer(job(job_id=MISSING))
_CAME_BACK = (answer(at=NOW - 5), answer(job("processing")))
# The last of these is told apart by what stands in its body, besides its status word.
_STEPS = [{"type": "Started"}, {"type": "Ended", "ok": True}]
_TOLD_BY_A_LIST = (answer(job(steps=_STEPS), at=NOW - 5), answer(job("processing")))
_MOVED_BACK = (answer(job("sampling"), at=NOW - 5), answer(job("queued")))
_CONTINUED = (answer(job("intermediate-complete"), at=NOW - 5), answer(job("processing")))
_UNUSUAL = (answer(job("sampling"), at=NOW - 5), answer(job("processing")))
_OVERDUE = answer(job("processing", created_at=written(NOW - 3 * 86_400)))
_LONG = answer(job("processing", created_at=written(NOW - 3 * 3_600)))
_FROM_TOMORROW = answer(job("queued", created_at=written(NOW + 3_600)))
_ENDS_TOMORROW = answer(job(completed_at=written(NOW + 86_400)))
_NO_END = answer(job(without=["completed_at"]))
_EARLY_END = answer(job("processing", completed_at=written(NOW - 5)))
_NO_RESULT = answer(job(result={"urls": []}))
_UNSAFE = answer(job(result={"urls": ["http://gen.krea.ai/1.png"]}))
_PREVIEW = answer(job("sampling", result={"urls": ["https://gen.krea.ai/1.png"]}))
_NO_REASON = answer(job("failed", without=["error"]))
_REASON = answer(job("failed"))
_REASON_OF_SUCCESS = answer(job(error={"code": "X", "message": "y"}))
_GONE = not_found(code=410, job_id=JOB, subject=Subject.KNOWN)
_INVENTED = answer(job(job_id=MISSING), job_id=MISSING, subject=Subject.MISSING)
_REFUSED = answer({"error": "no"}, 401, credential=Credential.NONE)
_THROTTLED = answer({"error": "no"}, 429, headers={"retry-after": "1"})
_CHANGED = (answer(at=NOW - 5), answer(job(result={"urls": ["https://gen.krea.ai/other.png"]})))
_ENDED_AGAIN = (answer(at=NOW - 5), answer(job(completed_at=written(ENDED + 5))))
_RESTYLED = tuple(
    answer(job("sampling", result={"style_id": style}), at=NOW - 9 + n)
    for n, style in enumerate("ab")
)
_SLOW = tuple(answer(at=NOW - 30 + n * 10, elapsed_s=3.0) for n in range(3))
_LARGE = failure(Reason.TOO_LARGE, partial=Response(200, ()))
_PAUSED = answer(job("paused"))
_PAUSED_WORD = {"phase": "pending", "rank": 3, "source": "a page of the vendor"}
_TOKEN_IDS: dict[str, object] = {"id__shape": "token"}
_ACCEPTED: dict[str, object] = {
    "policy__accept": [
        {
            "check": "status_is_documented",
            "pointer": "/status",
            "reason": "the vendor's ticket 4711",
            "expires": "2100-01-01",
        }
    ]
}


_UNASKED = answer(credential=Credential.NONE)
_PROMISED = {"basis": "documented", "source": "the manual, page 1"}


def _another_path(document: Any) -> None:
    paths = document["paths"]
    paths["/tasks/{id}"] = paths["/jobs/{id}"]
    paths["/of/{id}/{job}"] = paths["/jobs/{id}"]


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "api",
        "another",
        lambda api: _suite_target(api).api.name,
        lambda api: settings(api).api.name,
    ),
    Scenario("operation.path", "/tasks/{id}", _suite_asks, _daemon_asks, document=_another_path),
    Scenario(
        "operation.parameter",
        "job",
        _suite_asks,
        _daemon_asks,
        {"operation.path": "/of/{id}/{job}"},
        _another_path,
    ),
    Scenario(
        "server",
        "https://other.example.com",
        "a run is told the URL",
        lambda api: settings(api, url="").url,
    ),
    Scenario(
        "token_env",
        "OTHER_TOKEN",
        lambda api: _suite_target(api).token.reveal(),
        "the configuration names each target's own variable",
    ),
    Scenario(
        "parameters",
        {"job": "another"},
        _suite_asks,
        _daemon_asks,
        {"operation.path": "/of/{id}/{job}", "parameters": {"job": "one"}},
        _another_path,
    ),
    asked("headers", {"X-Tenant": "one"}),
    judged("auth.required.basis", "inferred", _UNASKED, auth__required=_PROMISED),
    judged("auth.required.source", "elsewhere", _UNASKED, auth__required=_PROMISED),
    asked("auth.header", "X-Api-Key"),
    asked("auth.prefix", "Key "),
    asked("auth.invalid", "another-invalid-token"),
    loosely(judged("id.at", "/id", _OTHER_ID)),
    judged("id.basis", "inferred", _OTHER_ID),
    judged("id.source", "elsewhere", _OTHER_ID),
    judged("id.case_insensitive", False, answer(job(job_id=JOB.upper()))),
    loosely(asked("id.shape", "integer")),
    asked("id.alphabet", "xyz", **_TOKEN_IDS),
    asked("id.prefix", "job_", **_TOKEN_IDS),
    asked("id.length", 9, **_TOKEN_IDS),
    loosely(judged("status.at", "/state", _UNHEARD)),
    judged("status.basis", "inferred", _UNHEARD),
    judged("status.source", "elsewhere", _UNHEARD),
    judged("status.words.completed.phase", "pending", *_CAME_BACK),
    judged("status.words.queued.rank", 9, *_MOVED_BACK),
    Scenario("status.words.queued.meaning", "else", PEOPLE, lambda api: statuses_of(api.profile)),
    Scenario("status.words.queued.colour", "#123456", PEOPLE, lambda api: statuses_of(api.profile)),
    judged("status.words.processing.waits_unbounded", True, _OVERDUE),
    judged("status.words.paused.source", "else", _PAUSED, status__words__paused=_PAUSED_WORD),
    ruled("word", "failed", *_CAME_BACK),
    ruled("when.0.at", "/job_id", *_CAME_BACK),
    ruled("when.0.equals", "queued", *_CAME_BACK),
    ruled("when.0.in", ["queued"], *_CAME_BACK, at="/status", **{"in": ["completed"]}),
    ruled("when.0.matches", "^que", *_CAME_BACK, at="/status", matches="^comp"),
    ruled("when.0.exists", False, *_CAME_BACK, at="/completed_at", exists=True),
    ruled("when.0.absent", True, *_CAME_BACK, at="/completed_at", absent=False),
    ruled("when.0.code", 303, *_CAME_BACK, code=200),
    ruled("when.0.header", "x-nothing", *_CAME_BACK, header="content-type", exists=True),
    loosely(
        ruled("when.0.select.in", "/stages", *_TOLD_BY_A_LIST, at="/ok", equals=True, select=_ENDED)
    ),
    loosely(
        ruled(
            "when.0.select.where",
            {"type": "Started"},
            *_TOLD_BY_A_LIST,
            at="/ok",
            equals=True,
            select=_ENDED,
        )
    ),
    judged(
        "status.otherwise",
        "queued",
        *_CAME_BACK,
        status__at="",
        status__rules=_rules(at="/status", equals="completed"),
        status__otherwise="processing",
    ),
    judged("status.backward.basis", "documented", *_MOVED_BACK),
    judged("status.backward.source", "elsewhere", *_MOVED_BACK),
    judged("status.terminal.basis", "rfc", *_CAME_BACK),
    judged("status.terminal.source", "elsewhere", *_CAME_BACK),
    judged("status.moves.0.before", ["sampling"], *_CONTINUED),
    judged("status.moves.0.after", ["sampling"], *_CONTINUED),
    judged("status.moves.0.verdict", "illegal", *_CONTINUED),
    judged("status.moves.1.basis", "documented", *_UNUSUAL),
    judged("status.moves.1.source", "elsewhere", *_UNUSUAL),
    judged("status.limits.1.name", "else", _OVERDUE),
    judged("status.limits.1.after", "90d", _OVERDUE),
    judged("status.limits.1.verdict", "drift", _OVERDUE),
    judged("status.limits.1.basis", "inferred", _OVERDUE),
    judged("status.limits.0.basis", "inferred", _LONG),
    judged("status.limits.1.source", "elsewhere", _OVERDUE),
    judged("status.limits.1.unobserved_wait", "0s", _LONG),
    stuck("status.words.processing.waits_unbounded", True),
    stuck("status.limits.1.after", "90d"),
    stuck("status.limits.1.verdict", "drift"),
    stuck("status.limits.1.unobserved_wait", "0s"),
    loosely(judged("times.created", "/started_at", _FROM_TOMORROW)),
    loosely(judged("times.codec", "unix", _FROM_TOMORROW)),
    judged("times.skew", "2h", _FROM_TOMORROW),
    judged("times.basis", "inferred", _FROM_TOMORROW),
    judged("times.source", "elsewhere", _FROM_TOMORROW),
    loosely(judged("times.later.0.at", "/finished_at", _NO_END)),
    loosely(judged("times.later.0.codec", "unix", _ENDS_TOMORROW)),
    judged("times.later.0.ends_life", False, _ENDS_TOMORROW),
    judged("times.later.0.required_in", ["failed"], _NO_END),
    judged("times.later.0.required.basis", "documented", _NO_END),
    judged("times.later.0.required.source", "elsewhere", _NO_END),
    judged("times.later.0.allowed_in", ["processing", "completed"], _EARLY_END),
    judged("times.later.0.allowed.basis", "inferred", _EARLY_END),
    judged("times.later.0.allowed.source", "elsewhere", _EARLY_END),
    judged("result.at", ["/result/urls"], _NO_RESULT),
    judged("result.proof", ["/result"], _NO_RESULT),
    judged("result.required_in", [], _NO_RESULT),
    judged("result.basis", "inferred", _NO_RESULT),
    judged("result.source", "elsewhere", _NO_RESULT),
    judged("result.links", [], _UNSAFE),
    judged("result.schemes", ["http"], _UNSAFE),
    judged("result.early_in", [], _PREVIEW),
    loosely(judged("failure.at", ["/problem"], _REASON)),
    judged("failure.required_in", [], _NO_REASON),
    judged("failure.basis", "documented", _NO_REASON),
    judged("failure.source", "elsewhere", _NO_REASON),
    judged("failure.allowed_in", ["completed"], _REASON_OF_SUCCESS),
    judged("failure.allowed.basis", "inferred", _REASON_OF_SUCCESS),
    judged("failure.allowed.source", "elsewhere", _REASON_OF_SUCCESS),
    judged("not_found.codes", [404, 410], _GONE),
    judged("not_found.basis", "inferred", _INVENTED),
    judged("not_found.source", "elsewhere", _INVENTED),
    judged("expected.0.code", 402, _REFUSED),
    judged("expected.0.asked", ["foreign"], _REFUSED),
    judged("expected.0.description", "else", _REFUSED),
    judged("expected.0.basis", "inferred", _REFUSED),
    judged("expected.0.source", "elsewhere", _REFUSED),
    judged("declared_elsewhere", ["/result/error", "/position"], answer(job(position=3))),
    judged("given", ["/result/style_id"], *_RESTYLED),
    judged("volatile", ["/result"], *_CHANGED),
    judged("frozen", ["/completed_at"], *_ENDED_AGAIN),
    Scenario("cadence.poll", "7s", lambda api: _suite_target(api).poll_interval_s, _next_poll(0)),
    Scenario(
        "cadence.slowest", "9s", "it watches no job for longer than ten minutes", _next_poll(9)
    ),
    Scenario(
        "cadence.requests_per_minute",
        99,
        lambda api: _suite_target(api).rate_per_minute,
        lambda api: settings(api).requests_per_minute,
    ),
    judged("latency.budget", "10s", *_SLOW),
    Scenario("latency.budget", "10s", _by_the_suite(_SLOW), lambda api: settings(api).latency_s),
    judged("latency.basis", "documented", *_SLOW),
    judged("latency.source", "elsewhere", *_SLOW),
    judged("body.limit", 100, answer()),
    Scenario("body.limit", 100, _by_the_suite((answer(),)), _body_cap),
    judged("body.basis", "documented", _LARGE),
    judged("body.source", "elsewhere", _LARGE),
    listed("path", "/all"),
    loosely(listed("items", "/jobs")),
    loosely(listed("id", "/id")),
    loosely(listed("status", "/state")),
    loosely(listed("cursor", "/next")),
    loosely(listed("cursor_parameter", "after")),
    loosely(listed("status_parameter", "state")),
    loosely(listed("limit_parameter", "size")),
    judged("policy.accept.0.check", "body_is_json", _UNHEARD, **_ACCEPTED),
    judged("policy.accept.0.pointer", "/job_id", _UNHEARD, **_ACCEPTED),
    judged("policy.accept.0.kind", "gap", _UNHEARD, **_ACCEPTED),
    judged("policy.accept.0.reason", "the vendor's ticket 4712", _UNHEARD, **_ACCEPTED),
    judged("policy.accept.0.expires", "2001-01-01", _UNHEARD, **_ACCEPTED),
)

UNUSED: Mapping[str, str] = {
    "title": "documentation only: what lists and reports call the API",
    "document": "a file's name: another one is another document",
    "operation.method": "has one value, get",
    "listing.basis": "documentation only: no check speaks of the list",
    "listing.source": "documentation only: no check speaks of the list",
}
"""Keys that nothing is judged or asked by, and why."""
