"""
The references say what the code says: none is out of date, and none leaves anything out.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import trustme
import yaml
from pydantic import BaseModel
from tests.contract.measured_mutants import measured
from tests.models import parts_of
from tests.tools import output_of, tool

from jobproof.contract.formats.yaml_file import PlainLoader
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.model.acceptance.accepted import Policy
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.profile import Profile, Promise
from jobproof.contract.plugins import default_api, load_checks, load_group
from jobproof.contract.suite.options import OPTIONS
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.schema import config_schema
from jobproof.probes.export.families import METRICS
from jobproof.probes.web.access.web_config import WebConfig

pytestmark = pytest.mark.source

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
READMES = [ROOT / folder / "README.md" for folder in ("", "grafana", "examples/plugin")]
EVERY_PAGE = sorted({*ROOT.glob("*.md"), *READMES, *PAGES})


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)  # where Python has it for a script
        spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _only_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBPROOF_NO_PLUGINS", "1")


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", generator().pages(), ids=lambda page: page.name)
def test_a_page_is_what_the_code_says(page: Path) -> None:
    committed = page.read_text(encoding="utf-8")
    assert generator().rendered(page) == committed, "run python docs/generate.py"


def test_the_check_mode_tells_a_page_that_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = generator()
    page = tmp_path / "options.md"
    page.write_text("<!-- begin: options -->\nold\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(module, "DOCS", tmp_path)
    assert module.main(["--check"]) == 1
    assert "options.md: out of date" in capsys.readouterr().err
    assert module.main([]) == 0
    assert "--job-api-url URL" in page.read_text(encoding="utf-8")
    assert module.main(["--check"]) == 0


def test_a_number_that_is_wrong_is_written_anew_and_a_lost_sentence_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = generator()
    page = tmp_path / "README.md"
    page.write_text("**1 checks**, Twelve\ndashboards of seven", encoding="utf-8")
    sentences = (r"\*\*(?P<checks>\d+) checks\*\*, (?P<dashboards>\w+)\s", r"of (?P<nodes>\w+)")
    monkeypatch.setattr(module, "COUNTED", {page: sentences})
    numbers = {"checks": 1234, "dashboards": 5, "nodes": 13}
    monkeypatch.setattr(module, "NUMBERS", {n: lambda v=v: v for n, v in numbers.items()})
    assert module.rendered(page) == "**1,234 checks**, Five\ndashboards of 13"
    assert module.counts("**1 checks**, Twelve\ndashboards of seven", page) == {
        "checks": 1,
        "dashboards": 12,
        "nodes": 7,
    }
    page.write_text("no check", encoding="utf-8")
    with pytest.raises(LookupError, match=r"README.md: no sentence is like .* mend COUNTED"):
        module.rendered(page)


@pytest.mark.parametrize("page", generator().COUNTED, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_part_that_a_page_counts_is_lost_or_come_unnoticed(page: Path) -> None:
    module = generator()
    committed = module.counts(page.read_text(encoding="utf-8"), page)
    assert committed
    assert committed == {name: module.NUMBERS[name]() for name in committed}


def test_the_score_shown_was_measured_with_what_there_is() -> None:
    module = generator().measured_score
    with module.SCORE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = "new faults or variants: measure anew, jobproof score --json F; "
    told += "python docs/generate.py --measured F"
    assert [row["name"] for row in rows] == module.measurable(), told
    for key in ("found", "found_strict", "right"):
        assert {row[key] for row in rows} == {"True", "False"}


def test_a_score_of_some_faults_alone_is_not_taken_over(tmp_path: Path) -> None:
    module = generator().measured_score
    before = module.SCORE.read_bytes()
    row = {"name": next(iter(FAULTS)), "checks": [], "places": []}
    path = tmp_path / "score.json"
    path.write_text(json.dumps({"rows": [row]}), encoding="utf-8")
    with pytest.raises(ValueError, match="not every fault"):
        module.keep(path)
    assert module.SCORE.read_bytes() == before


def test_the_mutants_shown_are_about_those_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sentence = r"on ([\d,]+) small changes .* notices\s(\d+) % of them .*\((\d+) % .* alone (\d+) %"
    (shown,) = re.findall(sentence, readme)
    mutants = [mutant for mutant in measured(default_api()) if not mutant.legal]
    assert len(mutants) == pytest.approx(int(shown[0].replace(",", "")), rel=0.02)
    for told, key in zip(shown[1:], ("killed_strict", "killed", "schema"), strict=True):
        share = 100 * sum(getattr(mutant, key) for mutant in mutants) / len(mutants)
        assert share == pytest.approx(int(told), abs=1)


def test_every_check_is_described_once() -> None:
    page = text("checks.md")
    for check in load_checks():
        assert page.count(f"| `{check.id}` |") == 1


def test_every_metric_is_described() -> None:
    page = text("metrics.md")
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.type} |" in page


def test_every_option_is_described_with_its_twin() -> None:
    page = text("options.md")
    for option in OPTIONS:
        assert re.search(rf"`--{option.name}[ `].*`--{option.pytest_name}[ `]", page), option.name


def test_every_configuration_key_is_described_with_its_meaning() -> None:
    page, schema = text("configuration.md"), config_schema()
    definitions = {name: node for name, node in schema["$defs"].items() if name != "Canaries"}
    for name, node in {"": schema, **definitions}.items():
        for key, field in node["properties"].items():
            if "const" in field:
                continue
            assert field.get("description"), f"{name}.{key} has no description"
            assert f"| `{key}` |" in page


def test_every_plugged_in_part_is_described() -> None:
    page = text("configuration.md")
    for group in ("canaries", "sources", "sinks"):
        for name in load_group(f"jobproof.{group}"):
            assert f"### `{name}`" in page


def test_every_kind_of_finding_is_described() -> None:
    page = text("contract.md")
    for kind in Kind:
        assert f"| `{kind.value}` |" in page


def test_every_profile_key_is_described_and_no_other() -> None:
    described = re.findall(r"^\| `([^`]+)` \|", text("profile.md"), re.MULTILINE)
    assert len(described) == len(set(described))
    known = set(_keys(Profile, ""))
    parts = {key for key in known if any(other.startswith((f"{key}.",)) for other in known)}
    # A part that only holds others needs no line of its own, unless it is a promise.
    assert known - parts <= set(described) <= known


def test_every_promise_of_the_profile_is_called_one() -> None:
    page = text("profile.md")
    for key in _promises(Profile, ""):
        assert re.search(rf"^\| `{re.escape(key)}` \| \*Promise:\*", page, re.MULTILINE), key


@pytest.mark.parametrize("page", [DOCS / "configuration.md", ROOT / "README.md"], ids=str)
def test_the_configuration_shown_can_be_run(page: Path, tmp_path: Path) -> None:
    shown = [block for block in _blocks(page, "yaml") if "targets:" in block]
    assert shown
    for number, block in enumerate(shown):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        settings = load_settings(path, environment={"KREA_API_TOKEN": "a-token-of-krea"})
        assert [target.name for target in settings.targets] == ["krea"]


def test_prometheus_takes_the_configurations_shown(tmp_path: Path) -> None:
    shown = _blocks(DOCS / "scaling.md", "yaml")
    assert len(shown) == 2
    for number, block in enumerate(shown):
        path = tmp_path / f"{number}.yml"
        path.write_text(block, encoding="utf-8")
        assert "SUCCESS" in output_of(tool("promtool"), "check", "config", path)


def test_the_web_configuration_shown_can_be_served(tmp_path: Path) -> None:
    (shown,) = _blocks(DOCS / "operations.md", "yaml")
    (tmp_path / "web.yaml").write_text(shown, encoding="utf-8")
    authority = trustme.CA()
    pair = authority.issue_cert("localhost")
    pair.private_key_pem.write_to_path(tmp_path / "server.key")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "clients.pem")
    config = WebConfig(tmp_path / "web.yaml")
    assert config.tls is not None
    assert config.users is not None
    assert config.rate_limit is not None


def test_every_page_of_the_daemon_is_described() -> None:
    page = text("operations.md")
    for path in ("/-/healthy", "/-/ready", "/-/reload", "/-/sd", "/metrics", "/probe"):
        assert path in page


def test_the_policy_shown_is_one() -> None:
    (block,) = (b for b in _blocks(DOCS / "contract.md", "yaml") if "policy:" in b)
    policy = Policy.model_validate(yaml.load(block, Loader=PlainLoader)["policy"])
    (accepted,) = policy.accept
    assert accepted.check in {check.id for check in load_checks()}
    assert accepted.expires.isoformat() == "2027-03-31"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    found = re.findall(r"\]\(([^)#\s]*)(#[^)\s]+)?\)", page.read_text(encoding="utf-8"))
    for target, anchor in found:
        if target.startswith(("http://", "https://")):
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), f"{page.name} links to {target}, which doesn't exist"
        if anchor:
            assert anchor.removeprefix("#") in _anchors(there), f"{page.name}: {target}{anchor}"


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def _keys(model: type[BaseModel], at: str) -> Iterator[str]:
    for name, below, here in _fields(model, at):
        if name in ("basis", "source") and issubclass(model, Promise):
            continue
        yield here
        if below is not None and not _is_bare_promise(below):
            yield from _keys(below, f"{here}.")


def _promises(model: type[BaseModel], at: str) -> Iterator[str]:
    for _, below, here in _fields(model, at):
        if below is None:
            continue
        if issubclass(below, Promise):
            yield here
        yield from _promises(below, f"{here}.")


def _fields(model: type[BaseModel], at: str) -> Iterator[tuple[str, type[BaseModel] | None, str]]:
    for name, below, suffix in parts_of(model):
        if suffix == ".<word>":
            yield name, None, f"{at}{name}"
        yield name, below, f"{at}{name}{suffix}"


def _is_bare_promise(model: type[BaseModel]) -> bool:
    return model is Promise


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}
