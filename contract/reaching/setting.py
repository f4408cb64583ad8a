"""
A setting that can't be used, said in the words of the place where it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobproof.contract.errors import ConfigError

__all__ = ["OPTIONS_PLACE", "SettingError", "SettingsPlace"]


class SettingError(ConfigError):
    """
    Attributes:
        key: Of the setting, as a configuration file calls it.
        problem: What is wrong and what to do, without the setting's name.
    """

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(f"{key}: {problem}")


@dataclass(frozen=True, slots=True)
class SettingsPlace:
    """
    Where settings stand written.

    Attributes:
        named: How a setting is called there, by its key.
        folder: Where relative paths start.
        is_elsewhere: What runs with them runs on another machine, which alone has their files.
    """

    named: Callable[[str], str]
    folder: Path = Path()
    is_elsewhere: bool = False

    def path(self, name: str | None) -> Path | None:
        """
        The path that is meant by `name`.
        """
        return None if name is None else self.folder / name


def _as_option(key: str) -> str:
    return f"--{key.replace('_', '-').replace('.', '-')}"


OPTIONS_PLACE = SettingsPlace(_as_option)
"""The command line, where paths start in the current folder."""
