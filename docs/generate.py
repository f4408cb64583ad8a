"""
Bring the references in this folder up to date with the code that they describe.

    python docs/generate.py            writes what is between the marks
    python docs/generate.py --check    names the pages that are out of date, exit 1
    python docs/generate.py --measured F    takes over what `score --json F` measured

A mark is `<!-- begin: NAME ARGUMENT -->`; everything up to `<!-- end -->` is written here, and so
are the numbers in the sentences of `COUNTED`.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import measured_runs
import measured_score
import measured_truth
from red_line import red_line

from jobproof.contract.formats.durations import write_duration
from jobproof.contract.mock.faults import FAULT_GROUPS, FAULTS
from jobproof.contract.mock.grounds import grounds_of
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.intermediary.marks import MARKS
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.plugins import load_checks, load_group
from jobproof.contract.scoring.leave_one_out import UNPROVABLE
from jobproof.contract.suite.options import OPTIONS, SuiteOption
from jobproof.contract.suite.planning.job_ids import ALTERATIONS, BYPASSES, DISGUISES
from jobproof.contract.suite.planning.plan import PlannedRequest, build_plan
from jobproof.contract.suite.planning.target import Effort
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.planning.yields import read_yields
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.schema import config_schema
from jobproof.probes.export.families import DURATION_EDGES_S, JOB_EDGES_S, LABEL_VALUES, METRICS

__all__ = ["counts", "main", "pages", "rendered"]

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_MARK = re.compile(r"(<!-- begin: (\S+)((?: [^\n]*?)?) -->\n).*?(<!-- end -->)", re.DOTALL)

Block = Callable[[str], str]


def main(arguments: list[str]) -> int:
    """
    Write every page, or check them all.
    """
    os.environ["JOBPROOF_NO_PLUGINS"] = "1"  # other people's plug-ins are not ours to describe
    if arguments[:1] == ["--measured"]:
        measured_score.keep(Path(arguments[1]))
    stale = [page for page in pages() if rendered(page) != page.read_text(encoding="utf-8")]
    for page in stale:
        if "--check" in arguments:
            sys.stderr.write(f"{page.name}: out of date; run python docs/generate.py\n")
        else:
            page.write_text(rendered(page), encoding="utf-8")
            sys.stdout.write(f"{page.name}: written\n")
    return 1 if stale and "--check" in arguments else 0


def pages() -> list[Path]:
    """
    Every page that may have marks, and every other one that has sentences in `COUNTED`.
    """
    return [*sorted(DOCS.glob("*.md")), *DOCS.parent.glob("README.md"), *_counted_elsewhere(DOCS)]


def _counted_elsewhere(folder: Path) -> list[Path]:
    return sorted(page for page in COUNTED if page.parent.parent == folder.parent)


def rendered(page: Path) -> str:
    """
    The page as it should be.

    Raises:
        KeyError: A mark names a block that doesn't exist.
        LookupError: A sentence that counts isn't on its page any more.
    """

    def fill(match: re.Match[str]) -> str:
        begin, name, argument, end = match.groups()
        return f"{begin}{BLOCKS[name](argument.strip()).rstrip()}\n{end}"

    text = _MARK.sub(fill, page.read_text(encoding="utf-8"))
    for sentence in COUNTED.get(page, ()):
        text, found = re.subn(sentence, _counted, text)
        if not found:
            raise LookupError(f"{page.name}: no sentence is like {sentence!r}; mend COUNTED")
    return text


def counts(text: str, page: Path) -> dict[str, int]:
    """
    The numbers in the sentences of a page, by name.
    """
    found: dict[str, int] = {}
    for sentence in COUNTED[page]:
        for match in re.finditer(sentence, text):
            found |= {name: _number(text) for name, text in match.groupdict().items()}
    return found


def _counted(match: re.Match[str]) -> str:
    text, start = match[0], match.start()
    # From the back: a number that gets longer moves everything behind it.
    for name, before in reversed(match.groupdict().items()):
        text = (
            text[: match.start(name) - start]
            + _spelled(NUMBERS[name](), before)
            + (text[match.end(name) - start :])
        )
    return text


_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def _spelled(number: int, before: str) -> str:
    if before[0].isdigit() or number >= len(_WORDS):
        return f"{number:,}"
    word = _WORDS[number]
    return word.capitalize() if before[0].isupper() else word


def _number(text: str) -> int:
    plain = text.replace(",", "")
    return int(plain) if plain.isdigit() else _WORDS.index(plain.lower())


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """
    A Markdown table.
    """
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _checks(_argument: str) -> str:
    parts = []
    families: dict[str, list[Any]] = {}
    for check in load_checks():
        families.setdefault(check.family, []).append(check)
    for family, found in families.items():
        module = import_module(found[0].run.__module__)
        about = (inspect.getdoc(module) or "").strip()
        rows = (
            (f"`{c.id}`", c.summary, c.basis.value, c.severity.value, _source(c), _lack(c))
            for c in found
        )
        parts += [f"## {family}", about, table(_CHECK_HEAD, rows)]
    return "\n\n".join(parts)


_CHECK_HEAD = (
    *("check", "promise", "basis", "severity", "where it stands written"),
    "not reached where",
)


def _source(check: Any) -> str:
    needs = f" (asks for: {', '.join(check.needs)})" if check.needs else ""
    return f"{check.source}{needs}"


def _lack(check: Any) -> str:
    return check.premise.lack if check.premise else ""


def _folders(_argument: str) -> str:
    folders = [
        folder.parent
        for package in ("contract", "probes", "grafana")
        for folder in sorted((ROOT / package).rglob("__init__.py"))
    ]
    rows = (
        (_folder_link(folder.relative_to(ROOT).as_posix()), _question(folder)) for folder in folders
    )
    return table(("folder", "the question that it answers"), rows)


def _folder_link(place: str) -> str:
    depth, name = place.count("/"), place.rpartition("/")[2]
    return f"{'&nbsp;&nbsp;&nbsp;' * depth}[`{name}/`]({place})"


def _question(folder: Path) -> str:
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n\n")[0]


def _marks(_argument: str) -> str:
    rows = ((m.vendor, m.sign, m.source) for m in MARKS)
    return table(("who answers", "what gives it away", "where it stands written"), rows)


def _faults(_argument: str) -> str:
    checks = {check.id: check for check in load_checks()}
    parts = []
    for group in FAULT_GROUPS:
        rows = []
        for fault in group.faults:
            grounds = grounds_of(fault, checks)
            found_by = ", ".join(_marked(name, fault.proves) for name in fault.promises)
            basis = f"{grounds.basis.value}: {grounds.source}"
            told = fault.summary if fault.definite else f"{fault.summary} (debatable)"
            rows.append((f"`{fault.name}`", told, grounds.severity.value, basis, found_by))
        parts += [f"### {group.letter}: {group.title}", table(_FAULT_HEAD, rows)]
    return "\n\n".join(parts)


_FAULT_HEAD = ("fault", "what is wrong", "severity", "where it stands written", "found by")


def _marked(check: str, proved: str) -> str:
    return f"**`{check}`**" if check == proved else f"`{check}`"


def _asked(_argument: str) -> str:
    """
    How many requests of a standard run are put how: whose id, by whose right, by which method.
    """
    counted: Counter[tuple[str, str, str]] = Counter()
    for one in _planned():
        how = one.method if one.method in _METHODS else "other methods"
        if one.manner is not Manner.PLAIN:
            how = "otherwise"
        elif one.conditional:
            how = "if changed"
        counted[one.subject.value, one.credential.value, how] += one.questions
    lines = dict.fromkeys((subject, who) for subject, who, _ in sorted(counted))
    head = (*_METHODS, "if changed", "other methods", "otherwise")
    rows = (
        (subject, who, *(str(counted[subject, who, how] or "") for how in head))
        for subject, who in lines
    )
    return table(("whose id", "by whose right", *head), rows)


_METHODS = ("GET", "HEAD", "OPTIONS")


@cache
def _planned(*, jobs: int = 1, effort: Effort = Effort.STANDARD) -> tuple[PlannedRequest, ...]:
    """
    What is asked of so many jobs of the asker's, the last of many disposable, and as many others.
    """
    own = [f"4dd4aefd-2ad8-4a1e-8156-ecd10dabdd2{number}" for number in range(jobs)]
    values = {
        "api": "krea",
        "url": "https://api.example",
        "job": own,
        "foreign_job": [f"0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3{number}" for number in range(jobs)],
        "disposable_job": own[1:],
        "token_env": "TOKEN",
        "seed": 1,
        "effort": effort.value,
    }
    plans = (build_plan(target_from(values, environ={"TOKEN": token})) for token in _TOKENS)
    by_name = {one.name: one for plan in plans for one in plan}
    return tuple(sorted(by_name.values(), key=lambda one: read_yields().rank(one.name)))


# A JWT and none, so that no manner is left out that needs either.
_TOKENS = ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmVk", "token-of-the-asker")


def _questions(_argument: str) -> str:
    """
    Every question by its name: when it is asked, from which effort on, and what for.
    """
    listed = _planned(jobs=2, effort=Effort.EXHAUSTIVE)

    def row(one: PlannedRequest) -> tuple[str, str]:
        spec = one.manner.spec
        why = f"{one.subject} id in {len(spec.combines)} manners at once" if spec.combines else ""
        return read_yields().effort(one.name).value, why or one.why

    rows = []
    # Those that differ in their number alone are one row.
    for (words, (effort, why)), several in groupby(
        listed, key=lambda one: (one.name.rstrip("0123456789"), row(one))
    ):
        names = [one.name for one in several]
        last = f" to {names[-1].removeprefix(words)}" if len(names) > 1 else ""
        rows.append((f"`{names[0]}`{last}", effort, why))
    return table(("question", "from which effort on", "what for"), rows)


def _manners(_argument: str) -> str:
    asked: dict[Manner, dict[str, None]] = {}
    for one in _planned(effort=Effort.EXHAUSTIVE):
        whose = f"{one.subject.value}, {one.credential.value}"
        for manner in (one.manner, *(Manner(part) for part in one.manner.spec.combines)):
            asked.setdefault(manner, {})[whose] = None
    rows = []
    for manner in Manner:
        spec = manner.spec
        if manner is Manner.PLAIN:
            continue
        promised = spec.source or "nobody sees more by it"
        declines = ", ".join(map(str, sorted(spec.declines)))
        rows.append((spec.why, "; ".join(asked.get(manner, {})), promised, declines))
    return table(("how it is asked", "whose id, by whose right", "promise", "may decline by"), rows)


def _alterations(_argument: str) -> str:
    whose = (
        ("the asker's own", "altered", ALTERATIONS),
        ("somebody else's", "disguised", DISGUISES),
        ("the asker's own, no token", "bypass", BYPASSES),
    )
    rows = (
        (name, one.how, read_yields().effort(f"{question} {one.how}").value)
        for name, question, several in whose
        for one in several
    )
    return table(("whose id", "how it is altered", "from which effort on"), rows)


def _promises(_argument: str) -> str:
    """
    By which standard or document each check holds the endpoint to something, and what proves it.
    """
    by_standard: dict[str, list[tuple[str, str, str]]] = {}
    proved = {fault.proves: fault.name for fault in FAULTS.values() if fault.proves}
    for check in load_checks():
        found = re.match(r"RFC \d+|OWASP|the document|profile\.yaml|Fetch", check.source)
        standard = found.group() if found else "our reading"
        proof = proved.get(check.id)
        shown = f"`{proof}`" if proof else UNPROVABLE.get(check.id, "")
        by_standard.setdefault(standard, []).append((f"`{check.id}`", check.source, shown))
    parts = []
    for standard in sorted(by_standard, key=_order_of):
        head = ("check", "where it stands written", "proved by, or why not")
        parts += [f"### {standard[0].upper()}{standard[1:]}", table(head, by_standard[standard])]
    return "\n\n".join(parts)


def _first_seen(_argument: str) -> str:
    return table(*measured_score.seen_rows())


def _score(_argument: str) -> str:
    return table(*measured_score.score_rows())


def _runs(_argument: str) -> str:
    return table(*measured_runs.run_rows())


def _truth(_argument: str) -> str:
    return table(*measured_truth.truth_rows())


def _red_line(_argument: str) -> str:
    return f"```text\n{red_line()}\n```"


def _order_of(standard: str) -> tuple[int, str]:
    first = ("the document", "profile.yaml")
    return (first.index(standard) if standard in first else len(first), standard)


def _variants(_argument: str) -> str:
    rows = ((f"`{one.name}`", one.summary, one.why) for one in VARIANTS.values())
    return table(("variant", "what is unusual", "why it is right"), rows)


def _number_of_checks(_argument: str) -> str:
    return f"There are {NUMBERS['checks']()} of them."


def _metrics(_argument: str) -> str:
    rows = (
        (f"`{m.name}`", m.type, ", ".join(f"`{name}`" for name in m.labels) or "none", m.help)
        for m in METRICS
    )
    return table(("metric", "type", "labels", "meaning"), rows)


def _labels(_argument: str) -> str:
    rows = (
        (f"`{metric}`", f"`{name}`", ", ".join(f"`{value}`" for value in values))
        for metric, labels in LABEL_VALUES.items()
        for name, values in labels.items()
    )
    return table(("metric", "label", "values"), rows)


def _edges(_argument: str) -> str:
    def in_words(edges: Iterable[float]) -> str:
        return ", ".join(f"{edge:g}" for edge in edges)

    rows = (
        ("`jobproof_probe_duration_seconds`", in_words(DURATION_EDGES_S)),
        (
            "`jobproof_job_status_duration_seconds`, `jobproof_job_completion_seconds`",
            in_words(JOB_EDGES_S),
        ),
    )
    return table(("histogram", "edges in seconds"), rows)


def _options(_argument: str) -> str:
    rows = (
        (f"`--{o.name}{_value(o)}`", f"`--{o.pytest_name}{_value(o)}`", o.help) for o in OPTIONS
    )
    return table(("`jobproof test`", "`pytest --pyargs jobproof.contract.suite`", "meaning"), rows)


def _value(option: SuiteOption) -> str:
    if option.choices:
        return f" {'|'.join(option.choices)}"
    return f" {option.metavar}" if option.metavar else ""


def _keys(definition: str) -> str:
    schema = config_schema()
    node = schema["$defs"][definition] if definition else schema
    required = node.get("required", [])
    rows = (
        (
            f"`{key}`",
            _type(field, schema["$defs"]),
            "required" if key in required else _default(field),
            field.get("description", ""),
        )
        for key, field in node["properties"].items()
        if "const" not in field
    )
    return table(("key", "value", "default", "meaning"), rows)


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        kinds = [_type(choice, definitions) for choice in field["anyOf"]]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        return "mapping, see below"
    if field.get("pattern", "").startswith(r"^([0-9]+(y|w"):
        return "duration"
    if field.get("type") == "array":
        items = field.get("items", {})
        return f"list of {_type(items, definitions)}s" if "type" in items else "list, see below"
    return str({"string": "text", "integer": "number"}.get(field["type"], field["type"]))


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    if default is None or isinstance(default, dict):
        return "" if not default or "availability" in default else f"`{default}`".replace("'", "")
    return f"`{default}`" if default not in ([], ()) else "none"


def _plugins(argument: str) -> str:
    group, tag = argument.split()
    parts = []
    schema = config_schema()
    for name, loaded in load_group(f"jobproof.{group}").items():
        about = inspect.getdoc(loaded) or ""
        options = inspect.getdoc(loaded.Options) or ""
        definition = _definition(schema, name, tag, loaded)
        own = schema["$defs"][definition]["properties"]
        parts.append(f"### `{name}`\n\n{about}")
        if any("const" not in field for field in own.values()):
            parts.append(_keys(definition))
        elif options and not about:
            parts.append(options)
    return "\n\n".join(parts)


def _definition(schema: Mapping[str, Any], name: str, tag: str, loaded: Any) -> str:
    own = f"{name}_{tag}".title().replace("_", "")
    return own if own in schema["$defs"] else str(loaded.Options.__name__)


def _file(argument: str) -> str:
    path = ROOT / argument
    language = {".py": "python", ".yaml": "yaml", ".toml": "toml"}[path.suffix]
    return f"```{language}\n{path.read_text(encoding='utf-8').rstrip()}\n```"


def _entry_points(argument: str) -> str:
    text = (ROOT / argument).read_text(encoding="utf-8")
    lines = text[text.index("[project.entry-points") :].partition("\n[tool")[0]
    return f"```toml\n{lines.rstrip()}\n```"


def _protocol(argument: str) -> str:
    module, _, name = argument.partition(":")
    found = getattr(import_module(module), name)
    return f"```python\n{inspect.getsource(found).rstrip()}\n```"


def _signature(argument: str) -> str:
    module, _, name = argument.partition(":")
    signature = inspect.signature(getattr(import_module(module), name))
    lines = [f"    {_parameter(parameter)}," for parameter in signature.parameters.values()]
    star = any(p.kind is p.KEYWORD_ONLY for p in signature.parameters.values())
    head = [f"def {name}(", *(["    *,"] if star else [])]
    return "\n".join(["```python", *head, *lines, f") -> {signature.return_annotation}", "```"])


def _parameter(parameter: inspect.Parameter) -> str:
    default = parameter.default
    if default is parameter.empty:
        return f"{parameter.name}: {parameter.annotation}"
    shown = f"{type(default).__name__}.{default.name}" if isinstance(default, Enum) else default
    return f"{parameter.name}: {parameter.annotation} = {shown}"


def _attributes(argument: str) -> str:
    module, _, name = argument.partition(":")
    found = getattr(import_module(module), name)
    about = inspect.getdoc(found) or ""
    attribute_docs = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", about, re.MULTILINE))
    rows = []
    for field in getattr(found, "__dataclass_fields__", {}).values():
        meaning = re.sub(r"\s+", " ", attribute_docs.get(field.name, ""))
        rows.append((f"`{field.name}`", f"`{field.type}`", meaning))
    for key, member in vars(found).items():
        function = getattr(member, "fget", None) or getattr(member, "func", None)
        if not key.startswith("_") and function is not None:
            kind = function.__annotations__.get("return", "")
            meaning = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
            rows.append((f"`{key}`", f"`{kind}`", meaning))
    return table(("name", "type", "what it is"), rows)


def _command(argument: str) -> str:
    module, _, name = argument.partition(":")
    rows = []
    for option in getattr(import_module(module), name).params:
        value = "" if getattr(option, "is_flag", False) else f" {_metavar(option)}"
        meaning = (option.help or "").strip()
        # A default that nobody has to know, such as an empty text, isn't shown.
        default = f" Default: `{option.default}`." if option.show_default else ""
        rows.append((f"`{option.opts[0]}{value}`", f"{meaning}{default}".strip()))
    return table(("option", "meaning"), rows)


def _metavar(option: click.Parameter) -> str:
    # As --help has it; click's own make_metavar() asks for one argument more since 8.2.
    if isinstance(option.type, click.Choice):
        return f"[{'|'.join(option.type.choices)}]"
    return option.metavar or option.type.name.upper()


def _report_keys(argument: str) -> str:
    """
    The keys of a report, or of a part of it: `finding`, or names of keys with a slash between them.
    """
    text = (files("jobproof.contract.suite.reporting") / "report.schema.json").read_text("utf-8")
    schema = json.loads(text)
    node = schema["$defs"].get(argument, schema)
    for name in argument.split("/") if argument and argument not in schema["$defs"] else ():
        node = node["properties"][name]
        node = node.get("items", node)
    required = node.get("required", [])
    rows = (
        (f"`{key}`", "always" if key in required else "", field["description"])
        for key, field in node["properties"].items()
    )
    return table(("key", "there", "meaning"), rows)


def _values(argument: str) -> str:
    module, _, name = argument.partition(":")
    rows = _members(getattr(import_module(module), name))
    return table(("value", "meaning"), rows)


def _members(enum: Any) -> Iterator[tuple[str, str]]:
    # From the source: a string below a member is documentation that Python doesn't keep.
    source = inspect.getsource(enum)
    for member in enum:
        docstring = re.search(rf'{member.name} = "[^"]*"\n\s+"""(.*?)"""', source, re.DOTALL)
        yield f"`{member.value}`", docstring.group(1) if docstring else ""


def _docstring(argument: str) -> str:
    """
    What the arguments of a class are, from its docstring.
    """
    module, _, name = argument.partition(":")
    text = inspect.getdoc(getattr(import_module(module), name)) or ""
    _, _, arguments = text.partition("Args:\n")
    listed = re.split(r"\n\n", arguments)[0]
    rows = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", listed, re.MULTILINE)
    return table(("argument", "meaning"), ((f"`{k}`", re.sub(r"\s+", " ", v)) for k, v in rows))


_ASKED_BY_CANARIES = """
targets:
  - name: live
    api: krea
    url: https://jobs.example.com
    token_env: TOKEN
    canaries:
      known: {ids: [4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20]}
      missing: {}
      foreign: {ids: [0f0c37ba-9d46-4f0b-a5a7-4d3ad8a45d6e]}
      malformed: {interval: 5m}
      anonymous: {interval: 5m}
