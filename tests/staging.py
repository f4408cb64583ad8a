"""
What stands in front of an API that is live: rate limits, restarts, bot challenges, replicas that
are behind, gates that close; each as a world in front of the right mock, on a real socket.

    with MockServer(API) as mock, Front(mock, Limit(60, window_s=2.0)) as front:
        front.url, front.requests
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from math import ceil
from urllib.parse import urlsplit

from jobproof.contract.mock import MockServer

__all__ = [
    "Ask",
    "Challenge",
    "Drop",
    "Forbid",
    "Front",
    "Hang",
    "Hindrance",
    "Lag",
    "Latency",
    "Limit",
    "LineEnd",
    "Restart",
    "reply",
    "retry_in_date",
    "retry_in_fraction",
    "retry_in_seconds",
]

_PAGE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body>Checking your browser</body></html>"
)
_STATUS = re.compile(rb'"status": ?"([^"]*)"')
_END_OF_HEAD = b"\r\n\r\n"


class LineEnd(Enum):
    """
    What happens to a connection in place of an answer.
    """

    CLOSE = "it is closed"
    HANG = "nothing comes"
    GONE = "all are closed, and no new one is accepted for a while"


@dataclass(frozen=True)
class Ask:
    """
    A request as it came.

    Attributes:
        number: Which one it is of all, from 1.
        at: When it came, by the monotonic clock.
    """

    number: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    at: float

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n.lower() == name), "")


class Hindrance:
    """
    Lets everything through as it is.
    """

    def before(self, _ask: Ask) -> bytes | LineEnd | None:
        """
        What is answered in the server's place; None where the server answers.
        """
        return None

    def after(self, _ask: Ask, answer: bytes) -> bytes:
        """
        What becomes of the server's answer.
        """
        return answer


def reply(code: int, body: bytes = b"", *headers: str, kind: str = "application/json") -> bytes:
    """
    An answer as bytes.
    """
    date = formatdate(usegmt=True)
    lines = [f"HTTP/1.1 {code} Said", f"Date: {date}", f"Content-Type: {kind}", *headers]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def retry_in_seconds(wait_s: float) -> str:
    return str(ceil(wait_s))


def retry_in_date(wait_s: float) -> str:
    # A date has whole seconds: the one after, so that it's not over too soon.
    return formatdate(ceil(time.time() + wait_s), usegmt=True)


def retry_in_fraction(wait_s: float) -> str:
    return f"{wait_s + 0.01:.2f}"


class Limit(Hindrance):
    """
    So many requests in any window of time, and a 429 beyond.

    Args:
        say: Writes the seconds left as `Retry-After`; None sends none.
    """

    def __init__(
        self, most: int, *, window_s: float, say: Callable[[float], str] | None = retry_in_seconds
    ) -> None:
        self._most = most
        self._window_s = window_s
        self._say = say
        self._let_through: deque[float] = deque()
        self._lock = threading.Lock()

    def before(self, ask: Ask) -> bytes | None:
        with self._lock:
            while self._let_through and ask.at - self._let_through[0] > self._window_s:
                self._let_through.popleft()
            if len(self._let_through) < self._most:
                self._let_through.append(ask.at)
                return None
            left_s = self._window_s - (ask.at - self._let_through[0])
        said = [] if self._say is None else [f"Retry-After: {self._say(max(left_s, 0.0))}"]
        return reply(429, b'{"error": "Too many requests"}', *said)


@dataclass
class Latency(Hindrance):
    """
    Every answer takes longer.
    """

    seconds: float

    def before(self, _ask: Ask) -> None:
        time.sleep(self.seconds)


class Lag(Hindrance):
    """
    Every second GET is answered by a replica that is behind.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[tuple[str, str], list[tuple[float, bytes]]] = {}
        self._lock = threading.Lock()

    def after(self, ask: Ask, answer: bytes) -> bytes:
        if ask.method != "GET" or not answer.startswith(b"HTTP/1.1 200"):
            return answer
        with self._lock:
            known = self._seen.setdefault((ask.target, ask.header("authorization")), [])
            known.append((ask.at, answer))
            if len(known) % 2:
                return answer
            old = [said for at, said in known if at <= ask.at - self._seconds]
            return old[-1] if old else known[0][1]


@dataclass
class Challenge(Hindrance):
    """
    After so many requests a page asks for a browser.
    """

    after_requests: int = 0

    def before(self, ask: Ask) -> bytes | None:
        if ask.number <= self.after_requests:
            return None
        marks = ("Server: cloudflare", "cf-mitigated: challenge")
        return reply(403, _PAGE, *marks, kind="text/html; charset=UTF-8")


@dataclass
class Forbid(Hindrance):
    """
    The owner's token is known, and not let in.
    """

    token: str
    code: int = 403

    def before(self, ask: Ask) -> bytes | None:
        if ask.header("authorization") != f"Bearer {self.token}":
            return None
        challenge = ('WWW-Authenticate: Bearer error="invalid_token"',) if self.code == 401 else ()
        return reply(self.code, b'{"error": "Forbidden"}', *challenge)


