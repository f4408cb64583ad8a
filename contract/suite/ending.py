"""
With which code pytest ends: the verdict's, unless something else counts more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jobproof.contract.suite.session.told import Told

__all__ = ["OF_VERDICT", "Heard", "exit_code_of"]

OF_VERDICT = "is_of_jobproofs_verdict"
"""What a report of pytest's is marked by where a node fails because the run says so."""


class Heard:
    """
    What isn't the run's own, but counts in the end.

    Attributes:
        others_failed: Whether something failed that isn't the verdict's to say.
        interrupted: The signal that ended pytest itself, such as SIGINT.
        internal_error: Whether pytest, or a plug-in in it, has failed.
        told: Whether there was a run.
    """

    def __init__(self) -> None:
        self.others_failed = False
        self.interrupted: str | None = None
        self.internal_error = False
        self.told = False

    def note_interruption(self, exc: BaseException) -> None:
        """
        Note the signal that was raised as `exc`; anything else isn't one.
        """
        if isinstance(exc, KeyboardInterrupt):
            self.interrupted = getattr(exc, "signal", "SIGINT")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """
        A test has ended.
        """
        if report.outcome == "failed" and not getattr(report, OF_VERDICT, False):
            self.others_failed = True

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """
        Somebody has interrupted pytest, or a test has ended it.
        """
        self.note_interruption(excinfo.value)

    def pytest_internalerror(self) -> None:
        """
        What ran the tests has failed.
        """
        self.internal_error = True


def exit_code_of(told: Told | None, heard: Heard, code: int) -> int:
    """
    2, then 1, 4, 130 or 143, 3, 0; where pytest itself says something else, its own.
    """
    if told is None:
        return code
    # pytest's own code is 3, which says something else here.
    if heard.internal_error:
        return 1 if told.exit_code == 1 else 4
    if heard.interrupted is None and code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return code
    return int(pytest.ExitCode.TESTS_FAILED) if heard.others_failed else told.exit_code
