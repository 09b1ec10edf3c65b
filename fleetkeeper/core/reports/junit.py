"""Reports as JUnit XML: a suite for each hop of each cluster, a case for each finding; what holds a hop fails."""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from fleetkeeper.core.reports.rows import FindingRow, ReportRow
from fleetkeeper.core.text import safe

_LONGEST = 2000


def junit(reports: Iterable[ReportRow]) -> str:
    """The document. A suite without findings has the one case that it is ready; waived and known ones are skipped."""
    root = ET.Element("testsuites", name="fleetkeeper")
    for report in reports:
        for hop in report.hops:
            _suite(root, report, f"{report.where} {hop.source} → {hop.target}", hop.findings)
        if not report.hops:
            _suite(root, report, f"{report.where} at {report.at or 'an unknown minor'}", report.stay)
    for count in ("tests", "failures", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _suite(root: ET.Element, report: ReportRow, name: str, rows: Sequence[FindingRow]) -> None:
    failing = {each.fingerprint for each in report.failing}
    suite = ET.SubElement(root, "testsuite", name=_xml(name), timestamp=f"{report.assessed_at:%Y-%m-%dT%H:%M:%S}")
    for row in rows:
        _case(suite, report, row, row.fingerprint in failing)
    if not rows:
        ET.SubElement(suite, "testcase", classname=_xml(report.where), name="nothing stands in the way")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))


def _case(suite: ET.Element, report: ReportRow, row: FindingRow, fails: bool) -> None:
    name = _xml(f"{row.code} {row.about} [{row.fingerprint}]")
    case = ET.SubElement(suite, "testcase", classname=_xml(report.where), name=name)
    text = _xml(f"{row.message}\nFix: {row.fix}")
    if row.waiver:
        why = f"waived until {row.waiver.until} by {row.waiver.approver}: {row.waiver.reason}"
        ET.SubElement(case, "skipped", message=_xml(why))
    elif row.is_known and row.blocks:
        ET.SubElement(case, "skipped", message="in the baseline")
    elif fails:
        ET.SubElement(case, "failure", type=row.severity.value, message=_xml(row.message)).text = text
    else:
        ET.SubElement(case, "system-out").text = text


def _xml(text: str) -> str:
    """Text without what XML 1.0 cannot carry: control characters are spelled out."""
    return "\n".join(safe(line, _LONGEST) for line in text.split("\n"))
