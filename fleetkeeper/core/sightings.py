"""What each part of a snapshot shows of addons, one sighting at a time; `detect.py` makes installations of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fleetkeeper.core import images
from fleetkeeper.core.compat import AddonRow, Compat
from fleetkeeper.core.image_index import ImageClaim, Tells, component_of
from fleetkeeper.core.model import Crd, FoundBy, HelmRelease, ManagedAddon, Workload
from fleetkeeper.core.text import safe

# A Job that runs `argocd` or `vault` uses the program; it does not install it.
_PASSING = frozenset({"Job", "CronJob"})
_RELEASE = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One trace of one addon.

    home is the namespace that stands for the installation, "" for what belongs to no namespace. rank 0 is the addon's
    main image or chart. release is the `namespace/name` of the Helm release that says it owns the trace. A part makes
    no installation by itself. note is text for people, such as the chart and its version.
    """

    addon: str
    found_by: FoundBy
    where: str
    home: str = ""
    version: str = ""
    status: str = ""
    rank: int = 0
    release: str = ""
    chart: str = ""
    part: bool = False
    note: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.found_by.value}: {self.where}", self.version, self.note)))


def of_eks(addons: Iterable[ManagedAddon], compat: Compat) -> Iterator[Sighting]:
    """An EKS addon without a row is sighted under its own name."""
    for addon in addons:
        row = compat.addon_of_eks(addon.name) or compat.addon(addon.name)
        yield Sighting(
            addon=row.id if row else addon.name,
            found_by=FoundBy.EKS,
            where=addon.name,
            home=row.eks_home if row else "",
            version=addon.version,
            status=addon.status,
        )


def of_helm(releases: Iterable[HelmRelease], compat: Compat) -> Iterator[Sighting]:
    """A release of an unknown chart is sighted as `helm:<chart>`, so that nobody takes it for judged."""
    for release in releases:
        claim = compat.claim_of_chart(release.chart)
        row = compat.addon(claim.addon) if claim else None
        yield Sighting(
            addon=row.id if row else unknown_chart(release.chart),
            found_by=FoundBy.HELM,
            where=f"{release.namespace}/{release.name}",
            home=row.home(release.namespace) if row else release.namespace,
            version=images.version_of(release.app_version)
            if claim is None or claim.tells is not Tells.PRESENCE
            else "",
            status=release.status,
            rank=claim.rank if claim else 0,
            release=f"{release.namespace}/{release.name}",
            chart=release.chart,
            part=claim is not None and claim.tells is Tells.PART,
            note=safe(f"(chart {release.chart} {release.chart_version})", 200),
        )


def unknown_chart(chart: str) -> str:
    """The id of an addon that only its chart tells; the chart's name is whatever the release's author wrote."""
    return f"helm:{safe(chart, 128)}"


def of_workloads(workloads: Iterable[Workload], compat: Compat) -> Iterator[Sighting]:
    for workload in workloads:
        seen: set[str] = set()
        for reference in workload.images:
            claim = compat.claim_of_image(reference)
            row = compat.addon(claim.addon) if claim else None
            if claim and row:
                seen.add(row.id)
                yield _of_image(workload, row, claim, reference)
        expected = compat.addon_of_workload(workload.namespace, workload.kind, workload.name)
        if expected and expected.id not in seen:
            yield _of_known_name(workload, expected)


def _of_image(workload: Workload, row: AddonRow, claim: ImageClaim, reference: str) -> Sighting:
    image = images.parse(reference)
    version = image.version if image and claim.tells is Tells.VERSION else ""
    part = claim.tells is Tells.PART or workload.kind in _PASSING
    return _of_workload(workload, row, version or _labelled(workload, row), rank=claim.rank, part=part)


def _of_known_name(workload: Workload, row: AddonRow) -> Sighting:
    """The addon's own workload under images that no pattern knows: a mirror that renamed them.

    The tag is believed only of an image that at least ends in a known name.
    """
    known = {component_of(pattern) for pattern in row.detect.images}
    parsed = [image for reference in workload.images if (image := images.parse(reference))]
    versions = [image.version for image in parsed if component_of(image.repository) in known]
    return _of_workload(workload, row, (versions or [""])[0] or _labelled(workload, row))


def _of_workload(workload: Workload, row: AddonRow, version: str, *, rank: int = 0, part: bool = False) -> Sighting:
    name = workload.owner.get(_RELEASE, "")
    namespace = workload.owner.get(_RELEASE_NAMESPACE, workload.namespace)
    return Sighting(
        addon=row.id,
        found_by=FoundBy.IMAGE,
        where=f"{workload.namespace}/{workload.kind}/{workload.name}",
        home=row.home(workload.namespace),
        version=version,
        rank=rank,
        release=f"{namespace}/{name}" if name else "",
        part=part,
    )


def _labelled(workload: Workload, row: AddonRow) -> str:
    return images.version_of(workload.owner.get(row.detect.version_label, "")) if row.detect.version_label else ""


def of_crds(crds: Sequence[Crd], compat: Compat) -> Iterator[Sighting]:
    """One sighting for each addon and API group, under the first name of the group: operators have dozens of CRDs."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for crd in crds:
        if row := compat.addon_of_crd(crd.name, crd.group):
            groups[row.id, crd.group].append(crd.name)
    for (addon, _), names in groups.items():
        more = f"(and {len(names) - 1} more of its group)" if len(names) > 1 else ""
        yield Sighting(addon, FoundBy.CRD, min(names), note=more)
