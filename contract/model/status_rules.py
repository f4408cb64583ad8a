"""
A job's status told by rules, for APIs where it isn't one word in one field.

The first rule all of whose conditions hold names the word. A condition speaks of the code, of
a header, or of a place in the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from jobproof.contract.formats.headers import HeaderPairs, header_value
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.strict_model import StrictModel

__all__ = [
    "Pointer",
    "Selection",
    "StatusCondition",
    "StatusRule",
    "text_keys",
    "word_by_rules",
    "word_of",
]

# Foreign text is searched with a pattern of the profile's author: its length bounds the cost.
_SEARCHED = 500
_MOST_ELEMENTS = 200


def _pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f"a JSON Pointer starts with '/': write '/{text.lstrip('$.')}'")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as exc:
        raise ValueError(f"no regular expression: {exc}") from None
    return text


Pointer = Annotated[str, AfterValidator(_pointer)]
Scalar = str | int | float | bool | None
_TESTS = ("equals", "in", "exists", "absent", "matches")


class Selection(StrictModel):
    """
    One element of a list: the first that has these values.
    """

    list_at: Pointer = Field(alias="in")
    where: dict[str, Scalar] = Field(min_length=1)

    def element(self, body: Json) -> Json:
        """
        The element, or None where the list or the element isn't there.
        """
        found = pick(body, self.list_at)
        for item in found[:_MOST_ELEMENTS] if isinstance(found, list) else ():
            if isinstance(item, Mapping) and all(
                key in item and _same(item[key], value) for key, value in self.where.items()
            ):
                return item
        return None


class StatusCondition(StrictModel):
    """
    What must hold of an answer: of its code, of a header, or of what stands at a place.
    """

    code: int | None = Field(default=None, ge=100, le=599)
    header: str | None = None
    at: Pointer | None = None
    """A place in the body; below the selected element, if there is a `select`."""
    select: Selection | None = None
    equals: Scalar = None
    one_of: tuple[Scalar, ...] | None = Field(default=None, alias="in", min_length=1)
    exists: bool | None = None
    """There, and not null."""
    absent: bool | None = None
    matches: Annotated[str, AfterValidator(_pattern)] | None = None
    """A regular expression that some part of the text matches."""

    @model_validator(mode="after")
    def _speaks_of_one_thing(self) -> Self:
        subjects = [n for n in ("code", "header", "at") if getattr(self, n) is not None]
        if subjects != ["at"] and self.select is not None:
            raise ValueError("`select` needs an `at`, a place below the element")
        if len(subjects) != 1:
            raise ValueError("name one of `code`, `header` and `at`")
        tests = self._tests()
        if subjects == ["code"]:
            if tests:
                raise ValueError(f"a `code` is compared as it is; leave out `{tests[0]}`")
        elif len(tests) != 1:
            raise ValueError(f"name one of {', '.join(f'`{name}`' for name in _TESTS)}")
        return self

    def holds(self, body: Json, code: int, headers: HeaderPairs) -> bool:
        """
        Whether it is so in this answer.
        """
        if self.code is not None:
            return code == self.code
        found: Json
        if self.header is not None:
            found = header_value(headers, self.header)
        else:
            found = pick(body if self.select is None else self.select.element(body), self.at or "")
        match self._tests()[0]:
            case "exists":
                return (found is not None) is self.exists
            case "absent":
                return (found is None) is self.absent
            case "in":
                return any(_same(found, value) for value in self.one_of or ())
            case "matches":
                text = found if isinstance(found, str) else None
                return text is not None and bool(re.search(self.matches or "", text[:_SEARCHED]))
        return _same(found, self.equals)

    def _tests(self) -> list[str]:
        # `equals: null` is a test, so what was written counts and not what isn't None.
        written = {"in" if name == "one_of" else name for name in self.model_fields_set}
        return [name for name in _TESTS if name in written]


class StatusRule(StrictModel):
    """
    A status word, and what tells it.
    """

    word: str
    when: tuple[StatusCondition, ...] = Field(min_length=1)


def text_keys(words: object) -> object:
    """
    Words with those as texts that YAML reads as none: an unquoted true or 3.
    """
    if not isinstance(words, dict):
        return words
    return {k if isinstance(k, str) else json.dumps(k, default=str): v for k, v in words.items()}


def word_of(found: Json, words: Mapping[str, object]) -> Json:
    """
    A status out of a body as its word; what no word stands for comes back as it is.
    """
    if isinstance(found, str | list | dict):
        return found
    word = json.dumps(found)
    return word if word in words else found


def word_by_rules(
    rules: Sequence[StatusRule],
    otherwise: str | None,
    body: Json,
    *,
    code: int,
    headers: HeaderPairs,
) -> str | None:
    """
    The word that the answer tells; None where no rule holds and nothing is said otherwise.
    """
    for rule in rules:
        if all(condition.holds(body, code, headers) for condition in rule.when):
            return rule.word
    return otherwise


def _same(found: Json, wanted: Scalar) -> bool:
    # To Python 1 is True and 1.0; to JSON a boolean is no number.
    return isinstance(found, bool) is isinstance(wanted, bool) and found == wanted
