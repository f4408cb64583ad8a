"""
What is said while a run goes on: its first line, a line in place, a line a minute, or nothing.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import api

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.forecast import Forecast, forecast_of, in_time, opening
from jobproof.contract.suite.planning.plan import build_plan
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.reporting.progress import Progress
from jobproof.contract.suite.running.run import Run

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
NOON = 1_790_078_400.0  # 12:00 UTC


class Terminal(io.StringIO):
    """
    A stream that calls itself a terminal.
    """

    def isatty(self) -> bool:
        return True


class ClockByHand:
    """
    A clock that is put forward by hand.
    """

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _target(**changes: object) -> SuiteTarget:
    target = SuiteTarget(api(), "https://api.krea.ai", Secret("t" * 20), "T", (JOB,))
    return replace(target, **changes)


def _forecast(requests: int = 60, rate: float | None = 12.0) -> Forecast:
    return Forecast(requests, rate, 0.0)


# The first line.


def test_the_first_line_says_what_is_sent_to_whom_how_long_and_until_when() -> None:
    target = _target(rate_per_minute=12.0, seed=7, budget=60, watch_s=600.0)
    forecast = forecast_of(target, build_plan(target))
    assert opening(target, forecast, now=NOON) == (
        "jobproof: about 60 requests (standard, seed 7, 60 at most) to https://api.krea.ai (krea), "
        "12 a minute: about 5 min; until about 12:05 UTC; "
        "jobs that still run are watched for 10 min at most, until 12:15 UTC"
    )


def test_without_a_rate_limit_the_first_line_promises_no_time() -> None:
    target = _target()
    forecast = forecast_of(target, build_plan(target))
    line = opening(target, forecast, now=NOON)
    assert f"about {forecast.requests} requests (standard, fresh ids) to" in line
    assert "no rate limit; jobs that still run" in line
    assert "until about" not in line
    assert "\n" not in line


def test_a_deadline_of_jobs_bounds_how_long_they_are_watched() -> None:
    target = _target(job_deadline_s=30.0, jobs=(JOB, "0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"))
    assert forecast_of(target, build_plan(target)).watch_s == 60.0
    assert forecast_of(target, ()).watch_s == 0.0


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (89, "89 s"), (95, "2 min"), (900, "15 min"), (9000, "2.5 h")],
)
def test_a_duration_is_told_for_people(seconds: float, told: str) -> None:
    assert in_time(seconds) == told


# On a terminal.


def test_on_a_terminal_one_line_is_rewritten_and_wiped() -> None:
    stream, clock = Terminal(), ClockByHand()
    progress = Progress(stream, _forecast(), findings=lambda: 1, monotonic=clock)
    for sent in range(1, 4):
        clock.now += 5.0
        progress(sent)
    progress.close()
    assert stream.getvalue() == (
        "\r\x1b[K1 of about 60 requests, 1 finding, 5 min left"
        "\r\x1b[K2 of about 60 requests, 1 finding, 5 min left"
        "\r\x1b[K3 of about 60 requests, 1 finding, 5 min left"
        "\r\x1b[K"
    )


def test_a_terminal_is_not_redrawn_more_often_than_anybody_sees() -> None:
    stream, clock = Terminal(), ClockByHand()
    counted: list[int] = []
    progress = Progress(
        stream, _forecast(), findings=lambda: counted.append(1) or 0, monotonic=clock
    )
    for sent in range(1000):
        clock.now += 0.001
        progress(sent)
    # Counting them costs more than drawing.
    assert len(counted) == stream.getvalue().count("\r") <= 10


def test_a_line_that_stays_takes_the_place_of_the_one_that_moves() -> None:
    stream, clock = Terminal(), ClockByHand()
    progress = Progress(stream, _forecast(), monotonic=clock)
    clock.now = 1.0
    progress(1)
    progress.say("news")
    assert stream.getvalue().endswith("\r\x1b[Knews\n")


def test_what_is_waited_for_is_said_until_the_next_answer() -> None:
    stream, clock = Terminal(), ClockByHand()
    progress = Progress(stream, _forecast(), monotonic=clock)
    progress.notice("Retry-After", 12.0)
    assert stream.getvalue().endswith(", waiting 12 s: Retry-After")
    progress.notice("polling 4dd4aefd-... to its end", 0.0)
    clock.now = 12.0
    progress(2)
    last = stream.getvalue().rpartition("\r\x1b[K")[2]
    assert "waiting" not in last
    assert last.endswith("polling 4dd4aefd-... to its end")
    clock.now = 24.0
    progress(3)
    assert "polling" not in stream.getvalue().rpartition("\r\x1b[K")[2]


def test_a_notice_is_one_line_that_fits_and_steers_nothing() -> None:
    stream = Terminal()
    progress = Progress(stream, _forecast())
    progress.notice("\x1b[31m\n" * 100, 5.0)
    drawn = stream.getvalue().removeprefix("\r\x1b[K")
    assert drawn.isprintable()
    assert len(drawn) <= 79


def test_without_a_rate_limit_the_pace_so_far_tells_the_time_left() -> None:
    stream, clock = Terminal(), ClockByHand()
    progress = Progress(stream, _forecast(20, None), monotonic=clock)
    clock.now = 3.0
    progress(4)
    assert "left" not in stream.getvalue()
    clock.now = 10.0
    progress(10)
    assert stream.getvalue().endswith("10 of about 20 requests, 0 findings, 10 s left")
    clock.now = 30.0
    progress(25)
    assert stream.getvalue().endswith("\r\x1b[K25 requests, 0 findings")


# In a pipe.


def test_a_pipe_is_told_once_a_minute_and_first_after_a_minute() -> None:
    stream, clock = io.StringIO(), ClockByHand()
    progress = Progress(stream, _forecast(60), monotonic=clock)
    for sent in range(1, 61):
        clock.now += 5.0
        progress(sent)
    progress.close()
    assert stream.getvalue().splitlines() == [
        f"jobproof: {sent} of about 60 requests, 0 findings, {left} left"
        for sent, left in [(12, "4 min"), (24, "3 min"), (36, "2 min"), (48, "60 s")]
    ] + ["jobproof: 60 requests, 0 findings"]


def test_a_long_wait_is_said_at_once_and_a_short_one_is_not() -> None:
    stream, clock = io.StringIO(), ClockByHand()
    progress = Progress(stream, _forecast(), monotonic=clock)
    progress.notice("Retry-After", 5.0)
    assert stream.getvalue() == ""
    progress.notice("Retry-After", 120.0)
    assert stream.getvalue().endswith(", waiting 2 min: Retry-After\n")


def test_silence_is_silent_and_counts_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    progress = Progress(None, _forecast(), findings=_never)
    progress.say("x")
    progress(1)
    progress.notice("y", 100.0)
    progress.close()
    assert capfd.readouterr() == ("", "")


def _never() -> int:
    raise AssertionError("nobody asked")


def test_nothing_is_said_after_the_end() -> None:
    stream, clock = io.StringIO(), ClockByHand()
    progress = Progress(stream, _forecast(), monotonic=clock)
    progress.close()
    clock.now = 1e6
    progress(1)
    assert stream.getvalue() == ""


def test_a_run_goes_on_when_nobody_reads_what_it_says() -> None:
    tried: list[str] = []

    class Left(io.StringIO):
        def write(self, text: str, /) -> int:
            tried.append(text)
            raise BrokenPipeError

    progress = Progress(Left(), _forecast())
    progress.say("first")
    progress.say("second")
    progress.notice("Retry-After", 100.0)
    assert tried == ["first\n"]


# What a run says.


def _said_by_run(**options: Any) -> list[tuple[str, float]]:
    said: list[tuple[str, float]] = []
    with MockServer(api(), **options) as server, Client(exact_framing=True) as client:
        values = {"url": server.url, "token_env": "T", "poll_interval": 0.5}
        values["job"] = [job.id for job in server.jobs]
        target = target_from(values, environ={"T": server.token})
        Run(target, load_checks(), client, notice=lambda *news: said.append(news)).execute()
    return said


def test_a_run_says_that_it_was_asked_to_wait() -> None:
    waits = [
        wait_s for text, wait_s in _said_by_run(variants=("throttles_politely",)) if "429" in text
    ]
    assert waits
    assert all(0.5 < wait_s <= 2 for wait_s in waits)
    assert not [text for text, _ in _said_by_run() if "429" in text]


def test_a_run_says_that_it_polls_jobs_that_still_run() -> None:
    assert ("jobs still run, polled to their end", True) in {
        (text, wait_s > 0) for text, wait_s in _said_by_run()
    }


# The whole command.

_COMMAND = (sys.executable, "-P", "-m", "jobproof", "test", "--budget", "12")


def _errors(*arguments: str) -> str:
    done = subprocess.run([*_COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    assert "verdict: " in done.stdout
    assert "jobproof: about" not in done.stdout
    return done.stderr


def test_the_first_line_passes_the_capture_and_comes_without_a_rate_limit() -> None:
    (line,) = _errors().splitlines()
    assert line.startswith("jobproof: about 12 requests (standard, ")
    assert "12 at most) to http://127.0.0.1:" in line


def test_several_workers_say_it_once() -> None:
    assert _errors("--", "-n", "2").count("jobproof: about 12 requests") == 1


@pytest.mark.parametrize("arguments", [("--quiet",), ("--", "-q")])
def test_quiet_is_quiet(arguments: tuple[str, ...]) -> None:
    assert _errors(*arguments) == ""


@pytest.mark.parametrize(("flag", "is_said"), [("-v", True), ("-q", False), ("--job-quiet", False)])
def test_pytest_itself_says_it_unless_it_is_to_be_quiet(flag: str, is_said: bool) -> None:
    pytest_ = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", flag]
    suite = ["--pyargs", "jobproof.contract.suite", "--job-budget=12"]
    done = subprocess.run([*pytest_, *suite], capture_output=True, text=True, check=False)
    assert ("jobproof: about 12 requests" in done.stderr) is is_said, done.stderr


def test_a_terminal_sees_the_line_move_and_go() -> None:
    ours, theirs = pty.openpty()
    # As fast as it can it would be over before anybody sees a line.
    command = (*_COMMAND, "--rate-limit", "600/m")
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=theirs, check=False, stdin=subprocess.DEVNULL
    )
    os.close(theirs)
    drawn = _read_to_end(lambda: os.read(ours, 65_536))
    os.close(ours)
    assert done.returncode in (0, 3)
    assert "of about 12 requests, 0 findings" in drawn
    assert drawn.endswith("\r\x1b[K")


def _read_to_end(read: Callable[[], bytes]) -> str:
    pieces = []
    try:
        while piece := read():
            pieces.append(piece)
    except OSError:
        pass  # as Linux tells the end of a terminal
    return b"".join(pieces).decode()
