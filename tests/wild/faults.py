"""
What can go wrong with a job on its way through a proxy, and which promise that breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from tests.wild.conformance import Conclusion, ask, held_to_its_contract
from tests.wild.conftest import WildServer
from tests.wild.proxy import Edit, ProxiedAnswer, proxy

__all__ = ["FAULTS", "Keys", "ProxyFault"]

Job: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """
    How the keys of a job are called here.
    """

    id: str
    status: str
    created: str
    required: str
    unfinished: str


@dataclass(frozen=True)
class ProxyFault:
    """
    Attributes:
        make: The edit that brings it about; it is handed a job that is known.
        broken: The checks that turn red.
        also: Further ones that may, for the fault breaks their promises too.
    """

    make: Callable[[Keys, Job], Edit]
    broken: frozenset[str]
    also: frozenset[str] = frozenset()


def _in_the_job(change: Callable[[Job, Keys], None]) -> Callable[[Keys, Job], Edit]:
    def make(keys: Keys, known: Job) -> Edit:
        def edit(answer: ProxiedAnswer) -> ProxiedAnswer:
            job = answer.job
            if job is None:
                return answer
            change(job, keys)
            return answer.with_job(job)

        return edit

    return make


def _another_id(job: Job, keys: Keys) -> None:
    job[keys.id] = str(UUID(int=UUID(job[keys.id]).int ^ 1))


def _unknown_word(job: Job, keys: Keys) -> None:
    job[keys.status] = "wandering"


def _required_key_lost(job: Job, keys: Keys) -> None:
    del job[keys.required]


def _no_time(job: Job, keys: Keys) -> None:
    job[keys.created] = "yesterday"


def _every_id_known(keys: Keys, known: Job) -> Edit:
    return lambda answer: (
        replace(answer, code=200).with_job(known) if answer.code == 404 else answer
    )


def _end_undone(keys: Keys, known: Job) -> Edit:
    polls = count()

    def edit(answer: ProxiedAnswer) -> ProxiedAnswer:
        job = answer.job
        if job is None or next(polls) % 3 != 2:
            return answer
        job[keys.status] = keys.unfinished
        return answer.with_job(job)

    return edit


def _cut_off(keys: Keys, known: Job) -> Edit:
    return lambda answer: answer if answer.job is None else replace(answer, body=answer.body[:-1])


FAULTS = {
    "another id": ProxyFault(_in_the_job(_another_id), frozenset({"job_id_is_echoed"})),
    "unknown word": ProxyFault(
        _in_the_job(_unknown_word),
        frozenset({"status_is_documented"}),
        also=frozenset({"body_matches_schema"}),
    ),
    "required key lost": ProxyFault(
        _in_the_job(_required_key_lost), frozenset({"body_matches_schema"})
    ),
    "no time": ProxyFault(_in_the_job(_no_time), frozenset({"body_matches_schema"})),
    "every id known": ProxyFault(
        _every_id_known,
        frozenset({"job_id_is_echoed", "malformed_id_is_refused"}),
        # A quick run alters no id, and of an unknown one the promise is only where the 404 is
        # documented: Prefect's isn't.
        # And what another route answers keeps the type that it had there.
        also=frozenset(
            {"altered_id_finds_nothing", "unknown_id_is_not_found", "media_type_is_documented"}
        ),
    ),
    "end undone": ProxyFault(
        _end_undone,
        frozenset({"terminal_status_is_final"}),
        also=frozenset({"end_time_only_after_end"}),
    ),
    "cut off": ProxyFault(_cut_off, frozenset({"body_is_json"})),
}


def held_with_fault(
    name: str, keys: Keys, server: WildServer, path: str, job: str, folder: Path
) -> Conclusion:
    """
    What a run says of one job of `server` through a proxy with that fault.

    Args:
        path: The operation's, with `{}` where the id goes.
    """
    known = ask(server.url + path.replace("{}", job)).body
    with proxy(server.url, FAULTS[name].make(keys, known)) as url:
        return held_to_its_contract(server.api, url, [job], folder, "--effort", "quick")
