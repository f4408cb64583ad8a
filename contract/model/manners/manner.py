"""
How a question is put, apart from whose job it is for and by whose right it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import urlencode

from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.model.manners.near_misses import (
    UNSIGNED,
    UNSIGNED_HEAD,
    beheaded_token,
    changed_token,
    claimed_token,
    cut_token,
    extended_token,
    otherwise_ending_token,
    prefixed_token,
    recased_token,
    shortened_token,
    unsigned_token,
)
from jobproof.contract.model.manners.pretences import (
    AS_BROWSER,
    CLAIMS,
    CLAIMS_IN_QUERY,
    FROM_HERE,
    TOKENS_ELSEWHERE,
    TOKENS_IN_QUERY,
)

__all__ = ["MANNERS", "NO_HOST", "Manner", "MannerSpec"]

NO_HOST = "jobproof.example"
"""A host that nobody has (RFC 6761 6.5), and that therefore no right answer names."""


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

    OTHER_TAG = "other_tag"
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

    @property
    def spec(self) -> MannerSpec:
        """
        What it adds to a request, and what a server may say to that.
        """
        return MANNERS[self]


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

    @property
    def query_text(self) -> str:
        """
        What it adds to the query of a URL, percent-encoded.
        """
        return urlencode(self.query)


_NO_PARAMETER = "the document: the operation has no such parameter"
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
_NO_OVERRIDE = frozenset({400, 403, 405, 501})
# Some who guard an API against robots, or against other sites, refuse by right.
_GUARDED = frozenset({400, 403})
_STRICT_QUERY = frozenset({400, 403, 422})
# RFC 6750 3.1: 400 for a request whose credentials are malformed; some say 422.
_MALFORMED = frozenset({400, 422})

MANNERS: Mapping[Manner, MannerSpec] = MappingProxyType(
    {
        Manner.PLAIN: MannerSpec("as any client does"),
        Manner.LANGUAGE: MannerSpec(
            "in another language",
            headers=(("Accept-Language", "de, ja;q=0.8, *;q=0.1"),),
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.AGENT: MannerSpec(
            "as a browser",
            headers=AS_BROWSER,
            declines=_GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.TOOL: MannerSpec(
            "as a tool of the command line",
            headers=(("User-Agent", "curl/8.11.1"),),
            declines=_GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.FORWARDED: MannerSpec(
            "as if forwarded from the server's own host",
            headers=FROM_HERE,
            is_bundle=True,
            declines=_GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.OTHER_HOST: MannerSpec(
            "as if sent to another host",
            headers=(("X-Forwarded-Host", NO_HOST), ("X-Host", NO_HOST)),
            # Some proxies send each host's requests another way.
            declines=frozenset({400, 403, 404, 421}),
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.ORIGIN: MannerSpec(
            "from another site's page",
            headers=(("Origin", f"https://{NO_HOST}"),),
            declines=_GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.COOKIE: MannerSpec(
            "with a cookie that nobody set",
            headers=(
                ("Cookie", "session=jobproof; theme=dark; admin=true; role=admin; user_id=1"),
            ),
            declines=_GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.QUERY: MannerSpec(
            "with parameters that nobody declared",
            query=(("jobproof", "1"), ("debug", "true"), ("callback", "jobproof")),
            declines=_STRICT_QUERY,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        Manner.CLAIMS: MannerSpec(
            "with headers that claim to be somebody",
            headers=CLAIMS,
            is_bundle=True,
            declines=_GUARDED,
        ),
        Manner.QUERY_CLAIMS: MannerSpec(
            "with parameters that claim to be somebody",
            query=CLAIMS_IN_QUERY,
            is_bundle=True,
            declines=_STRICT_QUERY,
        ),
        Manner.OVERRIDE: MannerSpec(
            "with headers that name another method",
            headers=tuple((name, "DELETE") for name in _OVERRIDES),
            declines=_NO_OVERRIDE,
        ),
        Manner.OWN_METHOD: MannerSpec(
            "with headers that name the method that it has",
            headers=tuple((name, "GET") for name in _OVERRIDES),
            declines=_NO_OVERRIDE,
        ),
        Manner.OTHER_IN_QUERY: MannerSpec(
            "with somebody else's id in the query",
            query=(("id", ""), ("job_id", "")),
            declines=_STRICT_QUERY | {404},
        ),
        Manner.OTHER_IN_HEADER: MannerSpec(
            "with the path of somebody else's job in its head",
            # Some frameworks take the path from there: to them that job isn't to be found.
            headers=(("X-Original-URL", ""), ("X-Rewrite-URL", "")),
            declines=frozenset({400, 403, 404, 421}),
        ),
        Manner.ACCEPT_ANY: MannerSpec(
            "whatever the media type",
            headers=(("Accept", "*/*"),),
            source="RFC 9110 12.5.1: */* matches all media types",
            is_must=True,
        ),
        Manner.ACCEPT_RANGE: MannerSpec(
            "for any subtype of application",
            headers=(("Accept", "application/*"),),
            source="RFC 9110 12.5.1: application/* matches all subtypes of application",
            is_must=True,
        ),
        Manner.ACCEPT_WEIGHED: MannerSpec(
            "with weights for media types",
            headers=(("Accept", "text/plain;q=0.1, Application/JSON;q=0.9"),),
            source="RFC 9110 12.5.1 and 8.3.1: the JSON that the document promises is acceptable",
            is_must=True,
        ),
        Manner.IDENTITY: MannerSpec(
            "without any coding",
            headers=(("Accept-Encoding", "identity"),),
            source="RFC 9110 12.5.3: a coding changes how a body travels, not what it says",
            is_must=True,
        ),
        Manner.RANGE: MannerSpec(
            "for its first bytes",
            headers=(("Range", "bytes=0-7"),),
            declines=frozenset({206}),
            source="RFC 9110 14.2: Range is optional, and without it the answer is whole",
            is_must=True,
        ),
        Manner.OTHER_TAG: MannerSpec(
            "unless it has a tag that it can't have",
            headers=(("If-None-Match", '"jobproof-matches-nothing"'),),
            source="RFC 9110 13.1.2: the condition holds where no listed tag matches",
            is_must=True,
        ),
        Manner.NEAR_TAG: MannerSpec(
            "unless it has a tag that is nearly the right one",
            # Instead of it, where a tag has been seen, that one with another character at its end.
            headers=(("If-None-Match", '"jobproof-nearly"'),),
            source="RFC 9110 13.1.2: the condition holds where no listed tag matches",
            is_must=True,
        ),
        Manner.LISTED_TAG: MannerSpec("unless it has one of many tags", declines=frozenset({304})),
        Manner.ANY_TAG: MannerSpec(
            "unless there is anything",
            headers=(("If-None-Match", "*"),),
            declines=frozenset({304}),
        ),
        Manner.OLD_DATE: MannerSpec(
            "if it has changed since 1998",
            headers=(("If-Modified-Since", "Thu, 01 Jan 1998 00:00:00 GMT"),),
            source="RFC 9110 13.1.3: the condition holds for what was changed later",
            is_must=True,
        ),
        Manner.TAG_OVER_DATE: MannerSpec(
            "unless it has a tag that it can't have, whatever its date",
            headers=(
                ("If-None-Match", '"jobproof-matches-nothing"'),
                ("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT"),
            ),
            source="RFC 9110 13.1.3: If-Modified-Since is ignored beside If-None-Match",
            is_must=True,
        ),
        Manner.NO_TAG: MannerSpec(
            "unless it has what is no tag",
            headers=(("If-None-Match", "jobproof"),),
            declines=frozenset({400}),
        ),
        Manner.NO_DATE: MannerSpec(
            "if it has changed since what is no date",
            headers=(("If-Modified-Since", "yesterday"),),
            source="RFC 9110 13.1.3: MUST ignore what is no HTTP date",
            is_must=True,
        ),
        Manner.IF_ANY: MannerSpec(
            "if there is anything",
            headers=(("If-Match", "*"),),
            # A MUST; yet with frameworks as common as Flask it fails, and no poller sends it.
            source="RFC 9110 13.1.1: * holds where there is anything to be had",
        ),
        Manner.ENCODED: MannerSpec(
            "with a letter of the id percent-encoded",
            source="RFC 3986 6.2.2.2: an encoded unreserved character is the character",
            declines=frozenset({400}),
        ),
        Manner.SCHEME_CASE: MannerSpec(
            "with the scheme in other letters",
            source="RFC 9110 11.1: the scheme's name is case-insensitive",
        ),
        Manner.SCHEME_UPPER: MannerSpec(
            "with the scheme in capitals",
            source="RFC 9110 11.1: the scheme's name is case-insensitive",
        ),
        Manner.FIELD_CASE: MannerSpec(
            "with the names of its fields in small letters",
            source="RFC 9110 5.1: field names are case-insensitive",
            is_must=True,
        ),
        Manner.EMPTY: MannerSpec("with a scheme and no token", value="", declines=_MALFORMED),
        Manner.OTHER_SCHEME: MannerSpec(
            "with another scheme", value="Basic am9icHJvb2Y6aW52YWxpZA==", declines=_MALFORMED
        ),
        Manner.IN_QUERY: MannerSpec(
            "with a wrong token in the query",
            query=TOKENS_IN_QUERY,
            is_bundle=True,
            declines=_STRICT_QUERY,
        ),
        Manner.IN_COOKIE: MannerSpec(
            "with a wrong token in cookies and in other headers",
            headers=TOKENS_ELSEWHERE,
            is_bundle=True,
            declines=_GUARDED,
        ),
        Manner.CUT: MannerSpec(
            "with the token cut short",
            token=cut_token,
            command="sed 's/....$//'",
            declines=_MALFORMED,
        ),
        Manner.EXTENDED: MannerSpec(
            "with something after the token",
            token=extended_token,
            command="sed 's/$/AAAA/'",
            declines=_MALFORMED,
        ),
        Manner.RECASED: MannerSpec(
            "with the token in the other letter case",
            token=recased_token,
            command="tr 'A-Za-z' 'a-zA-Z'",
            declines=_MALFORMED,
        ),
        Manner.UNSIGNED: MannerSpec(
            "with the token's claims and no signature",
            token=unsigned_token,
            command=f"sed 's/^[^.]*/{UNSIGNED_HEAD}/; s/[^.]*$//'",
            declines=_MALFORMED,
        ),
        Manner.SHORTENED: MannerSpec(
            "with the token but its last character",
            token=shortened_token,
            command="sed 's/.$//'",
            declines=_MALFORMED,
        ),
        Manner.BEHEADED: MannerSpec(
            "with the token but its first character",
            token=beheaded_token,
            command="sed 's/^.//'",
            declines=_MALFORMED,
        ),
        Manner.PREFIXED: MannerSpec(
            "with something before the token",
            token=prefixed_token,
            command="sed 's/^/A/'",
            declines=_MALFORMED,
        ),
        Manner.CHANGED: MannerSpec(
            "with another character within the token",
            token=changed_token,
            command="sed -E 's/A(.{8})$/B\\1/; t; s/.(.{8})$/A\\1/'",
            declines=_MALFORMED,
        ),
        Manner.OTHER_END: MannerSpec(
            "with another last character of the token",
            token=otherwise_ending_token,
            command="sed -E 's/[A-Za-f]$/w/; t; s/.$/A/'",
            declines=_MALFORMED,
        ),
        Manner.NULLED: MannerSpec(
            "with null for a token",
            token=lambda _token: "null",
            command="sed 's/.*/null/'",
            declines=_MALFORMED,
        ),
        Manner.QUOTED: MannerSpec(
            "with a token that ends a quotation in SQL",
            token=lambda _token: "' OR '1'='1",
            command="""sed "s/.*/' OR '1'='1/\"""",
            declines=_MALFORMED,
        ),
        Manner.CLAIMED: MannerSpec(
            "with a token that claims to be somebody and has no signature",
            token=claimed_token,
            command=f"sed 's/.*/{UNSIGNED}/'",
            declines=_MALFORMED,
        ),
        Manner.BLANK: MannerSpec("with nothing for a credential", value=" ", declines=_MALFORMED),
    }
)
"""
What each manner is. Those without a `source` promise nothing of the job: they ask what must be
refused, or what may be answered either way.
"""
