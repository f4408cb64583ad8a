"""
What the suite is pointed at, and how many requests it may send how fast.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.digits import read_decimal
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.exchange import Credential, Request
from jobproof.contract.reaching.token_keeper import TokenKeeper

__all__ = ["Effort", "SuiteTarget", "parse_rate"]


class Effort(StrEnum):
    """
    How many requests a run sends.
    """

    QUICK = "quick"
    STANDARD = "standard"
    EXHAUSTIVE = "exhaustive"

    @property
    def generated(self) -> int:
        """
        How many cases are generated from the document.
        """
        return {Effort.QUICK: 0, Effort.STANDARD: 24, Effort.EXHAUSTIVE: 300}[self]

    @property
    def walks(self) -> int:
        """
        How many walks the state machine takes.
        """
        return {Effort.QUICK: 0, Effort.STANDARD: 1, Effort.EXHAUSTIVE: 20}[self]

    @property
    def steps(self) -> int:
        """
        How many steps a walk has; the first three are up to four requests each.
        """
        return {Effort.QUICK: 0, Effort.STANDARD: 3, Effort.EXHAUSTIVE: 15}[self]

    @property
    def drawing_s(self) -> float:
        """
        Seconds for the generated cases, and for the walks, as long as no rate limit sets the pace:
        a slow server would hold up the run.
        """
        return {Effort.QUICK: 0.0, Effort.STANDARD: 12.0, Effort.EXHAUSTIVE: 180.0}[self]


@dataclass(frozen=True, slots=True)
class SuiteTarget:
    """
    Attributes:
        base_url: As `read_base_url` normalises it.
        token_env: The environment variable that holds the token, for lines to copy.
        jobs: Ids of jobs that belong to the token.
        foreign_jobs: Ids of jobs that belong to somebody else.
        disposable: Those of `jobs` that may be lost: any method may be sent to them.
        poll_interval_s: Seconds between two polls of an unfinished job.
        job_deadline_s: Seconds within which a watched job must end; None: no promise.
        watch_s: Seconds to watch unfinished jobs at most, all of them together.
        rate_per_minute: Requests a minute at most; None: no limit.
        budget: Requests in all at most; None: no limit.
        timeout_s: Seconds for one answer, from name resolution to the last byte.
        seed: Of all that is drawn; 0: anew each time, and nobody can repeat it.
        staleness_s: Seconds by which a replica may be behind.
        wait_ready_s: Seconds to wait for an answer before anything is judged.
        retries: How often a request is sent again that was lost on the way.
        words: Which way leads there, and what a line to copy says beside the request.
        tokens: Where the token comes from, if it isn't the same for ever.
    """

    api: Api
    base_url: str
    token: Secret | None
    token_env: str
    jobs: tuple[str, ...]
    foreign_jobs: tuple[str, ...] = ()
    disposable: frozenset[str] = frozenset()
    poll_interval_s: float = 5.0
    job_deadline_s: float | None = None
    watch_s: float = 600.0
    rate_per_minute: float | None = None
    budget: int | None = None
    effort: Effort = Effort.STANDARD
    timeout_s: float = 10.0
    strict: bool = False
    seed: int = 0
    staleness_s: float = 0.0
    wait_ready_s: float = 0.0
    retries: int = 0
    words: ShellWords = ShellWords()
    tokens: TokenKeeper | None = None

    @property
    def redactor(self) -> Redactor:
        """
        Masks the token, and other secrets of requests, in whatever is said about a run.
        """
        renewed = self.tokens.secrets if self.tokens is not None else ()
        secrets: tuple[Secret | str, ...] = (
            *self.api.secrets_with(self.token),
            *self.route.secrets,
            *renewed,
        )
        return Redactor(secrets)

    @property
    def route(self) -> Route:
        """
        Which way leads there.
        """
        return self.words.route

    def token_in(self, request: Request) -> str | None:
        """
        The token that a check looks for in the answer: one that is renewed is in the request alone.
        """
        sent = request.token if request.credential is Credential.OWNER else None
        return sent or (self.token.reveal() if self.token is not None else None)

    def why_unasked(self, needs: Iterable[str]) -> str:
        """
        Why nobody asks as the one that `needs` names; "" where somebody does.
        """
        outsiders = {Credential.NONE.value, Credential.INVALID.value}
        return "" if outsiders.isdisjoint(needs) else self.api.access.why_open

    @property
    def concurrency(self) -> int:
        """
        How many sequences may be sent side by side.
        """
        # Under a rate limit several would only wait for one another.
        return 8 if self.rate_per_minute is None else 1


def parse_rate(text: str) -> float | None:
    """
    Requests a minute in `30/m`, `2/s`, `600/h`; None for `unlimited`.

    Raises:
        ConfigError: It is none of these, or not more than 0.
    """
    if text == "unlimited":
        return None
    number, _, unit = text.partition("/")
    rate, per_minute = read_decimal(number), {"s": 60.0, "m": 1.0, "h": 1 / 60}.get(unit)
    if not rate or per_minute is None:
        raise ConfigError(f"rate limit {text!r}: write 30/m, 2/s or unlimited")
    return rate * per_minute
