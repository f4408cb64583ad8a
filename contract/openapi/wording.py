"""
What a schema expects, in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from jobproof.contract.formats.json_value import Json

__all__ = ["expectation", "quoted", "shown"]

_MOST_CHARACTERS = 200
_MOST_WORDS = 12
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "object": "an object",
    "string": "a string",
    "null": "null",
}
_FORMATS = {
    "date": "a date, such as 2026-01-31",
    "date-time": "a date-time of RFC 3339, such as 2026-01-31T12:00:00Z",
    "duration": "a duration of ISO 8601, such as PT30S",
    "email": "an email address",
    "hostname": "a host name",
    "idn-email": "an email address",
    "idn-hostname": "a host name",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "iri": "an absolute IRI",
    "iri-reference": "an IRI or a relative reference",
    "json-pointer": "a JSON Pointer",
    "regex": "a regular expression",
    "relative-json-pointer": "a relative JSON Pointer",
    "time": "a time with its offset, such as 12:00:00Z",
    "uri": "an absolute URI (RFC 3986)",
    "uri-reference": "a URI or a relative reference (RFC 3986)",
    "uri-template": "a URI template",
    "uuid": "a UUID, such as 123e4567-e89b-12d3-a456-426614174000",
}


def shown(text: str, most: int = _MOST_CHARACTERS) -> str:
    """
    Text of somebody else's in one line of bounded length, without what moves a terminal.
    """
    # Cut first: nobody has to clean a megabyte to show two hundred characters.
    start = text[: most + 1]
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in start)
    return clean if len(text) <= most else f"{clean[: most - 3]}..."


def quoted(text: str) -> str:
    """
    A name or pattern of somebody else's, in quotes.
    """
    return repr(shown(text, 120))


def expectation(keyword: str, limit: Any) -> str:
    """
    What a value has to be by one keyword of its schema, such as `a string or null`.

    Args:
        limit: What the keyword says; a keyword that needs none is given None.
    """
    worded = _WORDINGS.get(keyword)
    return shown(worded(limit) if worded else f"what `{keyword}` of the schema says")


def _value(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _listed(words: Iterable[Json]) -> str:
    every = list(words)
    more = f" or {len(every) - _MOST_WORDS} more" if len(every) > _MOST_WORDS else ""
    return ", ".join(shown(_value(word), 40) for word in every[:_MOST_WORDS]) + more


def _count(of: str, least: str) -> Callable[[Any], str]:
    return lambda limit: f"{least} {limit} {of}{'' if limit == 1 else 's'}"


def _enum(words: Any) -> str:
    return f"one of {_listed(words)}" if len(words) != 1 else _listed(words)


def _named(names: Any) -> str:
    return f"the key{'' if len(names) == 1 else 's'} {_listed(names)}"


def _unnamed(names: Any) -> str:
    return f"no key {_listed(names)}"


_WORDINGS: dict[str, Callable[[Any], str]] = {
    "additionalProperties": _unnamed,
    "anyOf": lambda _: "one of the schema's alternatives",
    "const": _value,
    "contains": lambda _: "as many items as `contains` asks for",
    "contentEncoding": lambda name: f"text encoded in {name}",
    "contentMediaType": lambda name: f"text that holds {name}",
    "enum": _enum,
    "exclusiveMaximum": lambda limit: f"less than {limit}",
    "exclusiveMinimum": lambda limit: f"more than {limit}",
    "falseSchema": lambda _: "nothing there: the schema allows no value",
    "format": lambda name: _FORMATS.get(name, f"text in the format {name}"),
    "maxItems": _count("item", "at most"),
    "maxLength": _count("character", "at most"),
    "maxProperties": _count("key", "at most"),
    "maximum": lambda limit: f"at most {limit}",
    "minItems": _count("item", "at least"),
    "minLength": _count("character", "at least"),
    "minProperties": _count("key", "at least"),
    "minimum": lambda limit: f"at least {limit}",
    "multipleOf": lambda step: f"a multiple of {step}",
    "not": lambda _: "what isn't described by `not`",
    "oneOf": lambda _: "exactly one of the schema's alternatives",
    "pattern": lambda pattern: f"text that matches {pattern}",
    "propertyNames": lambda _: "keys that `propertyNames` allows",
    "required": _named,
    "type": lambda names: " or ".join(_TYPES[name] for name in _TYPES if name in names),
    "unevaluatedItems": lambda _: "no further items",
    "unevaluatedProperties": _unnamed,
    "uniqueItems": lambda _: "items that all differ",
}
