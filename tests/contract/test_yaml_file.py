"""
YAML with line numbers: what it reads, and what its errors say.
"""

from __future__ import annotations

import tracemalloc
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
        ("title:\n\tx\n", ":2: a tab stands where YAML indents: write blanks"),
        ("title: x\n---\nparts: []\n", "expected a single document in the stream, but found"),
        ("title: x\nparts: a\n", ":2: parts: expected a list (found 'a')"),
        ("title: x\nby_name: []\n", ":2: by_name: expected a mapping (found [])"),
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\t1", {"a": 1}),
        ("a: x\t# why\n\t\n\t# more\nb:\t'y'\t\n", {"a": "x", "b": "y"}),
        ("a: {b:\t1,\n\tc: [2\t,\t3]\n\t}", {"a": {"b": 1, "c": [2, 3]}}),
        ("a:\t|\n  x\ty\n", {"a": "x\ty\n"}),
    ],
)
def test_a_tab_may_stand_between_tokens(tmp_path: Path, text: str, value: object) -> None:
    assert read_yaml(_file(tmp_path, text)).value == value


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


def _refusal(tmp_path: Path, text: str) -> str:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read_yaml(path)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(str(path))


_LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
_MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 10)
)
_CIRCLE = "an alias leads back into the value that it stands in"
_BOMB = ":6: its aliases come to more than 100,000 values; write out what is meant"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("title: x\nparts: &p\n- *p\n", f":2: {_CIRCLE}"),
        ("a: &a {b: *a}\n", f":1: {_CIRCLE}"),
        ("a: &a {<<: *a}\n", f":1: {_CIRCLE}"),
        ("a:\n  b: &a\n    c: [1, {d: *a}]\n", f":2: {_CIRCLE}"),
        (_LAUGHS, _BOMB),
        (_MERGES, _BOMB),
        ("a: " + "[" * 50_000, ":1: nested too deep to be read"),
        ("a: " + "{a: " * 50_000, ":1: nested too deep to be read"),
        (
            "".join(f"{' ' * level}a:\n" for level in range(500)),
            ":202: nested too deep to be read",
        ),
        (f"a: {'1' * 5000}", ":1: holds a number that is too long to be read"),
        ("a: 1\nb: \x07\n", ":2: holds characters that YAML doesn't allow"),
        ("a: 1\nb: !!timestamp never", ":2: holds no timestamp"),
        (
            "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5_000)),
            ":200: nested too deep to be read",
        ),
        (
            # At once: what comes behind it isn't read any more.
            "a0: &a0 {k: 1}\n"
            + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 300))
            + "b: [}",
            ":200: nested too deep to be read",
        ),
        ("a: !Sub b", ":1: could not determine a constructor for the tag '!Sub'"),
        (
            "a: 1\nb: !!python/abort []",
            ":2: could not determine a constructor for the tag 'tag:yaml.org,2002:python/abort'",
        ),
    ],
    ids=lambda value: value[:20],
)
def test_what_has_no_end_or_no_meaning_is_refused_in_one_line(
    tmp_path: Path, text: str, refusal: str
) -> None:
    assert _refusal(tmp_path, text) == refusal


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        assert _refusal(tmp_path, _LAUGHS) == _BOMB
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_an_alias_without_harm_stays_what_it_is(tmp_path: Path) -> None:
    many = "".join(f"- {{<<: *c, name: n{n}}}\n" for n in range(3000))
    text = f"x-common: &c {{count: 3}}\ntitle: x\nparts:\n{many}"
    parsed = read_yaml(_file(tmp_path, text)).parse(Outer)
    assert len(parsed.parts) == 3000
    assert parsed.parts[-1] == Inner(name="n2999", count=3)


def test_a_key_at_the_top_that_begins_with_x_holds_what_others_refer_to(tmp_path: Path) -> None:
    text = "x-a: &a {name: b}\ntitle: x\nparts: [*a]\nx-b: 1\n"
    assert read_yaml(_file(tmp_path, text)).parse(Outer).parts == [Inner(name="b")]
    # Only there: elsewhere it is a key like another.
    with pytest.raises(ConfigError, match=r":2: parts\[0\]\.x-a: unknown key"):
        read_yaml(_file(tmp_path, "title: x\nparts: [{name: a, x-a: 1}]\n")).parse(Outer)
