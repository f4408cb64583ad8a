"""
Whether a small change to our own core is noticed: each one made, its tests run, the deaths counted.

    python benches/mutation.py [--sample N] [--seed N] [--only PATH] [--jobs N] [--survivors FILE]

cosmic-ray's own runner starts the tests anew for each, which costs more than most of the tests;
here a process that has the libraries in memory is forked for each, the changed module is read
from memory, and the checkout stays as it is. Exit code 1 if fewer than `LIMIT` of them die; of a
sample of fewer than `ENOUGH`, if so few do that chance alone doesn't explain it. 2 if the tests
fail with no change made.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Literal

import hypothesis
import pytest
from mutants import Mutant, draw, read_equivalents, stale

from jobproof.contract.judging.rates import wilson

__all__ = ["EQUIVALENTS", "TESTS", "BrokenBaseline", "Outcome", "Project", "Tally", "main", "run"]

LIMIT = 0.9
ENOUGH = 400
ROOT = Path(__file__).resolve().parent.parent
EQUIVALENTS = Path(__file__).with_name("mutation_equivalents.txt")

_MOST_MEMORY = 4 << 30
_LIBRARIES = ("pydantic", "jsonschema_rs", "hypothesis", "schemathesis", "requests", "pycurl")

Outcome = Literal["killed", "timeout", "survived"]

_OF_CHECKS = (
    *("contract/test_checks_{stem}.py", "contract/test_premises.py"),
    *("contract/test_checks_table.py", "contract/test_where_checks_look.py"),
    *("contract/test_foreign_answers.py", "contract/test_findings_read_right.py"),
)

TESTS: Mapping[str, Sequence[str]] = {
    "contract/checks/lifecycle.py": (*_OF_CHECKS, "contract/test_staleness.py"),
    "contract/checks/*.py": _OF_CHECKS,
    "contract/judging/judge.py": (
        *("contract/test_where_checks_look.py", "contract/test_judge.py", "contract/test_gaps.py"),
    ),
    "contract/judging/*_reach.py": ("contract/test_{stem}.py", "contract/test_coverage.py"),
    "contract/judging/coverage.py": ("contract/test_coverage.py", "contract/test_gaps.py"),
    "contract/judging/rates.py": ("contract/test_rates.py",),
    "contract/model/promises/lifecycle.py": (
        *("contract/test_lifecycle.py", "contract/test_checks_lifecycle.py"),
    ),
    "contract/model/history/*.py": (
        *("contract/test_checks_lifecycle.py", "contract/test_checks_caching.py"),
        *(
            "contract/test_checks_codes.py",
            "contract/test_staleness.py",
            *("contract/test_history.py", "contract/test_where_checks_look.py"),
        ),
    ),
    "contract/model/verdict.py": (
        *("contract/test_finding.py", "contract/test_judge.py"),
        *("contract/test_findings_read_right.py", "contract/test_report_again.py"),
    ),
    "probes/engine/schedule.py": ("probes/test_schedule.py",),
    "probes/engine/rate_budget.py": ("probes/test_rate_budget.py", "probes/test_schedule.py"),
    "probes/engine/judging.py": (
        *("probes/test_judging.py", "probes/test_canaries.py", "probes/test_job_history.py"),
    ),
    "probes/canaries/known.py": ("probes/test_canaries.py",),
    "probes/evidence/store.py": ("probes/test_evidence_store.py",),
}
"""What is changed, and the tests that are to notice, the nearest first."""


class BrokenBaseline(Exception):
    """
    The tests fail before anything is changed, so their failing later would say nothing.
    """


@dataclass(slots=True)
class Tally:
    """
    What became of each mutant.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    survivors: list[Mutant] = field(default_factory=list)

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """
        Count one more.
        """
        self.outcomes[outcome] += 1
        if outcome == "survived":
            self.survivors.append(mutant)

    @property
    def made(self) -> int:
        """
        How many there were.
        """
        return self.outcomes.total()

    @property
    def share(self) -> float:
        """
        How many of them died.
        """
        return 1 - self.outcomes["survived"] / self.made if self.made else 0.0

    @property
    def is_enough(self) -> bool:
        """
        Whether `LIMIT` is kept, as far as so many can tell.
        """
        if not self.made or self.made >= ENOUGH:
            return self.share >= LIMIT
        return wilson(self.made - self.outcomes["survived"], self.made)[1] >= LIMIT


