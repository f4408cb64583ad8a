"""
Every command line that a page, a comment, a workflow or a recipe shows is one that works.

Lines are taken out of the files. What can be run on this machine is run, with a mocked
endpoint in the place of every other address; what starts somebody else's service is
resolved: the file, the folder, the environment or the unit that it names exists.
"""

from __future__ import annotations

import configparser
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from uuid import uuid4

import click
import pytest
import yaml
from schemathesis.cli import schemathesis
from tests.copied.lines import PROGRAMS, ROOT, CommandLine, all_lines, files, programs_in
from tests.copied.sandbox import Sandbox, sandbox
from tests.third_party import EXAMPLE, Installation, install_wheel
from tests.tools import output_of, tool

from jobproof.contract.entry_points import plugins
from jobproof.contract.suite.options import OPTIONS

LINES = all_lines()
EXAMPLE_PAGE = "examples/plugin/README.md"
NOT_RUN = frozenset({"demo", "mock", "score"})
"""Run by tests of their own, for they take long or don't end; here their options are read."""

pytestmark = pytest.mark.xdist_group("copied")


def of(program: str) -> list[tuple[CommandLine, list[str]]]:
    """
    The words with which that program is called, and a line in which it stands so.
    """
    found: dict[tuple[bool | str, ...], tuple[CommandLine, list[str]]] = {}
    for line in LINES:
        text = re.sub(r"\$\{\{.*?\}\}", "ID", line.text)
        for words in map(_without_settings, programs_in(text)):
            if words and words[0].rpartition("/")[2] == program:
                # The example's page is for an environment of its own.
                found.setdefault((line.file == EXAMPLE_PAGE, *words), (line, words[1:]))
    return list(found.values())


def _without_settings(words: list[str]) -> list[str]:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return words


def each(program: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("line", "words"), of(program), ids=str)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```yaml\n(# jobproof.yaml\n.*?)```", readme, re.DOTALL)
    assert shown is not None
    with sandbox(tmp_path_factory.mktemp("copied"), shown[1]) as made:
        yield made


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install_wheel(EXAMPLE, tmp_path_factory.mktemp("example"))


def test_no_mention_of_a_command_is_overlooked() -> None:
    commands = "|".join(plugin.name for plugin in plugins("jobproof.commands"))
    mentioned = rf"(?<![\w/.-])jobproof (?:{commands})\b(?![:.])"
    read: dict[str, int] = {}
    for line in LINES:
        read[line.file] = read.get(line.file, 0) + len(re.findall(mentioned, line.text))
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        # What a script does is run with it; what a run printed isn't typed by anybody.
        if path.suffix == ".sh":
            continue
        told = re.findall(mentioned, text)
        assert read.get(name, 0) >= len(told), f"{name}: {told}, but {read.get(name, 0)} are read"


def test_every_line_to_be_typed_begins_with_a_program_that_is_tested_here() -> None:
    typed = [line for line in LINES if line.is_typed]
    assert len(typed) > 40
    for line in typed:
        for words in map(_without_settings, programs_in(line.text)):
            beside = ("date", "export", "grep", "sort", "uniq", "useradd")
            assert words[0].rpartition("/")[2] in (*PROGRAMS, *beside), line


def test_every_option_named_in_a_sentence_is_one() -> None:
    ours = {"--help", "-h", "--version"}
    for plugin in plugins("jobproof.commands"):
        command = plugin.load()
        for one in (command, *getattr(command, "commands", {}).values()):
            ours.update(name for parameter in one.params for name in parameter.opts)
    ours |= {f"--{option.pytest_name}" for option in OPTIONS}
    named = [
        (path.name, option)
        for path in (*ROOT.glob("*.md"), *files())
        if path.suffix == ".md"
        for option in re.findall(r"`(--[a-z][\w-]*)", path.read_text(encoding="utf-8"))
    ]
    assert len(named) > 30
    of_others = {"--pyargs", "--lf", "--storage", "--enable-feature"}
    of_others |= {"--checks", "--exclude-checks", "--workers"}  # of Schemathesis
    assert [(page, option) for page, option in named if option not in ours | of_others] == []


def test_there_is_something_of_every_program() -> None:
    assert {program for program in PROGRAMS if not of(program)} == set()


def _is_whole(words: list[str]) -> bool:
    """
    Read the options as the command line would, without running anything.

    Returns:
        False where something that must be given is left out: the command is named in a
        sentence, not shown to be typed.
    """
    known = {plugin.name: plugin for plugin in plugins("jobproof.commands")}
    command, rest = known[words[0]].load(), words[1:]
    context = click.Context(command)
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        command = found
    if isinstance(command, click.Group):
        return False
    try:
        command.make_context(words[0], list(rest))
    except click.MissingParameter:
        assert len(words) <= 3, words
        return False
    return True


