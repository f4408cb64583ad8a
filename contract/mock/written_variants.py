"""
Servers whose answers are written in ways that are unusual and all correct.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import Hook, RequestContext
from jobproof.contract.mock.body_edits import (
    edit_time,
    edit_times,
    end_times,
    has_rfc3339_times,
    put,
    shift_times,
)
from jobproof.contract.mock.life_variants import LIFE_VARIANTS, has_times, right
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec

__all__ = ["LIFE_VARIANTS"]


def _has_numbered_times(api: Api) -> bool:
    return api.profile.times is not None and api.profile.times.codec is Codec.UNIX


# How its times are written.


@right(
    Hook.BODY,
    "times are written to the microsecond",
    has_rfc3339_times,
    why="RFC 3339 5.6: any number of digits may follow the seconds",
)
def microseconds(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: _finer(text, "456"))


def _finer(text: str, digits: str) -> str:
    # What was cut to the second has no finer digits than zeros.
    return text.replace("Z", f"{digits}Z" if "." in text else f".000{'0' * len(digits)}Z")


@right(
    Hook.BODY,
    "times are written to the nanosecond",
    has_rfc3339_times,
    why="RFC 3339 5.6: any number of digits may follow the seconds",
)
def nanoseconds(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: _finer(text, "456789"))


@right(
    Hook.BODY,
    "zeros at the end of a time's fraction are left out",
    has_rfc3339_times,
    why="RFC 3339 5.6: a fraction is optional, and so is each of its zeros",
)
def fractions_without_zeros(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, _without_zeros)


def _without_zeros(text: str) -> str:
    return re.sub(r"\.?0+Z", "Z", text) if "." in text else text


@right(
    Hook.BODY,
    "times have a small t and z",
    has_rfc3339_times,
    why="RFC 3339 5.6: t and z may be small letters",
)
def times_in_small_letters(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, str.lower)


@right(
    Hook.BODY,
    "times name UTC by its offset",
    has_rfc3339_times,
    why="RFC 3339 5.6: Z and an offset of zero mean the same",
)
def offset_of_zero(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: text.replace("Z", "+00:00"))


@right(
    Hook.BODY,
    "times say that their zone is unknown",
    has_rfc3339_times,
    why="RFC 3339 4.3: an unknown local offset is written -00:00",
)
def offset_unknown(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: text.replace("Z", "-00:00"))


@right(
    Hook.BODY,
    "times are cut to the minute: a job may end as it is made",
    has_rfc3339_times,
    why="nobody promises a precision",
)
def times_to_the_minute(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: f"{text[:17]}00Z")


@right(
    Hook.BODY,
    "the creation time loses its fraction at the end",
    has_rfc3339_times,
    why="nobody promises a precision, or that it stays",
)
def creation_cut_to_the_second(body: JsonObject, context: RequestContext) -> Json:
    times = context.profile.times
    if times is None or not context.ended:
        return body
    return edit_time(body, times.created, lambda text: re.sub(r"\.[0-9]+", "", text))


@right(
    Hook.BODY,
    "a database rounds times to the second, a cache doesn't",
    has_rfc3339_times,
    why="nobody promises a precision, or that it stays",
)
def times_rounded_by_turns(body: JsonObject, context: RequestContext) -> Json:
    if context.view is None or context.view.polls % 2:
        return body
    return edit_times(body, context, _rounded)


@right(
    Hook.BODY,
    "times are numbers with a point and a zero",
    _has_numbered_times,
    why="JSON Schema Validation 6.1.1: a number without a fraction is an integer",
)
def times_with_point(body: JsonObject, context: RequestContext) -> Json:
    times = context.profile.times
    for at in (times.created, *(stamp.at for stamp in end_times(context.api))) if times else ():
        value = pick(body, at)
        if isinstance(value, int):
            put(body, at, float(value))
    return body


@right(
    Hook.BODY,
    "the clock of the workers is half a minute ahead",
    has_times,
    why="profile.yaml: times.skew",
)
def clock_ahead(body: JsonObject, context: RequestContext) -> Json:
    return shift_times(body, context, 30.0)


@right(
    Hook.BODY,
    "the clock of the workers is half a minute behind",
    has_times,
    why="profile.yaml: times.skew",
)
def clock_behind(body: JsonObject, context: RequestContext) -> Json:
    return shift_times(body, context, -30.0)


# How its JSON is written.


@right(
    Hook.BODY,
    "keys are in another order at every second poll",
    why="RFC 8259 4: an object is an unordered collection",
)
def keys_in_any_order(body: JsonObject, context: RequestContext) -> Json:
    turned = context.view is not None and context.view.polls % 2 == 0
    return dict(reversed(body.items())) if turned else body


@right(
    Hook.PAYLOAD,
    "the JSON is laid out for people",
    why="RFC 8259 2: blanks may stand before and after every token",
)
def laid_out(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job is
    return json.dumps(json.loads(payload), indent=4, ensure_ascii=False).encode() + b"\n"


@right(
    Hook.PAYLOAD,
    "slashes are escaped in JSON, as some languages do",
    why="RFC 8259 7: any character may be escaped",
)
def slashes_escaped(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every slash is
    return payload.replace(b"/", b"\\/")


@right(
    Hook.PAYLOAD,
    "letters are escaped in JSON, in keys and in values",
    why="RFC 8259 7: any character may be escaped",
)
def letters_escaped(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job's are
    # No literal of JSON has an o in it, so every one stands in a string.
    return payload.replace(b"o", b"\\u006f")


@right(
    Hook.PAYLOAD,
    "blanks and line breaks stand around the JSON",
    why="RFC 8259 2: blanks may stand around the value",
)
def blanks_around(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has them
    return b"\r\n\t " + payload + b"\r\n\r\n"


# How the answer is sent.


@right(
    Hook.ANSWER,
    "the charset is in quotes and in capitals",
    why="RFC 9110 8.3.1: names of parameters in any case, values in quotes",
)
def charset_in_quotes(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer's is
    if answer.header("Content-Type") != JSON_MEDIA_TYPE:
        return answer
    return answer.with_header("Content-Type", f'{JSON_MEDIA_TYPE};Charset="UTF-8"')


@right(
    Hook.ANSWER,
    "a job that goes on says when to ask again",
    why="RFC 9110 10.2.3: a server says how long to wait before the next request",
)
def says_when_to_ask_again(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.ended:
        return answer
    return answer.with_header("Retry-After", "2")


@right(Hook.ANSWER, "jobs may not be kept by any cache", why="RFC 9111 5.2.2.5: no-store")
def kept_nowhere(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Cache-Control", "no-store, max-age=0").with_header(
        "Pragma", "no-cache"
    )


@right(Hook.ANSWER, "entity tags are weak", why="RFC 9110 8.8.1: a validator may be weak")
def weak_tags(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every tag is
    tag = answer.header("ETag")
    if tag is None or tag.startswith("W/"):
        return answer
    return answer.with_header("ETag", f"W/{tag}")


@right(
    Hook.ANSWER,
    "there are no entity tags",
    why="RFC 9110 8.8.3: a server SHOULD send a tag, and may leave it out",
)
def without_tags(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- on no answer
    return answer.without_header("ETag")


def _rounded(text: str) -> str:
    moment = datetime.fromisoformat(text) + timedelta(seconds=0.5)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
