"""
What a scrape shows, held against the reference implementations of the formats.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric as PrometheusFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.tools import run_to_end, time_zone, tool

from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.judging.limited_calls import PluginKind
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Phases,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.finding import Basis, Drift, Finding, Kind, Severity
from jobproof.contract.plugins import load_checks
from jobproof.probes.export.families import LABEL_VALUES, METRICS, STORES
from jobproof.probes.export.metrics import Metrics, TargetLabels
from jobproof.probes.export.prometheus import OPENMETRICS, TEXT, Registry, expose
from jobproof.probes.export.series import Histogram
from jobproof.probes.following.tracker import UNKNOWN
from jobproof.probes.result import MissReason, ProbeOutcome, ProbeResult

STATUSES = ("queued", "processing", "completed", "failed")
NOW = 1_700_000_000.0


def labels(name: str = "krea", **canaries: bool) -> TargetLabels:
    return TargetLabels(
        name=name,
        api="krea",
        url="https://api.example.com",
        canaries=canaries or {"known": False, "missing": True, "followed": False},
        statuses=STATUSES,
        terminal=frozenset({"completed", "failed"}),
        edges_s=(0.75, 10.0),
        limits_s=(180.0, 7200.0),
        not_found_codes=(404, 410),
        openapi_version="3.1.0",
        spec_sha256="abc",
    )


def metrics(
    *targets: TargetLabels, checks: tuple[str, ...] = ("a", "b")
) -> tuple[Registry, Metrics]:
    registry = Registry()
    return registry, Metrics(registry, targets or (labels(),), checks)


def exchange(code: int = 200, subject: Subject = Subject.KNOWN, job_id: str = "j-1") -> Exchange:
    request = Request("GET", "http://x/jobs/1", (), job_id, subject, Credential.OWNER)
    head = (("Date", "Tue, 14 Nov 2023 22:13:20 GMT"),)
    return Exchange(request, Response(code, head), NOW, 0.2, Phases(wait=0.15, transfer=0.05))


def result(
    outcome: ProbeOutcome = ProbeOutcome.OK,
    *,
    canary: str = "known",
    seen: Exchange | None = None,
    findings: tuple[Finding, ...] = (),
    at: float = NOW,
    job_status: str | None = "completed",
) -> ProbeResult:
    return ProbeResult(
        "krea", canary, outcome, at, 0.21, 0.01, seen or exchange(), findings, job_status
    )


def finding(check: str = "a", pointer: str = "/x", drift: Drift | None = None) -> Finding:
    kind = Kind.DRIFT if drift else Kind.VIOLATION
    return Finding(
        *(check, kind, Basis.DOCUMENTED, "s", Severity.HIGH, pointer, "m", None, None),
        exchange(),
        drift,
    )


def value(registry: Registry, name: str, **wanted: str) -> float | None:
    found = [
        sample.value
        for family in parse_text(expose(registry).body.decode())
        for sample in family.samples
        if sample.name == name and sample.labels == wanted
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_every_closed_series_exists_at_zero_before_the_first_probe() -> None:
    registry, _ = metrics()
    for outcome in ProbeOutcome:
        name = "jobproof_probes_total"
        assert value(registry, name, target="krea", canary="known", outcome=outcome.value) == 0.0
    for why in MissReason:
        name = "jobproof_slots_missed_total"
        assert value(registry, name, target="krea", reason=why.value) == 0.0
    assert value(registry, "jobproof_check_crashes_total", check="a") == 0.0


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("date", "skew_s"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 0.4),
        ("Tuesday, 14-Nov-23 22:13:20 GMT", 0.4),
        ("Tue Nov 14 22:13:20 2023", 0.4),
        ("Tue, 14 Nov 2023 22:13:20 -0000", None),
        ("", None),
    ],
)
def test_the_clock_skew_is_measured_by_a_date_in_any_form_and_any_zone(
    date: str, skew_s: float | None, zone: str
) -> None:
    registry, counts = metrics()
    seen = replace(exchange(), answer=Response(200, (("Date", date),)))
    with time_zone(zone):
        counts.observe(result(seen=seen))
    found = value(registry, "jobproof_clock_skew_seconds", target="krea")
    assert found == (None if skew_s is None else pytest.approx(skew_s, abs=1e-6))


def test_success_gauges_are_absent_before_the_first_result() -> None:
    registry, counts = metrics()
    where = {"target": "krea", "canary": "known"}
    assert value(registry, "jobproof_probe_success", **where) is None
    counts.observe(result(ProbeOutcome.TIMEOUT))
    assert value(registry, "jobproof_probe_success", **where) == 0.0
    assert value(registry, "jobproof_last_success_timestamp_seconds", **where) is None
    counts.observe(result(at=NOW + 5))
    assert value(registry, "jobproof_probe_success", **where) == 1.0
    last = value(registry, "jobproof_last_success_timestamp_seconds", **where)
    assert last == pytest.approx(NOW + 5.21)


def test_a_late_answer_doesn_t_overrule_a_newer_one() -> None:
    registry, counts = metrics()
    counts.observe(result(at=NOW + 5))
    counts.observe(result(ProbeOutcome.TIMEOUT, at=NOW))
    assert value(registry, "jobproof_probe_success", target="krea", canary="known") == 1.0


def test_a_clock_set_back_by_an_hour_doesn_t_freeze_the_gauges() -> None:
    registry, counts = metrics()
    counts.observe(result(at=NOW))
    counts.observe(result(ProbeOutcome.TIMEOUT, at=NOW - 3600))
    assert value(registry, "jobproof_probe_success", target="krea", canary="known") == 0.0


def test_failures_are_in_the_duration_histogram() -> None:
    registry, counts = metrics()
    for outcome in ProbeOutcome:
        counts.observe(result(outcome))
    name = "jobproof_probe_duration_seconds_count"
    assert value(registry, name, target="krea", canary="known") == len(ProbeOutcome)


@pytest.mark.parametrize(
    ("outcome", "phases", "answered", "dialled"),
    [
        (ProbeOutcome.OK, Phases(0.1, 0.1, 0.0, 0.1, 0.1), True, "ok"),
        (ProbeOutcome.SERVER_ERROR, Phases(0.1, 0.1, 0.0, 0.1, 0.1), True, "ok"),
        (ProbeOutcome.TIMEOUT, Phases(0.1, 0.1, 0.0, 9.0), False, "ok"),
        (ProbeOutcome.PROTOCOL, Phases(0.1, 0.1, 0.0, 0.1), False, "ok"),
        (ProbeOutcome.TIMEOUT, Phases(9.0), False, "timeout"),
        (ProbeOutcome.TIMEOUT, Phases(0.1, 9.0), False, "timeout"),
        (ProbeOutcome.DNS, Phases(0.1), False, "dns"),
        (ProbeOutcome.CONNECT, Phases(0.1, 0.1), False, "connect"),
        (ProbeOutcome.TLS, Phases(0.1, 0.1, 0.1), False, "tls"),
        (ProbeOutcome.TLS, Phases(0.1, 0.1, 0.1, 0.1), False, "tls"),
    ],
)
def test_a_dial_is_what_came_before_the_request(
    outcome: ProbeOutcome, phases: Phases, answered: bool, dialled: str
) -> None:
    registry, counts = metrics()
    failed = TransportFailure(Reason.TIMEOUT, "whatever")
    seen = replace(exchange(), answer=Response(200) if answered else failed, phases=phases)
    counts.observe(result(outcome, seen=seen))
    counts.observe(result(outcome, seen=replace(seen, reused=True)))
    text = expose(registry).body.decode()
    dials = re.findall(r'^jobproof_dials_total{.*outcome="(\w+)"} 1.0$', text, re.MULTILINE)
    assert dials == [dialled]


@pytest.mark.parametrize("code", [404, 410])
def test_missing_ids_and_known_jobs_are_denied_at_rates_of_their_own(code: int) -> None:
    registry, counts = metrics()
    counts.observe(result(ProbeOutcome.NOT_FOUND, seen=exchange(code)))
    missing = exchange(code, Subject.MISSING)
    counts.observe(result(canary="missing", seen=missing, job_status=None))
    name = "jobproof_not_found_total"
    assert value(registry, name, target="krea", canary="known", expected="false") == 1.0
    assert value(registry, name, target="krea", canary="missing", expected="true") == 1.0


@pytest.mark.parametrize(
    ("credential", "expected"), [(Credential.NONE, "true"), (Credential.OWNER, "false")]
)
def test_a_denial_is_right_for_whoever_may_not_see_the_job(
    credential: Credential, expected: str
) -> None:
    registry, counts = metrics()
    told = exchange(404)
    asked = replace(told, request=replace(told.request, credential=credential))
    counts.observe(result(ProbeOutcome.OK, seen=asked))
    name = "jobproof_not_found_total"
    assert value(registry, name, target="krea", canary="known", expected=expected) == 1.0


def test_an_accepted_deviation_is_counted_apart() -> None:
    registry, counts = metrics()
    known = replace(finding(), accepted="the vendor's ticket 4711")
    new = replace(finding(drift=Drift.UNDECLARED_KEY), accepted="the vendor's ticket 4712")
    counts.observe(result(findings=(known, new)))
    name = "jobproof_contract_findings_total"
    assert value(registry, name, target="krea", check="a", kind="accepted") == 2.0
    assert value(registry, name, target="krea", check="a", kind="violation") == 0.0
    assert "jobproof_contract_drift_total{" not in expose(registry).body.decode()


def test_a_code_that_the_profile_does_not_name_denies_nothing() -> None:
    registry, counts = metrics(replace(labels(), not_found_codes=(410,)))
    counts.observe(result(ProbeOutcome.UNEXPECTED_CODE, seen=exchange(404)))
    counts.observe(result(canary="missing", seen=exchange(404, Subject.MISSING)))
    for canary in ("known", "missing"):
        of = {"target": "krea", "canary": canary}
        found = value(
            registry, "jobproof_not_found_total", **of, expected=str(canary != "known").lower()
        )
        assert found == 0.0
    assert (
        value(registry, "jobproof_http_responses_total", target="krea", canary="known", code="410")
        == 0.0
    )


def test_slo_threshold_and_timeout_are_bucket_edges() -> None:
    text = expose(metrics()[0]).body.decode()
    assert 'jobproof_probe_duration_seconds_bucket{target="krea",canary="known",le="0.75"}' in text
    assert 'job_status="queued",le="7200.0"' in text
    assert 'job_status="queued",le="180.0"' in text


def test_words_the_vendor_makes_up_are_bounded() -> None:
    registry, counts = metrics()
    for number in range(200):
        grown = finding("b", f"/key{number}", Drift.UNDECLARED_KEY)
        counts.observe(result(findings=(grown,), job_status=f"status-{number}"))
    families = parse_text(expose(registry).body.decode())
    drift = next(f for f in families if f.name == "jobproof_contract_drift")
    assert len(drift.samples) == 51
    other = {"target": "krea", "drift": "undeclared_key", "pointer": "__other__"}
    assert value(registry, "jobproof_contract_drift_total", **other) == 150.0
    name = "jobproof_job_status_observations_total"
    assert value(registry, name, target="krea", job_status="unknown") == 200.0


def test_a_crashed_check_is_counted_under_its_own_name() -> None:
    registry, counts = metrics()
    crash = replace(finding(CRASHED, pointer="b"), kind=Kind.INCONCLUSIVE)
    counts.observe(result(findings=(crash,)))
    assert value(registry, "jobproof_check_crashes_total", check="b") == 1.0
    name = "jobproof_contract_findings_total"
    assert value(registry, name, target="krea", check=CRASHED, kind="inconclusive") == 1.0


def test_removing_a_target_removes_its_children() -> None:
    registry, counts = metrics(labels(), labels("other"))
    counts.observe(result())
    counts.configure([labels("other")], ("a", "b"))
    assert 'target="krea"' not in expose(registry).body.decode()
    counts.observe(result())
    assert 'target="krea"' not in expose(registry).body.decode()


def test_removing_a_canary_removes_its_children_and_no_others() -> None:
    registry, counts = metrics()
    counts.observe(result())
    counts.configure([labels(known=False)], ("a", "b"))
    text = expose(registry).body.decode()
    assert 'canary="missing"' not in text
    name = "jobproof_probes_total"
    assert value(registry, name, target="krea", canary="known", outcome="ok") == 1.0


def test_a_new_bucket_edge_resets_nothing() -> None:
    registry, counts = metrics()
    counts.observe(result())
    counts.configure([labels(), labels("other")], ("a", "b"))
    assert 'le="0.75"' in expose(registry).body.decode()
    name = "jobproof_probe_duration_seconds_count"
    assert value(registry, name, target="krea", canary="known") == 1.0


@given(
    st.lists(st.floats(0, 20), max_size=50),
    st.sets(st.sampled_from([0.1, 0.5, 1.0, 2.0, 5.0]), min_size=1),
    st.sets(st.sampled_from([0.1, 0.5, 1.0, 2.0, 5.0]), min_size=1),
)
def test_moving_edges_keeps_the_count_of_every_edge_that_stays(
    values: list[float], old: set[float], new: set[float]
) -> None:
    histogram = Histogram(tuple(sorted(old)))
    for one in values:
        histogram.observe(one)
    before = dict(zip((*histogram.edges, float("inf")), histogram.cumulative(), strict=True))
    histogram.move_to(tuple(sorted(new)))
    after = dict(zip((*histogram.edges, float("inf")), histogram.cumulative(), strict=True))
    for edge in before.keys() & after.keys():
        assert after[edge] == before[edge]
    assert list(after.values()) == sorted(after.values())


def as_dict(families: Iterator[PrometheusFamily]) -> dict[tuple[str, str], float]:
    return {
        (sample.name, repr(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def busy() -> Registry:
    registry, counts = metrics(labels('we"ird\\tar\nget', known=False), labels())
    counts.observe(result(findings=(finding("b", '/"\\\n', Drift.UNDECLARED_KEY),)))
    counts.observe(result(ProbeOutcome.TIMEOUT))
    counts.job_waited("krea", "queued", 12.0, "j-1")
    counts.job_moved("krea", "queued", "processing")
    counts.jobs_followed("krea", {"queued": 3, "new": 1}, stuck=1, oldest_pending_s=7.0)
    counts.configure_plugins(dict.fromkeys(PluginKind, ("mine",)))
    return registry


def test_both_formats_say_the_same_as_the_registry_does() -> None:
    registry = busy()
    truth = as_dict(iter(registry.collect()))
    assert as_dict(parse_text(expose(registry).body.decode())) == truth
    openmetrics = expose(registry, accept="application/openmetrics-text").body.decode()
    assert as_dict(parse_openmetrics(openmetrics)) == truth


def test_exemplars_carry_the_job_and_only_openmetrics_has_them() -> None:
    registry = busy()
    openmetrics = expose(registry, accept="application/openmetrics-text").body.decode()
    exemplars = [
        sample.exemplar
        for family in parse_openmetrics(openmetrics)
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert exemplars
    assert all(exemplar.labels == {"job_id": "j-1"} for exemplar in exemplars)
    assert "j-1" not in expose(registry).body.decode()


@pytest.mark.parametrize("job_id", ["", "x" * 101, "a\nb"])
def test_an_id_that_no_exemplar_can_hold_is_left_out(job_id: str) -> None:
    registry, counts = metrics()
    counts.observe(result(seen=exchange(job_id=job_id)))
    body = expose(registry, accept="application/openmetrics-text").body.decode()
    assert " # {" not in body
    assert list(parse_openmetrics(body))


def test_promtool_finds_nothing_to_say() -> None:
    done = run_to_end(tool("promtool"), "check", "metrics", stdin=expose(busy()).body.decode())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_default_configuration_stays_under_fourteen_hundred_series() -> None:
    canaries = ("known", "missing", "malformed", "anonymous", "foreign", "followed")
    statuses = tuple(f"s{number}" for number in range(9))
    target = TargetLabels(
        *("krea", "krea", "u", dict.fromkeys(canaries, False), statuses),
        frozenset(statuses[6:]),
        (1.0, 10.0),
        (180.0, 7200.0),
    )
    registry, counts = metrics(target, checks=tuple(check.id for check in load_checks()))
    for canary in canaries:
        counts.observe(result(canary=canary))
    lines = expose(registry).body.decode().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) < 1400


def test_every_label_is_documented_and_none_is_prometheus_own() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"jobproof_[a-z0-9_]+", metric.name)
        assert metric.help.endswith(".")
        assert (metric.type == "counter") == metric.name.endswith("_total")
        assert not {"job", "instance", "le", "quantile"} & set(metric.labels)
    of = {metric.name: set(metric.labels) for metric in METRICS}
    for name, closed in LABEL_VALUES.items():
        assert closed.keys() <= of[name], name


def test_a_label_of_closed_values_never_has_another_one() -> None:
    shown: dict[tuple[str, str], set[str]] = defaultdict(set)
    for family in parse_text(expose(busy()).body.decode()):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name)
            for label, word in sample.labels.items():
                shown[name, label].add(word)
    for name, closed in LABEL_VALUES.items():
        for label, words in closed.items():
            assert shown[name, label], name
            assert shown[name, label] <= set(words), name


def test_what_is_closed_is_said_of_the_metric_and_not_of_a_label_of_that_name() -> None:
    assert set(LABEL_VALUES["jobproof_plugin_failures_total"]["kind"]) == set(PluginKind)
    assert set(LABEL_VALUES["jobproof_contract_findings_total"]["kind"]) == {*Kind, "accepted"}
    assert set(LABEL_VALUES["jobproof_dials_total"]["outcome"]) < set(ProbeOutcome)


def test_no_created_series_are_exported() -> None:
    openmetrics = expose(busy(), accept="application/openmetrics-text").body.decode()
    assert "_created" not in openmetrics


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.4", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        (
            "application/openmetrics-text;version=2.0.0,application/openmetrics-text;q=0.1",
            OPENMETRICS,
        ),
        ("application/openmetrics-text;q=nonsense", TEXT),
        ("application/openmetrics-text;q=inf", TEXT),
        ("application/openmetrics-text;q=nan,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=\u0661", TEXT),
        ("application/vnd.google.protobuf", TEXT),
    ],
)
def test_the_format_is_the_one_the_scraper_likes_best(accept: str, content_type: str) -> None:
    assert expose(metrics()[0], accept=accept).content_type == content_type


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("gzip;q=0", None), ("", None), ("br, gzip;q=0.5", "gzip"), ("*", "gzip")],
)
def test_gzip_only_where_it_is_wanted(accepted: str, encoding: str | None) -> None:
    assert expose(metrics()[0], accept_encoding=accepted).encoding == encoding


def test_names_choose_samples() -> None:
    text = expose(busy(), names=["jobproof_probes_in_flight", "jobproof_build_info"]).body.decode()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == 2


class Broken:
    """
    A collector that fails half-way.
    """

    def describe(self) -> list[PrometheusFamily]:
        return []

    def collect(self) -> Iterator[PrometheusFamily]:
        family = PrometheusFamily("acme_things", "Things.", "gauge")
        family.add_sample("acme_things", {}, 1.0)
        yield family
        raise RuntimeError("out of order")


def test_a_collector_that_fails_costs_its_own_metrics_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry, _ = metrics()
    registry.register(Broken())
    text = expose(registry).body.decode()
    assert "jobproof_build_info" in text
    assert "acme_things" not in text
    assert "Broken failed" in caplog.text


def test_a_word_that_the_profile_lists_is_told_from_all_that_it_doesn_t() -> None:
    listed = replace(labels(), statuses=(*STATUSES, "unknown"), terminal=frozenset({"unknown"}))
    registry, filled = metrics(listed)
    filled.observe(replace(result(), job_status="unknown"))
    filled.observe(replace(result(), job_status="expired"))
    filled.observe(replace(result(), job_status="vanished"))
    filled.job_ended("krea", "unknown", 7.0)
    name, mine = "jobproof_job_status_observations_total", "unknown (listed)"
    assert value(registry, name, target="krea", job_status=mine) == 1.0
    assert value(registry, name, target="krea", job_status="unknown") == 2.0
    ended = "jobproof_job_completion_seconds_count"
    assert value(registry, ended, target="krea", job_status=mine) == 1.0
    followed = "jobproof_followed_jobs"
    filled.jobs_followed("krea", {"unknown": 3, UNKNOWN: 1}, stuck=0, oldest_pending_s=None)
    assert value(registry, followed, target="krea", job_status=mine) == 3.0
    assert value(registry, followed, target="krea", job_status="unknown") == 1.0


def test_a_move_with_a_gap_goes_by_way_of_what_nobody_saw() -> None:
    registry, filled = metrics()
    filled.job_moved("krea", "queued", "processing")
    filled.job_moved("krea", "queued", "failed", is_gapped=True)

    def moves(before: str, after: str) -> float:
        name = "jobproof_job_transitions_total"
        return value(registry, name, target="krea", from_status=before, to_status=after)

    assert moves("queued", "processing") == 1.0
    assert moves("queued", "failed") == 0.0
    assert moves("queued", "unseen") == moves("unseen", "failed") == 1.0


def test_what_could_not_be_written_is_counted_by_store() -> None:
    registry, filled = metrics()
    filled.write_failed("evidence")
    counted = {
        store: value(registry, "jobproof_store_write_errors_total", store=store) for store in STORES
    }
    assert counted == {"evidence": 1.0, "watch_list": 0.0, "sinks": 0.0}
