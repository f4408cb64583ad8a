"""
YAML with line numbers: what it reads, and what its errors say.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from jobproof.contract.errors import ConfigError, ProfileError
from jobproof.contract.formats.yaml_file import read_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    count: int = Field(default=1, ge=1)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    parts: list[Inner] = []
    by_name: dict[str, Inner] = {}


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: true", True),
        ("a: 2026-01-01", "2026-01-01"),
        ("a: 1", 1),
        ("a: 1.5", 1.5),
        ("a: ~", None),
        ("a: 'x'", "x"),
    ],
)
def test_a_word_stays_a_word_and_a_date_stays_text(
    tmp_path: Path, text: str, value: object
) -> None:
    assert read_yaml(_file(tmp_path, text)).value == {"a": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\npart: []\n", ":2: part: unknown key. Did you mean 'parts'?"),
        (
            "title: x\nparts:\n- name: a\n- nmae: b\n",
            ":4: parts[1].nmae: unknown key. Did you mean 'name'?",
        ),
        ("parts: []\n", ":1: key 'title' is missing"),
        ("title: x\nparts:\n- {count: 2}\n", ":3: parts[0]: key 'name' is missing"),
        ("title: x\nby_name:\n  one:\n    name: a\n    count: 0\n", ":5: by_name.one.count: "),
        ("title: x\ntitle: y\n", ":2: key 'title' stands here twice"),
        ("title: [\n", ":2: "),
        ("title: 'x\n", ": found unexpected end of stream"),
        ("", ":1: the file is empty"),
        ("- a\n", ":1: expected a mapping at the top of the file"),
        ("title: !!python/object:os.system x\n", ":1: could not determine a constructor"),
    ],
)
def test_a_mistake_is_told_by_line_and_place(tmp_path: Path, text: str, message: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path).parse(Outer)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="can't be read: No such file"):
        read_yaml(tmp_path / "none.yaml", ProfileError)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        read_yaml(tmp_path / "latin.yaml")


def test_a_place_that_is_not_there_has_the_line_of_the_one_above(tmp_path: Path) -> None:
    file = read_yaml(_file(tmp_path, "a:\n  b:\n    c: 1\n"))
    assert file.line_of(("a", "b", "c")) == 3
    assert file.line_of(("a", "b", "x", "y")) == 2
    assert file.line_of(("z",)) == 1
