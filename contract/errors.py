"""
What goes wrong on our side, as exceptions; what goes wrong at the endpoint is data.

    JobproofError                exit 2, one line, no traceback
    ├── ConfigError              a file or an option says something we can't use
    │   ├── ProfileError         ... in an API's profile
    │   └── DocumentError        ... in an API's OpenAPI document
    ├── PluginError              a plug-in that doesn't keep its protocol
    ├── RecordingError           a HAR file or stored evidence that can't be read
    └── InconclusiveError        exit 3: nothing can be said
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ConfigError",
    "DocumentError",
    "InconclusiveError",
    "JobproofError",
    "PluginError",
    "ProfileError",
    "RecordingError",
    "did_you_mean",
]


class JobproofError(Exception):
    """
    Any mistake that a person can mend; its text says where and how.
    """

    exit_code = 2


class ConfigError(JobproofError):
    """
    A configuration file or an option can't be used as it stands.
    """


class ProfileError(ConfigError):
    """
    An API's profile doesn't say what a profile must say.
    """


class DocumentError(ConfigError):
    """
    An OpenAPI document can't be read, or lacks the operation asked for.
    """


class PluginError(JobproofError):
    """
    A plug-in breaks its protocol, or two plug-ins claim one name.
    """


class RecordingError(JobproofError):
    """
    A recording of traffic is empty, corrupt or of an unknown format.
    """


class NoRecordingError(RecordingError):
    """
    What was read holds no exchange, or is no recording at all: it may be there for another purpose.
    """


class InconclusiveError(JobproofError):
    """
    Nothing can be said about the endpoint: it can't be reached, or not enough of it.
    """

    exit_code = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    A hint that ends an error message: the nearest spelling, else all of them.
    """
    words = sorted(known)
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(words)}." if words else "None is known."
