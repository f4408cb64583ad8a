"""
Sharding: Prometheus and the daemon split the same targets the same way.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.probes.web_world import StubDaemon, krea, open_world
from tests.tools import output_of, tool

from jobproof.contract.errors import ConfigError
from jobproof.probes.engine.shard import Shard, hashmod

_SD_CONFIG = """
scrape_configs:
  - job_name: jobs
    file_sd_configs:
      - files: [{targets}]
    relabel_configs:
      - source_labels: [__address__]
        action: hashmod
        modulus: {modulus}
        target_label: one
      - source_labels: [__address__, __meta_jobproof_api]
        action: hashmod
        modulus: {modulus}
        target_label: two
"""


def _discovered(config: Path) -> list[dict[str, dict[str, str]]]:
    """
    What Prometheus makes of the job's targets, before and after relabelling.
    """
    looking = ("check", "service-discovery", "--timeout=3s", config, "jobs")
    printed = output_of(tool("promtool"), *looking)
    found: list[dict[str, dict[str, str]]] = json.loads(printed[printed.index("[") :])
    return found


def _promtool_shards(folder: Path, names: list[str], modulus: int) -> dict[str, tuple[int, int]]:
    targets = folder / "targets.json"
    groups = [{"targets": [name], "labels": {"__meta_jobproof_api": "krea"}} for name in names]
    targets.write_text(json.dumps(groups))
    config = folder / "prometheus.yml"
    config.write_text(_SD_CONFIG.format(targets=targets, modulus=modulus))
    found = _discovered(config)
    return {
        one["discoveredLabels"]["__address__"]: (
            int(one["labels"]["one"]),
            int(one["labels"]["two"]),
        )
        for one in found
    }


@pytest.mark.parametrize("modulus", [2, 3, 7, 1000])
def test_hashmod_is_prometheus_hashmod(tmp_path: Path, modulus: int) -> None:
    names = ["krea", "krea-eu", "a", "Ünïcode", "with space", *(f"target-{n}" for n in range(40))]
    theirs = _promtool_shards(tmp_path, names, modulus)
    ours = {
        name: (hashmod(name, modulus=modulus), hashmod(name, "krea", modulus=modulus))
        for name in names
    }
    assert theirs == ours


_HTTP_SD = """
scrape_configs:
  - job_name: jobs
    metrics_path: /probe
    http_sd_configs: [{{url: "{url}-/sd"}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - source_labels: [__param_target]
        modulus: 3
        target_label: __tmp_shard
        action: hashmod
      - {{source_labels: [__tmp_shard], regex: "{index}", action: keep}}
"""


@pytest.mark.parametrize("index", [0, 1, 2])
def test_prometheus_keeps_the_targets_that_the_shard_owns(tmp_path: Path, index: int) -> None:
    names = [f"target-{number}" for number in range(30)]
    daemon = StubDaemon(target_infos=tuple(krea(name) for name in names))
    with open_world(tmp_path, daemon=daemon) as world:
        config = tmp_path / "prometheus.yml"
        config.write_text(_HTTP_SD.format(url=world.url, index=index))
        found = _discovered(config)
    owned = {one["labels"]["instance"] for one in found if one["labels"]}
    assert owned == {name for name in names if Shard(index, 3).owns(name)}
    assert owned
    assert len(found) == 30


@given(name=st.text(), of=st.integers(1, 50))
def test_every_target_belongs_to_exactly_one_shard(name: str, of: int) -> None:
    assert sum(Shard(index, of).owns(name) for index in range(of)) == 1


def test_one_shard_owns_everything() -> None:
    assert Shard().owns("krea")


def test_shard_is_written_as_i_of_n() -> None:
    assert Shard.parse("1/3") == Shard(1, 3)
    assert str(Shard(1, 3)) == "1/3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "--shard '3': write i/n, for example 0/3 for the first of three"),
        ("-1/3", "--shard '-1/3': write i/n, for example 0/3 for the first of three"),
        ("\u00b2/3", "--shard '\u00b2/3': write i/n, for example 0/3 for the first of three"),
        ("0/\u0663", "--shard '0/\u0663': write i/n, for example 0/3 for the first of three"),
        ("0/" + "9" * 5_000, f"--shard '0/{'9' * 5_000}': n must be between 1 and 10000"),
        ("0/0", "--shard '0/0': n must be between 1 and 10000"),
        ("3/3", "--shard '3/3': i counts from 0, so the last is 2"),
    ],
)
def test_a_wrong_shard_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Shard.parse(text)
    assert str(caught.value) == message
