"""
The suite inside somebody's pytest: its nodes, its exit codes, and what it says of itself.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest
from tests.tools import WITHOUT_OTHERS

from jobproof.contract.mock import MockServer
from jobproof.contract.model.check import Check, Facet, check
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Basis, Remark, violation
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.target_options import open_target

pytest_plugins = ["pytester"]

API = find_api(default_api())
TOKEN_ENV = "TOKEN_OF_THE_TEST"

Suite = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def _others_have_no_say(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pytester.path.is_dir()  # it has emptied the variable
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(WITHOUT_OTHERS))


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    """
    Runs the suite in this process, against a mock with these faults.
    """
    servers: list[MockServer] = []

    def run(*arguments: str, faults: tuple[str, ...] = (), url: str = "") -> pytest.RunResult:
        server = MockServer(API, faults=faults)
        servers.append(server)
        monkeypatch.setenv(TOKEN_ENV, server.token)
        # Lives that go by the clock take seconds; those that go by polls show the same.
        jobs = [job.id for job in server.jobs if job.life != "timed"]
        return pytester.runpytest_inprocess(
            *("-p", "no:cacheprovider", "--pyargs", "jobproof.contract.suite"),
            *("--job-api-url", url or server.url, "--job-token-env", TOKEN_ENV),
            *(f"--job-id={job}" for job in jobs),
            *(f"--foreign-job-id={job.id}" for job in server.foreign_jobs),
            *("--job-poll-interval", "0.05", "--job-effort", "quick", *arguments),
        )

    yield run
    for server in servers:
        server.stop()


@check(basis=Basis.DOCUMENTED, source="a test", about=Facet.EXCHANGE)
def strangers_know_the_id(trace: Trace) -> Iterator[Remark]:
    """
    Nobody asks without a token for what is no id: the plan doesn't, chance does.
    """
    seen = trace.latest
    if seen.credential is Credential.NONE and seen.subject is Subject.MALFORMED:
        yield violation(at="", found="a stranger who guesses")


@check(basis=Basis.DOCUMENTED, source="a test", about=Facet.EXCHANGE)
def falls_over(trace: Trace) -> Iterator[Remark]:
    """
    This check can't be run.
    """
    raise RuntimeError("it fell over")


@check(basis=Basis.DOCUMENTED, source="a test", apis=("another-api",))
def is_of_another_api(trace: Trace) -> Iterator[Remark]:
    """
    Another API keeps its promises.
    """
    yield violation(at="", found="this API")


@check(basis=Basis.DOCUMENTED, source="a test", needs=("PUT",))
def speaks_of_puts(trace: Trace) -> Iterator[Remark]:
    """
    A PUT is answered.
    """
    yield from ()


@pytest.fixture
def with_check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Check], None]:
    """
    Installs a check beside those that there are.
    """

    def install(one: Check) -> None:
        checks = (*load_checks(), one)
        monkeypatch.setattr("jobproof.contract.plugins.load_checks", lambda: checks)

    return install


def test_every_check_is_a_node_and_the_verdict_is_the_last_line(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    done = suite("-v", "--job-report", "report.json")
    assert done.ret == 0
    for one in load_checks():
        done.stdout.fnmatch_lines([f"*::test_promise[[]{one.id}[]] *"])
    done.stdout.fnmatch_lines(["*job endpoint contract*", "verdict: kept *", "*passed*"])
    report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"] == "kept"


def test_a_broken_promise_is_one_failed_node_with_its_curl_beside_the_verdict(suite: Suite) -> None:
    done = suite(faults=("id_of_another_job",))
    assert done.ret == 1
    assert done.parseoutcomes()["failed"] == 2
    done.stdout.fnmatch_lines(["_* test_verdict _*", "broken: job_id_is_echoed"])
    done.stdout.fnmatch_lines(
        ["job_id_is_echoed: *", "  promised  *", "  asked     GET *", "  again     curl *"]
    )
    done.stdout.fnmatch_lines(["verdict: broken: *"])


def test_the_curl_of_a_finding_names_the_variable_that_holds_the_token(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    done = suite("--job-report", "report.json", faults=("id_of_another_job",))
    again = [line for line in done.outlines if line.startswith("  again     curl ")]
    report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    again += [found["evidence"]["curl"] for found in report["findings"]]
    as_owner = [line for line in again if "Authorization: Bearer $" in line]
    assert len(as_owner) > 1
    assert [line for line in as_owner if f'"Authorization: Bearer ${TOKEN_ENV}"' not in line] == []


def test_the_curl_of_a_finding_in_the_embedded_mock_names_the_variable_of_the_profile() -> None:
    with open_target({"api": API.name}) as target:
        assert target.token_env == API.profile.token_env


def test_what_only_chance_brings_up_is_told_where_it_came_up(
    suite: Suite, with_check: Callable[[Check], None]
) -> None:
    with_check(strangers_know_the_id)
    done = suite("-k", "generated_cases", "--job-effort", "exhaustive", "--job-seed", "7")
    assert done.ret == 1
    assert done.parseoutcomes()["failed"] == 1
    done.stdout.fnmatch_lines(["strangers_know_the_id: *", "  asked     GET *credential: none)"])


def test_a_spent_budget_ends_the_generated_cases_and_is_inconclusive(suite: Suite) -> None:
    done = suite("--job-effort", "standard", "--job-budget", "3")
    assert done.ret == 3
    done.stdout.fnmatch_lines(["*too little was reached (the budget of 3 requests is spent)*"])
    done.stdout.fnmatch_lines(["verdict: inconclusive: *"])


def test_a_check_that_crashes_is_a_failure_and_no_silence(
    suite: Suite, with_check: Callable[[Check], None]
) -> None:
    with_check(falls_over)
    done = suite("-k", "sound")
    assert done.ret == 4
    done.stdout.fnmatch_lines(["*falls_over*it fell over*"])


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (is_of_another_api, "it speaks of other APIs: another-api"),
        (speaks_of_puts, "nothing was asked that it speaks of: PUT"),
    ],
    ids=lambda value: getattr(value, "id", "why"),
)
def test_a_promise_that_wasn_t_reached_is_skipped_with_its_reason(
    suite: Suite, with_check: Callable[[Check], None], one: Check, why: str
) -> None:
    with_check(one)
    done = suite("-rs", "-k", one.id)
    assert done.parseoutcomes()["skipped"] == 1
    done.stdout.fnmatch_lines([f"SKIPPED*{why}"])


def test_nobody_there_is_inconclusive_and_says_so_once(suite: Suite) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        done = suite("--job-effort", "standard", url=f"http://127.0.0.1:{port}")
    assert done.ret == 3
    assert done.parseoutcomes()["failed"] == 2
    done.stdout.fnmatch_lines([f"*http://127.0.0.1:{port} can't be reached: *"])


def test_workers_of_xdist_say_together_what_one_run_says(
    suite: Suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_THAT_NOBODY_HAS", "a-token-that-nobody-has")
    arguments = ("-n", "2", "--job-token-env", "TOKEN_THAT_NOBODY_HAS")
    done = suite(*arguments, "--job-report", "report.json")
    assert done.ret == 3
    done.stdout.fnmatch_lines(["verdict: inconclusive*"])
    report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["exit_code"]) == ("inconclusive", 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--job-rate-limit", "often"), "*rate*often*"),
        (("--job-id", "."), "*--job-id '.' is no id*"),
        (("--job-staleness", "soon"), "*--job-staleness 'soon' is no duration*"),
        (("--job-param", "x"), "*--job-param: write NAME=VALUE*"),
        (("--job-api", "no-such-api"), "*no-such-api*"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "says",
)
def test_an_option_that_can_t_be_used_ends_pytest_with_two(
    suite: Suite, arguments: tuple[str, ...], says: str
) -> None:
    done = suite(*arguments)
    assert done.ret == 2
    (line,) = [line for line in done.outlines + done.errlines if "jobproof: " in line]
    assert "Traceback" not in str(done.stdout)
    pytest.LineMatcher([line]).fnmatch_lines([says])


def test_a_plug_in_that_can_t_be_loaded_ends_pytest_with_two(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobproof.contract.errors import JobproofError

    class Unusable(JobproofError):
        exit_code = 2

    def fail() -> None:
        raise Unusable("plug-in 'ttl' can't be used")

    monkeypatch.setattr("jobproof.contract.plugins.load_checks", fail)
    done = suite()
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*jobproof: plug-in 'ttl' can't be used*"])


def test_a_dry_run_prints_requests_and_sends_none(suite: Suite) -> None:
    done = suite("--job-dry-run")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*GET *http://127.0.0.1*"])
    assert "verdict" not in str(done.stdout)


def test_a_dry_run_of_what_can_t_be_used_ends_with_two(suite: Suite) -> None:
    done = suite("--job-dry-run", "--job-api", "no-such-api")
    assert done.ret == 2
    assert "no-such-api" in "".join(done.outlines + done.errlines)


def test_a_run_without_the_suite_is_told_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a():\n    pass\n")
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--job-report", "report.json")
    assert done.ret == 0
    assert "job endpoint contract" not in str(done.stdout)
    assert not (pytester.path / "report.json").exists()
