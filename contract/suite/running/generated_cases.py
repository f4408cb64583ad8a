"""
Cases that Schemathesis generates from the document, sent by a session of `requests` over our own
client.

The id is never left to chance: a free string reaches nothing but 404, and a pinned id
collapses the run to a handful of requests. Half of the cases ask for known jobs, a
quarter for fresh ids, a quarter for hostile strings.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.openapi import from_dict

from jobproof.contract.client.requests_adapter import (
    Carrier,
    ClientAdapter,
    ExchangeFailed,
    new_session,
)
from jobproof.contract.formats.headers import without_headers
from jobproof.contract.model.exchange import Credential, Exchange, Request, Subject
from jobproof.contract.model.hostile_ids import HOSTILE_IDS
from jobproof.contract.model.request import build_request
from jobproof.contract.suite.planning.job_ids import fresh_id
from jobproof.contract.suite.planning.target import SuiteTarget

__all__ = ["CaseSender", "GeneratedCase", "cases"]

# A path segment that proxies and frameworks resolve themselves leads elsewhere.
_DOT_SEGMENTS = frozenset({"", ".", ".."})
# Headers that frame the request, or change what is asked.
_EXCLUDED_HEADERS = (
    *("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"),
    *("range", "if-none-match", "if-modified-since", "accept-encoding"),
)


@dataclass(frozen=True, slots=True)
class GeneratedCase:
    """
    One generated request.

    Attributes:
        negative: Whether something besides the id breaks the document.
    """

    job_id: str
    subject: Subject
    credential: Credential
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    negative: bool


def cases(target: SuiteTarget) -> st.SearchStrategy[GeneratedCase]:
    """
    Positive and negative cases of the operation, mixed, with ids worth asking for.
    """
    operation = _operation(target)
    excluded = (*_EXCLUDED_HEADERS, *target.api.own_headers)
    askers = [Credential.OWNER] * 4 + [Credential.NONE] * target.api.access.is_required
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @st.composite
    def build(draw: st.DrawFn) -> GeneratedCase:
        mode = draw(st.sampled_from(modes))
        job_id, subject = draw(_ids(target))
        drawn = draw(operation.as_strategy(mode, path_parameters=_path(target, job_id)))
        pairs = [(str(k), str(v)) for k, v in dict(drawn.headers or {}).items()]
        headers = {k: v for k, v in without_headers(pairs, *excluded) if _is_sendable(k, v)}
        query = dict(drawn.query or {})
        credential = draw(st.sampled_from(askers))
        return GeneratedCase(job_id, subject, credential, headers, query, bool(headers or query))

    return build()


class CaseSender:
    """
    Carries generated cases by `carrier`, as all requests of a run are: no redirects, no `.netrc`,
    no proxy from the environment, and no more than the cap of bytes.
    """

    def __init__(self, target: SuiteTarget, carrier: Carrier) -> None:
        self._target = target
        self._adapter = ClientAdapter(carrier)
        self._session = new_session(self._adapter)

    def send(self, case: GeneratedCase) -> Exchange:
        """
        Send once; no retry. A case that breaks the document besides the id may be refused, so
        it isn't judged as a request for a known or missing job.
        """
        request = self._request(case)
        prepared = requests.Request("GET", request.url, headers=dict(request.headers)).prepare()
        prepared.url = request.url  # as encoded by us, dot segments and all
        try:
            self._session.send(prepared, timeout=self._target.timeout_s, allow_redirects=False)
        except ExchangeFailed as failed:
            return replace(failed.exchange, request=request)
        assert self._adapter.latest is not None  # what the answer was made from
        return replace(self._adapter.latest, request=request)

    def _request(self, case: GeneratedCase) -> Request:
        # A 400 is right for a broken header or query, and would be a finding for a known job.
        subject = case.subject
        if case.negative and subject in (Subject.KNOWN, Subject.MISSING):
            subject = Subject.UNSTATED
        return build_request(
            self._target.api,
            self._target.base_url,
            case.job_id,
            subject=subject,
            credential=case.credential,
            token=self._target.token,
            headers=tuple(case.headers.items()),
            query=_pairs(case.query),
        )


def _operation(target: SuiteTarget) -> Any:
    document = dict(target.api.operation.document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        schema = from_dict(document)
    # Constants mined from our own modules would be sent as ids.
    schema.config.generation.update(database=None, allow_x00=False)
    return schema[target.api.operation.path][target.api.operation.method]


def _ids(target: SuiteTarget) -> st.SearchStrategy[tuple[str, Subject]]:
    known = st.sampled_from(target.jobs).map(lambda i: (i, Subject.KNOWN))
    fresh = st.integers(0, 2**64).map(
        lambda n: (fresh_id(target.api.profile, random.Random(n)), Subject.MISSING)  # noqa: S311
    )
    hostile = (st.sampled_from(HOSTILE_IDS) | st.text(min_size=1, max_size=60)).filter(
        lambda text: text not in _DOT_SEGMENTS and text.isprintable()
    )
    odd = hostile.map(lambda i: (i, Subject.MALFORMED))
    # Half of the cases must reach a body: one_of would favour the widest branch.
    return st.sampled_from((known, known, fresh, odd)).flatmap(lambda kind: kind)


def _pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """
    Parameters one by one: a list is its name again and again, None is left out.
    """
    for name, value in query.items():
        items = value if isinstance(value, list | tuple) else [value]
        yield from ((name, str(item)) for item in items if item is not None)


def _path(target: SuiteTarget, job_id: str) -> dict[str, str]:
    return {target.api.operation.parameter: job_id}


def _is_sendable(name: str, value: str) -> bool:
    # What `requests` refuses to send would come out as a failure of the endpoint.
    if not (name.isascii() and name.replace("-", "").isalnum() and value.isprintable()):
        return False
    return value.isascii() and value == value.strip()
