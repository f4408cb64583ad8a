"""
On which servers a document says that its operation is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import small_folder

from jobproof.contract.model.api import Api, load_api


def api_with(folder: Path, *, operation: Any = None, item: Any = None, **root: Any) -> Api:
    """
    A small API whose document states something of its servers.
    """
    path = small_folder(folder) / "openapi.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    at = document["paths"]["/jobs/{id}"]
    at |= {} if item is None else {"servers": item}
    at["get"] |= operation or {}
    if "swagger" in root:
        del document["openapi"]
    path.write_text(json.dumps(document | root), encoding="utf-8")
    return load_api(folder)


def url(*urls: str) -> list[dict[str, str]]:
    """
    Server objects.
    """
    return [{"url": one, "name": "as OpenAPI 3.2 has it"} for one in urls]


@pytest.mark.parametrize(
    ("stated", "servers"),
    [
        ({}, ()),
        ({"servers": []}, ()),
        ({"servers": url("https://A.example:443/v1/", "/v2/", "/")},
         ("https://a.example/v1", "/v2", "/")),
        ({"servers": url("//a.example/v1")}, ("http://a.example/v1", "https://a.example/v1")),
        ({"servers": url("https://a.example", "https://A.example/")}, ("https://a.example",)),
        ({"servers": {"url": "https://a.example"}}, ("https://a.example",)),
        ({"servers": url("https://r.example"), "item": url("https://i.example")},
         ("https://i.example",)),
        ({"servers": url("https://r.example"), "item": url("https://i.example"),
          "operation": {"servers": url("https://o.example")}}, ("https://o.example",)),
        ({"servers": url("https://r.example"), "item": [], "operation": {"servers": []}},
         ("https://r.example",)),
        ({"swagger": "2.0"}, ()),
        ({"swagger": "2.0", "basePath": "v1/"}, ("/v1",)),
        ({"swagger": "2.0", "host": "A.example", "basePath": "/v1", "schemes": ["https", "wss"]},
         ("https://a.example/v1",)),
        ({"swagger": "2.0", "host": "a.example", "schemes": ["https"],
          "operation": {"schemes": ["http"]}}, ("http://a.example",)),
        ({"swagger": "2.0", "host": "a.example:8080"},
         ("https://a.example:8080", "http://a.example:8080")),
        ({"swagger": "2.0", "host": "https://a.example/", "basePath": "/v1"},
         ("https://a.example/v1",)),
    ],
)  # fmt: skip
def test_the_nearest_statement_counts(tmp_path: Path, stated: Any, servers: Any) -> None:
    api = api_with(tmp_path, **stated)
    assert api.operation.servers == servers
    assert not [note for note in api.notes if " server " in note]


def test_a_closed_variable_is_each_of_its_values_and_an_open_one_any(tmp_path: Path) -> None:
    variables = {
        "region": {"default": "eu", "enum": ["eu", "us"]},
        "tenant": {"default": "demo"},
        "port": {"default": "443", "enum": ["443", "8443"]},
        "odd": 5,
    }
    one = {"url": "https://{tenant}.{REGION}.example:{port}/{odd}", "variables": variables}
    one["url"] = str(one["url"]).replace("REGION", "region")
    two = {"url": "https://{region}.example", "variables": variables}
    assert api_with(tmp_path, servers=[one, two]).operation.servers == (
        "https://{tenant}.eu.example:443/{odd}",
        "https://{tenant}.eu.example:8443/{odd}",
        "https://{tenant}.us.example:443/{odd}",
        "https://{tenant}.us.example:8443/{odd}",
        "https://eu.example",
        "https://us.example",
    )


def test_how_many_there_are_is_bounded(tmp_path: Path) -> None:
    many = [str(number) for number in range(90)]
    variables = {name: {"default": "0", "enum": many} for name in "abcdef"}
    one = {"url": "https://x/{a}/{b}/{c}/{d}/{e}/{f}", "variables": variables}
    servers = api_with(tmp_path, servers=[one, *url(*(f"/{n}" for n in range(5000)))])
    assert len(servers.operation.servers) == 100
    assert servers.operation.servers[89] == "https://x/89/{b}/{c}/{d}/{e}/{f}"


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"servers": url("api.example/v1")}, "has neither a host nor a slash at its start"),
        ({"servers": url("wss://a.example")}, "has neither a host nor a slash at its start"),
        ({"servers": url("https://u:s3cret@a.example")}, "holds a user name or password"),
        ({"servers": url("https://a b.example")}, "holds a blank"),
        ({"servers": url("/" + "x" * 9999)}, "has more than 2000 characters"),
        ({"servers": url("https://a.example\n\x1b[2J")}, "holds the character U+000A"),
        ({"swagger": "2.0", "host": "-.-:x"}, "has a port that"),
    ],
)
def test_one_that_cannot_be_used_is_noted_and_loading_goes_on(
    tmp_path: Path, stated: Any, why: str
) -> None:
    api = api_with(tmp_path, **stated)
    assert api.operation.servers == ()
    notes = [note for note in api.notes if " server " in note]
    assert notes
    for note in notes:
        assert note.startswith(f"{tmp_path / 'openapi.json'}: a server is left out: ")
        assert why in note
        assert note.isprintable()
        assert "s3cret" not in note


@pytest.mark.parametrize(
    "stated",
    [
        *(
            {"servers": odd}
            for odd in (5, "https://a.example", [5, None, [], {}], [{"url": 5}], {})
        ),
        {"item": "x", "operation": {"servers": 7}},
        {"servers": [{"url": "{", "variables": [1]}, {"url": ""}, {"url": "{}{}{"}]},
        {"swagger": "2.0", "host": 5, "basePath": [], "schemes": "https"},
        {"swagger": "2.0", "host": "", "basePath": None, "schemes": [5, None]},
    ],
)
def test_what_is_malformed_keeps_no_document_from_loading(tmp_path: Path, stated: Any) -> None:
    assert api_with(tmp_path, **stated).operation.servers == ()


def test_servers_are_no_part_of_what_an_operation_means(tmp_path: Path) -> None:
    bare = api_with(tmp_path / "a").operation
    told = api_with(tmp_path / "b", servers=url("https://a.example")).operation
    assert bare.digest == told.digest
