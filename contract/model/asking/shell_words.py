"""
What the line that asks again says beside the request itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

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
        query: The same for parameters of the query, by name.
    """

    route: Route = Route()
    token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    query: Mapping[str, str] = field(default_factory=dict, hash=False)

    def with_parameters(
        self, words: Mapping[str, str], secret_at: Collection[tuple[str, str]]
    ) -> ShellWords:
        """
        The same, with what a shell puts in for parameters, by name; of one in a path or a cookie
        the mask is left.

        Args:
            secret_at: Where secrets stand, as in `Request.secret_at`.
        """
        lower = {name.lower(): word for name, word in words.items()}
        headers = {name: word for name, word in lower.items() if ("header", name) in secret_at}
        query = {name: word for name, word in words.items() if ("query", name) in secret_at}
        return replace(self, headers={**headers, **self.headers}, query=query)

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
