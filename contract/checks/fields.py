"""
Header fields: said once, in a form that every reader takes, and true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobproof.contract.formats.wording import Words, told
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.finding import Basis, Remark, violation
from jobproof.contract.model.trace import Trace

__all__ = ["entity_tag_is_well_formed"]

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def _has_tag(trace: Trace) -> bool:
    response = trace.latest.response
    return response is not None and response.known_header("etag") is not None


@check(
    basis=Basis.RFC,
    source='RFC 9110 8.8.3: entity-tag = [ "W/" ] opaque-tag',
    premise=Premise("no answer had an entity tag", _has_tag),
)
def entity_tag_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    An entity tag stands in quotes, so that it can be sent back.
    """
    response = trace.latest.response
    tag = response.header("etag") if response is not None else None
    if tag is not None and not _ENTITY_TAG.fullmatch(tag.strip()):
        yield violation("header:etag", expected=Words('"..." or W/"..."'), found=told(tag))
