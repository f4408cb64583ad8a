"""
What a job that has ended must show, and must not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from jobproof.contract.formats.addresses.ip_addresses import (
    address_kind,
    ends_in_number,
    parse_address,
)
from jobproof.contract.formats.addresses.signed_links import expiry_of
from jobproof.contract.formats.addresses.urls import UrlError, read_host
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import Words, first_few, told
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.finding import (
    Basis,
    Drift,
    Remark,
    Severity,
    brief,
    drift,
    inconclusive,
    violation,
)
from jobproof.contract.model.trace import MOST_LINKS, Trace

__all__ = [
    "failure_has_reason",
    "links_are_filled_in",
    "links_outlive_the_job",
    "links_point_to_public_hosts",
    "links_use_safe_schemes",
    "result_comes_with_the_end",
    "success_has_no_failure_reason",
    "success_has_result",
]

_FOR_NOTHING = ("undefined", "null", "None", "[object Object]")
_NOTHING = re.compile("|".join(map(re.escape, _FOR_NOTHING)))
# Letters alone behind the last dot: no address, and as any reader has it.
_PLAIN_NAME = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,8}\.[a-z]{2,63}")
_PRIVATE_SUFFIXES = (".localhost", ".internal", ".local", ".localdomain", ".lan", ".intranet")


def _needs_result(trace: Trace) -> bool:
    job, promise = trace.latest.job, trace.api.profile.result
    return job is not None and promise is not None and job.status in promise.required_in


def _takes_no_reason(trace: Trace) -> bool:
    job, promise = trace.latest.job, trace.api.profile.failure
    if job is None or promise is None or not trace.api.lifecycle.knows(job.status):
        return False
    return job.status not in promise.allowed_in


def _needs_reason(trace: Trace) -> bool:
    job, promise = trace.latest.job, trace.api.profile.failure
    return job is not None and promise is not None and job.status in promise.required_in


def _is_early(trace: Trace) -> bool:
    job, promise = trace.latest.job, trace.api.profile.result
    if job is None or promise is None:
        return False
    phase = trace.api.lifecycle.phase(job.status)
    return phase is not None and not phase.terminal and job.status not in promise.early_in


def _has_link(trace: Trace) -> bool:
    return any(True for _ in _links(trace))


def _has_expiring_link(trace: Trace) -> bool:
    return any(expiry_of(parts.query) is not None for _, _, parts in _links(trace))


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: result",
    severity=Severity.CRITICAL,
    about=Facet.JOB,
    premise=Premise("no job was seen that has to have a result", _needs_result),
)
def success_has_result(trace: Trace) -> Iterator[Remark]:
    """
    A job that succeeded has something to show for it.
    """
    job, promise = trace.latest.job, trace.api.profile.result
    if job is None or promise is None or job.results:
        return
    if job.status in promise.required_in:
        yield violation(
            promise.proof[0],
            f"the status is {job.status!r} and there is no result",
            expected=Words(" or ".join(promise.proof)),
            found=brief(pick(job.body, promise.at[0])),
            basis=promise.basis,
            source=promise.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: failure",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise(
        "no job was seen in which a reason of failure would be wrong", _takes_no_reason
    ),
)
def success_has_no_failure_reason(trace: Trace) -> Iterator[Remark]:
    """
    A reason of failure stands only in a job that didn't succeed.
    """
    job, promise = trace.latest.job, trace.api.profile.failure
    if job is None or promise is None or job.reason is None:
        return
    if trace.api.lifecycle.knows(job.status) and job.status not in promise.allowed_in:
        yield violation(
            job.reason[0],
            f"set although the status is {job.status!r}",
            expected=Words("absent"),
            found=brief(job.reason[1]),
            basis=promise.allowed.basis,
            source=promise.allowed.source,
        )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: failure",
    about=Facet.JOB,
    premise=Premise("no job was seen that has to say why it failed", _needs_reason),
)
def failure_has_reason(trace: Trace) -> Iterator[Remark]:
    """
    A job that failed says why.
    """
    job, promise = trace.latest.job, trace.api.profile.failure
    if job is None or promise is None or job.status not in promise.required_in:
        return
    if job.reason is None:
        yield violation(
            promise.at[0],
            f"the status is {job.status!r} and no reason is given",
            expected=Words(" or ".join(promise.at)),
            found=Words("nothing"),
            basis=promise.basis,
            source=promise.source,
        )
    elif _says_nothing(job.reason[1]):
        yield violation(
            job.reason[0],
            f"the status is {job.status!r} and the reason says nothing",
            expected=Words("a reason"),
            found=brief(job.reason[1]),
            basis=Basis.INFERRED,
        )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: result.early_in",
    severity=Severity.LOW,
    about=Facet.JOB,
    premise=Premise("no job was seen that can't have a result yet", _is_early),
)
def result_comes_with_the_end(trace: Trace) -> Iterator[Remark]:
    """
    A result that stands before the work began is noticed.
    """
    job, promise = trace.latest.job, trace.api.profile.result
    if job is None or promise is None or not job.results:
        return
    phase = trace.api.lifecycle.phase(job.status)
    # Some APIs show previews early, and the profile says in which statuses.
    if phase is not None and not phase.terminal and job.status not in promise.early_in:
        at = next(iter(job.results))
        yield drift(
            at, f"a result while the status is {job.status!r}", of=Drift.EARLY_RESULT, found=at
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: result.schemes",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job had a link", _has_link),
)
def links_use_safe_schemes(trace: Trace) -> Iterator[Remark]:
    """
    A link to a result can be opened without harm.
    """
    promise = trace.api.profile.result
    for at, text, parts in _links(trace):
        if promise is None or not parts.scheme:
            continue  # a relative link is the schema's affair
        scheme, is_ours = parts.scheme.lower(), "schemes" not in promise.model_fields_set
        if scheme not in promise.schemes:
            right = first_few(promise.schemes)
            yield violation(
                at,
                f"the link's scheme is {told(parts.scheme)}, and {right} is right",
                expected=list(promise.schemes),
                found=parts.scheme,
                # That a link is one to fetch is promised with the result; that the fetching is
                # encrypted, only where the profile says so.
                basis=Basis.INFERRED if is_ours and scheme == "http" else promise.basis,
                source=promise.source,
            )
        elif "@" in parts.netloc:
            # The link holds a password, so a report gets no more than its length.
            yield violation(
                at,
                "the link carries a user name or password",
                found=Words(f"a link of {len(text)} characters"),
                basis=promise.basis,
                source=promise.source,
            )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: result; it is for the client, so it is where the client can reach it",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job had a link", _has_link),
)
def links_point_to_public_hosts(trace: Trace) -> Iterator[Remark]:
    """
    A link to a result leads to a public host, never into somebody's network.
    """
    promise = trace.api.profile.result
    if trace.has_more_links:
        yield inconclusive("/", f"of the links to results only the first {MOST_LINKS:,} are read")
    for at, _, parts in _links(trace):
        try:
            host = parts.hostname
        except ValueError:
            continue
        if promise is not None and host and _is_private(host) and not _is_own(trace, parts):
            yield violation(
                at,
                expected=Words("a public host"),
                found=host,
                # Whoever writes down where the result is promises that it can be had there.
                basis=promise.basis,
                source=promise.source,
            )


@check(
    basis=Basis.INFERRED,
    source="undefined, null and None are what serializers write for nothing",
    about=Facet.JOB,
    premise=Premise("no job had a link", _has_link),
)
def links_are_filled_in(trace: Trace) -> Iterator[Remark]:
    """
    A link to a result names a file, and not the word that a program has for nothing.
    """
    for at, text, parts in _links(trace):
        if _NOTHING.search(parts.path) is None:
            continue
        names = [part.partition(".")[0] for part in parts.path.split("/")]
        blank = next((name for name in names if name in _FOR_NOTHING), None)
        if blank is not None:
            yield violation(
                at,
                f"the link's path has {told(blank)} in it",
                expected=Words("a file's name"),
                found=Words(f"a link of {len(text)} characters"),
            )


@check(
    basis=Basis.INFERRED,
    source="the result is for the client, so it can be had once the job has ended",
    about=Facet.JOB,
    premise=Premise("no job had a link that says when it expires", _has_expiring_link),
)
def links_outlive_the_job(trace: Trace) -> Iterator[Remark]:
    """
    A signed link to a result hadn't expired before the job came to its end.
    """
    job, profile = trace.latest.job, trace.api.profile
    if job is None or profile.result is None or profile.times is None:
        return
    # By now it may well have expired: many vendors sign once, and say for how long.
    for at, _, parts in _links(trace):
        expiry = expiry_of(parts.query) if parts.query else None
        since = _ended_at(trace) if expiry is not None else None
        if expiry is None or since is None or expiry >= since - profile.times.skew:
            continue
        yield violation(
            at,
            f"the link had expired {since - expiry:.0f} s before the job ended",
            expected=Words("a link that can be followed"),
            found=Words("an expired signature"),
        )


def _ended_at(trace: Trace) -> float | None:
    """
    When the job ended; where it doesn't say, when it was created.
    """
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None:
        return None
    ends = [
        job.later[stamp.at] for stamp in times.later if stamp.ends_life and stamp.at in job.later
    ]
    return min(ends, default=job.created_at)


def _says_nothing(value: Json) -> bool:
    """
    Whether there are texts and every one is blank, or a word for nothing.
    """
    if isinstance(value, str):
        return not value.strip() or value.strip() in _FOR_NOTHING
    if isinstance(value, list | dict):
        items = value.values() if isinstance(value, dict) else value
        return all(item is None or _says_nothing(item) for item in items)
    return False


def _links(trace: Trace) -> Iterator[tuple[str, str, SplitResult]]:
    for at, text in trace.links:
        try:
            yield at, text, urlsplit(text)
        except ValueError:
            continue  # an unreadable URL is the schema's affair


def _is_own(trace: Trace, link: SplitResult) -> bool:
    """
    Whether the link leads to where the API itself was just reached, so the client can get there.
    """
    asked = urlsplit(trace.latest.exchange.request.url)
    return link.scheme.lower() == asked.scheme and link.netloc.lower() == asked.netloc


def _is_private(host: str) -> bool:
    if _PLAIN_NAME.fullmatch(host) is not None:
        return host.endswith(_PRIVATE_SUFFIXES)
    try:
        host = read_host(f"[{host}]" if ":" in host else host).rstrip(".")
    except UrlError:
        # No standard takes this host, yet a lenient client may still read a number as an address.
        return "." not in host or ends_in_number(host)
    address = parse_address(host.strip("[]"))
    if address is None:
        # A name without a dot is found only inside somebody's network.
        return "." not in host or host.endswith(_PRIVATE_SUFFIXES)
    return address_kind(address) is not None
