"""
A known fault from end to end: broken, accepted, shown, expired, broken again; and what a baseline
has told already.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner
from tests.contract.small_api import small_folder
from tests.contract.test_check_command import RIGHT, checked, entry, saved
from tests.contract.test_suite_run import carried_out
from tests.tools import JOBPROOF, PYTHON, run_to_end

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.suite.cli import accept

API = find_api(default_api())
TOKEN_ENV = "TOKEN_OF_THE_TEST"
SCHEMA = json.loads(
    files("jobproof.contract.suite.reporting").joinpath("report.schema.json").read_text()
)
FOR_EVER = "2999-12-31"


@dataclass
class Told:
    """
    What a run has left behind.
    """

    code: int
    lines: list[str]
    report: dict[str, Any] = field(default_factory=dict)

    def of(self, label: str) -> list[str]:
        return [line for line in self.lines if line.startswith(f"{label}: ")]

    def found(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.report["findings"] if one["kind"] == kind]


@contextmanager
def staging(folder: Path, *faults: str, url: str | None = None) -> Iterator[Any]:
    """
    Runs the suite in a process of its own, against a mock with these faults.
    """
    with MockServer(API, faults=faults) as server:
        # One that has ended shows all that matters here, at once.
        job = next(job.id for job in server.jobs if job.life == "old-image")
        environ = {**os.environ, TOKEN_ENV: server.token}
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"):
            environ.pop(name, None)
        common = [
            *("--url", url or server.url, "--job", job, "--token-env", TOKEN_ENV),
            *("--effort", "quick", "--seed", "7", "--quiet", "--report", "report.json"),
        ]

        def run(*options: str, last: tuple[str, ...] = ()) -> Told:
            report = folder / "report.json"
            report.unlink(missing_ok=True)
            done = run_to_end(
                *(*JOBPROOF, "test", *common, *options, *last), folder=folder, env=environ
            )
            lines = (done.stdout + done.stderr).splitlines()
            if not report.exists():
                return Told(done.returncode, lines)
            told = Told(done.returncode, lines, json.loads(report.read_text()))
            jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True).validate(told.report)
            return told

        yield run


@pytest.mark.parametrize("last", [(), ("--", "-n", "2")], ids=["alone", "xdist"])
def test_a_fault_is_accepted_from_the_report_until_its_day_is_over(
    last: tuple[str, ...], tmp_path: Path
) -> None:
    accepting = ("--accept-file", "accept.yaml")
    with staging(tmp_path, "id_of_another_job", "internal_key") as run:
        broken = run(last=last)
        assert broken.code == 1
        made = CliRunner().invoke(
            accept,
            [
                str(tmp_path / "report.json"),
                *("-o", str(tmp_path / "accept.yaml"), "--reason", "the vendor's ticket 4711"),
            ],
        )
        assert made.exit_code == 0, made.output

        kept = run(*accepting, last=last)
        assert kept.code == 0, kept.lines
        (line,) = kept.of("accepted")
        assert line.startswith("accepted: job_id_is_echoed at /job_id: expected ")
        assert line.endswith("(the vendor's ticket 4711)")
        assert kept.of("verdict")[0].startswith("verdict: kept, 1 accepted [")
        (use,) = kept.report["acceptances"]
        assert use["state"] == "used"
        (accepted,) = [one for one in kept.found("violation") if one["accepted"]]
        assert use["count"] == accepted["count"] > 0
        assert accepted["accepted"] == "the vendor's ticket 4711"
        # What isn't accepted is told as ever.
        assert kept.of("drift") == broken.of("drift") != []

        written = (tmp_path / "accept.yaml").read_text()
        day = next(line for line in written.splitlines() if "expires" in line)
        (tmp_path / "accept.yaml").write_text(written.replace(day, "  expires: 2020-02-29"))
        again = run(*accepting, last=last)
        assert again.code == 1
        said = "(its acceptance expired on 2020-02-29: the vendor's ticket 4711)"
        assert any(said in line for line in again.lines)
        assert [one["state"] for one in again.report["acceptances"]] == ["lapsed"]


def test_an_acceptance_hides_nothing_else_and_is_named_once_it_is_of_no_use(tmp_path: Path) -> None:
    with staging(tmp_path, "id_of_another_job", "creation_as_digits") as run:
        told = run(
            *("--accept", f"job_id_is_echoed@/job_id:{FOR_EVER}"),
            *("--accept", f"body_matches_schema@/status:{FOR_EVER}:another place"),
            *("--accept", f"foreign_job_is_hidden:{FOR_EVER}"),
        )
        assert told.code == 1
        broken = {one["check"] for one in told.report["findings"] if one["breaks"]}
        assert "body_matches_schema" in broken
        assert "job_id_is_echoed" not in broken
        (line,) = told.of("accepted")
        assert line.startswith("accepted: job_id_is_echoed at /job_id: ")
        # Nobody gave a foreign job, so that nobody knows whether its entry is of use.
        (line,) = told.of("unused")
        until = f"is accepted until {FOR_EVER} (another place), and wasn't seen: take it out"
        assert line == f"unused: body_matches_schema at /status {until}"
        states = [one["state"] for one in told.report["acceptances"]]
        assert states == ["used", "unused", "not_reached"]


DRIFT = {"check": "keys_are_declared", "kind": "drift", "reason": "ticket 4711"}


@pytest.mark.parametrize("place", ["file", "profile"])
def test_accepted_drift_is_told_as_accepted_wherever_it_is_written(
    place: str, tmp_path: Path
) -> None:
    path = saved(tmp_path, entry({**RIGHT, "new": 1}))
    rules = [{**DRIFT, "expires": FOR_EVER}]
    policy = {"policy": {"accept": rules}} if place == "profile" else {}
    api, file = small_folder(tmp_path / "api", **policy), tmp_path / "accept.yaml"
    file.write_text(yaml.safe_dump(rules), encoding="utf-8")
    options = ("--accept-file", file) if place == "file" else ()
    report = tmp_path / "report.json"
    lines = checked("--api", api, path, *options, "--report", report).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("accepted: ")]
    assert line.startswith("accepted: keys_are_declared at /new: ")
    assert not [line for line in lines if line.startswith(("drift: ", "unused: "))]
    (use,) = json.loads(report.read_text("utf-8"))["acceptances"]
    assert (use["kind"], use["state"]) == ("drift", "used")


def test_an_option_that_means_drift_is_told_where_to_write_it(tmp_path: Path) -> None:
    path = saved(tmp_path, entry({**RIGHT, "new": 1}))
    option = ("--accept", f"keys_are_declared@/new:{FOR_EVER}:ticket 4711")
    api = small_folder(tmp_path / "api")
    lines = checked("--api", api, path, *option).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("unused: ")]
    assert line.endswith("what was is accepted by `kind: drift`, in a file or a profile")
    assert [line for line in lines if line.startswith("drift: keys_are_declared at /new: ")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--accept", "job_id_is_ecoed:2999-12-31"), "Did you mean 'job_id_is_echoed'?"),
        (("--accept-file", "wrong.yaml"), "wrong.yaml:1: [0].check: unknown check 'nobodys'."),
        (("--accept-file", "none.yaml"), "none.yaml: can't be read: No such file or directory"),
        (("--baseline", "wrong.yaml"), "--baseline wrong.yaml: not JSON"),
        (("--baseline", "none.json"), "--baseline none.json: can't be read: No such file"),
        (("--ca-file", "none.pem"), "--ca-file none.pem can't be read: No such file"),
        (("--client-cert", "none.pem"), "--client-cert none.pem can't be read: No such file"),
        (("--proxy", "nowhere"), "--proxy "),
        (("--resolve", "nowhere"), "--resolve 'nowhere': write HOST:PORT:ADDRESS"),
        (("--wait-ready", "soon"), "--wait-ready "),
        (("--retry-transport", "99"), "--retry-transport 99: must be 0 to 10"),
        (("--staleness", "soon"), "--staleness "),
        (("--rate-limit", "fast"), "rate limit 'fast': write 30/m"),
        (("--budget", "0"), "--budget 0: must be at least 1 request"),
        (("--timeout", "0"), "--timeout 0: must be more than 0 seconds"),
        (("--header", "X-Tenant=@none"), "--header: none can't be read: No such file"),
        (("--param", "nobodys=1"), "--param nobodys: the operation has no such parameter"),
        (("--foreign-job", ".."), "--foreign-job '..' is no id"),
        (("--api", "nobodys"), "nobodys"),
    ],
    ids=lambda one: "" if isinstance(one, str) else one[0][2:],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_mistake_is_one_line_and_nothing_is_sent(
    options: tuple[str, ...], said: str, dry: tuple[str, ...], tmp_path: Path
) -> None:
    wrong = "- {check: nobodys, reason: ticket 4711, expires: 2027-03-31}\n"
    (tmp_path / "wrong.yaml").write_text(wrong)
    with staging(tmp_path, url="http://127.0.0.1:9") as run:
        told = run(*options, *dry)
    assert told.code == 2
    (line,) = [line for line in told.lines if "jobproof: " in line]
    assert said in line
    assert told.report == {}


def test_pytest_takes_the_same_options_by_its_own_names(tmp_path: Path) -> None:
    wrong = ("--job-accept", "job_id_is_ecoed:2999-12-31", "--job-baseline", "none.json")
    done = run_to_end(
        *(*PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
        *("--pyargs", "jobproof.contract.suite", *wrong),
        folder=tmp_path,
    )
    assert done.returncode == 2
    assert "--job-accept 'job_id_is_ecoed:2999-12-31': unknown check" in done.stdout + done.stderr


def test_what_is_accepted_makes_no_run_longer() -> None:
    status = ("status_is_documented", "job_ends_in_time")
    accept = [f"{check}@/status:{FOR_EVER}" for check in status]
    asked = []
    for given in ([], accept):
        options = {"accept": given, "effort": "quick", "seed": 7}
        with carried_out(faults=("status_unheard_of",), values=options, most=1) as (run, _):
            broken = {one.check for one in run.findings if one.breaks(strict=False)}
            assert bool(broken & set(status)) is not bool(given)
            asked.append(run.requests)
    # A job whose status is wrong isn't followed to an end that nobody can tell.
    assert asked[0] == asked[1]


# -- a baseline ---------------------------------------------------------------------------------


def test_only_new_gaps_and_drift_are_told_and_the_report_keeps_all(tmp_path: Path) -> None:
    baseline = ("--baseline", "base.json")
    with staging(tmp_path, "id_of_another_job", "internal_key") as run:
        first = run()
        (tmp_path / "base.json").write_text(json.dumps(first.report))
        assert (len(first.of("drift")), len(first.of("gap"))) == (1, 1)
        same = run(*baseline)
        # A violation is news in every run.
        assert same.code == first.code == 1
        assert same.of("drift") == same.of("gap") == []
        assert same.of("known") == ["known: 1 drift and 1 gap, as in base.json"]
        assert {one.get("known") for one in same.found("violation")} == {None}
        assert same.report["overlay"] == first.report["overlay"]
        marks = [one["known"] for kind in ("gap", "drift") for one in same.found(kind)]
        assert marks == [True, True]
        assert same.report["baseline"]["known"] == 2
    with staging(tmp_path, "status_unheard_of") as run:
        other = run(*baseline)
        assert other.of("gap") == []
        (line,) = other.of("drift")
        assert line.startswith("drift: status_is_documented at /status: ")
        assert other.report["baseline"] | {"known": 1, "new": 1} == other.report["baseline"]
        # The next baseline is made of the report: it lacks nothing.
        (tmp_path / "base.json").write_text(json.dumps(other.report))
        again = run(*baseline)
        assert again.of("drift") == again.of("gap") == []


def test_a_baseline_of_another_place_is_noted_and_one_of_another_api_refused(
    tmp_path: Path,
) -> None:
    with staging(tmp_path) as run:
        first = run()
        base = tmp_path / "base.json"
        base.write_text(json.dumps({**first.report, "url": "https://elsewhere.example"}))
        noted = run("--baseline", "base.json")
        (line,) = [line for line in noted.of("note") if "baseline" in line]
        assert line.startswith("note: the baseline is of https://elsewhere.example, and this run")
        assert noted.of("known") == ["known: 1 gap, as in base.json"]
        base.write_text(json.dumps({**first.report, "api": "openai-batch"}))
        refused = run("--baseline", "base.json")
        assert refused.code == 2
        said = f"base.json: a report of the API 'openai-batch', and not of {API.name!r}"
        assert any(said in line for line in refused.lines)


# -- recordings ---------------------------------------------------------------------------------


def test_recordings_are_held_to_the_same(tmp_path: Path) -> None:
    api = small_folder(tmp_path / "api")
    path = saved(tmp_path, entry({**RIGHT, "id": "another", "new": 1, "newer": 2}))
    report, output = tmp_path / "report.json", tmp_path / "accept.yaml"
    common = ("--api", api, path)
    assert checked(*common, "--report", report).exit_code == 1
    made = CliRunner().invoke(accept, [str(report), "-o", str(output)])
    assert made.exit_code == 0, made.output
    accepted = checked(*common, "--accept-file", output, "--baseline", report)
    assert accepted.exit_code == 0, accepted.output
    lines = accepted.stdout.splitlines()
    assert [line for line in lines if line.startswith("accepted: job_id_is_echoed at /id")]
    assert not [line for line in lines if line.startswith("drift: ")]
    assert f"known: 1 drift, as in {report}" in lines
    over = checked(*common, "--accept", "job_id_is_echoed:2001-01-01")
    assert over.exit_code == 1
    assert "its acceptance expired on 2001-01-01" in over.stdout


def test_of_many_new_keys_the_newer_ones_are_told(tmp_path: Path) -> None:
    api, report = small_folder(tmp_path / "api"), tmp_path / "report.json"
    checked("--api", api, saved(tmp_path, entry({**RIGHT, "a": 1, "b": 2})), "--report", report)
    path = saved(tmp_path, entry({**RIGHT, "a": 1, "b": 2, "c": 3}))
    done = checked("--api", api, path, "--baseline", report, "--json")
    (drift,) = [one for one in json.loads(done.stdout)["findings"] if one["kind"] == "drift"]
    assert (drift["known"], drift["new_pointers"]) == (False, ["/c"])
    assert drift["pointers"] == ["/a", "/b", "/c"]
    told = checked("--api", api, path, "--baseline", report).stdout
    (line,) = [line for line in told.splitlines() if line.startswith("drift: ")]
    assert line.endswith(": new besides 2 known: /c")
