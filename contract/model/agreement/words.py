"""
The words of the status: the profile's and the document's are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobproof.contract.errors import did_you_mean
from jobproof.contract.formats.yaml_file import Location
from jobproof.contract.model.finding import brief
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.schema_place import SchemaPlace

__all__ = ["disagreements", "notes_on_words"]


def disagreements(profile: Profile, place: SchemaPlace) -> Iterator[tuple[Location, str]]:
    """
    Words that only one of profile and document has, where they stand, and what to do.
    """
    status, document = profile.status, profile.document
    listed = _listed(place)
    if listed is None:
        return
    presentable = [word for word in sorted(listed) if word.isprintable() and len(word) <= 60]
    for word, meaning in status.words.items():
        if meaning.source is None and word not in listed:
            message = (
                f"{document} doesn't list this word at {status.at}. "
                f"{did_you_mean(word, presentable[:30])} "
                "If the vendor documents it elsewhere, give the word a `source` that says where"
            )
            yield ("status", "words", word), message
    for word in sorted(listed.keys() - status.words.keys()):
        # Whoever writes null means that there is no status yet, which needs no word.
        if listed[word] == "null":
            continue
        message = (
            f"{document} lists {brief(word)!r} at {status.at}, too: add the word with its "
            "phase, so that nobody has to guess what it means"
        )
        yield ("status", "words"), message


def notes_on_words(profile: Profile, place: SchemaPlace) -> Iterator[tuple[Location, str]]:
    """
    What the document leaves open about the status.
    """
    status, document = profile.status, profile.document
    if _listed(place) is None:
        message = f"{document} doesn't list the words at {status.at}: they are the profile's alone"
        yield ("status", "words"), message
    elif "null" in place.types and "null" not in status.words:
        yield (
            ("status", "at"),
            f"{document} lets null stand at {status.at}; the status of such an answer is unknown",
        )


def _listed(place: SchemaPlace) -> Mapping[str, str] | None:
    """
    Words and their JSON types; None where any text or number may stand.
    """
    if not place.may_hold:
        return None
    if place.values is not None:
        return {word: kind for kind, word in place.values}
    return None
