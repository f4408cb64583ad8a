"""
What prose can't hold: which way imports point, what Python may know, and how modules look.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.tools import PYTHON, output_of

import jobproof
from jobproof.contract.formats.json_pointer import walk
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.hostile_ids import HOSTILE_IDS

pytestmark = pytest.mark.source

# The installed package is what is guarded, wherever it is installed.
ROOT = Path(jobproof.__file__).parent
PACKAGES = ("contract", "probes", "grafana")
MODULES = sorted(
    path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)


def every_module(test: Any) -> Any:
    """
    A test of each module's source.
    """
    return pytest.mark.parametrize("module", MODULES, ids=[str(path) for path in MODULES])(test)


APART = ("client", "mock", "reaching", "suite", "scoring", "testing", "cli")
"""What of `contract` may open a socket, or drive what does; the rest is the core."""

NETWORK = ("socket", "ssl", "http", "urllib.request", "asyncio", "pycurl", "requests", "urllib3")
ENGINES = ("pytest", "hypothesis", "schemathesis")
FRAMEWORKS = (*ENGINES, "prometheus_client", "starlette", "uvicorn")

VALUES = ("contract/errors.py", "contract/formats", "contract/model")
CORE = (*VALUES, "contract/judging", "contract/plugins.py")
ASKED = ("probes/config", "probes/export", "probes/result.py")

KNOWN = {
    "contract/errors.py": (),
    "contract/formats": ("contract/errors.py",),
    "contract/openapi": ("contract/errors.py", "contract/formats"),
    "contract/model": ("contract/errors.py", "contract/formats", "contract/openapi"),
    "contract/checks": ("contract/formats", "contract/model", "contract/openapi"),
    "contract/client": VALUES,
    "contract/reaching": (*VALUES, "contract/client"),
    "contract/judging": VALUES,
    "contract/plugin_import.py": ("contract/errors.py",),
    "contract/entry_points.py": (
        *("contract/errors.py", "contract/formats", "contract/plugin_import.py"),
    ),
    "contract/plugins.py": (*VALUES, "contract/entry_points.py"),
    "contract/cli.py": ("contract/entry_points.py", "contract/errors.py", "contract/formats"),
    "contract/recordings": CORE,
    "contract/mock": (*VALUES, "contract/openapi", "contract/plugins.py"),
    "contract/scoring": (*CORE, "contract/client", "contract/mock", "contract/recordings"),
    "contract/suite": (
        *(*CORE, "contract/client", "contract/mock", "contract/reaching"),
        "contract/recordings",
    ),
    "contract/testing": (*CORE, "contract/client", "contract/mock", "contract/suite"),
    "probes/result.py": VALUES,
    "probes/logs.py": VALUES,
    "probes/sparing_log.py": (),
    "probes/allocator.py": (),
    "probes/sources": VALUES,
    "probes/demo.py": VALUES,
    "probes/canaries": (*VALUES, "probes/result.py"),
    "probes/config": (
        *(*VALUES, "contract/entry_points.py", "contract/plugins.py", "contract/reaching"),
        "probes/canaries",
    ),
    "probes/export": (
        *(*VALUES, "contract/judging", "contract/recordings"),
        "probes/result.py",
    ),
    "probes/plugins": (
        *("contract/errors.py", "contract/formats", "contract/judging", "probes/export"),
        "probes/result.py",
    ),
    "probes/evidence": (
        *(*VALUES, "contract/recordings"),
        *("probes/result.py", "probes/sparing_log.py"),
    ),
    "probes/engine": (
        *(*CORE, *ASKED, "contract/reaching", "probes/canaries"),
        "probes/plugins",
    ),
    "probes/following": (
        *(*VALUES, "contract/plugins.py", "contract/recordings"),
        *(*ASKED, "probes/canaries", "probes/engine", "probes/evidence", "probes/sources"),
        *("contract/judging", "probes/plugins", "probes/sparing_log.py"),
    ),
    "probes/web": (
        *(*VALUES, "probes/evidence", "probes/export", "probes/following"),
        *("probes/result.py", "probes/sources"),
    ),
    "probes/daemon.py": (
        *(*CORE, *ASKED, "probes/engine", "probes/following"),
        *("probes/logs.py", "probes/plugins", "probes/reload_result.py", "probes/sparing_log.py"),
    ),
    "probes/reload_result.py": (*VALUES, "probes/config"),
    "probes/control.py": (
        *(*VALUES, "probes/config", "probes/daemon.py", "probes/following"),
        *("probes/reload_result.py", "probes/result.py", "probes/web"),
    ),
    "probes/service.py": ("contract/client", "contract/reaching", *CORE, "probes"),
    "probes/once.py": (*CORE, "contract/reaching", "probes"),
    "probes/cli.py": (
        *(*VALUES, "probes/config", "probes/logs.py", "probes/once.py"),
        "probes/service.py",
    ),
    "grafana/settings.py": (*VALUES, "contract/plugins.py", "probes/export"),
    "grafana/promql.py": ("contract/errors.py", "probes/export"),
    "grafana/configured.py": ("grafana/settings.py", "probes/config"),
    "grafana/alerting": ("contract/formats", "grafana/promql.py", "grafana/settings.py"),
    "grafana/boards": (
        *("contract/formats", "grafana/alerting", "grafana/promql.py", "grafana/settings.py"),
        "probes/export",
    ),
    "grafana/kubernetes.py": ("contract/formats", "grafana/alerting", "grafana/settings.py"),
    "grafana/files.py": ("grafana/alerting", "grafana/boards", "grafana/settings.py"),
    "grafana/cli.py": ("grafana", "contract/errors.py", "contract/formats"),
    "grafana/__main__.py": ("grafana/files.py", "grafana/settings.py"),
}
"""What each room may know of the others, whole."""

MOST_MODULES = {"contract/checks": 20}
"""A check's family is a module, so there are as many as families; elsewhere twelve."""


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def _imports(node: ast.AST, *, typed: bool = False) -> Iterator[str]:
    """
    Names of the modules imported when the code runs, wherever the import stands; with
    `typed`, those that only a type checker sees, too.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not typed:
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        yield from _imports(child, typed=typed)


def _is(name: str, *of: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in of)


def _is_core(module: Path) -> bool:
    return module.parts[0] == "contract" and Path(module.parts[1]).stem not in APART


def _known_to(module: Path, *of: str) -> list[str]:
    """
    What the module imports of these: a library, or a part of ours by its place in the house.
    """
    names = {name.removeprefix("jobproof.") for name in _imports(_tree(module))}
    return sorted(name for name in names if _is(name, *of))


@cache
def _arrows(module: Path) -> frozenset[Path]:
    """
    The modules of ours that this one imports.
    """
    found: set[Path] = set()
    for name in _imports(_tree(module), typed=True):
        parts = name.removeprefix("jobproof.").split(".") if _is(name, "jobproof") else []
        for end in range(len(parts), 0, -1):
            file = Path(*parts[:end]).with_suffix(".py")
            there = next(
                (f for f in (file, Path(*parts[:end], "__init__.py")) if f in _HOUSE), None
            )
            if there is not None:
                found.add(there)
                break
    return frozenset(found - {module})


_HOUSE = frozenset(MODULES)
FOLDERS = sorted({parent for module in MODULES for parent in module.parents})


def _room(module: Path, folder: Path) -> Path:
    """
    The file or folder that stands directly in `folder` and holds the module.
    """
    return folder / module.relative_to(folder).parts[0]


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_imports_run_in_no_circle(folder: Path) -> None:
    rooms: dict[Path, set[Path]] = {}
    for module in MODULES:
        if module.is_relative_to(folder) and module != folder / "__init__.py":
            known = {
                _room(other, folder)
                for other in _arrows(module)
                # A package's own face hands names on; who takes them from it is drawn there.
                if other.is_relative_to(folder) and other != folder / "__init__.py"
            }
            rooms.setdefault(_room(module, folder), set()).update(known)
    for room, known in rooms.items():
        known.discard(room)
    order = list(TopologicalSorter(rooms).static_order())  # CycleError names those of a circle
    assert rooms.keys() <= set(order)


@pytest.mark.parametrize("room", KNOWN)
def test_a_room_knows_no_other_than_it_may(room: str) -> None:
    here = [module for module in MODULES if module.is_relative_to(room)]
    assert here
    for module in here:
        others = [
            o for o in _arrows(module) if not any(map(o.is_relative_to, (room, *KNOWN[room])))
        ]
        assert others == [], module


def test_every_room_is_in_the_table() -> None:
    rooms = {"/".join(m.parts[:2]) for m in MODULES if m.name != "__init__.py" and len(m.parts) > 1}
    assert rooms == KNOWN.keys()


def test_what_is_published_is_made_of_the_report_alone() -> None:
    # Else `jobproof render` would give something else than the run did.
    room, known = Path("contract/suite/publishing"), (*VALUES, "contract/suite/options.py")
    here = [module for module in MODULES if module.is_relative_to(room)]
    assert here
    others = {other for module in here for other in _arrows(module)}
    ours = ("contract/suite/reporting/report.py", str(room))
    assert [o for o in others if not any(map(o.is_relative_to, (*known, *ours)))] == []


@every_module
def test_nobody_takes_names_from_the_face_of_the_folder_that_it_is_in(module: Path) -> None:
    faces = {parent / "__init__.py" for parent in module.parents}
    assert _arrows(module) & faces == set()


@every_module
def test_no_import_hides_in_a_string(module: Path) -> None:
    called = {ast.unparse(n.func) for n in ast.walk(_tree(module)) if isinstance(n, ast.Call)}
    assert not called & {"__import__", "import_module", "importlib.import_module"}


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_folder_holds_no_more_than_a_dozen_modules(folder: Path) -> None:
    modules = [m for m in MODULES if m.parent == folder and m.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES.get(folder.as_posix(), 12)


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f != Path()], ids=str)
def test_a_folder_says_which_question_it_answers(folder: Path) -> None:
    assert folder / "__init__.py" in _HOUSE
    docstring = ast.get_docstring(_tree(folder / "__init__.py")) or ""
    question = docstring.partition("\n\n")[0]
    assert re.fullmatch(r"[A-Z][^?\n]{20,}\?", question)


@every_module
def test_imports_point_one_way(module: Path) -> None:
    package = module.parts[0]
    if package == "contract":
        assert _known_to(module, "probes", "grafana", "tests") == []
    if package == "probes":
        barred = (
            *("contract.suite", "contract.mock", "contract.scoring", "contract.testing"),
            *("grafana", "tests"),
        )
        assert _known_to(module, *barred, *ENGINES) == []
    if package == "grafana":
        allowed = ("probes.export.families", "probes.config")
        assert [n for n in _known_to(module, "probes") if not _is(n, *allowed)] == []
        assert _known_to(module, *(f"contract.{part}" for part in (*APART, "checks"))) == []


@pytest.mark.parametrize("module", [m for m in MODULES if _is_core(m)], ids=str)
def test_the_core_opens_no_socket_and_needs_no_framework(module: Path) -> None:
    assert _known_to(module, *NETWORK, *FRAMEWORKS) == []
    assert _known_to(module, *(f"contract.{part}" for part in APART)) == []


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        (
            "pycurl",
            {
                f"contract/client/{name}.py"
                for name in ("curl", "curl_codes", "curl_route", "form_post", "handle")
            },
        ),
        ("prometheus_client", {"probes/export/metrics.py", "probes/export/prometheus.py"}),
        (
            "jsonschema_rs",
            {
                *("contract/openapi/schema.py", "contract/openapi/document.py"),
                "contract/openapi/patterns/ecma_pattern.py",
            },
        ),
        (
            "schemathesis",
            {
                "contract/suite/running/generated_cases.py",
                "contract/suite/schemathesis_check.py",
            },
        ),
        ("uvicorn", {"probes/web/server.py"}),
        ("mitmproxy", {"contract/recordings/flows.py"}),
        ("idna", {"contract/formats/addresses/urls.py"}),
        ("oauthlib", {"contract/reaching/token_sources.py"}),
    ],
)
def test_a_library_comes_in_through_one_door(library: str, doors: set[str]) -> None:
    found = {m.as_posix() for m in MODULES if _known_to(m, library)}
    assert found
    assert found <= doors


@every_module
def test_a_model_of_a_file_is_strict(module: Path) -> None:
    if module == Path("contract/formats/strict_model.py"):
        return
    text = (ROOT / module).read_text(encoding="utf-8")
    assert not re.search(r"\(BaseModel\):|\bConfigDict\b", text), "derive from StrictModel"


@pytest.mark.parametrize(
    ("load", "barred"),
    [
        (
            "jobproof.contract.judging.judge, jobproof.contract.plugins",
            (*FRAMEWORKS, "pycurl", "requests"),
        ),
        (
            "jobproof.contract.cli",
            (*FRAMEWORKS, "pycurl", "requests", "pydantic", "yaml", "jsonschema_rs"),
        ),
        ("jobproof.probes.service", (*ENGINES, "requests", "jobproof.grafana")),
    ],
)
def test_nothing_heavy_comes_along(load: str, barred: tuple[str, ...]) -> None:
    code = f"import sys, {load}; print(*sorted({set(barred)!r} & sys.modules.keys()))"
    assert output_of(*PYTHON, "-c", code).split() == []


@every_module
def test_a_process_of_our_own_takes_nothing_from_the_current_folder(module: Path) -> None:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            words = [ast.unparse(word) for word in node.elts]
            assert words[0] != "sys.executable" or words[1:2] == ["'-P'"], node.lineno


NOT_FOUND_BY_HTTP = {
    "contract/model/manners/questions.py": "to whom another host or path is named",
    "contract/model/profile.py": "the default of `not_found.codes`",
    "contract/model/promises/expected_codes.py": "a route that takes no such text",
    "probes/web/app.py": "the daemon's own routes",
}


@every_module
def test_which_code_denies_a_job_stands_in_the_profile_alone(module: Path) -> None:
    if module.as_posix() not in NOT_FOUND_BY_HTTP:
        literals = [n for n in ast.walk(_tree(module)) if isinstance(n, ast.Constant)]
        assert [n.lineno for n in literals if n.value in (404, "404")] == []


@every_module
def test_a_module_says_what_it_promises(module: Path) -> None:
    tree = _tree(module)
    if module.name == "__init__.py" and not tree.body:
        return
    docstring = ast.get_docstring(tree) or ""
    assert docstring.partition("\n\n")[0].rstrip().endswith((".", "?", ":")), (
        "a sentence comes first"
    )
    has_code = any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in tree.body)
    named = [
        target.id
        for n in tree.body
        if isinstance(n, ast.Assign | ast.AnnAssign)
        for target in (n.targets if isinstance(n, ast.Assign) else [n.target])
        if isinstance(target, ast.Name)
    ]
    is_collected = module.name.startswith("test_")
    assert "__all__" in named or is_collected or module.name == "__main__.py" or not has_code


@every_module
def test_nothing_prints_past_the_console(module: Path) -> None:
    calls = [n for n in ast.walk(_tree(module)) if isinstance(n, ast.Call)]
    assert [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"] == []


# One place for a fact: who builds a request, who reads a URL, what is a hostile id.

REQUESTS = {
    "contract/client/prepared_request.py",
    "contract/model/request.py",
    "contract/recordings/flows.py",
    "contract/recordings/har/entry.py",
    "contract/recordings/ndjson/entry.py",
    "contract/recordings/har/own.py",
}
"""
Where an exchange's request comes into being: built to be sent, handed over by `requests`, or read
from a recording.
"""

URL_READERS = {
    "contract/formats/addresses/urls.py": "the reader",
    "contract/checks/codes.py": "the endpoint's Location, judged and never asked",
    "contract/formats/comparison/stable_value.py": "links in an answer, compared",
    "contract/checks/outcome.py": "links in an answer, judged",
    "contract/mock/endpoint.py": "the path of a base URL that was read",
    "contract/mock/faults/asked.py": "links that the mock made",
    "contract/mock/faults/formats.py": "links that the mock made",
    "contract/mock/faults/life/history.py": "links that the mock made",
    "contract/mock/faults/meaning.py": "links that the mock made",
    "contract/mock/life_variants.py": "links that the mock made",
    "contract/model/request.py": "the path of a URL that was built",
    "contract/recordings/endpoint_filter.py": "the URL of a request that was recorded",
    "contract/suite/reporting/explain.py": "the path of a request that was built",
    "contract/testing/lives/playing.py": "the path of a request that was built",
    "probes/web/access/middleware.py": "a browser's Origin, compared with its Host",
}
"""Who takes a URL apart, and why that is no base URL that somebody wrote."""


@every_module
def test_a_request_is_built_in_one_place(module: Path) -> None:
    builds = [
        node.lineno
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Request"
    ]
    assert not builds or module.as_posix() in REQUESTS, builds


@every_module
def test_a_url_is_read_in_one_place(module: Path) -> None:
    apart = _known_to(module, "urllib.parse.urlsplit", "urllib.parse.urlparse")
    assert not apart or module.as_posix() in URL_READERS


@every_module
def test_an_address_is_judged_in_one_place(module: Path) -> None:
    judges = {"is_private", "is_global", "is_link_local", "is_reserved", "is_multicast"}
    asked = {node.attr for node in ast.walk(_tree(module)) if isinstance(node, ast.Attribute)}
    assert not asked & judges or module.as_posix() == "contract/formats/addresses/ip_addresses.py"
    assert "is_loopback" not in asked or module.as_posix() == "contract/formats/addresses/urls.py"
    networks = [
        text for _, text in _literals(module) if re.fullmatch(r"[0-9a-f]*[.:][0-9a-f.:]*/\d+", text)
    ]
    assert not networks or module.as_posix() == "contract/formats/addresses/ip_addresses.py"


@every_module
def test_there_is_one_list_of_hostile_ids(module: Path) -> None:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            texts = {e.value for e in node.elts if isinstance(e, ast.Constant)} - ORDINARY_IDS
            listed = texts & set(HOSTILE_IDS)
            assert len(listed) < 3 or module.as_posix() == "contract/model/hostile_ids.py", listed


ORDINARY_IDS = frozenset({"*", "'", '"', "\n", "\t", "\x00", "true", "null", "0", "[]", "{}"})
"""Words of JSON and characters, which other lists are made of."""


@every_module
def test_no_name_says_nothing(module: Path) -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "base", "manager", "core", "misc"}
    assert not empty & {part.removesuffix(".py") for part in module.parts}


TABLES = {
    "probes/engine/prober.py": 560,
    "grafana/alerting/alerts.py": 500,
    "grafana/boards/overview.py": 500,
    "grafana/boards/panels.py": 500,
    "probes/export/metrics.py": 700,
}
"""Modules that are longer than one idea usually takes; none may join unnoticed."""


@every_module
def test_a_module_holds_one_idea(module: Path) -> None:
    lines = (ROOT / module).read_text(encoding="utf-8").count("\n")
    assert lines <= TABLES.get(module.as_posix(), 450)


def test_json_is_named_in_one_place() -> None:
    found = {
        (module.as_posix(), node.id)
        for module in MODULES
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and "Json" in node.id
    }
    place = "contract/formats/json_value.py"
    assert found == {(place, "Json"), (place, "JsonDocument"), (place, "JsonObject")}


MOST_LINES = 60


@every_module
def test_a_function_does_one_thing(module: Path) -> None:
    functions = [
        n for n in ast.walk(_tree(module)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(n.name, (n.end_lineno or n.lineno) - n.lineno + 1) for n in functions]
    assert [(name, lines) for name, lines in lengths if lines > MOST_LINES] == []


REVEALS = {
    "contract/formats/secrets/redaction.py": "to mask it",
    "contract/model/api.py": "to have all of it masked",
    "contract/model/asking/route.py": "to tell a proxy who asks, and to have it masked",
    "contract/model/request.py": "to send it",
    "contract/reaching/token_keeper.py": "to see whether it can be sent",
    "contract/reaching/token_sources.py": "to get a token with it",
    "contract/suite/planning/target.py": "so that a check can look for it",
    "probes/config/access_settings.py": "to see whether it can be sent",
    "contract/testing/job_api.py": "to hand it over where a variable would hold it",
    "probes/config/digests.py": "to name the key by a digest",
    "probes/engine/judging.py": "so that a check can look for it",
}
"""Who may see a secret in clear. Whoever can't has no way of masking it, well or badly."""


