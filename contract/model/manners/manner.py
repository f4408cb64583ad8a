"""
How a question is put, apart from whose job it is for and by whose right it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from jobproof.contract.model.manners.credentials import CREDENTIALS
from jobproof.contract.model.manners.questions import NO_HOST, QUESTIONS
from jobproof.contract.model.manners.spec import MannerSpec, together

__all__ = ["MANNERS", "NO_HOST", "Manner"]


class Manner(StrEnum):
    """
    One way to put a question: a closed set, so that a recording can name it.
    """

    PLAIN = "plain"
    """As any client does, or nobody said how."""

    LANGUAGE = "language"
    AGENT = "agent"
    TOOL = "tool"
    FORWARDED = "forwarded"
    OTHER_HOST = "other_host"
    ORIGIN = "origin"
    COOKIE = "cookie"
    QUERY = "query"
    CLAIMS = "claims"
    QUERY_CLAIMS = "query_claims"
    OVERRIDE = "override"
    OWN_METHOD = "own_method"
    OTHER_IN_QUERY = "other_in_query"
    OTHER_IN_HEADER = "other_in_header"

    ACCEPT_ANY = "accept_any"
    ACCEPT_RANGE = "accept_range"
    ACCEPT_WEIGHED = "accept_weighed"
    IDENTITY = "identity"
    RANGE = "range"

    NEAR_TAG = "near_tag"
    LISTED_TAG = "listed_tag"
    ANY_TAG = "any_tag"
    OLD_DATE = "old_date"
    TAG_OVER_DATE = "tag_over_date"
    NO_TAG = "no_tag"
    NO_DATE = "no_date"
    IF_ANY = "if_any"

    ENCODED = "encoded"
    SCHEME_CASE = "scheme_case"
    SCHEME_UPPER = "scheme_upper"
    FIELD_CASE = "field_case"

    EMPTY = "empty_credential"
    OTHER_SCHEME = "other_scheme"
    IN_QUERY = "in_query"
    IN_COOKIE = "in_cookie"
    CUT = "cut_credential"
    EXTENDED = "extended_credential"
    RECASED = "recased_credential"
    UNSIGNED = "unsigned_credential"
    SHORTENED = "shortened_credential"
    BEHEADED = "beheaded_credential"
    PREFIXED = "prefixed_credential"
    CHANGED = "changed_credential"
    OTHER_END = "otherwise_ending_credential"
    NULLED = "nulled_credential"
    CLAIMED = "claimed_credential"
    QUOTED = "quoted_credential"
    BLANK = "blank_credential"

    OTHER_CLIENT = "other_client"
    OTHER_TOOL = "other_tool"
    OTHER_PART = "other_part"
    OTHER_SPELLING = "other_spelling"
    ALL_TRICKS = "all_tricks"

    @property
    def spec(self) -> MannerSpec:
        """
        What it adds to a request, and what a server may say to that.
        """
        return MANNERS[self]

    def includes(self, manner: Manner) -> bool:
        """
        Whether a question that is put so is put in that manner, too.
        """
        return manner is self or manner.value in self.spec.combines


_COMBINED = {
    # Of what differs so, nothing makes another job of it.
    Manner.OTHER_CLIENT: (
        *(Manner.LANGUAGE, Manner.AGENT, Manner.FORWARDED, Manner.OTHER_HOST, Manner.ORIGIN),
        *(Manner.COOKIE, Manner.QUERY, Manner.ACCEPT_ANY, Manner.OLD_DATE),
    ),
    Manner.OTHER_TOOL: (
        *(Manner.TOOL, Manner.IDENTITY, Manner.ACCEPT_RANGE, Manner.NO_DATE, Manner.FIELD_CASE),
    ),
    Manner.OTHER_PART: (Manner.ACCEPT_WEIGHED, Manner.RANGE, Manner.TAG_OVER_DATE),
    Manner.OTHER_SPELLING: (Manner.ENCODED, Manner.IF_ANY),
    # By which somebody without a right has got in elsewhere.
    Manner.ALL_TRICKS: (
        *(Manner.CLAIMS, Manner.FORWARDED, Manner.QUERY, Manner.QUERY_CLAIMS, Manner.ORIGIN),
        *(Manner.COOKIE, Manner.ACCEPT_ANY, Manner.RANGE),
        *(Manner.OLD_DATE, Manner.IF_ANY, Manner.OWN_METHOD),
    ),
}
_BY_VALUE = {**QUESTIONS, **CREDENTIALS}
MANNERS: Mapping[Manner, MannerSpec] = MappingProxyType(
    {
        **{manner: _BY_VALUE[manner] for manner in Manner if manner not in _COMBINED},
        **{
            manner: together({part.value: _BY_VALUE[part] for part in parts})
            for manner, parts in _COMBINED.items()
        },
    }
)
"""
What each manner is.
"""
