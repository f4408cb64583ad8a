"""
What the head of an answer says that is not of the moment: which fields came, and their words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobproof.contract.formats.comparison.variation import steady_text
from jobproof.contract.formats.headers import HeaderPairs, header_names, header_values

__all__ = ["HeadDifference", "head_difference", "head_words"]

# What may differ between any two answers of one server: the moment, the connection,
# the size of the body, and what an edge samples.
_VOLATILE = frozenset(
    {
        "age",
        "alt-svc",
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "expires",
        "keep-alive",
        "nel",
        "report-to",
        "server-timing",
        "set-cookie",
        "transfer-encoding",
    }
)
# Where a server says why; the values of other headers are of the moment, as a rule.
_SAYS_WHY = re.compile(
    r"(?:^|[-_])(?:error|reason|message|code)$|^www-authenticate$|^cache-control$"
)
# What is the same from answer to answer, unless something else is answered.
_LASTING = frozenset({"content-type", "content-language", "vary", "allow"})


@dataclass(frozen=True, slots=True)
class HeadDifference:
    """
    Attributes:
        more: Names that stand in no head of the others.
        fewer: Names that stand in each head of the others, and not here.
        words: By name: what the others say there, and what is said here.
    """

    more: tuple[str, ...]
    fewer: tuple[str, ...]
    words: Mapping[str, tuple[str, str]]


def head_words(
    headers: HeaderPairs, asked: str | None, *, learned: bool, cookies: bool = False
) -> dict[str, str]:
    """
    By name, the words of each field that may tell something.

    Args:
        asked: The id that was asked for, which a head may give back.
        learned: Whether other heads show what varies.
        cookies: Whether the name of each cookie counts as a field's, too.
    """
    found = {
        name: steady_text(", ".join(header_values(headers, name)), asked, learned=learned)
        for name in header_names(headers) - _VOLATILE
    }
    if cookies:
        for value in header_values(headers, "set-cookie"):
            name = steady_text(value.partition("=")[0].strip(), asked, learned=True)
            found[f"set-cookie: {name}"] = ""
    return found


def head_difference(
    mine: Sequence[Mapping[str, str]], theirs: Sequence[Mapping[str, str]], *, lasting: bool
) -> HeadDifference:
    """
    What all of `mine` have in common and none of `theirs` has, or the other way round. What only
    some of them have tells nothing.

    Args:
        lasting: Whether words count that are the same from answer to answer as a rule.
    """
    usual = frozenset.intersection(*map(frozenset, theirs))
    own = frozenset.intersection(*map(frozenset, mine))
    more = own - frozenset().union(*theirs)
    fewer = usual - frozenset().union(*mine)
    words = {}
    for name in sorted(usual & own):
        if _SAYS_WHY.search(name) or (lasting and name in _LASTING):
            said, here = ({head[name] for head in heads} for heads in (theirs, mine))
            if len(said) == len(here) == 1 and said != here:
                words[name] = (said.pop(), here.pop())
    return HeadDifference(tuple(sorted(more)), tuple(sorted(fewer)), words)