def test_a_secret_is_seen_in_clear_where_it_is_sent_looked_for_or_masked() -> None:
    assert {m.as_posix() for m in MODULES if "reveal" in _attributes(m)} == REVEALS.keys()


@every_module
def test_one_module_masks(module: Path) -> None:
    place = module.as_posix()
    if place != "contract/formats/secrets/secret.py":
        assert [line for line, text in _literals(module) if "***" in text] == []
    names = {
        name.removeprefix("jobproof.contract.formats.secrets.") for name in _imports(_tree(module))
    }
    if place != "contract/formats/secrets/redaction.py":
        assert not names & {"secret.MASK", "spellings.SecretFinder"}
        assert not _attributes(module) & {"redact", "scrub", "mask", "masked"}


def _attributes(module: Path) -> set[str]:
    return {node.attr for node in ast.walk(_tree(module)) if isinstance(node, ast.Attribute)}


# What a vendor calls things stands in `contract/apis/<name>/` and nowhere in Python.
#
# Names (of the API, its host, its token's variable) may stand nowhere at all, comments
# included. Fields and statuses are looked for in string literals, docstrings apart: a
# word with `_` or `-` in it anywhere in the text, a plain word as the whole text. Words
# that every API has, and those that are our own, are no vendor's.

ORDINARY = frozenset(
    {"id", "jobs", "status", "result", "error", "errors", "items", "data", "object", "metadata"}
    | {"model", "endpoint", "url", "code", "message"}
)
OURS = {
    "created_at": "our own name of the creation time, as of a job and a column",
    "failed": "a phase of our own",
    "cancelled": "a phase of our own",
    "job_id": "our own name of the id, in requests, evidence and logs",
    "processing": "a phase of a probe, as the blackbox exporter names it",
}

