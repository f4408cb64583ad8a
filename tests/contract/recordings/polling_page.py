"""
A web page that polls jobs as pages do, from a server of its own, and a real Chromium that is
recorded while it shows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from tests.servers import QuietHandler, http_server
from tests.tools import PATIENCE_S, tool

from jobproof.contract.mock import Mock
from jobproof.contract.plugins import default_api, find_api

__all__ = ["MODES", "Mode", "PollingPage", "chromium", "polling_page"]

API = find_api(default_api())

_POLLS = 8
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")

PAGE = b"""<!doctype html><title>Jobs</title><script>
const seen = [];
async function poll(base, token, ids, times) {
  const headers = {accept: "application/json", authorization: "Bearer " + token};
  for (const id of ids)
    for (let n = 0; n < times; n++)
      seen.push(await (await fetch(`${base}/jobs/${id}`, {headers})).text().catch(String));
  return seen.length;
}
async function oddities(base, token, id) {
  const headers = {authorization: "Bearer " + token}, url = `${base}/jobs/${id}`;
  await fetch(url, {method: "HEAD", headers}).catch(String);
  await fetch(url, {headers, cache: "force-cache"}).then(r => r.text()).catch(String);
  const abort = new AbortController();
  const given_up = fetch(`${base}/jobs/${id}?hang`, {headers, signal: abort.signal});
  setTimeout(() => abort.abort(), 50);
  await given_up.catch(String);
  await fetch(`http://127.0.0.1:9/jobs/${id}`, {headers}).catch(String);
  await new Promise(done => {
    const socket = new WebSocket(url.replace("http", "ws"));
    socket.onclose = done;
  });
  await fetch(`${base}/jobs`, {headers}).then(r => r.text()).catch(String);
  await fetch(`/jobs/${id}`).then(r => r.text());
  return true;
}
</script>"""
SHELL = b"<!doctype html><title>One job, as the web application shows it</title>"


@dataclass(frozen=True)
class Mode:
    """
    How Playwright records.

    Attributes:
        shows_bodies: Whether bodies are kept anywhere.
    """

    name: str
    detail: str
    content: str
    ending: str = ".har"

    @property
    def shows_bodies(self) -> bool:
        return self.content != "omit"


MODES = (
    Mode("embed", "full", "embed"),
    Mode("attach", "full", "attach"),
    Mode("zip", "full", "attach", ".zip"),
    Mode("minimal", "minimal", "embed"),
    Mode("omit", "full", "omit"),
)

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]


@dataclass
class PollingPage:
    """
    A page on one port, the mock on another, and the browser that is to show it.

    Attributes:
        given_up: Set once nobody waits any more for what hangs.
    """

    browser: Browser
    page_url: str = ""
    api_url: str = ""
    mock: Mock = field(default_factory=lambda: Mock(API))
    given_up: threading.Event = field(default_factory=threading.Event)

    def record(self, folder: Path, mode: Mode, *, faults: Sequence[str] = ()) -> Path:
        """
        Show the page in a fresh browser profile, and record all that it asks.
        """
        place = folder / f"{mode.name}{mode.ending}"
        # Its jobs begin anew: those of the last recording have ended.
        self.mock = Mock(API, faults=faults)
        self.given_up.clear()
        context = self.browser.new_context(
            record_har_path=place,
            record_har_mode=mode.detail,  # type: ignore[arg-type]
            record_har_content=mode.content,  # type: ignore[arg-type]
        )
        context.set_default_timeout(1000 * PATIENCE_S)
        page = context.new_page()
        page.goto(f"{self.page_url}/app")
        ids, token = [job.id for job in self.mock.jobs], self.mock.token
        asked = [self.api_url, token, ids, _POLLS]
        assert page.evaluate("(given) => poll(...given)", asked) == _POLLS * len(ids)
        assert page.evaluate("(given) => oddities(...given)", [self.api_url, token, ids[0]])
        # As a person opens it: without a token, to look at.
        context.new_page().goto(f"{self.api_url}/jobs/{ids[0]}")
        context.close()
        self.given_up.set()
        return place


@contextmanager
def chromium() -> Iterator[Browser]:
    """
    Debian's Chromium, driven by Playwright.
    """
    program = tool("chromium", "chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()


@contextmanager
def polling_page(browser: Browser) -> Iterator[PollingPage]:
    """
    The page and the mock, each at a port of its own.
    """
    page = PollingPage(browser)
    with ExitStack() as serving:
        page.page_url = serving.enter_context(_served(_application))
        page.api_url = serving.enter_context(_served(_shared(page))) + page.mock.prefix
        serving.callback(page.given_up.set)
        yield page


def _application(_method: str, target: str, _headers: Headers) -> Answer:
    return 200, [("Content-Type", "text/html")], PAGE if target == "/app" else SHELL


def _shared(page: PollingPage) -> Callable[[str, str, Headers], Answer]:
    """
    The API as a page from elsewhere may ask it (Fetch standard: CORS protocol).
    """
    allowed = [
        ("Access-Control-Allow-Origin", page.page_url),
        ("Access-Control-Allow-Headers", "authorization, accept"),
        ("Access-Control-Allow-Methods", "GET, HEAD"),
    ]

    def answer(method: str, target: str, headers: Headers) -> Answer:
        if any(name.lower() == "access-control-request-method" for name, _ in headers):
            return 204, allowed, b""
        if target.endswith("?hang"):
            page.given_up.wait(PATIENCE_S)
        answered = page.mock.respond(method, target, headers)
        return answered.code, [*answered.headers, *allowed], answered.body

    return answer


@contextmanager
def _served(answer: Callable[[str, str, Headers], Answer]) -> Iterator[str]:
    class Answering(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            code, headers, body = answer(self.command, self.path, [*self.headers.items()])
            has_body = code not in (204, 304)
            length = [("Content-Length", str(len(body)))] if has_body else []
            lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}"]
            lines += (f"{name}: {value}" for name, value in (*headers, *length))
            head = "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")
            # In one piece: a body that follows by itself waits for the head's acknowledgement.
            self.wfile.write(head + (body if has_body and self.command != "HEAD" else b""))

        do_HEAD = do_OPTIONS = do_GET

    with http_server(Answering) as url:
        yield url
