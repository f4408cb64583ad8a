"""
The outcome of recordings as JUnit XML, with the names that pytest gives the same checks.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.text_file import write_text
from jobproof.contract.formats.wording import legible
from jobproof.contract.suite.reporting.nodes import NodeState, nodes_of
from jobproof.contract.suite.reporting.outcome import Outcome

__all__ = ["junit", "write_junit"]


def junit(outcome: Outcome, *, moment: str, duration_s: float) -> str:
    """
    One test case a check: passed, failed, or skipped where it wasn't reached; and the verdict.

    Args:
        moment: When it was begun, as ISO 8601 writes it.
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
    for node in nodes:
        shown = SubElement(
            suite, "testcase", classname="test_contract", name=node.name, time="0.000"
        )
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
