"""
Every promise of a job endpoint as a check of Schemathesis: whatever it sends to the endpoint is
judged as a run of ours would judge it.

`jobproof.schemathesis` registers what is here.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from requests import PreparedRequest
from schemathesis.checks import CheckContext
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.failures import Severity as FailureSeverity
from schemathesis.core.transport import Response as ReceivedResponse
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext

from jobproof.contract.client.prepared_request import request_of
from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.history.history import History
from jobproof.contract.model.trace import Trace
from jobproof.contract.model.verdict import group
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.suite.planning.target_options import read_staleness
from jobproof.contract.suite.reporting.explain import explain
from jobproof.contract.suite.reporting.summary import breaking

__all__ = [
    "BrokenPromise",
    "JobContract",
    "ask_for_known_jobs",
    "note_answer",
    "note_question",
]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_JOBS = 10_000
"""Of how many ids the past is kept."""
_ROUNDS = 3
"""How often each known job is asked for."""


class BrokenPromise(Failure):
    """
    A finding that breaks the contract, as Schemathesis reports failures: one for each check of
    ours, and place in the answer, that an operation breaks.
    """

    __slots__ = ("fingerprint",)

    kind_title = "Job contract broken"

    def __init__(self, *, fingerprint: str = "", **told: Any) -> None:
        super().__init__(**told)
        self.fingerprint = fingerprint

    @property
    def _unique_key(self) -> str:
        return self.fingerprint


@dataclass(frozen=True, slots=True)
class _Times:
    """
    When an exchange began, Unix seconds, and how long it took, seconds.
    """

    started_at: float
    elapsed_s: float


class _Clock:
    """
    When each answer was asked for and had come. Schemathesis itself doesn't say when, and times
    an answer until its head alone.
    """

    def __init__(self) -> None:
        self._asking = threading.local()  # a worker sends one request at a time
        self._times: WeakKeyDictionary[PreparedRequest, _Times] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def start(self) -> None:
        self._asking.since = (time.time(), time.monotonic())

    def stop(self, request: PreparedRequest) -> None:
        since = getattr(self._asking, "since", None)
        if since is not None:
            wall, monotonic = since
            with self._lock:
                self._times[request] = _Times(wall, time.monotonic() - monotonic)

    def of(self, request: PreparedRequest) -> _Times | None:
        with self._lock:
            return self._times.get(request)


_CLOCK = _Clock()


def note_question(_context: HookContext, _case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """
    For Schemathesis' hook `before_call`: a request is about to be sent.
    """
    _CLOCK.start()


def note_answer(_context: HookContext, _case: Case[Any], response: ReceivedResponse) -> None:
    """
    For Schemathesis' hook `after_call`: its answer has come.
    """
    _CLOCK.stop(response.request)


def ask_for_known_jobs(context: HookContext, examples: list[Case[Any]]) -> None:
    """
    For Schemathesis' hook `before_add_examples`: the jobs of `JOBPROOF_JOBS`, each a few times and
    in turns, since a generated id reaches no job, and one answer no history.
    """
    jobs, operation = _listed("JOBPROOF_JOBS"), context.operation
    if not jobs or operation is None:
        return
    api = _api()
    address = EndpointFilter(api).address_of(f"http://any{operation.path}")
    if address is None or operation.method.upper() != api.operation.method:
        return
    name = address.job_id.strip("{}")
    required = {one.name for one in operation.iter_parameters() if one.is_required}
    # Values for other parameters nobody has given; the token comes from whoever runs Schemathesis.
    if required <= {name, api.access.token_at.name}:
        examples += [operation.Case(path_parameters={name: job}) for job in jobs * _ROUNDS]


class JobContract:
    """
    Judges every answer of the job endpoint by all checks that are installed, with what was seen
    of the same job before.

    Schemathesis makes one for a run, or for a schema of a pytest session, and asks it one answer
    at a time, however many workers there are.
    """

    def __init__(self) -> None:
        """
        With what the environment says.

        Raises:
            ConfigError: A variable can't be used.
        """
        self._api = _api()
        profile = self._api.profile
        self.token_env = os.environ.get("JOBPROOF_TOKEN_ENV") or profile.token_env
        self._token = _secret(os.environ.get(self.token_env, "").strip())
        self.words = ShellWords()
        self._subjects = {
            **dict.fromkeys(_listed("JOBPROOF_JOBS"), Subject.KNOWN),
            **dict.fromkeys(_listed("JOBPROOF_FOREIGN_JOBS"), Subject.FOREIGN),
        }
        self._staleness_s = read_staleness(os.environ.get("JOBPROOF_STALENESS"))
        self._strict = os.environ.get("JOBPROOF_STRICT", "") not in ("", "0")
        self._judge = Judge(load_checks())
        self._promises = {check.id: check for check in self._judge.checks}
        self._endpoint = EndpointFilter(self._api)
        self._histories: dict[tuple[str, str], History] = {}
        self._judged: WeakKeyDictionary[PreparedRequest, tuple[Finding, ...]] = WeakKeyDictionary()
        self._count = 0
        self._has_lost_count = False

    @property
    def redactor(self) -> Redactor:
        """
        Masks the token in whatever is said about an answer.
        """
        return Redactor(self._api.secrets_with(self._token))

    def after_response(
        self, _context: CheckContext, response: ReceivedResponse, case: Case[Any]
    ) -> None:
        """
        Judge one answer; what isn't the job endpoint's passes.

        Raises:
            BrokenPromise: It breaks a promise.
            FailureGroup: It breaks several.
        """
        findings = self._judged.get(response.request)
        # An answer that is shown twice is no second sight of the job.
        if findings is None:
            findings = self._judged[response.request] = self._judgement(response, case)
        failures = [self._failure(one, case) for one in breaking(findings, strict=self._strict)]
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise FailureGroup(failures)

    def after_run(self, _context: CheckContext) -> None:
        """
        Raises:
            AssertionError: Nothing was judged, or not all: a silence that would pass for a kept
                contract.
        """
        if self._has_lost_count:
            raise AssertionError(
                "jobproof stopped judging: the server sends interim answers (1xx), which "
                "`requests` takes for answers, and then each answer for that of the next request. "
                "`jobproof test` reads them right"
            )
        if not self._count:
            operation = self._api.operation
            raise AssertionError(
                f"jobproof judged no answer: no request was about {operation.method} "
                f"{operation.path} of the API {self._api.name!r}. JOBPROOF_API names another one"
            )

    def _judgement(self, response: ReceivedResponse, case: Case[Any]) -> tuple[Finding, ...]:
        # What follows on its connection answers another question than it seems to.
        self._has_lost_count |= response.status_code < 200
        if self._has_lost_count:
            return ()
        request = request_of(response.request)
        address = self._endpoint.address_of(request.url)
        if address is None:
            return ()
        asked = self._asked(request, address.job_id, case)
        seen = self._api.observe(_exchange(asked, response))
        key = (address.base, self._one_spelling(address.job_id))
        history = self._history(key)
        token = asked.token if asked.credential is Credential.OWNER else None
        findings = self._judge(Trace.after(history, self._api, seen, token=token))
        self._count += 1
        if seen.intermediary is None:
            history.add(seen)
        return findings

    def _history(self, key: tuple[str, str]) -> History:
        histories = self._histories
        if key not in histories:
            if len(histories) == _MOST_JOBS:
                del histories[next(iter(histories))]  # fuzzing goes on for days
            histories[key] = self._judge.history_of(self._api, staleness_s=self._staleness_s)
        return histories[key]

    def _asked(self, request: Request, job_id: str, case: Case[Any]) -> Request:
        """
        The request with what is known of its job and its right; never a guess.
        """
        api = self._api
        secret_at = api.values.secret_at | api.access.secret_at
        asked = replace(request, token_at=api.access.token_at, secret_at=secret_at, job_id=job_id)
        credential = self._credential(asked)
        subject = Subject.UNSTATED
        # What breaks the document may be refused, whatever the job.
        if credential is Credential.OWNER and asked.method in _SAFE and _is_right(case):
            subject = self._subjects.get(job_id, subject)
        return replace(asked, subject=subject, credential=credential)

    def _credential(self, asked: Request) -> Credential:
        if asked.token is not None:
            is_own = self._token is not None and _secret(asked.token) == self._token
            return Credential.OWNER if is_own else Credential.UNSTATED
        if asked.credentials:
            return Credential.UNSTATED  # by a way in of which the profile knows nothing
        return Credential.NONE if self._api.access.is_required else Credential.OWNER

    def _one_spelling(self, job_id: str) -> str:
        return job_id.casefold() if self._api.profile.id.any_case else job_id

    def _failure(self, finding: Finding, case: Case[Any]) -> BrokenPromise:
        check = self._promises.get(finding.check)
        text = explain(group([finding])[0], check, target=self)
        title, _, message = text.partition("\n")
        title = title.removesuffix(".")
        return BrokenPromise(
            operation=case.operation.label,
            title=title,
            message=message,
            case_id=case.id,
            severity=FailureSeverity(finding.severity.value),
            fingerprint=" ".join(finding.fingerprint),
        )


def _exchange(asked: Request, response: ReceivedResponse) -> Exchange:
    times = _CLOCK.of(response.request)
    body = None if response.is_truncated else bytes(response.content or b"")
    pairs: HeaderPairs = tuple(
        (name, value) for name, values in response.headers.items() for value in values
    )
    # What stood on the wire isn't kept: `requests` has decoded it.
    is_coded = bool(response.headers.get("content-encoding"))
    answer = Response(
        code=response.status_code,
        headers=pairs,
        body=body,
        raw=None if is_coded else body,
        http_version=response.http_version,
    )
    if times is None:
        # Somebody else has sent it, nobody knows when.
        return Exchange(asked, answer, time.time(), 0.0, is_timed=False)
    return Exchange(asked, answer, times.started_at, times.elapsed_s)


def _is_right(case: Case[Any]) -> bool:
    return case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE


def _api() -> Api:
    return find_api(os.environ.get("JOBPROOF_API") or default_api())


def _listed(variable: str) -> list[str]:
    words = os.environ.get(variable, "").split(",")
    return [word.strip() for word in words if word.strip()]


def _secret(text: str) -> Secret | None:
    try:
        return Secret(text)
    except ValueError:
        return None  # empty, or what no header can carry: no token of ours
