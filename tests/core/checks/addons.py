"""EKS addons, what EKS offers of them, and the rows of compat that say which ones a cluster cannot do without."""

from datetime import date

from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Critical, Detect, Source
from fleetkeeper.core.model import AddonRelease, ManagedAddon
from fleetkeeper.core.versions import Minor

SOURCE = Source("docs", date(2026, 11, 20), Confidence.HIGH)
ROWS = Compat(
    addons=(
        AddonRow("vpc-cni", "Amazon VPC CNI", Detect(eks_addon="vpc-cni"), SOURCE, Critical.CNI),
        AddonRow("argo-cd", "Argo CD", Detect(helm_charts=("argo-cd",)), SOURCE),
        AddonRow("adot", "ADOT", Detect(eks_addon="adot"), SOURCE),
    )
)


def managed(name: str = "vpc-cni", version: str = "v1.19.0-eksbuild.1", status: str = "ACTIVE") -> ManagedAddon:
    return ManagedAddon(name, version, status)


def release(version: str, *minors: str, addon: str = "vpc-cni", default: str = "") -> AddonRelease:
    """Offered for these minors, and the default on one of them."""
    return AddonRelease(addon, version, tuple((Minor.parse(each), each == default) for each in minors))
