"""
Which credential an operation asks for, by its document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.formats.json_value import Json, JsonDocument

__all__ = ["Security", "SecurityKind", "SecurityScheme", "read_security"]


class SecurityKind(StrEnum):
    """
    How a credential is written.
    """

    BEARER = "bearer"
    """`Authorization: Bearer <token>` (RFC 6750); OAuth 2 and OpenID Connect end in it, too."""
    BASIC = "basic"
    """`Authorization: Basic <user:password in base64>` (RFC 7617)."""
    API_KEY = "api_key"
    """The key itself, in a header, a query parameter or a cookie."""
    OTHER = "other"
    """Client certificates, Digest, or what the document doesn't describe."""


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """
    One way to show who asks.

    Attributes:
        name: The document's name for it.
        place: `header`, `query` or `cookie`; "" where nothing of it is sent in a request.
        parameter: The name of the header, query parameter or cookie.
    """

    name: str
    kind: SecurityKind
    place: str = ""
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Security:
    """
    The security that is in force for one operation.

    Attributes:
        alternatives: Any one of them lets a request in; within one, all schemes are needed. An
            empty alternative lets anybody in.
        stated_at: Where the document says so, such as `security of GET /jobs/{id}`; "" where
            it says nothing.
    """

    alternatives: tuple[tuple[SecurityScheme, ...], ...] = ()
    stated_at: str = ""

    @property
    def is_required(self) -> bool:
        """
        Whether nobody gets in without a credential.
        """
        return bool(self.alternatives) and all(self.alternatives)

    @property
    def scheme(self) -> SecurityScheme | None:
        """
        The scheme to use: the first that a request can carry; None where there is none.
        """
        return next((s for each in self.alternatives for s in each if s.place), None)


def read_security(
    operation: JsonDocument, root: JsonDocument, schemes: Mapping[str, Json], operation_name: str
) -> Security:
    """
    The security of the operation, else the document's (OpenAPI 3.1.1, 4.8.10).

    Args:
        schemes: `components.securitySchemes`, or Swagger 2's `securityDefinitions`, references
            followed.
    """
    # An empty list at the operation takes back what the root asks for, so presence counts.
    if "security" in operation:
        stated, where = operation["security"], f"security of {operation_name}"
    elif "security" in root:
        stated, where = root["security"], "security of the whole document"
    else:
        return Security()
    listed = stated if isinstance(stated, list) else []
    alternatives = tuple(
        tuple(_scheme(str(name), schemes.get(str(name))) for name in each)
        for each in listed
        if isinstance(each, Mapping)
    )
    return Security(alternatives, where)


def _scheme(name: str, node: Json) -> SecurityScheme:
    described = node if isinstance(node, Mapping) else {}
    kind = str(described.get("type", "")).lower()
    if kind == "apikey":
        place, parameter = str(described.get("in", "")).lower(), str(described.get("name", ""))
        if place in ("header", "query", "cookie") and parameter:
            return SecurityScheme(name, SecurityKind.API_KEY, place, parameter)
    written = str(described.get("scheme", "")).lower() if kind == "http" else kind
    # Swagger 2 has a type `basic`; the flows of OAuth 2 differ in how a token is got, not sent.
    if written == "basic":
        return SecurityScheme(name, SecurityKind.BASIC, "header", "Authorization")
    if written in ("bearer", "oauth2", "openidconnect"):
        return SecurityScheme(name, SecurityKind.BEARER, "header", "Authorization")
    return SecurityScheme(name, SecurityKind.OTHER)
