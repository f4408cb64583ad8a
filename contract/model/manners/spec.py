"""
What makes a manner of asking: what it adds to a request, and what a server may say to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from jobproof.contract.formats.headers import HeaderPairs, first_pairs

__all__ = ["GUARDED", "STRICT_QUERY", "MannerSpec", "together"]

# Some who guard an API against robots, or against other sites, refuse by right.
GUARDED = frozenset({400, 403})
STRICT_QUERY = frozenset({400, 403, 422})


@dataclass(frozen=True, slots=True)
class MannerSpec:
    """
    Attributes:
        why: What is different, for whoever reads a plan or a finding: "in another language".
        headers: Sent beside, or in place of, those of a plain question; an empty one names the
            path of another job.
        query: Further parameters of the query; an empty one names another job.
        token: What is made of the real token, which then is right no more; None where it can't
            be made of this one.
        command: The same as a command that reads the token, for a line to copy.
        value: What stands in the token's header in place of a token, scheme included.
        is_bundle: Each header and each parameter is there for itself: one that means something
            to the API is left out, and the others are sent.
        declines: Codes by which a right server may decline to be asked so.
        source: Where it stands written that the answer is the same; "" where it need not be.
        is_must: Whether that is a standard's or the document's own word; else it is our reading.
        combines: The values of the manners that it is all at once, so that one question tells
            whether any of them matters; empty where it is one of its own.
    """

    why: str
    headers: HeaderPairs = ()
    query: tuple[tuple[str, str], ...] = ()
    token: Callable[[str], str | None] | None = None
    command: str = ""
    value: str | None = None
    is_bundle: bool = False
    declines: frozenset[int] = frozenset()
    source: str = ""
    is_must: bool = False
    combines: tuple[str, ...] = ()

    @property
    def query_text(self) -> str:
        """
        What it adds to the query of a URL, percent-encoded.
        """
        return urlencode(self.query)


def together(parts: Mapping[str, MannerSpec]) -> MannerSpec:
    """
    All of them in one question; a field or parameter that two name is the first one's.

    Args:
        parts: By their values; none of them changes the token.
    """
    specs = [*parts.values()]
    return MannerSpec(
        "at once " + ", ".join(spec.why for spec in specs),
        headers=first_pairs(pair for spec in specs for pair in spec.headers),
        query=first_pairs(pair for spec in specs for pair in spec.query),
        is_bundle=True,
        declines=frozenset().union(*(spec.declines for spec in specs)),
        # The document's silence is said of them all; where one has no source, nothing is.
        source=specs[0].source if all(spec.source for spec in specs) else "",
        is_must=all(spec.is_must for spec in specs),
        combines=tuple(parts),
    )