"""


def _canary_costs(_argument: str) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jobproof.yaml"
        path.write_text(_ASKED_BY_CANARIES, encoding="utf-8")
        (target,) = load_settings(path, environment={"TOKEN": "a-token"}).targets
    classes = load_group("jobproof.canaries")
    rows = [
        (
            f"`{canary.name}`",
            (inspect.getdoc(inspect.getmodule(classes[canary.name])) or "").strip(),
            write_duration(canary.interval_s),
            f"{60 / canary.interval_s:g}",
        )
        for canary in target.canaries
    ]
    cadence = target.api.profile.cadence
    slowest, fastest = 60 / cadence.slowest, 60 / cadence.poll
    polls = f"{slowest:g} to {fastest:g}, as its status changes"
    rows.append(("`follow`, each job", "How does it live, to its end?", "", polls))
    return table(("canary", "question", "interval", "requests a minute"), rows)


BLOCKS: Mapping[str, Block] = {
    "checks": _checks,
    "faults": _faults,
    "variants": _variants,
    "asked": _asked,
    "questions": _questions,
    "manners": _manners,
    "alterations": _alterations,
    "promises": _promises,
    "first-seen": _first_seen,
    "score": _score,
    "runs": _runs,
    "truth": _truth,
    "red-line": _red_line,
    "house": _folders,
    "number-of-checks": _number_of_checks,
    "metrics": _metrics,
    "labels": _labels,
    "edges": _edges,
    "command": _command,
    "options": _options,
    "keys": _keys,
    "plugged": _plugins,
    "file": _file,
    "entry-points": _entry_points,
    "protocol": _protocol,
    "signature": _signature,
    "members": _attributes,
    "values": _values,
    "report-keys": _report_keys,
    "marks": _marks,
    "docstring": _docstring,
    "canary-costs": _canary_costs,
}
"""What a mark can name."""


NUMBERS: Mapping[str, Callable[[], int]] = {
    "checks": lambda: len(load_checks()),
    "faults": lambda: len(FAULTS),
    "variants": lambda: len(VARIANTS),
    # The runbooks are a dashboard for Grafana and a page for a reader.
    "dashboards": lambda: len(list((ROOT / "grafana" / "dashboards").glob("*.json"))) - 1,
}
"""How many there are now of everything that a page counts, by the name in its sentence."""

COUNTED: Mapping[Path, tuple[str, ...]] = {
    ROOT / "README.md": (
        r"\*\*(?P<checks>\d+) checks\*\*",
        r"with (?P<faults>\d+) named faults\s+and (?P<variants>\d+) servers",
        r"write (?P<dashboards>\w+) dashboards",
    ),
    ROOT / "grafana" / "README.md": (r"(?P<dashboards>\w+) Grafana dashboards, Prometheus rules",),
}
"""
The sentences that count, by page. What was measured once, as the table of known faults, is none of
them: a number of today beside a figure of then would be a claim.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
