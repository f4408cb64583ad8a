"""
The outcome of recordings as JUnit XML, with the names that pytest gives the same checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.text_file import write_text
from jobproof.contract.formats.wording import legible
from jobproof.contract.model.verdict import CheckState
from jobproof.contract.suite.reporting.nodes import SUITE_MODULE, NodeState, nodes_of
from jobproof.contract.suite.reporting.outcome import Outcome

__all__ = ["junit", "properties_of", "write_junit"]


def properties_of(report: JsonDocument) -> Iterator[tuple[str, str]]:
    """
    What a run came to as properties of a test suite, in which other tests may be, too: each with
    its name and value.
    """
    reach = report["reach"]
    found = {
        "verdict": report["verdict"],
        "exit_code": report["exit_code"],
        "requests": report["requests"],
        # A report that an earlier version wrote has none.
        "seed": report.get("seed"),
        "effort": report["effort"],
        "url": report["url"],
        "reach.validated_bodies": reach["validated_bodies"],
        "reach.codes": " ".join(map(str, reach["codes"])),
        "reach.statuses": " ".join(word for word, count in reach["job_statuses"].items() if count),
    }
    states = Counter(check["state"] for check in report["checks"])
    found |= {f"checks.{state.value}": states[state.value] for state in CheckState}
    for name, value in found.items():
        if value is not None:
            yield f"jobproof.{name}", legible(str(value))


def junit(
    outcome: Outcome,
    *,
    moment: str,
    duration_s: float,
    properties: Iterable[tuple[str, str]] = (),
) -> str:
    """
    One test case a check: passed, failed, or skipped where it wasn't reached; and the verdict.

    Args:
        moment: When it was begun, as ISO 8601 writes it.
        properties: Of the suite, by name.
    """
    nodes = list(nodes_of(outcome))
    states = [node.state for node in nodes]
    suites = Element("testsuites", name="pytest tests")
    suite = SubElement(
        suites,
        "testsuite",
        name="pytest",
        errors="0",
        failures=str(states.count(NodeState.FAILED)),
        skipped=str(states.count(NodeState.SKIPPED)),
        tests=str(len(nodes)),
        time=f"{duration_s:.3f}",
        timestamp=moment,
    )
    known = list(properties)
    holder = SubElement(suite, "properties") if known else suite
    for name, value in known:
        SubElement(holder, "property", name=name, value=value)
    for node in nodes:
        shown = SubElement(suite, "testcase", classname=SUITE_MODULE, name=node.name, time="0.000")
        text = _lines(node.text)
        if node.state is NodeState.FAILED:
            first, _, _ = text.partition("\n")
            SubElement(shown, "failure", message=first).text = text
        elif node.state is NodeState.SKIPPED:
            SubElement(shown, "skipped", type="pytest.skip", message=text)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def write_junit(text: str, path: Path) -> None:
    """
    Write what `junit` says, whole or not at all.

    Raises:
        ConfigError: It can't be written.
    """
    write_text(text, path, ConfigError)


def _lines(text: str) -> str:
    # XML has no place for control characters, not even escaped.
    return "\n".join(legible(line) for line in text.split("\n"))