class Restart(Hindrance):
    """
    From one request on the server is away for some seconds.

    Args:
        how: What those find that ask meanwhile.
    """

    def __init__(self, at: int, *, seconds: float, how: bytes | LineEnd) -> None:
        self._at = at
        self.seconds = seconds
        self._how = how
        self._until: float | None = None
        self._lock = threading.Lock()

    def before(self, ask: Ask) -> bytes | LineEnd | None:
        if ask.number < self._at:
            return None
        with self._lock:
            if self._until is None:
                self._until = ask.at + self.seconds
            return self._how if ask.at < self._until else None


@dataclass
class Drop(Hindrance):
    """
    From one request on every connection is closed.
    """

    at: int = 1

    def before(self, ask: Ask) -> LineEnd | None:
        return LineEnd.CLOSE if ask.number >= self.at else None


@dataclass
class Hang(Hindrance):
    """
    From one request on nothing is answered any more, and no connection closed.
    """

    at: int = 1

    def before(self, ask: Ask) -> LineEnd | None:
        return LineEnd.HANG if ask.number >= self.at else None


class Front(AbstractContextManager["Front"]):
    """
    Passes on to the mock what no world answers in its place, byte by byte; counts everything.

    Attributes:
        asked: Every request that came, in order.
        codes: What was answered, by code; 0 for no answer.
        shown: How many answers to a GET with 200 showed a job of that status.
        most_at_once: How many requests were under way at one time.
    """

    def __init__(
        self, mock: MockServer, *worlds: Hindrance, tls: ssl.SSLContext | None = None
    ) -> None:
        self._mock = mock
        self._tls = tls
        self._worlds = worlds
        self.asked: list[Ask] = []
        self.codes: Counter[int] = Counter()
        self.shown: Counter[str] = Counter()
        self.most_at_once = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._away_s = 0.0
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._port = int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}{urlsplit(self._mock.url).path}"

    @property
    def requests(self) -> int:
        """
        How many requests came.
        """
        return len(self.asked)

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._hang_up()
        self._acceptor.join()

    def _hang_up(self) -> None:
        """
        Close the listener and every connection, as a process does that ends.
        """
        with self._lock:
            going = [self._listener, *self._connections]
        for one in going:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if not self._stopping.wait(self._away_s):
                    self._listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with self._lock:
            self._connections.add(connection)
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while raw := _read_message(stream.readline, stream.read):
                ask = self._note(raw)
                answer = self._answer(ask)
                self._count(ask, answer)
                if isinstance(answer, LineEnd):
                    self._break(connection, answer)
                    break
                connection.sendall(_without_body(answer) if ask.method == "HEAD" else answer)
                if "close" in ask.header("connection"):
                    break
        with self._lock:
            self._connections.discard(connection)

    def _count(self, ask: Ask, answer: bytes | LineEnd) -> None:
        code = int(answer.split(b" ", 2)[1]) if isinstance(answer, bytes) else 0
        with self._lock:
            self._under_way -= 1
            self.codes[code] += 1
            if isinstance(answer, bytes) and ask.method == "GET" and code == 200:
                found = _STATUS.search(answer)
                self.shown[found[1].decode() if found else ""] += 1

    def _note(self, raw: bytes) -> Ask:
        line, *fields = raw.partition(_END_OF_HEAD)[0].decode("latin-1").split("\r\n")
        method, target, *_ = line.split(" ")
        pairs = (field.partition(":") for field in fields)
        headers = tuple((name, value.strip()) for name, _, value in pairs)
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            ask = Ask(len(self.asked) + 1, method, target, headers, raw, time.monotonic())
            self.asked.append(ask)
        return ask

    def _answer(self, ask: Ask) -> bytes | LineEnd:
        for world in self._worlds:
            instead = world.before(ask)
            if instead is LineEnd.GONE and isinstance(world, Restart):
                self._away_s = world.seconds
            if instead is not None:
                return instead
        answer = self._pass_on(ask)
        for world in self._worlds:
            answer = world.after(ask, answer)
        return answer

    def _pass_on(self, ask: Ask) -> bytes:
        with (
            socket.create_connection((self._mock.host, self._mock.port)) as server,
            server.makefile("rb") as stream,
        ):
            server.sendall(ask.raw)
            return _read_message(stream.readline, stream.read, has_body=ask.method != "HEAD")

    def _break(self, connection: socket.socket, how: LineEnd) -> None:
        if how is LineEnd.HANG:
            with suppress(OSError):
                while connection.recv(65_536):
                    pass
        elif how is LineEnd.GONE:
            self._hang_up()
        else:
            connection.shutdown(socket.SHUT_RDWR)


def _read_message(
    readline: Callable[[], bytes], read: Callable[[int], bytes], *, has_body: bool = True
) -> bytes:
    """
    The next request or answer as it came; b"" at the end of the connection.
    """
    head = b""
    while not head.endswith(_END_OF_HEAD):
        line = readline()
        if not line:
            return b""
        head += line
    for line in head.lower().split(b"\r\n") if has_body else ():
        if line.startswith(b"content-length:"):
            head += read(int(line.partition(b":")[2]))
            break
    return head


def _without_body(answer: bytes) -> bytes:
    return answer[: answer.index(_END_OF_HEAD) + len(_END_OF_HEAD)]