@dataclass(frozen=True, slots=True)
class Project:
    """
    What is changed and tested.

    Attributes:
        root: Holds `src` and `tests`.
        tests: By the modules' pattern: the tests that are to notice, the nearest first.
    """

    root: Path
    package: str
    tests: Mapping[str, Sequence[str]]

    @property
    def modules(self) -> tuple[str, ...]:
        """
        All that are changed, by their places in the package.
        """
        found = {path for pattern in self.tests for path in self.home.glob(pattern)}
        return tuple(sorted(str(path.relative_to(self.home)) for path in found))

    @property
    def home(self) -> Path:
        """
        Where the package is.
        """
        return self.root / "src" / self.package

    def pattern_of(self, module: str) -> str:
        """
        The pattern that the module comes under.
        """
        return next(pattern for pattern in self.tests if Path(module).match(pattern))

    def tests_of(self, module: str) -> tuple[str, ...]:
        """
        The files of its tests, in order.
        """
        home, found = self.root / "tests", dict[str, None]()
        for name in self.tests[self.pattern_of(module)]:
            for path in sorted(home.glob(name.format(stem=Path(module).stem))):
                found[str(path)] = None
        return tuple(found)


def run(
    project: Project, mutants: Sequence[Mutant], *, jobs: int, timeout_s: float = 5.0
) -> Iterator[tuple[Mutant, Outcome]]:
    """
    What became of each, as it becomes known.

    Args:
        timeout_s: Seconds beside three times what the tests need unchanged, by the CPU; of
            waiting, ten times as many.

    Raises:
        BrokenBaseline: Tests fail with nothing changed.
    """
    _warm_up(project)
    with tempfile.TemporaryDirectory(prefix="mutation-") as scratch:
        runner = _Runner(project, Path(scratch))
        spent: dict[str, float] = {}
        patterns = {project.pattern_of(mutant.module): mutant for mutant in mutants}
        for pattern, mutant in patterns.items():
            spent[pattern] = runner.baseline(mutant.module)
        waiting, under_way = list(reversed(mutants)), dict[int, _Job]()
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                mutant = waiting.pop()
                cpu_s = 3 * spent[project.pattern_of(mutant.module)] + timeout_s
                job = runner.start(mutant.module, mutant, cpu_s)
                under_way[job.handle] = job
            until = min(job.deadline for job in under_way.values())
            ready, _, _ = select.select(list(under_way), [], [], max(0.0, until - time.monotonic()))
            late = [n for n, job in under_way.items() if job.deadline <= time.monotonic()]
            for handle in {*ready, *late}:
                job = under_way.pop(handle)
                outcome = job.end()
                if job.mutant is not None:
                    yield job.mutant, outcome


@dataclass(slots=True)
class _Job:
    pid: int
    handle: int
    deadline: float
    log: Path
    mutant: Mutant | None
    cpu_s: float = 0.0

    def end(self) -> Outcome:
        """
        What the process came to; one that is still there is ended.
        """
        is_over = bool(select.select([self.handle], [], [], 0)[0])
        # With the tests' own processes: a change may leave some behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.handle)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        if not is_over or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
            return "timeout"
        return "survived" if status == 0 else "killed"


