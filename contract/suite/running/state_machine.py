"""
A client in random order: a Hypothesis state machine over polls, tokens and methods.
Whatever the order, every answer must keep the contract.

Each walk begins with three short ones, in any order: two jobs by turns, one job with another token
each time, and by another method each time. What a server keeps from one request to the next shows
there, and chance alone seldom repeats itself so often.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.suite.planning.plan import PlannedRequest
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.running.generated_cases import seeded_id
from jobproof.contract.suite.running.run import Run

__all__ = ["client_machine"]

_CREDENTIALS = (Credential.OWNER, Credential.NONE, Credential.INVALID)
_UNLISTED = ("POST", "PUT", "PATCH", "DELETE")

_Send = Callable[[PlannedRequest], None]


def client_machine(
    run: Run,
    report: Callable[[tuple[Finding, ...]], None],
    *,
    stop: Callable[[], bool] = lambda: False,
) -> type[RuleBasedStateMachine]:
    """
    The machine for one run; `report` gets the findings of every answer and may raise;
    once `stop` is true nothing more is sent.

    Other methods than GET, HEAD and OPTIONS go to fresh random ids only.
    """

    def send(planned: PlannedRequest) -> None:
        if not stop():
            report(run.send(planned)[1])

    client = _owners_client(run.target, send)
    return (
        _outsiders_client(client, run.target.foreign_jobs, send)
        if run.target.foreign_jobs
        else client
    )


def _client_in_turns(
    target: SuiteTarget, jobs: Sequence[str], send: _Send
) -> type[RuleBasedStateMachine]:
    known, askers = st.sampled_from(jobs), _askers(target)

    class ClientInTurns(RuleBasedStateMachine):
        """
        Asks by turns: for two jobs, with each token, by each safe method.
        """

        @initialize(first=known, second=known)
        def poll_in_turns(self, first: str, second: str) -> None:
            others = [one for one in jobs if one != first]
            pair = (first, second if second != first else (others or jobs)[0])
            for job_id in pair * 2:
                send(
                    PlannedRequest("GET", job_id, Subject.KNOWN, Credential.OWNER, "jobs by turns")
                )

        @initialize(job_id=known)
        def change_tokens_in_turns(self, job_id: str) -> None:
            for credential in (*askers[1:], Credential.OWNER):
                send(PlannedRequest("GET", job_id, Subject.KNOWN, credential, "tokens by turns"))

        @initialize(job_id=known)
        def change_methods_in_turns(self, job_id: str) -> None:
            for method in ("HEAD", "GET", "OPTIONS", "GET"):
                send(
                    PlannedRequest(
                        method, job_id, Subject.KNOWN, Credential.OWNER, "methods by turns"
                    )
                )

    return ClientInTurns


def _askers(target: SuiteTarget) -> tuple[Credential, ...]:
    # Where nobody is to be refused, outsiders' answers say nothing of the contract.
    return _CREDENTIALS if target.api.access.is_required else (Credential.OWNER,)


def _owners_client(target: SuiteTarget, send: _Send) -> type[RuleBasedStateMachine]:
    jobs = list(target.jobs)
    # The simplest walk comes first, whatever the seed: of another one it is of other jobs.
    random.Random(f"{target.seed} walks").shuffle(jobs)  # noqa: S311
    known, askers = st.sampled_from(jobs), _askers(target)

    class OwnersClient(_client_in_turns(target, jobs, send)):  # type: ignore[misc]
        """
        Polls, polls again, changes its token and its method.
        """

        @rule(job_id=known, conditional=st.booleans())
        def poll(self, job_id: str, conditional: bool) -> None:
            send(
                PlannedRequest(
                    "GET", job_id, Subject.KNOWN, Credential.OWNER, "poll", conditional=conditional
                )
            )

        @rule(job_id=known, credential=st.sampled_from(askers))
        def change_token(self, job_id: str, credential: Credential) -> None:
            send(PlannedRequest("GET", job_id, Subject.KNOWN, credential, "another token"))

        @rule(job_id=known, method=st.sampled_from(("HEAD", "OPTIONS")))
        def send_safe_method(self, job_id: str, method: str) -> None:
            send(PlannedRequest(method, job_id, Subject.KNOWN, Credential.OWNER, "a safe method"))

        @rule(seed=st.integers(0, 2**32), credential=st.sampled_from(askers))
        def ask_for_missing_job(self, seed: int, credential: Credential) -> None:
            job_id = seeded_id(target, seed)
            send(
                PlannedRequest("GET", job_id, Subject.MISSING, credential, "an id that nobody has")
            )

        @rule(seed=st.integers(0, 2**32), method=st.sampled_from(_UNLISTED))
        def send_unlisted_method(self, seed: int, method: str) -> None:
            job_id = seeded_id(target, seed)
            send(
                PlannedRequest(
                    method, job_id, Subject.MISSING, Credential.OWNER, "an unlisted method"
                )
            )

    return OwnersClient


def _outsiders_client(
    client: type[RuleBasedStateMachine], jobs: Sequence[str], send: _Send
) -> type[RuleBasedStateMachine]:
    # Made only where there are such jobs: Hypothesis can't draw from an empty sequence.
    class OutsidersClient(client):  # type: ignore[misc, valid-type]
        """
        Also asks for jobs that belong to others.
        """

        @rule(job_id=st.sampled_from(jobs))
        def ask_for_foreign_job(self, job_id: str) -> None:
            send(
                PlannedRequest(
                    "GET", job_id, Subject.FOREIGN, Credential.OWNER, "somebody else's job"
                )
            )

    return OutsidersClient
