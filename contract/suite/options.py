"""
Every option of the suite, once: `jobproof test` and pytest read the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["OPTIONS", "OptionValues", "SuiteOption"]

OptionValues = Mapping[str, Any]
"""What was chosen, by the key of the option, in the type that its kind has."""

OptionKind = Literal["text", "many", "number", "count", "flag", "choice"]


@dataclass(frozen=True, slots=True)
class SuiteOption:
    """
    Attributes:
        name: As in `jobproof test --<name>`.
        pytest_name: As in `pytest --<pytest_name>`.
    """

    name: str
    pytest_name: str
    kind: OptionKind
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """
        The key in a mapping of values.
        """
        return self.name.replace("-", "_")


OPTIONS: tuple[SuiteOption, ...] = (
    SuiteOption("api", "job-api", "text", "The job API: an installed name, or a folder.", "NAME"),
    SuiteOption("url", "job-api-url", "text", "Where it is; without, the embedded mock.", "URL"),
    SuiteOption("job", "job-id", "many", "A job that belongs to the token (repeatable).", "ID"),
    SuiteOption(
        "foreign-job",
        "foreign-job-id",
        "many",
        "A job that belongs to somebody else (repeatable).",
        "ID",
    ),
    SuiteOption(
        "disposable-job",
        "job-disposable-id",
        "many",
        "A job of the token's that may be lost: every method is sent to it (repeatable).",
        "ID",
    ),
    SuiteOption(
        "token-env",
        "job-token-env",
        "text",
        "The environment variable that holds the token.",
        "VAR",
    ),
    SuiteOption(
        "token-file",
        "job-token-file",
        "text",
        "The file that holds the token; read again when it changes or is refused.",
        "F",
    ),
    SuiteOption(
        "token-command",
        "job-token-command",
        "text",
        "The program that prints the token, and its arguments; no shell.",
        "CMD",
    ),
    SuiteOption(
        "oauth2-token-url",
        "job-oauth2-token-url",
        "text",
        "The server that gives a token for the client's own credentials.",
        "URL",
    ),
    SuiteOption("oauth2-client-id", "job-oauth2-client-id", "text", "Who asks it.", "ID"),
    SuiteOption(
        "oauth2-client-secret-env",
        "job-oauth2-client-secret-env",
        "text",
        "The environment variable that holds the client's secret.",
        "VAR",
    ),
    SuiteOption("oauth2-scope", "job-oauth2-scope", "text", "What the token is to allow.", "S"),
    SuiteOption(
        "basic-user", "job-basic-user", "text", "The user, where a password is asked for.", "U"
    ),
    SuiteOption(
        "basic-password-env",
        "job-basic-password-env",
        "text",
        "The environment variable that holds the password.",
        "VAR",
    ),
    SuiteOption(
        "param",
        "job-param",
        "many",
        "A value for a parameter of the operation besides the job's id (repeatable); @FILE and "
        "$VAR stand for one.",
        "NAME=VALUE",
    ),
    SuiteOption(
        "header",
        "job-header",
        "many",
        "A header that every request carries (repeatable); @FILE and $VAR stand for a value.",
        "NAME=VALUE",
    ),
    SuiteOption("ca-file", "job-ca-file", "text", "PEM file of certificates to trust.", "F.pem"),
    SuiteOption(
        "client-cert",
        "job-client-cert",
        "text",
        "PEM file of the certificate that the server is shown.",
        "F.pem",
    ),
    SuiteOption(
        "client-key",
        "job-client-key",
        "text",
        "PEM file of its key, where that isn't in the same file.",
        "F.pem",
    ),
    SuiteOption(
        "proxy",
        "job-proxy",
        "text",
        "The proxy to go through; env: the one of the usual variables, which are ignored else.",
        "URL",
    ),
    SuiteOption(
        "resolve",
        "job-resolve",
        "many",
        "The address that a name stands for (repeatable).",
        "HOST:PORT:ADDRESS",
    ),
    SuiteOption(
        "http-version",
        "job-http-version",
        "choice",
        "auto is HTTP/1.1, and HTTP/2 where the server speaks nothing else.",
        choices=("1.1", "2", "auto"),
    ),
    SuiteOption(
        "poll-interval", "job-poll-interval", "number", "Seconds between two polls of a job.", "S"
    ),
    SuiteOption(
        "job-deadline",
        "job-deadline",
        "number",
        "Seconds within which a watched job must end; later is a finding.",
        "S",
    ),
    SuiteOption("timeout", "job-timeout", "number", "Seconds for one answer.", "S"),
    SuiteOption(
        "staleness",
        "job-staleness",
        "text",
        "How far a replica may be behind, such as 2s: reported, and no violation.",
        "T",
    ),
    SuiteOption(
        "wait-ready",
        "job-wait-ready",
        "text",
        "How long to wait until the endpoint answers at all, such as 60s.",
        "T",
    ),
    SuiteOption(
        "retry-transport",
        "job-retry-transport",
        "count",
        "How often a request is sent again that was lost on the way: no connection, a reset, "
        "no answer in time.",
        "N",
    ),
    SuiteOption("rate-limit", "job-rate-limit", "text", "Requests: 30/m, 2/s or unlimited.", "N/m"),
    SuiteOption("budget", "job-budget", "count", "Requests in all, at most.", "N"),
    SuiteOption(
        "effort",
        "job-effort",
        "choice",
        "How many requests are sent.",
        choices=("quick", "standard", "exhaustive"),
    ),
    SuiteOption(
        "seed",
        "job-seed",
        "count",
        "Sends the same requests again; 0: others, by a seed that is printed.",
        "N",
    ),
    SuiteOption("strict", "job-strict", "flag", "Inferred promises break the run, too."),
    SuiteOption(
        "accept",
        "job-accept",
        "many",
        "A known fault that doesn't break the run until that day (repeatable).",
        "CHECK[@POINTER]:DATE[:REASON]",
    ),
    SuiteOption(
        "accept-file",
        "job-accept-file",
        "text",
        "A list of them, such as `jobproof accept` writes.",
        "F.yaml",
    ),
    SuiteOption(
        "baseline",
        "job-baseline",
        "text",
        "The report of an earlier run: its gaps and drift are counted, and no news any more.",
        "REPORT.json",
    ),
    SuiteOption("report", "job-report", "text", "Write the report as JSON.", "F.json"),
    SuiteOption(
        "summary",
        "job-summary",
        "text",
        "Write a summary in Markdown; on GitHub it is added to the step's by itself.",
        "F.md",
    ),
    SuiteOption(
        "annotations",
        "job-annotations",
        "text",
        "Print GitHub's annotations, or write them into a file; on GitHub printed by itself.",
        "github|F",
    ),
    SuiteOption("sarif", "job-sarif", "text", "Write the findings as SARIF 2.1.0.", "F.sarif"),
    SuiteOption(
        "code-quality",
        "job-code-quality",
        "text",
        "Write the findings as GitLab's code quality report.",
        "F.json",
    ),
    SuiteOption("html", "job-html", "text", "Write the report as one HTML page.", "F.html"),
    SuiteOption("quiet", "job-quiet", "flag", "Say nothing while it runs."),
    SuiteOption(
        "dry-run", "job-dry-run", "flag", "Print every request that would be sent, and stop."
    ),
)
