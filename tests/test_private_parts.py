"""
What the code leans on in other people's libraries beyond what they promise: each part is there,
and of the shape that the code takes it for. Such a library has an upper bound in pyproject.toml;
raise it where these tests pass with the new version.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

import h11
import jsonschema_rs
import prometheus_client
import pytest
import schemathesis
import uvicorn
import yaml
from hypothesis import find
from packaging.requirements import Requirement
from prometheus_client.exposition import basic_auth_handler, default_handler
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookDispatcher
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

import jobproof

ROOT = Path(jobproof.__file__).parent
MODULES = [
    path
    for folder in ("contract", "probes", "grafana")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Part:
    """
    Attributes:
        library: As pyproject.toml names it.
        claim: What the code takes for granted, in words; a failure says it.
        use: What breaks in jobproof where it isn't so.
        holds: Whether it is so.
    """

    library: str
    claim: str
    use: str
    holds: Callable[[], bool]

    def complaint(self) -> str | None:
        """
        What is wrong with the installed version, as a sentence; None where nothing is.
        """
        try:
            if self.holds():
                return None
            why = "it is of another shape"
        except (AttributeError, ImportError, KeyError, LookupError, TypeError, ValueError) as exc:
            why = f"{type(exc).__name__}: {exc}"
        return (
            f"{self.library} {version(self.library)}: it isn't true any more that {self.claim} "
            f"({why}). jobproof needs it for {self.use}; keep the older version by the bound in "
            "pyproject.toml, or write the use anew."
        )


def takes(function: Callable[..., Any], *names: str) -> bool:
    """
    Whether the function can be called with these arguments by name.
    """
    return set(names) <= inspect.signature(function).parameters.keys()


def reads(function: Any, *names: str) -> bool:
    """
    Whether the body of the function, or of one inside it, speaks of these attributes.
    """
    return set(names) <= set(_names_in(function.__code__))


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


class _Nothing:
    def collect(self) -> list[Metric]:
        return []


def _registry_lists_its_collectors() -> bool:
    registry, collector = prometheus_client.CollectorRegistry(), _Nothing()
    registry.register(collector)
    return tuple(registry._collector_to_names) == (collector,)


def _registry_has_a_lock() -> bool:
    lock: object = prometheus_client.CollectorRegistry()._lock
    return isinstance(lock, AbstractContextManager)


class _One(prometheus_client.CollectorRegistry):
    def collect(self) -> Iterator[Metric]:
        family = Metric("a_family", "Help.", "gauge")
        family.add_sample("a_family", {}, 1.0)
        family.add_sample("another", {}, 1.0)
        family.samples = [sample for sample in family.samples if sample.name == "a_family"]
        yield family


def _encoders_ask_for_nothing_but_collect() -> bool:
    text = prometheus_client.generate_latest(_One()).decode()
    lines: bytes = openmetrics(_One())  # type: ignore[no-untyped-call]
    ended = lines.decode().endswith("\n# EOF\n")
    return text.endswith("\na_family 1.0\n") and ended and "another" not in text


def _a_handler_is_told_by_name() -> bool:
    given = ("url", "method", "timeout", "headers", "data")
    return takes(default_handler, *given) and takes(
        basic_auth_handler, *given, "username", "password"
    )


def _protocol() -> tuple[H11Protocol, ServerState, asyncio.AbstractEventLoop]:
    async def make() -> tuple[H11Protocol, ServerState, asyncio.AbstractEventLoop]:
        config, state = uvicorn.Config(_app, http="h11", log_config=None), ServerState()
        config.load()
        return H11Protocol(config, state, {}), state, asyncio.get_running_loop()

    return asyncio.run(make())


async def _app(_scope: object, _receive: object, _send: object) -> None:
    """
    Never asked.
    """


def _a_connection_has_its_parts() -> bool:
    protocol, state, loop = _protocol()
    return (
        isinstance(protocol.conn, h11.Connection)
        and protocol.connections is state.connections
        and protocol.loop is loop
        and hasattr(protocol, "transport")
    )


def _a_connection_tells_its_peers_state() -> bool:
    protocol, _, _ = _protocol()
    return protocol.conn.their_state is h11.IDLE and len({h11.IDLE, h11.DONE, h11.MUST_CLOSE}) == 3


def _the_methods_are_called() -> bool:
    return (
        takes(H11Protocol.connection_made, "transport")
        and takes(H11Protocol.data_received, "data")
        and takes(H11Protocol.connection_lost, "exc")
        and not inspect.iscoroutinefunction(H11Protocol.on_response_complete)
        and reads(H11Protocol.handle_events, "on_response_complete")
    )


def _startup_is_awaited_with_its_sockets() -> bool:
    return (
        inspect.iscoroutinefunction(uvicorn.Server.startup)
        and takes(uvicorn.Server.startup, "sockets")
        and reads(uvicorn.Server._serve, "startup", "lifespan", "should_exit")
    )


def _an_end_looks_at_what_startup_left() -> bool:
    server = uvicorn.Server(uvicorn.Config(_app, log_config=None))
    return isinstance(server.server_state, ServerState) and reads(
        uvicorn.Server.shutdown, "servers", "timeout_graceful_shutdown", "connections"
    )


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "jobs", "version": "1"},
    "paths": {
        "/jobs/{id}": {
            "get": {
                "parameters": [
                    {"name": name, "in": where, "required": True, "schema": {"type": "string"}}
                    for name, where in (("id", "path"), ("Trace", "header"), ("page", "query"))
                ],
                "responses": {"200": {"description": "A job."}},
            }
        }
    },
}


def _an_operation_makes_cases_for_an_id() -> bool:
    operation: Any = schemathesis.openapi.from_dict(DOCUMENT)["/jobs/{id}"]["get"]
    mode = schemathesis.GenerationMode.POSITIVE
    case: Any = find(operation.as_strategy(mode, path_parameters={"id": "a-job"}), lambda _: True)
    parts = (case.headers, case.query)
    return case.path_parameters == {"id": "a-job"} and all(isinstance(p, Mapping) for p in parts)


def _an_extension_finds_its_places() -> bool:
    hooks = {"before_add_examples", "before_call", "after_call"}
    return (
        isinstance(Failure.__dict__["_unique_key"], property)
        and {"request", "content", "headers", "http_version"} <= set(Response.__slots__)
        and hooks <= HookDispatcher._specs.keys()
        and callable(HookDispatcher.register_hook_with_name)
        and {"meta", "operation", "id"} <= {*dir(Case), *Case.__annotations__}
    )


def _generation_can_be_set() -> bool:
    config = schemathesis.openapi.from_dict(DOCUMENT).config.generation
    config.update(database=None, allow_x00=False)
    return config.allow_x00 is False


def _a_schema_error_names_its_keyword() -> bool:
    validator = jsonschema_rs.Draft202012Validator({"properties": {"a": {"type": "string"}}})
    (error,) = validator.iter_errors({"a": 1})
    shown = (error.kind.name, list(error.instance_path), error.instance, error.message[:3])
    return shown == ("type", ["a"], 1, "1 i")


def _a_schema_error_says_what_its_keyword_asks_for() -> bool:
    asked = {
        "types": ({"type": "string"}, ["string"]),
        "format": ({"format": "uuid"}, "uuid"),
        "options": ({"enum": ["a"]}, ["a"]),
        "expected_value": ({"const": "a"}, "a"),
        "pattern": ({"pattern": "^a$"}, "^a$"),
        "limit": ({"maxLength": 0}, 0),
        "property": ({"required": ["a"]}, "a"),
        "unexpected": ({"unevaluatedProperties": False}, ["b"]),
        "multiple_of": ({"multipleOf": 2}, 2),
    }
    values: dict[str, Any] = {"types": 1, "multiple_of": 3, "property": {}, "unexpected": {"b": 1}}
    for name, (schema, limit) in asked.items():
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        (error,) = validator.iter_errors(values.get(name, "x"))
        if getattr(error.kind, name) != limit:
            return False
    (choice,) = jsonschema_rs.Draft202012Validator({"anyOf": [{"type": "string"}]}).iter_errors(1)
    return [[e.kind.types for e in branch] for branch in choice.kind.context] == [[["string"]]]


def _an_engine_that_gives_up_says_so() -> bool:
    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=1000, size_limit=10_000_000)
    schema = {"pattern": "^(?:(?=a)a+)+$"}
    validator = jsonschema_rs.Draft202012Validator(schema, pattern_options=options)
    (error,) = validator.iter_errors("a" * 40 + "!")
    return type(error.kind).__name__ == "BacktrackLimitExceeded"


def _a_scanner_counts_its_levels() -> bool:
    loader = yaml.SafeLoader("")
    named = [inspect.signature(getattr(yaml.SafeLoader, n)) for n in _SCANNER_METHODS]
    return (loader.flow_level, loader.indents) == (0, []) and [
        len(s.parameters) for s in named
    ] == [
        2,
        2,
    ]


_SCANNER_METHODS = ("fetch_flow_collection_start", "add_indent")


def _resolvers_are_pairs_by_first_letter() -> bool:
    found = yaml.SafeLoader.yaml_implicit_resolvers
    return all(
        isinstance(tag, str) and isinstance(regexp, re.Pattern)
        for pairs in found.values()
        for tag, regexp in pairs
    ) and {"t", "0", "="} <= {first for first in found if first}


def _a_loader_can_be_used_in_steps() -> bool:
    loader = yaml.SafeLoader("a: [1]\n")
    node = loader.get_single_node()
    assert node is not None
    key, value = node.value[0]
    places = (key.start_mark.line, value.start_mark.column)
    built = loader.construct_document(node)
    loader.dispose()
    return places == (0, 3) and built == {"a": [1]}


def _a_session_has_an_exit_status() -> bool:
    from _pytest.main import wrap_session

    return reads(wrap_session, "pytest_sessionfinish", "exitstatus") and takes(
        pytest.TerminalReporter.section, "title"
    )


def _workers_are_chosen_by_an_option() -> bool:
    from xdist import plugin

    return reads(plugin.pytest_cmdline_main, "dist", "numprocesses") and (
        inspect.signature(plugin.pytest_cmdline_main).parameters.keys() == {"config"}
    )


PARTS = (
    Part(
        "prometheus-client",
        "`CollectorRegistry._collector_to_names` holds the registered collectors as its keys",
        "a scrape that outlives one broken collector",
        _registry_lists_its_collectors,
    ),
    Part(
        "prometheus-client",
        "`CollectorRegistry._lock` is a lock for `with`",
        "reading the collectors while others register",
        _registry_has_a_lock,
    ),
    Part(
        "prometheus-client",
        "both encoders ask a registry for `collect()` and nothing else",
        "encoding one family at a time",
        _encoders_ask_for_nothing_but_collect,
    ),
    Part(
        "prometheus-client",
        "a push handler takes url, method, timeout, headers and data by name",
        "a Pushgateway with a password",
        _a_handler_is_told_by_name,
    ),
    Part(
        "uvicorn",
        "`H11Protocol(config, server_state, app_state)` has conn, connections, loop and transport",
        "bounds on connections and on time",
        _a_connection_has_its_parts,
    ),
    Part(
        "uvicorn",
        "`H11Protocol` is told by connection_made, data_received, connection_lost and "
        "on_response_complete",
        "bounds on what a peer sends and on how slowly",
        _the_methods_are_called,
    ),
    Part(
        "uvicorn",
        "`Server._serve` awaits `startup(sockets=)` and goes by `lifespan` and `should_exit`",
        "a bound on the TLS handshake",
        _startup_is_awaited_with_its_sockets,
    ),
    Part(
        "uvicorn",
        "`Server.shutdown` closes `servers` and waits `config.timeout_graceful_shutdown`",
        "an end within the time that a service manager gives",
        _an_end_looks_at_what_startup_left,
    ),
    Part(
        "h11",
        "`Connection.their_state` is one of IDLE, DONE and MUST_CLOSE, by identity",
        "telling a whole request from a slow one",
        _a_connection_tells_its_peers_state,
    ),
    Part(
        "schemathesis",
        "`as_strategy` takes path_parameters, and a case has headers and query",
        "generated cases that ask for known jobs",
        _an_operation_makes_cases_for_an_id,
    ),
    Part(
        "schemathesis",
        "a failure has a `_unique_key`, a response its request, and hooks are registered by name",
        "our checks as an extension of it",
        _an_extension_finds_its_places,
    ),
    Part(
        "schemathesis",
        "`schema.config.generation.update` takes database and allow_x00",
        "generated cases that can be sent",
        _generation_can_be_set,
    ),
    Part(
        "jsonschema-rs",
        "an error has kind.name, instance_path, instance and message",
        "findings that say where a body breaks its schema",
        _a_schema_error_names_its_keyword,
    ),
    Part(
        "jsonschema-rs",
        "the kind of an error holds what its keyword asks for",
        "findings that say what is expected in words",
        _a_schema_error_says_what_its_keyword_asks_for,
    ),
    Part(
        "jsonschema-rs",
        "a pattern that takes too many steps ends in an error of a kind of its own",
        "a text that can't be judged counting as neither right nor wrong",
        _an_engine_that_gives_up_says_so,
    ),
    Part(
        "PyYAML",
        "`fetch_flow_collection_start` and `add_indent` go one level deeper",
        "refusing what is nested too deep before it takes for ever",
        _a_scanner_counts_its_levels,
    ),
    Part(
        "PyYAML",
        "`yaml_implicit_resolvers` holds pairs of tag and pattern by first letter",
        "reading `no` and dates as text",
        _resolvers_are_pairs_by_first_letter,
    ),
    Part(
        "PyYAML",
        "a loader composes a node with its lines, and constructs it afterwards",
        "mistakes in a file told with their line",
        _a_loader_can_be_used_in_steps,
    ),
    Part(
        "pytest",
        "a session has an exit status that a plug-in may set, and a report has sections",
        "exit code 3 and the verdict as the last lines",
        _a_session_has_an_exit_status,
    ),
    Part(
        "pytest-xdist",
        "its options are `dist` and `numprocesses`, looked at when the command line is",
        "a dry run that is told once whatever the workers",
        _workers_are_chosen_by_an_option,
    ),
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.library}: {part.claim}")
def test_a_library_is_as_the_code_takes_it_for(part: Part) -> None:
    assert part.complaint() is None, part.complaint()


@pytest.mark.parametrize(
    ("holds", "why"),
    [
        (lambda: False, "(it is of another shape)"),
        (lambda: bool(vars(h11)["no_such_part"]), "(KeyError: 'no_such_part')"),
    ],
    ids=["another shape", "missing"],
)
def test_a_part_that_is_gone_is_told_in_a_sentence(holds: Callable[[], bool], why: str) -> None:
    told = Part("h11", "a peer has a state", "telling a slow one", holds).complaint()
    assert told is not None
    assert told.startswith(f"h11 {version('h11')}: it isn't true any more that a peer has a state")
    assert why in told
    assert told.endswith("or write the use anew.")


@pytest.mark.source
def test_no_other_private_part_is_leaned_on() -> None:
    told = " ".join(part.claim for part in PARTS)
    found = {name for path in MODULES for name in _private_names(path)}
    assert {"_lock", "_collector_to_names"} <= found
    assert [name for name in sorted(found) if name not in told] == []


PUBLIC_IN_SPITE_OF_ITS_NAME = {"_replace", "_exit"}
"""Of a named tuple, and of `os`: documented."""


def _private_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
            of_itself = isinstance(node.value, ast.Name) and node.value.id in (
                "self",
                "cls",
                "other",  # of the same class, in a comparison
            )
            if not of_itself and node.attr not in PUBLIC_IN_SPITE_OF_ITS_NAME:
                yield node.attr
        elif isinstance(node, ast.ImportFrom):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (part for part in parts if re.match(r"_[a-z]", part))


def _requirements() -> dict[str, Requirement]:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    return {one.name: one for one in map(Requirement, lines)}


@pytest.mark.parametrize("library", sorted({part.library for part in PARTS}))
def test_such_a_library_has_an_upper_bound(library: str) -> None:
    bounds = {specifier.operator for specifier in _requirements()[library].specifier}
    assert {">=", "<"} <= bounds, f"{library}: no upper bound in pyproject.toml"
    assert _requirements()[library].specifier.contains(version(library), prereleases=True)


def test_whatever_is_imported_is_asked_for_by_name() -> None:
    modules = {"yaml": "PyYAML", "prometheus_client": "prometheus-client"}
    modules |= {"jsonschema_rs": "jsonschema-rs", "backports": "backports.zstd"}
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["web-users"], *extras["mitmproxy"]]
    asked = {Requirement(line).name for line in lines}
    found = {name for path in MODULES for name in _libraries(path)}
    assert {modules.get(name, name) for name in found} == asked


def _libraries(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        for top in (name.partition(".")[0] for name in names):
            if top not in sys.stdlib_module_names and top != "jobproof":
                yield top
