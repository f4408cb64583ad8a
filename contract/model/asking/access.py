"""
Whether an operation asks for a token, who says so, and how the token travels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jobproof.contract.formats.secrets.token_place import TokenPlace
from jobproof.contract.model.finding import Basis
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.document import Operation
from jobproof.contract.openapi.security import SecurityKind, SecurityScheme
from jobproof.contract.openapi.wording import shown

__all__ = ["Access", "read_access"]


@dataclass(frozen=True, slots=True)
class Access:
    """
    Attributes:
        token_at: How a token is sent, where there is one.
        invalid: A token of the right form that can't be right.
        is_required: Whether nobody gets in without a token; only then is there anything to
            refuse, and a promise to hold the endpoint to.
        basis: Of that promise.
        source: Where it stands written.
        why_open: Why no request is to be refused, in words; "" where one is.
        others: Schemes that the document asks for beside the token; their values come by
            parameters.
        unsendable: Why no request can carry what is asked for, and what to do; "" where it can.
    """

    token_at: TokenPlace
    invalid: str
    is_required: bool
    basis: Basis
    source: str
    why_open: str
    others: tuple[SecurityScheme, ...]
    unsendable: str

    def by_user_and_password(self) -> Access:
        """
        The same for whoever sends user and password (RFC 7617), whatever the document speaks of.
        """
        if self.token_at.is_pair:
            return self
        place = TokenPlace("header", "Authorization", "Basic ", is_pair=True)
        return replace(self, token_at=place, invalid=f"jobproof:{self.invalid}", unsendable="")

    @property
    def secret_at(self) -> frozenset[tuple[str, str]]:
        """
        Where the secrets beside the token stand, as `Request.secret_at` has it.
        """
        return frozenset(TokenPlace(s.place, s.parameter).key for s in self.others)


def read_access(profile: Profile, operation: Operation) -> Access:
    """
    What document and profile together say: where the profile states something, it decides.
    """
    auth, security = profile.auth, operation.security
    is_stated = bool({"header", "prefix"} & auth.model_fields_set)
    usable = [each for each in security.alternatives if each and _is_sendable(each)]
    if is_stated:
        usable = list(_by_header(usable, auth.header if "header" in auth.model_fields_set else ""))
    # Of equally many schemes the document's first: nobody is asked for more than is needed.
    chosen = min(usable, key=len, default=())
    token_at = _place(profile, chosen[0] if chosen else None)
    invalid = auth.invalid
    if token_at.is_pair and ":" not in invalid:
        invalid = f"jobproof:{invalid}"
    is_sendable = any(scheme.place for each in security.alternatives for scheme in each)
    is_required = security.is_required and is_sendable
    basis, source = Basis.DOCUMENTED, f"{profile.document}: {security.stated_at}"
    if not is_required:
        source = ""
    if auth.required is not None:
        is_required, basis, source = True, auth.required.basis, auth.required.source
    unsendable = ""
    if security.is_required and not chosen and not is_stated:
        unsendable = _unsendable(operation)
    return Access(
        token_at,
        invalid,
        is_required,
        basis,
        source,
        "" if is_required else _why_open(operation),
        chosen[1:],
        unsendable,
    )


def _by_header(
    alternatives: Iterable[tuple[SecurityScheme, ...]], header: str
) -> Iterator[tuple[SecurityScheme, ...]]:
    """
    Those that hold a scheme sent in `header`, or in any where it is "": that scheme first.
    """
    for each in alternatives:
        for scheme in each:
            if scheme.place == "header" and header.lower() in ("", scheme.parameter.lower()):
                yield (scheme, *(other for other in each if other is not scheme))


def _is_sendable(schemes: tuple[SecurityScheme, ...]) -> bool:
    places = {(s.place, s.parameter.lower()) for s in schemes if s.place}
    return len(places) == len(schemes)  # one header can't carry two credentials


def _place(profile: Profile, scheme: SecurityScheme | None) -> TokenPlace:
    auth = profile.auth
    if scheme is None:
        return TokenPlace("header", auth.header, auth.prefix)
    if scheme.kind is SecurityKind.API_KEY:
        place = TokenPlace(scheme.place, scheme.parameter, "")
    elif scheme.kind is SecurityKind.BASIC:
        place = TokenPlace("header", scheme.parameter, "Basic ", is_pair=True)
    else:
        place = TokenPlace("header", scheme.parameter)
    # Whoever writes the prefix says that the token follows it as it is.
    stated = "prefix" in auth.model_fields_set
    return TokenPlace("header", scheme.parameter, auth.prefix) if stated else place


def _unsendable(operation: Operation) -> str:
    alternatives = operation.security.alternatives
    schemes = dict.fromkeys(s for each in alternatives for s in each)
    unknown = [shown(s.name) for s in schemes if not s.is_described]
    if unknown:
        return (
            f"{operation.security.stated_at} names {', '.join(unknown)}, which the document "
            "describes nowhere among its security schemes; describe it there, or say how the token "
            "travels in the profile: auth: {header: Authorization, prefix: 'Bearer '}"
        )
    asked = " or ".join(dict.fromkeys(" with ".join(s.name for s in each) for each in alternatives))
    return (
        f"{operation.method} {operation.path} asks for {asked} ({operation.security.stated_at}), "
        "which a request can't carry; where a token does, too, say how it travels in the "
        "profile: auth: {header: Authorization, prefix: 'Bearer '}"
    )


def _why_open(operation: Operation) -> str:
    security = operation.security
    if not security.stated_at:
        return "the document asks for no token: it says nothing of security"
    if security.is_required:
        names = sorted({scheme.name for each in security.alternatives for scheme in each})
        return f"the document asks for {', '.join(names)}, which no request can carry"
    return f"the document asks for no token ({security.stated_at})"
