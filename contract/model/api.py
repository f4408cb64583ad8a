"""
One job API: its document, its profile, and what follows from both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import quote

from jobproof.contract.errors import ProfileError, did_you_mean
from jobproof.contract.formats.yaml_file import Location, read_yaml
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import brief
from jobproof.contract.model.job import JobReader
from jobproof.contract.model.observation import Observation, Observer
from jobproof.contract.model.profile import ExpectedCode, Profile
from jobproof.contract.model.promises.expected_codes import expected_code
from jobproof.contract.model.promises.lifecycle import Lifecycle
from jobproof.contract.openapi.document import Operation, read_operation

__all__ = ["Api", "load_api"]


@dataclass(frozen=True)
class Api:
    """
    Attributes:
        folder: Where its data files are.
        provider: The distribution that brings it.
    """

    name: str
    folder: Path
    profile: Profile
    operation: Operation
    provider: str = "jobproof"

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """
        Its statuses and moves.
        """
        return Lifecycle(self.profile)

    @cached_property
    def reader(self) -> JobReader:
        """
        How its bodies are read.
        """
        return JobReader(self.profile)

    @cached_property
    def _observer(self) -> Observer:
        return Observer(self.operation, self.profile, self.reader)

    def observe(self, exchange: Exchange) -> Observation:
        """
        An exchange with its body read: what the checks look at.
        """
        return self._observer(exchange)

    def expected_code(
        self, code: int, subject: Subject, credential: Credential, *, method: str = "GET"
    ) -> ExpectedCode | None:
        """
        Why `code` is right for such a question although the document doesn't list it; None
        where it isn't.
        """
        return expected_code(self.profile, self.operation, code, subject, credential, method=method)

    def target(self, base_url: str, job_id: str) -> str:
        """
        The URL of one job; the id is one path segment whatever it holds.
        """
        return base_url.rstrip("/") + self.operation_path.replace("{}", _segment(job_id))

    @cached_property
    def operation_path(self) -> str:
        """
        The path with `{}` where the id goes.
        """
        return self.profile.operation.path.replace(
            "{" + self.profile.operation.parameter + "}", "{}"
        )

    def authorization(self, token: str) -> tuple[str, str]:
        """
        The header that carries `token`.
        """
        return self.profile.auth.header, f"{self.profile.auth.prefix}{token}"


@lru_cache(maxsize=1024)
def _segment(job_id: str) -> str:
    text = quote(job_id, safe="-._~")
    # Dot segments vanish on the way unless encoded.
    return text.replace(".", "%2E") if text in (".", "..") else text


def load_api(folder: Path, *, provider: str = "a folder") -> Api:
    """
    Load the API whose data is in `folder`.

    Raises:
        ProfileError: `profile.yaml` is missing or wrong, or its status words aren't those that
            the document enumerates.
        DocumentError: The OpenAPI document is missing or lacks the operation.
    """
    file = read_yaml(folder / "profile.yaml", ProfileError)
    profile = file.parse(Profile, ProfileError)
    operation = read_operation(
        folder / profile.document,
        method=profile.operation.method,
        template=profile.operation.path,
        parameter=profile.operation.parameter,
    )
    for place, message in _disagreements(profile, operation):
        raise file.error(place, message, ProfileError)
    return Api(profile.api, folder, profile, operation, provider)


def _disagreements(profile: Profile, operation: Operation) -> Iterator[tuple[Location, str]]:
    """
    Status words that the profile and the document don't have in common, and what to do.
    """
    spec, status = operation.response_for(200), profile.status
    # What rules read may be a code or a list's element, which no enumeration is about.
    listed = spec.words_at(status.at) if spec and not status.rules else None
    if listed is None:
        return
    presentable = [word for word in sorted(listed) if word.isprintable() and len(word) <= 60]
    for word, meaning in status.words.items():
        if word not in listed and meaning.source is None:
            message = (
                f"{profile.document} doesn't list this word at {status.at}. "
                f"{did_you_mean(word, presentable[:30])} "
                "If the vendor documents it elsewhere, give the word a `source` that says where"
            )
            yield ("status", "words", word), message
    for word in sorted(listed - status.words.keys()):
        message = (
            f"{profile.document} lists {brief(word)!r} at {status.at}, too: add the word with its "
            "phase, so that nobody has to guess what it means"
        )
        yield ("status", "words"), message
