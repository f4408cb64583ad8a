"""
By whose right a run asks, from its options.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.route import Route
from jobproof.contract.reaching.credential_reader import (
    BasicLogin,
    CredentialTexts,
    read_credential,
)
from jobproof.contract.reaching.setting import OPTIONS_PLACE, SettingError
from jobproof.contract.reaching.token_keeper import TokenKeeper
from jobproof.contract.suite.options import OptionValues

__all__ = ["CREDENTIAL_KEYS", "RunToken", "read_token", "signed_in_api", "token_variable"]

_OAUTH2 = ("token_url", "client_id", "client_secret_env", "scope")
_BASIC = ("user", "password_env")
CREDENTIAL_KEYS = (
    "token_env",
    "token_file",
    "token_command",
    *(f"oauth2_{key}" for key in _OAUTH2),
    *(f"basic_{key}" for key in _BASIC),
)
"""The options that say by whose right is asked."""
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class RunToken:
    """
    Attributes:
        token: The first one; None where none is needed.
        variable: The one that stands for it in lines to copy.
        shell_word: What stands for it there, where no variable holds it.
        tokens: Where it comes from, if it isn't the same for ever.
    """

    token: Secret | None
    variable: str
    shell_word: str = ""
    tokens: TokenKeeper | None = None


def signed_in_api(api: Api, values: OptionValues) -> Api:
    """
    The API, by user and password where these are given.
    """
    return replace(api, is_basic=True) if values.get("basic_user") else api


def read_token(
    api: Api, values: OptionValues, route: Route, environ: Mapping[str, str], *, fetch: bool
) -> RunToken:
    """
    The token that the options name.

    Args:
        fetch: Whether one is got that a command or a server gives; else something stands in.

    Raises:
        ConfigError: An option can't be used, or there are two sources.
        TokenError: There is no token at the moment.
    """
    texts = CredentialTexts(
        values.get("token_env"),
        values.get("token_file"),
        values.get("token_command"),
        oauth2=_group("oauth2", _OAUTH2, values),
        basic=_group("basic", _BASIC, values),
    )
    variable = token_variable(api, values)
    try:
        source = read_credential(texts, route, OPTIONS_PLACE, os.environ)
        if source is None:
            return RunToken(_token(api, variable, environ), variable)
        if isinstance(source, BasicLogin):
            return RunToken(source.pair, variable, source.shell_word)
        keeper = TokenKeeper(source, problem_with=api.access.token_at.problem_with)
        if not fetch and not texts.token_file:
            return RunToken(keeper.stand_in, variable, source.shell_word, keeper)
        first = keeper.current()
    except SettingError as exc:
        raise ConfigError(f"{OPTIONS_PLACE.named(exc.key)} {exc.problem}") from None
    return RunToken(first, variable, source.shell_word, keeper.begun_with(first))


def _group(name: str, keys: tuple[str, ...], values: OptionValues) -> dict[str, str]:
    return {key: values[f"{name}_{key}"] for key in keys if values.get(f"{name}_{key}") is not None}


def token_variable(api: Api, values: OptionValues) -> str:
    """
    The environment variable that holds the token, where one does.

    Raises:
        ConfigError: It is no name; maybe the token itself.
    """
    name = str(values.get("token_env") or api.profile.token_env)
    if "=" in name or not name.isprintable() or _may_be_a_token(name):  # not shown, then
        raise ConfigError("--token-env must be the name of an environment variable, not its value")
    return name


def _may_be_a_token(name: str) -> bool:
    """
    Whether nobody has set a variable of that name, and it doesn't look like one either.
    """
    if name in os.environ or len(name) < _SHORTEST_TOKEN:
        return False
    return re.search("[a-z]", name) is not None and re.search("[0-9]", name) is not None


def _token(api: Api, variable: str, environ: Mapping[str, str]) -> Secret | None:
    """
    The token to send; None where there is none, and none is asked for.
    """
    value = environ.get(variable, "").strip()
    if not value:
        if not api.access.is_required:
            return None
        # Only a shell's own names can be exported; `env` sets any.
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable) is not None
        how = f"export {variable}=…" if plain else f"start with env {shlex.quote(f'{variable}=…')}"
        raise ConfigError(
            f"the environment variable {variable} holds no token: "
            f"{how} or name another with --token-env"
        )
    try:
        token = Secret(value)
    except ValueError as exc:
        raise ConfigError(f"the token in {variable} can't be used: {exc}") from None
    problem = api.access.token_at.problem_with(value)
    if problem is not None:
        raise ConfigError(f"the token in {variable} can't be used: {problem}")
    return token
