"""
`jobproof check` tells recordings as `jobproof test` tells a run: the same words, files and codes.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from tests.contract.small_api import JOB, small_folder
from tests.tools import PYTHON, run_to_end

from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.recordings.har.writer import har
from jobproof.contract.recordings.recorded import SkipReason
from jobproof.contract.recordings.replay import RecordedRun, judge_recordings
from jobproof.contract.suite.cli import check
from jobproof.contract.suite.reporting.nodes import SUITE_MODULE

SECRET = "s3cret-of-somebody-else-9"
RIGHT = {"id": JOB, "status": "done"}


def entry(
    body: object = RIGHT,
    *,
    base: str = "https://h.example",
    job: str = JOB,
    kind: str = "application/json",
    code: int = 200,
    at: float = 1e9,
    headers: tuple[tuple[str, str], ...] = (),
) -> Exchange:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    asked = Request("GET", f"{base}/jobs/{job}", headers)
    return Exchange(
        asked,
        Response(code, (("Content-Type", kind),), data, data),
        at,
        0.1,
    )


def saved(folder: Path, *entries: Exchange) -> Path:
    """
    As a browser saves it: nothing of ours in it, and nothing masked.
    """
    data: Any = har(entries)
    for written, one in zip(data["log"]["entries"], entries, strict=True):
        del written["_jobproof"]
        written["request"]["url"] = one.request.url
        written["request"]["headers"] = [{"name": n, "value": v} for n, v in one.request.headers]
        answer = one.response
        assert answer is not None
        assert answer.body is not None
        written["response"]["content"]["text"] = answer.body.decode()
    path = folder / "traffic.har"
    path.write_text(json.dumps(data))
    return path


def api_of(folder: Path, **profile: Any) -> tuple[Path, Api]:
    made = small_folder(folder / "api", **profile)
    return made, load_api(made)


def checked(*arguments: object) -> Result:
    return CliRunner().invoke(check, [*map(str, arguments)])


def violated(run: RecordedRun) -> set[str]:
    return {g.first.check for g in run.groups if g.first.breaks(strict=True)}


def test_the_report_is_as_its_schema_says_and_printed_alike(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    path = saved(tmp_path, entry(), entry({**RIGHT, "id": "another"}, at=1e9 + 9))
    report = tmp_path / "report.json"
    done = checked("--api", folder, "--report", report, "--json", path)
    assert done.exit_code == 1, done.output
    written = json.loads(report.read_text())
    assert json.loads(done.stdout) == written
    schema = json.loads(
        files("jobproof.contract.suite.reporting").joinpath("report.schema.json").read_text()
    )
    jsonschema_rs.validate(schema, written)
    assert (written["judged"], written["skipped"], written["effort"]) == (2, [], None)
    assert written["servers"] == ["https://h.example"]


def test_a_broken_promise_is_told_as_a_failing_test_tells_it(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    done = checked("--api", folder, saved(tmp_path, entry({**RIGHT, "id": "another"})))
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("BROKEN job_id_is_echoed: ")
    labels = [line[2:11].strip() for line in lines[1:] if line.startswith("  ")]
    told = ["promised", "asked", "seen", "answer", "when", "again", "evidence"]
    assert [label for label in labels if label][: len(told)] == told
    assert lines[-1].startswith("verdict: broken: ")


def test_what_was_left_out_is_told_by_its_reason(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    path = saved(tmp_path, entry(), replace(entry(), request=Request("GET", "https://h.example/a")))
    data = json.loads(path.read_text())
    unreadable = {**data["log"]["entries"][0], "startedDateTime": "yesterday"}
    data["log"]["entries"].append(unreadable)
    path.write_text(json.dumps(data))
    done = checked("--api", folder, path)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("skipped: ")]
    assert line.startswith("skipped: 1 about something else, 1 unreadable (")
    assert "log.entries[2]" in line
    assert done.exit_code == 0


def test_junit_names_what_a_live_run_names(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    path = saved(tmp_path, entry({**RIGHT, "id": "another"}))
    recorded, live = tmp_path / "recorded.xml", tmp_path / "live.xml"
    assert checked("--api", folder, "--junit", recorded, path).exit_code == 1
    arguments = ("test", "--effort", "quick", "--api", "krea", "--junit", live)
    ran = run_to_end(*PYTHON, "-m", "jobproof", *arguments, "--", "-k", "promise")
    assert live.exists(), ran.stderr

    def outcomes(file: Path) -> dict[tuple[str, str], str]:
        return {
            (case.attrib["classname"], case.attrib["name"]): next((e.tag for e in case), "kept")
            for case in ElementTree.parse(file).iter("testcase")
        }

    verdict = './/properties/property[@name="jobproof.verdict"]'
    assert [one.attrib["value"] for one in ElementTree.parse(recorded).iterfind(verdict)] == [
        "broken"
    ]
    ours = outcomes(recorded)
    promises = {name for name in ours if "test_promise" in name[1]}
    assert promises == {name for name in outcomes(live) if "test_promise" in name[1]}
    assert ours[SUITE_MODULE, "test_promise[job_id_is_echoed]"] == "failure"
    assert ours[SUITE_MODULE, "test_promise[status_is_documented]"] == "kept"
    assert ours[SUITE_MODULE, "test_promise[foreign_job_is_hidden]"] == "skipped"


def test_nothing_that_a_browser_sent_in_secret_is_told(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path, security=[{"bearer": []}])
    sent = (("Authorization", f"Bearer {SECRET}"), ("Cookie", f"sid={SECRET}1"))
    path = saved(tmp_path, entry({**RIGHT, "id": SECRET}, headers=sent))
    report, junit = tmp_path / "r.json", tmp_path / "r.xml"
    done = checked("--api", folder, "--report", report, "--junit", junit, path)
    assert done.exit_code == 1
    assert "the token is sent back" in done.stdout
    for text in (done.output, report.read_text(), junit.read_text()):
        assert SECRET not in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["api", "r.json", "r.xml", "traffic.har"]


def test_a_masked_token_is_none(tmp_path: Path) -> None:
    _, api = api_of(tmp_path, security=[{"bearer": []}])
    sent = (("Authorization", "Bearer half-a-token***"),)
    path = saved(tmp_path, entry({**RIGHT, "note": "half-a-token***"}, headers=sent))
    assert violated(judge_recordings(api, [path])) == set()


# Which server.


def test_pages_of_another_server_are_not_the_api_s(tmp_path: Path) -> None:
    _, api = api_of(tmp_path)
    page = entry("<!doctype html>", base="https://app.example", kind="text/html")
    run = judge_recordings(api, [saved(tmp_path, page, entry())])
    assert (run.servers, run.judged) == (("https://h.example",), 1)
    assert run.skipped.counts == {SkipReason.OTHER_ADDRESS: 1}
    assert violated(run) == set()


def test_pages_alone_are_judged(tmp_path: Path) -> None:
    _, api = api_of(tmp_path)
    page = entry("<!doctype html>", base="https://app.example", kind="text/html")
    assert "body_is_json" in violated(judge_recordings(api, [saved(tmp_path, page)]))


@pytest.mark.parametrize("named", [True, False], ids=["named", "stated by the profile"])
def test_one_server_s_answers_are_judged_alone(named: bool, tmp_path: Path) -> None:
    server = "https://other.example" if named else "https://h.example"
    _, api = api_of(tmp_path, server=server)
    wrong = entry({**RIGHT, "id": "another"}, base="https://elsewhere.example")
    path = saved(tmp_path, wrong, entry())
    run = judge_recordings(api, [path], base_url="https://h.example" if named else None)
    assert (run.judged, violated(run)) == (1, set())
    assert run.skipped.counts == {SkipReason.OTHER_ADDRESS: 1}


# What kept evidence says.


def test_answers_to_ids_that_nobody_has_are_what_a_foreign_job_s_is_compared_with(
    tmp_path: Path,
) -> None:
    _, api = api_of(tmp_path)

    def asked(subject: Subject, body: object, *, job: str, at: float) -> Exchange:
        one = entry(body, job=job, code=404, at=at)
        stated = replace(one.request, job_id=job, subject=subject, credential=Credential.OWNER)
        return replace(one, request=stated)

    other = JOB.replace("5", "6")
    unknown = asked(Subject.MISSING, {"error": "unknown"}, job=other, at=1e9)
    foreign = asked(Subject.FOREIGN, {"error": "forbidden"}, job=JOB, at=1e9 + 1)
    path = tmp_path / "kept.har"
    path.write_text(json.dumps(har([foreign, unknown])))
    run = judge_recordings(api, [path])
    assert "foreign_job_looks_unknown" in {g.first.check for g in run.groups}


def test_nothing_seen_is_inconclusive(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    path = saved(tmp_path, replace(entry(), request=Request("GET", "https://h.example/a")))
    done = checked("--api", folder, path)
    assert done.exit_code == 3
    assert "verdict: inconclusive: no exchange is about a job" in done.stdout


# Where it is written.


def test_a_report_never_takes_the_place_of_a_link_or_a_device(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    path = saved(tmp_path, entry())
    kept, link, nothing = tmp_path / "kept.json", tmp_path / "link", tmp_path / "nothing"
    link.symlink_to(kept)
    nothing.symlink_to("/dev/null")
    for report in (link, nothing):
        assert checked("--api", folder, path, "--report", report).exit_code == 0
        assert report.is_symlink()
    assert json.loads(kept.read_text())["verdict"] == "kept"


def test_a_report_on_a_full_device_is_a_mistake_in_one_line(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    done = checked("--api", folder, saved(tmp_path, entry()), "--report", full)
    assert str(done.exception) == f"{full}: can't be written: No space left on device"


def test_what_is_printed_costs_nobody_the_verdict(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    command = [*PYTHON, "-m", "jobproof", "check", "--api", str(folder)]
    command.append(str(saved(tmp_path, entry())))
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    said = b"jobproof: standard output: can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_half_a_character_is_told_in_every_output(tmp_path: Path) -> None:
    folder, _ = api_of(tmp_path)
    body = '{"id": "' + JOB + '", "status": "\\ud800", "\\udfff": 1}'
    path = saved(tmp_path, entry(body, headers=(("Accept", "a\ud800"),)))
    report, junit = tmp_path / "r.json", tmp_path / "j.xml"
    done = checked("--api", folder, path, "--report", report, "--junit", junit)
    assert done.exit_code == 1
    assert "check_crashed" not in done.stdout
    text = report.read_text(encoding="utf-8")
    assert (
        json.loads(text)["findings"]
        == json.loads(checked("--api", folder, path, "--json").stdout)["findings"]
    )
    # Other programs refuse half a character even where it is escaped.
    assert json.loads(text.encode()) == json.loads(json.dumps(json.loads(text)).encode())
    assert not any("\ud800" <= sign <= "\udfff" for sign in str(json.loads(text)))
    assert "testsuite" in {element.tag for element in ElementTree.parse(junit).iter()}
