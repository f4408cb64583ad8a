"""
By which connections a run asks: what one instance alone does wrong is seen, as well as what goes
wrong between two questions.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tests.contract.builders import asked

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.model.finding import Kind
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.plan import build_plan
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run

API = find_api(default_api())
CHECKS = load_checks()


class _Noting:
    """
    A client that notes what it sends, and by which connections.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.exchanges: list[Exchange] = []

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        exchange = self._client.send(request, deadline_s=deadline_s, fresh=fresh)
        self.exchanges.append(exchange)
        return exchange


@contextmanager
def _one_after_the_other(*faults: str, jobs: int = 1) -> Iterator[tuple[Run, _Noting]]:
    """
    As a run under a rate limit asks, which has one connection open.
    """
    with MockServer(API, faults=faults) as server, Client() as client:
        target = target_from(
            {
                "url": server.url,
                "job": [j.id for j in server.jobs if j.life != "timed"][-jobs:],
                "foreign_job": [job.id for job in server.foreign_jobs][:1],
                "token_env": "T",
                "rate_limit": "100000/s",
                "poll_interval": 0.01,
            },
            environ={"T": server.token},
        )
        noting = _Noting(client)
        run = Run(replace(target, poll_interval_s=0.01), CHECKS, noting)
        run.execute()
        yield run, noting


def _violations(run: Run) -> set[str]:
    return {f.check for f in run.findings if f.kind is Kind.VIOLATION}


def test_a_client_dials_anew_when_asked_to() -> None:
    with MockServer(API) as server, Client() as client:
        request = replace(asked(), url=f"{server.url}/jobs/x")
        reused = [
            client.send(request, deadline_s=5.0, fresh=fresh).reused
            for fresh in (False, False, True, False)
        ]
    assert reused == [False, True, False, True]


def test_new_connections_take_the_place_of_old_ones() -> None:
    # One thread a connection, and few of them: a server like this must not be used up.
    taken: list[socket.socket] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", 0)) as listener, Client() as client:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/jobs/x"

        def serve() -> None:
            for _ in range(3):
                taken.append(listener.accept()[0])
                taken[-1].recv(65536)
                taken[-1].sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        for _ in range(3):
            client.send(replace(asked(), url=url), deadline_s=5.0, fresh=True)
        server.join()
        for connection in taken[:-1]:
            connection.settimeout(5.0)
            assert connection.recv(1) == b""
        for connection in taken:
            connection.close()


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("old_release_by_connection", "body_matches_schema"),
        ("first_answer_knows_no_job", "known_job_is_found"),
        ("token_not_needed_by_connection", "token_is_required"),
        ("error_stays_on_connection", "token_keeps_working"),
    ],
)
def test_one_client_with_one_connection_sees_what_depends_on_it(fault: str, check: str) -> None:
    with _one_after_the_other(fault) as (run, _):
        assert check in _violations(run)


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_client_sees_what_goes_wrong_between_two_questions_at_once(jobs: int) -> None:
    with _one_after_the_other("answers_swapped_at_once", jobs=jobs) as (run, _):
        assert _violations(run) & {"job_id_is_echoed", "known_job_is_found"}


def test_a_right_server_is_kept_by_old_and_new_connections_alike() -> None:
    with _one_after_the_other() as (run, noting):
        assert _violations(run) == set()
        new = [one for one in noting.exchanges if not one.reused]
        plan = build_plan(run.target)
        asked_anew = sum(one.fresh + 2 * (one.beside is not None) for one in plan)
        # The first one is new, whoever asks.
        assert len(new) >= 1 + asked_anew > 4
        assert len(noting.exchanges) > 3 * len(new)
        # No more were sent than were let through.
        assert run.requests == len(noting.exchanges)
