"""
A copy of an API's folder, with its data changed: what the data says must make a difference.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.plugins import find_api

__all__ = ["Edit", "copied", "edited", "put_key"]

Edit = Callable[[Any], object]
"""Changes a file's value in place."""


def copied(folder: Path, *, of: str = "krea", **edits: Edit) -> Path:
    """
    The folder of an API's copy; `profile`, `document` and `mock` change its files.
    """
    there = folder / of
    if not there.exists():
        shutil.copytree(find_api(of).folder, there)
    files = {"profile": "profile.yaml", "document": "openapi.yaml", "mock": "mock.yaml"}
    for name, edit in edits.items():
        path = there / files[name]
        value = read_yaml(path).value
        edit(value)
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
    return there


def edited(folder: Path, *, of: str = "krea", **edits: Edit) -> Api:
    """
    The API of such a copy.
    """
    return load_api(copied(folder, of=of, **edits))


def put_key(place: str, value: object) -> Edit:
    """
    The edit that sets a key, written with dots.
    """

    def edit(root: Any) -> None:
        *above, last = place.split(".")
        here = root
        for step in above:
            here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
        here[int(last) if isinstance(here, list) else last] = deepcopy(value)

    return edit
