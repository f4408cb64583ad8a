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
        "param",
        "job-param",
        "many",
        "A value for a parameter of the operation besides the job's id (repeatable).",
        "NAME=VALUE",
    ),
    SuiteOption(
        "header",
        "job-header",
        "many",
        "A header that every request carries (repeatable).",
        "NAME=VALUE",
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
