"""
What an answer holds is shown in every output of the suite, and sent to no terminal.
"""

from __future__ import annotations

import json
import os
import string
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.har_files import entry
from tests.shouter import SHOUT, Shouter, raw_in
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract import cli
from jobproof.contract.formats.wording import legible, legible_json, legible_lines
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.suite.publishing.publish import OUTPUTS

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
# What Markdown would take for a link or a title is broken by a sign without width: ours.
OURS = {"summary": {"U+200B"}}
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(SHOUT)))
VALUES = st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@pytest.fixture(scope="module")
def shouter() -> Iterator[Shouter]:
    with Shouter().serve() as serving:
        yield serving


def _run(*arguments: str | Path) -> CompletedProcess[str]:
    variable = find_api(default_api()).profile.token_env
    return run_to_end(*JOBPROOF, *arguments, env={**os.environ, variable: "t0ken-of-a-test"})


def _made(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    return {name: folder / name for name in OUTPUTS}


def _options(made: dict[str, Path]) -> list[str]:
    return [f"--{name.replace('_', '-')}={path}" for name, path in made.items()]


def _raw(outputs: dict[str, str]) -> dict[str, set[str]]:
    found = {name: raw_in(text) - OURS.get(name, set()) for name, text in outputs.items()}
    return {name: signs for name, signs in found.items() if signs}


def _read(files: dict[str, Path]) -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8") for name, path in files.items()}


def test_what_steers_a_terminal_is_sent_nowhere_by_a_run(shouter: Shouter, tmp_path: Path) -> None:
    files = {"report": tmp_path / "report.json", "junit": tmp_path / "junit.xml"}
    files |= _made(tmp_path / "of the run")
    target = ["--url", shouter.url, "--job", JOB, "--effort", "quick"]
    done = _run("test", *target, *_options(files), "--", "-vv", "--showlocals", "--tb=long")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "gnp.exe" in done.stdout
    assert _raw({"stdout": done.stdout, "stderr": done.stderr, **_read(files)}) == {}
    again = _made(tmp_path / "again")
    rendered = _run("render", files["report"], *_options(again))
    assert rendered.returncode == 0, rendered.stderr
    accepted = _run("accept", files["report"])
    assert "gnp.exe" in accepted.stdout + accepted.stderr
    said = {"render": rendered.stdout + rendered.stderr, "accept": accepted.stdout}
    assert _raw({**said, "accept's errors": accepted.stderr, **_read(again)}) == {}


def test_what_steers_a_terminal_is_sent_nowhere_by_a_recording(tmp_path: Path) -> None:
    body = {"job_id": SHOUT, "status": SHOUT, "created_at": SHOUT, SHOUT: {SHOUT: [SHOUT]}}
    content = {"mimeType": "application/json", "text": json.dumps(body)}
    recording = tmp_path / "seen.har"
    recording.write_text(
        json.dumps({"log": {"entries": [entry(content=content), entry(comment=SHOUT)]}}), "utf-8"
    )
    for options in ((), ("--json",)):
        files = {"junit": tmp_path / "junit.xml"} | _made(tmp_path / f"made{len(options)}")
        done = _run("check", recording, "--api", "krea", *options, *_options(files))
        assert done.returncode == 1, done.stderr
        assert "gnp.exe" in done.stdout
        assert _raw({"stdout": done.stdout, "stderr": done.stderr, **_read(files)}) == {}


def test_a_failure_of_our_own_is_no_verdict_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError(f"{SHOUT} Bearer abcdefgh12345")

    monkeypatch.setattr(cli, "_jobproof", click.Command("fails", callback=fail))
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    said = capsys.readouterr().err
    assert ended.value.code == 4
    assert "ZeroDivisionError" in said
    assert "Bearer ***" in said
    assert raw_in(said) <= {"a forged line"}  # a traceback has lines of its own


@settings(deadline=None)
@given(VALUES)
def test_json_for_people_is_the_same_json(value: object) -> None:
    for indent in (None, 1):
        shown = legible_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(shown) == value
        assert all(line.isprintable() for line in shown.split("\n"))
        assert indent is not None or "\n" not in shown


@pytest.mark.parametrize("signs", [SHOUT, "".join(map(chr, range(0xE000, 0xE100)))])
def test_json_full_of_signs_is_the_same_json(signs: str) -> None:
    value = {f'{signs}\\"': [f'\\{sign}\\\\"{sign}\n' for sign in signs], "é\\": "\U000e0001\ud800"}
    shown = legible_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(shown) == value
    assert shown.isprintable()


@settings(deadline=None)
@given(TEXTS)
def test_a_text_for_people_has_only_the_lines_that_it_is_to_have(text: str) -> None:
    assert legible(text).isprintable()
    shown = legible_lines(text)
    assert raw_in(shown) <= {"a forged line"}
    assert shown.count("\n") == text.count("\n")
    assert legible_lines(shown) == shown


def test_what_can_be_shown_stays_as_it_is() -> None:
    text = f'{string.ascii_letters} é 漢字 \U0001f600 <b> \\ "'
    assert legible(text) == legible_lines(text) == legible_json(text) == text
    assert legible_json('"\ud800"') == '"\\ud800"'
