"""
One HAR entry as an exchange, whoever wrote it.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlencode

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.headers import header_value
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Phases,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.recordings.har.body import read_body
from jobproof.contract.recordings.har.fields import header_pairs, member, number, text
from jobproof.contract.recordings.har.moment import read_moment
from jobproof.contract.recordings.har.own import read_own_entry
from jobproof.contract.recordings.har.recorders import is_own
from jobproof.contract.recordings.packing.attachments import NoAttachments
from jobproof.contract.recordings.recorded import LONGEST_S, Attachments

__all__ = ["read_har_entry", "redactor_of"]

_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]{1,64}")
_VERSION = re.compile(r"(?:http/?|h)?([123])(?:\.([0-9]))?(?:[-+].*)?", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+\s*(?:;.*)?", re.ASCII)
_GUESSED = ("text/plain", "text/html", "text/xml", "application/octet-stream")
"""What browsers call an answer that says nothing of its type."""
_ABSOLUTE = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
_LONGEST_URL = 65_536
_LONGEST_SHOWN = 80
_TIMINGS = ("blocked", "dns", "connect", "send", "wait", "receive")


def read_har_entry(entry: JsonDocument, attachments: Attachments | None = None) -> Exchange:
    """
    The exchange in one entry, as `har_entry` or anybody else wrote it.

    Args:
        attachments: Bodies that the recording keeps beside itself.

    Raises:
        RecordingError: It isn't one.
    """
    if not isinstance(entry, dict):
        raise RecordingError("is no HAR entry")
    own = read_own_entry(entry)
    if own is not None:
        return own
    notes = member(entry, "_jobproof")
    timings = member(entry, "timings")
    elapsed_s, is_timed = _elapsed(entry)
    # A browser's queue is no part of the answer's time, and nothing was sent in it.
    queued_s = min(_seconds(timings.get("blocked")), elapsed_s)
    elapsed_s -= queued_s
    return Exchange(
        request=_request(entry, notes),
        answer=_answer(entry, notes, attachments or NoAttachments()),
        started_at=_started(entry) + queued_s,
        elapsed_s=elapsed_s,
        phases=Phases(
            resolve=_seconds(timings.get("dns")),
            connect=max(0.0, _seconds(timings.get("connect")) - _seconds(timings.get("ssl"))),
            tls=_seconds(timings.get("ssl")),
            wait=_seconds(timings.get("wait")),
            transfer=_seconds(timings.get("receive")),
        ),
        remote_ip=_address(entry.get("serverIPAddress")),
        is_timed=is_timed,
    )


def redactor_of(entry: JsonDocument, api: Api) -> Redactor:
    """
    Masks the secrets of the entry's own request: an odd value beside it may hold them, too.
    """
    asked = member(entry, "request")
    headers, _ = header_pairs(asked.get("headers"))
    secret_at = api.values.secret_at | api.access.secret_at
    at = api.access.token_at
    request = Request("GET", text(asked.get("url")), headers, token_at=at, secret_at=secret_at)
    return Redactor(request.credentials)


def _request(entry: JsonDocument, notes: JsonDocument) -> Request:
    asked = member(entry, "request")
    method = text(asked.get("method")).upper()
    if not _METHOD.fullmatch(method):
        raise _unreadable("request.method", asked.get("method"), "is no method")
    headers, is_whole = header_pairs(asked.get("headers"))
    job_id = notes.get("job_id")
    try:
        subject = Subject(notes.get("subject", Subject.UNSTATED))
        credential = Credential(notes.get("credential", Credential.UNSTATED))
        manner = Manner(notes.get("manner", Manner.PLAIN))
    except ValueError as exc:
        raise _unreadable("_jobproof", str(exc), "is none of ours") from None
    if job_id is not None and not isinstance(job_id, str):
        raise _unreadable("_jobproof.job_id", job_id, "is no id")
    return Request(
        method=method,
        url=_url(asked),
        headers=headers,
        job_id=job_id,
        subject=subject,
        credential=credential,
        has_all_headers=is_own(entry) and is_whole,
        manner=manner,
    )


def _url(asked: JsonDocument) -> str:
    url = text(asked.get("url")).strip()
    if not _ABSOLUTE.match(url) or len(url) > _LONGEST_URL:
        raise _unreadable("request.url", asked.get("url"), "is no absolute http URL")
    address = url.partition("#")[0]
    query = asked.get("queryString")
    if address.partition("?")[2] or not isinstance(query, list):
        return url
    # Insomnia keeps the parameters apart from the URL.
    pairs = [(text(one.get("name")), text(one.get("value"))) for one in query if _is_pair(one)]
    return f"{address.rstrip('?')}?{urlencode(pairs)}" if pairs else url


def _is_pair(one: Json) -> bool:
    return isinstance(one, dict) and bool(text(one.get("name")))


def _answer(
    entry: JsonDocument, notes: JsonDocument, attachments: Attachments
) -> Response | TransportFailure:
    answered = member(entry, "response")
    status = number(answered.get("status"))
    if status is None or not status.is_integer() or status > 999:
        raise _unreadable("response.status", answered.get("status"), "is no status code")
    response = _response(entry, int(status), attachments)
    failure = notes.get("failure")
    if failure is not None:
        said = member(notes, "failure")
        try:
            reason = Reason(text(said.get("reason")))
        except ValueError:
            raise _unreadable("_jobproof.failure.reason", said.get("reason"), "is none") from None
        partial = response if said.get("head_arrived") else None
        return TransportFailure(reason, text(said.get("detail")), partial)
    if status < 100:
        return TransportFailure(Reason.CONNECT, "the recording holds no answer")
    return response


def _response(entry: JsonDocument, code: int, attachments: Attachments) -> Response:
    answered = member(entry, "response")
    headers, is_whole = header_pairs(answered.get("headers"))
    body: bytes | None = b""
    is_head = text(member(entry, "request").get("method")).upper() == "HEAD"
    if is_own(entry) or not (is_head or code in (204, 304) or code < 200):
        body = read_body(entry, headers, attachments)
    if not is_own(entry):
        media_type = text(member(answered, "content").get("mimeType")).strip()
        if not headers:
            is_whole = False
        if header_value(headers, "content-type") is None and _says_something(media_type):
            # A recorder that knows the type has seen it somewhere: its list isn't whole.
            headers, is_whole = (*headers, ("Content-Type", media_type)), False
    is_coded = (header_value(headers, "content-encoding") or "identity").lower() != "identity"
    return Response(
        code=code,
        headers=headers,
        body=body,
        raw=None if is_coded and body else body,
        http_version=_http_version(answered.get("httpVersion")),
        has_all_headers=is_whole,
    )


def _says_something(media_type: str) -> bool:
    essence = media_type.partition(";")[0].strip().lower()
    return bool(_MEDIA_TYPE.fullmatch(media_type)) and essence not in _GUESSED


def _http_version(written: Json) -> str:
    match = _VERSION.fullmatch(text(written).strip())
    if match is None:
        return "1.1"
    return f"1.{match[2] or 1}" if match[1] == "1" else match[1]


def _started(entry: JsonDocument) -> float:
    written = entry.get("startedDateTime")
    try:
        return read_moment(written)
    except (ValueError, OverflowError):
        raise _unreadable("startedDateTime", written, "is no moment") from None


def _elapsed(entry: JsonDocument) -> tuple[float, bool]:
    elapsed = number(entry.get("time"))
    if elapsed is None or not 0 <= elapsed < LONGEST_S * 1000:
        timings = member(entry, "timings")
        parts = [number(timings.get(name)) for name in ("send", "wait", "receive")]
        if any(part is None or part < 0 for part in parts):
            return 0.0, False
        # HAR's `time` is the sum of them, and `ssl` is a part of `connect`.
        return min(sum(_seconds(timings.get(name)) for name in _TIMINGS), LONGEST_S), True
    return elapsed / 1000, True


def _seconds(milliseconds: Json) -> float:
    return max(0.0, number(milliseconds) or 0.0) / 1000  # HAR writes -1 for "doesn't apply"


def _address(written: Json) -> str | None:
    try:
        return str(ip_address(text(written).strip("[]")))
    except ValueError:
        return None


def _unreadable(where: str, value: object, why: str) -> RecordingError:
    shown = "which is missing" if value is None else legible(repr(value))
    # Shortened it could end within a secret, which nobody would know for one then.
    if len(shown) > _LONGEST_SHOWN:
        shown = f"a value of {len(shown)} characters"
    return RecordingError(f"{where}: {shown} {why}")
