"""
The pytest side of the contract suite: options, the one run, its report and exit code.

Loaded with every pytest run on the machine, so it imports nothing heavy until a suite
is really collected.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import pytest

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.suite.ending import OF_VERDICT, Heard, exit_code_of
from jobproof.contract.suite.options import OPTIONS, OptionValues

if TYPE_CHECKING:
    from jobproof.contract.model.check import Check
    from jobproof.contract.suite.publishing.publish import Published
    from jobproof.contract.suite.session.session import NodeSelection, Session
    from jobproof.contract.suite.session.shared_run import SharedRun
    from jobproof.contract.suite.session.told import Told

__all__ = ["Tell"]

Tell = Callable[[str], None]
"""Ends a node as the run says of the one with this name."""

_SUITE_FOLDER = Path(__file__).parent.resolve()
_CHECKS_KEY: pytest.StashKey[tuple[Check, ...]] = pytest.StashKey()
_TERMINAL_KEY: pytest.StashKey[int] = pytest.StashKey()
_SESSION_KEY: pytest.StashKey[Session] = pytest.StashKey()
_FOLDER_KEY: pytest.StashKey[Path] = pytest.StashKey()
_STACK_KEY: pytest.StashKey[ExitStack] = pytest.StashKey()
_FAILS_AS_TOLD_KEY: pytest.StashKey[bool] = pytest.StashKey()
_TOLD_KEY: pytest.StashKey[Told | None] = pytest.StashKey()
_PUBLISHED_KEY: pytest.StashKey[Published] = pytest.StashKey()
_WORKER_KEY = "jobproof_folder"


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    One group with every option of `jobproof test`, under its name in pytest.
    """
    group = parser.getgroup("jobproof", "job endpoint contract (jobproof)")
    for option in OPTIONS:
        settings: dict[str, Any] = {"dest": _dest(option.key), "help": option.help}
        if option.kind == "flag":
            settings["action"] = "store_true"
        else:
            settings["metavar"] = option.metavar or None
        if option.kind == "many":
            settings |= {"action": "append", "default": []}
        elif option.kind == "number":
            settings["type"] = float
        elif option.kind == "count":
            settings["type"] = int
        elif option.kind == "choice":
            settings["choices"] = option.choices
        group.addoption(f"--{option.pytest_name}", **settings)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """
    Keep the way to standard error before pytest captures it: whoever waits for minutes should
    know why.
    """
    with suppress(OSError):
        early_config.stash[_TERMINAL_KEY] = os.dup(2)
    return (yield)


def pytest_cmdline_main(config: pytest.Config) -> None:
    """
    A dry run needs no workers of pytest-xdist; there is nothing for them to run.
    """
    if config.getoption(_dest("dry_run")) and hasattr(config.option, "dist"):
        config.option.dist = "no"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """
    A dry run prints the requests and runs no test; what can't be collected is an error before.
    """
    if not session.config.getoption(_dest("dry_run")):
        return None
    from jobproof.contract.errors import JobproofError
    from jobproof.contract.suite.reporting.dry_run import print_plan

    try:
        print_plan(_values(session.config), sys.stdout.write)
    except JobproofError as exc:
        pytest.exit(f"jobproof: {_in_pytests_words(str(exc))}", returncode=exc.exit_code)
    return True


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """
    Name our nodes by the module, as `--pyargs` takes it: where the package is installed is of no
    use to whoever reads a summary or JUnit XML.
    """
    if not _is_of_suite(module_path):
        return None
    from jobproof.contract.suite.reporting.nodes import SUITE_MODULE

    return pytest.Module.from_parent(parent, path=module_path, nodeid=SUITE_MODULE)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    One node a check.
    """
    if _is_ours(metafunc.definition) and "promise" in metafunc.fixturenames:
        checks = _checks(metafunc.config)
        metafunc.parametrize("promise", checks, ids=[check.id for check in checks])


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """
    Tells what the one run has come to.
    """

    def end(name: str) -> None:
        node = _session(request.session).told().node(name)
        request.node.stash[_FAILS_AS_TOLD_KEY] = True
        if node.state == "failed":
            pytest.fail(node.text, pytrace=False)
        if node.state == "skipped":
            pytest.skip(node.text)
        request.node.stash[_FAILS_AS_TOLD_KEY] = False

    return end


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """
    Have the run made before the first node of ours begins: outside of each node's time-out, of what
    other plug-ins allow a test to do, and of the project's filters for warnings.
    """
    option = item.config.option
    shows_only = getattr(option, "setuponly", False) or getattr(option, "setupplan", False)
    if _is_ours(item) and not shows_only:
        told = _session(item.session).told()
        if told.mistake:
            words = told.mistake
            if not _is_command(item.config):
                words = _in_pytests_words(words)
            pytest.exit(f"jobproof: {words}", returncode=told.exit_code)
        # Workers of pytest-xdist have their tests by number, and end when they are told to.
        if told.interrupted and not _is_worker(item.config):
            _leave_out_others(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Mark what the run says: its exit code is the verdict's, and not that of a failed test.
    """
    report = yield
    # A node of ours may fail for another's reason, such as a time-out. pytest-xdist carries what is
    # set here from a worker, as it does the rest.
    if report.when == "call" and item.stash.get(_FAILS_AS_TOLD_KEY, False):
        setattr(report, OF_VERDICT, True)
        if isinstance(report.longrepr, tuple):
            # Where it was skipped: not in which file of an installation, either.
            module = item.nodeid.partition("::")[0]
            report.longrepr = (module, item.location[1] or 0, report.longrepr[2])
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """
    Tell a worker of pytest-xdist where all of them agree on who makes the run.
    """
    stash = node.config.stash
    if _FOLDER_KEY not in stash:
        from jobproof.contract.suite.session.shared_run import SharedRun
        from jobproof.contract.suite.session.signals import terminating_as_interruption

        stash[_FOLDER_KEY] = Path(tempfile.mkdtemp(prefix="jobproof-run-"))
        run = SharedRun(stash[_FOLDER_KEY])
        stash[_STACK_KEY] = ExitStack()
        stash[_STACK_KEY].enter_context(terminating_as_interruption(lambda: run.has_begun))
    node.workerinput[_WORKER_KEY] = str(stash[_FOLDER_KEY])