def _filled(words: list[str], here: Sandbox) -> list[str]:
    """
    The words with what a reader puts in by hand.
    """
    by_option = {
        "--url": here.server.url,
        "--job-api-url": here.server.url,
        "--job": here.job.id,
        "--job-id": here.job.id,
        "--foreign-job": here.server.foreign_jobs[0].id,
        "--target": "krea",
        "--out": "out",
        "--rate-limit": "unlimited",  # the mock's time isn't worth sparing
    }
    filled = [by_option.get(before, word) for before, word in pairwise(["", *words])]
    return [{"FILE": "jobproof.yaml"}.get(word, word) for word in filled]


@each("jobproof")
def test_jobproof_does_what_is_shown(
    line: CommandLine, words: list[str], here: Sandbox, request: pytest.FixtureRequest
) -> None:
    command = words[0]
    words = _filled(words, here)
    if line.file == EXAMPLE_PAGE:
        _run_with_the_example(words, here, request.getfixturevalue("example"))
        return
    if not _is_whole(_existing(words, here)) or command in NOT_RUN:
        return
    if command == "probe":
        with here.daemon(words[1:]) as url:
            assert url.startswith("http://127.0.0.1:")
        return
    if command == "test" and "--report" in words:
        words += ["--effort", "quick"]
    elif command == "test":
        words.insert(words.index("--") if "--" in words else len(words), "--dry-run")
    done = here.run([sys.executable, "-P", "-m", "jobproof", *words])
    assert done.returncode == 0, done.stdout + done.stderr
    for option in ("--out", "--report", "--junit"):
        if option in words:
            assert (here.folder / words[words.index(option) + 1]).exists()


def _existing(words: list[str], here: Sandbox) -> list[str]:
    # click looks whether a file exists, from wherever the tests were started.
    return [str(here.folder / w) if (here.folder / w).exists() else w for w in words]


def _run_with_the_example(words: list[str], here: Sandbox, example: Installation) -> None:
    more = {"ACME_KEY": "a-key-of-acme"}
    if words[0] == "test":
        words = [*words, "--effort", "quick"]
    said = example.jobproof(*words, folder=here.folder, **more)
    assert said.code == 0, said.out + said.err


@each("pytest")
def test_pytest_does_what_is_shown(line: CommandLine, words: list[str], here: Sandbox) -> None:
    words = _filled(words, here)
    if "--pyargs" not in words:
        assert all((ROOT / word).exists() for word in words if not word.startswith("-"))
        return
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "--job-dry-run"]
    done = here.run([*command, *words])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^GET +http", done.stdout, re.MULTILINE)


@each("st")
def test_schemathesis_takes_what_is_shown(line: CommandLine, words: list[str]) -> None:
    hooks = re.search(r"SCHEMATHESIS_HOOKS=(\S+)", line.text)
    # What isn't to be typed tells of stock Schemathesis, as the benches measure it.
    assert line.is_typed is (hooks is not None)
    assert hooks is None or find_spec(hooks[1]) is not None
    document = str(EXAMPLE / "acme_jobs/apis/acme-renders/swagger.yaml")
    given = [document if word == "openapi.json" else word for word in words[1:]]
    given += [] if line.is_typed else [document]
    assert words[0] == "run"
    if given != ["…"]:
        schemathesis.commands["run"].make_context("run", given)


@each("tox")
def test_tox_has_the_environment_shown(line: CommandLine, words: list[str]) -> None:
    assert words[0] == "-e"
    file = configparser.ConfigParser(interpolation=None)
    file.read(ROOT / "tox.ini", encoding="utf-8")
    named = {section.partition(":")[2] for section in file.sections()} | {"py"}
    assert set(words[1].split(",")) <= named


@each("python")
def test_python_finds_what_is_shown(line: CommandLine, words: list[str], here: Sandbox) -> None:
    if words[0] == "-m":
        assert find_spec(words[1]) is not None
    elif words[0] == "-c":
        compile(words[1], str(line), "exec")
    else:
        assert (ROOT / words[0]).is_file()


@each("python3")
def test_python3_finds_what_is_shown(line: CommandLine, words: list[str]) -> None:
    assert words[0] == "-m"
    assert find_spec(words[1]) is not None


@pytest.mark.parametrize(
    ("line", "words"), [*of("docker"), *of("podman"), *of("kubectl"), *of("systemctl")], ids=str
)
def test_what_a_service_is_started_from_exists(line: CommandLine, words: list[str]) -> None:
    given = [after for before, after in pairwise(words) if before in ("-f", "-k")]
    assert all((ROOT / name).exists() for name in given)
    mounted = [word.partition(":")[0] for word in words if re.match(r"\./\S+:/", word)]
    assert all((ROOT / name).exists() for name in mounted)
    if words[0] == "run":
        built = re.search(r"podman build -t (\S+)", (ROOT / line.file).read_text(encoding="utf-8"))
        assert built is not None
        assert words[-1] == built[1]
    if words[0] == "enable":
        assert (ROOT / "deploy" / words[-1]).is_file()
    assert given or mounted or words[0] in ("enable", "describe")


