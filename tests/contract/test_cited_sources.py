"""
A cited source holds: what a finding calls documented stands in the document, or in the profile.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, failure, job, links, said, trace
from tests.contract.cited import sources_that_are_not_there, stands_written
from tests.contract.edited_api import edited, put_key
from tests.contract.test_checks_table import CASES_OF_ALL_CHECKS

from jobproof.contract.model.api import Api
from jobproof.contract.model.check import MOST_WINDOW
from jobproof.contract.model.exchange import Exchange, Subject
from jobproof.contract.model.finding import Basis, Finding
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import find_api


@pytest.fixture(scope="module")
def guessed(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """
    An API of whose profile nothing stands written, and whose document says nothing of access.
    """

    def infer(value: Any) -> None:
        if isinstance(value, dict):
            if "basis" in value:
                value["basis"] = "inferred"
            for item in value.values():
                infer(item)
        elif isinstance(value, list):
            for item in value:
                infer(item)

    folder = tmp_path_factory.mktemp("guessed")
    return edited(folder, profile=infer, document=lambda root: root.pop("security"))


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """
    An API whose document states ranges and a `default`.
    """

    def widen(root: Any) -> None:
        responses = root["paths"]["/jobs/{id}"]["get"]["responses"]
        responses["2XX"] = responses.pop("200")
        responses["default"] = responses.pop("404")

    return edited(tmp_path_factory.mktemp("covered"), document=widen)


def _read_as(api: Api, seen: Trace) -> Trace:
    """
    The same exchanges, as answers of another API.
    """
    earlier = seen.looking_back(MOST_WINDOW).recent
    return Trace.of(
        api,
        [api.observe(one.exchange) for one in (*earlier, seen.latest)],
        baselines=tuple(api.observe(one.exchange) for one in seen.baselines),
        token=seen.token,
        deadline_s=seen.deadline_s,
    )


every_case = pytest.mark.parametrize("name", CASES_OF_ALL_CHECKS)


@every_case
def test_every_case_of_every_check_cites_what_is_there(name: str) -> None:
    case = CASES_OF_ALL_CHECKS[name]
    for seen in (case.accepts, case.rejects):
        assert sources_that_are_not_there(seen.api, said(seen)) == []


@every_case
@pytest.mark.parametrize("of", ["guessed", "covered"])
def test_so_it_does_where_less_stands_written(
    name: str, of: str, request: pytest.FixtureRequest
) -> None:
    api, case = request.getfixturevalue(of), CASES_OF_ALL_CHECKS[name]
    for seen in (case.accepts, case.rejects):
        assert sources_that_are_not_there(api, said(_read_as(api, seen))) == []


def test_a_source_that_is_not_there_is_seen_through() -> None:
    api = find_api("krea")
    assert stands_written(api, "the document: responses.200.content.application/json.schema")
    for wrong in (
        "the document: responses.418",
        "the document: responses.200.content.text/plain.schema",
        "the document: a job ends once",
        "the document: security of GET /elsewhere",
        "profile.yaml: times",
    ):
        assert not stands_written(api, wrong), wrong


def _only(of: Api, check: str, *seen: Exchange, **kwargs: Any) -> Finding:
    (found,) = [f for f in said(trace(*seen, of=of, **kwargs)) if f.check == check]
    return found


def test_what_nobody_wrote_down_is_a_warning(guessed: Api) -> None:
    now = job("completed", result={"urls": links(2)})
    moved = _only(guessed, "ended_job_is_frozen", answer(at=NOW - 60), answer(now))
    assert (moved.basis, moved.source) == (
        Basis.INFERRED,
        guessed.profile.status.terminal.source,
    )
    hostile = answer(subject=Subject.MALFORMED, job_id="x")
    assert _only(guessed, "malformed_id_is_refused", hostile).basis is Basis.INFERRED


def test_a_job_that_is_denied_stays_a_broken_promise(guessed: Api) -> None:
    denied = _only(guessed, "known_job_is_found", answer({"error": "no"}, 404))
    assert denied.breaks(strict=False)
    assert denied.basis is Basis.RFC


@pytest.mark.parametrize("asks", [True, False])
def test_a_foreign_job_is_hidden_by_the_documents_security(tmp_path: Path, asks: bool) -> None:
    def document(root: Any) -> None:
        root["security"] = root["security"] if asks else []

    api = edited(tmp_path, profile=put_key("not_found.basis", "inferred"), document=document)
    shown = _only(api, "foreign_job_is_hidden", answer(subject=Subject.FOREIGN))
    assert shown.breaks(strict=False) is asks
    assert sources_that_are_not_there(api, [shown]) == []


def test_a_server_error_under_default_breaks_no_word_of_the_document(covered: Api) -> None:
    failed = _only(covered, "no_server_error", answer(b"", 500))
    assert (failed.basis, failed.breaks(strict=False)) == (Basis.RFC, True)


def test_schemes_that_nobody_stated_are_our_reading(tmp_path: Path) -> None:
    plain, script = ("http://h.example/1.png", "javascript:alert(1)")
    state = put_key("result.schemes", ["https"])
    for api, link, basis in (
        (find_api("krea"), plain, Basis.INFERRED),
        (find_api("krea"), script, Basis.DOCUMENTED),
        (edited(tmp_path, profile=state), plain, Basis.DOCUMENTED),
    ):
        body = job(result={"urls": [link]})
        assert _only(api, "links_use_safe_schemes", answer(body)).basis is basis


def test_an_outage_is_nothing_that_a_document_speaks_of() -> None:
    found = _only(find_api("krea"), "endpoint_is_available", failure())
    assert found.basis is Basis.INFERRED
