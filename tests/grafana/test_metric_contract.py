"""
Dashboards and rules against the running daemon: neither names what the other lacks.
"""

from __future__ import annotations

import re
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.grafana.reading import every_query, expand, selectors
from tests.grafana.test_end_to_end import daemon
from tests.tools import PATIENCE_S, run_to_end, tool, until

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api
from jobproof.grafana.files import HOME
from jobproof.grafana.promql import RULES, UnknownSeriesError
from jobproof.grafana.settings import default_settings
from jobproof.probes.export.families import LABEL_VALUES, METRICS

pytestmark = [pytest.mark.ladder, pytest.mark.xdist_group("end-to-end")]

NOT_OURS = {"up", "ALERTS"}
OF_THE_CLIENT = {
    *("process_cpu_seconds_total", "process_resident_memory_bytes"),
    *("process_open_fds", "process_max_fds", "process_start_time_seconds"),
}
BY_PROMETHEUS = {"job", "instance", "alertname", "alertstate", "severity"}
LATE = {
    "jobproof_tls_certificate_expiry_timestamp_seconds": "the mock speaks plain HTTP",
    "jobproof_oldest_pending_job_seconds": "absent while nothing is pending",
}
"""Exported by the table of metrics, and rightly not in this exposition at every moment."""

WITH_A_PACKAGE = {("jobproof_plugin_failures_total", "kind"): {"check"}}
"""Values of closed labels that are exported only where somebody's package brings such a part."""

UNUSED: dict[str, str] = {}
"""Metrics that no dashboard and no rule shows, each with the reason."""

CHOSEN_BY_US = {"canary", "target", "api", "check"}
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


