"""
Requests to a mock: in the process on a clock of one's own, or over a raw socket.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.tools import PATIENCE_S

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.mock import Mock, MockAnswer
from jobproof.contract.mock.serving.wire import frame
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Request, Subject
from jobproof.contract.model.hostile_ids import HOSTILE_IDS
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.manners.near_misses import near_tag
from jobproof.contract.model.request import build_request, can_be_asked
from jobproof.contract.plugins import find_api

__all__ = [
    "APIS",
    "Clock",
    "Raw",
    "api_named",
    "bearer",
    "head_and_body",
    "path_of",
    "poll",
    "run_script",
]

APIS = ("krea", "openai-batch")


class Clock:
    """
    Time that passes when told to.
    """

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def api_named(name: str) -> Api:
    return find_api(name)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


def path_of(mock: Mock, job_id: str) -> str:
    return mock.prefix + mock.api.operation_path.replace("{}", job_id)


def poll(mock: Mock, job_id: str, **headers: str) -> tuple[int, Any]:
    """
    The code and the JSON of one poll by the owner.
    """
    extra = [(name.replace("_", "-"), value) for name, value in headers.items()]
    answer = mock.respond("GET", path_of(mock, job_id), bearer(mock.token) + extra)
    return answer.code, json.loads(answer.body) if answer.body else None


@dataclass(frozen=True)
class MockExchange:
    """
    One request of the script, its answer, and how that would go over the wire.
    """

    request: str
    answer: MockAnswer
    fault: str | None

    @property
    def on_wire(self) -> tuple[bytes, float, bool, bool]:
        wire = self.answer.wire
        return (
            frame(self.answer, keep_alive=True),
            wire.delay_s,
            wire.silent,
            wire.unannounced_close,
        )


def run_script(
    api: Api, *, faults: Iterable[str] = (), variants: Iterable[str] = (), polls: int = 22
) -> list[MockExchange]:
    """
    A fixed script of requests that touches every corner of the endpoint.
    """
    mock = Mock(api, faults=faults, variants=variants, clock=Clock())
    known = [job.id for job in mock.jobs]
    requests = [("GET", path_of(mock, one), mock.token) for _ in range(polls) for one in known]
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"):
        requests += [(method, path_of(mock, known[-1]), mock.token)]
    strange = ["a%00b", "", "%20" + known[-1], known[-1].upper(), known[-1][:10], "x" * 3000]
    # The last one names the job itself, which was asked for above.
    strange += _respelled(known[-1])[:-1]
    strange += _respelled(mock.foreign_jobs[0].id)
    strange += [f"{known[-1]},{mock.foreign_jobs[0].id}"]
    strange += [quote(one, safe="") for one in HOSTILE_IDS]
    others = (mock.foreign_jobs[0].id, "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20", *strange)
    requests += [("GET", path_of(mock, one), mock.token) for one in others]
    requests += [("GET", path_of(mock, known[-1]), token) for token in ("", "wrong")]
    requests += [("GET", path_of(mock, one), "") for one in _respelled(known[-1])]
    requests += [("GET", "/nowhere", mock.token), ("POST", "/nowhere", "")]
    # Often enough for what some instances alone do, and on each connection a poll after an error.
    rare = [("GET", path_of(mock, known[-1]), ""), ("GET", path_of(mock, others[0]), mock.token)]
    requests += [*rare * 10, *(("GET", path_of(mock, one), mock.token) for one in known[:2])]
    fresh = path_of(mock, f"{api.profile.id.prefix}4dd4aefd-2ad8-4a1e-8156-ecd10dabdd21")
    requests += [("GET", fresh, mock.token)] * 2
    requests += [("GET", path_of(mock, "x%27--"), mock.token)]
    requests += [("GET", path_of(mock, known[-1]), "a-wrong-token")]
    requests += [("GET", path_of(mock, known[-1]), mock.token)] * 20
    # By whoever has no right: jobs in every state, other methods, and an id that nobody has.
    requests += [("GET", path_of(mock, one), "") for one in (*known, others[1])]
    requests += [("GET", path_of(mock, job.id), mock.token) for job in mock.foreign_jobs[1:]]
    requests += [("HEAD", path_of(mock, others[0]), mock.token)]
    requests += [(method, path_of(mock, known[-1]), "") for method in ("HEAD", "OPTIONS")]
    requests += [("GET", path_of(mock, others[1]), "wrong")]
    otherwise = [("Accept-Language", "de"), ("X-Forwarded-For", "127.0.0.1")]
    in_other_ways = [("GET", path_of(mock, one), mock.token) for one in (known[-1], others[0])]
    exchanges = []
    for number, (method, target, token) in enumerate([*requests, *in_other_ways]):
        headers = bearer(token) if token else []
        headers += otherwise if number >= len(requests) else []
        answer = mock.respond(
            *(method, target, [*headers, ("Accept-Encoding", "gzip")]),
            connection=1 + number % 2,
            turn=1 + number // 2,
        )
        exchanges.append(MockExchange(f"{method} {target[:80]}", answer, mock.log[-1].fault))
    ended = next(one for one in mock.jobs if one.has_ended(Clock().now))
    exchanges += _under_conditions(mock, known[-1], ended.id)
    for manner, request in _in_every_manner(mock, ended.id, mock.foreign_jobs[0].id):
        target = request.url.removeprefix("http://mock")
        answer = mock.respond("GET", target, request.headers)
        exchanges.append(MockExchange(f"{manner}: {target[:80]}", answer, mock.log[-1].fault))
    exchanges += _by_turns(mock, [one.id for one in mock.jobs if one.has_ended(Clock().now)])
    return exchanges


def _by_turns(mock: Mock, ended: list[str]) -> Iterator[MockExchange]:
    """
    Two jobs, tokens and methods by turns; and ids at the limits of what servers take.
    """
    first, token = path_of(mock, ended[0]), mock.token
    asked = [("GET", path_of(mock, one), token) for one in (*ended[:2], *ended[:2])]
    asked += [("GET", first, one) for one in (token, "", token, "wrong", token)]
    asked += [(method, first, token) for method in ("HEAD", "GET", "OPTIONS", "GET")]
    asked += [("GET", path_of(mock, one), token) for one in ("7" * 256, str(2**63))]
    for number, (method, target, shown) in enumerate(asked):
        answer = mock.respond(method, target, bearer(shown) if shown else [])
        yield MockExchange(f"turn {number}: {method} {target[:80]}", answer, mock.log[-1].fault)


def _under_conditions(mock: Mock, known: str, ended: str) -> Iterator[MockExchange]:
    def asked(target: str, condition: str) -> MockAnswer:
        return mock.respond("GET", target, [*bearer(mock.token), ("If-None-Match", condition)])

    target = path_of(mock, known)
    answer = asked(target, "*")
    yield MockExchange(f"{target} if it has changed", answer, mock.log[-1].fault)
    target = path_of(mock, ended)
    tag = mock.respond("GET", target, bearer(mock.token)).header("ETag") or '"1"'
    for condition in (tag, near_tag(tag) or tag, f'"other", {tag}', f"W/{tag}"):
        answer = asked(target, condition)
        yield MockExchange(f"{target} unless {condition}", answer, mock.log[-1].fault)


def _in_every_manner(mock: Mock, known: str, foreign: str) -> Iterator[tuple[Manner, Request]]:
    api, token = mock.api.with_any_values(), Secret(mock.token)
    subjects = {known: Subject.KNOWN, foreign: Subject.FOREIGN}
    subjects[api.profile.id.fresh(random.Random(3))] = Subject.MISSING
    for manner in Manner:
        if not can_be_asked(api, manner, token):
            continue
        for job_id, subject in subjects.items():
            strangers = (Credential.NONE, Credential.INVALID)
            outsiders = strangers if subject is Subject.KNOWN else ()
            for credential in (Credential.OWNER, *outsiders):
                request = build_request(
                    *(api, f"http://mock{mock.prefix}", job_id),
                    subject=subject,
                    credential=credential,
                    token=token,
                    manner=manner,
                    other_id=foreign,
                )
                yield manner, request


def _respelled(job_id: str) -> list[str]:
    """
    The id in a path as somebody may write it, or one that looks like it.
    """
    first, last = job_id[0], job_id[-1]
    return [
        *(job_id[1:], f"{job_id}x", f"{job_id[:-1]}%25", f"{job_id[:-1]}%5B{last}%5D"),
        *(f"{job_id}%00x", f"{job_id}%2Fx", quote(chr(ord(first) + 0xFEE0)) + job_id[1:]),
        *(job_id.swapcase(), f"{job_id}/", f"{job_id}.json", f"{job_id};a=b"),
        *([job_id.replace("-", "")] if "-" in job_id else []),
        f"%25{ord(first):02X}{job_id[1:]}",
        f"%{ord(first):02X}{job_id[1:]}",
    ]


class Raw:
    """
    A TCP connection on which every byte is one's own.
    """

    def __init__(self, port: int, *, timeout_s: float = PATIENCE_S) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def get(self, path: str, token: str, *lines: str, method: str = "GET") -> None:
        head = [f"{method} {path} HTTP/1.1", "Host: mock", f"Authorization: Bearer {token}", *lines]
        self.send(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))

    def rest(self) -> bytes:
        """
        Everything until the server closes.
        """
        data = b""
        while chunk := self.socket.recv(1 << 20):
            data += chunk
        return data

    def answer(self) -> tuple[bytes, bytes]:
        """
        Head and body of one answer, framed by its Content-Length.
        """
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self.socket.recv(65536)
            assert chunk, f"the server closed after {data!r}"
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")),
            0,
        )
        while len(body) < length:
            body += self.socket.recv(65536)
        return head, body


def head_and_body(data: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body
