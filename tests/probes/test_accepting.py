"""
A target of the daemon accepts known faults as a run of the suite does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.probes.test_config import GOOD, load, refusal

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api
from jobproof.probes.config.reader import load_settings
from jobproof.probes.once import print_round, probe_round

ENTRY = "{check: body_is_json, pointer: /a, reason: ticket 4711, expires: 2027-03-31}"


def test_a_target_accepts_what_it_lists_and_what_its_file_lists(tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(f"- {ENTRY.replace('/a', '/b')}\n")
    lists = f"    accept: [{ENTRY}]\n    accept_file: known.yaml\n"
    (target,) = load(
        tmp_path, GOOD.replace("    interval: 30s\n", f"    interval: 30s\n{lists}")
    ).targets
    assert [one.pointer for one in target.api.profile.policy.accept] == ["/a", "/b"]
    (other,) = load(tmp_path).targets
    assert other.api.profile.policy.accept == ()
    # What is accepted is a part of what is judged by: a reload has to apply it.
    assert target.api_digest != other.api_digest


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("body_is_json", "body_is_jsno", "accept[0].check: unknown check 'body_is_jsno'. Did you"),
        ("2027-03-31", "soon", "accept[0].expires: 'soon' is no date: write it as 2026-12-31"),
        ("/a", "a.b", "accept[0].pointer: 'a.b' is no place of a finding"),
        (", reason: ticket 4711", "", "accept[0]: key 'reason' is missing"),
    ],
)
def test_what_a_target_cant_accept_is_refused_with_its_line(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    lists = f"interval: 30s\n    accept: [{ENTRY.replace(old, new)}]"
    message = refusal(tmp_path, "interval: 30s", lists)
    assert message.startswith(f"jobproof.yaml:7: targets[0].{told}")


def test_a_file_that_cant_be_used_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(f"- {ENTRY.replace('json', 'jsno')}\n")
    lists = "interval: 30s\n    accept_file: known.yaml"
    message = refusal(tmp_path, "interval: 30s", lists)
    assert message.startswith("known.yaml:1: [0].check: unknown check 'body_is_jsno'.")
    (tmp_path / "known.yaml").unlink()
    message = refusal(tmp_path, "interval: 30s", lists)
    assert message.startswith("jobproof.yaml:7: targets[0].accept_file: ")
    assert message.endswith("known.yaml can't be read: no such file")


def test_where_the_daemon_runs_elsewhere_the_file_is_there_too(tmp_path: Path) -> None:
    path = tmp_path / "jobproof.yaml"
    path.write_text(GOOD.replace("interval: 30s", "interval: 30s\n    accept_file: there.yaml"))
    settings = load_settings(path, environment={"TOK": "sk-0123456789"}, runs_elsewhere=True)
    assert settings.targets[0].api.profile.policy.accept == ()


@pytest.mark.parametrize("day", ["2999-12-31", "2020-02-29"], ids=["accepted", "expired"])
def test_a_round_is_kept_until_the_day_is_over(
    day: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = find_api(default_api())
    with MockServer(api, faults=("id_of_another_job",)) as server:
        known = (
            f"{{check: job_id_is_echoed, pointer: /job_id, reason: ticket 4711, expires: {day}}}"
        )
        path = tmp_path / "jobproof.yaml"
        path.write_text(
            f"targets: [{{name: a, api: {api.name}, url: '{server.url}', token_env: TOK, "
            f"requests_per_minute: unlimited, accept: [{known}], "
            f"canaries: {{known: {{ids: [{server.jobs[0].id}]}}}}}}]\n"
        )
        settings = load_settings(path, environment={"TOK": server.token})
        done = probe_round(settings, settings.targets)
    print_round(done)
    # A terminal's width decides where a line ends.
    shown = " ".join(capsys.readouterr().out.split())
    if day.startswith("2020"):
        assert done.verdict == "broken"
        assert f"(its acceptance expired on {day}: ticket 4711)" in shown
    else:
        assert done.verdict == "kept"
        assert "accepted job_id_is_echoed at /job_id" in shown
        assert "(ticket 4711)" in shown
