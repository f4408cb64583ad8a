"""
The daemon's pages: for a person, for Prometheus, for whoever operates it.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from jobproof.contract.errors import JobproofError, did_you_mean
from jobproof.contract.formats.digits import read_decimal
from jobproof.contract.formats.wording import legible_lines
from jobproof.probes.sources.source import is_job_id
from jobproof.probes.web.access.hosts import Hosts
from jobproof.probes.web.access.middleware import AccessMiddleware
from jobproof.probes.web.access.web_config import WebConfig
from jobproof.probes.web.blackbox import blackbox_text
from jobproof.probes.web.pages.evidence_view import make_evidence_view
from jobproof.probes.web.pages.page import make_page
from jobproof.probes.web.view_protocols import (
    CanaryInfo,
    DaemonView,
    EvidenceReader,
    MetricsView,
    ProbeRefused,
    RecentResultsView,
    TargetInfo,
)

__all__ = ["create_app"]

# Of blackbox_exporter's answers; `/metrics` negotiates its own.
_EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SCRAPE_MARGIN_S = 0.5
# Each holds a thread until its timeout; a scraper of many targets must not take them all.
_CONCURRENT_PROBES = 32
_ICON_COLOURS = {"ok": "#237a3f", "bad": "#c4303c", "silent": "#7d3fb2", "odd": "#965000"}
_IDLE_ICON_COLOUR = "#5d6672"


def create_app(
    *,
    control: DaemonView,
    results: RecentResultsView,
    evidence: EvidenceReader,
    expose: MetricsView,
    promises: Mapping[str, str] | None = None,
    config: WebConfig | None = None,
    hosts: Hosts | None = None,
    clock: Callable[[], float] = time.time,
) -> ASGIApp:
    """
    The application behind the daemon's socket.

    Args:
        control: The daemon.
        expose: Answers `/metrics`.
        promises: The first line of each check's docstring, by its id.
        config: Users and headers; everybody may come in without it.
        hosts: The host names that requests may be for; any without it.
    """
    endpoints = _Endpoints(control, results, evidence, expose, promises or {}, clock, _templates())
    routes = [
        Route("/", endpoints.status),
        Route("/metrics", endpoints.metrics),
        Route("/probe", endpoints.probe),
        Route("/evidence/{name}", endpoints.show_evidence),
        Route("/-/healthy", endpoints.healthy),
        Route("/-/ready", endpoints.ready),
        Route("/-/sd", endpoints.discovery),
        Route("/-/reload", endpoints.reload, methods=["POST"]),
        Route("/jobs/{target}/{job_id:path}", endpoints.push, methods=["POST"]),
    ]
    handlers = {HTTPException: _plain_error, JobproofError: _unavailable}
    app = Starlette(routes=routes, exception_handlers=handlers)
    return AccessMiddleware(app, config or WebConfig(), hosts)


@dataclass
class _Endpoints:
    control: DaemonView
    results: RecentResultsView
    evidence: EvidenceReader
    expose: MetricsView
    promises: Mapping[str, str]
    clock: Callable[[], float]
    templates: Environment

    def __post_init__(self) -> None:
        self._probes: CapacityLimiter | None = None

    def status(self, request: Request) -> Response:
        page = make_page(self.control, self.results, self.evidence, self.promises, now=self.clock())
        return self._html("status.html", page.tone, root="./", page=page)

    def show_evidence(self, request: Request) -> Response:
        name = request.path_params["name"]
        evidence_id, dot, form = name.partition(".")
        file = self.evidence.get(evidence_id)
        content = self.evidence.har(evidence_id) if file is not None else None
        if file is None or content is None or (dot and form not in ("har", "curl")):
            raise HTTPException(404, "No such evidence; what is kept is bounded in bytes.")
        if form == "curl":
            return PlainTextResponse(file.curl + "\n")
        if form == "har":
            headers = {"Content-Disposition": f'attachment; filename="{evidence_id}.har"'}
            return Response(content, media_type="application/json", headers=headers)
        view = make_evidence_view(file, content)
        apis = {target.name: target.api for target in self.control.targets()}
        values = {"view": view, "promises": self.promises, "api": apis.get(file.target)}
        return self._html("evidence.html", view.tone, root="../", **values)

    def metrics(self, request: Request) -> Response:
        exposition = self.expose(
            accept=request.headers.get("accept", ""),
            accept_encoding=request.headers.get("accept-encoding", ""),
            names=request.query_params.getlist("name[]"),
        )
        headers = {"Content-Type": exposition.content_type, "Vary": "Accept, Accept-Encoding"}
        if exposition.encoding is not None:
            headers["Content-Encoding"] = exposition.encoding
        return Response(exposition.body, headers=headers)

    async def probe(self, request: Request) -> Response:
        target = self._target(request.query_params.get("target"))
        canary = self._canary(target, request.query_params)
        timeout_s = _timeout_s(request, next(c for c in target.canaries if c.name == canary))
        # Not in __post_init__: a limiter is made inside the event loop that uses it.
        if self._probes is None:
            self._probes = CapacityLimiter(_CONCURRENT_PROBES)

        def probe_now() -> str:
            result = self.control.probe(target.name, canary, timeout_s=timeout_s)
            return blackbox_text(result, timeout_s=timeout_s)

        try:
            text = await to_thread.run_sync(probe_now, limiter=self._probes)
        except ProbeRefused as refused:
            raise HTTPException(429, str(refused)) from None
        return Response(text, headers={"Content-Type": _EXPOSITION_TYPE})

    def healthy(self, request: Request) -> Response:
        return _state("healthy", self.control.failures())

    def ready(self, request: Request) -> Response:
        lag = self.control.lag_in_intervals()
        lacking = [*self.control.failures(), *self.control.shortcomings()]
        # One interval behind is a busy moment; two are a schedule that doesn't advance.
        if lag >= 2:
            lacking.insert(0, f"the schedule is {lag:.1f} intervals behind")
        return _state("ready", lacking)

    def discovery(self, request: Request) -> Response:
        return JSONResponse(
            [
                {"targets": [target.name], "labels": {"__meta_jobproof_api": target.api}}
                for target in self.control.targets()
            ]
        )

    def reload(self, request: Request) -> Response:
        report = self.control.reload()
        if report.error is not None:
            return PlainTextResponse(f"refused, nothing has changed: {report.error}\n", 500)
        kept = [
            f"target {name} isn't configured any longer: its {count} followed jobs are kept for an "
            "hour, then dropped\n"
            for name, count in report.kept.items()
        ]
        return PlainTextResponse("".join(("reloaded\n", *kept)))

    def push(self, request: Request) -> Response:
        target = self._target(request.path_params["target"], code=404)
        job_id = request.path_params["job_id"]
        if not target.accepts_jobs:
            raise HTTPException(
                409, f"target {target.name} takes no jobs; configure follow: [{{source: pushed}}]"
            )
        if not is_job_id(job_id):
            raise HTTPException(400, "a job id has 1 to 200 printable characters")
        try:
            taken = self.control.follow(target.name, job_id)
        except ValueError as wrong:
            raise HTTPException(400, str(wrong)) from None
        if taken:
            return PlainTextResponse("followed\n", 202)
        return PlainTextResponse("not taken: followed already, ended, or the list is full\n")

    def _target(self, name: str | None, *, code: int = 400) -> TargetInfo:
        known = {target.name: target for target in self.control.targets()}
        if not name:
            raise HTTPException(code, f"say which: ?target=NAME. {did_you_mean('', known)}")
        if name not in known:
            # An URL instead of a name is how blackbox_exporter is used; whoever could have us
            # fetch any URL would reach into our network.
            short = name if len(name) <= 80 else f"{name[:79]}…"
            why = " A target is a configured name, never a URL." if "://" in name else ""
            raise HTTPException(
                code, f"unknown target {short!r}.{why} {did_you_mean(short, known)}"
            )
        return known[name]

    def _canary(self, target: TargetInfo, query: Mapping[str, str]) -> str:
        names = [canary.name for canary in target.canaries if canary.interval_s is not None]
        if not names:
            raise HTTPException(400, f"target {target.name} has no canary that can be asked")
        wanted = query.get("canary") or query.get("module") or names[0]
        if wanted not in names:
            short = wanted if len(wanted) <= 80 else f"{wanted[:79]}…"
            raise HTTPException(400, f"unknown canary {short!r}. {did_you_mean(short, names)}")
        return wanted

    def _html(self, name: str, tone: str, *, root: str, **values: Any) -> Response:
        # A new one for every page: only the style and the script in this very page may run.
        nonce = secrets.token_urlsafe(16)
        text = self.templates.get_template(name).render(
            nonce=nonce, root=root, icon=_icon(tone), **values
        )
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return HTMLResponse(text, headers={"Content-Security-Policy": policy})


def _templates() -> Environment:
    loader = PackageLoader("jobproof.probes.web.pages")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    # The style sheet and the script are ours and hold no value: they go in as they are.
    for key, file in (("css", "page.css"), ("js", "page.js")):
        source, _, _ = loader.get_source(environment, file)
        environment.globals[key] = _Verbatim(source)
    environment.globals["version"] = version("jobproof")
    return environment


class _Verbatim(str):
    """
    Text that needs no escaping because nobody else has written in it.
    """

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _timeout_s(request: Request, canary: CanaryInfo) -> float:
    configured_s = canary.timeout_s
    header = request.headers.get("x-prometheus-scrape-timeout-seconds")
    if header is None:
        return configured_s
    scrape_s = read_decimal(header)
    if scrape_s is None:
        raise HTTPException(400, "X-Prometheus-Scrape-Timeout-Seconds is no number")
    if not 0 < scrape_s < 86_400:
        raise HTTPException(400, "X-Prometheus-Scrape-Timeout-Seconds is out of range")
    # The answer must be on its way before the scraper gives up.
    margin_s = min(_SCRAPE_MARGIN_S, scrape_s / 2)
    return min(configured_s, scrape_s - margin_s)


def _icon(tone: str) -> str:
    colour = _ICON_COLOURS.get(tone, _IDLE_ICON_COLOUR)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="7" fill="{colour}"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _state(word: str, lacking: Sequence[str]) -> Response:
    if not lacking:
        return PlainTextResponse(f"jobproof is {word}.\n")
    return PlainTextResponse(f"jobproof is not {word}: {'; '.join(lacking)}.\n", 503)


def _plain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if "application/json" in request.headers.get("accept", ""):
        content = json.dumps({"error": error.detail}) + "\n"
        media_type = "application/json"
    else:
        content, media_type = f"{legible_lines(error.detail)}\n", "text/plain"
    return Response(content, error.status_code, headers=error.headers, media_type=media_type)


def _unavailable(_request: Request, error: Exception) -> Response:
    # The disk is full, the daemon is ending, or a reload took the target away meanwhile.
    return PlainTextResponse(f"{legible_lines(str(error))}\n", 503, {"Retry-After": "1"})
