"""Reports as SARIF 2.1.0 (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/): one run, one result a finding."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleetkeeper.core.assess import NOT_SEEN
from fleetkeeper.core.checks import Check
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.reports.rows import FindingRow, ReportRow
from fleetkeeper.core.reports.rules import RULES
from fleetkeeper.core.text import safe
from fleetkeeper.core.titles import title_of
from fleetkeeper.core.unowned import NO_OWNER

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LONGEST = 2000

_UNSEEN, _UNOWNED = (
    {"id": code, "shortDescription": {"text": title_of(code)}, "fullDescription": {"text": RULES[code]}}
    for code in (NOT_SEEN, NO_OWNER)
)


def sarif(reports: Iterable[ReportRow], checks: Sequence[Check], version: str) -> dict[str, Any]:
    """The log. Waived findings are suppressed results; with a baseline, baselineState says which of them it has."""
    rules = sarif_rules(checks)
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    rows = [row for report in reports for row in report.findings]
    results = [_result(row, places) for row in rows]
    if any(row.is_known for row in rows):  # on all results or on none (3.27.24)
        for row, result in zip(rows, results, strict=True):
            result["baselineState"] = "unchanged" if row.is_known else "new"
    return sarif_log(rules, results, version)


def sarif_log(rules: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], version: str) -> dict[str, Any]:
    driver = {
        "name": "fleetkeeper",
        "version": version,
        "rules": rules,
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def sarif_rules(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Every rule; a result's ruleIndex counts in these."""
    return [_UNSEEN, *(_rule(each) for each in checks), _UNOWNED]


def _rule(check: Check) -> dict[str, Any]:
    return {
        "id": check.code,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.rule.partition("\n\n")[0]},
        "help": {"text": check.rule},
    }


def _result(row: FindingRow, places: dict[str, int]) -> dict[str, Any]:
    about = "/".join(filter(None, (row.where, row.kind, row.namespace, row.name)))
    logical = {
        "fullyQualifiedName": safe(about, _LONGEST),
        "name": safe(row.name or row.cluster, 200),
        "kind": "resource",
    }
    result: dict[str, Any] = {
        "ruleId": row.code,
        "level": _level(row),
        "message": {"text": safe(f"{row.where}: {row.message}. Fix: {row.fix}", _LONGEST)},
        "locations": [{"logicalLocations": [logical]}],
        "partialFingerprints": {"fleetkeeper/v1": row.fingerprint, "cluster/v1": row.arn},
        "properties": {"hop": row.hop, "state": row.state, "blocks": row.blocks, "severity": row.severity.value},
    }
    if row.code in places:
        result["ruleIndex"] = places[row.code]
    if row.waiver:
        why = f"{row.waiver.reason} ({row.waiver.approver}, until {row.waiver.until})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": safe(why, _LONGEST)}]
    return result


def _level(row: FindingRow) -> str:
    if row.blocks:
        return "error"
    return "note" if row.severity is Severity.INFO else "warning"
