"""
The JSON Schema of the configuration file, for editors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from jobproof.contract.formats.durations import write_duration
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.probes.canaries.canary import CanaryOptions
from jobproof.probes.config.file import ConfigFile, TargetPart
from jobproof.probes.config.plugin_options import load_options

__all__ = ["config_schema"]


def config_schema() -> JsonDocument:
    """
    JSON Schema of the configuration file, with the plug-ins that are installed.
    """
    canaries = create_model(
        "Canaries",
        __base__=StrictModel,
        **{
            name: (_or_nothing(c.Options), None)
            for name, c in load_options("jobproof.canaries").items()
        },  # type: ignore[call-overload]
    )
    target = create_model(
        "Target",
        __base__=TargetPart,
        canaries=(canaries, _default_of(TargetPart, "canaries", {"missing": {}})),
        follow=(
            _tagged("source", load_options("jobproof.sources")),
            _default_of(TargetPart, "follow", ()),
        ),
    )
    whole = create_model(
        "Configuration",
        __base__=ConfigFile,
        targets=(
            tuple[target, ...],  # type: ignore[valid-type]
            Field(min_length=1, description=ConfigFile.model_fields["targets"].description),
        ),
        sinks=(
            _tagged("sink", load_options("jobproof.sinks")),
            _default_of(ConfigFile, "sinks", ()),
        ),
    )
    schema = whole.model_json_schema()
    _durations_are_text(schema)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "jobproof configuration"
    # The reader leaves these out: they hold what the rest refers to by an alias.
    schema["patternProperties"] = {"^x-": True}
    return schema


def _default_of(model: type[BaseModel], key: str, default: Any) -> Any:
    return Field(default=default, description=model.model_fields[key].description)


def _or_nothing(options: type[CanaryOptions]) -> Any:
    return options | None


def _tagged(tag: str, classes: Mapping[str, Any]) -> Any:
    models = [
        create_model(
            f"{name}_{tag}".title().replace("_", ""),
            __base__=make.Options,
            **{tag: (Literal[name], ...)},  # type: ignore[call-overload]
        )
        for name, make in classes.items()
    ]
    # Only where even our own plug-ins are missing: a union of nothing is no type.
    if not models:
        return tuple[dict[str, Any], ...]
    choice: Any = models[0]
    for model in models[1:]:
        choice = choice | model
    return tuple[choice, ...]


def _durations_are_text(node: Json) -> None:
    """
    Editors must offer `30s` where the settings hold 30.0.
    """
    if isinstance(node, list):
        for item in node:
            _durations_are_text(item)
    if not isinstance(node, dict):
        return
    for name, schema in node.get("properties", {}).items():
        if name in ("interval", "timeout", "latency", "staleness") or name.endswith("_interval"):
            fresh = {k: schema[k] for k in ("title", "description") if k in schema}
            if schema.get("default") is not None:
                fresh["default"] = write_duration(schema["default"])
            schema.clear()
            schema |= {**fresh, "type": "string", "pattern": r"^([0-9]+(y|w|d|h|m|s|ms))+$"}
        if name == "requests_per_minute":
            number = {"type": "number", "exclusiveMinimum": 0}
            schema["anyOf"] = [number, {"const": "unlimited"}]
    for child in node.values():
        _durations_are_text(child)
