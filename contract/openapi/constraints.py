"""
Whether a schema says anything at all.
"""

from __future__ import annotations

from jobproof.contract.formats.json_pointer import resolve
from jobproof.contract.formats.json_value import Json

__all__ = ["constrains"]

_JOINED = ("allOf", "anyOf", "oneOf")
# Names, remarks, and what is said to people or to generators of code.
_SAYS_NOTHING = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "externalDocs"),
        *("readOnly", "writeOnly", "xml", "discriminator", "nullable", "contentMediaType"),
        *("$comment", "$schema", "$id", "$anchor", "$dynamicAnchor", "$defs", "definitions"),
        *("$ref", *_JOINED),
    }
)
# A schema may lead back to itself.
_MOST_BRANCHES = 200


def constrains(schema: Json) -> bool:
    """
    Whether some value could break `schema`: `{}` and `true` let everything pass, and so does
    what only leads there.
    """
    stack, seen = [schema], 0
    while stack and seen < _MOST_BRANCHES:
        node = stack.pop()
        seen += 1
        if node is False:
            return True
        if not isinstance(node, dict):
            continue
        if any(_is_constraint(keyword, value) for keyword, value in node.items()):
            return True
        reference = node.get("$ref")
        if isinstance(reference, str):
            stack.append(resolve(schema, reference.partition("#")[2])[1])
        for keyword in _JOINED:
            parts = node.get(keyword)
            stack.extend(parts if isinstance(parts, list) else ())
    return False


def _is_constraint(keyword: str, value: Json) -> bool:
    if keyword in _SAYS_NOTHING or keyword.startswith("x-"):
        return False
    # `additionalProperties: true`, `properties: {}` and `required: []` forbid nothing.
    return keyword == "not" or not (value is True or value in ({}, []))
