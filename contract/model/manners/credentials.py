"""
Credentials that aren't the right one, and where one may stand that counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
from jobproof.contract.model.manners.pretences import TOKENS_ELSEWHERE, TOKENS_IN_QUERY
from jobproof.contract.model.manners.spec import GUARDED, STRICT_QUERY, MannerSpec

__all__ = ["CREDENTIALS"]

# RFC 6750 3.1: 400 for a request whose credentials are malformed; some say 422.
_MALFORMED = frozenset({400, 422})

CREDENTIALS: Mapping[str, MannerSpec] = MappingProxyType(
    {
        "empty_credential": MannerSpec("with a scheme and no token", value="", declines=_MALFORMED),
        "other_scheme": MannerSpec(
            "with another scheme", value="Basic am9icHJvb2Y6aW52YWxpZA==", declines=_MALFORMED
        ),
        "in_query": MannerSpec(
            "with a wrong token in the query",
            query=TOKENS_IN_QUERY,
            is_bundle=True,
            declines=STRICT_QUERY,
        ),
        "in_cookie": MannerSpec(
            "with a wrong token in cookies and in other headers",
            headers=TOKENS_ELSEWHERE,
            is_bundle=True,
            declines=GUARDED,
        ),
        "cut_credential": MannerSpec(
            "with the token cut short",
            token=cut_token,
            command="sed 's/....$//'",
            declines=_MALFORMED,
        ),
        "extended_credential": MannerSpec(
            "with something after the token",
            token=extended_token,
            command="sed 's/$/AAAA/'",
            declines=_MALFORMED,
        ),
        "recased_credential": MannerSpec(
            "with the token in the other letter case",
            token=recased_token,
            command="tr 'A-Za-z' 'a-zA-Z'",
            declines=_MALFORMED,
        ),
        "unsigned_credential": MannerSpec(
            "with the token's claims and no signature",
            token=unsigned_token,
            command=f"sed 's/^[^.]*/{UNSIGNED_HEAD}/; s/[^.]*$//'",
            declines=_MALFORMED,
        ),
        "shortened_credential": MannerSpec(
            "with the token but its last character",
            token=shortened_token,
            command="sed 's/.$//'",
            declines=_MALFORMED,
        ),
        "beheaded_credential": MannerSpec(
            "with the token but its first character",
            token=beheaded_token,
            command="sed 's/^.//'",
            declines=_MALFORMED,
        ),
        "prefixed_credential": MannerSpec(
            "with something before the token",
            token=prefixed_token,
            command="sed 's/^/A/'",
            declines=_MALFORMED,
        ),
        "changed_credential": MannerSpec(
            "with another character within the token",
            token=changed_token,
            command="sed -E 's/A(.{8})$/B\\1/; t; s/.(.{8})$/A\\1/'",
            declines=_MALFORMED,
        ),
        "otherwise_ending_credential": MannerSpec(
            "with another last character of the token",
            token=otherwise_ending_token,
            command="sed -E 's/[A-Za-f]$/w/; t; s/.$/A/'",
            declines=_MALFORMED,
        ),
        "nulled_credential": MannerSpec(
            "with null for a token",
            token=lambda _token: "null",
            command="sed 's/.*/null/'",
            declines=_MALFORMED,
        ),
        "quoted_credential": MannerSpec(
            "with a token that ends a quotation in SQL",
            token=lambda _token: "' OR '1'='1",
            command="""sed "s/.*/' OR '1'='1/\"""",
            declines=_MALFORMED,
        ),
        "claimed_credential": MannerSpec(
            "with a token that claims to be somebody and has no signature",
            token=claimed_token,
            command=f"sed 's/.*/{UNSIGNED}/'",
            declines=_MALFORMED,
        ),
        "blank_credential": MannerSpec(
            "with nothing for a credential", value=" ", declines=_MALFORMED
        ),
    }
)
"""
By the manner's value.
"""
