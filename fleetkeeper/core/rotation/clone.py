"""A second managed node group like a first one: its name, and what CreateNodegroup is asked for."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

REPLACES = "fleetkeeper.dev/replaces"
"""The tag of a clone: the name of the group that it takes the place of."""
MADE_BY = "fleetkeeper.dev/made-by"
"""The tag that says which run made it, so that no other run takes it for its own."""

_LONGEST_NAME = 63  # CreateNodegroup, API reference, 2026
_OTHERS_TAGS = ("aws:", "eks:", "fleetkeeper.dev/")
_COPIED = ("subnets", "nodeRole", "labels", "taints", "capacityType", "updateConfig", "nodeRepairConfig")
_WITHOUT_TEMPLATE = ("diskSize", "remoteAccess", "instanceTypes")


def clone_name(group: str, now: datetime, taken: Collection[str]) -> str:
    """`web-261121`; of a clone of a clone with the day of today alone; with a number where that name is taken."""
    stem = group[:-7] if _has_day(group) else group
    day = f"-{now:%y%m%d}"
    names = (f"{stem[: _LONGEST_NAME - len(end)]}{end}" for end in (day, *(f"{day}-{n}" for n in range(2, 100))))
    return next(each for each in names if each not in taken)


def _has_day(name: str) -> bool:
    return len(name) > 7 and name[-7] == "-" and name[-6:].isdecimal()


def asked_of(
    document: Mapping[str, Any], clone: str, nodes: int, made_by: str, ami_type: str = "", release: str = ""
) -> Mapping[str, Any]:
    """The parameters of CreateNodegroup besides the cluster and the token, from DescribeNodegroup's answer.

    nodes: how many there are now, and not how many were configured once. Without version and release EKS takes the
    newest of the control plane's minor, and it takes no other minor at all.
    """
    sizes = document.get("scalingConfig") or {}
    most = max(nodes, int(sizes.get("maxSize") or nodes), 1)
    asked: dict[str, Any] = {
        "nodegroupName": clone,
        "scalingConfig": {"minSize": min(int(sizes.get("minSize") or 0), nodes), "maxSize": most, "desiredSize": nodes},
        **{name: document[name] for name in _COPIED if document.get(name)},
        "tags": {**_own_tags(document), REPLACES: str(document["nodegroupName"]), MADE_BY: made_by},
    }
    template = document.get("launchTemplate") or {}
    if template:
        asked["launchTemplate"] = {name: template[name] for name in ("id", "version") if template.get(name)}
    asked |= {name: document[name] for name in _WITHOUT_TEMPLATE if document.get(name) and _may(name, document)}
    if document.get("amiType") != "CUSTOM":
        asked["amiType"] = ami_type or document["amiType"]
        asked |= {"releaseVersion": release} if release else {}
    return asked


def _own_tags(document: Mapping[str, Any]) -> dict[str, str]:
    tags: Mapping[str, str] = document.get("tags") or {}
    return {name: text for name, text in tags.items() if not name.startswith(_OTHERS_TAGS)}


def _may(name: str, document: Mapping[str, Any]) -> bool:
    """A launch template says disk and access itself; EKS tells the types only where the template does not."""
    return name == "instanceTypes" or not document.get("launchTemplate")