APIS = [load_api(p.parent) for p in sorted((ROOT / "contract/apis").glob("*/profile.yaml"))]


def _pointers(value: Any) -> Iterator[str]:
    if isinstance(value, str) and re.fullmatch(r"(/[\w-]+)+", value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _pointers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _pointers(item)


def _names(api: Api) -> set[str]:
    host = urlsplit(api.profile.server).hostname or ""
    vendor = api.name.partition("-")[0]
    return {api.name, vendor, host, api.profile.token_env}


def _words(api: Api) -> set[str]:
    words = set(api.profile.status.words)
    for pointer in _pointers(api.profile.model_dump(mode="json")):
        words.update(walk(pointer))
    for spec in api.operation.responses.values():
        for content in spec.contents:
            words |= content.declared
    return words - ORDINARY - OURS.keys()


def _literals(module: Path) -> Iterator[tuple[int, str]]:
    tree = _tree(module)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in prose:
                yield node.lineno, node.value


def test_there_are_vendors_to_keep_out() -> None:
    assert len(APIS) >= 2
    words = set().union(*map(_words, APIS))
    assert {"completed_at", "intermediate-complete", "in_progress", "sampling"} <= words


@every_module
def test_python_knows_no_vendors_name(module: Path) -> None:
    text = (ROOT / module).read_text(encoding="utf-8")
    for name in set().union(*map(_names, APIS)):
        assert not re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", text, re.IGNORECASE)


@every_module
def test_python_knows_no_vendors_field_and_no_vendors_status(module: Path) -> None:
    words = set().union(*map(_words, APIS))
    marked = {word for word in words if "_" in word or "-" in word}
    found = [
        (line, text)
        for line, text in _literals(module)
        if text in words or marked & set(re.findall(r"[A-Za-z][\w-]*", text))
    ]
    assert found == []


# What other people write is read in one place each, so that no two readers disagree.


def _attributes(module: Path) -> set[str]:
    return {node.attr for node in ast.walk(_tree(module)) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize(
    ("names", "doors"),
    [
        ({"isdigit", "isdecimal", "isnumeric"}, {"contract/formats/digits.py"}),
        ({"parsedate", "parsedate_tz", "parsedate_to_datetime", "mktime_tz", "strptime"}, set()),
        ({"mktime", "localtime", "utcfromtimestamp"}, set()),
    ],
    ids=["digits", "dates", "local time"],
)
def test_digits_and_dates_are_read_in_one_place(names: set[str], doors: set[str]) -> None:
    found = {m.as_posix() for m in MODULES if names & _attributes(m)}
    assert found == doors


def test_whoever_imports_email_utils_only_writes_dates() -> None:
    found = {name for module in MODULES for name in _known_to(module, "email")}
    assert found == {"email.utils.formatdate"}


def test_a_retry_after_is_read_in_one_place() -> None:
    judges, waits = (
        {m.as_posix() for m in MODULES if _known_to(m, f"contract.formats.http_date.{name}")}
        for name in ("read_retry_after", "read_wait")
    )
    assert judges == {
        *("contract/checks/codes.py", "contract/checks/fields.py"),
        "probes/engine/rate_budget.py",
    }
    assert waits == {f"contract/suite/running/{name}.py" for name in ("pace", "rate_limiter")}
    # Whoever looks the header up hands it to one of these, as it came.
    looks = {m for m in MODULES if "retry-after" in {text.lower() for _, text in _literals(m)}}
    writers = ("contract/mock", "contract/scoring/mutants", "contract/testing/lives/playing.py")
    assert {m.as_posix() for m in looks if not any(map(m.is_relative_to, writers))} == {
        *("contract/checks/codes.py", "contract/checks/fields.py"),
        *(f"contract/suite/running/{name}.py" for name in ("pace", "plan_runner")),
        *("probes/engine/rate_budget.py", "probes/web/app.py"),
    }


def test_no_pattern_takes_the_digits_of_other_scripts() -> None:
    # In bytes `\d` is 0 to 9 alone, and _literals tells of text.
    found = {m.as_posix() for m in MODULES for _, text in _literals(m) if r"\d" in text}
    assert found == set()


_FOLDS = frozenset({"lower", "casefold", "upper", "title"})


def _folding_loops(tree: ast.AST) -> list[int]:
    """
    Lines of loops over headers that fold the case of something themselves.
    """
    found = []
    for node in ast.walk(tree):
        overs = [node.iter] if isinstance(node, ast.For | ast.AsyncFor) else []
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            overs = [part.iter for part in node.generators]
        if any(re.search(r"(?i)headers|pairs|fields", ast.unparse(over)) for over in overs):
            inside = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            if _FOLDS & inside:
                found.append(overs[0].lineno)
    return found


@every_module
def test_headers_are_looked_up_in_one_place(module: Path) -> None:
    loops = _folding_loops(_tree(module))
    assert bool(loops) is (module.as_posix() == "contract/formats/headers.py")


@pytest.mark.parametrize(
    "line",
    [
        "next((v for n, v in self.headers if n.lower() == key), None)",
        "{name.casefold(): value for name, value in response.headers}",
        "for name, value in headers:\n    if name.lower() == 'age': break",
    ],
)
def test_another_way_of_looking_a_header_up_would_be_seen(line: str) -> None:
    assert _folding_loops(ast.parse(line)) == [1]


def test_a_class_name_means_one_thing() -> None:
    tests = sorted(Path(__file__).parent.rglob("*.py"))
    for trees in (map(_tree, MODULES), (ast.parse(path.read_text("utf-8")) for path in tests)):
        names = Counter(
            node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        )
        assert {name: count for name, count in names.items() if count > 1} == {}
