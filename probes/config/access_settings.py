"""
By whose right a target is asked, from its keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.route import Route
from jobproof.contract.reaching.credential_reader import (
    BasicLogin,
    CredentialTexts,
    read_credential,
)
from jobproof.contract.reaching.setting import SettingError, SettingsPlace
from jobproof.contract.reaching.token_keeper import TokenKeeper
from jobproof.contract.reaching.token_sources import FileToken
from jobproof.probes.config.file import BasicPart, OAuth2Part, TargetPart

__all__ = ["TargetAccess", "read_access_settings"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TargetAccess:
    """
    Attributes:
        token: Of all requests; where a command or a server gives it, what stands for it.
        tokens: Where it comes from, if it isn't the same for ever.
        shell_word: What a shell puts in for it; "" where a variable holds it.
    """

    token: Secret | None
    tokens: TokenKeeper | None = None
    shell_word: str = ""


def read_access_settings(
    target: TargetPart,
    api: Api,
    route: Route,
    place: SettingsPlace,
    environment: Mapping[str, str],
) -> TargetAccess:
    """
    By whose right the target is asked; no command is run and no server asked.

    Raises:
        SettingError: A key can't be used, or there are two sources.
    """
    texts = CredentialTexts(
        *(target.token_env, target.token_file, target.token_command),
        oauth2=_oauth2_texts(target.oauth2) if target.oauth2 is not None else {},
        basic=_basic_texts(target.basic) if target.basic is not None else {},
    )
    source = read_credential(texts, route, place, environment)
    problem_with = api.access.token_at.problem_with
    if source is None:
        token = _in_variable(target.token_env, api, environment)
        return TargetAccess(_checked("token_env", token, api))
    if isinstance(source, BasicLogin):
        return TargetAccess(source.pair, shell_word=source.shell_word)
    if not isinstance(source, FileToken):
        keeper = TokenKeeper(source, problem_with=problem_with)
        return TargetAccess(keeper.stand_in, keeper, source.shell_word)
    if place.is_elsewhere:
        return TargetAccess(Secret(str(target.token_file)), shell_word=source.shell_word)
    # Read now: a file that can't be used is told before the daemon starts.
    first = _checked("token_file", source.fetch().token, api)
    keeper = TokenKeeper(source, first=first, problem_with=problem_with)
    return TargetAccess(first, keeper, source.shell_word)


def _oauth2_texts(part: OAuth2Part) -> dict[str, str]:
    return _given(
        token_url=part.token_url,
        client_id=part.client_id,
        client_secret_env=part.client_secret_env,
        client_secret_file=part.client_secret_file,
        scope=part.scope,
    )


def _basic_texts(part: BasicPart) -> dict[str, str]:
    return _given(user=part.user, password_env=part.password_env, password_file=part.password_file)


def _given(**texts: str | None) -> dict[str, str]:
    return {key: text for key, text in texts.items() if text is not None}


def _checked(key: str, token: Secret | None, api: Api) -> Secret | None:
    problem = api.access.token_at.problem_with(token.reveal()) if token is not None else None
    if problem is not None:
        raise SettingError(key, f"the token can't be used: {problem}")
    return token


def _in_variable(name: str | None, api: Api, environment: Mapping[str, str]) -> Secret | None:
    if name is None:
        return None
    if not _NAME.fullmatch(name):  # maybe the token itself: not shown
        problem = "must be the name of an environment variable, not its value"
        raise SettingError("token_env", problem)
    value = environment.get(name)
    security = api.operation.security
    # A document that lets anybody in makes a token a matter of choice; one that says nothing
    # doesn't, and a variable that is named is meant to be set.
    is_optional = bool(security.stated_at) and not api.access.is_required
    if not value and is_optional:
        return None
    if value is None:
        raise SettingError("token_env", f"environment variable {name} isn't set")
    try:
        return Secret(value.strip())
    except ValueError as exc:
        raise SettingError("token_env", f"{name}: {exc}") from None
