"""
A question as the line that asks it again.
"""

from __future__ import annotations

import re
import shlex

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.formats.secrets.redaction import Redactor, is_sensitive, scheme_of
from jobproof.contract.model.exchange import Credential, Exchange

__all__ = ["curl"]


def curl(
    exchange: Exchange,
    redactor: Redactor | None = None,
    *,
    token_env: str = "TOKEN",  # noqa: S107 -- a name
) -> str:
    """
    A shell line that asks the same again; the token is a variable, never a value.
    """
    # Before the shell's quotes come in: a secret that holds one would be spelled anew.
    wider = (redactor or Redactor()).also(exchange.request.credentials)
    request = exchange.request.redacted(wider)
    parts = ["curl", "-sS", "-i", "--path-as-is"]
    if request.method == "HEAD":
        parts.append("-I")
    elif request.method != "GET":
        parts += ["-X", request.method]
    words = [shlex.quote(part) for part in parts]
    for name, value in without_headers(request.headers, "user-agent", "accept-encoding"):
        if is_sensitive(name) and request.credential is not Credential.INVALID:
            # The variable needs double quotes, in which a recorded text could do harm.
            safe = re.sub(r"[^\w-]", "", name, flags=re.ASCII)
            words.append(f'-H "{safe}: {scheme_of(value)}${token_env}"')
        else:
            words.append("-H " + shlex.quote(f"{name}: {value}"))
    words.append(shlex.quote(request.url))
    return " ".join(words)
