"""
Cases that Schemathesis generates from the document, as requests that a run sends.

The id is never left to chance: a free string reaches nothing but 404, and a pinned id
collapses the run to a handful of requests. Half of the cases ask for known jobs, the others for
fresh ids, hostile strings, and ids out of what the document allows.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.openapi import from_dict

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.model.exchange import Credential, Request, Subject
from jobproof.contract.model.hostile_ids import HOSTILE_IDS
from jobproof.contract.model.request import build_request
from jobproof.contract.suite.planning.job_ids import fresh_id
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.running.boundaries import boundary_ids, declared_values

__all__ = ["GeneratedCase", "cases", "limit_cases", "request_of_case", "seeded_id"]

# A path segment that proxies and frameworks resolve themselves leads elsewhere.
_DOT_SEGMENTS = frozenset({"", ".", ".."})
_TELLING = frozenset({"enum", "const", "pattern", "format", "minLength", "maxLength", "$ref"})
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
    ids = _ids(target, _own_ids(target, operation))
    given = {name for name, _ in target.api.values.query}

    @st.composite
    def build(draw: st.DrawFn) -> GeneratedCase:
        mode = draw(st.sampled_from(modes))
        job_id, subject = draw(ids)
        drawn = draw(operation.as_strategy(mode, path_parameters=_path(target, job_id)))
        pairs = [(str(k), str(v)) for k, v in dict(drawn.headers or {}).items()]
        headers = {k: v for k, v in without_headers(pairs, *excluded) if _is_sendable(k, v)}
        # What every request needs has its value already.
        query = {name: v for name, v in dict(drawn.query or {}).items() if name not in given}
        credential = draw(st.sampled_from(askers))
        return GeneratedCase(job_id, subject, credential, headers, query, bool(headers or query))

    return build()


def limit_cases(target: SuiteTarget) -> list[GeneratedCase]:
    """
    What chance meets too seldom: ids at the limits of what the document allows, and each value
    that it lists for an optional parameter, at most as many as half of all cases.
    """
    schemas = {(one.place, one.name): one for one in target.api.operation.parameters}
    at_id = schemas.get(("path", target.api.operation.parameter))
    found = [
        # One that the document allows may well be somebody's.
        _of_id(text, Subject.UNSTATED if allowed else Subject.MALFORMED)
        for text, allowed in boundary_ids(at_id.schema if at_id is not None else None)
        if text not in (*target.jobs, *target.foreign_jobs)
    ]
    own = {name for name, _ in target.api.values.query} | target.api.own_headers
    jobs = cycle(target.jobs)
    for one in schemas.values():
        if one.place not in ("query", "header") or one.name in own or one.name.lower() in own:
            continue
        for value in declared_values(one.schema):
            pair = {one.name: value}
            headers, query = (pair, {}) if one.place == "header" else ({}, pair)
            found.append(
                GeneratedCase(
                    *(next(jobs), Subject.KNOWN, Credential.OWNER),
                    headers=headers,
                    query=query,
                    negative=True,
                )
            )
    room = target.effort.generated // 2
    return [*found[:room], *(_of_id(job, Subject.KNOWN) for job in target.jobs[:3])]


def request_of_case(target: SuiteTarget, case: GeneratedCase) -> Request:
    """
    The request that a case stands for. One that breaks the document besides the id may be
    refused, so it isn't judged as a request for a known or missing job.
    """
    subject = case.subject
    if case.negative and subject in (Subject.KNOWN, Subject.MISSING):
        subject = Subject.UNSTATED
    request = build_request(
        target.api,
        target.base_url,
        case.job_id,
        subject=subject,
        credential=case.credential,
        token=target.token,
        headers=tuple(case.headers.items()),
        query=_pairs(case.query),
    )
    return replace(request, may_choose=bool(case.headers or case.query))


def _of_id(job_id: str, subject: Subject) -> GeneratedCase:
    return GeneratedCase(job_id, subject, Credential.OWNER, {}, {}, negative=False)


def _operation(target: SuiteTarget) -> Any:
    document = dict(target.api.operation.document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        schema = from_dict(document)
    # Constants mined from our own modules would be sent as ids.
    schema.config.generation.update(database=None, allow_x00=False)
    return schema[target.api.operation.path][target.api.operation.method]


def _own_ids(target: SuiteTarget, operation: Any) -> st.SearchStrategy[tuple[str, Subject]] | None:
    """
    Ids out of what the document allows; None where it allows any text.
    """
    name = target.api.operation.parameter
    stated = next((p.schema for p in target.api.operation.parameters if p.name == name), None)
    if not isinstance(stated, dict) or not _TELLING & stated.keys():
        return None
    drawn: st.SearchStrategy[Any] = operation.as_strategy(GenerationMode.POSITIVE)
    # Such an id may be somebody's: what it leads to nobody knows.
    return drawn.map(lambda case: (str(case.path_parameters[name]), Subject.UNSTATED))


def _ids(
    target: SuiteTarget, own: st.SearchStrategy[tuple[str, Subject]] | None
) -> st.SearchStrategy[tuple[str, Subject]]:
    known = st.sampled_from(_shuffled(target)).map(lambda i: (i, Subject.KNOWN))
    fresh = st.integers(0, 2**64).map(lambda n: (seeded_id(target, n), Subject.MISSING))
    hostile = (st.sampled_from(HOSTILE_IDS) | st.text(min_size=1, max_size=60)).filter(
        lambda text: text not in _DOT_SEGMENTS and text.isprintable()
    )
    odd = hostile.map(lambda i: (i, Subject.MALFORMED))
    # Half of the cases must reach a body: one_of would favour the widest branch.
    kinds = (known, known, fresh, odd) if own is None else (known, known, known, fresh, odd, own)
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


def seeded_id(target: SuiteTarget, number: int) -> str:
    """
    A well-formed id that nobody has: of the same seed and number the same.
    """
    return fresh_id(target.api.profile, random.Random(f"{target.seed} {number}"))  # noqa: S311


def _shuffled(target: SuiteTarget) -> list[str]:
    # The simplest case comes first, whatever the seed: of another one it is another job.
    jobs = list(target.jobs)
    random.Random(f"{target.seed} jobs").shuffle(jobs)  # noqa: S311
    return jobs


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
