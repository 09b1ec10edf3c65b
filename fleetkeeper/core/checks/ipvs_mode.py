"""FK316: kube-proxy runs in IPVS mode, which Kubernetes gives up.

It is deprecated since 1.35, is to be off by default by 1.40 and gone in 1.43 (Kubernetes 1.37 sneak peek, 2026); the
EKS notes on 1.35 name 1.36 for its removal, which upstream does not bear out.
"""

import json
from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence, severity_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Addons
from fleetkeeper.core.snapshot import Hop, Snapshot

NAME = "kube-proxy"


@check("FK316", "kube-proxy runs in IPVS mode", needs=(parts.ADDONS,))
def ipvs_mode(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """An unseen mode is told only once the mode no longer works: until then it is one more deprecation."""
    row = due(compat, hop, Detector.IPVS)
    if row is None or all(each.id != NAME for each in snap.addons):
        return
    mode, severity = _mode(snap), severity_of(row)
    if mode not in ("", "ipvs") or (not mode and severity is Severity.INFO):
        return
    yield Finding(
        code="FK316",
        severity=severity if mode else Severity.UNKNOWN,
        subject=Subject("DaemonSet", NAME, "kube-system"),
        message=f"runs in mode ipvs: {row.text}" if mode else f"its mode was not seen; if it is ipvs: {row.text}",
        fix='set mode to "nftables" or "iptables" in its configuration (the EKS addon, or ConfigMap '
        "kube-system/kube-proxy-config), then replace the nodes",
        blocks=severity is Severity.BLOCKER,
        breaks=Breaks.AT_NODES,
        minor=row.minor,
        evidence=(evidence(row),),
    )


def _mode(snap: Snapshot) -> str:
    addons: Addons | None = snap.value(parts.ADDONS)
    seen = addons.proxy_mode if addons else ""
    return seen or next((_configured(each.configuration) for each in snap.managed_addons if each.name == NAME), "")


def _configured(text: str) -> str:
    """The mode in an EKS addon's configuration, "" where it says none or is no JSON object."""
    try:
        values = json.loads(text or "{}")
    except ValueError:
        return ""
    mode = values.get("mode") if isinstance(values, dict) else ""
    return mode if isinstance(mode, str) else ""
