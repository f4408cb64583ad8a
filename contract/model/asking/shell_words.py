"""
What the line that asks again says beside the request itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jobproof.contract.model.asking.route import Route

__all__ = ["ShellWords"]


@dataclass(frozen=True, slots=True)
class ShellWords:
    """
    Attributes:
        route: Which way the question took.
        token: What a shell puts in for the token between double quotes; "" where a variable
            holds it.
        headers: The same for headers whose values come from elsewhere, by name in small letters.
    """

    route: Route = Route()
    token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    def of_curl(self, url: str, http_version: str) -> Iterator[str]:
        """
        What has curl take the same way.

        Args:
            http_version: That of the answer; "" where none came.
        """
        yield from self.route.curl_words()
        if http_version == "2" and url.startswith("http:"):
            yield "--http2-prior-knowledge"
        elif http_version == "2":
            yield "--http2"
        elif self.route.http_version == "1.1":
            yield "--http1.1"
