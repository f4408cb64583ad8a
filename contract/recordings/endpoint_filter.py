"""
Which of all requests in a recording are the job endpoint's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from jobproof.contract.model.api import Api

__all__ = ["EndpointFilter", "JobAddress"]


@dataclass(frozen=True, slots=True)
class JobAddress:
    """
    What a job's URL says.

    Attributes:
        base: What it has before the operation's path.
        job_id: Before percent-encoding.
    """

    base: str
    job_id: str


class EndpointFilter:
    """
    Tells a job's URL from all others.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        # Not from the start: the base URL may have a path of its own.
        self._path = re.compile(f"{api.pattern_of(api.profile.operation.path)}$")

    def address_of(self, url: str) -> JobAddress | None:
        """
        What `url` says; None where it isn't a job's.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        match = self._path.search(parts.path)
        if match is None or not match["job"]:
            return None
        base = f"{parts.scheme}://{parts.netloc}{parts.path[: match.start()]}"
        return JobAddress(base, unquote(match["job"]))
