"""
Servers and documents that nobody here wrote for us, one thing changed about each: a right one
is kept, a broken one broken, and what can't be used is refused in one line.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from tests.right_server import JOB, TOKEN, Asked, RightServer, reply, served

from jobproof.contract.client.curl import Client
from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.contract.model.api import load_api
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.reporting.outcome import outcome_of_run
from jobproof.contract.suite.reporting.report import build_report
from jobproof.contract.suite.running.run import Run

BASE = Path(__file__).parents[1] / "documents" / "right"
CHECKS = load_checks()
Edits = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ServerCase:
    """
    Attributes:
        verdict: `kept`, `broken` or `inconclusive`; `refused` where loading or planning fails.
        checks: Those whose promise is found broken; empty with `broken` on the wire: whichever.
        document: What of the base document is written otherwise.
        says: What a refusal says.
    """

    name: str
    verdict: str = "kept"
    checks: tuple[str, ...] = ()
    document: Edits = ()
    profile: Edits = ()
    server: RightServer = field(default_factory=RightServer)
    says: str = ""


def _written(entry: Any) -> ServerCase:
    edits = {
        name: tuple((edit["before"], edit["after"]) for edit in entry.get(name, ()))
        for name in ("document", "profile")
    }
    return ServerCase(
        entry["name"],
        entry["verdict"],
        tuple(entry.get("checks", ())),
        server=RightServer(**entry.get("server", {})),
        says=entry.get("says", ""),
        **edits,
    )


DOCUMENTS = [_written(entry) for entry in read_yaml(BASE / "cases.yaml").value]


def judged(case: ServerCase, folder: Path, **values: Any) -> JsonDocument:
    for name, edits in (("openapi.yaml", case.document), ("profile.yaml", case.profile)):
        text = (BASE / name).read_text("utf-8")
        for before, after in edits:
            assert before in text, f"{name} has no {before!r}"
            text = text.replace(before, after)
        (folder / name).write_text(text, "utf-8")
    load_api(folder)
    with served(case.server) as url, Client(exact_framing=True) as client:
        options = {"api": str(folder), "url": url, "job": [JOB], "token_env": "T", **values}
        target = target_from({"effort": "quick", **options}, environ={"T": TOKEN})
        run = Run(replace(target, poll_interval_s=0.01), CHECKS, client)
        run.execute()
    return build_report(
        run, outcome_of_run(run, generated=False), started_at=time(), duration_s=1.0
    )


def found(report: JsonDocument) -> set[str]:
    return {f["check"] for f in report["findings"] if f["breaks"]}


def concluded(case: ServerCase, folder: Path) -> tuple[str, set[str]]:
    """
    The verdict and the checks found broken; `refused` where nothing could be sent, and why.
    """
    try:
        report = judged(case, folder)
    except ConfigError as refused:
        return "refused", {str(refused)}
    return report["verdict"], found(report)


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case.name)
def test_a_document(case: ServerCase, tmp_path: Path) -> None:
    verdict, said = concluded(case, tmp_path)
    assert verdict == case.verdict, said
    if verdict == "refused":
        (line,) = said
        assert case.says in line
        assert "\n" not in line
    else:
        assert said == set(case.checks)


def test_a_path_parameter_is_given(tmp_path: Path) -> None:
    case = next(case for case in DOCUMENTS if case.name == "two-path-parameters")
    there = replace(case, server=RightServer(path="/projects/p%201/jobs/{id}"))
    assert judged(there, tmp_path, param=["project=p 1"])["verdict"] == "kept"


@pytest.mark.parametrize("name", ["openapi.yaml", "profile.yaml"])
def test_a_file_with_a_byte_order_mark_and_crlf(name: str, tmp_path: Path) -> None:
    judged(ServerCase("bom-crlf"), tmp_path)
    text = (tmp_path / name).read_text("utf-8")
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_api(tmp_path).profile.title == "A small job API"


# -- what is odd on the wire ------------------------------------------------------------------

JOB_BODY = json.dumps(RightServer().job).encode()
NO_JOB = json.dumps({"error": "none"}).encode()
PAGE = b"<html><title>Log in to WiFi</title><form></form></html>"


def odd(answer: bytes | Callable[[Asked], bytes]) -> RightServer:
    """
    The job alone is answered so.
    """

    def instead(asked: Asked) -> bytes | None:
        if not (asked.is_for_the_job and asked.method in ("GET", "HEAD")):
            return None
        return answer if isinstance(answer, bytes) else answer(asked)

    return RightServer(odd=instead)


def once(answer: Callable[[], bytes], *, at: int = 3) -> RightServer:
    """
    The third GET of the job is answered so.
    """
    return odd(
        lambda asked: answer() if (asked.method, asked.of_its_kind) == ("GET", at) else asked.right
    )


def everywhere(*answer: bytes) -> RightServer:
    return RightServer(odd=lambda asked: answer[asked.of_its_kind % len(answer)])


def chunked(body: bytes) -> bytes:
    parts = [body[at : at + 20] for at in range(0, len(body), 20)]
    sent = b"".join(b'%x;name="v;1"\r\n%s\r\n' % (len(part), part) for part in parts)
    head = b"HTTP/1.1 200 \r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    return head + b"Trailer: X-Trailer\r\n\r\n" + sent + b"0;last\r\nX-Trailer: a\r\n\r\n"


def interim(*heads: bytes) -> RightServer:
    return RightServer(odd=lambda asked: b"".join(heads) + asked.right)


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TWICE = gzip.compress(gzip.compress(JOB_BODY))

WIRE = (
    ServerCase("chunk-extensions", server=odd(chunked(JOB_BODY))),
    ServerCase("gzip-twice", server=odd(reply(200, TWICE, "Content-Encoding: gzip, gzip"))),
    ServerCase(
        "gzip-twice-in-two-headers",
        server=odd(reply(200, TWICE, "Content-Encoding: gzip", "Content-Encoding: gzip")),
    ),
    ServerCase(
        "deflate-then-gzip",
        server=odd(
            reply(200, gzip.compress(zlib.compress(JOB_BODY)), "Content-Encoding: deflate, gzip")
        ),
    ),
    ServerCase(
        "header-latin1", server=odd(reply(200, JOB_BODY, "X-Note: gr\u00fcn", "Server: caf\u00e9"))
    ),
    ServerCase("no-reason", server=odd(reply(200, JOB_BODY).replace(b"200 \r\n", b"200\r\n", 1))),
    ServerCase(
        "type-in-capitals",
        server=odd(reply(200, JOB_BODY, kind='Application/JSON; Charset="UTF-8"')),
    ),
    ServerCase("429-superscript", server=once(lambda: reply(429, NO_JOB, "Retry-After: \u00b2"))),
    ServerCase(
        "429-date",
        server=once(
            lambda: reply(429, NO_JOB, f"Retry-After: {formatdate(time() + 1, usegmt=True)}")
        ),
    ),
    ServerCase("408", server=once(lambda: reply(408, kind=None))),
    ServerCase("type-twice", server=odd(reply(200, JOB_BODY, "Content-Type: application/json"))),
    ServerCase(
        "content-location",
        server=odd(
            reply(
                200, JOB_BODY, f"Content-Location: /jobs/{JOB}", "Link: </x>; rel=self", "Vary: *"
            )
        ),
    ),
    ServerCase(
        "br-not-asked",
        server=odd(reply(200, b"\x0b\x02\x80x", "Content-Encoding: br")),
        verdict="broken",
    ),
    ServerCase(
        "public-cache",
        server=odd(reply(200, JOB_BODY, "Cache-Control: public, max-age=0, must-revalidate")),
        verdict="broken",
        checks=("private_answer_is_not_public",),
    ),
    ServerCase("early-hints", server=interim(EARLY)),
    ServerCase(
        "processing-and-continue",
        server=interim(CONTINUE, CONTINUE, EARLY, b"HTTP/1.1 102 Processing\r\n\r\n"),
    ),
    ServerCase(
        "520",
        server=odd(reply(520, b"<html>an error</html>", kind="text/html")),
        verdict="inconclusive",
    ),
    ServerCase(
        "a-page-for-the-job-alone", server=odd(reply(200, PAGE, kind="text/html")), verdict="broken"
    ),
    ServerCase(
        "captive-portal",
        server=everywhere(reply(200, PAGE, kind="text/html")),
        verdict="inconclusive",
    ),
    ServerCase(
        "a-network-that-wants-a-log-in",
        server=everywhere(reply(511, PAGE, kind="text/html")),
        verdict="inconclusive",
    ),
    ServerCase(
        "challenge-with-a-mark",
        server=everywhere(
            reply(
                403, b"<title>Just a moment...</title>", "cf-mitigated: challenge", kind="text/html"
            )
        ),
        verdict="inconclusive",
    ),
    ServerCase(
        "out-of-service",
        server=everywhere(reply(503, NO_JOB, "Retry-After: 120")),
        verdict="inconclusive",
    ),
    ServerCase("out-of-service-once", server=once(lambda: reply(503, NO_JOB, "Retry-After: 1"))),
)


@pytest.mark.parametrize("case", WIRE, ids=lambda case: case.name)
def test_the_wire(case: ServerCase, tmp_path: Path) -> None:
    verdict, broken = concluded(case, tmp_path)
    assert verdict == case.verdict, broken
    # Some oddities break whatever reads the body; which of them isn't the point.
    assert broken == set(case.checks) or (broken and not case.checks)


def test_a_challenge_in_the_middle_leaves_the_run_open(tmp_path: Path) -> None:
    page = reply(
        403, b"<title>Just a moment...</title>", "cf-mitigated: challenge", kind="text/html"
    )
    count = 0

    def from_the_tenth_on(asked: Asked) -> bytes | None:
        nonlocal count
        count += 1
        return page if count > 10 else None

    report = judged(ServerCase("half-way", server=RightServer(odd=from_the_tenth_on)), tmp_path)
    assert report["verdict"] == "inconclusive"
    assert found(report) == set()


@pytest.mark.parametrize(
    ("number", "checks"),
    [
        ("9" * 5000, set()),
        ("-1e400", set()),
        ("NaN", {"json_numbers_are_finite"}),
        ("-Infinity", {"json_numbers_are_finite"}),
        ("null", {"null_only_where_allowed"}),
    ],
)
def test_a_number_that_no_double_holds_is_no_null(
    number: str, checks: set[str], tmp_path: Path
) -> None:
    created = "created_at: {type: string, format: date-time}\n"
    typed = f"{created}        n: {{type: number}}\n"
    sent = JOB_BODY[:-1] + f', "n": {number}}}'.encode()
    case = ServerCase("n", document=((created, typed),), server=odd(reply(200, sent)))
    assert found(judged(case, tmp_path)) == checks
