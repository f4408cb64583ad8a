"""
An API that says "no such job" with 410: whoever asks is told so by the profile.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.contract.edited_api import copied, put_key
from tests.probes.followed_endpoint import JOBS, FollowedEndpoint
from tests.probes.live import running, sample, write_config
from tests.tools import until

from jobproof.contract.errors import ProfileError
from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.plugins import load_checks
from jobproof.grafana.boards.overview import board
from jobproof.grafana.configured import configured_settings
from jobproof.probes.config.reader import load_settings
from jobproof.probes.engine.judging import RawResult, ResultJudge
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.result import ProbeOutcome

ID = "11111111-1111-4111-8111-111111111111"


def gone_api(tmp_path: Path) -> Path:
    """
    A copy of an API whose every 404 is a 410, asked for again at once.
    """

    def profile(value: Any) -> None:
        put_key("not_found.codes", [410])(value)
        put_key("cadence", {"poll": "10ms", "slowest": "10ms"})(value)

    def document(value: Any) -> None:
        responses = value["paths"]["/jobs/{id}"]["get"]["responses"]
        responses["410"] = responses.pop("404")

    return copied(
        tmp_path, profile=profile, document=document, mock=put_key("pages.unknown.code", 410)
    )


def outcome(api: Api, code: int, subject: Subject) -> tuple[ProbeOutcome, list[str], bool]:
    request = Request("GET", f"http://h/jobs/{ID}", (), ID, subject, Credential.OWNER)
    body = b'{"error":"gone"}'
    answer = Response(code, (("Content-Type", "application/json"),), body, body)
    exchange = Exchange(request, answer, 1_700_000_000.0, 0.1)
    judge = ResultJudge(api, Judge(load_checks()), None)
    judged = judge(RawResult("t", "known", request, 1_700_000_000.0, 0.0, 0.1, exchange))
    assert judged.seen is not None
    broken = [f.check for f in judged.result.findings if f.breaks(strict=False)]
    return judged.result.outcome, broken, judged.seen.is_not_found


def test_only_the_codes_of_the_profile_deny_a_job(tmp_path: Path) -> None:
    api = load_api(gone_api(tmp_path))
    lost = (ProbeOutcome.NOT_FOUND, ["known_job_is_found"], True)
    assert outcome(api, 410, Subject.KNOWN) == lost
    assert outcome(api, 410, Subject.MISSING) == (ProbeOutcome.OK, [], True)
    undocumented = (ProbeOutcome.UNEXPECTED_CODE, ["code_is_documented"], False)
    assert outcome(api, 404, Subject.KNOWN) == undocumented
    assert outcome(api, 404, Subject.MISSING) == undocumented


def test_a_followed_job_that_is_gone_is_counted(tmp_path: Path) -> None:
    folder = gone_api(tmp_path)
    with MockServer(load_api(folder)) as mock:
        mock.set_faults("never_found")
        config = write_config(
            tmp_path,
            mock,
            api=f"./{folder.name}",
            canaries="      missing: {}\n",
            more=f"    follow: [{{source: static, ids: [{mock.jobs[0].id}]}}]\n",
        )
        watchlist = WatchList(None)
        with running(config, watchlist=watchlist) as (daemon, heard):
            until(lambda: len(heard.of("followed")) >= 3 and heard.of("missing") != [])
            # No other job is there to be found: an hour of that, and it is let go.
            until(lambda: [job.misses >= 3 for job in watchlist.all("mocked")] == [True])
        name = "jobproof_not_found_total"
        assert {r.outcome for r in heard.of("followed")} == {ProbeOutcome.NOT_FOUND}
        assert sample(daemon, name, expected="false") == len(heard.of("followed"))
        assert sample(daemon, name, expected="true") == len(heard.of("missing"))


@pytest.mark.parametrize(("code", "followed"), [(410, set()), (404, {JOBS[0]})])
def test_a_followed_job_is_let_go_by_the_code_of_the_profile(
    tmp_path: Path, code: int, followed: set[str]
) -> None:
    config = write_config(
        tmp_path,
        "http://127.0.0.1:9",
        api=f"./{gone_api(tmp_path).name}",
        canaries="      missing: {}\n",
        more="    follow: [{source: pushed}]\n",
    )
    with closing(WatchList(None)) as watchlist:
        endpoint = FollowedEndpoint(load_settings(config).targets[0], watchlist)
        endpoint.gone_code, endpoint.missing = code, frozenset(JOBS)
        endpoint.push(JOBS[0])
        endpoint.run(3_700, knows=False)
        assert endpoint.followed() == followed


def test_an_id_that_is_gone_leaves_the_known_canary_s_rotation(tmp_path: Path) -> None:
    folder = gone_api(tmp_path)
    with MockServer(load_api(folder)) as mock:
        ids = f"{mock.jobs[0].id}, {mock.jobs[1].id}, {ID}"
        canaries = f"      known: {{ids: [{ids}]}}\n"
        config = write_config(tmp_path, mock, api=f"./{folder.name}", canaries=canaries)
        with running(config) as (_, heard):
            until(lambda: len(heard.of("known")) >= 12)
    asked = [r.exchange.request.job_id for r in heard.of("known") if r.exchange is not None]
    assert asked.count(ID) <= 2
    assert len(asked) - asked.count(ID) >= 10


def test_dashboards_speak_of_the_code_that_the_profile_names(tmp_path: Path) -> None:
    folder = gone_api(tmp_path)
    config = write_config(tmp_path, "https://api.example.com", api=f"./{folder.name}")
    config.write_text(config.read_text(encoding="utf-8").replace("ids: []", f"ids: [{ID}]"))
    shown = str(board(configured_settings(config)))
    assert "410: expected and unexpected" in shown
    assert "^410$" in shown
    assert "404" not in shown


@pytest.mark.parametrize("codes", [[], [200], [503]])
def test_no_such_job_is_said_by_a_4xx(tmp_path: Path, codes: list[int]) -> None:
    folder = copied(tmp_path, profile=put_key("not_found.codes", codes))
    with pytest.raises(ProfileError, match=r"profile.yaml:\d+: not_found.codes"):
        load_api(folder)
