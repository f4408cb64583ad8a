"""
What a target's canaries are told, and how long they may wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobproof.contract.errors import did_you_mean
from jobproof.contract.formats.durations import write_duration
from jobproof.contract.formats.wording import told
from jobproof.contract.formats.yaml_file import Location, YamlFile
from jobproof.contract.model.api import Api
from jobproof.probes.canaries.canary import CanaryOptions, IdOptions
from jobproof.probes.config.file import LONGEST_INTERVAL_S, TargetPart
from jobproof.probes.config.plugin_options import read_options
from jobproof.probes.config.settings import CanarySettings

__all__ = ["held_timeout", "read_canary_settings"]

# A thread waits for as long as a request may take, and so does the end of the daemon.
_LONGEST_TIMEOUT_S = 600.0


def read_canary_settings(
    file: YamlFile, target: TargetPart, api: Api, known: Mapping[str, Any], at: Location
) -> tuple[CanarySettings, ...]:
    """
    The canaries of the target at `at`, by the classes that are installed.

    Raises:
        ConfigError: One isn't known, can't be asked of this API, or can't do what it is told.
    """
    settings = []
    for name, written in target.canaries.items():
        here = (*at, "canaries", name)
        if name == "anonymous" and not api.access.is_required:
            raise file.error(
                here,
                f"{api.access.why_open}, so nobody is to be refused: leave this canary out, "
                "or say in the profile who promises it: auth: {required: {basis, source}}",
            )
        make = known.get(name)
        if make is None:
            raise file.error(here, f"unknown canary. {did_you_mean(name, known)}")
        # Whoever writes `false` means to leave it out, and would be asked about it instead.
        if written is not None and not isinstance(written, dict):
            raise file.error(
                here,
                f"write its options, {{}} for none, or leave it out to have it off "
                f"(found {told(written)})",
            )
        told_it = {} if written is None else written
        options = read_options(file, "jobproof.canaries", name, make.Options, told_it, here)
        settings.append(_settings(file, name, make, options, target, here))
    return tuple(settings)


def _settings(
    file: YamlFile, name: str, make: Any, options: CanaryOptions, target: TargetPart, at: Location
) -> CanarySettings:
    if options.interval is not None and not 0.001 <= options.interval <= LONGEST_INTERVAL_S:
        raise file.error((*at, "interval"), "must be between 1ms and 1d")
    if options.timeout is not None and options.timeout <= 0:
        raise file.error((*at, "timeout"), "must be longer than 0")
    timeout_s = held_timeout(file, options.timeout or target.timeout, (*at, "timeout"))
    _check_ids(file, options, at)
    return CanarySettings(name, make, options.interval or target.interval, timeout_s, options)


def held_timeout(file: YamlFile, timeout_s: float, at: Location) -> float:
    """
    A timeout that a thread may wait for.

    Raises:
        ConfigError: It is longer than that.
    """
    if timeout_s > _LONGEST_TIMEOUT_S:
        longest = write_duration(_LONGEST_TIMEOUT_S)
        raise file.error(at, f"{write_duration(timeout_s)} is longer than {longest}")
    return timeout_s


def _check_ids(file: YamlFile, options: CanaryOptions, at: Location) -> None:
    for index, job_id in enumerate(getattr(options, "ids", ())):
        if not job_id or len(job_id) > 200 or not job_id.isprintable():
            raise file.error((*at, "ids", index), "an id has 1 to 200 printable characters")
    if isinstance(options, IdOptions) and len(set(options.ids)) < len(options.ids):
        raise file.error((*at, "ids"), "an id stands here twice")
