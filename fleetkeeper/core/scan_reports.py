"""A scan as SARIF, JUnit and Markdown, with the file and line of each finding, and as text for people."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as ET

from fleetkeeper.core.checks import Check
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.reports.markdown import plain
from fleetkeeper.core.reports.sarif import sarif_log, sarif_rules
from fleetkeeper.core.scan_rows import Report, ScanRow
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted

_LONGEST = 2000
_UNQUOTED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_NOUNS = {"blocker": "blocker", "unknown": "not judged", "warning": "warning", "info": "note"}
_LEVELS = {Severity.BLOCKER: "error", Severity.UNKNOWN: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def text(report: Report) -> str:
    """One line a finding, as compilers write them, what to do below it, and the sum."""
    lines: list[str] = []
    for row in report.rows:
        known = " (in the baseline)" if row.is_known else ""
        place = safe(row.place, 500)
        lines.append(f"{place}: {row.severity.value} {row.code}{known}: {safe(row.message, _LONGEST)}")
        lines.append(f"    fix: {safe(row.fix, _LONGEST)}")
    return "\n".join([*lines, summary(report)]) + "\n"


def summary(report: Report) -> str:
    """`12 files for 1.36: 2 blockers, 1 not judged`."""
    told = [_counted(number, name) for name, number in report.counts.items() if number]
    known = sum(1 for row in report.rows if row.is_known)
    in_baseline = f" ({known} in the baseline)" if known else ""
    return f"{counted(report.files, 'file')} for {_hop(report)}: {', '.join(told) or 'nothing to change'}{in_baseline}"


def _counted(number: int, severity: str) -> str:
    noun = _NOUNS[severity]
    return f"{number} {noun}" if severity == "unknown" else counted(number, noun)


def _hop(report: Report) -> str:
    return f"{report.source} → {report.target}" if report.source else str(report.target)


def sarif(report: Report, checks: Sequence[Check], version: str) -> dict[str, Any]:
    """A log that GitHub shows at the lines of a pull request; files are relative to where the scan ran."""
    rules = sarif_rules(checks)
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [_result(row, places) for row in report.rows]
    if any(row.is_known for row in report.rows):  # on all results or on none (3.27.24)
        for row, result in zip(report.rows, results, strict=True):
            result["baselineState"] = "unchanged" if row.is_known else "new"
    return sarif_log(rules, results, version)


def _result(row: ScanRow, places: dict[str, int]) -> dict[str, Any]:
    region = {"region": {"startLine": row.line}} if row.line else {}
    logical = {"fullyQualifiedName": safe(row.about, _LONGEST), "name": safe(row.name, 200), "kind": "resource"}
    location = {"physicalLocation": {"artifactLocation": _artifact(row.file)} | region, "logicalLocations": [logical]}
    return {
        "ruleId": row.code,
        "ruleIndex": places[row.code],
        "level": _LEVELS[row.severity],
        "message": {"text": safe(f"{row.message}. Fix: {row.fix}", _LONGEST)},
        "locations": [location],
        "partialFingerprints": {"fleetkeeper/v1": row.fingerprint},
        "properties": {"blocks": row.blocks, "severity": row.severity.value, "key": row.key},
    }


def _artifact(file: str) -> dict[str, str]:
    if file == "-":
        return {"uri": "stdin"}
    name = _quoted(file.removeprefix("./"))
    return {"uri": f"file://{name}"} if file.startswith("/") else {"uri": name, "uriBaseId": "%SRCROOT%"}


def _quoted(file: str) -> str:
    """A path as a part of an address."""
    return "".join(chr(code) if code in _UNQUOTED else f"%{code:02X}" for code in file.encode("utf-8", "replace"))


def junit(report: Report) -> str:
    """A suite for each file that has a finding, a case for each of them; without any, one case that says so."""
    root = ET.Element("testsuites", name="fleetkeeper scan")
    for file, rows in groupby(sorted(report.rows, key=lambda row: row.file), key=lambda row: row.file):
        suite = ET.SubElement(root, "testsuite", name=_xml(file))
        for row in rows:
            _case(suite, row)
    if not report.rows:
        suite = ET.SubElement(root, "testsuite", name=f"for {_hop(report)}")
        ET.SubElement(suite, "testcase", classname="scan", name=summary(report))
    for suite in root:
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    for count in ("tests", "failures", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _case(suite: ET.Element, row: ScanRow) -> None:
    name = _xml(f"{row.code} {row.place} {row.about} [{row.fingerprint}]")
    case = ET.SubElement(suite, "testcase", classname=_xml(row.file), name=name)
    told = f"{_xml(row.message)}\nFix: {_xml(row.fix)}"
    if row.is_known and row.blocks:
        ET.SubElement(case, "skipped", message="in the baseline")
    elif row.fails:
        ET.SubElement(case, "failure", type=row.severity.value, message=_xml(row.message)).text = told
    else:
        ET.SubElement(case, "system-out").text = told


def _xml(words: str) -> str:
    return safe(words, _LONGEST)


def markdown(report: Report) -> str:
    """For a comment on a pull request: the sum, then a row a finding."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield "# Manifests"
    yield ""
    yield summary(report)
    if not report.rows:
        return
    yield ""
    yield "| place | severity | finding | fix |"
    yield "|---|---|---|---|"
    for row in report.rows:
        known = " (in the baseline)" if row.is_known else ""
        severity = f"{row.severity.value} {row.code}{known}"
        yield f"| {plain(row.place)} | {severity} | {plain(row.message)} | {plain(row.fix)} |"
