"""The [assess] section: which minor clusters should be on, what is waived until when, and severities of one's own."""

import re

from fleetkeeper.config import AssessSettings
from fleetkeeper.core.compat_rows import exact_minor
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.policy import BEHIND, TargetRule
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.waivers import Waiver
from fleetkeeper.documents import Table
from fleetkeeper.errors import UsageError

_CODE = re.compile(r"FK\d{3}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_SEVERITIES = tuple(each.value for each in Severity if each is not Severity.UNKNOWN)


def read_assess(table: Table) -> AssessSettings:
    targets = table.tables("targets")
    for each in targets[:-1]:
        if not each.has("clusters"):
            each.mistake("", "fits every cluster, so no target after it is ever used", "move it to the end")
    return AssessSettings(
        targets=tuple(_target(each) for each in targets),
        waivers=tuple(_waiver(each) for each in table.tables("waivers")),
        severities=_severities(table),
    )


def _target(table: Table) -> TargetRule:
    if table.has("minor") and table.has("behind"):
        table.mistake("behind", "stands beside minor", "set one of the two")
    return TargetRule(
        clusters=_clusters(table),
        minor=table.parsed("minor", exact_minor, optional=True),
        behind=table.integer("behind", BEHIND, minimum=0, maximum=9),
        before=table.day("before") if table.has("before") else None,
        surge_nodes=table.integer("surge_nodes", 1, minimum=0, maximum=100),
        origin=table.origin,
    )


def _waiver(table: Table) -> Waiver:
    if table.has("fingerprint") == table.has("code"):
        table.mistake("", "must name what it waives", "set either fingerprint or code")
    return Waiver(
        reason=table.text("reason"),
        approver=table.text("approver"),
        expires=table.day("expires"),
        fingerprint=table.text("fingerprint", "", check=_wrong_fingerprint),
        code=table.text("code", "", check=_wrong_code),
        clusters=_clusters(table),
        namespace=table.text("namespace", ""),
        name=table.text("name", ""),
        ticket=table.text("ticket", ""),
        origin=table.origin,
    )


def _severities(table: Table) -> dict[str, str]:
    found = dict(table.mapping("severities", {}))
    for code, severity in found.items():
        if wrong := _wrong_code(code):
            table.mistake("severities", f"{code}: {wrong}")
        if severity not in _SEVERITIES:
            table.mistake("severities", f"{code}: must be one of {', '.join(_SEVERITIES)}")
    return {code: severity for code, severity in found.items() if severity in _SEVERITIES}


def _clusters(table: Table) -> Selector:
    return table.parsed("clusters", _selector, optional=True) or Selector()


def _selector(text: str) -> Selector:
    try:
        return Selector.parse(text)
    except UsageError as error:
        raise ValueError(str(error).removeprefix("-l ")) from error


def _wrong_code(text: str) -> str:
    return "" if not text or _CODE.fullmatch(text) else "must be the code of a check, such as FK401"


def _wrong_fingerprint(text: str) -> str:
    return "" if not text or _FINGERPRINT.fullmatch(text) else "must be the 16 characters that `get findings` shows"
