"""
Whether a page comes from something in front of the API: it is the same for a job that exists, for
one that doesn't, and for `/`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from jobproof.contract.formats.addresses.urls import parse_url
from jobproof.contract.formats.json_body import is_json_type
from jobproof.contract.model.exchange import Credential, Exchange, Request, Subject
from jobproof.contract.model.intermediary.page import PageText, page_of
from jobproof.contract.model.observation import Observation, media_type_of
from jobproof.contract.suite.planning.plan import PlannedRequest, request_of
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.running.rate_limiter import BudgetSpent

__all__ = ["SamePage"]

_MOST_PAGES = 3
"""How many different pages are looked into; each costs up to three requests."""


class SamePage:
    """
    Looks at every answer; safe for several threads.

    Args:
        missing: An id that nobody has.
        ask: Sends a request that is part of no job's history.
    """

    def __init__(
        self, target: SuiteTarget, missing: str, ask: Callable[[Request], Exchange]
    ) -> None:
        self._target = target
        self._missing = missing
        self._ask = ask
        self._lock = threading.Lock()
        self._evidence: dict[PageText, str | None] = {}
        # By code and media type, which are all that an answer to HEAD has.
        self._heads: dict[tuple[int, str], str | None] = {}

    def __call__(self, seen: Observation) -> Observation:
        """
        The answer as it came, or known as an intermediary's.
        """
        if seen.response is None:
            return seen
        if seen.has_hostile_id:
            return self._as_found_out(seen)
        head = (seen.code, seen.media_type)
        if seen.intermediary is not None:
            if not is_json_type(seen.media_type):
                self._heads[head] = seen.intermediary
            return seen
        if not self._is_suspicious(seen):
            return seen
        evidence = self._of_head(seen) if seen.method == "HEAD" else self._find_out(seen)
        return seen if evidence is None else seen.from_intermediary(evidence)

    def _as_found_out(self, seen: Observation) -> Observation:
        """
        By what is known already: a firewall may have a page of its own for an attack, which is
        no reason to ask elsewhere.
        """
        if seen.intermediary is not None or not self._evidence or seen.response is None:
            return seen
        page = page_of(seen.response, seen.media_type)
        evidence = None if page is None else self._evidence.get(page)
        return seen if evidence is None else seen.from_intermediary(evidence)

    def _is_suspicious(self, seen: Observation) -> bool:
        """
        Whether it is no JSON although the document, or the code, has the API say JSON.
        """
        # No such thing, no such method, too much, a failure: `/` may well say the same.
        if seen.is_not_found or seen.code in (204, 304, 405, 429) or seen.code >= 500:
            return False
        if seen.job is not None or (seen.body is not None and seen.body.readable):
            return False
        as_documented = seen.content is not None and seen.body is None and seen.method == "GET"
        return not as_documented and not is_json_type(seen.media_type)

    def _of_head(self, seen: Observation) -> str | None:
        head = (seen.code, seen.media_type)
        if head not in self._heads and seen.media_type == "text/html":
            self._heads[head] = None
            try:
                exchange = self._ask(replace(seen.exchange.request, method="GET"))
            except BudgetSpent:
                return None
            page = self._target.api.observe(exchange)
            self._heads[head] = page.intermediary or self._find_out(page)
        return self._heads.get(head)

    def _find_out(self, seen: Observation) -> str | None:
        page = page_of(seen.response, seen.media_type) if seen.response is not None else None
        if page is None:
            return None
        # Who comes meanwhile with the same page waits for what is found out.
        with self._lock:
            if page not in self._evidence:
                if len(self._evidence) >= _MOST_PAGES:
                    return None
                self._evidence[page] = self._ask_elsewhere(seen, page)
            evidence = self._evidence.get(page)
            if evidence is not None:
                self._heads[seen.code, seen.media_type] = evidence
            return evidence

    def _ask_elsewhere(self, seen: Observation, page: PageText) -> str | None:
        if not self._target.jobs:
            return None
        known = self._request(self._target.jobs[0], Subject.KNOWN)
        root = f"{parse_url(self._target.base_url).origin}/"
        elsewhere = [replace(known, url=root, job_id=None, subject=Subject.UNSTATED)]
        got = seen.subject if seen.method == "GET" else None
        if got is not Subject.KNOWN:
            elsewhere.append(known)
        if got is not Subject.MISSING:
            elsewhere.append(self._request(self._missing, Subject.MISSING))
        try:
            if not all(self._shows(request, page) for request in elsewhere):
                return None
        except BudgetSpent:
            return None
        what = f"{page.code}, {page.media_type or 'no Content-Type'}"
        return f"somebody, by one page for a known id, an unknown one and {root} ({what})"

    def _request(self, job_id: str, subject: Subject) -> Request:
        why = "whether the same page answers"
        planned = PlannedRequest("GET", job_id, subject, Credential.OWNER, why)
        return request_of(self._target, planned)

    def _shows(self, request: Request, page: PageText) -> bool:
        response = self._ask(request).response
        return response is not None and page_of(response, media_type_of(response)) == page
