"""
Until when a signed link can be followed, as the object stores write it into the query.
"""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["expiry_of"]

# Amazon's and Google's: signed when, and for how many seconds.
_SIGNED = re.compile(r"(?:^|&)X-(?:Amz|Goog)-Date=([0-9]{8}T[0-9]{6}Z)(?:&|$)")
_LASTS = re.compile(r"(?:^|&)X-(?:Amz|Goog)-Expires=([0-9]{1,9})(?:&|$)")
# Their older form and CloudFront's, a Unix time; only beside a signature: the name is a common one.
_UNIX = re.compile(r"(?:^|&)Expires=([0-9]{9,11})(?:&|$)")
_SIGNATURE = re.compile(r"(?:^|&)Signature=[^&]")
# Azure's: a time up to the minute or finer, in UTC.
_AZURE = re.compile(r"(?:^|&)se=([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.%Aa]{5,24}Z)(?:&|$)")
_AZURE_SIGNATURE = re.compile(r"(?:^|&)sig=[^&]")


def expiry_of(query: str) -> float | None:
    """
    Unix seconds at which a link with that query expires; None where it doesn't say.
    """
    signed, lasts = _SIGNED.search(query), _LASTS.search(query)
    if signed and lasts:
        moment = _moment(signed.group(1))
        return moment + int(lasts.group(1)) if moment is not None else None
    unix = _UNIX.search(query)
    if unix and _SIGNATURE.search(query):
        return float(unix.group(1))
    azure = _AZURE.search(query)
    if azure and _AZURE_SIGNATURE.search(query):
        return _moment(re.sub("%3A", ":", azure.group(1), flags=re.IGNORECASE))
    return None


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None  # the 30th of February, say
