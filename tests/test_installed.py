"""
What an installation puts on somebody's machine, and that it is in nobody's way there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.third_party import built_wheel
from tests.tools import PYTHON, output_of, run_to_end

ROOT = Path(__file__).parent.parent
SCRIPT = Path(sys.executable).with_name("jobproof")
NOT_OURS = frozenset({".git", ".tox", ".venv", "build", "dist"})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def names_in(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def test_one_package_is_installed_and_nothing_beside_it(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in names_in(wheel)}
    assert {re.sub(r"-\d.*", "", top) for top in tops} == {"jobproof"}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"jobproof"}


def test_it_is_typed_and_holds_every_file_of_the_three_folders(wheel: Path) -> None:
    names = names_in(wheel)
    assert "jobproof/py.typed" in names
    # Manifests that somebody wrote for a cluster aren't part of the checkout.
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").replace("**/", "").split()
    for folder in ("contract", "probes", "grafana"):
        files = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        there = {f"jobproof/{name}" for name in files - {*ignored}}
        assert {name for name in names if name.startswith(f"jobproof/{folder}/")} == there
    assert not [name for name in names if name.startswith("jobproof/tests")]


def test_a_wheel_built_from_the_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    output_of(*PYTHON, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, folder=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert names_in(built_wheel(source, tmp_path / "again")) == names_in(wheel)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """
    Somebody's project, with folders and modules that have the names of ours and of ours' own.
    """
    for name in ("contract", "probes", "grafana"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not yours')\n")
    for module in ("click", "yaml", "pydantic"):
        (tmp_path / f"{module}.py").write_text("raise RuntimeError('not yours')\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_a():\n    pass\n")
    return tmp_path


def run(
    command: Sequence[str | Path], folder: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    return run_to_end(*command, folder=folder, env={**os.environ, **more})


def test_pytest_starts_in_a_project_that_has_folders_of_these_names(project: Path) -> None:
    for module in ("click", "yaml", "pydantic"):
        (project / f"{module}.py").unlink()  # `python -m pytest` looks here first, for whoever
    done = run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"], project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.ladder
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("demo", "--once"), "verdict: kept"),
        (("score", "--fault", "status_null"), "1 of 1"),
    ],
    ids=["demo", "score"],
)
def test_what_starts_processes_of_its_own_takes_nothing_from_the_folder(
    project: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = run([SCRIPT, *arguments], project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """
    A second checkout, installed as `pip install -e .` does; what it depends on is the
    tested environment's, but for jobproof itself.
    """
    folder = tmp_path_factory.mktemp("editable")
    checkout = folder / "checkout"
    shutil.copytree(
        ROOT,
        checkout,
        symlinks=True,
        ignore=lambda _, names: [name for name in names if name in NOT_OURS or name[0] == "."],
    )
    home = folder / "venv"
    venv.EnvBuilder(symlinks=True).create(home)
    python = home / "bin" / "python"
    own = Path(
        sysconfig.get_path("purelib", "venv", vars={"base": str(home), "platbase": str(home)})
    )
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "jobproof" not in path.name:
            (own / path.name).symlink_to(path)
    pip = ("-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index")
    output_of(*PYTHON, *pip, "--no-build-isolation", "-e", checkout, folder=folder)
    return {"python": python, "checkout": checkout, "folder": folder}


def test_an_editable_installation_is_the_checkout(editable: Mapping[str, Path]) -> None:
    code = "import jobproof.contract.suite as s, pathlib; print(pathlib.Path(s.__file__).resolve())"
    done = run([editable["python"], "-P", "-c", code], editable["folder"])
    assert done.returncode == 0, done.stderr
    place = Path(done.stdout.strip()).parent
    assert place == (editable["checkout"] / "contract" / "suite").resolve()


@pytest.mark.ladder
def test_an_editable_installation_runs_the_suite_in_plain_pytest(
    editable: Mapping[str, Path],
) -> None:
    suite = ("--pyargs", "jobproof.contract.suite", "-k", "job_id_is_echoed")
    pytest_ = (editable["python"], "-P", "-m", "pytest", "-p", "no:cacheprovider", "-q")
    done = run([*pytest_, *suite], editable["folder"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: kept" in done.stdout


@pytest.mark.ladder
def test_a_checkout_runs_the_suite_by_its_folder_too(editable: Mapping[str, Path]) -> None:
    suite = ("contract/suite", "-k", "job_id_is_echoed", "-c", "contract/suite/pytest.ini")
    pytest_ = (editable["python"], "-P", "-m", "pytest", "-p", "no:cacheprovider", "-q")
    done = run([*pytest_, *suite], editable["checkout"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: kept" in done.stdout


def test_the_generator_writes_a_checkout_and_says_what(editable: Mapping[str, Path]) -> None:
    rules = editable["checkout"] / "grafana" / "rules" / "jobproof-alerts.yml"
    whole = rules.read_text(encoding="utf-8")
    rules.write_text("spoilt", encoding="utf-8")
    done = run([editable["python"], "-P", "-m", "jobproof.grafana"], editable["folder"])
    assert done.returncode == 0, done.stderr
    assert rules.read_text(encoding="utf-8") == whole
    assert "grafana/rules/jobproof-alerts.yml" in done.stdout.splitlines()


def test_the_generator_refuses_to_write_an_installation(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-P", "-m", "jobproof.grafana"]
    done = run(command, tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"{tmp_path / 'jobproof' / 'grafana'} is no checkout: "
        "pip install -e . in yours, and start it from there\n"
    )


@pytest.mark.ladder
@pytest.mark.parametrize(("package", "code"), [("jobproof.contract.suite", 0), ("no.suite", 4)])
def test_a_dry_run_is_of_a_suite_that_there_is(tmp_path: Path, package: str, code: int) -> None:
    pytest_ = (sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "--job-dry-run")
    done = run([*pytest_, "--pyargs", package], tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("http://127.0.0.1" in done.stdout) is (code == 0)


@pytest.mark.ladder
def test_a_dry_run_is_told_once_whatever_the_workers(tmp_path: Path) -> None:
    pytest_ = (sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-n", "2")
    done = run([*pytest_, "--pyargs", "jobproof.contract.suite", "--job-dry-run"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("requests, without a rate limit") == 1
