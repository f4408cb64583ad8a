"""
The configuration: what it takes, and what it says to what it doesn't take.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, ValidationError

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.probes.cli import config as config_command
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.schema import config_schema
from jobproof.probes.config.settings import MonitorSettings

TOKEN = "sk-very-secret-0123"
ID = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
GOOD = f"""\
targets:
  - name: krea
    api: krea
    url: https://api.krea.ai
    token_env: TOK
    interval: 30s
    timeout: 10s
    requests_per_minute: 12
    slo: {{availability: 0.995, latency: 1s}}
    canaries:
      known: {{ids: [{ID}]}}
      missing: {{}}
      malformed: {{interval: 5m}}
      anonymous: {{interval: 5m}}
    follow:
      - {{source: listing, statuses: [queued]}}
      - {{source: pushed}}
sinks:
  - {{sink: jsonl, path: out.jsonl}}
"""


def load(
    folder: Path, text: str = GOOD, environment: Mapping[str, str] | None = None
) -> MonitorSettings:
    path = folder / "jobproof.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment={"TOK": TOKEN} if environment is None else environment)


def refusal(folder: Path, old: str, new: str, **environment: str) -> str:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(folder, GOOD.replace(old, new), {"TOK": TOKEN, **environment})
    message = str(caught.value)
    assert TOKEN not in message
    return message.removeprefix(f"{folder}/")


def test_every_default_is_filled_in(tmp_path: Path) -> None:
    target = load(tmp_path).targets[0]
    by_name = {canary.name: canary for canary in target.canaries}
    assert by_name["known"].interval_s == 30.0
    assert by_name["malformed"].interval_s == 300.0
    assert {canary.timeout_s for canary in target.canaries} == {10.0}
    assert target.edges_s[:2] == (1.0, 10.0)
    assert [source.source for source in target.follow] == ["listing", "pushed"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "interval: 30s",
            "intervall: 30s",
            "jobproof.yaml:6: targets[0].intervall: unknown key. Did you mean 'interval'?",
        ),
        (
            "token_env: TOK",
            f"token: {TOKEN}",
            "jobproof.yaml:5: targets[0].token: unknown key. Did you mean 'token_env'?",
        ),
        (
            "token_env: TOK",
            f"token_env: {TOKEN}",
            (
                "jobproof.yaml:5: targets[0].token_env: must be the name of an environment "
                "variable, not its value"
            ),
        ),
        (
            "token_env: TOK",
            "token_env: NOT_SET",
            "jobproof.yaml:5: targets[0].token_env: environment variable NOT_SET isn't set",
        ),
        (
            "api: krea",
            "api: kera",
            "jobproof.yaml:3: targets[0].api: unknown API 'kera'. Did you mean 'krea'?",
        ),
        (
            "timeout: 10s",
            "timeout: 0s",
            "jobproof.yaml:7: targets[0].timeout: 0s isn't between 1ms and 1d",
        ),
        (
            "timeout: 10s",
            "timeout: 10",
            "jobproof.yaml:7: targets[0].timeout: 10 has no unit: write 250ms, 30s, 5m or 1h30m",
        ),
        (
            "timeout: 10s",
            "timeout: 11m",
            "jobproof.yaml:7: targets[0].timeout: 11m is longer than 10m",
        ),
        (
            "interval: 30s",
            "interval: soon",
            (
                "jobproof.yaml:6: targets[0].interval: 'soon' is no duration: "
                "write 250ms, 30s, 5m or 1h30m"
            ),
        ),
        (
            "missing: {}",
            "misssing: {}",
            (
                "jobproof.yaml:12: targets[0].canaries.misssing: unknown canary. "
                "Did you mean 'missing'?"
            ),
        ),
        (
            "malformed: {interval: 5m}",
            "malformed: {intervals: 5m}",
            (
                "jobproof.yaml:13: targets[0].canaries.malformed.intervals: unknown key. "
                "Did you mean 'interval'?"
            ),
        ),
        (
            "source: pushed",
            "source: push",
            (
                "jobproof.yaml:17: targets[0].follow[1].source: unknown source 'push'. "
                "Did you mean 'pushed'?"
            ),
        ),
        (
            "statuses: [queued]",
            "status: [queued]",
            "jobproof.yaml:16: targets[0].follow[0].status: unknown key. Did you mean 'statuses'?",
        ),
        (
            "sink: jsonl",
            "sink: json",
            "jobproof.yaml:19: sinks[0].sink: unknown sink 'json'. Did you mean 'jsonl'?",
        ),
        (
            "https://api.krea.ai",
            "https://me:pw@api.krea.ai",
            (
                "jobproof.yaml:4: targets[0].url: holds a user name or password: "
                "give the token by token_env or token_file"
            ),
        ),
        (
            "https://api.krea.ai",
            "api.krea.ai",
            (
                "jobproof.yaml:4: targets[0].url: 'api.krea.ai' has no scheme: "
                "write https://api.krea.ai"
            ),
        ),
        (
            "requests_per_minute: 12",
            "requests_per_minute: 0",
            (
                "jobproof.yaml:8: targets[0].requests_per_minute: write a number of requests "
                "above 0, or unlimited"
            ),
        ),
        (
            f"ids: [{ID}]",
            "ids: []",
            (
                "jobproof.yaml:11: targets[0].canaries.known.ids: tuple should have at least 1 "
                "item after validation, not 0 (found [])"
            ),
        ),
        (
            f"ids: [{ID}]",
            "ids: ['']",
            (
                "jobproof.yaml:11: targets[0].canaries.known.ids[0]: an id has 1 to 200 "
                "printable characters"
            ),
        ),
        (
            "interval: 30s",
            "interval: 6s",
            (
                "jobproof.yaml:8: targets[0].requests_per_minute: the canaries ask 20.4 times a "
                "minute (known 10 + missing 10 + malformed 0.2 + anonymous 0.2) and the key may be "
                "used 12 times: raise the intervals (to 11s if all are alike) or set "
                "requests_per_minute to 21"
            ),
        ),
        (
            "requests_per_minute: 12",
            "requests_per_minute: 5",
            (
                "jobproof.yaml:8: targets[0].requests_per_minute: the canaries ask 4.4 times a "
                "minute and the key may be used 5 times: that leaves less than one request a "
                "minute for the jobs to follow; set requests_per_minute to 6 or more"
            ),
        ),
    ],
)
def test_a_mistake_is_answered_with_place_value_and_remedy(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert refusal(tmp_path, old, new) == message


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1e400"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("interval: 30s", "interval: {}"),
        ("timeout: 10s", "timeout: {}"),
        ("latency: 1s", "latency: {}"),
        ("timeout: 10s", "timeout: 10s\n    staleness: {}"),
        (f"known: {{ids: [{ID}]}}", f"known: {{ids: [{ID}], timeout: {{}}}}"),
        ("malformed: {interval: 5m}", "malformed: {interval: {}}"),
        ("availability: 0.995", "availability: {}"),
        ("requests_per_minute: 12", "requests_per_minute: {}"),
        ("path: out.jsonl", "path: out.jsonl, max_bytes: {}"),
    ],
    ids=lambda text: text.partition(":")[0].strip(),
)
def test_what_is_no_number_is_refused_wherever_one_stands(
    tmp_path: Path, old: str, new: str, number: str
) -> None:
    said = refusal(tmp_path, old, new.replace("{}", number) if "{}" in new else new)
    assert re.match(r"jobproof\.yaml:\d+: (targets|sinks)\[0\]\S+: ", said)
    assert "\n" not in said


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_options_of_a_plug_in_are_held_to_it_as_well(number: float) -> None:
    class Options(StrictModel):
        share: float

    class Pauses(BaseModel):
        pause: Duration

    for make in (lambda: Options(share=number), lambda: Pauses(pause=number)):
        with pytest.raises(ValidationError):
            make()


def test_a_duration_is_no_longer_than_a_clock_counts(tmp_path: Path) -> None:
    said = refusal(tmp_path, "timeout: 10s", "timeout: 9999999999999y")
    assert said == (
        "jobproof.yaml:7: targets[0].timeout: '9999999999999y' is longer than the 292 years that a "
        "clock counts: write 250ms, 30s, 5m or 1h30m"
    )


@pytest.mark.parametrize("written", ["false", "true", "0", '""', "[]", "off"])
def test_a_canary_is_given_options_or_left_out(tmp_path: Path, written: str) -> None:
    said = refusal(tmp_path, "missing: {}", f"missing: {written}")
    assert said.startswith("jobproof.yaml:12: targets[0].canaries.missing: write its options, {} ")
    assert "or leave it out to have it off" in said


@pytest.mark.parametrize("written", ["null", "~", "", "{}"])
def test_a_canary_without_options_is_asked_as_it_stands(tmp_path: Path, written: str) -> None:
    (target,) = load(tmp_path, GOOD.replace("missing: {}", f"missing: {written}")).targets
    assert "missing" in {canary.name for canary in target.canaries}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("statuses: [queued]", "statuses: [nosuch]", ":16: targets[0].follow[0]: "),
        ("path: out.jsonl", "path: /nope/x", ":19: sinks[0].path: sink jsonl: /nope/x can't be "),
        ("path: out.jsonl", "path: /", ":19: sinks[0].path: sink jsonl: / can't be written: Is a "),
        ("path: out.jsonl", 'path: "a\\0b"', ":19: sinks[0].path: holds a NUL"),
    ],
    ids=["statuses", "no folder", "folder", "NUL"],
)
def test_config_check_refuses_what_the_daemon_refuses(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    path = tmp_path / "jobproof.yaml"
    text = GOOD.replace("token_env: TOK", "token_file: token").replace(old, new)
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(config_command, ["check", str(path)], standalone_mode=False)
    assert isinstance(done.exception, ConfigError)
    assert message in str(done.exception)
    # Looking opens and makes nothing.
    assert {one.name for one in tmp_path.iterdir()} == {"jobproof.yaml", "token"}


def test_a_missing_token_file_is_named_and_nothing_else(tmp_path: Path) -> None:
    message = refusal(tmp_path, "token_env: TOK", "token_file: nowhere/token")
    place = "jobproof.yaml:5: targets[0].token_file: "
    assert message == f"{place}{tmp_path}/nowhere/token can't be read: No such file or directory"


def test_a_token_that_can_t_travel_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\nsecond line\n", encoding="utf-8")
    message = refusal(tmp_path, "token_env: TOK", "token_file: token")
    assert "second line" not in message
    assert "must be printable ASCII" in message


def test_two_tokens_are_one_too_many(tmp_path: Path) -> None:
    message = refusal(tmp_path, "token_env: TOK", "token_env: TOK\n    token_file: t")
    assert message.endswith("token_env is given too: keep one of them")


def test_targets_that_share_a_key_share_its_budget(tmp_path: Path) -> None:
    second = (
        GOOD.split("targets:\n")[1]
        .split("sinks:", maxsplit=1)[0]
        .replace("name: krea", "name: two")
    )
    text = GOOD.replace("sinks:", f"{second}sinks:").replace("interval: 30s", "interval: 15s")
    with pytest.raises(ConfigError, match=r"krea/known 4 \+ krea/missing 4 .* two/known 4"):
        load(tmp_path, text)
    assert load(tmp_path, text.replace("url: https://api.krea.ai", "url: http://a.test", 1))


def test_a_name_can_t_be_given_twice(tmp_path: Path) -> None:
    target = GOOD.split("targets:\n")[1].split("sinks:", maxsplit=1)[0]
    with pytest.raises(ConfigError, match="'krea' is the name of the target in line 2 already"):
        load(tmp_path, GOOD.replace("sinks:", f"{target}sinks:"))


_UNREACHABLE = (
    *(
        "",
        "http://",
        "http:///v1",
        "http://:80",
        "http://?x",
        "//a.test",
        "a.test:80",
        "http:a.test",
    ),
    *("http://a.test:0", "http://a.test:65536", "http://a.test:x", "http://a.test:-1"),
    *("http://u@a.test", "http://u:p@a.test", "http://@a.test", "ftp://a.test", "unix:/run/x"),
    *("http://a b.test", "http://a.test/a b", "http://a\\tb.test", "http://a.test/\\u0007"),
    *("http://a.test/\\u202e", "http://a<b.test", "http://a\\\\b.test", "http://a..test"),
    *(f"http://{'a' * 64}.test", f"http://{'a.' * 130}test", "http://0.0.0.0", "http://[::]"),
    *("http://[::1", "http://::1", "http://[fe80::1%eth0]", "http://1.2.3.4.5", "http://256.1.1.1"),
    *("http://169.254.169.254", "http://[::ffff:169.254.169.254]", "http://2852039166"),
    *("http://0xA9FEA9FE", "http://0251.0376.0251.0376", "http://[64:ff9b::a9fe:a9fe]"),
    *("http://224.0.0.1", "http://[fe80::1]"),
    *("http://a.test?token=x", "http://a.test#x", "http://a.invalid", "http://b.c.example."),
)


@pytest.mark.parametrize("url", _UNREACHABLE)
def test_a_url_that_leads_nowhere_is_refused_when_it_is_read(tmp_path: Path, url: str) -> None:
    message = refusal(tmp_path, "https://api.krea.ai", f'"{url}"')
    assert message.startswith("jobproof.yaml:4: targets[0].url: ")
    assert "\n" not in message


def test_a_name_that_is_given_an_address_is_taken(tmp_path: Path) -> None:
    for more in ('resolve: ["A.Example:80:127.0.0.1"]', "proxy: http://127.0.0.1:8080"):
        text = GOOD.replace("https://api.krea.ai", f"http://a.example\n    {more}")
        assert load(tmp_path, text).targets[0].url == "http://a.example"


def test_environment_is_taken_in_and_never_shown(tmp_path: Path) -> None:
    text = GOOD.replace("https://api.krea.ai", "https://${INNER_HOST}/v2/")
    settings = load(tmp_path, text, {"TOK": TOKEN, "INNER_HOST": "jobs.internal.test"})
    target = settings.targets[0]
    assert target.url == "https://jobs.internal.test/v2"
    assert target.shown_url == "https://${INNER_HOST}/v2/"
    assert {secret.reveal() for secret in settings.secrets} == {TOKEN, "jobs.internal.test"}
    wrong = text.replace("https://$", "ftp://$")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, wrong, {"TOK": TOKEN, "INNER_HOST": "jobs.internal.test"})
    assert "internal" not in str(caught.value)


def test_settings_show_no_secret(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings.targets[0])


def test_an_unchanged_file_is_the_same_settings(tmp_path: Path) -> None:
    assert load(tmp_path) == load(tmp_path)
    assert load(tmp_path).targets[0] != load(tmp_path, GOOD.replace("30s", "31s")).targets[0]


@pytest.mark.parametrize(
    "text", ["", "[]", "targets: []", "targets: {", "a: 1\na: 2", "targets:\n  - 3\n", "\0"]
)
def test_any_rubbish_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"jobproof\.yaml"):
        load(tmp_path, text)


def test_the_schema_takes_what_the_daemon_takes() -> None:
    schema = jsonschema_rs.validator_for(config_schema())
    assert schema.is_valid(yaml.safe_load(GOOD))
    for old, new in [
        ("interval: 30s", "intervall: 30s"),
        ("missing: {}", "misssing: {}"),
        ("timeout: 10s", "timeout: 10"),
        ("source: pushed", "source: push"),
        ("requests_per_minute: 12", "requests_per_minute: lots"),
    ]:
        assert not schema.is_valid(yaml.safe_load(GOOD.replace(old, new))), new
    assert schema.is_valid(
        yaml.safe_load(GOOD.replace("requests_per_minute: 12", "requests_per_minute: unlimited"))
    )


def test_config_check_says_what_would_be_asked(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    path = tmp_path / "jobproof.yaml"
    path.write_text(GOOD.replace("token_env: TOK", "token_file: token"), encoding="utf-8")
    done = CliRunner().invoke(config_command, ["check", str(path)], standalone_mode=False)
    assert done.exception is None
    assert "known every 30s" in done.output
    assert TOKEN not in done.output


def test_config_schema_is_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    done = CliRunner().invoke(config_command, ["schema", str(file)], standalone_mode=False)
    assert done.exception is None
    assert json.loads(file.read_text(encoding="utf-8")) == config_schema()


@pytest.mark.parametrize("text", ["targets: []\n", '{"targets": []}\n', "{nonsense", "[" * 99_999])
@pytest.mark.parametrize("name", ["jobproof.yaml", "conf"])
def test_config_schema_takes_no_configuration_s_place(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(config_command, ["schema", str(file)], standalone_mode=False)
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == f"{file}: is no JSON Schema, and one would take its place"
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["", '{"$schema": "an older one of ours"}'])
def test_config_schema_takes_the_place_of_nothing_and_of_its_like(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "schema.json"
    file.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(config_command, ["schema", str(file)], standalone_mode=False)
    assert done.exception is None
    assert json.loads(file.read_text(encoding="utf-8")) == config_schema()


def test_config_schema_says_in_one_line_where_it_can_t_write(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "schema.json"
    done = CliRunner().invoke(config_command, ["schema", str(file)], standalone_mode=False)
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == f"{file}: can't be written: No such file or directory"
