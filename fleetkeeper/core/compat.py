"""What is known of Kubernetes minors and of addons: the rows of compat/, and indexes over them that are built once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cached_property

from fleetkeeper.core.addon_versions import Acceptance, EndOfLife, Range, Rule, VersionRow, accepts, lowest_accepted
from fleetkeeper.core.api_rows import ApiRow, Apis, ThirdPartyApiRow
from fleetkeeper.core.image_index import ImageClaim, ImageIndex, Tells
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.rows import Confidence, Source
from fleetkeeper.core.versions import Minor, Version

__all__ = [
    "AddonRow",
    "ApiRow",
    "BehaviourRow",
    "ChartClaim",
    "Compat",
    "Confidence",
    "Critical",
    "Detect",
    "MinorRow",
    "SkewRow",
    "Source",
    "ThirdPartyApiRow",
]


class Critical(StrEnum):
    """Why an addon can take a cluster down, so that an unknown answer about it blocks."""

    CNI = "cni"
    KUBE_PROXY = "kube-proxy"
    DNS = "dns"
    CSI = "csi"
    NODES = "nodes"  # launches the nodes that an upgrade rotates
    CREDENTIALS = "credentials"  # gives pods, CNI and CSI among them, their AWS rights


@dataclass(frozen=True, slots=True)
class MinorRow:
    """The life of one minor; None is a day that nobody published. An end is the first day without support."""

    minor: Minor
    source: Source
    upstream_release: date | None = None
    upstream_maintenance: date | None = None
    upstream_end: date | None = None
    eks_release: date | None = None
    eks_end_of_standard: date | None = None
    eks_end_of_extended: date | None = None


@dataclass(frozen=True, slots=True)
class SkewRow:
    """How many minors component may be behind (older) or ahead (newer) of reference.

    The row is for versions of component from `start` on and below `before`; None is no bound.
    """

    id: str
    component: str
    reference: str
    older: int
    newer: int
    source: Source
    start: Minor | None = None
    before: Minor | None = None


@dataclass(frozen=True, slots=True)
class Detect:
    """The traces of an addon. Image patterns are repositories with their host and without a tag; * is one component.

    images: an installation, and the tag is the addon's version. images_own_version: an installation, but the tag
    numbers something else. companion_images: sidecars and parts that run elsewhere too; they make no installation.
    The charts likewise, by their appVersion; the first image and the first chart are the addon's main ones.
    """

    images: tuple[str, ...] = ()
    images_own_version: tuple[str, ...] = ()
    companion_images: tuple[str, ...] = ()
    helm_charts: tuple[str, ...] = ()
    helm_charts_own_version: tuple[str, ...] = ()
    companion_charts: tuple[str, ...] = ()
    crd_groups: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()  # full names, where a group is shared by several addons
    eks_addon: str = ""
    workload: str = ""  # namespace/Kind/name that runs the addon whatever its image is called
    namespaces: tuple[str, ...] = ()  # that together hold one installation; an EKS addon lives in the first
    version_label: str = ""  # the workload label that carries the version where an image does not


@dataclass(frozen=True, slots=True)
class AddonRow:
    """One addon; critical is None where a cluster survives without it.

    versions say which of its versions go with which minors, freshest is the newest version that they know of.
    """

    id: str
    name: str
    detect: Detect
    source: Source
    critical: Critical | None = None
    versions: tuple[VersionRow, ...] = ()
    freshest: Version | None = None
    ends: tuple[EndOfLife, ...] = ()
    rules: tuple[Rule, ...] = ()

    def home(self, namespace: str) -> str:
        """The namespace that stands for all namespaces of one installation."""
        spread = self.detect.namespaces
        return spread[0] if namespace in spread else namespace

    @property
    def eks_home(self) -> str:
        """Where EKS puts its managed addon."""
        return self.detect.namespaces[0] if self.detect.namespaces else "kube-system"


@dataclass(frozen=True, slots=True)
class ChartClaim:
    """What a Helm chart tells of an addon; rank orders the addon's charts, its main one first."""

    addon: str
    tells: Tells
    rank: int


@dataclass(frozen=True, slots=True)
class BehaviourRow:
    """One change of a minor that is not an API. type is removed, requires, default-changed, deprecated, planned, ….

    check names the detector that finds who it hits; key is the label, taint or annotation that it takes away, a prefix
    where it ends with a slash. With neither it cannot be seen in a cluster.
    """

    id: str
    minor: Minor
    type: str
    text: str
    source: Source
    check: str = ""
    key: str = ""


