"""
One door for everything that plugs in: what is found, and what is refused by name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from jobproof.contract.entry_points import plugins
from jobproof.contract.errors import ConfigError, PluginError
from jobproof.contract.model.check import Check
from jobproof.contract.plugins import api_names, default_api, find_api, load_checks

_CHECK = '''
from collections.abc import Iterator
from jobproof.contract.model.check import check
from jobproof.contract.model.finding import Basis, Remark

__all__ = ["{name}"]

@check(basis=Basis.INFERRED, source="a test of ours")
def {name}(trace) -> Iterator[Remark]:
    """
    It holds.
    """
    yield from ()
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """
    Puts a distribution with one entry point where Python finds it.
    """
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(module: str, code: str, *, group: str = "jobproof.checks", name: str = "acme") -> None:
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n", encoding="utf-8")

    return put


def test_our_own_parts_come_through_the_same_door() -> None:
    assert {"krea", "openai-batch"} <= set(api_names())
    assert default_api() in api_names()
    assert all(isinstance(check, Check) for check in load_checks())
    assert {plugin.name for plugin in plugins("jobproof.checks")} >= {"access", "times"}


def test_an_installed_check_is_loaded_beside_ours(install) -> None:  # type: ignore[no-untyped-def]
    install("acme_ttl", _CHECK.format(name="ttl_is_kept"))
    found = {check.id: check for check in load_checks()}
    assert found["ttl_is_kept"].summary == "It holds."
    assert "job_id_is_echoed" in found


def test_ours_come_first(install) -> None:  # type: ignore[no-untyped-def]
    install("acme_first", _CHECK.format(name="aaa_is_first"), name="aaa")
    assert plugins("jobproof.checks")[-1].name == "aaa"
    assert load_checks()[-1].id == "aaa_is_first"


def test_all_of_other_peoples_can_be_switched_off(  # type: ignore[no-untyped-def]
    install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme_off", _CHECK.format(name="off_is_off"))
    monkeypatch.setenv("JOBPROOF_NO_PLUGINS", "1")
    assert "off_is_off" not in {check.id for check in load_checks()}
    monkeypatch.setenv("JOBPROOF_NO_PLUGINS", "0")
    assert "off_is_off" in {check.id for check in load_checks()}


@pytest.mark.parametrize(
    ("module", "code", "message"),
    [
        ("acme_broken", "1 / 0", "can't be loaded: ZeroDivisionError: division by zero"),
        ("acme_none", "", "holds no check; name them in the module's __all__"),
        (
            "acme_twice",
            _CHECK.format(name="job_id_is_echoed"),
            "check 'job_id_is_echoed' exists already, from jobproof",
        ),
        (
            "acme_args",
            _CHECK.format(name="x_is_y").replace("(trace)", "()"),
            "check takes 0 arguments; write def x_is_y(trace)",
        ),
        (
            "acme_mute",
            _CHECK.format(name="x_is_y").replace('"""', "").replace("It holds.", ""),
            "check 'x_is_y' has no docstring; its first line is the promise",
        ),
    ],
)
def test_a_plugin_that_breaks_its_protocol_is_refused_by_its_distributions_name(  # type: ignore[no-untyped-def]
    install, module: str, code: str, message: str
) -> None:
    install(module, code)
    with pytest.raises(PluginError) as caught:
        load_checks()
    text = str(caught.value)
    assert text.startswith(f"plug-in 'acme' ({module} 1.2): ")
    assert message in text


def test_a_name_that_is_taken_is_refused(install) -> None:  # type: ignore[no-untyped-def]
    install("acme_taken", _CHECK.format(name="x_is_y"), name="access")
    with pytest.raises(PluginError, match=r"the name is taken in jobproof\.checks by jobproof"):
        plugins("jobproof.checks")


def test_an_unknown_api_is_told_with_its_neighbour() -> None:
    with pytest.raises(ConfigError) as caught:
        find_api("kera")
    assert str(caught.value) == "unknown API 'kera'. Did you mean 'krea'?"


def test_a_folder_without_a_profile_is_no_api(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the folder has no profile\.yaml, so it is no API"):
        find_api(str(tmp_path))


def test_an_api_can_be_given_as_its_folder() -> None:
    folder = find_api("krea").folder
    assert find_api(str(folder)).name == "krea"


def test_an_id_is_one_segment_of_the_path_whatever_it_holds() -> None:
    api = find_api("krea")
    for job_id, segment in [
        ("a/../b", "a%2F..%2Fb"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b", "a%20b"),
        ("\u00e9", "%C3%A9"),
        ("%2F", "%252F"),
    ]:
        assert api.target("https://h.example/base/", job_id) == (
            f"https://h.example/base/jobs/{segment}"
        )
