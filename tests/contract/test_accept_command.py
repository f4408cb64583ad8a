"""
`jobproof accept` makes of a run's report what --accept-file takes.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from jobproof.contract.errors import ConfigError
from jobproof.contract.model.acceptance.reader import read_accept_file
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.accepting.command import accept_report
from jobproof.contract.suite.cli import accept
from jobproof.contract.suite.reporting.report import REPORT_FORMAT

KNOWN = {check.id for check in load_checks()}
TODAY = date(2026, 9, 21)
UNTIL = date(2026, 10, 5)
_HALF = re.compile("[\ud800-\udfff]")


def finding(**changed: Any) -> dict[str, Any]:
    return {
        "check": "status_is_documented",
        "kind": "violation",
        "pointer": "/status",
        "pointers": ["/status"],
        "message": "'paused' is none of the documented words",
        "breaks": True,
        "count": 3,
        **changed,
    }


def kept(folder: Path, *findings: dict[str, Any], **changed: Any) -> Path:
    report = {
        "format": REPORT_FORMAT,
        "verdict": "broken",
        "api": "krea",
        "url": "https://api.krea.ai",
        "started_at": "2026-09-20T10:00:00+00:00",
        "jobproof": version("jobproof"),
        "findings": list(findings),
        **changed,
    }
    path = folder / "report.json"
    path.write_text(json.dumps(report))
    return path


def write(report: Path, output: Path, **options: Any) -> str:
    settings = {"until": None, "reason": None, "today": TODAY, **options}
    accept_report(report, output=output, **settings)
    return output.read_text(encoding="utf-8")


def commanded(*arguments: object) -> Result:
    return CliRunner().invoke(accept, [*map(str, arguments)])


def test_what_breaks_the_run_is_written_and_nothing_else(tmp_path: Path) -> None:
    report = kept(
        tmp_path,
        finding(),
        finding(pointer="/result/urls/7", check="body_matches_schema", count=1),
        finding(pointer="/result/urls/8", check="body_matches_schema", count=1),
        finding(check="job_id_is_echoed", breaks=False),
        finding(check="code_is_documented", kind="gap", breaks=False),
    )
    text = write(report, tmp_path / "accept.yaml")
    assert text.splitlines()[2:] == [
        "- check: status_is_documented",
        '  pointer: "/status"',
        "  # 'paused' is none of the documented words (3 times)",
        '  reason: "seen on 2026-09-20, to be mended"',
        "  expires: 2026-10-05",
        "- check: body_matches_schema",
        '  pointer: "/result/urls/*"',
        "  # 'paused' is none of the documented words",
        '  reason: "seen on 2026-09-20, to be mended"',
        "  expires: 2026-10-05",
    ]
    first, second = read_accept_file(tmp_path / "accept.yaml", KNOWN)
    assert (first.check, first.pointer, first.expires) == (
        "status_is_documented",
        "/status",
        UNTIL,
    )
    assert second.covers("body_matches_schema", "violation", ["/result/urls/0"])


def test_without_a_file_it_is_printed_until_two_weeks_from_today(tmp_path: Path) -> None:
    before = datetime.now(UTC).date()
    done = commanded(kept(tmp_path, finding()))
    assert done.exit_code == 0
    days = {f"  expires: {day + timedelta(days=14)}" for day in (before, datetime.now(UTC).date())}
    assert days & set(done.stdout.splitlines())
    given_day = commanded(
        kept(tmp_path, finding()), "--until", "2030-01-31", "--reason", "later on"
    )
    assert given_day.stdout.splitlines()[-2:] == ['  reason: "later on"', "  expires: 2030-01-31"]


def test_a_run_that_nothing_breaks_makes_no_file(tmp_path: Path) -> None:
    output = tmp_path / "accept.yaml"
    done = commanded(kept(tmp_path, finding(breaks=False)), "-o", output)
    assert done.exit_code == 0
    assert "no finding breaks this run" in done.output
    assert not output.exists()


_SECRET = "Bearer Sk0123456789abcdefSECRET"


def test_what_was_seen_is_a_clean_line_and_no_secret(tmp_path: Path) -> None:
    message = f"\x1b[31mred\n- check: body_is_json\u2028{_SECRET} {'x' * 5000}"
    text = write(kept(tmp_path, finding(message=message)), tmp_path / "accept.yaml")
    (note,) = [line for line in text.splitlines() if line.startswith("  # ")]
    assert note.isprintable()
    assert len(note) < 200
    assert "SECRET" not in text
    assert len(read_accept_file(tmp_path / "accept.yaml", KNOWN)) == 1


# Files are read and written: how long that takes is nobody's promise.
@settings(deadline=None)
@given(
    st.text(st.characters(), max_size=20).map(lambda s: "/" + s.replace("~", "~0")),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40),
)
def test_whatever_place_and_reason_hold_the_file_is_read_as_written(
    place: str, reason: str
) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        output = Path(folder) / "accept.yaml"
        report = kept(Path(folder), finding(pointer=place))
        if _HALF.search(reason):
            with pytest.raises(ConfigError, match="isn't UTF-8 text"):
                accept_report(report, until=None, reason=reason, output=output, today=TODAY)
            return
        accept_report(report, until=None, reason=reason, output=output, today=TODAY)
        # No file can hold half a character, and of a masked place nobody knows what it is called.
        if "***" in place or _HALF.search(place):
            assert not output.exists()
            return
        (one,) = read_accept_file(output, KNOWN)
        assert one.covers("status_is_documented", "violation", [place])
        assert one.reason == reason


def test_what_no_entry_can_name_is_left_out_and_said(tmp_path: Path) -> None:
    report = kept(
        tmp_path,
        finding(),
        finding(check="ours_of_a_plugin"),
        finding(pointer="/map/***"),
        finding(pointer="somewhere"),
    )
    done = commanded(report)
    assert done.stdout.count("- check:") == 1
    told = [line for line in done.output.splitlines() if line.startswith("left out: ")]
    assert [line.rpartition(": ")[2] for line in told] == [
        "no such check is installed here",
        "its place holds a secret; accept it by hand, or everywhere",
        "its place is none that an entry can name",
    ]


OURS = "# Ours.\n- check: body_is_json   # since May\n  reason: ticket 4711\n  expires: 2027-03-31"


@pytest.mark.parametrize(
    ("there", "stays"),
    [
        (OURS, OURS),
        (f"{OURS}\n\n", OURS),
        ("\n".join(f"  {line}" for line in OURS.splitlines()), "  - check: body_is_json   # since"),
        (f"---\n{OURS}\n", OURS),
        ("[{check: body_is_json, reason: ticket 4711, expires: 2027-03-31}]\n", ""),
        (f"{OURS}\n...\n", ""),
    ],
    ids=["plain", "blank lines", "indented", "begun", "in brackets", "ended"],
)
def test_a_file_that_is_there_keeps_what_it_has(there: str, stays: str, tmp_path: Path) -> None:
    output = tmp_path / "accept.yaml"
    output.write_text(there)
    report = kept(tmp_path, finding())
    text = write(report, output)
    assert stays in text
    checks = [one.check for one in read_accept_file(output, KNOWN)]
    assert checks == ["body_is_json", "status_is_documented"]
    assert write(report, output) == text


def test_an_entry_that_is_over_is_renewed_below_it(tmp_path: Path) -> None:
    output = tmp_path / "accept.yaml"
    report = kept(tmp_path, finding())
    write(report, output, until="2026-09-20")
    assert [one.expires.day for one in read_accept_file(output, KNOWN)] == [20]
    write(report, output)
    assert [one.expires for one in read_accept_file(output, KNOWN)] == [date(2026, 9, 20), UNTIL]


def test_an_empty_list_is_a_file_to_add_to(tmp_path: Path) -> None:
    output = tmp_path / "accept.yaml"
    output.write_text("[]\n")
    write(kept(tmp_path, finding()), output)
    assert len(read_accept_file(output, KNOWN)) == 1


def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path) -> None:
    output = tmp_path / "accept.yaml"
    output.write_text("targets: []\n")
    with pytest.raises(ConfigError, match=r"accept\.yaml:1: expected a list of entries"):
        write(kept(tmp_path, finding()), output)
    assert output.read_text() == "targets: []\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not JSON: name what --report F.json wrote"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b"[]", "not a report of jobproof"),
        (b'{"log": {"entries": []}}', "not a report of jobproof"),
        (b'{"jobproof": 1, "findings": [], "verdict": "kept"}', "not a report of jobproof"),
    ],
    ids=["empty", "no text", "deep", "a long number", "a list", "a HAR file", "no version"],
)
def test_what_is_no_report_is_refused_in_a_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        write(path, tmp_path / "accept.yaml")
    assert str(caught.value).startswith(f"{path}: {told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"jobproof": "97.1"}, "a report of jobproof '97.1', and this is "),
        ({"format": 99}, "a report of format 99, and jobproof reads those of format 1"),
        ({"format": None}, "a report of format None, and jobproof reads those of format 1"),
        ({"api": 7}, "a report that lacks what one says: make it again"),
        ({"findings": {}}, "a report that lacks what one says: make it again"),
        ({"findings": [finding(), 7]}, "findings[1] is none: make the report again"),
        ({"findings": [finding(pointers=[7])]}, "findings[0] is none: make the report again"),
        ({"findings": [finding(breaks="yes")]}, "findings[0] is none: make the report again"),
    ],
    ids=[
        "a later version",
        "another format",
        "no format",
        "api",
        "findings",
        "a finding",
        "its places",
        "its meaning",
    ],
)
def test_a_report_that_cant_be_read_says_why(
    changed: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = kept(tmp_path, **changed)
    with pytest.raises(ConfigError) as caught:
        write(path, tmp_path / "accept.yaml")
    assert str(caught.value).startswith(f"{path}: {told}")


def test_a_file_beyond_all_measure_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with path.open("wb") as file:
        file.truncate(200 * 1024**2)
    with pytest.raises(ConfigError, match="larger than 64 MiB: no report of a run"):
        write(path, tmp_path / "accept.yaml")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"until": "soon"}, "--until 'soon' is no date: write it as 2026-12-31"),
        ({"until": "2026-02-30"}, "--until 2026-02-30 is no day of the calendar"),
        ({"reason": "why"}, "--reason 'why': say it in 8 letters at least"),
        ({"reason": "because \udcff"}, "--reason isn't UTF-8 text"),
    ],
)
def test_an_option_that_cant_be_used_is_refused(
    options: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        write(kept(tmp_path, finding()), tmp_path / "accept.yaml", **options)
    assert str(caught.value) == told
