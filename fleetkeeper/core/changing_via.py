"""Who may change a version: fleetkeeper itself where the operator declared it, else whoever a proposal is sent to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from fleetkeeper.core import parts
from fleetkeeper.core.gitops import deploying
from fleetkeeper.core.managed_by import Change, managed_by, warning_of
from fleetkeeper.core.observed import GitOpsApp
from fleetkeeper.core.playbook import Param, StepSpec
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.wording import some

PROPOSE = "propose"
PATIENCE = timedelta(days=14)
"""How long a proposal is waited for at least: people review, and merge in their own windows."""


class Component(StrEnum):
    """What the settings tell apart; the words are those of `components`."""

    CONTROL_PLANE = "control-plane"
    ADDONS = "addons"
    NODE_GROUPS = "node-groups"
    RELEASES = "releases"


@dataclass(frozen=True, slots=True)
class DirectRule:
    """What fleetkeeper may change by itself. components () is all of them; clusters as in `-l`."""

    clusters: Selector = Selector()
    components: tuple[Component, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ProposalRule:
    """Where a change is proposed: one of hook, command and channel. undo: the hook or command that takes it back."""

    clusters: Selector = Selector()
    components: tuple[Component, ...] = ()
    hook: str = ""
    command: str = ""
    channel: str = ""
    undo: str = ""
    origin: str = ""

    @property
    def via(self) -> str:
        """`hook:NAME`, `command:NAME` or `channel:NAME`, as the parameters of `propose` have it."""
        named = (("hook", self.hook), ("command", self.command), ("channel", self.channel))
        return next(f"{kind}:{name}" for kind, name in named if name)


@dataclass(frozen=True, slots=True)
class Direct:
    """fleetkeeper changes it."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """It is proposed by `via`, and taken back by `undo`, "" where nothing takes it back."""

    via: str
    undo: str = ""


@dataclass(frozen=True, slots=True)
class ChangeVia:
    """The operator's rules, in their order: the first that fits holds, and those of direct are asked first.

    Without any, nothing may be changed, and there is nobody to propose it to.
    """

    direct: tuple[DirectRule, ...] = ()
    proposals: tuple[ProposalRule, ...] = ()

    def of(self, attributes: Mapping[str, str], component: Component) -> Direct | Proposed | None:
        """None: nothing is configured for such a change of a cluster with these attributes (those of `-l`)."""
        if any(_fits(each, attributes, component) for each in self.direct):
            return Direct()
        return self.proposed(attributes, component)

    def proposed(self, attributes: Mapping[str, str], component: Component) -> Proposed | None:
        """Where it is proposed, whether or not it may be changed directly as well."""
        found = next((each for each in self.proposals if _fits(each, attributes, component)), None)
        return Proposed(found.via, found.undo) if found else None


def _fits(rule: DirectRule | ProposalRule, attributes: Mapping[str, str], component: Component) -> bool:
    return (not rule.components or component in rule.components) and rule.clusters.accepts(attributes)


# ---- steps that change a version


@dataclass(frozen=True, slots=True)
class Versioned:
    """What a step that changes a version is about. at: the version before it, "" unknown. namespace: of a release."""

    component: Component
    change: Change
    name: str
    to: str
    at: str = ""
    namespace: str = ""

    @property
    def label(self) -> str:
        return self.name or "its minor"


_MINORS = ("upgrade-control-plane", "rollback-control-plane")


def versioned(spec: StepSpec) -> Versioned | None:
    """What a step of a member changes the version of; None for one that changes none."""
    params = spec.params
    if spec.kind in _MINORS:
        return Versioned(Component.CONTROL_PLANE, Change.MINOR, "", _text(params, "to"), _text(params, "from"))
    if spec.kind == "update-addon":
        return Versioned(Component.ADDONS, Change.ADDON, _text(params, "addon"), _text(params, "version"))
    if spec.kind == "update-nodegroup":
        return Versioned(Component.NODE_GROUPS, Change.NODE_GROUP, _text(params, "group"), _text(params, "to"))
    if spec.kind == "update-release":
        name, to, namespace = _text(params, "release"), _text(params, "version"), _text(params, "namespace")
        return Versioned(Component.RELEASES, Change.RELEASE, name, to, namespace=namespace)
    return None


def _text(params: Mapping[str, Param], name: str) -> str:
    value = params.get(name, "")
    return value if isinstance(value, str) else ""


def proposal_of(
    spec: StepSpec, attributes: Mapping[str, str], policy: ChangeVia, at: str = "", app: GitOpsApp | None = None
) -> StepSpec | str:
    """The step as the member gets it: itself where it may be changed directly, else `propose`; or why there is none.

    at: the version before the step, where the step itself does not say it. app: the GitOps object that deploys what is
    changed, or its chart beside EKS: it would put a direct change back at once, so such a change is always proposed.
    """
    found = versioned(spec)
    if found is None:
        return spec
    way = policy.proposed(attributes, found.component) if app else policy.of(attributes, found.component)
    if isinstance(way, Direct):
        return spec
    if way is None:
        return _nobody(found, app)
    params: dict[str, Param] = {
        "change": found.change.value,
        "name": found.name,
        "from": found.at or at,
        "to": found.to,
        "via": way.via,
        "why": spec.why,
    }
    more = {
        "undo": way.undo,
        "namespace": found.namespace,
        "chart": _text(spec.params, "chart"),
        "release": _text(spec.params, "release") if found.change is Change.NODE_GROUP else "",
        "object": f"{app.kind}/{app.namespace}/{app.name}" if app and found.change is Change.RELEASE else "",
    }
    params |= {name: text for name, text in more.items() if text}
    return replace(spec, kind=PROPOSE, params=params, timeout=max(spec.timeout, PATIENCE), retries=0)


def proposed_text(spec: StepSpec) -> str:
    """`coredns v1.12.1 → v1.13.2, proposed to hook:versions`; "" for any step but a proposal."""
    if spec.kind != PROPOSE:
        return ""
    params = {name: _text(spec.params, name) for name in ("name", "from", "to", "via")}
    return f"{params['name'] or 'its minor'} {params['from'] or '?'} → {params['to']}, proposed to {params['via']}"


def _nobody(found: Versioned, app: GitOpsApp | None) -> str:
    table = f'[[engine.proposals]] with components = ["{found.component}"]'
    if app:
        why = f"{app} deploys {found.label}, so its change is proposed"
        return f"{why}, and nothing says where: add {table} to the settings"
    return (
        f"{found.label} may not be changed directly (change_via = propose), and nothing says where the change is "
        f'proposed: add {table} to the settings, or [[engine.direct]] with components = ["{found.component}"]'
    )


# ---- the steps of a member


@dataclass(frozen=True, slots=True)
class Settled:
    """The steps of a member as the operator's rules make them, and what the approver should read of that."""

    steps: tuple[StepSpec, ...]
    notes: tuple[str, ...] = ()


