"""
The pytest side of the contract suite: options, the one run, its report and exit code.

Loaded with every pytest run on the machine, so it imports nothing heavy until a suite
is really collected.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.suite.options import OPTIONS, OptionValues

if TYPE_CHECKING:
    from jobproof.contract.suite.running.run import Run

__all__ = ["Session"]

_SUITE_FOLDER = Path(__file__).parent.resolve()
_SESSION_KEY: pytest.StashKey[Session] = pytest.StashKey()
_REPORTS_KEY: pytest.StashKey[list[JsonDocument]] = pytest.StashKey()
_WORKER_KEY = "jobproof_report"
_WORST_FIRST = ("broken", "inconclusive", "kept")


class Session:
    """
    One run of the suite: the target stays open until pytest ends.
    """

    def __init__(self, config: pytest.Config) -> None:
        from jobproof.contract.plugins import load_checks

        self.values = _values(config)
        self.checks = load_checks()
        self.report: JsonDocument | None = None
        self.error: str | None = None
        self._stack = ExitStack()
        self._run: Run | None = None
        self._started = (time.time(), time.monotonic())
        self._generated = False

    def run(self) -> Run:
        """
        The run, its plan carried out at the first call.
        """
        if self.error is not None:
            pytest.fail(self.error, pytrace=False)
        if self._run is None:
            self._run = self._start()
        return self._run

    def note_generated(self) -> None:
        """
        Note that generated cases were sent: the report may now demand that they reached a job.
        """
        self._generated = True

    def missing(self) -> tuple[str, ...]:
        """
        What the run lacks for a verdict, as the report says it.
        """
        return self.run().missing(generated=self._generated)

    def conclude(self) -> JsonDocument | None:
        """
        The report as it stands now; None where nothing was run.
        """
        if self._run is None:
            return None
        from jobproof.contract.suite.reporting.report import build_report

        wall, monotonic = self._started
        self.report = build_report(
            self._run,
            started_at=wall,
            duration_s=time.monotonic() - monotonic,
            generated=self._generated,
        )
        return self.report

    def close(self) -> None:
        """
        Close the connections, and the embedded mock if there is one.
        """
        self._stack.close()

    def _start(self) -> Run:
        from jobproof.contract.client.curl import Client
        from jobproof.contract.client.response_parser import Limits
        from jobproof.contract.errors import JobproofError
        from jobproof.contract.suite.planning.target_options import open_target
        from jobproof.contract.suite.running.run import Run

        try:
            target = self._stack.enter_context(open_target(self.values))
        except JobproofError as exc:
            self.error = str(exc)
            pytest.exit(f"jobproof: {_in_pytests_words(exc)}", returncode=exc.exit_code)
        # The daemon does without `exact_framing`, which blurs the phases that it exports.
        limits = Limits(body_bytes=target.api.profile.body.limit)
        client = self._stack.enter_context(Client(exact_framing=True, limits=limits))
        if target.rate_per_minute is not None:
            from jobproof.contract.suite.planning.plan import build_plan
            from jobproof.contract.suite.reporting.summary import describe_dry_run

            _print_to_terminal(describe_dry_run(target, build_plan(target)))
        run = Run(target, self.checks, client, progress=_progress())
        run.execute()
        return run


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
        pytest.exit(f"jobproof: {_in_pytests_words(exc)}", returncode=exc.exit_code)
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    One node a check.
    """
    # By its file: in a checkout the folders have another name than once they are installed.
    is_ours = metafunc.definition.path.parent.resolve() == _SUITE_FOLDER
    if is_ours and "promise" in metafunc.fixturenames:
        checks = _session(metafunc.config).checks
        metafunc.parametrize("promise", checks, ids=[check.id for check in checks])


@pytest.fixture(scope="session")
def contract_session(pytestconfig: pytest.Config) -> Iterator[Session]:
    """
    The run of the contract suite: what was sent, answered and found.
    """
    session = _session(pytestconfig)
    yield session
    session.conclude()
    session.close()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """
    Take what a worker of pytest-xdist reports: each has made a run of its own.
    """
    text = getattr(node, "workeroutput", {}).get(_WORKER_KEY)
    if text is not None:
        node.config.stash.setdefault(_REPORTS_KEY, []).append(json.loads(text))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """
    Write the report; 1 is for a broken contract, 3 for one that can't be judged.
    """
    report = _report(session.config)
    if report is None:
        return
    # A worker of pytest-xdist leaves the last word to who has heard them all.
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_WORKER_KEY] = json.dumps(report)
        return
    place = _values(session.config)["report"]
    if place:
        from jobproof.contract.suite.reporting.report import write_report

        write_report(report, Path(place))
    # Interrupted, misused or crashed: pytest's own code says more than a verdict of half a run.
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        verdict = report["verdict"]
        if verdict == "inconclusive":
            session.exitstatus = 3
        elif verdict == "broken":
            session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """
    What isn't a failure but news, and the verdict as the last line.
    """
    report = _report(config)
    if report is None:
        return
    from jobproof.contract.suite.reporting.summary import summarise

    terminalreporter.section("job endpoint contract")
    for line in summarise(report):
        terminalreporter.write_line(line)


def _session(config: pytest.Config) -> Session:
    from jobproof.contract.errors import JobproofError

    if _SESSION_KEY not in config.stash:
        try:
            config.stash[_SESSION_KEY] = Session(config)
        except JobproofError as exc:
            pytest.exit(f"jobproof: {_in_pytests_words(exc)}", returncode=exc.exit_code)
    return config.stash[_SESSION_KEY]


def _report(config: pytest.Config) -> JsonDocument | None:
    """
    Of the run; of several, that with the worst verdict.
    """
    contract = config.stash.get(_SESSION_KEY, None)
    if contract is not None and contract.report is not None:
        return contract.report
    reports = config.stash.get(_REPORTS_KEY, [])
    return min(reports, key=lambda one: _WORST_FIRST.index(one["verdict"]), default=None)


def _in_pytests_words(error: Exception) -> str:
    """
    The message, with each option called as pytest calls it.
    """
    names = {option.name: option.pytest_name for option in OPTIONS}
    return re.sub(r"(?<![\w-])--([a-z][a-z-]*)", lambda m: f"--{names.get(m[1], m[1])}", str(error))


def _values(config: pytest.Config) -> OptionValues:
    return {option.key: config.getoption(_dest(option.key)) for option in OPTIONS}


def _dest(key: str) -> str:
    return f"jobproof_{key}"


def _print_to_terminal(line: str) -> None:
    # Past pytest's capturing: whoever waits for minutes should know why.
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{line}\n")
        sys.__stderr__.flush()


def _progress() -> Callable[[int], None]:
    stream = sys.__stderr__
    if stream is None or not stream.isatty():
        return lambda _sent: None

    def show(sent: int) -> None:
        stream.write(f"\r{sent} requests sent ")
        stream.flush()

    return show
