"""
Which job API somebody's own tests are about, and how it is asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.secrets.redaction import without_userinfo
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.suite.options import OPTIONS, OptionValues

# Every pytest run of somebody's may make one: what it is asked with is loaded with the first job.
if TYPE_CHECKING:
    from jobproof.contract.suite.planning.target import SuiteTarget

__all__ = ["JobApi"]

_OF_A_RUN = frozenset(
    {"job", "foreign_job", "disposable_job", "effort", "seed", "report", "quiet", "dry_run"}
    | {"baseline", "summary", "annotations", "sarif", "code_quality", "html"}
)
"""Options that say what a run of the suite does, and nothing of the endpoint."""
_MANY = frozenset(option.key for option in OPTIONS if option.kind == "many")


class JobApi:
    """
    A job API at one address. Any number of them may be asked in one pytest session.

    Args:
        url: Its base URL, which may carry a path prefix.
        api: An installed API, or a folder; None for the default one.
        token: The token itself; None where the variable `token_env` holds it. No output shows it.
        options: Further options of `jobproof test` that speak of the endpoint, called as there
            and with `_` for `-`, such as `timeout=5.0`, `rate_limit="30/m"` or `strict=True`.

    Raises:
        ConfigError: An option that there isn't, or a token that no header can carry.
    """

    def __init__(
        self, url: str, *, api: str | None = None, token: str | None = None, **options: object
    ) -> None:
        known = {option.key for option in OPTIONS} - _OF_A_RUN - {"api", "url"}
        for name in options:
            if name not in known:
                raise ConfigError(f"JobApi has no option {name!r}. {did_you_mean(name, known)}")
        self.url = url
        self.api = api
        self.options: Mapping[str, object] = {
            # One is as good as a list of one.
            name: (one,) if name in _MANY and isinstance(one, str) else one
            for name, one in options.items()
        }
        try:
            self._token = Secret(token.strip()) if token is not None else None
        except ValueError as exc:
            raise ConfigError(f"the token of JobApi can't be used: {exc}") from None

    @classmethod
    def from_options(cls, values: OptionValues) -> JobApi:
        """
        The one that the options of a run name.

        Raises:
            ConfigError: They name no URL.
        """
        if not values.get("url"):
            raise ConfigError(
                "where are the jobs? Give --job-api-url URL, or have a fixture of yours called "
                "job_api return JobApi(url, ...)"
            )
        stated = {key: value for key, value in values.items() if value is not None}
        others = {key: value for key, value in stated.items() if key not in _OF_A_RUN}
        return cls(str(others.pop("url")), api=others.pop("api", None), **others)

    def __repr__(self) -> str:
        return f"JobApi({without_userinfo(self.url)!r}, api={self.api!r})"

    def __str__(self) -> str:
        return f"{self.api or 'job API'} at {without_userinfo(self.url)}"

    def target(self, job_id: str) -> SuiteTarget:
        """
        The target of a run about that job.

        Raises:
            ConfigError: An option can't be used; the message says which, and what to do.
        """
        from jobproof.contract.plugins import default_api, find_api
        from jobproof.contract.suite.planning.target_options import target_from

        api = find_api(self.api or default_api())
        values = {**self.options, "api": self.api, "url": self.url, "job": [job_id]}
        environ = dict(os.environ)
        if self._token is not None:
            variable = str(values.get("token_env") or api.profile.token_env)
            environ[variable] = self._token.reveal()
        return target_from(values, environ=environ)