def settle(
    steps: Iterable[StepSpec], attributes: Mapping[str, str], snap: Snapshot, policy: ChangeVia
) -> Settled | str:
    """The steps of a cluster with proposals where they belong; or why the cluster is left out."""
    at = _present(snap)
    made: list[StepSpec] = []
    warnings: list[str] = []
    proposed: dict[str, list[str]] = {}
    for spec in steps:
        if refused := _only_directly(spec, attributes, policy):
            return refused
        found = versioned(spec)
        if found is None or _is_image_alone(spec):
            made.append(spec)
            continue
        key = _key(found)
        app = _app_of(found, snap)
        own = proposal_of(spec, attributes, policy, at.get(key, ""), app)
        if isinstance(own, str):
            return own
        if own.kind == PROPOSE:
            proposed.setdefault(str(own.params["via"]), []).append(found.label)
        elif found.change is Change.RELEASE and (gap := snap.missing(parts.GITOPS)):
            return f"whether Argo CD or Flux deploys {found.name} could not be seen ({gap.reason.value}: {gap.detail})"
        else:
            warnings += _warning(found, snap)
        made.append(own)
        at[key] = found.to
    said = (f"proposed to {via}, and waited for: {some(dict.fromkeys(each))}" for via, each in proposed.items())
    return Settled(tuple(made), (*said, *dict.fromkeys(warnings)))


_OF_GROUPS = ("blue-green", "delete-node-group")


def _is_image_alone(spec: StepSpec) -> bool:
    """A group that stays at its minor, and goes to EKS's newest image of it: no code says which that is."""
    return spec.kind == "update-nodegroup" and "leaves" in spec.params


def _only_directly(spec: StepSpec, attributes: Mapping[str, str], policy: ChangeVia) -> str:
    """Why a step may not be done where nothing of it can be proposed; "" where it may."""
    if not (_is_image_alone(spec) or spec.kind in _OF_GROUPS):
        return ""
    if isinstance(policy.of(attributes, Component.NODE_GROUPS), Direct):
        return ""
    return (
        f"node group {_text(spec.params, 'group')} may not be changed directly, and nothing of its {spec.kind} can be"
        f' proposed: add [[engine.direct]] with components = ["{Component.NODE_GROUPS}"] to the settings, or let its'
        " owner do it"
    )


Key = tuple[Change, str, str]
"""(what, its namespace, its name)."""


def _key(found: Versioned) -> Key:
    return found.change, found.namespace, found.name


def _present(snap: Snapshot) -> dict[Key, str]:
    """The versions of everything that a step may change, before the first one."""
    found: dict[Key, str] = {(Change.ADDON, "", each.name): each.version for each in snap.managed_addons}
    if snap.control_plane:
        found[Change.MINOR, "", ""] = str(snap.control_plane.version)
    found |= {(Change.NODE_GROUP, "", each.name): str(each.version or "") for each in snap.node_groups}
    found |= {(Change.RELEASE, each.namespace, each.name): each.chart_version for each in snap.helm_releases}
    for app in snap.gitops:
        found[Change.RELEASE, app.destination, app.release] = app.deployed or app.version
    return found


def _app_of(found: Versioned, snap: Snapshot) -> GitOpsApp | None:
    """The GitOps object that deploys a release, or the chart of an EKS addon beside EKS."""
    if found.change is Change.RELEASE:
        return deploying(snap.gitops, found.namespace, found.name)
    if found.change is Change.ADDON:
        return next((app for app in snap.gitops if found.name in (app.chart, app.release)), None)
    return None


def _warning(found: Versioned, snap: Snapshot) -> Iterator[str]:
    """What a direct change runs into, where a tool keeps the thing as code."""
    cluster = snap.control_plane.tags if snap.control_plane else {}
    group = next((each.tags for each in snap.node_groups if each.name == found.name), {})
    own = group if found.change is Change.NODE_GROUP else {}
    keeper = managed_by(own, cluster) if found.change is not Change.RELEASE else None
    if keeper:
        yield warning_of(keeper, found.change, found.name, found.to)
