"""
Strategies: correct lives of a job as several pollers may see them, and answers of any kind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zlib import crc32

from hypothesis import strategies as st
from tests.contract.builders import JOB, NOW, TOKEN, answer, api, job, links

from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)

__all__ = ["exchanges", "lives"]


@dataclass(frozen=True)
class _Life:
    """
    Attributes:
        turns: When the job took which status, oldest first; the first is its creation.
    """

    turns: tuple[tuple[float, str], ...]
    write: Callable[[float], str]
    signs: bool
    tags: str | None

    def at(self, moment: float) -> dict[str, Any]:
        """
        What a correct server says of the job at `moment`.
        """
        since, status = next(t for t in reversed(self.turns) if t[0] <= moment)
        body = job(status, created_at=self.write(self.turns[0][0]))
        if api().lifecycle.is_terminal(status):
            body["completed_at"] = self.write(since)
        if status in ("completed", "intermediate-complete"):
            body["result"] = {"urls": links(2, signed=f"{moment:.3f}" if self.signs else "")}
        return body


_WRITERS: tuple[Callable[[float], str], ...] = (
    lambda t: datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds"),
    lambda t: datetime.fromtimestamp(int(t), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    lambda t: datetime.fromtimestamp(t, timezone(timedelta(hours=5, minutes=30))).isoformat(),
)


@st.composite
def _whole_lives(draw: st.DrawFn) -> _Life:
    lifecycle = api().lifecycle
    moment = NOW - draw(st.floats(0, 60))
    status = draw(st.sampled_from([s for s in lifecycle.statuses if not lifecycle.is_terminal(s)]))
    turns = [(moment, status)]
    for gap in draw(st.lists(st.floats(0.001, 40), max_size=8)):
        following = [
            s
            for s in lifecycle.statuses
            if s != status and (step := lifecycle.step(status, s)) and step.verdict == "legal"
        ]
        if not following:
            break
        moment += gap
        status = draw(st.sampled_from(following))
        turns.append((moment, status))
    return _Life(
        tuple(turns),
        draw(st.sampled_from(_WRITERS)),
        draw(st.booleans()),
        draw(st.sampled_from([None, '"{}"', 'W/"{}"'])),
    )


@st.composite
def lives(draw: st.DrawFn) -> list[Exchange]:
    """
    What pollers that don't wait for each other see of one correct life, as answers end.
    """
    life = draw(_whole_lives())
    start, seen = NOW, []
    # Ten polls in all, so that no life passes the shortest limit, three minutes and a half.
    for gap, elapsed_s, share in draw(
        st.lists(
            st.tuples(st.floats(0, 14), st.floats(0.001, 1.9), st.floats(0, 1)),
            min_size=1,
            max_size=10,
        )
    ):
        start += gap
        seen.append(_poll(draw, life, start, elapsed_s, start + share * elapsed_s))
    return sorted(seen, key=lambda exchange: exchange.ended_at)


def _poll(draw: st.DrawFn, life: _Life, start: float, elapsed_s: float, moment: float) -> Exchange:
    when: dict[str, Any] = {"at": start, "elapsed_s": elapsed_s}
    body = life.at(moment)
    tag = life.tags.format(crc32(json.dumps(body).encode())) if life.tags else None
    headers = {"etag": tag, "cache-control": draw(st.sampled_from([None, "no-store", "private"]))}
    other = draw(st.sampled_from(["job"] * 12 + ["head", "stranger", "later", "down"]))
    if other == "head":
        return answer(method="HEAD", headers={"etag": None}, **when)
    if other == "stranger":
        return answer({"error": "no token"}, 401, credential=Credential.NONE, **when)
    if other == "later":
        return answer({"error": "slow down"}, 429, headers={"retry-after": "5"}, **when)
    if other == "down":
        return answer(b"", 503, headers={"content-type": "text/plain"}, **when)
    return answer(body, headers=headers, **when)


_TEXT = st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n"), max_size=30)
_NAMES = st.sampled_from(
    [
        "content-type", "content-encoding", "content-length", "etag", "age", "date", "allow",
        "cache-control", "location", "retry-after", "access-control-allow-origin",
        "access-control-allow-credentials", "x-other",
    ]
)  # fmt: skip
_KNOWN_TEXT = st.sampled_from(
    ["application/json", "text/html", "*", "true", "max-age=60", "public", "gzip", "GET, POST",
     "Mon, 21 Sep 2026 12:00:00 GMT", "Mon, 21 Sep 2026 12:00:00 +99999999999999", "9" * 5000,
     "http://[::1", '"1"', 'W/"1"', "\u00b2"]
)  # fmt: skip
_WORDS = [
    JOB, "completed", "queued", "2026-09-21T12:00:00Z", "https://[::1", "9" * 400,
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "http://a@[/:x", "https://a/b?c",
]  # fmt: skip
_KEYS = st.text(max_size=5) | st.sampled_from(["url", "urls", "code"])
_NAMED = ("job_id", "id", "status", "created_at", "completed_at", "result", "error", "jobId")
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(_WORDS),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_JOBS = st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMED, _VALUES)).map(
    lambda value: json.dumps(value).encode()
)
_BODIES = st.binary(max_size=60) | _JOBS | _VALUES.map(lambda value: json.dumps(value).encode())


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """
    Any question with any answer, HTTP or not.
    """
    credential = draw(st.sampled_from([Credential.OWNER, *Credential]))
    token = "no-such-token" if credential is Credential.INVALID else TOKEN
    sent = draw(
        st.lists(st.tuples(st.sampled_from(["if-none-match", "accept"]), _TEXT), max_size=1)
    )
    job_id = draw(st.none() | st.just(JOB) | st.text(max_size=8))
    request = Request(
        method=draw(st.sampled_from(["GET"] * 5 + ["HEAD", "OPTIONS", "POST"])),
        url=api().target("https://api.krea.ai", job_id or ""),
        headers=(("Authorization", f"Bearer {token}"), *sent),
        job_id=job_id,
        subject=draw(st.sampled_from(list(Subject))),
        credential=credential,
    )
    body = draw(_BODIES)
    response = Response(
        code=draw(st.sampled_from([200] * 5 + [404, 404, 304]) | st.integers(100, 599)),
        headers=tuple(draw(st.lists(st.tuples(_NAMES, _TEXT | _KNOWN_TEXT), max_size=6))),
        body=body,
        raw=body,
    )
    failed = draw(st.sampled_from([False] * 5 + [True]))
    partial = response if draw(st.booleans()) else None
    return Exchange(
        request=request,
        answer=TransportFailure(draw(st.sampled_from(list(Reason))), "x", partial)
        if failed
        else response,
        started_at=NOW + draw(st.floats(-1e6, 1e6)),
        elapsed_s=draw(st.floats(0, 100)),
    )
