"""
Prism mocks a document, and no job: jobproof says so, and says nothing that isn't so.

https://github.com/stoplightio/prism answers every id with the same example.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from tests.wild.conformance import Conclusion, PlainAnswer, ask, held_to_its_contract

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
TOKEN = "sk-of-nobody-in-particular"


@pytest.fixture(scope="module")
def conclusion(prism: str, tmp_path_factory: pytest.TempPathFactory) -> Conclusion:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KREA_API_TOKEN", TOKEN)
        return held_to_its_contract("krea", prism, [JOB], tmp_path_factory.mktemp("prism-run"))


def asked(prism: str, job: str = JOB, method: str = "GET", token: str = TOKEN) -> PlainAnswer:
    return ask(f"{prism}/jobs/{job}", method, Authorization=f"Bearer {token}")


Fact = Callable[[str], bool]

BROKEN: dict[str, Fact] = {
    "altered_id_finds_nothing": lambda url: asked(url, JOB[:8]).code == 200,
    "end_time_only_after_end": lambda url: (
        asked(url).body["status"] == "backlogged" and "completed_at" in asked(url).body
    ),
    "invalid_token_is_refused": lambda url: asked(url, token="jobproof-invalid-token").code == 200,
    "job_id_is_echoed": lambda url: asked(url).body["job_id"] != JOB,
    "malformed_id_is_refused": lambda url: asked(url, "not-an-id").code == 200,
    "refused_method_lists_allowed": lambda url: (
        asked(url, method="PUT").code == 405 and "allow" not in asked(url, method="PUT").headers
    ),
    "success_has_no_failure_reason": lambda url: (
        asked(url).body["status"] == "backlogged" and "error" in asked(url).body
    ),
    "unknown_id_is_not_found": lambda url: asked(url, str(uuid4())).code == 200,
}
"""What is broken, and how a plain request shows it."""

WARNED: dict[str, Fact] = {
    "head_is_answered": lambda url: asked(url, method="HEAD").code == 405,
    "job_is_the_same_however_asked": lambda url: (
        ask(f"{url}/jobs/{JOB}", Authorization=f"bearer {TOKEN}").code == 401
    ),
    "links_use_safe_schemes": lambda url: (
        asked(url).body["result"]["urls"] == ["http://example.com"]
    ),
    "no_credentialed_wildcard_origin": lambda url: (
        asked(url).headers["access-control-allow-origin"] == "*"
        and asked(url).headers["access-control-allow-credentials"] == "true"
    ),
}
"""The same for what no document promises."""


def test_it_is_broken_in_these_ways_and_no_other(conclusion: Conclusion) -> None:
    assert conclusion.report["verdict"] == "broken", conclusion.said
    assert conclusion.exit_code == 1
    assert conclusion.broken == set(BROKEN), conclusion.said
    assert conclusion.warnings == set(WARNED), conclusion.said


@pytest.mark.parametrize("check", [*BROKEN, *WARNED])
def test_a_plain_request_shows_what_was_found(check: str, prism: str) -> None:
    assert {**BROKEN, **WARNED}[check](prism)


def test_what_prism_does_right_is_not_held_against_it(prism: str, conclusion: Conclusion) -> None:
    without_token = ask(f"{prism}/jobs/{JOB}")
    assert (without_token.code, without_token.headers["www-authenticate"]) == (401, "Bearer")
    assert set(conclusion.found("gap")) == {("code_is_documented", "code")}
    assert set(conclusion.found("drift")) == {("result_comes_with_the_end", "/result/urls")}
    assert conclusion.statuses == {"backlogged"}
