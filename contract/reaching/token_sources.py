"""
Where a token comes from that isn't the same for ever: a file, a command, a token server.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote_plus

from jobproof.contract.errors import InconclusiveError
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.asking.route import Route
from jobproof.contract.reaching.remedy import remedy_of
from jobproof.contract.reaching.setting import OPTIONS_PLACE, SettingError, SettingsPlace
from jobproof.contract.reaching.token_answer import lifetime_of, plain_answer
from jobproof.contract.reaching.value_file import read_value

__all__ = [
    "CommandToken",
    "FetchedToken",
    "FileToken",
    "OAuth2Token",
    "TokenError",
    "TokenSource",
]

_MOST_BYTES = 65_536
_LONGEST_COMMAND_S = 30.0
_LONGEST_ANSWER_S = 30.0


class TokenError(InconclusiveError):
    """
    No token can be had at the moment, so nothing can be asked with it.
    """


@dataclass(frozen=True, slots=True)
class FetchedToken:
    """
    Attributes:
        lifetime_s: Seconds for which it is good; None where nobody said.
    """

    token: Secret
    lifetime_s: float | None = None


class TokenSource(Protocol):
    """
    Equal ones give the same tokens.
    """

    def fetch(self) -> FetchedToken:
        """
        The token of now.

        Raises:
            TokenError: There is none at the moment.
            SettingError: There can be none.
        """
        ...

    def stamp(self) -> object:
        """
        What differs once another token is to be had; always the same where nobody can tell.
        """
        ...

    @property
    def shell_word(self) -> str:
        """
        What a shell puts in for the token between double quotes; "" where a variable holds it.
        """
        ...

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """
        What no output may show, beside the tokens.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileToken:
    """
    A file that somebody else may write anew at any time.
    """

    path: Path

    def fetch(self) -> FetchedToken:
        """
        What is in the file, without the blanks around it.
        """
        text = read_value(self.path, "token_file")
        return FetchedToken(_secret("token_file", str(self.path), text))

    def stamp(self) -> object:
        """
        Which file it is, and when it was written.
        """
        try:
            known = self.path.stat()
        except OSError:
            return None  # it is being replaced, or gone: what was in it still holds
        return known.st_ino, known.st_mtime_ns, known.st_size

    @property
    def shell_word(self) -> str:
        """
        Its content.
        """
        return f"$(cat {shlex.quote(str(self.path))})"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """
        None.
        """
        return ()


@dataclass(frozen=True, slots=True)
class CommandToken:
    """
    A program that prints it; no shell has a say, and none of its words is a secret.
    """

    words: tuple[str, ...]

    def fetch(self) -> FetchedToken:
        """
        What it prints, without the blanks around it.
        """
        said = shlex.join(self.words)
        with _started(self.words) as process:
            late = threading.Event()

            def give_up() -> None:
                late.set()
                _kill(process)

            timer = threading.Timer(_LONGEST_COMMAND_S, give_up)
            timer.start()
            try:
                assert process.stdout is not None
                printed = process.stdout.read(_MOST_BYTES + 1)
                if len(printed) > _MOST_BYTES:
                    _kill(process)
                    raise TokenError(f"token command {said}: prints more than any token has")
                code = process.wait()
            finally:
                timer.cancel()
        if late.is_set():
            raise TokenError(f"token command {said}: took longer than {_LONGEST_COMMAND_S:g} s")
        if code:
            raise TokenError(f"token command {said}: ended with {code}: run it by hand to see why")
        try:
            return FetchedToken(_secret("token_command", said, printed.decode()))
        except (SettingError, UnicodeDecodeError):
            raise TokenError(f"token command {said}: printed no token in one line") from None

    def stamp(self) -> object:
        """
        Nobody can tell.
        """
        return None

    @property
    def shell_word(self) -> str:
        """
        What it prints.
        """
        return f"$({shlex.join(self.words)})"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """
        None.
        """
        return ()


@dataclass(frozen=True, slots=True)
class OAuth2Token:
    """
    A token server that gives one for the client's own credentials (RFC 6749 4.4).
    """

    token_url: str
    client_id: str
    client_secret: Secret = field(repr=False)
    scope: str | None = None
    route: Route = Route()
    place: SettingsPlace = field(default=OPTIONS_PLACE, compare=False)

    def fetch(self) -> FetchedToken:
        """
        A fresh one.
        """
        # RFC 6749 2.3.1: every server knows the one way, and some only the other.
        code, body = self._posted(in_form=False)
        if code in (400, 401) and b"invalid_client" in body:
            code, body = self._posted(in_form=True)
        return self._read(code, body)

    @property
    def _shown_url(self) -> str:
        # A query may hold a key.
        return self.token_url.partition("?")[0]

    def _posted(self, *, in_form: bool) -> tuple[int, bytes]:
        from oauthlib.oauth2 import BackendApplicationClient

        from jobproof.contract.client.form_post import post_form

        client = BackendApplicationClient(self.client_id, scope=self.scope)
        secret = self.client_secret.reveal()
        if in_form:
            form = client.prepare_request_body(include_client_id=True, client_secret=secret)
            headers = ["Accept: application/json"]
        else:
            form = client.prepare_request_body()
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}".encode()
            basic = base64.b64encode(pair).decode()
            headers = [f"Authorization: Basic {basic}", "Accept: application/json"]
        answer = post_form(self.token_url, form, headers, self.route, deadline_s=_LONGEST_ANSWER_S)
        if isinstance(answer, tuple):
            return answer
        remedy = remedy_of(answer.detail, self.route, self.place)
        raise TokenError(
            f"{self.place.named('oauth2.token_url')} {self._shown_url} can't be reached: "
            f"{answer.detail}{f' ({remedy})' if remedy else ''}"
        )

    def _read(self, code: int, body: bytes) -> FetchedToken:
        from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error

        client = BackendApplicationClient(self.client_id)
        told = plain_answer(code, body)
        try:
            # The server may allow less than was asked for (RFC 6749 3.3): no scope is compared.
            client.parse_request_body_response(json.dumps(told))
            token = Secret(told["access_token"])
        except (OAuth2Error, ValueError) as exc:
            named = self.place.named
            why = str(getattr(exc, "error", None) or "no token that can be sent")
            if self.client_secret.reveal().casefold() in why.casefold():
                why = "an error without a name"
            cures = {
                "invalid_client": f" (see {named('oauth2.client_id')} and its secret)",
                "invalid_scope": f" (see {named('oauth2.scope')})",
                "missing_token": ": it wrote no JSON object with a token in it",
            }
            raise TokenError(
                f"{named('oauth2.token_url')} {self._shown_url} answers {code}, {why}"
                f"{cures.get(why, '')}"
            ) from None
        return FetchedToken(token, lifetime_of(body))

    def stamp(self) -> object:
        """
        Nobody can tell.
        """
        return None

    @property
    def shell_word(self) -> str:
        """
        None: a variable stands for it.
        """
        return ""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """
        The client's own.
        """
        return (self.client_secret,)


def _secret(key: str, where: str, text: str) -> Secret:
    try:
        return Secret(text.strip())
    except ValueError as exc:
        raise SettingError(key, f"{where}: {exc}") from None


@contextmanager
def _started(words: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(  # noqa: S603 -- whoever configures it runs it
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # It may print a secret there, too, and nobody could tell.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as exc:
        raise SettingError("token_command", f"{words[0]}: can't be run: {exc.strerror}") from None
    with process:
        try:
            yield process
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    # With what it has started: that would hold its output open.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
