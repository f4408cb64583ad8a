"""
Kept evidence: bounded, redacted, and worth more the worse the news is.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.har_files import exchanges_in
from tests.probes.results import NOW, TOKEN, exchange, failed, finding, result

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Reason
from jobproof.contract.model.finding import Kind
from jobproof.probes.evidence import store as store_module
from jobproof.probes.evidence.entry import EvidencePriority, fingerprint_of, fingerprint_of_outcome
from jobproof.probes.evidence.store import EvidenceStore
from jobproof.probes.result import ProbeOutcome, ProbeResult


def _store(folder: Path, **options: int) -> EvidenceStore:
    return EvidenceStore(
        folder / "evidence",
        redactor=Redactor([TOKEN]),
        token_env=lambda target: f"{target.upper()}_TOKEN",
        **options,
    )


def _broken(number: int, check: str = "job_id_is_echoed") -> ProbeResult:
    return result(ProbeOutcome.VIOLATION, at=NOW + number * 2, checks=(check,))


def test_a_broken_promise_is_kept_and_can_be_judged_again(tmp_path: Path) -> None:
    store = _store(tmp_path)
    earlier = exchange(at=NOW - 5, body=b'{"job_id": "j", "status": "completed"}')
    kept = store.keep(_broken(0), [earlier])
    assert kept is not None
    replayed = exchanges_in(store.folder / f"{kept}.har")
    assert [one.response.body for one in replayed if one.response] == [
        b'{"job_id": "j", "status": "completed"}',
        b'{"job_id": "j", "status": "queued"}',
    ]
    assert replayed[1].request.job_id == "j"


def test_what_is_kept_says_what_was_wrong(tmp_path: Path) -> None:
    store = _store(tmp_path)
    kept = store.get(store.keep(_broken(0)) or "")
    assert kept is not None
    assert (kept.target, kept.canary, kept.outcome) == ("krea", "known", "violation")
    assert kept.findings[0].check == "job_id_is_echoed"
    assert kept.findings[0].source == "openapi.yaml, path parameter `id`"
    assert '-H "Authorization: Bearer $KREA_TOKEN"' in kept.curl


def test_of_a_fingerprint_the_first_the_last_and_one_in_n_stay(tmp_path: Path) -> None:
    store = _store(tmp_path, every=10)
    ids = [store.keep(_broken(number)) for number in range(35)]
    times = sorted(round((kept.at - NOW) / 2) for kept in store.all())
    assert times == [0, 10, 20, 30, 34]
    assert store.latest_for(fingerprint_of("krea", finding(exchange()))) == ids[34]
    assert len(list(store.folder.iterdir())) == 5


def test_a_flood_of_one_fingerprint_writes_once_a_second(tmp_path: Path) -> None:
    store = _store(tmp_path, every=10_000)
    kept = [
        store.keep(result(ProbeOutcome.VIOLATION, at=NOW + number / 1000, checks=("a_check",)))
        for number in range(3_000)
    ]
    assert sum(one is not None for one in kept) == 3


def test_one_exchange_with_two_findings_is_one_file(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.keep(result(ProbeOutcome.VIOLATION, checks=("one_check", "another_check")))
    assert len(store.all()) == 1
    outcome = fingerprint_of_outcome("krea", "known", ProbeOutcome.VIOLATION)
    assert len(store.all()[0].fingerprints) == 3
    assert store.latest_for(outcome) == store.all()[0].id


def test_a_file_stays_while_one_of_its_findings_needs_it(tmp_path: Path) -> None:
    store = _store(tmp_path)
    both = store.keep(result(ProbeOutcome.VIOLATION, checks=("one_check", "another_check")))
    for number in range(1, 4):
        store.keep(_broken(number, "one_check"))
    assert both in {kept.id for kept in store.all()}
    assert len(list(store.folder.iterdir())) == 2


def test_of_successes_only_the_latest_stays(tmp_path: Path) -> None:
    store = _store(tmp_path)
    for number in range(5):
        store.keep(result(at=NOW + 61 * number))
    assert [kept.at for kept in store.all()] == [pytest.approx(NOW + 61 * 4)]


def test_silence_is_kept_too(tmp_path: Path) -> None:
    store = _store(tmp_path)
    kept = store.get(store.keep(failed(Reason.TIMEOUT)) or "")
    assert kept is not None
    assert kept.priority is EvidencePriority.FAILURE
    failure = exchanges_in(store.folder / f"{kept.id}.har")[0].failure
    assert failure is not None
    assert failure.reason is Reason.TIMEOUT


def test_a_failure_of_our_own_leaves_no_evidence(tmp_path: Path) -> None:
    store = _store(tmp_path)
    assert (
        store.keep(ProbeResult("krea", "known", ProbeOutcome.INTERNAL, NOW, 0.0, 0.0, None)) is None
    )


def test_failures_outlive_successes(tmp_path: Path) -> None:
    store = _store(tmp_path, max_bytes=20_000)
    store.keep(_broken(0))
    store.keep(failed(at=NOW + 1))
    store.keep(result(ProbeOutcome.OK, at=NOW + 2, checks=("a_drift",), kind=Kind.DRIFT))
    for number in range(60):
        store.keep(result(at=NOW + 3 + number, canary=f"canary-{number}"))
    assert store.size_bytes <= 20_000
    assert {EvidencePriority.BROKEN, EvidencePriority.FAILURE, EvidencePriority.NOTABLE} <= {
        kept.priority for kept in store.all()
    }


def test_broken_promises_outlive_failures(tmp_path: Path) -> None:
    store = _store(tmp_path, max_bytes=12_000)
    store.keep(_broken(0))
    for number in range(30):
        store.keep(failed(at=NOW + number, canary=f"canary-{number}"))
    assert EvidencePriority.BROKEN in {kept.priority for kept in store.all()}


def test_room_for_a_large_one_is_made_in_one_go(tmp_path: Path) -> None:
    def calls_made(others: int) -> int:
        store = _store(tmp_path / str(others), max_bytes=others * 2_000)
        for number in range(others):
            store.keep(_broken(number, f"check_{number}"))
        large = exchange(at=NOW + 9_000, body=b"x" * (others * 200))
        calls = 0

        def count(frame: FrameType, event: str, _arg: object) -> None:
            nonlocal calls
            calls += event == "call" and frame.f_code.co_filename == store_module.__file__

        sys.setprofile(count)
        try:
            assert store.keep(replace(_broken(0, "large"), exchange=large)) is not None
        finally:
            sys.setprofile(None)
        assert store.size_bytes <= store.max_bytes
        return calls

    assert calls_made(400) < 3 * calls_made(200)


@settings(deadline=None, max_examples=30)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["ok", "broken", "drift", "silent"]), st.integers(0, 9)),
        max_size=60,
    )
)
def test_the_bound_in_bytes_holds_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    store = _store(tmp_path_factory.mktemp("evidence"), max_bytes=10_000, every=3)
    for number, (what, who) in enumerate(steps):
        at, canary = NOW + 61 * number, f"c{who}"
        if what == "silent":
            store.keep(failed(at=at, canary=canary))
        else:
            checks = () if what == "ok" else (f"check_{who}",)
            kind = Kind.DRIFT if what == "drift" else Kind.VIOLATION
            outcome = ProbeOutcome.VIOLATION if what == "broken" else ProbeOutcome.OK
            store.keep(result(outcome, at=at, canary=canary, checks=checks, kind=kind))
        files = list(store.folder.iterdir())
        assert {path.stem for path in files} == {kept.id for kept in store.all()}
        assert sum(path.stat().st_size for path in files) == store.size_bytes <= 10_000


def test_a_restart_finds_its_evidence_again(tmp_path: Path) -> None:
    first = _store(tmp_path, every=10)
    for number in range(25):
        first.keep(_broken(number))
    second = _store(tmp_path, every=10)
    assert second.all() == first.all()
    assert second.size_bytes == first.size_bytes
    latest = second.keep(_broken(40))
    assert second.latest_for(fingerprint_of("krea", finding(exchange()))) == latest


def test_foreign_and_broken_files_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    strangers = {
        "notes.txt": "mine",
        "recording.har": "{}",
        f"1764000000000-{'a' * 16}.har": '{"log": ',
    }
    for name, content in strangers.items():
        (folder / name).write_text(content)
    store = _store(tmp_path)
    assert store.all() == ()
    assert {path.name: path.read_text() for path in folder.iterdir()} == strangers


def test_an_id_that_is_a_path_finds_nothing(tmp_path: Path) -> None:
    store = _store(tmp_path)
    (tmp_path / "secret.har").write_text("{}")
    assert store.har("../secret") is None
    assert store.get("../secret") is None


def test_a_disk_that_fails_is_said_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[int] = []
    store = _store(tmp_path, on_write_error=lambda: failures.append(1))
    for path in store.folder.iterdir():
        path.unlink()
    store.folder.rmdir()
    assert store.keep(_broken(0)) is None
    assert store.keep(_broken(9)) is None
    assert failures == [1, 1]
    # Said once: a full disk would say so at every probe.
    assert caplog.text.count("evidence can't be kept") == 1
    assert f"evidence can't be kept in {store.folder}" in caplog.text
    store.folder.mkdir()
    assert store.keep(_broken(1)) is not None


def test_a_disk_without_room_is_said_as_such_and_leaves_no_half_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _store(tmp_path)

    def full(path: Path, content: bytes) -> int:
        raise OSError(28, f"no room for {len(content)} bytes at {path.name}")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert store.keep(_broken(0)) is None
    assert "no room for" in caplog.text
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize(("options", "stale"), [({}, 0.0), ({"staleness_s": 7.0}, 7.0)])
def test_evidence_says_by_which_a_replica_was_allowed_to_be_behind(
    tmp_path: Path, options: dict[str, float], stale: float
) -> None:
    store = _store(tmp_path)
    kept = store.keep(_broken(0), **options)
    log = json.loads((store.folder / f"{kept}.har").read_text(encoding="utf-8"))["log"]
    assert log["entries"][-1]["_jobproof"]["live"]["staleness_s"] == stale


@pytest.mark.parametrize(
    "spelling",
    [TOKEN, quote(TOKEN, safe=""), f"Bearer {TOKEN}", json.dumps(TOKEN)[1:-1]],
)
def test_the_token_is_written_nowhere(tmp_path: Path, spelling: str) -> None:
    store = _store(tmp_path)
    body = json.dumps({"echo": spelling, "raw": "\u00ff"}).encode()
    seen = exchange(
        body=body, headers=(("X-Echo", spelling), ("Content-Type", "text/plain")), job_id=spelling
    )
    store.keep(result(ProbeOutcome.VIOLATION, seen=seen, checks=("a_check",)), [seen])
    broken = exchange(body=b"\xff\xfe" + spelling.encode())
    store.keep(result(ProbeOutcome.VIOLATION, seen=broken, checks=("b_check",)))
    for path in store.folder.iterdir():
        log = json.loads(path.read_text())
        texts = [path.read_text()]
        for entry in log["log"]["entries"]:
            content = entry["response"]["content"]
            if content.get("encoding") == "base64":
                texts.append(base64.b64decode(content["text"]).decode("latin-1"))
        for text in texts:
            assert TOKEN not in text
            assert quote(TOKEN, safe="") not in text


def test_signed_links_open_nothing(tmp_path: Path) -> None:
    store = _store(tmp_path)
    body = b'{"urls": ["https://cdn.test/a.png?X-Amz-Signature=0badc0de&w=1"]}'
    kept = store.keep(result(ProbeOutcome.VIOLATION, seen=exchange(body=body), checks=("a_check",)))
    written = (store.har(kept or "") or b"").decode()
    assert "0badc0de" not in written
    assert "a.png?X-Amz-Signature=***&w=1" in written


def test_many_threads_keep_at_once(tmp_path: Path) -> None:
    store = _store(tmp_path, max_bytes=50_000)

    def work(thread: int) -> None:
        for number in range(40):
            store.keep(_broken(number, f"check_{thread}_{number % 5}"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(path.stat().st_size for path in store.folder.iterdir()) == store.size_bytes
    assert store.size_bytes <= 50_000


def test_of_one_priority_what_is_between_goes_first_and_then_the_oldest(tmp_path: Path) -> None:
    store = _store(tmp_path, every=1)
    kept = [store.keep(_broken(number, "one" if number else "other")) for number in range(6)]
    leaves = []
    while store.all():
        before = {one.id for one in store.all()}
        store = _store(tmp_path, every=1, max_bytes=store.size_bytes - 1)
        (gone,) = before - {one.id for one in store.all()}
        leaves.append(kept.index(gone))
    # The first of all and the first and the last of the other check stay longest.
    assert leaves == [2, 3, 4, 0, 1, 5]


def _times(store: EvidenceStore) -> list[int]:
    return sorted(round((kept.at - NOW) / 2) for kept in store.all())


def test_a_store_that_was_told_nothing_keeps_as_it_is_written(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    for number in range(102):
        store.keep(_broken(number))
    assert _times(store) == [0, 100, 101]
    assert '"Authorization: Bearer $TOKEN"' in store.all()[0].curl
    assert store.max_bytes == 32 * 2**20


def test_of_many_samples_the_last_eight_stay_after_a_restart_too(tmp_path: Path) -> None:
    store = _store(tmp_path, every=1)
    for number in range(14):
        store.keep(_broken(number))
    assert _times(store) == [0, *range(6, 14)]
    again = _store(tmp_path, every=1)
    assert again.all() == store.all()
    # Whether the last one was a sample, too, isn't written: it goes like any other last one.
    again.keep(_broken(20))
    assert _times(again) == [0, *range(6, 13), 20]


@pytest.mark.parametrize(("after_s", "kept"), [(0.9, 1), (1.0, 2), (-0.9, 1), (-5.0, 2)])
def test_the_last_of_a_broken_promise_is_a_second_old_at_most(
    tmp_path: Path, after_s: float, kept: int
) -> None:
    store = _store(tmp_path)
    for at in (NOW, NOW + after_s):
        store.keep(result(ProbeOutcome.VIOLATION, at=at, checks=("a_check",)))
    assert len(store.all()) == kept


@pytest.mark.parametrize(("after_s", "renewed"), [(59.0, False), (60.0, True), (-61.0, True)])
def test_the_last_success_is_a_minute_old_at_most(
    tmp_path: Path, after_s: float, renewed: bool
) -> None:
    store = _store(tmp_path)
    first = store.keep(result(at=NOW))
    second = store.keep(result(at=NOW + after_s))
    assert (second is not None) is renewed
    assert [one.id for one in store.all()] == [second if renewed else first]


def test_what_is_not_kept_is_not_there(tmp_path: Path) -> None:
    store = _store(tmp_path)
    assert store.latest_for("nothing") is None
    assert store.har(f"1764000000000-{'a' * 16}") is None
    kept = store.keep(_broken(0))
    assert kept is not None
    (store.folder / f"{kept}.har").unlink()
    assert store.har(kept) is None


def test_all_that_is_kept_is_listed_newest_first(tmp_path: Path) -> None:
    store = _store(tmp_path, every=1)
    for number in (0, 3, 1, 2):
        store.keep(_broken(number, f"check_{number}"))
    times = [one.at for one in store.all()]
    assert times == sorted(times, reverse=True)


def test_strangers_before_and_after_its_own_files_hide_none(tmp_path: Path) -> None:
    kept = _store(tmp_path).keep(_broken(1))
    assert kept is not None
    for name in ("0.har", "zz.har"):
        (tmp_path / "evidence" / name).write_text("{}")
    assert [one.id for one in _store(tmp_path).all()] == [kept]
