"""What of a member needs an approval of its own: a gate with `only` stands for it, or the plan leaves it out."""

from collections.abc import Mapping

AUTO_MODE = "auto-mode"
RELEASE_REPAIR = "release-repair"
BLUE_GREEN = "blue-green"
GROUP_DELETION = "group-deletion"

NEEDS: Mapping[str, str] = {
    AUTO_MODE: "EKS Auto Mode rolls all its nodes at once when the control plane has moved, and cannot be held",
    RELEASE_REPAIR: "stored Helm releases are rewritten so that they no longer name APIs that the next minor removes",
    BLUE_GREEN: "a second node group is made beside one that asked for it, and both cost until the old one is empty",
    GROUP_DELETION: "node groups without nodes are deleted for good, and with them the way back to what ran on them",
}
"""Trait → what the approver takes on."""
