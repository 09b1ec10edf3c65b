"""The live look of a proposed change: where the world is, who is at work on it, and what keeps it as code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.gitops import RESOURCES, apps_of, is_same, is_there
from fleetkeeper.core.managed_by import Change
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter, ObjectRef

RUNNING = "InProgress"
_WELL = ("ACTIVE", "")
_MOVING = ("UPDATING", "CREATING")


@dataclass(frozen=True, slots=True)
class Target:
    """What is proposed to change. object: `Kind/namespace/name` of the GitOps object. release: of a group's image."""

    change: Change
    name: str
    to: str
    namespace: str = ""
    object: str = ""
    release: str = ""


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """The thing as the world has it. at "" means that it is not there, unless trouble says why it cannot be seen.

    well: it has come to rest there. moving: it is at work by itself; words: its state, for people. update: the one that
    runs, or the last one to the wanted version. tags: its own. where: who shows the version.
    """

    at: str = ""
    well: bool = False
    moving: bool = False
    words: str = ""
    update: observed.EksUpdate | None = None
    configuration: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    app: observed.GitOpsApp | None = None
    where: str = "EKS"
    trouble: str = ""

    @property
    def running(self) -> observed.EksUpdate | None:
        return self.update if self.update and self.update.status == RUNNING else None


def look(world: World, subject: Subject, target: Target) -> SeenVersion:
    """Read it live; only a Helm release that no GitOps object deploys is taken from the last observation."""
    if target.change is Change.RELEASE:
        return _app(world, subject, target) if target.object else _release(world, subject, target)
    if subject.scope is None:
        return SeenVersion(trouble="the cluster is known by a kubeconfig alone: EKS knows nothing of it")
    cloud = world.writers.cloud(subject.scope)
    looks = {Change.MINOR: _control_plane, Change.ADDON: _addon, Change.NODE_GROUP: _node_group}
    return looks[target.change](cloud, subject, target)


def _name(subject: Subject) -> str:
    assert subject.member is not None
    return subject.member.name


def _control_plane(cloud: CloudWriter, subject: Subject, target: Target) -> SeenVersion:
    id, found = cloud.control_plane(_name(subject))
    if id != subject.cluster:
        return SeenVersion(trouble=f"{found.name} is another cluster now, made {id.created_at:%Y-%m-%d %H:%M} UTC")
    at = str(found.version)
    update = None
    if found.status == "UPDATING" or at == target.to:
        update = _newest(cloud.updates(found.name), target.to)
    return SeenVersion(at, found.status in _WELL, found.status in _MOVING, found.status, update, tags=found.tags)


def _addon(cloud: CloudWriter, subject: Subject, target: Target) -> SeenVersion:
    found = cloud.addon(_name(subject), target.name)
    if found is None:
        return SeenVersion()
    update = None
    if found.status == "UPDATING" or found.version == target.to:
        update = _newest(cloud.updates(_name(subject), addon=target.name), target.to)
    words = ", ".join((found.status, *(each.code for each in found.issues)))
    well, moving = found.status in _WELL, found.status in _MOVING
    return SeenVersion(found.version, well, moving, words, update, found.configuration)


def _node_group(cloud: CloudWriter, subject: Subject, target: Target) -> SeenVersion:
    found = cloud.node_group(_name(subject), target.name)
    if found is None:
        return SeenVersion()
    if found.version is None:
        return SeenVersion(trouble=f"{target.name} has images of its own, whose minor EKS does not know")
    at, image = str(found.version), found.release_version
    behind = at == target.to and target.release not in ("", image)
    update = None
    if found.status == "UPDATING" or at == target.to:
        update = _newest(cloud.updates(_name(subject), node_group=target.name), target.to)
    words = f"at the image {image}, not {target.release}" if behind else found.status
    well = found.status in _WELL and not behind
    return SeenVersion(at, well, found.status in _MOVING or behind, words, update, tags=found.tags)


def _newest(updates: Iterable[observed.EksUpdate], to: str) -> observed.EksUpdate | None:
    """The one that runs; else the last that went there, and ended well."""
    every = tuple(updates)
    running = next((each for each in every if each.status == RUNNING), None)
    return running or next((each for each in every if each.status == "Successful" and goes_to(each) == to), None)


def goes_to(update: observed.EksUpdate) -> str:
    """The version that an update moves to, "" where EKS does not say."""
    return update.addon_version or (str(update.minor) if update.minor else "")


# ---- releases


def _app(world: World, subject: Subject, target: Target) -> SeenVersion:
    member = subject.member
    assert member is not None
    kind, namespace, name = target.object.split("/")
    group, version, plural = RESOURCES[kind]
    kube = world.writers.kube(member.scope, member.name, member.cluster)
    try:
        document = kube.read(ObjectRef(group, version, plural, namespace, name))
    finally:
        kube.close()
    where = f"{kind} {namespace}/{name}"
    apps = tuple(apps_of(kind, document)) if document else ()
    found = next((each for each in apps if each.release == target.name), None)
    if found is None:
        return SeenVersion(where=where)
    if not (found.deployed or found.version):
        said = f"{found} deploys from Git without a chart, so no version is seen there"
        return SeenVersion(app=found, where=where, trouble=said)
    at = found.deployed or found.version
    at = target.to if is_same(at, target.to) else at
    there = is_there(found, target.to)
    asked = f"asks for {found.version} and has {at}, " if found.version not in ("", at) else ""
    moving = found.automated and not found.ready
    return SeenVersion(at, there, moving, f"{asked}{found.state}", app=found, where=where)


def _release(world: World, subject: Subject, target: Target) -> SeenVersion:
    part: model.Part[Any] | None = world.store.cluster_part(subject.cluster, parts.HELM_RELEASES)
    if part is None or part.value is None or part.observed_at is None:
        said = f": {part.gap.reason.value}, {part.gap.detail}" if part and part.gap else ""
        return SeenVersion(trouble=f"the Helm releases of the cluster are not read (observe.helm_secrets){said}")
    place = (target.namespace, target.name)
    found = next((each for each in part.value if (each.namespace, each.name) == place), None)
    where = f"the observation ({part.observed_at:%Y-%m-%d %H:%M} UTC)"
    if found is None:
        return SeenVersion(where=where)
    well = found.status in ("deployed", "")
    return SeenVersion(found.chart_version, well, found.status.startswith("pending"), found.status, where=where)
