"""Machine images: the ids, names and releases of the EKS-optimized ones, and the custom ones of a world.

Ids are made of region, AMI type and release, so that the label eks.amazonaws.com/nodegroup-image of a simulated node,
EC2 and SSM agree without a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.world import SimCluster, World

_EKS_ACCOUNT = "602401143452"
_BOTTLEROCKET_ACCOUNT = "092701018921"
_FIRST_BOTTLEROCKET = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of EKS-optimized image. path is its SSM parameter with the minor left open."""

    ami_type: str
    path: str
    name: str
    architecture: str
    last_minor: Minor | None = None  # the newest minor that it was built for, None for a current family

    @property
    def is_bottlerocket(self) -> bool:
        return self.ami_type.startswith("BOTTLEROCKET")

    def serves(self, minor: str) -> bool:
        return self.last_minor is None or Minor.parse(minor) <= self.last_minor


_AL2023 = "/aws/service/eks/optimized-ami/{minor}/amazon-linux-2023"
_AL2 = "/aws/service/eks/optimized-ami/{minor}/amazon-linux-2"
_BOTTLEROCKET = "/aws/service/bottlerocket/aws-k8s-{minor}"
_LAST_AL2 = Minor(1, 32)  # EKS builds no Amazon Linux 2 image for 1.33 and later
FAMILIES = (
    Family("AL2023_x86_64_STANDARD", f"{_AL2023}/x86_64/standard/recommended", "al2023-x86_64-standard", "x86_64"),
    Family("AL2023_ARM_64_STANDARD", f"{_AL2023}/arm64/standard/recommended", "al2023-arm64-standard", "arm64"),
    Family("AL2023_x86_64_NVIDIA", f"{_AL2023}/x86_64/nvidia/recommended", "al2023-x86_64-nvidia", "x86_64"),
    Family("AL2_x86_64", f"{_AL2}/recommended", "al2-x86_64", "x86_64", _LAST_AL2),
    Family("AL2_ARM_64", f"{_AL2}-arm64/recommended", "al2-arm64", "arm64", _LAST_AL2),
    Family("BOTTLEROCKET_x86_64", f"{_BOTTLEROCKET}/x86_64/latest", "x86_64", "x86_64"),
    Family("BOTTLEROCKET_ARM_64", f"{_BOTTLEROCKET}/arm64/latest", "aarch64", "arm64"),
)
_BY_TYPE = {family.ami_type: family for family in FAMILIES}


@dataclass(frozen=True, slots=True)
class Image:
    """An image as EC2 knows it. owner is an account id."""

    id: str
    name: str
    owner: str
    architecture: str
    created_at: datetime
    tags: dict[str, str]

    @property
    def is_public(self) -> bool:
        return self.owner in {_EKS_ACCOUNT, _BOTTLEROCKET_ACCOUNT}


def ami_id(region: str, ami_type: str, release: str) -> str:
    """The image of a managed node group: for CUSTOM the release version is the image's own id."""
    if release.startswith("ami-"):
        return release
    return "ami-0" + sha256(f"{region}/{ami_type}/{release}".encode()).hexdigest()[:16]


def latest_release(ami_type: str, minor: str, now: datetime) -> str:
    """The release version that EKS recommends at a time: AL2023 weekly, Bottlerocket monthly."""
    family = _BY_TYPE.get(ami_type)
    if family is not None and family.is_bottlerocket:
        months = (now.year - _FIRST_BOTTLEROCKET.year) * 12 + now.month - 1
        number = f"1.{30 + months}.0"
        return f"{number}-{sha256(number.encode()).hexdigest()[:8]}"
    offered = catalog().minor(minor)
    week = now - timedelta(days=now.weekday())
    return f"{offered.patch if offered else minor + '.0'}-{week:%Y%m%d}"


def custom_image(seed: str) -> str:
    """The image of a version of somebody's launch template, made of their names where the world says nothing."""
    return "ami-0" + sha256(seed.encode()).hexdigest()[:16]


def is_offered(ami_type: str, minor: str) -> bool:
    """Whether EKS builds images of this type for a minor."""
    family = _BY_TYPE.get(ami_type)
    return family is None or family.serves(minor)


def released_at(release: str) -> datetime:
    """When a release was built, from its own text; Bottlerocket counts months."""
    tail = release.rpartition("-")[2]
    try:
        return datetime.strptime(tail, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        months = max(0, int(release.split(".")[1]) - 30) if release.count(".") == 2 else 0
        return datetime(2025 + months // 12, months % 12 + 1, 1, tzinfo=UTC)


def eks_image(region: str, ami_type: str, minor: str, release: str) -> Image:
    """The EKS-optimized image of a release; an AMI type without a family here is taken for AL2023."""
    family = _BY_TYPE.get(ami_type, FAMILIES[0])
    if family.is_bottlerocket:
        name, owner = f"bottlerocket-aws-k8s-{minor}-{family.name}-v{release}", _BOTTLEROCKET_ACCOUNT
    else:
        name, owner = f"amazon-eks-node-{family.name}-{minor}-v{release.rpartition('-')[2]}", _EKS_ACCOUNT
    return Image(ami_id(region, ami_type, release), name, owner, family.architecture, released_at(release), {})


def known_images(world: World, account: str, region: str) -> dict[str, Image]:
    """Every image that an account can see in a region: the recommended ones, those in use, and the world's own."""
    found: dict[str, Image] = {}
    now = world.now()
    for minor in catalog().released(now):
        for family in FAMILIES:
            if family.serves(minor.name):
                release = latest_release(family.ami_type, minor.name, now)
                image = eks_image(region, family.ami_type, minor.name, release)
                found[image.id] = image
    for cluster in world.of_scope(account, region):
        for image in _used(cluster):
            found.setdefault(image.id, image)
    for own in world.images.values():
        owner = own.owner or account
        found[own.id] = Image(own.id, own.name, owner, own.architecture, own.created_at, own.tags)
    return found


def _used(cluster: SimCluster) -> Iterator[Image]:
    for group in cluster.node_groups.values():
        if group.release_version.startswith("ami-"):
            yield _custom(cluster, group.release_version)
        else:
            yield eks_image(cluster.region, group.ami_type, group.version or cluster.version, group.release_version)
    for own in cluster.auto_scaling_groups.values():
        for image in dict.fromkeys((own.ami_id, *own.images.values())):
            yield _custom(cluster, image)


def _custom(cluster: SimCluster, image: str) -> Image:
    return Image(image, f"custom-node-{image[-8:]}", cluster.account, "x86_64", cluster.created_at, {})