@each("promtool")
def test_promtool_does_what_is_shown(line: CommandLine, words: list[str], here: Sandbox) -> None:
    if len(words) < 3:
        words = [*words, "--help"]
    rules = [tool("promtool"), *words]
    done = here.run(rules)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_finds_the_rules_that_the_page_has_it_write(here: Sandbox) -> None:
    shown = [line for line in LINES if line.file == "deploy/prometheus.yml"]
    assert [programs_in(line.text)[0][0] for line in shown] == ["jobproof", "promtool"]
    for line in shown:
        words = programs_in(line.text)[0]
        start = [sys.executable, "-P", "-m"] if words[0] == "jobproof" else []
        done = here.run([*start, *words])
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"SUCCESS: 2 rule files found", done.stdout)


def test_kubectl_finds_what_the_lines_before_it_write(here: Sandbox) -> None:
    shown = [line for line in LINES if line.file == "grafana/kubernetes/kustomization.yaml"]
    *writing, applying = [programs_in(line.text)[0] for line in shown]
    assert [words[0] for words in writing] == ["jobproof", "jobproof"]
    assert applying[:3] == ["kubectl", "apply", "-k"]
    folder = here.folder / applying[3]
    for name in ("dashboards.yaml", "prometheusrule.yaml"):
        (folder / name).unlink(missing_ok=True)
    for words in writing:
        done = here.run([sys.executable, "-P", "-m", *words])
        assert done.returncode == 0, done.stdout + done.stderr
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    for name in kustomization["resources"]:
        objects = yaml.safe_load_all((folder / name).read_text(encoding="utf-8"))
        assert all(one["apiVersion"] and one["kind"] for one in objects), name
    generated = [name for made in kustomization["configMapGenerator"] for name in made["files"]]
    assert generated == [name for name in generated if (folder / name).is_file()]


LOCAL = re.compile(r"http://127\.0\.0\.1:(909[03])")
"""Prometheus' and Alertmanager's own ports, which nobody serves here."""


@pytest.fixture(scope="module")
def prober(here: Sandbox) -> Iterator[str]:
    with here.daemon(["--config", "/etc/jobproof/jobproof.yaml"]) as url:
        yield url


@pytest.mark.parametrize(
    "line", list({line: None for line, _ in of("curl") if not LOCAL.search(line.text)}), ids=str
)
def test_curl_asks_what_is_shown(line: CommandLine, here: Sandbox, prober: str) -> None:
    text = line.text.replace("http://127.0.0.1:9641", prober).replace("<id>", str(uuid4()))
    tool("curl")
    more = {"PROBER": prober}
    if prober in text or "$PROBER" in text:
        # The daemon has every page that is named; an endpoint may well say 404.
        (here.folder / ".curlrc").write_text("fail\n", encoding="utf-8")
        more["CURL_HOME"] = str(here.folder)
    done = here.run(["bash", "-c", text], **more)
    assert "curl:" not in done.stderr, done.stderr
    # 1: a mocked endpoint has no certificate, and no such header, for grep to find.
    assert done.returncode in ((0, 1) if "grep" in text else (0,)), done.stdout + done.stderr


def test_what_a_page_has_a_run_write_is_what_its_next_line_reads(here: Sandbox) -> None:
    page = [line for line in LINES if line.file == "docs/contract.md"]
    reads = next(line for line in page if "python -c" in line.text)
    wrote = next(line for line in page if line.number == reads.number - 1)
    _, *words = programs_in(wrote.text)[0]
    run = here.run([sys.executable, "-P", "-m", "jobproof", *_filled(words, here)])
    assert run.returncode == 0, run.stdout + run.stderr
    _, *words = programs_in(reads.text)[0]
    read = here.run([sys.executable, "-P", *words])
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["overlay"] == "1.0.0"


def test_a_shard_that_does_not_exist_is_refused_by_what_is_tested_here(here: Sandbox) -> None:
    words = ["probe", "--config", "jobproof.yaml", "--shard", "2/2"]
    done = here.run([sys.executable, "-P", "-m", "jobproof", *words])
    assert done.returncode == 2
    assert "i counts from 0, so the last is 1" in done.stderr


SHARDS = re.compile(r"`--shard (\S+)`")


def test_every_shard_named_in_a_sentence_exists(here: Sandbox) -> None:
    named = [
        (path.name, shard)
        for path in files()
        for shard in SHARDS.findall(path.read_text(encoding="utf-8"))
        if shard != "i/n"
    ]
    assert len(named) >= 2
    for _, shard in named:
        with here.daemon(["--config", "jobproof.yaml", "--shard", shard]):
            pass


def test_a_workflow_of_ours_runs_what_exists() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    scripts = re.findall(r"run: sudo bash (\S+)", text)
    assert scripts
    for script in scripts:
        assert (ROOT / script).is_file()
        assert output_of("bash", "-n", ROOT / script) == ""