def pytest_configure(config: pytest.Config) -> None:
    """
    Listen for what isn't the run's own: others' failures, and who interrupts pytest.
    """
    if _heard(config) is None:
        config.pluginmanager.register(Heard(), "jobproof-heard")


def pytest_unconfigure(config: pytest.Config) -> None:
    """
    Close what the run has opened.
    """
    contract = config.stash.get(_SESSION_KEY, None)
    if contract is not None:
        contract.close()
    descriptor = config.stash.get(_TERMINAL_KEY, None)
    if descriptor is not None:
        os.close(descriptor)
    folder = config.stash.get(_FOLDER_KEY, None)
    if folder is not None:
        config.stash[_STACK_KEY].close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    """
    Write the report, and end with the verdict's exit code.

    Before pytest-xdist ends its workers: a run that is under way is interrupted, and told.
    """
    config = session.config
    if _is_worker(config):
        contract = config.stash.get(_SESSION_KEY, None)
        if contract is not None:
            contract.so_far()
        return (yield)
    heard = _heard(config) or Heard()
    told = config.stash[_TOLD_KEY] = _so_far(config, heard)
    heard.told = told is not None
    if told is not None and told.report is not None:
        _add_junit_properties(config, told.report)
    yield
    session.exitstatus = exit_code_of(told, heard, exitstatus)
    if told is not None and told.report is not None:
        from jobproof.contract.suite.publishing.publish import publish

        published = config.stash[_PUBLISHED_KEY] = publish(told.report, _values(config))
        if published.mistakes:
            # As any mistake in an option; the verdict is told all the same.
            session.exitstatus = 2


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """
    What isn't a failure but news, and the verdict as the last line.
    """
    told = config.stash.get(_TOLD_KEY, None)
    if told is None or told.report is None:
        return
    terminalreporter.section("job endpoint contract")
    from jobproof.contract.suite.reporting.summary import failed_nodes, summarise

    # `jobproof test` has pytest leave out its own summary, which names our files by their paths.
    if _is_command(config):
        reports = [r for kind in ("failed", "error") for r in terminalreporter.stats.get(kind, ())]
        for line in failed_nodes((one.nodeid, one.longreprtext) for one in reports):
            terminalreporter.write_line(line)
    published = config.stash[_PUBLISHED_KEY]
    mistakes = (f"jobproof: {one}" for one in published.mistakes)
    for line in (*summarise(told.report), *published.printed, *mistakes):
        terminalreporter.write_line(line)


def _heard(config: pytest.Config) -> Heard | None:
    # `jobproof test` brings its own, to look at afterwards.
    return next((p for p in config.pluginmanager.get_plugins() if isinstance(p, Heard)), None)


@cache
def _is_of_suite(path: Path) -> bool:
    # By its file: in a checkout the folders have another name than once they are installed.
    return path.parent.resolve() == _SUITE_FOLDER


def _is_ours(item: pytest.Item) -> bool:
    return _is_of_suite(item.path)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _leave_out_others(item: pytest.Item) -> None:
    """
    After a signal nothing is run any more but what tells of the run.
    """
    items = item.session.items
    at = items.index(item) + 1
    items[at:] = [other for other in items[at:] if _is_ours(other)]


