"""
Patterns of ECMA-262, matched as node.js matches them; each line was asked of node 20.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.documents import JSON, answering, body_of, job_schema, read, written, wrong

from jobproof.contract.openapi.patterns.ecma_pattern import engine_pattern
from jobproof.contract.openapi.schema import Content

_BACKSPACE = "\b"


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        # Escapes that only one of the two grammars has.
        (r"^\/jobs\/", "/jobs/1", True),
        (r"^[\w-.]+$", "a-b.c", True),
        (r"^[\d-x]+$", "1-x", True),
        (r"^\_id\@\"$", '_id@"', True),
        (r"^\-$", "-", True),
        (r"^\h$", " ", False),
        (r"^\h$", "h", True),
        (r"^\p$", "p", True),
        (r"^\x4$", "x4", True),
        (r"^\u004$", "u004", True),
        (r"^\8$", "8", True),
        (r"^\101$", "A", True),
        (r"^[\101]$", "A", True),
        (r"^\0$", "\0", True),
        (r"^[\0-\x1f]$", "\x05", True),
        (r"^\c$", r"\c", True),
        (r"^\cJ$", "\n", True),
        (r"^[\c_]$", "\x1f", True),
        (r"^[\b]$", _BACKSPACE, True),
        (r"^\v\f\0$", "\v\f\0", True),
        # Braces and brackets that are themselves.
        (r"^a{,3}$", "a{,3}", True),
        (r"^}$", "}", True),
        (r"^]$", "]", True),
        (r"^x{$", "x{", True),
        (r"^a{1$", "a{1", True),
        (r"^[[a-z]+$", "[a", True),
        (r"^[a-z&&b]+$", "a&b", True),
        (r"^[\w~~a]$", "~", True),
        (r"^[~-]$", "-", True),
        (r"^[a\]]$", "]", True),
        (r"^#x y$", "#x y", True),
        # Classes of nothing and everything.
        (r"^[^]+$", "a\nb", True),
        (r"[]", "x", False),
        # Digits, letters and blanks are ASCII's, blanks aside.
        (r"^\d+$", "١٢", False),
        (r"^\w+$", "é", False),
        (r"^\s$", "\ufeff", True),
        (r"^[\S]$", "\u2028", False),
        (r"^[^\S]$", "\u2028", True),
        (r"^[\W\d]$", "_", False),
        (r"^\D\W\S$", "a-b", True),
        (r"\bfoo\b", "éfoo", True),
        (r"\Bb", "ab", True),
        # Ends of lines.
        (r"^a.b$", "a\u2028b", False),
        (r"^.$", "\r", False),
        (r"^abc$", "abc\n", False),
        # Characters beyond the first 65,536, and halves of them.
        (r"^.$", "\U0001f600", True),
        (r"^\ud83d\ude00$", "\U0001f600", True),
        (r"^\u{1f600}$", "\U0001f600", True),
        (r"^[\ud83d\ude00-\ud83d\ude02]$", "\U0001f601", True),
        (r"^[^\ud800-\udfff]+$", "ab", True),
        (r"^\u{41}$", "A", True),
        (r"^[\u{61}-\u{7a}]$", "b", True),
        (r"^\p{Lu}\p{Ll}*$", "Éa", True),
        (r"^\p{Script=Greek}+$", "αβ", True),
        (r"^[^\p{L}\d]+$", "-", True),
        (r"^\P{L}$", "a", False),
        # Groups and what refers back to them.
        (r"^(?<y>\d{4})-\k<y>$", "2020-2020", True),
        (r"^(?<y>\d{4})-\k<y>$", "2020-2021", False),
        (r"(?<$a>x)\k<$a>", "xx", True),
        (r"\k<x", "k<x", True),
        (r"^\k<x>(?<x>a)$", "a", True),
        (r"^(?:a|b)\1?$", "a", True),
        (r"^(a)?\1b$", "b", True),
        (r"^(a)?\1b$", "aab", True),
        (r"^(a)?\1b$", "ab", False),
        (r"\1(a)", "a", True),
        (r"^(a\1)$", "a", True),
        (r"^(?:(\w)\1)+$", "aabb", True),
        (r"^(?:(\w)\1)+$", "aabc", False),
        (r"^(a){2}\1$", "aaa", True),
        (r"^(?=(a))\1b", "ab", True),
        # Looking around.
        (r"(?<=a*)b", "ab", True),
        (r"(?<=\$)\d+", "$12", True),
        (r"(?<!\$)\b\d+", "$12", False),
        (r"^(?=a)*a$", "a", True),
        (r"^(?!a){2}b$", "b", True),
        (r"^(?!0+$)(?<first>[\w\-]{8})[^]*$", "5f0c3f5e-8a53", True),
        (r"^(?!0+$)(?<first>[\w\-]{8})[^]*$", "00000000", False),
        # Newer syntax, and Java's.
        (r"^(?i:abc)$", "ABC", True),
        (r"^(?s:.)$", "\n", True),
        (r"(?m:^b$)", "a\rb", True),
        (r"^[0-9a-f]++(?:-[0-9a-f]++)*+$", "0a-1b", True),
        (r"(?i)^abc$", "ABC", True),
        # What takes other engines for ever.
        (r"^(a+)+$", "a" * 28 + "!", False),
        (r"^(?=(a+)+$)b", "a" * 28 + "!", False),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 40, False),
        (r"(x+x+)+y", "x" * 40, False),
        (r"^[\s\S]{1,5000}$", "a", True),
        (r"^\p{L}{1,500}$", "é", True),
    ],
)
def test_a_pattern_is_matched_as_ecma_says(pattern: str, value: str, matches: bool) -> None:
    content = Content(JSON, {"type": "string", "pattern": pattern})
    assert content.unused_patterns == ()
    assert (list(content.errors(value)) == []) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[a",
        "a**",
        "\\",
        "[z-a]",
        r"^(?:(a)|b)\1$",
        r"^(?:a{1,1000}){1,1000}$",
        r"a{1,99999999999}",
        "a" * 30_000,
        "(" * 200 + ")" * 200,
        r"^(?>a)$",
        r"^\p{No_Such_Thing}$",
    ],
    ids=lambda text: text[:20],
)
def test_a_pattern_that_cant_be_matched_is_left_out_and_said(tmp_path: Path, pattern: str) -> None:
    schema = {"properties": {"id": {"type": "string", "pattern": pattern, "maxLength": 3}}}
    path = written(tmp_path, answering(schema))
    operation = read(path)
    body = body_of(operation)
    assert wrong(body, {"id": "()"}) == []
    # All the rest of the schema holds.
    assert wrong(body, {"id": "long"}) == [("/id", "maxLength")]
    (note,) = operation.notes
    place = f"{path}: the body of 200 application/json/properties/id: the pattern "
    assert note.startswith(place)
    assert "\n" not in note
    assert len(note) < len(place) + 300


def test_one_note_speaks_of_a_pattern_that_several_answers_share(tmp_path: Path) -> None:
    get = answering({"$ref": "#/components/schemas/Job"})
    get["responses"]["404"] = get["responses"]["200"]
    job = {"properties": {"id": {"pattern": "("}}, "patternProperties": {"^[a": {}}}
    operation = read(written(tmp_path, get, components={"schemas": {"Job": job}}))
    assert [note.rpartition(".json: ")[2][:24] for note in operation.notes] == [
        "Job/properties/id: the p",
        "Job: the pattern '^[a' c",
    ]


def test_names_are_held_to_patterns_too(tmp_path: Path) -> None:
    schema = {"patternProperties": {r"^\d[^]$": {"type": "integer"}}, "additionalProperties": False}
    body = job_schema(tmp_path, schema)
    assert wrong(body, {"1\n": "a"}) == [("/1\n", "type")]
    assert wrong(body, {"١\n": 1}) == [("", "additionalProperties")]
    naming = job_schema(tmp_path, {"propertyNames": {"pattern": "^[^]$"}})
    assert wrong(naming, {"\n": 1}) == []
    assert wrong(naming, {"ab": 1}) == [("", "propertyNames")]


def test_where_a_name_cant_be_matched_no_name_is_refused(tmp_path: Path) -> None:
    schema = {
        "patternProperties": {"(": False, "^a": {"type": "integer"}},
        "additionalProperties": False,
    }
    body = job_schema(tmp_path, schema)
    assert wrong(body, {"(": 1, "ab": "x"}) == [("/ab", "type")]


def test_a_text_that_takes_too_long_to_judge_is_no_error() -> None:
    content = Content(JSON, {"items": {"pattern": r"^(?:(?=a)a+)+$", "maxLength": 50}})
    body = ["a" * 40 + "!", "b" * 60]
    assert wrong(content, body) == [
        ("/1", "maxLength"),
        ("/1", "pattern"),
    ]


def test_an_error_shows_the_pattern_as_the_document_writes_it() -> None:
    (error,) = Content(JSON, {"pattern": r"^\d[^]$"}).errors("x")
    assert error.expected == r"text that matches ^\d[^]$"
    assert error.message == r'"x" does not match ^\d[^]$'


def test_a_place_can_be_asked_about_its_pattern() -> None:
    content = Content(JSON, {"properties": {"id": {"pattern": r"^[^]\d$"}}})
    assert content.allows("/id", "\n1")
    assert not content.allows("/id", "1")


def test_a_pattern_is_read_once() -> None:
    before = engine_pattern.cache_info().hits
    assert engine_pattern("^once$") == engine_pattern("^once$") == "^once$"
    assert engine_pattern.cache_info().hits == before + 1
