"""
Which requests of a recording are the job endpoint's, and of which server and job they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import small_api, small_folder

from jobproof.contract.errors import ConfigError
from jobproof.contract.model.api import load_api
from jobproof.contract.recordings.endpoint_filter import EndpointFilter, JobAddress


def endpoint(tmp_path: Path, base_url: str | None = None, path: str = "/jobs/{id}") -> Any:
    """
    The filter of a small API.
    """
    others = [name for name in ("project", "view") if "{" + name + "}" in path]
    parameters = tuple(
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in others
    )
    return EndpointFilter(small_api(tmp_path / "api", path=path, parameters=parameters), base_url)


@pytest.mark.parametrize(
    ("url", "base", "job_id"),
    [
        ("https://h.example/jobs/4711", "https://h.example", "4711"),
        ("HTTPS://H.Example:443/jobs/4711", "https://h.example", "4711"),
        ("http://h.example:80/jobs/1", "http://h.example", "1"),
        ("http://h.example:8080/jobs/1", "http://h.example:8080", "1"),
        ("https://h.example./jobs/1", "https://h.example", "1"),
        ("https://bücher.example/jobs/1", "https://xn--bcher-kva.example", "1"),
        ("https://[::1]:8443/jobs/1", "https://[::1]:8443", "1"),
        ("https://[0:0::1]/jobs/1", "https://[::1]", "1"),
        ("http://0.0.0.0:8000/jobs/1", "http://0.0.0.0:8000", "1"),
        ("https://user:pass@h.example/jobs/1", "https://h.example", "1"),
        ("https://h.example/v1/jobs/1", "https://h.example/v1", "1"),
        ("https://h.example/%76%31/%6Aobs/1", "https://h.example/v1", "1"),
        ("https://h.example/a%2fb/jobs/1", "https://h.example/a%2Fb", "1"),
        ("https://h.example/ä/jobs/1", "https://h.example/%C3%A4", "1"),
        ("https://h.example//jobs/1", "https://h.example/", "1"),
        ("https://h.example/jobs/jobs/1", "https://h.example/jobs", "1"),
        ("https://h.example/jobs/a%2Fb%20c", "https://h.example", "a/b c"),
        ("https://h.example/jobs/%2E%2E", "https://h.example", ".."),
        ("https://h.example/jobs/1?view=/jobs/2#/jobs/3", "https://h.example", "1"),
        ("https://h.example/jobs/1;jsessionid=0A1B", "https://h.example", "1"),
        ("https://h.example/jobs/a;b", "https://h.example", "a;b"),
        ("https://h.example/jobs/a%3Bb=c", "https://h.example", "a;b=c"),
        ("https://h.example/jobs/1?" + "x" * 1_000_000, "https://h.example", "1"),
        (" https://h.example/jobs/1\n", "https://h.example", "1"),
    ],
    ids=lambda text: text[:40],
)
def test_a_url_of_a_job_is_known(tmp_path: Path, url: str, base: str, job_id: str) -> None:
    assert endpoint(tmp_path).address_of(url) == JobAddress(base, job_id)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/jobs/1", "jobs/1", "//h.example/jobs/1", "https:/jobs/1", "https:///jobs/1"),
        *("ws://h.example/jobs/1", "wss://h.example/jobs/1", "file:///jobs/1"),
        *("data:text/plain,/jobs/1", "blob:https://h.example/jobs/1", "about:blank"),
        *("chrome-extension://abc/jobs/1", "view-source:https://h.example/jobs/1"),
        *("https://h.example", "https://h.example/", "https://h.example?/jobs/1"),
        *("https://h.example/jobs", "https://h.example/jobs/", "https://h.example/jobs/?id=1"),
        *("https://h.example/jobs/1/", "https://h.example/jobs/1/logs", "https://h.example/JOBS/1"),
        *(
            "https://h.example/otherjobs/1",
            "https://h.example/#/jobs/1",
            "https://h.example/jobs//",
        ),
        *("https://h.example/jobs/..", "https://h.example/jobs/.", "https://h.example/jobs/;a=b"),
        *("https://h.example%2Fjobs/1", "https://h.example/jobs%2F1"),
        *("http://[::1/jobs/1", "http://::1]/jobs/1", "http://a b/jobs/1", "http://[x]/jobs/1"),
        "https://h.example/" + "x" * 1_000_000 + "/jobs/1",
        "https://" + "x" * 1_000_000 + "/jobs/1",
        "https://h.example/jobs/" + "1" * 1_000_000,
    ],
    ids=lambda text: text[:40],
)
def test_a_url_of_something_else_is_none(tmp_path: Path, url: str) -> None:
    assert endpoint(tmp_path).address_of(url) is None


@pytest.mark.parametrize(
    ("base_url", "url", "is_own"),
    [
        ("https://h.example", "https://H.EXAMPLE.:443/jobs/1", True),
        ("https://h.example.", "https://h.example/jobs/1", True),
        ("https://bücher.example", "https://xn--bcher-kva.example/jobs/1", True),
        ("https://h.example/v%31/", "https://h.example/%761/jobs/1", True),
        ("https://h.example/v1", "https://u:p@h.example/v1/jobs/1?a=b", True),
        ("http://127.1:8000", "http://127.0.0.1:8000/jobs/1", True),
        ("https://h.example", "http://h.example/jobs/1", False),
        ("https://h.example", "https://h.example:8443/jobs/1", False),
        ("https://h.example", "https://www.h.example/jobs/1", False),
        ("https://h.example", "https://h.example/v1/jobs/1", False),
        ("https://h.example", "https://h.example//jobs/1", False),
        ("https://h.example/v1", "https://h.example/jobs/1", False),
        ("https://h.example/v1", "https://h.example/V1/jobs/1", False),
        ("https://h.example/v1", "https://h.example/a/v1/jobs/1", False),
    ],
)
def test_with_a_base_url_only_its_own_are_judged(
    tmp_path: Path, base_url: str, url: str, is_own: bool
) -> None:
    assert (endpoint(tmp_path, base_url).address_of(url) is not None) == is_own


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("", "--url '' is empty"),
        ("h.example", "--url 'h.example' has no scheme: write https://h.example"),
        ("wss://h.example", "--url 'wss://h.example' has a scheme that can't be asked"),
        ("https://u:s3cret@h.example", "--url holds a user name or password"),
        ("https://h.example?a=b", "has a query or a fragment"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_told(tmp_path: Path, base_url: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint(tmp_path, base_url)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_one_id_in_two_projects_is_two_jobs(tmp_path: Path) -> None:
    judged = endpoint(tmp_path, path="/projects/{project}/jobs/{id}")
    base = "https://h.example/v1"
    found = [
        judged.address_of(f"{base}/{path}")
        for path in ("projects/a/jobs/1", "projects/%61/jobs/1", "projects/b%2Cc/jobs/1")
    ]
    assert found == [
        JobAddress(f"{base} with project a", "1"),
        JobAddress(f"{base} with project a", "1"),
        JobAddress(f"{base} with project b%2Cc", "1"),
    ]
    assert judged.address_of(f"{base}/projects//jobs/1") is None
    assert judged.address_of("https://small.example/projects/a/jobs/1") is not None
    assert judged.is_documented("https://small.example with project a")
    assert not judged.is_documented(found[0].base)


@pytest.mark.parametrize(
    ("path", "asked", "job_id"),
    [
        ("/jobs/{id}/status", "/v1/jobs/7/status", "7"),
        ("/jobs/{id}/status", "/v1/jobs/7", None),
        ("/jobs/{id}.json", "/jobs/7.json", "7"),
        ("/jobs/{id}.json", "/jobs/7", None),
        ("/jobs/{id}:{view}", "/jobs/7:full", "7"),
        ("/jobs/{id}/", "/jobs/7/", "7"),
        ("/jobs/{id}/", "/jobs/7", None),
        ("/jobs;all/{id}", "/jobs;all/7", "7"),
        ("/{id}", "/v1/7", "7"),
        ("/j%C3%B6bs/{id}", "/jöbs/7", "7"),
        ("/a.b/{id}", "/axb/7", None),
    ],
)
def test_the_operation_s_path_is_met_exactly(
    tmp_path: Path, path: str, asked: str, job_id: str | None
) -> None:
    found = endpoint(tmp_path, path=path).address_of(f"https://h.example{asked}")
    assert (found and found.job_id) == job_id


def test_which_server_is_documented_says_profile_or_document(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "api")
    document = folder / "openapi.json"
    text = document.read_text(encoding="utf-8")
    servers = (
        '"servers": [{"url": "https://API.example:443/v1/"}, {"url": "/api"},'
        ' {"url": "https://{tenant}.cloud.example"}, {"url": "http://p.example/{base}/x"}], '
    )
    document.write_text(text.replace("{", "{" + servers, 1), encoding="utf-8")
    judged = EndpointFilter(load_api(folder))
    stated = {
        base: judged.is_documented(base)
        for base in (
            *("https://small.example", "https://api.example/v1", "http://anywhere.example/api"),
            *("https://acme.cloud.example", "http://p.example/a/b/x"),
            *("https://small.example/v1", "https://api.example", "http://api.example/v1"),
            *("https://cloud.example", "https://a/b.cloud.example", "https://api.example/v11"),
            *("https://anywhere.example", "https://anywhere.example/x/api"),
        )
    }
    assert list(stated.values()) == [True] * 5 + [False] * 8
