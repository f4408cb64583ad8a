"""
The words of the profile and of the document are the same, or loading says which aren't.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import answer, job, judge, trace
from tests.contract.edited_api import Edit, copied, edited, put_key

from jobproof.contract.errors import ProfileError
from jobproof.contract.model.api import load_api
from jobproof.contract.model.finding import Kind

PAUSED: Edit = put_key("status.words.paused", {"phase": "pending", "rank": 3})
FROM_A_PAGE: Edit = put_key(
    "status.words.paused", {"phase": "pending", "rank": 3, "source": "job lifecycle page: paused"}
)


def _status(document: Any) -> Any:
    schema = document["paths"]["/jobs/{id}"]["get"]["responses"]["200"]["content"]
    return schema["application/json"]["schema"]["properties"]["status"]


def _more(document: Any) -> None:
    _status(document)["enum"].append("paused")


def _fewer(document: Any) -> None:
    _status(document)["enum"].remove("queued")


def _open(document: Any) -> None:
    del _status(document)["enum"]


def _line(folder: Path, start: str) -> int:
    lines = (folder / "profile.yaml").read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(start))


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"profile": PAUSED}, "openapi.yaml doesn't list this word at /status. Known: backlogged,"),
        ({"profile": PAUSED}, "give the word a `source` that says where"),
        (
            {"profile": put_key("status.words.queue", {"phase": "pending"})},
            "Did you mean 'queued'?",
        ),
        ({"document": _fewer}, "status.words.queued: openapi.yaml doesn't list this word"),
        ({"document": _more}, "status.words: openapi.yaml lists 'paused' at /status, too: add"),
    ],
)
def test_a_word_that_only_one_of_them_has_is_said_at_loading(
    tmp_path: Path, edits: dict[str, Edit], message: str
) -> None:
    with pytest.raises(ProfileError, match=re.escape(message)) as said:
        load_api(copied(tmp_path, **edits))
    assert "\n" not in str(said.value)


def test_the_line_is_that_of_the_word(tmp_path: Path) -> None:
    folder = copied(tmp_path, profile=PAUSED)
    where = re.escape(
        f"{folder / 'profile.yaml'}:{_line(folder, 'paused:')}: status.words.paused: "
    )
    with pytest.raises(ProfileError, match=where):
        load_api(folder)


@pytest.mark.parametrize(
    "edits",
    [
        {"profile": PAUSED, "document": _more},
        {"profile": PAUSED, "document": _open},
        {"profile": FROM_A_PAGE},
        {"profile": FROM_A_PAGE, "document": _more},
    ],
)
def test_what_agrees_or_says_where_it_stands_written_loads(
    tmp_path: Path, edits: dict[str, Edit]
) -> None:
    assert edited(tmp_path, **edits).lifecycle.knows("paused")


def test_a_word_with_a_source_of_its_own_is_a_gap_in_the_document(tmp_path: Path) -> None:
    api = edited(tmp_path, profile=FROM_A_PAGE)
    found = judge()(trace(answer(job("paused")), of=api))
    assert [(f.check, f.kind, f.source) for f in found] == [
        ("status_is_documented", Kind.GAP, "job lifecycle page: paused")
    ]


def test_so_it_is_however_the_document_enumerates(tmp_path: Path) -> None:
    def one_by_one(document: Any) -> None:
        status = _status(document)
        status["anyOf"] = [{"const": word} for word in status.pop("enum")]

    api = edited(tmp_path, profile=FROM_A_PAGE, document=one_by_one)
    found = judge()(trace(answer(job("paused")), of=api))
    assert [(f.check, f.kind) for f in found] == [("status_is_documented", Kind.GAP)]


def test_a_status_that_is_no_text_breaks_the_schema(tmp_path: Path) -> None:
    def untyped(document: Any) -> None:
        del _status(document)["type"]

    api = edited(tmp_path, document=untyped)
    for status in (5, {}, ["queued"]):
        found = judge()(trace(answer(job("queued") | {"status": status}), of=api))
        assert {f.check for f in found} == {"body_matches_schema"}, status


def test_a_word_that_the_document_has_caught_up_with_is_no_gap(tmp_path: Path) -> None:
    api = edited(tmp_path, profile=FROM_A_PAGE, document=_more)
    assert judge()(trace(answer(job("paused")), of=api)) == ()
