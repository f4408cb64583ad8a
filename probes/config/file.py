"""
The configuration file as it is written: every key, with its default and its meaning.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, AllowInfNan, BeforeValidator, Field

from jobproof.contract.formats.durations import Duration, write_duration
from jobproof.contract.formats.parameter_value import ParameterValue
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.model.acceptance.accepted import AcceptedFinding

__all__ = [
    "LONGEST_INTERVAL_S",
    "BasicPart",
    "ConfigFile",
    "HeldPart",
    "OAuth2Part",
    "TargetPart",
]

LONGEST_INTERVAL_S = 86_400.0
_LARGEST_RATE = 1e9


def _rate(value: object) -> object:
    if value == "unlimited":
        return math.inf
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        # An integer of hundreds of digits is no float.
        rate = float(value) if value < _LARGEST_RATE else math.inf
        if math.isfinite(rate):
            return rate
    raise ValueError("write a number of requests above 0, or unlimited")


def _positive(seconds: float) -> float:
    if not 0.001 <= seconds <= LONGEST_INTERVAL_S:
        raise ValueError(f"{write_duration(seconds)} isn't between 1ms and 1d")
    return seconds


Rate = Annotated[float, AllowInfNan(True), BeforeValidator(_rate)]
Interval = Annotated[Duration, AfterValidator(_positive)]


class SloPart(StrictModel):
    availability: float = Field(
        default=0.995, gt=0, lt=1, description="Share of probes that must succeed."
    )
    latency: Duration | None = Field(
        default=None,
        gt=0,
        description="How fast an answer must be. Default: the budget in the API's profile.",
    )


class HeldPart(StrictModel):
    """
    Where the value of a header or a parameter comes from, which is a secret then: one of the two.
    """

    env: str | None = Field(default=None, description="The environment variable that holds it.")
    file: str | None = Field(default=None, description="The file that holds it.")


class OAuth2Part(StrictModel):
    token_url: str = Field(description="The server that gives a token (RFC 6749 4.4).")
    client_id: str = Field(description="Who asks it.")
    client_secret_env: str | None = Field(
        default=None, description="The environment variable that holds the client's secret."
    )
    client_secret_file: str | None = Field(
        default=None, description="The file that holds it, instead."
    )
    scope: str | None = Field(default=None, description="What the token is to allow.")


class BasicPart(StrictModel):
    user: str = Field(description="The user's name, without a colon.")
    password_env: str | None = Field(
        default=None, description="The environment variable that holds the password."
    )
    password_file: str | None = Field(default=None, description="The file that holds it, instead.")


class TargetPart(StrictModel):
    """
    One entry of `targets`.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="The `target` label, unique."
    )
    api: str = Field(description="An installed API's name, or a folder beside the file.")
    url: str | None = Field(
        default=None, description="Its base URL. Default: the server in the API's profile."
    )
    token_env: str | None = Field(
        default=None, description="The environment variable that holds the token."
    )
    token_file: str | None = Field(
        default=None,
        description="The file that holds the token; read again when it changes or is refused.",
    )
    token_command: str | None = Field(
        default=None, description="The program that prints the token, and its arguments; no shell."
    )
    oauth2: OAuth2Part | None = Field(
        default=None, description="A token for the client's own credentials."
    )
    basic: BasicPart | None = Field(default=None, description="User and password, for a token.")
    params: dict[str, ParameterValue | HeldPart] = Field(
        default_factory=dict,
        description="Values of the operation's parameters besides the job's id, by name; as in "
        "`headers`.",
    )
    headers: dict[str, ParameterValue | HeldPart] = Field(
        default_factory=dict,
        description="What every request carries besides the token: a value, `{env: VAR}` or "
        "`{file: F}`.",
    )
    interval: Interval = Field(default=30.0, description="Time between two probes of a canary.")
    timeout: Interval = Field(
        default=10.0, description="Time for one answer; may be longer than the interval."
    )
    requests_per_minute: Rate | None = Field(
        default=None,
        description="Budget of the key, for everything asked with it. Default: the profile's.",
    )
    staleness: Duration = Field(
        default=0.0, description="How far a replica may be behind: drift, and no violation."
    )
    slo: SloPart = Field(default=SloPart(), description="What alerts and dashboards hold it to.")
    canaries: dict[str, Any] = Field(
        default_factory=lambda: {"missing": {}}, description="What is asked, by canary."
    )
    follow: tuple[dict[str, Any], ...] = Field(
        default=(), description="Sources of jobs that are followed to their end."
    )
    accept: tuple[AcceptedFinding, ...] = Field(
        default=(),
        description="Known faults that don't count until a day, as in a profile's `policy.accept`.",
    )
    accept_file: str | None = Field(
        default=None, description="A file with a list of them, read when the configuration is."
    )
    ca_file: str | None = Field(default=None, description="PEM file of certificates to trust.")
    client_cert: str | None = Field(
        default=None, description="PEM file of the certificate that the server is shown."
    )
    client_key: str | None = Field(
        default=None, description="PEM file of its key, where that isn't in the same file."
    )
    proxy: str | None = Field(
        default=None,
        description="URL of the proxy to go through; `env`: the one of the usual variables.",
    )
    resolve: tuple[str, ...] = Field(
        default=(), description="`HOST:PORT:ADDRESS`: which address a name stands for."
    )
    http_version: str = Field(
        default="auto",
        description="`1.1`, `2`, or `auto`: HTTP/2 where the server speaks nothing else.",
    )


class ConfigFile(StrictModel):
    """
    The whole file.
    """

    targets: tuple[TargetPart, ...] = Field(
        min_length=1, max_length=10_000, description="The endpoints to be watched."
    )
    sinks: tuple[dict[str, Any], ...] = Field(
        default=(), description="Where results go besides the metrics."
    )
