"""
What stands under a schema's keywords: values, schemas, or names with schemas under them.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.formats.json_value import Json, JsonDocument

__all__ = ["LISTS_OF_SCHEMAS", "NAMES_OF_SCHEMAS", "SCHEMAS", "VALUES", "schemas_below"]

SCHEMAS = frozenset(
    {"additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems", "contains"}
    | {"additionalItems", "propertyNames", "not", "if", "then", "else", "contentSchema"}
)
"""One schema."""
LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMES_OF_SCHEMAS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
"""Names of the vendor's own, however they read, with a schema each."""
VALUES = frozenset(
    {"type", "enum", "const", "default", "format", "pattern", "required", "dependentRequired"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minContains"}
    | {"maxContains", "minProperties", "maxProperties", "contentEncoding", "contentMediaType"}
    | {"title", "description", "deprecated", "readOnly", "writeOnly", "nullable", "x-nullable"}
)
"""Data: a `$ref` in it is no reference."""


def schemas_below(schema: JsonDocument) -> Iterator[tuple[tuple[str, ...], Json]]:
    """
    The schemas directly inside of one, each with the steps that lead to it.
    """
    for keyword, value in schema.items():
        if keyword in SCHEMAS:
            yield (keyword,), value
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            yield from (((keyword, str(index)), item) for index, item in enumerate(value))
        elif keyword in NAMES_OF_SCHEMAS and isinstance(value, dict):
            yield from (((keyword, str(name)), item) for name, item in value.items())
