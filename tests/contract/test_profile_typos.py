"""
Each pointer, word and name of the profiles that come with us, changed in turn: no such profile
ever gives a run that is called kept.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from jobproof.contract.client.curl import Client
from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.yaml_file import YamlFile, read_yaml
from jobproof.contract.mock import MockServer
from jobproof.contract.model.agreement.pointers import listing_pointers_of, pointers_of
from jobproof.contract.model.api import Api, api_in, load_api
from jobproof.contract.model.verdict import Verdict, conclude
from jobproof.contract.openapi.source.files import DocumentFiles
from jobproof.contract.plugins import find_api, load_checks
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run

# What is refused is worked out once for all of them.
pytestmark = pytest.mark.xdist_group("typos")

APIS = ("krea", "openai-batch")
FILES = {name: read_yaml(find_api(name).folder / "profile.yaml") for name in APIS}
DOCUMENTS = {name: DocumentFiles(find_api(name).folder / "openapi.yaml") for name in APIS}
CHECKS = load_checks()
Place = tuple[str | int, ...]


class Typo(NamedTuple):
    """
    `key`: the key in the profile, or the word itself where that is a key.
    """

    api: str
    place: Place
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.api}: {'.'.join(map(str, self.place))}: {self.old} -> {self.new}"


def _texts(value: Any, at: Place = ()) -> Iterator[tuple[Place, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _texts(below, (*at, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _texts(below, (*at, index))
    elif isinstance(value, str):
        yield at, value


def _misspelt(text: str) -> Iterator[str]:
    """
    The text with a letter dropped, doubled, changed or swapped, and in another case.
    """
    letters = [n for n, letter in enumerate(text) if letter.isalpha()]
    for n in (letters[0], letters[len(letters) // 2], letters[-1]):
        yield text[:n] + text[n + 1 :]
        yield text[:n] + text[n] + text[n:]
        yield text[:n] + ("x" if text[n] != "x" else "y") + text[n + 1 :]
        yield text[:n] + text[n + 1 : n + 2] + text[n] + text[n + 2 :]
    yield text.upper()
    yield text.capitalize()
    yield text.replace("_", "-") if "_" in text else f"{text}s"
    head, *tail = text.split("_")
    yield head + "".join(part.capitalize() for part in tail) if tail else f"_{text}"


def _mispointed(pointer: str, known: frozenset[str]) -> Iterator[str]:
    *above, last = pointer.split("/")[1:]
    over = "".join(f"/{step}" for step in above)
    for wrong in _misspelt(last):
        yield f"{over}/{wrong}"
    for n, step in enumerate(above):
        for wrong in _misspelt(step):
            yield "/" + "/".join([*above[:n], wrong, *above[n + 1 :], last])
    yield "/nowhere"
    yield f"{over}/nowhere"
    yield f"{pointer}/nowhere"
    yield f"/nowhere{pointer}"
    yield "/" + "/".join([last, *above]) if above else f"{pointer}{pointer}"
    # A place around the right one or within it is right, too: it is read through.
    yield from sorted(
        k
        for k in known
        if not f"{k}/".startswith(f"{pointer}/") and not f"{pointer}/".startswith(f"{k}/")
    )


def _known_pointers(api: str) -> frozenset[str]:
    """
    What the document names at the top of the job, and one below.
    """
    content = find_api(api).operation.responses["200"].contents[0]
    top = {f"/{name}" for name in content.names_at("")}
    return frozenset(top | {f"{at}/{name}" for at in top for name in content.names_at(at)})


def _all_typos() -> Iterator[Typo]:
    for api, file in FILES.items():
        words = set(file.value["status"]["words"])
        known = _known_pointers(api)
        for word in words:
            for new in _misspelt(word):
                yield Typo(api, ("status", "words"), word, new)
        for place, text in _texts(file.value):
            if place[-1] == "path" or str(place[-1]).endswith("_parameter"):
                tail = text.rpartition("/")[2]
                wrongs = [text.removesuffix(tail) + wrong for wrong in _misspelt(tail)]
                others = [t for p, t in _texts(file.value["listing"]) if p[-1] != "path"]
                wrongs += (
                    [o for o in others if not o.startswith("/")] if place[-1] != "path" else []
                )
            elif text.startswith("/"):
                shown = known | {f"/{n}" for n in ("items", "next_cursor", "data", "last_id")}
                # Another place that is held still by mistake is still as well.
                shown = shown if place[0] != "given" else frozenset()
                wrongs = list(_mispointed(text, shown))
            elif text in words and isinstance(place[-1], int):
                wrongs = list(_misspelt(text))
            else:
                continue
            yield from (Typo(api, place, text, wrong) for wrong in wrongs if wrong != text)


TYPOS = sorted({typo for typo in _all_typos() if typo.new != typo.old}, key=lambda typo: typo.name)


def _with_typo(typo: Typo) -> YamlFile:
    value = deepcopy(FILES[typo.api].value)
    here = value
    if typo.place == ("status", "words"):
        words = here["status"]["words"]
        here["status"]["words"] = {
            (typo.new if word == typo.old else word): meaning for word, meaning in words.items()
        }
    else:
        for step in typo.place[:-1]:
            here = here[step]
        here[typo.place[-1]] = typo.new
    return replace(FILES[typo.api], value=value)


@cache
def _accepted() -> tuple[Typo, ...]:
    return tuple(typo for typo in TYPOS if _refusal(typo) is None)


@cache
def _refusal(typo: Typo) -> str | None:
    try:
        api_in(_with_typo(typo), files=DOCUMENTS[typo.api])
    except ConfigError as exc:
        return str(exc)
    return None


def _verdicts(typo: Typo, folder: Path) -> list[Verdict]:
    """
    What a run against the mock of the right profile comes to, and one against its own mock.
    """
    shutil.copytree(find_api(typo.api).folder, folder)
    text = yaml.safe_dump(_with_typo(typo).value, sort_keys=False, allow_unicode=True)
    (folder / "profile.yaml").write_text(text, encoding="utf-8")
    wrong = load_api(folder)
    return [_verdict(folder, served) for served in (find_api(typo.api), wrong)]


def _verdict(folder: Path, served: Api) -> Verdict:
    with MockServer(served) as server, Client(exact_framing=True) as client:
        values = {
            "api": str(folder),
            "url": server.url,
            "job": [job.id for job in server.jobs if job.life != "timed"],
            "foreign_job": [job.id for job in server.foreign_jobs],
            "token_env": "T",
            "effort": "quick",
            "poll_interval": 0.02,
        }
        target = replace(target_from(values, environ={"T": server.token}), watch_s=1.0)
        run = Run(target, CHECKS, client)
        run.execute()
    return conclude(run.findings, missing=run.coverage.missing(), strict=False)


def test_there_is_enough_to_mistype() -> None:
    assert len(TYPOS) > 2_000
    assert {typo.api for typo in TYPOS} == set(APIS)
    pointed_at = {place[-1] for file in FILES.values() for place, _ in _texts(file.value)}
    assert {"created", "cursor", "items", "at", "id", "status_parameter"} <= pointed_at


def test_every_pointer_of_a_profile_is_one_that_is_resolved() -> None:
    for api in APIS:
        profile = find_api(api).profile
        resolved = {use.location for use in (*pointers_of(profile), *listing_pointers_of(profile))}
        written = {p for p, text in _texts(FILES[api].value) if text.startswith("/")}
        assert written - {("operation", "path"), ("listing", "path")} == resolved


@pytest.mark.ladder
def test_what_is_refused_says_in_one_line_where_and_what_to_do() -> None:
    for typo in TYPOS:
        said = _refusal(typo)
        if said is not None:
            assert re.match(r"\S+\.yaml(:[0-9]+)?: ", said), said
            assert "\n" not in said
            assert len(said) < 700, said


@pytest.mark.ladder
def test_most_typos_are_refused_at_loading() -> None:
    assert len(_accepted()) < len(TYPOS) // 40
    words = [t for t in _accepted() if t.place == ("status", "words") or t.old[0] != "/"]
    assert words == []


@pytest.mark.ladder
@pytest.mark.parametrize("api", APIS)
def test_a_typo_that_the_document_allows_comes_out_in_a_run(api: str, tmp_path: Path) -> None:
    # What a user has written of his own beside a job, a job may have or not.
    telling = [t for t in _accepted() if t.api == api and not t.new.startswith("/metadata/")]
    # A run waits for its jobs most of the time.
    with ThreadPoolExecutor(4) as pool:
        folders = [tmp_path / str(number) for number in range(len(telling))]
        found = pool.map(_verdicts, telling, folders)
        verdicts = dict(zip((typo.name for typo in telling), found, strict=True))
    assert verdicts
    assert [name for name, found in verdicts.items() if Verdict.KEPT in found] == []


@pytest.mark.parametrize("api", APIS)
def test_the_profile_as_it_is_is_kept_in_the_same_run(api: str, tmp_path: Path) -> None:
    folder = shutil.copytree(find_api(api).folder, tmp_path / "api")
    assert _verdict(folder, find_api(api)) is Verdict.KEPT