class _Runner:
    """
    Forks a process for each run of tests.
    """

    def __init__(self, project: Project, scratch: Path) -> None:
        self._project = project
        self._scratch = scratch
        self._count = 0

    def baseline(self, module: str) -> float:
        """
        Seconds of CPU of the tests with nothing changed.
        """
        job = self.start(module, None, cpu_s=3_600)
        select.select([job.handle], [], [])
        if job.end() != "survived" or not self._project.tests_of(module):
            raise BrokenBaseline(
                f"{module}: its tests fail with nothing changed; mend them first\n"
                + job.log.read_text(errors="replace")[-4_000:]
            )
        return job.cpu_s

    def start(self, module: str, mutant: Mutant | None, cpu_s: float) -> _Job:
        """
        Run the module's tests in a process of its own.
        """
        self._count += 1
        log = self._scratch / f"{self._count}.log"
        pid = os.fork()
        if pid == 0:
            try:
                os._exit(self._child(module, mutant, int(cpu_s), log))
            finally:
                os._exit(70)
        return _Job(pid, os.pidfd_open(pid), time.monotonic() + 10 * cpu_s, log, mutant)

    def _child(self, module: str, mutant: Mutant | None, cpu_s: int, log: Path) -> int:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        out = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(self._project.root)
        sys.path.insert(0, str(self._project.home.parent))
        if mutant is not None:
            name = ".".join((self._project.package, *Path(module).with_suffix("").parts))
            path = self._project.home / module
            sys.meta_path.insert(0, _ChangedModule(name, str(path), mutant.source))
        return int(
            pytest.main(
                [
                    *("-x", "-q", "-m", "not ladder", "--hypothesis-seed=0"),
                    *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"),
                    # Else pytest itself loads what a plug-in's package holds, ahead of us.
                    "--assert=plain",
                    f"--rootdir={self._project.root}",
                    f"--basetemp={log.with_suffix('')}",
                    *self._project.tests_of(module),
                ]
            )
        )


class _ChangedModule(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """
    One module's text from memory.
    """

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """
        Only of that module.
        """
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        """
        Compiled anew: no cache knows it, and none shall.
        """
        return compile(self._source, self.path, "exec", dont_inherit=True)


def _warm_up(project: Project) -> None:
    """
    Load the libraries that the package's modules want, and forget the modules.
    """
    _forget(project.package)  # what was imported so far may be another copy of it
    sys.path.insert(0, str(project.home.parent))
    for path in project.modules:
        importlib.import_module(".".join((project.package, *Path(path).with_suffix("").parts)))
    for name in _LIBRARIES:
        importlib.import_module(name)
    _forget(project.package)
    sys.path.pop(0)
    # A failure is enough: nobody reads the smallest one.
    hypothesis.settings.register_profile(
        "mutation",
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        database=None,
    )
    hypothesis.settings.load_profile("mutation")


def _forget(package: str) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in {package, "tests"}:
            del sys.modules[name]


def main() -> int:
    """
    Print each survivor as it is found, and the share of those that died.
    """
    parser = argparse.ArgumentParser(description="Whether small changes to our core are noticed.")
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="*", help="modules whose place matches this pattern")
    parser.add_argument("--part", default="1/1", help="K/N: every Nth of the sample, from the Kth")
    parser.add_argument("--survivors", type=Path, help="write them there, too")
    options = parser.parse_args()
    project = Project(ROOT, "jobproof", TESTS)
    equivalents = read_equivalents(EQUIVALENTS)
    gone = list(stale(equivalents, root=project.home))
    for one in gone:
        print(f"no such change any more: {one.module}: {one.operator}\n- {one.before}")
    modules = [name for name in project.modules if Path(name).match(options.only)]
    first, step = (int(text) for text in options.part.split("/"))
    drawn = draw(modules, options.sample, options.seed, root=project.home)[first - 1 :: step]
    mutants = [one for one in drawn if not any(known.is_of(one) for known in equivalents)]
    tally = Tally()
    try:
        for mutant, outcome in run(project, mutants, jobs=options.jobs):
            tally.add(mutant, outcome)
            if outcome == "survived":
                print(f"{mutant}\n", flush=True)
    except BrokenBaseline as broken:
        print(broken)
        return 2
    if options.survivors is not None:
        options.survivors.write_text("\n\n".join(str(one) for one in tally.survivors))
    print(
        f"{tally.made - tally.outcomes['survived']} of {tally.made} noticed ({tally.share:.1%}), "
        f"{tally.outcomes['timeout']} of them by never ending; {len(drawn) - len(mutants)} more "
        f"can't be; seed {options.seed}"
    )
    return 1 if gone or not tally.is_enough else 0


if __name__ == "__main__":
    raise SystemExit(main())
