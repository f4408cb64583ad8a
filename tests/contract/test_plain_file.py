"""
A vendor's file read as plain data: what is stated twice, tagged, aliased or too deep.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from tests.contract.documents import body_of, read, saved, wrong

from jobproof.contract.errors import DocumentError

_YAML = """\
openapi: 3.1.0
paths:
  /jobs/{id}:
    get:
      responses:
        200:
          description: d
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Job'}
components:
  schemas:
    Job:
      type: object
      properties: {id: {type: string}}
"""
_JSON = """\
{"openapi": "3.1.0",
 "x-before": [{}, {"a": {"b": 1}}, "a \\" { : [ \\\\"],
 "paths": {"/jobs/{id}": {"get": {
  "responses": {
   "200": {"description": "d",
    "content": {"application/json":
     {"schema": {"$ref": "#/components/schemas/Job"}}}}
  }}}},
 "components": {"schemas": {
  "Job": {"type": "object",
   "properties": {"id": {"type": "string"}}}
 }}}
"""


def _refusal(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


def _is_read(path: Path) -> bool:
    return wrong(body_of(read(path)), {"id": 1}) == [("/id", "type")]


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("        200:", "        '200': {description: e}\n        200:", ":7: key '200'"),
        ("        200:", "        4xx: {}\n        '4XX': {}\n        200:", ":7: key '4XX'"),
        ("          description: d", "          content: {}", ":8: key 'content'"),
        ("    get:", "    get: {}\n    get:", ":5: key 'get'"),
        ("  /jobs/{id}:", "  /jobs/{id}: {}\n  /jobs/{id}:", ":4: key '/jobs/{id}'"),
        ("components:", "paths: {}\ncomponents:", ":11: key 'paths'"),
        ("paths:", "openapi: 3.0.0\npaths:", ":2: key 'openapi'"),
        ("components:", "components: {}\ncomponents:", ":12: key 'components'"),
        ("    Job:", "    Job: {}\n    Job:", ":14: key 'Job'"),
        ("      type: object", "      type: object\n      type: array", ":15: key 'type'"),
        ("{id: {type: string}}", "{id: {}, 'id': {type: string}}", ":15: key 'id'"),
        ("{id: {type: string}}", "{id: {type: string, type: string}}", ":15: key 'type'"),
    ],
)
def test_a_key_stated_twice_in_yaml_is_refused_where_the_operation_needs_it(
    tmp_path: Path, old: str, new: str, refusal: str
) -> None:
    path = saved(tmp_path, "openapi.yaml", _YAML.replace(old, new, 1))
    assert _refusal(path) == f"{refusal} stands here twice"


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ('   "200"', '   "200": {},\n   "200"', ":6: key '200'"),
        ('   "200"', '   "4xx": {},\n   "4XX": {},\n   "200"', ":6: key '4XX'"),
        ('{"description": "d",', '{"content": {},', ":6: key 'content'"),
        ('"get": {', '"get": {}, "get": {', ":3: key 'get'"),
        (' "components"', ' "paths": {},\n "components"', ":9: key 'paths'"),
        ('  "Job"', '  "Job": {},\n  "Job"', ":11: key 'Job'"),
        ('   "properties"', '   "type": "array", "properties"', ":11: key 'type'"),
        ('{"id": {', '{"id": {},\n\n "\\u0069d": {', ":13: key 'id'"),
    ],
)
def test_a_key_stated_twice_in_json_is_refused_where_the_operation_needs_it(
    tmp_path: Path, old: str, new: str, refusal: str
) -> None:
    path = saved(tmp_path, "openapi.json", _JSON.replace(old, new, 1))
    assert _refusal(path) == f"{refusal} stands here twice"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("openapi.yaml", _YAML),
        ("openapi.json", _JSON),
        ("openapi.yaml", _JSON),
        ("openapi.yaml", _JSON.replace('"openapi": "3.1.0"', "openapi: 3.1")),
        ("openapi.yaml", _YAML + "    Other: {a: 1, a: 2}\nx-a: {4xx: 1, 4XX: 2}\n"),
        ("openapi.yaml", _YAML + "    Other: {}\n    Other: {}\ninfo: {}\ninfo: {}\n"),
        ("openapi.yaml", _YAML.replace("    get:", "    put: {}\n    put: {}\n    get:")),
        ("openapi.yaml", _YAML.replace("  /jobs/{id}:", "  /a: {}\n  /a: {}\n  /jobs/{id}:")),
        ("openapi.json", _JSON.replace('"x-before"', '"info": {"a": 1, "a": 2}, "x-before"')),
        ("openapi.json", _JSON.replace('"x-before"', '"x-b": {}, "x-b": {"4xx": 1}, "x-before"')),
    ],
)
def test_a_key_stated_twice_elsewhere_does_not_matter(tmp_path: Path, name: str, text: str) -> None:
    assert _is_read(saved(tmp_path, name, text))


@pytest.mark.parametrize(
    "elsewhere",
    [
        'x-a: !Sub "arn:${AWS::Region}"',
        "x-a: !Ref Name",
        "x-a: !GetAtt a.b",
        "x-a: !Join ['', [!Ref A, {b: !If [c, d, e]}]]",
        "x-a: !Mapping {a: 1}",
        "x-a: !!binary no-base64!",
        "x-a: !!set {a, b}",
        "x-a: !!omap [a: 1, b: 2]",
        "x-a: !!pairs [a]",
        "x-a: !!int ten",
        "x-a: !!float ten",
        "x-a: !!bool perhaps",
        "x-a: !!timestamp never",
        "x-a: !<tag:a.example,2026:thing> {b: c}",
        "x-a: !!python/object/apply:os.abort []",
        "x-a: !!python/name:os.abort",
        "x-a: !!python/module:antigravity",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
        "<<: 3",
        "x-a: &a {<<: *a, b: [*a]}",
        f"x-a: {'1' * 5000}",
        "x-a: 2026-13-99",
    ],
)
def test_what_another_program_reads_elsewhere_is_plain_data(tmp_path: Path, elsewhere: str) -> None:
    assert _is_read(saved(tmp_path, "openapi.yaml", f"{_YAML}{elsewhere}\n"))


def test_a_tag_where_the_operation_stands_leaves_its_value(tmp_path: Path) -> None:
    tagged = _YAML.replace("description: d", "description: !Sub d")
    assert _is_read(saved(tmp_path, "a.yaml", tagged.replace("type: string", "type: !x string")))


def test_an_alias_and_a_merge_are_followed(tmp_path: Path) -> None:
    text = _YAML.replace("{id: {type: string}}", "{<<: [*id, *no], id: *text, other: *text}")
    start = "x-text: &text {type: string}\nx-id: &id {more: *text}\nx-no: &no {more: {}, id: {}}\n"
    body = body_of(read(saved(tmp_path, "openapi.yaml", start + text)))
    mistaken = {"id": 1, "more": 1, "other": 1}
    assert wrong(body, mistaken) == [("/id", "type"), ("/more", "type"), ("/other", "type")]


@pytest.mark.parametrize(
    "job",
    [
        "&job {type: object, properties: {child: *job}}",
        "&job {allOf: [*job]}",
        "{enum: &a [*a]}",
        "{default: &a {b: [*a]}}",
        "{allOf: &a [{}, {anyOf: *a}]}",
        "&job {<<: *job}",
    ],
)
def test_an_alias_that_holds_itself_is_refused_where_it_is_needed(tmp_path: Path, job: str) -> None:
    text = _YAML[: _YAML.index("    Job:")] + f"    Job: {job}\n"
    refusal = _refusal(saved(tmp_path, "openapi.yaml", text))
    assert "alias leads back into the value that it stands in" in refusal or (
        "nested deeper than 100 levels" in refusal
    )


def _bomb(first: str, form: str) -> str:
    lines = [f"x-0: &a0 {first}"]
    for level in range(1, 10):
        of = ", ".join(form.format(index=n, below=f"*a{level - 1}") for n in range(9))
        outer = f"{{{of}}}" if ":" in form else f"{{anyOf: [{of}]}}"
        lines.append(f"x-{level}: &a{level} {outer}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("bomb", "used"),
    [
        (_bomb("{type: string}", "{below}"), "*a9"),
        (_bomb("{type: string}", "{below}"), "{properties: {a: *a9}}"),
        (_bomb("lol", "k{index}: {below}"), "{properties: {a: {const: *a9}}}"),
        (_bomb("lol", "k{index}: {below}"), "{default: *a9}"),
        (_bomb("lol", "k{index}: {below}"), "{enum: [*a9]}"),
    ],
)
def test_a_bomb_of_aliases_is_refused_where_it_is_needed(
    tmp_path: Path, bomb: str, used: str
) -> None:
    text = bomb + _YAML[: _YAML.index("    Job:")] + f"    Job: {used}\n"
    path = saved(tmp_path, "openapi.yaml", text)
    tracemalloc.start()
    try:
        refusal = _refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert "the schemas come to more than 100,000 values" in refusal
    # Elsewhere it harms nobody.
    assert _is_read(saved(tmp_path, "openapi.yaml", bomb + _YAML))


@pytest.mark.parametrize(
    "text",
    [
        _YAML + "x-deep: " + "[" * 50_000 + "]" * 50_000,
        _YAML + "x-deep: " + "{a: " * 50_000,
        _YAML + "".join(f"{' ' * level}a:\n" for level in range(500)),
        '{"openapi": "3.1.0", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
        _JSON.replace('{"type": "string"}', '{"items":' * 500 + "{}" + "}" * 500),
        _JSON.replace('{"type": "string"}', '{"default":' + "[" * 500 + "]" * 500 + "}"),
    ],
    ids=["brackets", "braces", "indents", "json", "schemas", "values"],
)
def test_what_is_nested_too_deep_is_refused(tmp_path: Path, text: str) -> None:
    name = "openapi.json" if text.startswith("{") else "openapi.yaml"
    assert "nested" in _refusal(saved(tmp_path, name, text))


@pytest.mark.parametrize(
    ("name", "text", "refusal"),
    [
        ("a.json", '{"a": ' + "1" * 5000 + "}", ": holds a number that is too long to be read"),
        ("a.yaml", "a: 1\nb: \x07\n", ":2: not YAML: holds a character that YAML doesn't allow"),
        ("a.yaml", "a: *b\n", ":1: not YAML: found undefined alias 'b'"),
        ("a.json", '{"a": 1,}', ":1: not JSON: Illegal trailing comma before end of object"),
    ],
)
def test_what_cant_be_read_is_told_in_one_line(
    tmp_path: Path, name: str, text: str, refusal: str
) -> None:
    found = _refusal(saved(tmp_path, name, text))
    assert found == refusal or (found.startswith(":1: not JSON: ") and "JSON" in refusal)
