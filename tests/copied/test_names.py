"""
Names in prose are names of something: modules, metrics, variables, groups, pages, folders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from tests.copied.lines import ROOT
from tests.servers import QuietHandler, http_server
from tests.tools import PYTHON, output_of

from jobproof.contract.plugins import default_api, find_api
from jobproof.probes.export.families import METRICS

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "grafana").glob("*.md")),
    ROOT / "examples" / "plugin" / "README.md",
]
CODE = [
    path
    for folder in ("contract", "probes", "grafana", "tests", "benches")
    for path in (ROOT / folder).rglob("*.py")
]
PLACES = re.compile(
    r"`((?:contract|probes|grafana|tests|docs|deploy|examples|benches|src)/[^`\s<]*)`"
)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


def said(page: Path) -> str:
    """
    The page without what is generated into it from the code itself.
    """
    text = page.read_text(encoding="utf-8")
    return re.sub(r"(<!-- begin: \S+)[^\n]* -->\n.*?<!-- end -->", r"\1", text, flags=re.DOTALL)


@every_page
def test_every_dotted_name_leads_somewhere(page: Path) -> None:
    files = r"(?:ya?ml|json|service|har|example|pem|txt|md)"
    for name in set(
        re.findall(r"(?<![\w/.-])jobproof(?:\.\w+)+(?![\w/])", page.read_text("utf-8"))
    ):
        if entry_points(group=name) or re.fullmatch(rf"jobproof(\.schema)?\.{files}.*", name):
            continue
        assert _exists(name), name


def _exists(name: str) -> bool:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        try:
            found = find_spec(module)
        except ModuleNotFoundError:
            continue
        if found is not None:
            return end == len(parts) or (
                end == len(parts) - 1 and hasattr(import_module(module), parts[-1])
            )
    return False


@every_page
def test_every_metric_named_is_exported_or_recorded(page: Path) -> None:
    exported = {metric.name for metric in METRICS}
    rules = yaml.safe_load((ROOT / "grafana/rules/jobproof-recording.yml").read_text("utf-8"))
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"]}
    for name in set(re.findall(r"\bjobproof_[a-z_]+", said(page))):
        plain = re.sub(r"_(bucket|count|sum)$", "", name)
        known = {plain, name} & exported or any(name in record for record in recorded)
        # The beginning of several, as one greps for them.
        known = known or (name[-1] == "_" and any(one.startswith(name) for one in exported))
        # A family of them, and the label of service discovery.
        assert known or name in ("jobproof_probe", "jobproof_api"), name


@every_page
def test_every_variable_named_is_read(page: Path) -> None:
    read = "\n".join(path.read_text(encoding="utf-8") for path in CODE if "tests" not in path.parts)
    for name in set(re.findall(r"\bJOBPROOF_[A-Z_]+", page.read_text(encoding="utf-8"))):
        assert name in read, name


@every_page
def test_every_page_of_the_daemon_named_is_served(page: Path) -> None:
    app = (ROOT / "probes" / "web" / "app.py").read_text(encoding="utf-8")
    for path in set(re.findall(r"(?<=[\s`\"(])/-/\w+", page.read_text(encoding="utf-8"))):
        assert f'"{path}"' in app, path


@every_page
def test_every_folder_named_is_there(page: Path) -> None:
    for place in PLACES.findall(page.read_text(encoding="utf-8")):
        plain = place.rstrip("/").partition("*")[0]
        assert (ROOT / plain).exists(), place


def test_the_files_of_the_example_are_those_that_its_page_lists() -> None:
    folder = ROOT / "examples" / "plugin"
    listed = re.findall(
        r"^\| `([^`]+)` \|", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(listed) >= 6
    assert [name for name in listed if not (folder / name).exists()] == []


_WHOLE = (ROOT / "README.md", ROOT / "docs" / "testing.md")
"""Whose files, each named in its first line, test_testing_pages.py runs together."""


def _snippets() -> Iterator[str]:
    for page in PAGES:
        for code in re.findall(r"```python\n(.*?)```", said(page), re.DOTALL):
            if page not in _WHOLE or not re.match(r"# \w+\.py\n", code):
                yield code


@pytest.mark.parametrize("code", list(_snippets()), ids=lambda code: code.splitlines()[0])
def test_a_snippet_can_be_run(code: str, tmp_path: Path) -> None:
    with http_server(_Documents) as url:
        here = code.replace("https://api.example.com", url)
        # In a process of its own: some register with a library, for good.
        said = output_of(*PYTHON, "-c", f"{here}\nprint(len(globals()))", folder=tmp_path)
    empty = output_of(*PYTHON, "-c", "print(len(globals()))")
    assert int(said.split()[-1]) > int(empty)


class _Documents(QuietHandler):
    """
    Has one document, for whoever asks.
    """

    def do_GET(self) -> None:
        api = find_api(default_api())
        body = json.dumps(api.operation.document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
