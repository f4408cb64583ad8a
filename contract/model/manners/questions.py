"""
Questions that are put otherwise than most clients put them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jobproof.contract.model.manners.pretences import (
    AS_BROWSER,
    CLAIMS,
    CLAIMS_IN_QUERY,
    FROM_HERE,
)
from jobproof.contract.model.manners.spec import GUARDED, STRICT_QUERY, MannerSpec

__all__ = ["NO_HOST", "QUESTIONS"]

NO_HOST = "jobproof.example"
"""A host that nobody has (RFC 6761 6.5), and that therefore no right answer names."""

_NO_PARAMETER = "the document: the operation has no such parameter"
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
_NO_OVERRIDE = frozenset({400, 403, 405, 501})

QUESTIONS: Mapping[str, MannerSpec] = MappingProxyType(
    {
        "plain": MannerSpec("as any client does"),
        "language": MannerSpec(
            "in another language",
            headers=(("Accept-Language", "de, ja;q=0.8, *;q=0.1"),),
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "agent": MannerSpec(
            "as a browser",
            headers=AS_BROWSER,
            declines=GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "tool": MannerSpec(
            "as a tool of the command line",
            headers=(("User-Agent", "curl/8.11.1"),),
            declines=GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "forwarded": MannerSpec(
            "as if forwarded from the server's own host",
            headers=FROM_HERE,
            is_bundle=True,
            declines=GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "other_host": MannerSpec(
            "as if sent to another host",
            headers=(("X-Forwarded-Host", NO_HOST), ("X-Host", NO_HOST)),
            # Some proxies send each host's requests another way.
            declines=frozenset({400, 403, 404, 421}),
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "origin": MannerSpec(
            "from another site's page",
            headers=(("Origin", f"https://{NO_HOST}"),),
            declines=GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "cookie": MannerSpec(
            "with a cookie that nobody set",
            headers=(
                ("Cookie", "session=jobproof; theme=dark; admin=true; role=admin; user_id=1"),
            ),
            declines=GUARDED,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "query": MannerSpec(
            "with parameters that nobody declared",
            query=(("jobproof", "1"), ("debug", "true"), ("callback", "jobproof")),
            declines=STRICT_QUERY,
            source=_NO_PARAMETER,
            is_must=True,
        ),
        "claims": MannerSpec(
            "with headers that claim to be somebody",
            headers=CLAIMS,
            is_bundle=True,
            declines=GUARDED,
        ),
        "query_claims": MannerSpec(
            "with parameters that claim to be somebody",
            query=CLAIMS_IN_QUERY,
            is_bundle=True,
            declines=STRICT_QUERY,
        ),
        "override": MannerSpec(
            "with headers that name another method",
            headers=tuple((name, "DELETE") for name in _OVERRIDES),
            declines=_NO_OVERRIDE,
        ),
        "own_method": MannerSpec(
            "with headers that name the method that it has",
            headers=tuple((name, "GET") for name in _OVERRIDES),
            declines=_NO_OVERRIDE,
        ),
        "other_in_query": MannerSpec(
            "with somebody else's id in the query",
            query=(("id", ""), ("job_id", "")),
            declines=STRICT_QUERY | {404},
        ),
        "other_in_header": MannerSpec(
            "with the path of somebody else's job in its head",
            # Some frameworks take the path from there: to them that job isn't to be found.
            headers=(("X-Original-URL", ""), ("X-Rewrite-URL", "")),
            declines=frozenset({400, 403, 404, 421}),
        ),
        "accept_any": MannerSpec(
            "whatever the media type",
            headers=(("Accept", "*/*"),),
            source="RFC 9110 12.5.1: */* matches all media types",
            is_must=True,
        ),
        "accept_range": MannerSpec(
            "for any subtype of application",
            headers=(("Accept", "application/*"),),
            source="RFC 9110 12.5.1: application/* matches all subtypes of application",
            is_must=True,
        ),
        "accept_weighed": MannerSpec(
            "with weights for media types",
            headers=(("Accept", "text/plain;q=0.1, Application/JSON;q=0.9"),),
            source="RFC 9110 12.5.1 and 8.3.1: the JSON that the document promises is acceptable",
            is_must=True,
        ),
        "identity": MannerSpec(
            "without any coding",
            headers=(("Accept-Encoding", "identity"),),
            source="RFC 9110 12.5.3: a coding changes how a body travels, not what it says",
            is_must=True,
        ),
        "range": MannerSpec(
            "for its first bytes",
            headers=(("Range", "bytes=0-7"),),
            declines=frozenset({206}),
            source="RFC 9110 14.2: Range is optional, and without it the answer is whole",
            is_must=True,
        ),
        "near_tag": MannerSpec(
            "unless it has a tag that is nearly the right one",
            # Instead of it, where a tag has been seen, that one with another character at its end.
            headers=(("If-None-Match", '"jobproof-nearly"'),),
            source="RFC 9110 13.1.2: the condition holds where no listed tag matches",
            is_must=True,
        ),
        "listed_tag": MannerSpec("unless it has one of many tags", declines=frozenset({304})),
        "any_tag": MannerSpec(
            "unless there is anything",
            headers=(("If-None-Match", "*"),),
            declines=frozenset({304}),
        ),
        "old_date": MannerSpec(
            "if it has changed since 1998",
            headers=(("If-Modified-Since", "Thu, 01 Jan 1998 00:00:00 GMT"),),
            source="RFC 9110 13.1.3: the condition holds for what was changed later",
            is_must=True,
        ),
        "tag_over_date": MannerSpec(
            "unless it has a tag that it can't have, whatever its date",
            headers=(
                ("If-None-Match", '"jobproof-matches-nothing"'),
                ("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT"),
            ),
            source="RFC 9110 13.1.3: If-Modified-Since is ignored beside If-None-Match",
            is_must=True,
        ),
        "no_tag": MannerSpec(
            "unless it has what is no tag",
            headers=(("If-None-Match", "jobproof"),),
            declines=frozenset({400}),
        ),
        "no_date": MannerSpec(
            "if it has changed since what is no date",
            headers=(("If-Modified-Since", "yesterday"),),
            source="RFC 9110 13.1.3: MUST ignore what is no HTTP date",
            is_must=True,
        ),
        "if_any": MannerSpec(
            "if there is anything",
            headers=(("If-Match", "*"),),
            # A MUST; yet with frameworks as common as Flask it fails, and no poller sends it.
            source="RFC 9110 13.1.1: * holds where there is anything to be had",
        ),
        "encoded": MannerSpec(
            "with a letter of the id percent-encoded",
            source="RFC 3986 6.2.2.2: an encoded unreserved character is the character",
            declines=frozenset({400}),
        ),
        "scheme_case": MannerSpec(
            "with the scheme in other letters",
            source="RFC 9110 11.1: the scheme's name is case-insensitive",
        ),
        "scheme_upper": MannerSpec(
            "with the scheme in capitals",
            source="RFC 9110 11.1: the scheme's name is case-insensitive",
        ),
        "field_case": MannerSpec(
            "with the names of its fields in small letters",
            source="RFC 9110 5.1: field names are case-insensitive",
            is_must=True,
        ),
    }
)
"""
By the manner's value. Those without a `source` promise nothing of the job: they ask what must be
refused, or what may be answered either way.
"""
