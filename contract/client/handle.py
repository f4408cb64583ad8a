"""
One easy handle of libcurl: a request goes out by it, and what came back is read off it.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import termios
import time
from typing import Any

import pycurl

from jobproof.contract.client.address_policy import AddressPolicy
from jobproof.contract.client.curl_codes import (
    EXHAUSTED,
    HEAD_REFUSED,
    LOCAL_ERRORS,
    REASONS,
    code_name,
)
from jobproof.contract.client.curl_route import (
    alpn_options,
    is_http2_accepted,
    proxy_refusal,
    way_failure,
)
from jobproof.contract.client.response_parser import Limits, ResponseParser, one_line
from jobproof.contract.formats.headers import header_names, header_values
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import (
    Exchange,
    Phases,
    Reason,
    Request,
    Response,
    TransportFailure,
)

__all__ = ["Handle", "SendingAborted", "milliseconds"]


class SendingAborted(Exception):
    """The client was told to give up."""


class Handle:
    """
    One easy handle for one origin; used by one thread at a time.
    """

    def __init__(
        self,
        origin: str,
        curl: Any,
        limits: Limits,
        policy: AddressPolicy,
        route: Route = Route(),
        *,
        reuse: bool,
        http2: bool = False,
    ) -> None:
        self.origin = origin
        self.born_at = time.monotonic()
        self.is_http2 = http2
        self._route = route
        self._secure = origin.startswith("https:")
        self._reuse = reuse
        self._policy = policy
        self._curl = curl
        self._parser = ResponseParser(limits, http2=http2)
        self._prepared: tuple[object, ...] = (None, None, None, None)
        self._sockets: list[socket.socket] = []
        self._refused: list[str] = []
        self._exhausted: OSError | None = None
        self._expires_at: float | None = None
        self._stamps = False
        curl.setopt(pycurl.URL, origin + "/")
        curl.setopt(pycurl.HEADERFUNCTION, self._parser.lines.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._parser.take_body)
        curl.setopt(pycurl.DEBUGFUNCTION, self._parser.take_log)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)

    def close(self) -> None:
        self._curl.close()

    def is_reusable(self) -> bool:
        """
        Whether no byte waits that no request called for.

        libcurl may send the next request all the same, and takes such bytes for its answer.
        """
        descriptor = self._curl.getinfo(pycurl.ACTIVESOCKET)
        return descriptor < 0 or self._is_drained(descriptor)

    def _is_drained(self, descriptor: int) -> bool:
        # Behind TLS a waiting byte may be a session ticket, so nothing is said.
        return self._secure or not _has_waiting_bytes(descriptor)

    def prefers_http2(self) -> bool:
        """
        Whether the TLS peer takes HTTP/2 where it is offered; no request is sent, and none may be
        by this handle any more.
        """
        said: list[bytes] = []
        for option, value in alpn_options(said):
            self._curl.setopt(option, value)
        self._transfer()
        self.close()
        return is_http2_accepted(said)

    def perform(
        self, request: Request, target: str, headers: tuple[bytes, ...], deadline_s: float
    ) -> Exchange:
        self._prepare(request.method, target, headers, deadline_s)
        self._refused = []
        self._exhausted = None
        started_at = time.time()
        clock_s = time.monotonic()
        code, message = self._transfer()
        spent_s = time.monotonic() - clock_s
        self._raise_if_local(code, message)
        # libcurl's clock stops with the last byte, ours only once this thread runs again.
        elapsed_s = self._seconds(pycurl.TOTAL_TIME_T) or spent_s
        remote_ip = self._curl.getinfo(pycurl.PRIMARY_IP) or None
        reused = remote_ip is not None and self._curl.getinfo(pycurl.NUM_CONNECTS) == 0
        # A reused connection had no handshake, so the certificate is the one seen before.
        if not reused:
            self._expires_at = self._certificate_expiry()
        self._parser.finish()
        answer = self._evaluate(request, code, message)
        phases = self._phases(elapsed_s, self._first_byte(clock_s, elapsed_s), reused=reused)
        self._parser.clear()  # an idle handle keeps no body alive
        return Exchange(
            request=request,
            answer=answer,
            started_at=started_at,
            elapsed_s=elapsed_s,
            phases=phases,
            remote_ip=remote_ip,
            reused=reused,
            certificate_expires_at=self._expires_at,
        )

    def _prepare(
        self, method: str, target: str, headers: tuple[bytes, ...], deadline_s: float
    ) -> None:
        curl = self._curl
        before, self._prepared = self._prepared, (method, target, headers, deadline_s)
        # Each option takes time, and a monitor sends the same request all day.
        if method != before[0]:
            # HTTPGET also takes back the NOBODY of an earlier HEAD.
            curl.setopt(pycurl.HTTPGET, 1)
            if method == "HEAD":
                curl.setopt(pycurl.NOBODY, 1)
            if method in ("GET", "HEAD"):
                curl.unsetopt(pycurl.CUSTOMREQUEST)
            else:
                curl.setopt(pycurl.CUSTOMREQUEST, method)
        if target != before[1]:
            # Past libcurl's URL parser: dot segments and escapes go out as they came.
            curl.setopt(pycurl.REQUEST_TARGET, target)
        # `header_lines` is cached, so equal headers are the same tuple.
        if headers is not before[2]:
            curl.setopt(pycurl.HTTPHEADER, headers)
        if deadline_s != before[3]:
            curl.setopt(pycurl.TIMEOUT_MS, milliseconds(deadline_s))

    def _transfer(self) -> tuple[int, str]:
        try:
            self._curl.perform()
        except pycurl.error as error:
            code, message = error.args
            return int(code), str(message)
        finally:
            # pycurl duplicated them; ours would keep the connection half open.
            for sock in self._sockets:
                sock.close()
            self._sockets = []
        return 0, ""

    def _raise_if_local(self, code: int, message: str) -> None:
        if code == pycurl.E_ABORTED_BY_CALLBACK:
            raise SendingAborted
        if code == pycurl.E_URL_MALFORMAT:
            raise ValueError(f"not a URL that can be asked: {one_line(message)}")
        # libcurl saw only a socket that didn't open, and would blame the endpoint.
        if self._exhausted is not None:
            raise self._exhausted
        if code in LOCAL_ERRORS and not self._parser.aborted:
            raise RuntimeError(f"asking failed on our side: {code_name(code)}: {message}")

    def _open_socket(self, _purpose: int, peer: Any) -> Any:
        address = str(peer.addr[0])
        refusal = self._policy.refusal(address)
        if refusal is not None:
            self._refused.append(f"{address} is {refusal}")
            return pycurl.SOCKET_BAD
        try:
            sock = socket.socket(peer.family, peer.socktype, peer.protocol)
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._exhausted = error
            return pycurl.SOCKET_BAD
        self._sockets.append(sock)
        return sock

    def _evaluate(self, request: Request, code: int, message: str) -> Response | TransportFailure:
        if code:
            return self._failure(code, message)
        parser = self._parser
        response = parser.response()
        if parser.overflow:
            return TransportFailure(Reason.TOO_LARGE, parser.overflow, response)
        # libcurl takes a connection closed inside the head for an answer without a body.
        if not parser.complete:
            return TransportFailure(Reason.PROTOCOL, "the connection was closed inside the head")
        if parser.malformed:
            return TransportFailure(Reason.PROTOCOL, parser.malformed, response)
        if parser.excess or self._has_excess(request):
            detail = "more bytes came than the head announces"
            return TransportFailure(Reason.PROTOCOL, detail, response)
        if parser.undecodable:
            return TransportFailure(Reason.ENCODING, parser.undecodable, response)
        refused = proxy_refusal(self._route, self.origin, parser.code)
        return response if refused is None else refused

    def _failure(self, code: int, message: str) -> Response | TransportFailure:
        parser = self._parser
        # 101 is an answer that nothing ends, since what follows is no HTTP.
        if code == pycurl.E_OPERATION_TIMEDOUT and parser.complete and parser.code == 101:
            return parser.response()
        # A name may have several addresses: where one of them was let through, that one counts.
        if code == pycurl.E_COULDNT_CONNECT and self._refused:
            detail = f"refused to connect: {', '.join(self._refused)}"
            return TransportFailure(Reason.BLOCKED, detail)
        given_up = parser.overflow or code in HEAD_REFUSED
        arrived = parser.complete or (parser.code and given_up)
        partial = parser.response() if arrived else None
        if parser.overflow:
            return TransportFailure(Reason.TOO_LARGE, parser.overflow, partial)
        if parser.malformed:
            return TransportFailure(Reason.PROTOCOL, parser.malformed, partial)
        detail = one_line(message) or code_name(code)
        connect_code = self._curl.getinfo(pycurl.HTTP_CONNECTCODE)
        tunnelled = not self._secure or self._seconds(pycurl.APPCONNECT_TIME_T) > 0
        way = way_failure(self._route, code, detail, connect_code=connect_code, tunnelled=tunnelled)
        if partial is None and way is not None:
            return TransportFailure(*way)
        if code not in REASONS:
            detail = f"{code_name(code)}: {detail}"
        return TransportFailure(REASONS.get(code, Reason.PROTOCOL), detail, partial)

    def _has_excess(self, request: Request) -> bool:
        """
        Whether bytes came after the end of an answer that left the connection open.

        libcurl drops a connection on which it read more than announced, though
        nothing in the answer asks for that; what it didn't read yet still waits.
        """
        if not self._reuse:
            return False
        descriptor = self._curl.getinfo(pycurl.ACTIVESOCKET)
        if descriptor >= 0 and self._is_drained(descriptor):
            return False  # the rule, so it is looked at first
        return _stays_open(request, self._parser)

    def _seconds(self, info: int) -> float:
        return float(self._curl.getinfo(info)) / 1e6

    def _first_byte(self, began_s: float, elapsed_s: float) -> float:
        """
        Seconds until the final answer began; 0.0 where none did.
        """
        parser = self._parser
        if not parser.interim:
            return self._seconds(pycurl.STARTTRANSFER_TIME_T)
        # libcurl's mark is that of the interim answer. From now on each answer's beginning is
        # noted; of this one the body's is known, and without a body the end.
        if not self._stamps:
            self._stamps = True
            self._curl.setopt(pycurl.HEADERFUNCTION, parser.take_line)
        if not parser.code >= 200 or parser.final_at is None:
            return elapsed_s
        return min(max(parser.final_at - began_s, 0.0), elapsed_s)

    def _phases(self, elapsed_s: float, first_byte: float, *, reused: bool) -> Phases:
        if reused:
            wait = first_byte or elapsed_s
            return Phases(wait=wait, transfer=max(elapsed_s - wait, 0.0))
        connected = self._seconds(pycurl.CONNECT_TIME_T)
        tls = {"tls": self._seconds(pycurl.APPCONNECT_TIME_T)}
        marks = {
            # An address in numbers may resolve in less than a microsecond.
            "resolve": self._seconds(pycurl.NAMELOOKUP_TIME_T) or min(connected, 1e-6),
            "connect": connected,
            **(tls if self._secure else {}),
            "wait": first_byte,
        }
        return _durations(marks, elapsed_s)

    def _certificate_expiry(self) -> float | None:
        if not self._secure:
            return None
        # The peer's own certificate comes first in the chain.
        for leaf in self._curl.getinfo(pycurl.INFO_CERTINFO)[:1]:
            for name, value in leaf:
                if name == "Expire date":
                    return float(ssl.cert_time_to_seconds(value))
        return None


def _durations(marks: dict[str, float], elapsed_s: float) -> Phases:
    """
    Each phase by itself, from the moments at which they ended, in order.

    The first one without a mark is where it ended; it takes what remains.
    """
    durations: dict[str, float] = {}
    passed = 0.0
    for name, mark in marks.items():
        if not mark:
            return Phases(**durations, **{name: max(elapsed_s - passed, 0.0)})
        durations[name] = max(mark - passed, 0.0)
        passed = max(mark, passed)
    return Phases(**durations, transfer=max(elapsed_s - passed, 0.0))


def _stays_open(request: Request, parser: ResponseParser) -> bool:
    headers, code = parser.headers, parser.code
    tokens = (request.header("Connection") or "", *header_values(headers, "Connection"))
    # HTTP/1.1 keeps a connection open unless either side says `close` (RFC 9112 9.3).
    if parser.http_version != "1.1" or any("close" in token.lower() for token in tokens):
        return False
    if parser.interim_closes:
        return False  # libcurl closes on an interim answer's word, too
    # A body of unannounced length ends where the connection does.
    bodyless = request.method == "HEAD" or code in (204, 304)
    announced = header_names(headers) & {"content-length", "transfer-encoding"}
    return code != 101 and (bodyless or bool(announced))


def _has_waiting_bytes(descriptor: int) -> bool:
    try:
        # How many bytes wait; 0 where the peer hung up as well.
        return any(fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))
    except OSError:
        return False


def milliseconds(seconds: float) -> int:
    # To libcurl 0 means no timeout at all.
    return max(1, round(seconds * 1000))
