"""NodeClaims of Karpenter: which nodes it means to replace, and why (karpenter.sh/v1, nodeclaim_status.go)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetkeeper.core.text import safe

_POOL = "karpenter.sh/nodepool"
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class NodeClaim:
    """drifted: the reason of its condition Drifted (AMIDrift, NodePoolDrifted, ...), "" where it is not."""

    name: str
    pool: str
    node: str
    drifted: str = ""


def claim_of(found: Mapping[str, Any]) -> NodeClaim:
    metadata, status = found["metadata"], found.get("status") or {}
    conditions = [each for each in status.get("conditions") or () if each.get("type") == "Drifted"]
    drifted = next((each for each in conditions if each.get("status") == "True"), None)
    return NodeClaim(
        name=metadata["name"],
        pool=(metadata.get("labels") or {}).get(_POOL, ""),
        node=safe(status.get("nodeName") or "", _LONGEST),
        drifted=safe(drifted.get("reason") or "Drifted", _LONGEST) if drifted else "",
    )
