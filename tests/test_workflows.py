"""
What runs on the repository's host, which no test can run: it may do no more than it has to, and a
release is tested by what tests every change.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for a truth value.
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def actions(workflow: dict[str, Any]) -> set[str]:
    return {step["uses"] for step in steps(workflow) if "uses" in step}


@pytest.fixture
def release() -> dict[str, Any]:
    return read(ROOT / ".github" / "workflows" / "release.yml")


@every_workflow
def test_rights_are_named_and_nothing_may_write_but_what_has_to(path: Path) -> None:
    workflow = read(path)
    assert set(workflow["permissions"].values()) <= {"read"}
    may_write = {
        (job, right)
        for job, told in workflow["jobs"].items()
        for right, value in told.get("permissions", {}).items()
        if value != "read"
    }
    assert (
        may_write
        == {
            "ci.yml": set(),
            "release.yml": {
                ("attest", "attestations"),
                ("attest", "id-token"),
                ("publish", "id-token"),
            },
        }[path.name]
    )


def test_a_right_to_sign_is_where_no_code_of_ours_runs(release: dict[str, Any]) -> None:
    for told in release["jobs"].values():
        assert "permissions" in told
        if told["permissions"].get("id-token") == "write":
            assert [step for step in told["steps"] if "run" in step] == []


@every_workflow
def test_no_password_and_no_text_of_others_in_a_command(path: Path) -> None:
    assert "secrets." not in path.read_text(encoding="utf-8")
    for step in steps(read(path)):
        assert "${{" not in step.get("run", "")
        assert not {"password", "user"} & step.get("with", {}).keys()


@every_workflow
def test_every_job_ends(path: Path) -> None:
    for told in read(path)["jobs"].values():
        assert "uses" in told or told["timeout-minutes"] <= 90


def test_workflows_agree_on_the_versions_of_actions() -> None:
    found: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, ROOT / "examples" / "ci" / "contract.yml"]:
        for name, _, version in (action.partition("@") for action in actions(read(path))):
            found.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}
    # A branch moves; upload and download of one run have to be of one kind.
    moving = {name for name, (version,) in found.items() if not re.fullmatch(r"v\d+", version)}
    assert moving == {"pypa/gh-action-pypi-publish"}
    assert found["actions/upload-artifact"] == found["actions/download-artifact"]


def test_a_release_is_tested_by_what_tests_every_change(release: dict[str, Any]) -> None:
    assert release["jobs"]["test"]["uses"] == "./.github/workflows/ci.yml"
    ci = read(ROOT / ".github" / "workflows" / "ci.yml")
    assert "workflow_call" in ci["on"]
    commands = [step["run"] for step in steps(ci) if "run" in step]
    assert commands == ["sudo bash .ci/run"]


def test_nothing_is_published_that_was_not_tested_built_and_attested(
    release: dict[str, Any],
) -> None:
    assert release["on"] == {"push": {"tags": ["v*"]}}
    jobs = release["jobs"]
    assert set(jobs["attest"]["needs"]) == {"test", "build"}
    assert jobs["publish"]["needs"] == "attest"
    assert jobs["publish"]["environment"] == "pypi"
    made = {
        step["with"]["name"]: step["with"]["path"]
        for step in jobs["build"]["steps"]
        if "upload-artifact" in step.get("uses", "")
    }
    assert made == {"dist": "dist/", "sbom": "build/sbom.cdx.json"}
    for job in ("attest", "publish"):
        for step in jobs[job]["steps"]:
            if "download-artifact" in step["uses"]:
                folder = made[step["with"]["name"]]
                assert folder.startswith(step["with"]["path"])
            if "attest" in step["uses"]:
                assert step["with"]["subject-path"] == f"{made['dist']}*"
    (sbom,) = (s for s in jobs["attest"]["steps"] if "attest-sbom" in s["uses"])
    assert sbom["with"]["sbom-path"] == made["sbom"]


def test_the_tag_is_held_against_the_version_before_anything_is_built(
    release: dict[str, Any],
) -> None:
    commands = [step["run"] for step in release["jobs"]["build"]["steps"] if "run" in step]
    assert commands == ["pip install tox", 'tox -e release -- "$GITHUB_REF_NAME"']


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("tag", "changelog", "says"),
    [
        ("v1.2.0", "## 1.2.0 (2027-01-31)\n", None),
        ("v1.2.1", "## 1.2.0\n", "the tag is v1.2.1, and pyproject.toml says version 1.2.0"),
        ("1.2.0", "## 1.2.0\n", "the tag is 1.2.0, and pyproject.toml says version 1.2.0"),
        ("v1.2.0", "## 1.2.0 (unreleased)\n", "CHANGELOG.md calls 1.2.0 unreleased"),
        ("v1.2.0", "## 1.2.01\n## 1x2.0\n", "CHANGELOG.md has no section 1.2.0"),
    ],
)
def test_a_tag_is_released_if_version_and_changelog_are_its_own(
    tag: str, changelog: str, says: str | None
) -> None:
    wrong = script().tag_error(tag, version="1.2.0", changelog=changelog)
    assert wrong is None if says is None else wrong.startswith(says)


def test_a_wrong_tag_builds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = script()
    found.build = None  # would fail if it were called
    assert found.main(["v0"]) == 1
    assert capsys.readouterr().err.startswith("the tag is v0, and pyproject.toml says version ")


def test_updates_of_every_kind_come_once_a_week_together() -> None:
    told = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    assert told["version"] == 2
    kinds = {update["package-ecosystem"]: update for update in told["updates"]}
    assert kinds.keys() == {"pip", "github-actions"}
    for update in kinds.values():
        assert update["schedule"] == {"interval": "weekly"}
        (group,) = update["groups"].values()
        assert group == {"patterns": ["*"]}
