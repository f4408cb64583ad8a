"""
By whose right a target is asked: one source of a credential, from options or a file's keys.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.formats.addresses.urls import UrlError, parse_url
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.asking.route import Route
from jobproof.contract.reaching.setting import SettingError, SettingsPlace
from jobproof.contract.reaching.token_sources import (
    CommandToken,
    FileToken,
    OAuth2Token,
    TokenSource,
)
from jobproof.contract.reaching.value_file import read_value

__all__ = ["BasicLogin", "CredentialTexts", "HeldValue", "read_credential", "read_held_value"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_QUOTES = re.compile(r'([$`"\\])')


@dataclass(frozen=True, slots=True)
class CredentialTexts:
    """
    As somebody wrote them, by the keys of a configuration file; each may be left out.

    Attributes:
        oauth2: token_url, client_id, client_secret_env or client_secret_file, scope.
        basic: user, password_env or password_file.
    """

    token_env: str | None = None
    token_file: str | None = None
    token_command: str | None = None
    oauth2: Mapping[str, str | None] = field(default_factory=dict)
    basic: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """
    User and password, as one secret with a colon between them.

    Attributes:
        shell_word: What a shell puts in for it between double quotes.
    """

    pair: Secret
    shell_word: str


@dataclass(frozen=True, slots=True)
class HeldValue:
    """
    The value of a header or a parameter that comes from elsewhere.

    Attributes:
        shell_word: What a shell puts in for it between double quotes.
    """

    text: str = field(repr=False)
    shell_word: str


def read_credential(
    texts: CredentialTexts, route: Route, place: SettingsPlace, environment: Mapping[str, str]
) -> TokenSource | BasicLogin | None:
    """
    Where the token comes from, or user and password; None where a variable holds the token.

    Raises:
        SettingError: There are two, or one can't be used.
    """
    given = [
        key
        for key in ("token_env", "token_file", "token_command", "oauth2", "basic")
        if getattr(texts, key) not in (None, {})
    ]
    for key in given:
        _refuse_empty(key, getattr(texts, key))
    if len(given) > 1:
        first, second = (_first_key(texts, key) for key in given[:2])
        problem = f"{place.named(first)} is given too: keep one of them"
        raise SettingError(second, problem)
    if texts.token_file is not None:
        path = place.path(texts.token_file)
        assert path is not None
        return FileToken(path)
    if texts.token_command is not None:
        return _command(texts.token_command, place)
    if texts.oauth2:
        return _oauth2(texts.oauth2, route, place, environment)
    return _basic(texts.basic, place, environment) if texts.basic else None


def read_held_value(
    key: str, kind: str, name: str, place: SettingsPlace, environment: Mapping[str, str]
) -> HeldValue:
    """
    The value that a variable or a file holds.

    Args:
        key: Of the setting that wants it.
        kind: `env` or `file`.

    Raises:
        SettingError: There is none.
    """
    text, word = _held(key, kind, name, place, environment)
    return HeldValue(text.strip(), word)


def _refuse_empty(key: str, given: str | Mapping[str, str | None]) -> None:
    """
    Whoever writes a variable that is empty means another credential than the usual one.
    """
    texts = {key: given} if isinstance(given, str) else {f"{key}.{k}": t for k, t in given.items()}
    for full, text in texts.items():
        if text is not None and not text.strip():
            raise SettingError(full, "is empty: write a value, or leave it out")


def _first_key(texts: CredentialTexts, key: str) -> str:
    group = getattr(texts, key)
    return key if isinstance(group, str) else f"{key}.{next(iter(group))}"


def _command(text: str, place: SettingsPlace) -> CommandToken:
    try:
        words = tuple(shlex.split(text))
    except ValueError as exc:
        raise SettingError("token_command", f"can't be split into words: {exc}") from None
    if not place.is_elsewhere and shutil.which(words[0]) is None:
        raise SettingError("token_command", f"{words[0]}: can't be run: no such program")
    return CommandToken(words)


def _oauth2(
    texts: Mapping[str, str | None],
    route: Route,
    place: SettingsPlace,
    environment: Mapping[str, str],
) -> OAuth2Token:
    for key in ("token_url", "client_id"):
        if not texts.get(key):
            raise SettingError(f"oauth2.{key}", "is missing: a token server needs it")
    url = _token_url(str(texts["token_url"]))
    secret, _ = _secret_in("oauth2", "client_secret", texts, place, environment)
    return OAuth2Token(
        url,
        str(texts["client_id"]),
        _as_secret("oauth2.client_secret_env", secret),
        texts.get("scope") or None,
        route,
        place,
    )


def _token_url(text: str) -> str:
    """
    As it is written, with its last slash and its query: no path is added to it (RFC 6749 3.2).
    """
    try:
        url = parse_url(text, instead="give the client's credentials apart")
    except UrlError as exc:
        raise SettingError("oauth2.token_url", str(exc)) from None
    if url.fragment is not None:
        raise SettingError("oauth2.token_url", "has a fragment, which nobody is sent: leave it out")
    return url.origin + url.target


def _basic(
    texts: Mapping[str, str | None], place: SettingsPlace, environment: Mapping[str, str]
) -> BasicLogin:
    user = texts.get("user") or ""
    if not user:
        raise SettingError("basic.user", "is missing: give user and password")
    if ":" in user:
        raise SettingError("basic.user", "holds a colon, which ends a user's name (RFC 7617)")
    password, word = _secret_in("basic", "password", texts, place, environment)
    pair = _as_secret("basic.password_env", f"{user}:{password}")
    quoted = _IN_QUOTES.sub(r"\\\1", user)
    return BasicLogin(pair, f"{quoted}:{word}")


def _secret_in(
    group: str,
    key: str,
    texts: Mapping[str, str | None],
    place: SettingsPlace,
    environment: Mapping[str, str],
) -> tuple[str, str]:
    given = [kind for kind in ("env", "file") if texts.get(f"{key}_{kind}")]
    if len(given) != 1:
        both = f"{place.named(f'{group}.{key}_env')} is given too: keep one of them"
        missing = "is missing: name the variable that holds it"
        raise SettingError(
            f"{group}.{key}_{'file' if given else 'env'}", both if given else missing
        )
    full = f"{group}.{key}_{given[0]}"
    text, word = _held(full, given[0], str(texts[f"{key}_{given[0]}"]), place, environment)
    return text.strip(), word


def _held(
    key: str, kind: str, name: str, place: SettingsPlace, environment: Mapping[str, str]
) -> tuple[str, str]:
    """
    What a variable or a file holds, and what a shell puts in for it.
    """
    if kind == "env":
        if not _NAME.fullmatch(name):  # maybe the secret itself: not shown
            problem = "must be the name of an environment variable, not its value"
            raise SettingError(key, problem)
        if not environment.get(name, "").strip():
            raise SettingError(key, f"environment variable {name} isn't set")
        return environment[name], f"${name}"
    path = place.path(name)
    assert path is not None
    word = f"$(cat {shlex.quote(str(path))})"
    if place.is_elsewhere:
        return name, word
    text = read_value(path, key)
    if not text.strip():
        raise SettingError(key, f"{path} holds nothing")
    return text, word


def _as_secret(key: str, text: str) -> Secret:
    try:
        return Secret(text)
    except ValueError as exc:
        raise SettingError(key, str(exc)) from None