@dataclass
class Exposed:
    """
    Label values by label, by sample name.
    """

    samples: dict[str, dict[str, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposed]:
    folder = tmp_path_factory.mktemp("exposed")
    with MockServer(find_api("krea"), jobs_per_minute=120, variants=["has_another_key"]) as mock:
        (folder / "token").write_text(mock.token, encoding="utf-8")
        target = {
            "name": "krea",
            "api": "krea",
            "url": mock.url,
            "token_file": "token",
            "interval": "200ms",
            "requests_per_minute": "unlimited",
            "canaries": {
                "known": {"ids": [mock.jobs[0].id]},
                "missing": {},
                "malformed": {},
                "anonymous": {},
                "foreign": {"ids": [mock.foreign_jobs[0].id]},
            },
            "follow": [{"source": "listing"}],
        }
        config = folder / "jobproof.yaml"
        sink = {"sink": "jsonl", "path": str(folder / "results.jsonl")}
        written = yaml.safe_dump({"targets": [target], "sinks": [sink]})
        config.write_text(written, encoding="utf-8")
        with daemon(config, folder) as address:
            url = f"http://{address}/metrics"
            until(lambda: _all_probed(_read(url)), what="every canary and some drift")
            found = Exposed()
            text = _read(url)
            (folder / "metrics.txt").write_text(text, encoding="utf-8")
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = found.samples[sample.name]
                    for name, value in sample.labels.items():
                        labels[name].add(value)
            yield found


def _all_probed(text: str) -> bool:
    asked = re.findall(r'last_success_timestamp_seconds\{target="krea",canary="(\w+)"', text)
    return len(set(asked)) == 6 and "jobproof_contract_drift_total{" in text


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def every_expression(boards: dict[str, Any]) -> list[tuple[str, str]]:
    """
    The place and the text of every query.
    """
    found = [(str(query), expand(query.target["expr"])) for query in every_query(boards)]
    for board in boards.values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                text = variable["query"]["query"][len("label_values(") : -1].rsplit(", ", 1)[0]
                found.append((variable["name"], expand(text)))
    for file in sorted((HOME / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            found += [(f"{group['name']}: {r['expr'][:40]}", r["expr"]) for r in group["rules"]]
    return found


def faults(expressions: list[tuple[str, str]], exposed: Exposed) -> Iterator[str]:
    """
    Everything that a query reads and the daemon doesn't export.
    """
    for place, text in expressions:
        ours = [
            chosen
            for chosen in selectors(promql_parser.parse(text))
            if ":" not in chosen.name and chosen.name not in NOT_OURS
        ]
        for chosen in ours:
            yield from (f"{place}: {fault}" for fault in _selector_faults(chosen, exposed))
        if ours and ":" not in text:
            labels = {label for one in ours for label in _labels_of(one.name, exposed)}
            for label in re.split(r",\s*", ", ".join(re.findall(r"by \(([^)]*)\)", text))):
                if label and label not in labels | BY_PROMETHEUS:
                    yield f"{place}: sums by {label}, which nothing there has"


def _labels_of(name: str, exposed: Exposed) -> set[str]:
    if name in exposed.samples:
        return set(exposed.samples[name])
    return {label for m in METRICS if m.name == name and name in LATE for label in m.labels}


def _selector_faults(chosen: Any, exposed: Exposed) -> Iterator[str]:
    if chosen.name not in exposed.samples:
        if chosen.name not in LATE:
            yield f"no series {chosen.name}"
        return
    known = exposed.samples[chosen.name]
    for matcher in chosen.matchers.matchers:
        if matcher.name in BY_PROMETHEUS:
            continue
        if matcher.name not in known:
            yield f"{chosen.name} has no label {matcher.name}"
            continue
        plain = re.fullmatch(r"[\w|-]+", matcher.value.replace("\\", ""))
        for word in plain[0].split("|") if plain else ():
            if word not in _possible(_SUFFIX.sub("", chosen.name), matcher.name, known):
                yield f"{chosen.name} never has {matcher.name}={word}"


def _possible(name: str, label: str, known: dict[str, set[str]]) -> set[str]:
    exported = known[label] | WITH_A_PACKAGE.get((name, label), set())
    closed = set(LABEL_VALUES.get(name, {}).get(label, ())) & exported
    ended = {s.word for s in default_settings().statuses} if label == "from_status" else set()
    # A series may lack a closed value (`expected` differs by canary), never invent one.
    return closed or known[label] | ended


def test_everything_that_is_asked_for_is_exported(boards: dict[str, Any], exposed: Exposed) -> None:
    assert list(faults(every_expression(boards), exposed)) == []


def test_everything_that_is_exported_is_shown(boards: dict[str, Any], exposed: Exposed) -> None:
    used = {
        _SUFFIX.sub("", chosen.name)
        for _, text in every_expression(boards)
        for chosen in selectors(promql_parser.parse(text))
    }
    declared = {metric.name for metric in METRICS}
    assert {_SUFFIX.sub("", n) for n in exposed.samples if n.startswith("jobproof")} <= declared
    assert declared - used == set(UNUSED)
    assert {
        name for name in used if not name.startswith("jobproof") and ":" not in name
    } == NOT_OURS | OF_THE_CLIENT


def test_every_exported_status_word_is_painted(exposed: Exposed) -> None:
    found = exposed.samples["jobproof_job_status_observations_total"]["job_status"]
    assert found == set(default_settings().words)


def test_no_metric_has_a_label_of_prometheus_own(exposed: Exposed) -> None:
    for name, labels in exposed.samples.items():
        assert not labels.keys() & {"job", "instance", "__name__"}, name


def test_a_metric_that_goes_away_is_missed(boards: dict[str, Any], exposed: Exposed) -> None:
    expressions = every_expression(boards)
    ours = [name for name in exposed.samples if name.startswith("jobproof")]
    asked = {
        chosen.name for _, text in expressions for chosen in selectors(promql_parser.parse(text))
    }
    removed = [name for name in ours if name in asked and name not in LATE]
    assert len(removed) > 25
    for name in removed:
        rest = Exposed({k: v for k, v in exposed.samples.items() if k != name})
        assert any(name in fault for fault in faults(expressions, rest)), name


@pytest.mark.parametrize(
    ("name", "label"),
    [(m.name, label) for m in METRICS if m.type == "counter" for label in m.labels],
)
def test_a_label_that_goes_away_is_missed(
    boards: dict[str, Any], exposed: Exposed, name: str, label: str
) -> None:
    rest = dict(exposed.samples)
    rest[name] = {key: values for key, values in rest[name].items() if key != label}
    assert list(faults(every_expression(boards), Exposed(rest)))


def test_a_status_word_that_goes_away_is_missed(boards: dict[str, Any], exposed: Exposed) -> None:
    expressions = every_expression(boards)
    for word in default_settings().words:
        rest = {
            name: {key: values - {word} for key, values in labels.items()}
            for name, labels in exposed.samples.items()
        }
        assert any(word in fault for fault in faults(expressions, Exposed(rest))), word


def test_the_generator_refuses_a_metric_or_label_that_is_not_exported() -> None:
    with pytest.raises(UnknownSeriesError, match="Did you mean 'jobproof_probes_total'"):
        RULES.select("probe_total")
    with pytest.raises(UnknownSeriesError, match="has no label 'outcom'"):
        RULES.select("probes_total", outcom="ok")


def test_promtool_finds_no_fault_in_the_exposition(
    exposed: Exposed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert exposed.samples
    file = next(tmp_path_factory.getbasetemp().glob("exposed*/metrics.txt"))
    done = run_to_end(tool("promtool"), "check", "metrics", stdin=file.read_text("utf-8"))
    assert (done.returncode, done.stderr) == (0, "")
