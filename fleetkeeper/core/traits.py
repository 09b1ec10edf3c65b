"""What of a member needs an approval of its own: a gate with `only` stands for it, or the plan leaves it out."""

from collections.abc import Mapping

AUTO_MODE = "auto-mode"
RELEASE_REPAIR = "release-repair"

NEEDS: Mapping[str, str] = {
    AUTO_MODE: "EKS Auto Mode rolls all its nodes at once when the control plane has moved, and cannot be held",
    RELEASE_REPAIR: "stored Helm releases are rewritten so that they no longer name APIs that the next minor removes",
}
"""Trait → what the approver takes on."""
