"""
Profiles: what they must say, and how a wrong one is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from jobproof.contract.errors import ProfileError
from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.contract.model.profile import Id, Profile
from jobproof.contract.plugins import api_names, find_api

_KREA = find_api("krea").folder / "profile.yaml"


def _read(path: Path) -> Profile:
    return read_yaml(path, ProfileError).parse(Profile, ProfileError)


def _changed(tmp_path: Path, change: Callable[[str], str]) -> Path:
    path = tmp_path / "profile.yaml"
    path.write_text(change(_KREA.read_text(encoding="utf-8")), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", api_names())
def test_every_promise_says_where_it_stands_written(name: str) -> None:
    profile = find_api(name).profile
    promises = [
        profile.id,
        profile.status,
        profile.status.backward,
        profile.status.terminal,
        *profile.status.moves,
        *profile.status.limits,
        *filter(None, [profile.times, profile.result, profile.failure, profile.listing]),
        profile.not_found,
        *profile.expected,
        profile.latency,
        profile.body,
    ]
    assert all(len(promise.source) > 5 for promise in promises)


@pytest.mark.parametrize("name", api_names())
def test_every_status_has_a_meaning_and_a_colour_of_its_own(name: str) -> None:
    words = find_api(name).profile.status.words
    assert all(len(word.meaning) > 3 for word in words.values())
    assert len({word.colour for word in words.values()}) == len(words)


@pytest.mark.parametrize("name", api_names())
def test_the_profile_and_the_document_know_the_same_statuses(name: str) -> None:
    api = find_api(name)
    spec = api.operation.response_for(200)
    assert spec is not None
    content = spec.contents[0]
    at = api.profile.status.at
    assert all(content.allows(at, word) for word in api.lifecycle.statuses)
    assert not content.allows(at, "a-word-of-nobody")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cadence:", "cadance:", "cadance: unknown key. Did you mean 'cadence'?"),
        ("at: /job_id", "at: job_id", "id.at: a JSON Pointer starts with '/': write '/job_id'"),
        ("at: /job_id", "at: $.job_id", "write '/job_id'"),
        ("required_in: [completed]", "required_in: [done]", "result: names the status 'done'"),
        ("parameter: id", "parameter: job", "has no {job}: the parameter must stand in the path"),
        ("poll: 5s", "poll: 5", "cadence.poll: 5 has no unit: write 250ms, 30s, 5m or 1h30m"),
        ("poll: 5s", "poll: \u0665s", "'\u0665s' is no duration: write 250ms, 30s, 5m or 1h30m"),
        ("poll: 5s", f"poll: {'9' * 400}s", "is no duration: write 250ms, 30s, 5m or 1h30m"),
        ("poll: 5s", "poll: 5 sec", "'5 sec' is no duration: write 250ms, 30s, 5m or 1h30m"),
        ("api: krea", "api: Krea!", "api: "),
        ("  shape: uuid", "  shape: guid", "id.shape: "),
        ("basis: inferred", "basis: guessed", "basis: "),
        ("requests_per_minute: 12", "requests_per_minute: 0", "cadence.requests_per_minute: "),
    ],
)
def test_a_mistake_is_told_by_line_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = _changed(tmp_path, lambda text: text.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        _read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("parameter: id", "parameter: job", "operation.path"),
        ("required_in: [completed]", "required_in: [done]", "result"),
    ],
)
def test_a_rule_for_several_keys_points_at_the_key_that_it_names(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    path = _changed(tmp_path, lambda text: text.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        _read(path)
    where, _, said = str(caught.value).removeprefix(f"{path}:").partition(": ")
    assert said.startswith(f"{place}: ")
    line = path.read_text("utf-8").splitlines()[int(where) - 1]
    assert f"{place.rpartition('.')[2]}:" in line


def test_a_life_without_an_end_is_refused(tmp_path: Path) -> None:
    def endless(text: str) -> str:
        for phase in ("succeeded", "failed", "cancelled"):
            text = text.replace(f"phase: {phase}", "phase: pending")
        return text

    with pytest.raises(ProfileError, match="has no terminal status: polling would never end"):
        _read(_changed(tmp_path, endless))


def test_an_acceptance_needs_a_reason_and_a_day_on_which_it_ends(tmp_path: Path) -> None:
    rule = "\npolicy: {accept: [{check: success_has_result, reason: %s, expires: 2027-01-01}]}\n"
    kept = _read(_changed(tmp_path, lambda text: text + rule % "known to the vendor"))
    assert kept.policy.accept[0].expires.isoformat() == "2027-01-01"
    with pytest.raises(ProfileError, match="reason"):
        _read(_changed(tmp_path, lambda text: text + rule % "why"))


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("token", r"batch_[0-9a-f]{24}"),
        ("integer", r"[1-9][0-9]{15}"),
    ],
)
def test_a_fresh_id_is_well_formed_and_nobodys(shape: str, pattern: str) -> None:
    promise = Id.model_validate(
        {"at": "/id", "shape": shape, "prefix": "batch_", "basis": "inferred", "source": "a test"}
    )
    rng = Random(7)
    ids = [promise.fresh(rng) for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(re.fullmatch(pattern, one) for one in ids)
    assert promise.fresh(Random(1)) == promise.fresh(Random(1))