@dataclass(frozen=True)
class Compat:
    """All rows. Without slots, for the indexes are built at first use and kept."""

    minor_rows: tuple[MinorRow, ...] = ()
    skew: tuple[SkewRow, ...] = ()
    addons: tuple[AddonRow, ...] = ()
    behaviours: tuple[BehaviourRow, ...] = ()
    apis: Apis = field(default_factory=Apis)

    def api(self, group: str, version: str, kind: str) -> ApiRow | None:
        """A built-in API that is deprecated or removed at some minor."""
        return self.apis.find(group, version, kind)

    def api_of_resource(self, group: str, version: str, resource: str) -> ApiRow | None:
        return self.apis.of_resource(group, version, resource)

    def third_party_api(self, group: str, version: str, kind: str) -> ThirdPartyApiRow | None:
        return self.apis.of_third_party(group, version, kind)

    def accepts(self, addon: str, version: Version, on: Minor, chart: Version | None = None) -> Acceptance:
        """Whether a version of an addon goes with a minor; answer None is unknown."""
        row = self._by_id.get(addon)
        if row is None:
            return Acceptance(None, f"compat has no rows of {addon}")
        return accepts(row.versions, row.freshest, version, on, chart)

    def addon_fix(self, addon: str, on: Minor, above: Version | None = None) -> Range | None:
        """The nearest versions of an addon that go with a minor, None where no row says any."""
        row = self._by_id.get(addon)
        return lowest_accepted(row.versions, on, above) if row else None

    def minors(self) -> tuple[Minor, ...]:
        """Every known minor, oldest first."""
        return tuple(self._by_minor)

    def minor_row(self, minor: Minor) -> MinorRow | None:
        return self._by_minor.get(minor)

    def support(self, minor: Minor) -> SupportedVersion | None:
        """The support dates of a minor on EKS; None when EKS has never had it, as far as the rows know."""
        row = self._by_minor.get(minor)
        if row is None or row.eks_end_of_standard is None:
            return None
        ends = _midnight(row.eks_end_of_standard), _midnight(row.eks_end_of_extended)
        return SupportedVersion(minor, *ends, source=row.source.text)

    def upstream_support(self, minor: Minor) -> SupportedVersion | None:
        """The support dates of a minor for a cluster that no cloud supports: upstream's, which know no extension."""
        row = self._by_minor.get(minor)
        if row is None or row.upstream_end is None:
            return None
        return SupportedVersion(minor, _midnight(row.upstream_end), None, source=row.source.text)

    def addon(self, id: str) -> AddonRow | None:
        return self._by_id.get(id)

    def addon_of_eks(self, name: str) -> AddonRow | None:
        return self._by_eks.get(name)

    def addon_of_workload(self, namespace: str, kind: str, name: str) -> AddonRow | None:
        return self._by_workload.get(f"{namespace}/{kind}/{name}")

    def addon_of_crd(self, name: str, group: str) -> AddonRow | None:
        return self._by_crd.get(name) or self._by_crd.get(group)

    def claim_of_chart(self, chart: str) -> ChartClaim | None:
        return self._by_chart.get(chart)

    def claim_of_image(self, reference: str) -> ImageClaim | None:
        """Which addon an image reference belongs to; a reference that is no image at all belongs to none."""
        return self._images.find(reference)

    @cached_property
    def _by_minor(self) -> Mapping[Minor, MinorRow]:
        return {row.minor: row for row in sorted(self.minor_rows, key=lambda row: row.minor)}

    @cached_property
    def _by_id(self) -> Mapping[str, AddonRow]:
        return {row.id: row for row in self.addons}

    @cached_property
    def _by_eks(self) -> Mapping[str, AddonRow]:
        return {row.detect.eks_addon: row for row in self.addons if row.detect.eks_addon}

    @cached_property
    def _by_workload(self) -> Mapping[str, AddonRow]:
        return {row.detect.workload: row for row in self.addons if row.detect.workload}

    @cached_property
    def _by_crd(self) -> Mapping[str, AddonRow]:
        """By group and by full name; a name is never a group, for it has the plural in front."""
        return {key: row for row in self.addons for key in (*row.detect.crd_groups, *row.detect.crds)}

    @cached_property
    def _by_chart(self) -> Mapping[str, ChartClaim]:
        claims: dict[str, ChartClaim] = {}
        for row in self.addons:
            charts = [(chart, Tells.VERSION) for chart in row.detect.helm_charts]
            charts += [(chart, Tells.PRESENCE) for chart in row.detect.helm_charts_own_version]
            charts += [(chart, Tells.PART) for chart in row.detect.companion_charts]
            for rank, (chart, tells) in enumerate(charts):
                claims[chart] = ChartClaim(row.id, tells, rank)
        return claims

    @cached_property
    def _images(self) -> ImageIndex:
        index = ImageIndex()
        for row in self.addons:
            index.add(row.id, row.detect.images, Tells.VERSION)
            index.add(row.id, row.detect.images_own_version, Tells.PRESENCE)
            index.add(row.id, row.detect.companion_images, Tells.PART)
        return index


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
