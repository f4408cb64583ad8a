"""
The two ways that ARCHITECTURE.md draws, walked: a job's id from the configuration to
`/metrics`, and a byte of an answer to a red pytest node. Every station named there has it
in hand, and there are no more of them than a newcomer can read in a morning.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType

import pytest
from tests.probes.live import running, write_config
from tests.tools import WITHOUT_OTHERS, until

import jobproof
from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api
from jobproof.probes.daemon import Daemon
from jobproof.probes.export.prometheus import expose

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parent.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOT = Path(jobproof.__file__).parent
HOMES = [(ROOT / room).resolve() for room in ("contract", "probes")]
_DEEP = 3


def stations(heading: str) -> list[str]:
    """
    The files in the table under that heading, in order.
    """
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| \d+ \| `([\w/.]+)` \|", section, re.MULTILINE)


def holds(value: object, mark: str, deep: int = _DEEP) -> bool:
    """
    Whether a value is text with the mark in it, or has some within reach.
    """
    if isinstance(value, str):
        return mark in value
    if isinstance(value, bytes | bytearray):
        return mark.encode() in value
    if deep == 0:
        return False
    if isinstance(value, Mapping):
        return any(holds(item, mark, deep - 1) for item in list(value.values())[:50])
    if isinstance(value, list | tuple):
        return any(holds(item, mark, deep - 1) for item in value[:50])
    if is_dataclass(value) and not isinstance(value, type):
        parts = (getattr(value, part.name, None) for part in fields(value))
        return any(holds(part, mark, deep - 1) for part in parts)
    return False


@contextmanager
def watched(mark: str) -> Iterator[set[str]]:
    """
    The files of the package in which a function has the mark in hand meanwhile.
    """
    seen: set[str] = set()
    places: dict[str, str] = {}

    def profile(frame: FrameType, event: str, result: object) -> None:
        name = frame.f_code.co_filename
        if name not in places:
            # In a checkout the package's folders are links: the file itself lies elsewhere.
            at = Path(name).resolve()
            places[name] = str(at) if any(map(at.is_relative_to, HOMES)) else ""
        file = places[name]
        if not file or file in seen or event not in ("call", "return"):
            return
        if any(holds(value, mark) for value in (*frame.f_locals.values(), result)):
            seen.add(file)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def visited(seen: set[str], station: str) -> bool:
    return any(file.endswith(f"/{station}") for file in seen)


def test_a_job_id_from_the_configuration_to_metrics(tmp_path: Path) -> None:
    way = stations("The life of one probe")
    assert 0 < len(way) <= 9
    with MockServer(find_api(default_api())) as server:
        job_id = server.jobs[0].id
        with watched(job_id) as seen:
            config = write_config(tmp_path, server, canaries=f"      known: {{ids: [{job_id}]}}\n")
            with running(config) as (daemon, _):
                until(lambda: job_id in _scrape(daemon), what="an exemplar with the id")
    assert [station for station in way if not visited(seen, station)] == []


def test_a_byte_of_an_answer_to_a_red_node(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = stations("The life of one finding")
    assert 0 < len(way) <= 10
    with MockServer(find_api(default_api()), faults=("id_of_another_job",)) as server:
        asked, shown = server.jobs[0].id, server.jobs[1].id
        monkeypatch.setenv("TOKEN_OF_THE_TEST", server.token)
        with watched(shown) as seen:
            done = pytester.runpytest_inprocess(
                *(*WITHOUT_OTHERS, "-p", "no:cacheprovider", "--pyargs", "jobproof.contract.suite"),
                *("--job-api-url", server.url, "--job-token-env", "TOKEN_OF_THE_TEST"),
                *("--job-id", asked, "--job-poll-interval", "0.05", "--job-effort", "quick"),
                *("-k", "job_id_is_echoed"),
            )
    done.assert_outcomes(failed=1, deselected=done.parseoutcomes()["deselected"])
    done.stdout.fnmatch_lines([f"*expected '{asked}', found '{shown}'*"])
    assert [station for station in way if not visited(seen, station)] == []


def _scrape(daemon: Daemon) -> str:
    accept = "application/openmetrics-text; version=1.0.0"
    return expose(daemon.registry, accept=accept).body.decode()


def test_every_thread_of_the_daemon_is_drawn() -> None:
    section = PAGE.partition("## The daemon's threads\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    drawn = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    # The mock and the suite have threads of their own, and the daemon has none of either.
    rooms = [HOMES[1], HOMES[0] / "judging"]
    sources = [path.read_text("utf-8") for room in rooms for path in room.rglob("*.py")]
    thread = r'name=f?"([\w-]+?)(?:-\{\w+\})?", daemon='
    started = {name for text in sources for name in re.findall(thread, text)}
    pooled = set(re.findall(r'name: str = "(\w+)"', "\n".join(sources)))
    assert drawn == started | pooled
