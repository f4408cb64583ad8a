"""
Ids to send: fresh ones that nobody has, and given ones altered.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from jobproof.contract.model.profile import Profile

__all__ = [
    "ALTERATIONS",
    "BYPASSES",
    "DISGUISES",
    "Alteration",
    "AlteredId",
    "altered_ids",
    "fresh_id",
    "recased_id",
]

_HYPHENATED = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# From an ASCII character to the same one in full width (Unicode, block FF00).
_FULL_WIDTH = 0xFEE0


@dataclass(frozen=True, slots=True)
class AlteredId:
    """
    Attributes:
        how: What was done to the id, in words.
        as_it_is: It stands in the path as it is, not percent-encoded.
    """

    text: str
    how: str
    as_it_is: bool = False


@dataclass(frozen=True, slots=True)
class Alteration:
    """
    One thing that can be done to an id.

    Attributes:
        alter: From the id to the altered one; "" or the same where it can't be done.
        as_it_is: `alter` gets the id percent-encoded, and what it makes is sent as it is.
    """

    how: str
    alter: Callable[[str], str]
    as_it_is: bool = False


def _with_full_width(job_id: str) -> str:
    # A letter rather than a digit: readers of numbers take any digit of Unicode for one.
    found = re.search("[A-Za-z]", job_id) or re.search("[0-9]", job_id)
    if found is None:
        return ""
    wide = chr(ord(found.group()) + _FULL_WIDTH)
    return job_id[: found.start()] + wide + job_id[found.end() :]


def _first_encoded(job_id: str) -> str:
    first = job_id[:1]
    return f"%{ord(first):02X}{job_id[1:]}" if first.isascii() and first.isalnum() else ""


def _last_encoded(job_id: str) -> str:
    last = job_id[-1:]
    return f"{job_id[:-1]}%{ord(last):02X}" if last.isascii() and last.isalnum() else ""


def _with_zeros(job_id: str) -> str:
    return f"00{job_id}" if re.fullmatch("[0-9]+", job_id) else ""


def _unhyphenated(job_id: str) -> str:
    return job_id.replace("-", "") if _HYPHENATED.fullmatch(job_id) else ""


ALTERATIONS = (
    Alteration("without its last character", lambda i: i[:-1]),
    Alteration("with a character after it", lambda i: f"{i}x"),
    Alteration("its beginning", lambda i: i[:8]),
    Alteration("without its first character", lambda i: i[1:]),
    Alteration("as a pattern of SQL", lambda i: f"{i[:-1]}%"),
    # It means the same to a shell, a regular expression and the LIKE of some databases.
    Alteration("as a pattern with a set", lambda i: f"{i[:-1]}[{i[-1]}]"),
    Alteration("with NUL and more after it", lambda i: f"{i}\0x"),
    Alteration("with an encoded slash and more after it", lambda i: f"{i}/x"),
    Alteration("with a character in full width", _with_full_width),
    Alteration("with a blank after it", lambda i: f"{i} "),
    Alteration("half of it", lambda i: i[: len(i) // 2]),
    Alteration("with a blank before it", lambda i: f" {i}"),
    Alteration("as a pattern of file names", lambda i: f"{i[:-1]}*"),
    Alteration("as a regular expression", lambda i: f"{i[:-1]}."),
    Alteration("as a list of two", lambda i: f"{i},{i[::-1]}"),
    Alteration("with zeros before it", _with_zeros),
    Alteration("with a format after it", lambda i: f"{i}.json"),
    Alteration("with a matrix parameter", lambda i: f"{i};a=b", as_it_is=True),
    Alteration("after encoded dot segments", lambda i: f"x/../{i}"),
    Alteration("encoded twice", _first_encoded),
)
"""What may be done to the asker's own id: the job that is found tells which reader was there."""

DISGUISES = (
    Alteration("in the other letter case", str.swapcase),
    Alteration("with a slash after it", lambda i: f"{i}/", as_it_is=True),
    Alteration("with a character encoded", _first_encoded, as_it_is=True),
    Alteration("with a format after it", lambda i: f"{i}.json"),
    Alteration("with a matrix parameter", lambda i: f"{i};a=b", as_it_is=True),
    Alteration("after two slashes", lambda i: f"/{i}", as_it_is=True),
    Alteration("after dot segments", lambda i: f"x/../{i}", as_it_is=True),
    Alteration("with a blank after it", lambda i: f"{i} "),
    Alteration("without hyphens", _unhyphenated),
    # Another one than above: as a text the two would be the same, and the second not sent.
    Alteration("with a character encoded twice", _last_encoded),
)
"""
Spellings that a router or a reader takes for the same id, and whoever keeps a list of ids or
paths that are hidden may not.
"""

BYPASSES = tuple(one for one in DISGUISES if one.as_it_is)
"""Those of them that a rule by path, such as a proxy's or a filter's, may not know."""


def fresh_id(profile: Profile, rng: random.Random) -> str:
    """
    A well-formed id that nobody has.
    """
    return profile.id.fresh(rng)


def altered_ids(
    alterations: Iterable[Alteration],
    job_id: str,
    others: Iterable[str] = (),
) -> Iterator[AlteredId]:
    """
    `job_id` altered in each way, each result once.

    Args:
        others: Ids that name a job of their own, so that they are no alteration of this one.
    """
    taken = {job_id, *others}
    for one in alterations:
        text = one.alter(quote(job_id, safe="-._~") if one.as_it_is else job_id)
        # Of a short id little is left: nothing at all is another route, and so are dots.
        if text.strip() not in ("", ".", "..") and text not in taken:
            taken.add(text)
            yield AlteredId(text, one.how, one.as_it_is)


def recased_id(job_id: str, others: Iterable[str] = ()) -> str | None:
    """
    `job_id` in the other letter case; None where it has no letters, or that is one of `others`.
    """
    other = job_id.swapcase()
    return None if other in (job_id, *others) else other