def _checks(config: pytest.Config) -> tuple[Check, ...]:
    from jobproof.contract.errors import JobproofError
    from jobproof.contract.plugins import load_checks

    if _CHECKS_KEY not in config.stash:
        try:
            config.stash[_CHECKS_KEY] = load_checks()
        except JobproofError as exc:
            pytest.exit(f"jobproof: {_in_pytests_words(str(exc))}", returncode=exc.exit_code)
    return config.stash[_CHECKS_KEY]


def _session(session: pytest.Session) -> Session:
    from jobproof.contract.suite.session.session import Session

    config = session.config
    if _SESSION_KEY not in config.stash:
        config.stash[_SESSION_KEY] = Session(
            *(_values(config), _checks(config), _selection(session)),
            shared=_shared(config),
            terminal=_terminal(config),
            report_option="--report" if _is_command(config) else "--job-report",
        )
    return config.stash[_SESSION_KEY]


def _selection(session: pytest.Session) -> NodeSelection:
    """
    What the nodes that are left after `-k` and its like are about; those that are about no check
    are about all of them.
    """
    from jobproof.contract.suite.session.session import DRAWN, NodeSelection

    ours = [item for item in session.items if _is_ours(item) and isinstance(item, pytest.Function)]
    drawn = DRAWN & {item.originalname for item in ours}
    asked = {id_ for item in ours for id_ in _checks_of(item)}
    known = [check.id for check in _checks(session.config)]
    every = not asked or asked.issuperset(known)
    return NodeSelection(None if every else tuple(i for i in known if i in asked), frozenset(drawn))


def _checks_of(item: pytest.Function) -> Iterator[str]:
    if hasattr(item, "callspec"):
        yield cast("Check", item.callspec.params["promise"]).id


def _shared(config: pytest.Config) -> SharedRun | None:
    """
    Where workers of pytest-xdist agree; None where there are none.
    """
    from jobproof.contract.suite.session.shared_run import SharedRun

    given = getattr(config, "workerinput", {}).get(_WORKER_KEY)
    folder = config.stash.get(_FOLDER_KEY, None) if given is None else Path(given)
    return None if folder is None else SharedRun(folder)


def _so_far(config: pytest.Config, heard: Heard) -> Told | None:
    told = _told_by_whom_it_was_made(config, heard)
    if told is None or heard.interrupted is None:
        return told
    return told.when_interrupted(heard.interrupted)


def _told_by_whom_it_was_made(config: pytest.Config, heard: Heard) -> Told | None:
    contract = config.stash.get(_SESSION_KEY, None)
    if contract is not None:
        return contract.so_far()
    shared = _shared(config)
    if shared is None or not shared.end(signal.Signals[heard.interrupted or "SIGINT"]):
        return None
    from jobproof.contract.suite.session.shared_run import PROCESS_DIED
    from jobproof.contract.suite.session.told import told_without_run

    return shared.told() or told_without_run(_values(config), crash=PROCESS_DIED)


def _add_junit_properties(config: pytest.Config, report: JsonDocument) -> None:
    """
    Have JUnit XML, where it is written, say what the run came to.
    """
    from jobproof.contract.suite.reporting.junit import properties_of

    for plugin in config.pluginmanager.get_plugins():
        # Not by the fixture `record_testsuite_property`: workers of pytest-xdist have no such file.
        add = getattr(plugin, "add_global_property", None)
        if add is not None:
            for name, value in properties_of(report):
                add(name, value)


def _in_pytests_words(message: str) -> str:
    """
    The message, with each option called as pytest calls it.
    """
    names = {option.name: option.pytest_name for option in OPTIONS}
    return re.sub(r"(?<![\w-])--([a-z][a-z0-9-]*)", lambda m: f"--{names.get(m[1], m[1])}", message)


def _values(config: pytest.Config) -> OptionValues:
    return {option.key: config.getoption(_dest(option.key)) for option in OPTIONS}


def _dest(key: str) -> str:
    return f"jobproof_{key}"


def _is_command(config: pytest.Config) -> bool:
    """
    Whether `jobproof test` has started this pytest: with our own ini file.
    """
    return config.inipath is not None and config.inipath.resolve() == _SUITE_FOLDER / "pytest.ini"


def _terminal(config: pytest.Config) -> TextIO | None:
    """
    Where to say how far the run is; None where nothing is to be said.
    """
    descriptor = config.stash.get(_TERMINAL_KEY, None)
    if descriptor is None or _is_quiet(config):
        return None
    # Made only now: pytest may end without asking anybody to close it.
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


def _is_quiet(config: pytest.Config) -> bool:
    """
    Whether nothing is to be said while it runs: by our option, or by pytest's `-q`, which
    `jobproof test` itself gives once.
    """
    least = -1 if _is_command(config) else 0
    return bool(config.getoption(_dest("quiet"))) or config.getoption("verbose") < least
