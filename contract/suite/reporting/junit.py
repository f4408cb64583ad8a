"""
The outcome of recordings as JUnit XML, with the names that pytest gives the same checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.text_file import write_text
from jobproof.contract.formats.wording import legible
from jobproof.contract.model.verdict import CheckState
from jobproof.contract.suite.reporting.outcome import Outcome
from jobproof.contract.suite.reporting.summary import explain_all

__all__ = ["junit", "write_junit"]


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    failure: str = ""
    skipped: str = ""


def junit(outcome: Outcome, *, moment: str, duration_s: float) -> str:
    """
    One test case a check: passed, failed, or skipped where it wasn't reached.

    Args:
        moment: When it was begun, as ISO 8601 writes it.
    """
    cases = list(_cases(outcome))
    suites = Element("testsuites", name="pytest tests")
    suite = SubElement(
        suites,
        "testsuite",
        name="pytest",
        errors="0",
        failures=str(sum(bool(case.failure) for case in cases)),
        skipped=str(sum(bool(case.skipped) for case in cases)),
        tests=str(len(cases)),
        time=f"{duration_s:.3f}",
        timestamp=moment,
    )
    for case in cases:
        shown = SubElement(
            suite, "testcase", classname="test_contract", name=case.name, time="0.000"
        )
        if case.failure:
            first, _, _ = case.failure.partition("\n")
            SubElement(shown, "failure", message=first).text = case.failure
        elif case.skipped:
            SubElement(shown, "skipped", type="pytest.skip", message=case.skipped)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def write_junit(text: str, path: Path) -> None:
    """
    Write what `junit` says, whole or not at all.

    Raises:
        ConfigError: It can't be written.
    """
    write_text(text, path, ConfigError)


def _cases(outcome: Outcome) -> Iterator[_Case]:
    redactor = outcome.redactor
    crashes = [one.first.redacted(redactor).message for one in outcome.crashed()]
    yield _Case("test_checks_are_sound", failure=_lines("\n".join(crashes)))
    for one in outcome.of_checks():
        name = f"test_promise[{one.check.id}]"
        if one.state is CheckState.BROKEN:
            text = "\n\n".join(explain_all(one.broken, one.check, target=outcome))
            yield _Case(name, failure=_lines(text))
        elif one.state is CheckState.NOT_REACHED and one.lack is not None:
            yield _Case(name, skipped=_lines(redactor.text(one.lack.text)))
        else:
            yield _Case(name)
    missing = "; ".join(outcome.missing)
    text = redactor.text(f"too little was reached: {missing}") if missing else ""
    yield _Case("test_run_reaches_the_contract", failure=_lines(text))


def _lines(text: str) -> str:
    # XML has no place for control characters, not even escaped.
    return "\n".join(legible(line) for line in text.split("\n"))
