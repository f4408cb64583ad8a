"""
A reload of whatever there may be: refused in one line, and the next one works.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.probes.live import running, sample, write_config
from tests.tools import PYTHON, until

from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api
from jobproof.probes.config.plugin_options import load_options as _load_options
from jobproof.probes.daemon import Daemon
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.result import ProbeResult

_LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
_CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2_000))
_DEEP = {
    "brackets": "[" * 200_000,
    "braces": "{a: " * 200_000,
    "dashes": "- " * 200_000,
    "questions": "? " * 200_000,
    "indents": "".join(" " * level + "a:\n" for level in range(1_000)),
    "laughs": _LAUGHS,
    "chain": _CHAIN,
    "long key": f"? {'x' * 500_000}\n: 1\n",
}


def _replaced(old: str, new: str) -> Callable[[Path], None]:
    def change(config: Path) -> None:
        text = config.read_text(encoding="utf-8")
        assert old in text
        config.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _token(content: str) -> Callable[[Path], None]:
    return lambda config: (config.parent / "token").write_text(content, encoding="utf-8") and None


def _pipe(name: str) -> Callable[[Path], None]:
    def change(config: Path) -> None:
        path = config.parent / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return change


def _folder(config: Path) -> None:
    config.unlink()
    config.mkdir()


def _url(url: str) -> Callable[[Path], None]:
    def change(config: Path) -> None:
        lines = config.read_text(encoding="utf-8").splitlines()
        lines = [f"    url: {url}" if "url:" in line else line for line in lines]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return change


def _twice(config: Path) -> None:
    first = config.read_text(encoding="utf-8").removeprefix("targets:\n")
    config.write_text(f"targets:\n{first}{first}", encoding="utf-8")


_LINE_OF_URL = ":4: targets[0].url: "
_BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "deep": (lambda config: config.write_text("[" * 5_000) and None, ":1: nested too deep"),
    "gone": (Path.unlink, ": can't be read: No such file or directory"),
    "folder": (_folder, ": can't be read: Is a directory"),
    "a pipe": (_pipe("jobproof.yaml"), ": can't be read: is a pipe, a socket or a device"),
    "bytes": (
        lambda config: config.write_bytes(b"\xff\xfe") and None,
        ": can't be read: not UTF-8",
    ),
    "zero": (_replaced("interval: 100ms", "interval: 0s"), ":6: targets[0].interval: 0s isn't"),
    "no unit": (
        _replaced("interval: 100ms", 'interval: "1"'),
        ":6: targets[0].interval: '1' is no",
    ),
    "negative": (_replaced("interval: 100ms", "interval: -1s"), ":6: targets[0].interval: '-1s'"),
    "huge": (_replaced("interval: 100ms", f"interval: {'9' * 20}d"), ":6: targets[0].interval: "),
    "nan": (_replaced("unlimited", ".nan"), ":8: targets[0].requests_per_minute: write a number"),
    "inf": (_replaced("unlimited", ".inf"), ":8: targets[0].requests_per_minute: write a number"),
    "digits": (_replaced("unlimited", "9" * 400), ":8: targets[0].requests_per_minute: write a"),
    "a name twice": (_twice, ": targets[1].name: 'mocked' is the name of the target in line 2"),
    "a key twice": (_replaced("    api:", "    api: krea\n    api:"), ":4: key 'api' stands here"),
    "api": (_replaced("api: krea", "api: ../../etc"), ":3: targets[0].api: "),
    "a long api": (_replaced("api: krea", f"api: /{'a' * 5_000}"), ":2: targets[0]: can't be used"),
    "nul": (_replaced("token_file: token", 'token_file: "a\\0b"'), ":2: targets[0]: can't be used"),
    "file url": (_url("file:///etc/passwd"), f"{_LINE_OF_URL}'file:///etc/passwd' has a scheme"),
    "blank": (_url("http://exa mple:99999/"), f"{_LINE_OF_URL}'http://exa mple:99999/' holds a"),
    "nowhere": (_url("http://bücher.example"), f"{_LINE_OF_URL}the host of 'http://xn--bcher"),
    "password": (_url("http://u:p@127.0.0.1"), f"{_LINE_OF_URL}holds a user name or password"),
    "ca": (
        _replaced("token_file: token", "token_file: token\n    ca_file: token"),
        ":6: targets[0].ca_file: DIR/token: holds no PEM certificate",
    ),
    "empty token": (_token(""), ":5: targets[0].token_file: DIR/token: a secret can't be empty"),
    "two lines": (
        _token("a\nb"),
        ":5: targets[0].token_file: DIR/token: a secret must be printable",
    ),
    "no token": (
        lambda config: (config.parent / "token").unlink(),
        ":5: targets[0].token_file: DIR/token can't be read",
    ),
    "3 MB of token": (
        _token("x" * 3_000_000),
        ":5: targets[0].token_file: DIR/token holds more than 65536 bytes",
    ),
    "a pipe of a token": (_pipe("token"), ":5: targets[0].token_file: DIR/token is a pipe"),
}


@dataclass
class Running:
    """
    A daemon, its configuration, and how that reads when all is well.
    """

    daemon: Daemon
    config: Path

    def __post_init__(self) -> None:
        self.paths = (self.config, self.config.parent / "token")
        self.texts = [path.read_text(encoding="utf-8") for path in self.paths]

    def restore(self) -> None:
        for path, text in zip(self.paths, self.texts, strict=True):
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)
            path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("reload")
    with MockServer(find_api("krea")) as server:
        config = write_config(folder, server, more="    follow: [{source: pushed}]\n")
        with running(config) as (daemon, _):
            yield Running(daemon, config)


@pytest.mark.parametrize("bad", _BAD)
def test_what_can_t_be_used_is_refused_in_a_line_and_the_next_reload_works(
    well: Running, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    daemon, (spoil, message) = well.daemon, _BAD[bad]
    before = daemon.settings
    try:
        spoil(well.config)
        error = daemon.reload().error
    finally:
        well.restore()
    assert error is not None
    assert error.startswith(f"{well.config}:")
    assert message.replace("DIR", str(well.config.parent)) in error
    assert "\n" not in error
    assert daemon.settings is before
    assert sample(daemon, "jobproof_config_last_reload_successful") == 0.0
    assert [record.exc_info for record in caplog.records if "refused" in record.message] == [None]
    assert daemon.reload().taken
    assert sample(daemon, "jobproof_config_last_reload_successful") == 1.0


class FailingSink:
    """
    Fails in whatever way it is told, when it is made.
    """

    Options: ClassVar[type[StrictModel]] = StrictModel
    wrong: ClassVar[BaseException | None] = None
    closed: ClassVar[list[bool]] = []

    def __init__(self, options: object) -> None:
        if FailingSink.wrong is not None:
            raise FailingSink.wrong

    def write(self, result: ProbeResult) -> None:
        pass

    def close(self) -> None:
        FailingSink.closed.append(True)


@pytest.mark.parametrize("wrong", [RecursionError("deep"), MemoryError(), SystemExit(3)])
def test_whatever_a_plug_in_raises_the_next_reload_works(
    mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: BaseException
) -> None:
    config = write_config(tmp_path, mock)
    good = config.read_text(encoding="utf-8")
    sinks = {"failing": FailingSink}
    monkeypatch.setattr(
        "jobproof.probes.config.reader.load_options",
        lambda group, load=_load_options: sinks if group == "jobproof.sinks" else load(group),
    )
    with running(config) as (daemon, _):
        FailingSink.wrong = wrong
        config.write_text(good + "sinks: [{sink: failing}]\n", encoding="utf-8")
        error = daemon.reload().error
        assert error is not None
        assert type(wrong).__name__ in error
        assert "Traceback" not in error
        assert sample(daemon, "jobproof_config_last_reload_successful") == 0.0
        FailingSink.wrong = None
        assert daemon.reload().taken
        config.write_text(good, encoding="utf-8")
        FailingSink.closed.clear()
        assert daemon.reload().taken
        assert FailingSink.closed == [True]


def test_a_change_that_fails_half_way_is_taken_back(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    good = config.read_text(encoding="utf-8")

    class Closed(WatchList):
        fails = False

        def sizes(self) -> dict[str, int]:
            if self.fails:
                self.fails = False
                raise RecursionError("no idea")
            return super().sizes()

    with (
        closing(Closed(None)) as watchlist,
        running(config, watchlist=watchlist) as (daemon, heard),
    ):
        config.write_text(good.replace("name: mocked", "name: other"), encoding="utf-8")
        watchlist.fails = True
        error = daemon.reload().error
        assert error is not None
        assert "can't be taken over: RecursionError: no idea (at test_reload.py:" in error
        assert [target.name for target in daemon.targets] == ["mocked"]
        count = len(heard.results)
        # A probe of the other one may have begun meanwhile, and its result comes all the same.
        until(lambda: len(heard.results) > count + 3)
        until(lambda: {one.target for one in heard.results[-4:]} == {"mocked"})
        assert daemon.reload().added == ("other",)


def test_a_reload_of_a_schedule_that_has_ended_is_refused(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    with running(config) as (daemon, _):
        daemon.prober.stop(within_s=5.0)
        # As if it had died of something: nobody has stopped the daemon.
        daemon.prober._stopping = False
        error = daemon.reload().error
        assert error is not None
        assert "the schedule has ended, and nothing is probed: restart it" in error
        assert sample(daemon, "jobproof_config_last_reload_successful") == 0.0


def test_a_reload_says_which_jobs_it_leaves_without_a_target(
    mock: MockServer, tmp_path: Path
) -> None:
    config = write_config(tmp_path, mock, more="    follow: [{source: pushed}]\n")
    good = config.read_text(encoding="utf-8")
    with running(config) as (daemon, _):
        daemon.follow("mocked", mock.jobs[0].id)
        config.write_text(good.replace("name: mocked", "name: other"), encoding="utf-8")
        report = daemon.reload()
        assert (report.removed, dict(report.kept)) == (("mocked",), {"mocked": 1})
        config.write_text(good, encoding="utf-8")
        assert dict(daemon.reload().kept) == {}
        assert [job.job_id for job in daemon.watchlist.all("mocked")] == [mock.jobs[0].id]


_READER = """
import resource, sys
from pathlib import Path
from jobproof.contract.errors import ConfigError
from jobproof.probes.config.reader import load_settings
def spent():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss
def read(path):
    seconds, kilobytes = spent()
    try:
        load_settings(Path(path))
        said = "taken"
    except ConfigError as wrong:
        said = str(wrong)
    now, peak = spent()
    return now - seconds, peak - kilobytes, said
read(sys.argv[1])
usual, _, taken = read(sys.argv[2])
assert taken == "taken", taken
for path in sys.argv[3:]:
    seconds, kilobytes, said = read(path)
    print(seconds < usual, kilobytes, len(said), said[:200].replace(chr(10), " "))
"""


def test_bombs_are_refused_sooner_than_a_file_of_their_size_is_read(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://a.test", canaries="      missing: {}\n")
    good = config.read_text(encoding="utf-8")
    (tmp_path / "long.yaml").write_text(good + "x-more:\n" + "- {a: 1}\n" * 8_000)
    paths = [tmp_path / f"{name}.yaml" for name in _DEEP]
    for path, text in zip(paths, _DEEP.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    read = subprocess.run(
        [*PYTHON, "-c", _READER, config, tmp_path / "long.yaml", *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    for line, path in zip(read.stdout.splitlines(), paths, strict=True):
        is_sooner, kilobytes, length, said = line.split(" ", 3)
        assert is_sooner == "True", line
        assert int(kilobytes) < 50_000, line
        assert int(length) < 300, line
        assert said.startswith(f"{path}:"), line
