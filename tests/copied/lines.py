"""
What a reader copies: command lines out of pages, comments, workflows and recipes.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ROOT", "CommandLine", "all_lines", "container", "files", "programs_in"]

ROOT = Path(__file__).parents[2]

PROGRAMS = frozenset(
    {"curl", "docker", "jobproof", "kubectl", "pip", "podman", "promtool", "pytest"}
    | {"python", "python3", "st", "systemctl", "tox"}
)
"""A line is a command if one of these begins it, whatever folder it is called from."""

INSTALLERS = frozenset({"pipx", "uv"})
"""Other ways to install: nothing here shows one today, and none goes unread."""

GENERATED = (
    "grafana/kubernetes/dashboards.yaml",
    "grafana/kubernetes/prometheusrule.yaml",
    "grafana/rules/",
)
"""What they say to a reader is written from `grafana/runbooks.md`, which is read itself."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_INDENTED = re.compile(r"^    (?=\S)(.+)$", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#(?:.*?:)? +(\S.*)$")
_CONTINUED = re.compile(r"\\\n#?\s*")
_ASSIGNED = re.compile(r"^(?:[A-Z_]+=\S+ +)+")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """
    One command line as it stands in a file.

    Attributes:
        file: Relative to the root of the repository.
        number: The line of the file that it begins in.
        is_typed: It stands in a block to be typed, so it is a command whatever begins it.
    """

    file: str
    number: int
    text: str
    is_typed: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.text[:70]}"


def files() -> Iterator[Path]:
    """
    Every file that tells a reader what to type, or a machine what to start.
    """
    yield ROOT / "README.md"
    for folder in ("docs", "examples", "deploy", "grafana"):
        for path in sorted((ROOT / folder).rglob("*")):
            is_text = path.suffix in (".md", ".yaml", ".yml", ".service", ".sh")
            is_recipe = path.name in ("Containerfile", "Dockerfile")
            if (is_text or is_recipe) and not path.relative_to(ROOT).as_posix().startswith(
                GENERATED
            ):
                yield path


def all_lines() -> list[CommandLine]:
    """
    Every command line in every file.
    """
    found = []
    for path in files():
        text = path.read_text(encoding="utf-8")
        reader = _in_markdown if path.suffix == ".md" else _in_other
        name = path.relative_to(ROOT).as_posix()
        for start, command, is_typed in reader(text):
            for part in _commands(command, is_typed=is_typed):
                found.append(CommandLine(name, text.count("\n", 0, start) + 1, part, is_typed))
    return [*found, *_in_tox(), *_in_docstrings()]


def programs_in(line: str) -> list[list[str]]:
    """
    The commands of a line, each as words: `a && b | c` are three.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [words for words in commands if words]


def container(recipe: Path) -> tuple[list[str], list[str]]:
    """
    The ENTRYPOINT and the CMD of an image, as words.
    """
    text = recipe.read_text(encoding="utf-8")

    def words(instruction: str) -> list[str]:
        found = re.findall(rf"^{instruction} (\[.+\])$", text, re.MULTILINE)
        return [str(word) for word in json.loads(found[-1])] if found else []

    return words("ENTRYPOINT"), words("CMD")


Place = tuple[int, str, bool]
"""Where a text begins, the text, and whether it is to be typed as it stands."""


def _in_tox() -> Iterator[CommandLine]:
    file = configparser.ConfigParser(interpolation=None)
    file.read(ROOT / "tox.ini", encoding="utf-8")
    for section in file.sections():
        for line in file.get(section, "commands", fallback="").splitlines():
            command = line.replace("{posargs}", "").strip()
            if command.startswith(("jobproof ", "python ")):
                yield CommandLine("tox.ini", 0, command)


def _in_docstrings() -> Iterator[CommandLine]:
    for path in (*sorted((ROOT / "benches").glob("*.py")), ROOT / "docs" / "generate.py"):
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        for line in re.findall(r"^    (python .+?)(?: {2,}.*| \[.*)?$", told, re.MULTILINE):
            yield CommandLine(path.relative_to(ROOT).as_posix(), 0, line)


def _in_markdown(text: str) -> Iterator[Place]:
    blank = text
    for block in _FENCE.finditer(text):
        blank = blank[: block.start()] + re.sub(r"\S", " ", block[0]) + blank[block.end() :]
        language, body, at = block[2], block[3], block.start(3)
        if language == "console":
            for line in re.finditer(r"^\s*\$ ((?:.*\\\n)*.*)$", body, re.MULTILINE):
                yield at + line.start(), _CONTINUED.sub(" ", line[1]), True
        elif language in ("", "sh", "bash", "shell"):
            for line in re.finditer(r"^\s*(\S(?:.*\\\n)*.*)$", body, re.MULTILINE):
                yield at + line.start(1), _CONTINUED.sub(" ", line[1]), True
    for line in _INDENTED.finditer(blank):
        yield line.start(1), line[1].partition("  #")[0], True
        comment = line[1].partition("  # or: ")[2]
        if comment:
            yield line.start(1), comment, True
    for code in _INLINE.finditer(_INDENTED.sub(lambda m: " " * len(m[0]), blank)):
        yield code.start(1), re.sub(r"\s+", " ", code[1]), False


def _in_other(text: str) -> Iterator[Place]:
    # NULs keep the places of what was folded, so that a line's number can be told.
    folded = _CONTINUED.sub(lambda m: " " + "\x00" * (len(m[0]) - 1), text)
    at = 0
    for line in folded.split("\n"):
        clean = line.replace("\x00", "")
        comment = _COMMENT.search(clean)
        if comment:
            yield at, comment[1], False
        for prefix in ("ExecStart=", "RUN ", "- run: "):
            if clean.strip().startswith(prefix):
                yield at, clean.strip().removeprefix(prefix), True
        at += len(line) + 1
    if "jobs:" in text and "runs-on:" in text:
        yield from _in_workflow(text)
    elif re.search(r"^  script:$", text, re.MULTILINE):
        yield from _in_pipeline(text)


def _in_workflow(text: str) -> Iterator[Place]:
    workflow: dict[str, Any] = yaml.safe_load(text)
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "\n" in step.get("run", "") or step.get("name"):
                where = text.find("run: >")
                yield max(where, 0), " ".join(step.get("run", "").split()), True


def _in_pipeline(text: str) -> Iterator[Place]:
    pipeline: dict[str, Any] = yaml.safe_load(text)
    for job in pipeline.values():
        script = "\0".join(job["script"])
        for name, value in job["variables"].items():
            script = script.replace(f"${name}", value)
        for line in script.split("\0"):
            yield text.find("script:"), line, True


def _commands(text: str, *, is_typed: bool) -> Iterator[str]:
    text = text.strip()
    plain = _ASSIGNED.sub("", text)
    first, _, rest = plain.partition(" ")
    if is_typed or (rest and first.rpartition("/")[2] in PROGRAMS | INSTALLERS):
        yield text
