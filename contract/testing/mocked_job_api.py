"""
A mocked job API on a socket of this machine, for tests of a client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.headers import without_headers
from jobproof.contract.mock import Caller, LoggedRequest, MockAnswer, MockServer
from jobproof.contract.mock.answer import AnswerKind
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext
from jobproof.contract.mock.jobs.right_bodies import right_bodies
from jobproof.contract.mock.jobs.script import (
    LifeStage,
    Script,
    StageTrigger,
    read_script,
    read_trigger,
)
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Request
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.testing.life import Life

__all__ = ["MockedJobApi", "TimedStatuses"]

TimedStatuses = Sequence[tuple[str, float | str]]
"""
Statuses, each with its beginning: seconds since the mock's start, or `2 polls` of the one before.
"""

_FRAMING = ("Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Date")
_OWN = "own"
"""What a life is called in the script that no file has."""


class MockedJobApi(AbstractContextManager["MockedJobApi"]):
    """
    Serves from its construction to `stop`, or the end of the `with` block.

    Args:
        api: An installed API, or a folder; None for the default one.
        fault: The name of a fault, or several (`jobproof faults` lists them).
        variant: The name of a correct but unusual behaviour, or several, such as one that
            throttles with `Retry-After`.
        life: How the jobs live: the name of a life of the API's `mock.yaml`, or several; statuses
            with times; or a life that was drawn or followed, of which each poll gets the next
            answer. None for the jobs of `mock.yaml`.
        latency_s: Seconds by which each answer is late.

    Raises:
        ConfigError: A fault, a variant, a life or a status that there isn't, with the nearest.
    """

    def __init__(
        self,
        *,
        api: str | None = None,
        fault: str | Iterable[str] = (),
        variant: str | Iterable[str] = (),
        life: str | Iterable[str] | TimedStatuses | Life | None = None,
        latency_s: float = 0.0,
    ) -> None:
        replayed = life if isinstance(life, Life) else None
        played = find_api(api or default_api()) if replayed is None else replayed.api
        script = read_script(played)
        others = len(script.jobs.owner)
        behaviours: list[str | Behaviour] = [*_names(variant)]
        behaviours += [] if replayed is None else [_replayed(replayed)]
        behaviours += [_late(latency_s)] if latency_s else []
        if life is not None:
            script = _script(played, script, life)
        self._server = MockServer(
            played.with_any_values(),
            faults=_names(fault),
            variants=behaviours,
            script=script,
            ids=() if replayed is None else (replayed.job_id,),
        )
        # Those of `mock.yaml` are there besides: a fault may show one in another's place.
        self._asked_for = len(script.jobs.owner) - (0 if life is None else others)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"MockedJobApi({self.url!r}, api={self._server.api.name!r})"

    @property
    def url(self) -> str:
        """
        The base URL, with the path prefix that the vendor's has.
        """
        return self._server.url

    @property
    def token(self) -> str:
        """
        The token that sees `job_ids`.
        """
        return self._server.token

    @property
    def job_ids(self) -> tuple[str, ...]:
        """
        The jobs of the token that live as was asked for.
        """
        return tuple(job.id for job in self._server.jobs)[: self._asked_for]

    @property
    def foreign_job_ids(self) -> tuple[str, ...]:
        """
        Jobs of somebody else, which the token must not see.
        """
        return tuple(job.id for job in self._server.foreign_jobs)

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """
        What the client has sent so far, oldest first: method, target, job, whose token, the code
        of the answer, and the faults that were in it.
        """
        return tuple(self._server.log)

    def polls(self, job_id: str) -> tuple[LoggedRequest, ...]:
        """
        Those of the requests that asked for that job with its owner's token.
        """
        return tuple(
            one
            for one in self.requests
            if one.job_id == job_id and one.method == "GET" and one.credential is Caller.OWNER
        )

    def stop(self) -> None:
        """
        Close every socket; a second call does nothing.
        """
        self._server.stop()


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _script(api: Api, script: Script, life: str | Iterable[str] | TimedStatuses | Life) -> Script:
    """
    The script of a mock whose owner has jobs that live so before all others.
    """
    if isinstance(life, Life):
        return _peopled(script, script.jobs.owner[:1])  # each of its answers is replaced
    stages = [] if isinstance(life, str) else [one for one in life if not isinstance(one, str)]
    if not stages:
        return _peopled(script, _names(life))  # type: ignore[arg-type]
    own = script.lives[script.jobs.owner[0]].model_copy(
        update={"created_ago": 0.0, "stages": tuple(_stages(api, script, stages))}
    )
    lives = {**script.lives, _OWN: own}
    return _peopled(script.model_copy(update={"lives": lives}), (_OWN,))


def _peopled(script: Script, names: Sequence[str]) -> Script:
    for name in names:
        if name not in script.lives:
            raise ConfigError(f"unknown life {name!r}. {did_you_mean(name, script.lives)}")
    jobs = script.jobs.model_copy(update={"owner": (*names, *script.jobs.owner)})
    return script.model_copy(update={"jobs": jobs})


def _stages(api: Api, script: Script, given: TimedStatuses) -> Iterator[LifeStage]:
    words, bodies, before_s = api.profile.status.words, right_bodies(script), 0.0
    for number, (status, begins) in enumerate(given):
        if status not in words:
            raise ConfigError(f"unknown status {status!r}. {did_you_mean(status, words)}")
        if isinstance(begins, str):
            after = read_trigger(begins)
        else:
            if begins < before_s or (number == 0 and begins):
                raise ConfigError(
                    f"status {status!r} at {begins:g} s: the first begins at 0, and each other "
                    "one no sooner than the one before it"
                )
            after, before_s = StageTrigger(seconds=begins - before_s), begins
        # Not read anew: its times aren't in the words of a file.
        yield LifeStage.model_construct(
            status=status, after=after if number else None, body=bodies[status][0]
        )


def _replayed(life: Life) -> Behaviour:
    """
    Each poll gets the next answer of the life; the last one stays.
    """
    answers = [
        MockAnswer(one.code, without_headers(one.headers, *_FRAMING), one.body or b"")
        for one in (poll.response for poll in life.polls if _is_plain(poll.request))
        if one is not None
    ]
    if not answers:
        raise ConfigError("this life can't be played: it has no answer")

    def replay(answer: MockAnswer, context: RequestContext) -> MockAnswer:
        if context.answer_kind is not AnswerKind.JOB or context.request.method != "GET":
            return answer
        return answers[min(context.occurrence(), len(answers)) - 1]

    return Behaviour("replayed", "the answers of another life", Hook.ANSWER, replay)


def _is_plain(request: Request) -> bool:
    """
    Whether it was no question for a head alone, or for news alone.
    """
    return request.method == "GET" and request.header("if-none-match") is None


def _late(latency_s: float) -> Behaviour:
    def late(answer: MockAnswer, _context: RequestContext) -> MockAnswer:
        return answer.with_wire(delay_s=answer.wire.delay_s + latency_s)

    return Behaviour("late", "every answer is late", Hook.ANSWER, late)
