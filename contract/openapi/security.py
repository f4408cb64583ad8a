"""
Which credential an operation asks for, by its document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.openapi.source.files import DocumentFiles

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
        is_described: Whether the document says what `name` stands for.
    """

    name: str
    kind: SecurityKind
    place: str = ""
    parameter: str = ""
    is_described: bool = True


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
        The scheme to use; None where there is none that a request can carry.

        That of the first alternative which asks for nothing else, or else the first of all.
        """
        alone = [each[0] for each in self.alternatives if len(each) == 1]
        every = [scheme for each in self.alternatives for scheme in each]
        return next((scheme for scheme in (*alone, *every) if scheme.place), None)


def read_security(files: DocumentFiles, operation: JsonDocument, operation_name: str) -> Security:
    """
    The security of the operation, else the document's (OpenAPI 3.1.1, 4.8.10).

    A scheme that can't be read is one of another kind: a credential is asked for all the same.
    """
    # An empty list at the operation takes back what the root asks for, so presence counts.
    if "security" in operation:
        stated, where = operation["security"], f"security of {operation_name}"
    elif "security" in files.root:
        stated, where = files.root["security"], "security of the whole document"
    else:
        return Security()
    # Some write the one alternative without its list.
    listed = stated if isinstance(stated, list) else [stated] if stated else []
    alternatives = []
    for each in listed:
        names = [each] if isinstance(each, str) else each if isinstance(each, dict) else []
        alternatives.append(tuple(_scheme(str(name), _described(files, name)) for name in names))
    return Security(tuple(alternatives), where)


def _described(files: DocumentFiles, name: str) -> Json:
    # Swagger 2 has a place of its own for them. A fault in a scheme that nobody asks for, or
    # beside it, is none of ours.
    place = "/securityDefinitions" if "swagger" in files.root else "/components/securitySchemes"
    try:
        found = files.lookup(f"#{place}/{quote(escape(name))}", files.base)
        node, _ = files.deref(*found)
    except DocumentError:
        return None
    return node


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
    return SecurityScheme(name, SecurityKind.OTHER, is_described=bool(described))
