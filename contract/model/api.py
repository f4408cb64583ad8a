"""
One job API: its document, its profile, and what follows from both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import quote

from jobproof.contract.errors import ProfileError
from jobproof.contract.formats.headers import header_names
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.formats.yaml_file import YamlFile, read_yaml
from jobproof.contract.model.acceptance.accepted import AcceptedFinding, Policy
from jobproof.contract.model.agreement.agreement import LocatedPointer, agree
from jobproof.contract.model.agreement.listing import read_listing
from jobproof.contract.model.asking.access import Access, read_access
from jobproof.contract.model.asking.values import (
    GivenValues,
    RequestValues,
    choose_values,
    names_in,
)
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.job import JobReader
from jobproof.contract.model.observation import Observation, Observer
from jobproof.contract.model.profile import ExpectedCode, Profile
from jobproof.contract.model.promises.expected_codes import expected_code
from jobproof.contract.model.promises.lifecycle import Lifecycle
from jobproof.contract.openapi.document import Operation, read_operation
from jobproof.contract.openapi.source.files import DocumentFiles

__all__ = ["Api", "api_in", "load_api"]


@dataclass(frozen=True)
class Api:
    """
    Attributes:
        folder: Where its data files are.
        provider: The distribution that brings it.
        values: What its requests carry besides the job's id and the token.
        notes: What of profile and document couldn't be compared or used; a line each.
        pointers: Where the profile expects what in a job's body.
        is_basic: User and password are sent, though the document may speak of a token.
    """

    name: str
    folder: Path
    profile: Profile
    operation: Operation
    provider: str = "jobproof"
    values: RequestValues = field(default_factory=RequestValues)
    notes: tuple[str, ...] = ()
    pointers: tuple[LocatedPointer, ...] = ()
    is_basic: bool = False

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

    @cached_property
    def access(self) -> Access:
        """
        Whether a token is needed, and how it travels.
        """
        access = read_access(self.profile, self.operation)
        return access.by_user_and_password() if self.is_basic else access

    @property
    def own_headers(self) -> frozenset[str]:
        """
        The headers, in small letters, that its requests carry with a value of ours.
        """
        return header_names(self.values.headers) | {"cookie", self.access.token_at.header} - {""}

    def with_values(self, given: GivenValues) -> Api:
        """
        The same API, each of its requests with a value for every parameter that needs one.

        Raises:
            ConfigError: A value is missing, can't be sent, or belongs to no parameter.
        """
        values = choose_values(self.profile, self.operation, self.access, given)
        return replace(self, values=values)

    def with_accepted(self, entries: Iterable[AcceptedFinding]) -> Api:
        """
        The same API, with more that is accepted although it is broken.
        """
        policy = Policy(accept=(*self.profile.policy.accept, *entries))
        return replace(self, profile=self.profile.model_copy(update={"policy": policy}))

    def secrets_with(self, token: Secret | None) -> tuple[str, ...]:
        """
        What no output about its requests may show.
        """
        revealed = self.access.token_at.secrets_in(token.reveal()) if token is not None else ()
        return (*revealed, *self.values.secrets)

    def with_any_values(self) -> Api:
        """
        The same API as a mock is asked, which takes any value.
        """
        return self.with_values(GivenValues(placeholder="any"))

    def target(self, base_url: str, job_id: str, *, as_it_is: bool = False) -> str:
        """
        The URL of one job; the id is one path segment whatever it holds.

        Args:
            as_it_is: The id is percent-encoded already, or has to lead elsewhere.

        Raises:
            ValueError: A parameter of the path has no value.
        """
        segment = job_id if as_it_is else _segment(job_id)
        return base_url.rstrip("/") + self.operation_path.replace("{}", segment)

    @cached_property
    def operation_path(self) -> str:
        """
        The path with `{}` where the id goes, all else filled in.
        """
        operation = self.profile.operation
        before, _, after = operation.path.partition("{" + operation.parameter + "}")
        return f"{self.filled(before)}{{}}{self.filled(after)}"

    def filled(self, template: str) -> str:
        """
        A path with the values of its parameters, one segment each.

        Raises:
            ValueError: A parameter of the path has no value.
        """
        for name in names_in(template):
            # Braces sent as they stand would be answered, and the answer judged.
            if name not in self.values.path:
                raise ValueError(f"{template}: {name} has no value")
            template = template.replace("{" + name + "}", _segment(self.values.path[name]))
        return template

    def pattern_of(self, template: str) -> str:
        """
        A regular expression for a path that is asked; its group `job` is the job's id.
        """
        job = "{" + self.profile.operation.parameter + "}"
        parts = re.split(r"(\{[^{}]*\})", template)
        # Even an empty id: it is an id that nobody has.
        known = {job: "(?P<job>[^/]*)"}
        return "".join(
            known.get(part, "[^/]+") if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )


@lru_cache(maxsize=1024)
def _segment(value: str) -> str:
    text = quote(value, safe="-._~")
    # Dot segments vanish on the way unless encoded.
    return text.replace(".", "%2E") if text in (".", "..") else text


def load_api(folder: Path, *, provider: str = "a folder") -> Api:
    """
    Load the API whose data is in `folder`.

    Raises:
        ProfileError: `profile.yaml` is missing or wrong, or says what can't be by the document.
        DocumentError: The OpenAPI document is missing or lacks the operation.
    """
    return api_in(read_yaml(folder / "profile.yaml", ProfileError), provider=provider)


def api_in(
    profile_file: YamlFile, *, files: DocumentFiles | None = None, provider: str = "a folder"
) -> Api:
    """
    The API whose profile a file holds; `files` may have read its document before.

    Raises:
        ProfileError: The profile is wrong, or says what can't be by the document.
        DocumentError: The OpenAPI document is missing or lacks the operation.
    """
    profile, folder = profile_file.parse(Profile, ProfileError), profile_file.path.parent
    document = folder / profile.document
    files = files or DocumentFiles(document)
    operation = read_operation(
        document,
        method=profile.operation.method,
        template=profile.operation.path,
        parameter=profile.operation.parameter,
        files=files,
    )
    listing = read_listing(profile, operation, document, files)
    agreement = agree(profile_file, profile, operation, listing)
    notes = (*agreement.notes, *operation.notes)
    return Api(
        *(profile.api, folder, profile, operation, provider),
        notes=notes,
        pointers=agreement.pointers,
    )
