"""What of a stored cluster could name the owner of a finding: the object's own keys, and those of all around it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.callers import Callers, is_own, subject_of
from fleetkeeper.core.evidence import USAGE
from fleetkeeper.core.finding import CLUSTER, Finding, Severity, Subject
from fleetkeeper.core.gitops import APPLICATION
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.owner_keys import naming, owner_keys
from fleetkeeper.core.owner_values import About, Deployed, Source

Keys = Mapping[str, str]
NONE: Keys = {}

_NAMESPACED = (parts.NAMESPACES, parts.WORKLOADS, parts.GITOPS)
_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "Pod": (parts.PODS, parts.POD_NOTES),
    "PodDisruptionBudget": (parts.BUDGETS,),
    "PersistentVolume": (parts.VOLUMES, *_NAMESPACED),
    "ValidatingWebhookConfiguration": (parts.WEBHOOKS, *_NAMESPACED),
    "MutatingWebhookConfiguration": (parts.WEBHOOKS, *_NAMESPACED),
    "APIService": (parts.API_SERVICES, *_NAMESPACED),
    "Addon": _NAMESPACED,
    "Node": (parts.NODES, parts.NODE_GROUPS),
    "NodeGroup": (parts.NODE_GROUPS,),
    "API": (parts.INSIGHTS, parts.AUDIT_CALLS, *_NAMESPACED),
    "Insight": (parts.INSIGHTS,),
    "Namespace": (parts.NAMESPACES,),
}
OBJECT_PARTS = tuple(
    each
    for each in parts.CLUSTER_PARTS
    if each == parts.CONTROL_PLANE or any(each in names for names in (_NAMESPACED, *_BY_KIND.values()))
)
"""All parts that can say who owns any object of a cluster."""

_PERSISTENT_VOLUME, _RELEASE = "PersistentVolume", "HelmRelease"
_TRACKING = "argocd.argoproj.io/tracking-id"
_RELEASE_NAME, _RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
_FLUX = (
    ("kustomize.toolkit.fluxcd.io/name", "Kustomization"),
    ("helm.toolkit.fluxcd.io/name", "HelmRelease"),
)
_INSTANCES = ("argocd.argoproj.io/instance", "app.kubernetes.io/instance", "app.kubernetes.io/part-of")
_SERVICE_ACCOUNT = "system:serviceaccount:"


def needed(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The parts of a cluster that can say who owns what these findings are about; large ones only where they can."""
    wanted = {parts.CONTROL_PLANE}
    for finding in findings:
        subject = finding.subject
        wanted.update(_BY_KIND.get(subject.kind, ()))
        if subject.namespace or (finding.use and finding.use.callers):
            wanted.update(_NAMESPACED)
    return tuple(each for each in parts.CLUSTER_PARTS if each in wanted)


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls an API. namespace: of the service account that it calls as, "" where that is not known."""

    user_agent: str
    namespace: str = ""


@dataclass(slots=True)
class Surroundings:
    """The objects of one cluster by what they are called, each with the keys of it that name owners."""

    name: str
    attributes: Mapping[str, str]
    tags: Keys = field(default_factory=dict)
    account: model.Account | None = None
    namespaces: dict[str, Keys] = field(default_factory=dict)
    objects: dict[Subject, Keys] = field(default_factory=dict)
    workloads: dict[str, list[model.Workload]] = field(default_factory=dict)  # by namespace
    belongs: dict[Subject, Subject] = field(default_factory=dict)  # pod → controller
    homes: dict[Subject, str] = field(default_factory=dict)  # of what has no namespace itself, the one it belongs to
    node_groups: dict[str, Keys] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)  # node → its group
    apps: Mapping[str, tuple[observed.GitOpsApp, ...]] = field(default_factory=dict)  # by name
    releases: Mapping[tuple[str, str], observed.GitOpsApp] = field(default_factory=dict)  # what deploys a Helm release
    clients: dict[str, Client] = field(default_factory=dict)  # an API as findings name it, or an insight's id → who
    known: dict[tuple[Subject, str, bool], About] = field(default_factory=dict)

    def about(self, finding: Finding) -> About:
        """What could name the owner of what the finding is about."""
        subject, use = finding.subject, finding.use
        if use or finding.owner:
            return self._about(finding)
        key = (subject, finding.key if subject.kind == "Insight" else "", False)
        if key not in self.known:
            self.known[key] = self._about(finding)
        return self.known[key]

    def of(self, subject: Subject) -> About:
        """The same of any object, as far as it is known."""
        return self._about(Finding("", Severity.INFO, subject, "", ""))

    @property
    def subjects(self) -> frozenset[Subject]:
        """Every object that is known by itself."""
        groups = (Subject("NodeGroup", name) for name in self.node_groups)
        nodes = (Subject("Node", name) for name in self.groups)
        return frozenset({*self.objects, *self.homes, *groups, *nodes, CLUSTER})

    def _about(self, finding: Finding) -> About:
        subject = finding.subject
        client = self.clients.get(finding.key if subject.kind == "Insight" else subject.name, _NOBODY)
        caller = next(iter(each for each in finding.use.callers if each != subject), None) if finding.use else None
        namespace = subject.namespace or self._namespace(subject, caller) or client.namespace
        keys: dict[Source, Keys] = {}
        places: dict[Source, str] = {}

        def put(source: Source, found: Keys, place: str) -> None:
            if found:
                keys[source], places[source] = found, place

        own, holder = self._own(finding, namespace)
        put(Source.OBJECT, own, str(subject))
        if holder or caller:
            above, why = holder or (caller, f"{caller}, which calls it")
            put(Source.CONTROLLER, self.objects.get(above, NONE) if above else NONE, why)
        app = self._app(subject, namespace, (own, keys.get(Source.CONTROLLER, NONE)))
        if app:
            put(Source.APPLICATION, app.owner, f"{app}, which deploys it")
        put(Source.NAMESPACE, self.namespaces.get(namespace, NONE), f"Namespace {namespace}")
        group = subject.name if subject.kind == "NodeGroup" else self.groups.get(subject.name, "")
        if subject.kind in ("NodeGroup", "Node"):
            put(Source.NODE_GROUP, self.node_groups.get(group, NONE), f"node group {group}")
        put(Source.CLUSTER, self.tags, f"cluster {self.name}")
        if self.account:
            put(Source.ACCOUNT, self.account.tags, f"account {self.account.name or self.account.id}")
        carried = [keys[each] for each in (Source.OBJECT, Source.CONTROLLER) if each in keys]
        applications = tuple(dict.fromkeys(self._applications(subject, app, carried)))
        return About(subject, self.attributes, keys, places, applications, client.user_agent, namespace)

    def _own(self, finding: Finding, namespace: str) -> tuple[Keys, tuple[Subject, str] | None]:
        """The object's own keys; and what it belongs to, with what that is called for people.

        Checks hand on the keys of the workload where the object has none: those are not the object's own.
        """
        subject = finding.subject
        if subject.kind == "NodeGroup":
            return NONE, None
        holder = self.belongs.get(subject) or self._running(subject, namespace)
        known = self.objects.get(subject)
        if known or not finding.owner:
            return known or NONE, (holder, str(holder)) if holder else None
        if known is None and subject.kind != _PERSISTENT_VOLUME:
            return finding.owner, (holder, str(holder)) if holder else None
        bearer = holder or self._bearer(namespace, finding.owner)
        return (NONE, (bearer, str(bearer))) if bearer else (finding.owner, None)

    def _bearer(self, namespace: str, keys: Keys) -> Subject | None:
        """The workload whose very keys these are."""
        for each in self.workloads.get(namespace, ()):
            if each.owner == keys:
                return subject_of(each)
        return None

    def _running(self, subject: Subject, namespace: str) -> Subject | None:
        """Of a Helm release, a workload of it that says who owns it."""
        if subject.kind != _RELEASE or subject in self.objects:
            return None
        for each in self.workloads.get(namespace, ()):
            if each.owner.get(_RELEASE_NAME) == subject.name and any(one.outright for one in naming(each.owner)):
                return subject_of(each)
        return None

    def _namespace(self, subject: Subject, caller: Subject | None) -> str:
        """That of an object which has none itself: of its claim, its service, its workload, or of who calls it."""
        if subject.kind == "Namespace":
            return subject.name
        if subject.kind == "Addon" and "/" in subject.name:  # namespace/release, or namespace/kind/name
            return subject.name.partition("/")[0]
        return self.homes.get(subject, "") or (caller.namespace if caller else "")

    # ---- what deploys it

    def _app(self, subject: Subject, namespace: str, carried: Iterable[Keys]) -> observed.GitOpsApp | None:
        if subject.kind in (APPLICATION, _RELEASE):
            namesakes = self.apps.get(subject.name, ())
            own = next((each for each in namesakes if (each.kind, each.namespace) == (subject.kind, namespace)), None)
            return own or self.releases.get((namespace, subject.name))
        for keys in carried:
            if found := next(filter(None, (self._named(name, namespace) for _, name in _deployers(keys))), None):
                return found
            release = (keys.get(_RELEASE_NAMESPACE, namespace), keys.get(_RELEASE_NAME, ""))
            if found := self.releases.get(release):
                return found
        return None

    def _named(self, name: str, namespace: str) -> observed.GitOpsApp | None:
        """By its name; of namesakes, the one that deploys into this namespace."""
        found = self.apps.get(name, ())
        return next((each for each in found if each.destination == namespace), found[0] if len(found) == 1 else None)

    def _applications(
        self, subject: Subject, app: observed.GitOpsApp | None, carried: Iterable[Keys]
    ) -> Iterator[Deployed]:
        if app:
            yield from (
                Deployed(each.kind, each.name, each.repo, each.path)
                for each in self.apps.get(app.name, ())
                if (each.kind, each.namespace) == (app.kind, app.namespace)
            )
        if subject.kind == _RELEASE:
            yield Deployed("Helm release", subject.name)
        for keys in carried:
            for kind, name in _deployers(keys):
                if kind and not (app and app.name == name):
                    yield Deployed(kind, name)
            if release := keys.get(_RELEASE_NAME, ""):
                yield Deployed("Helm release", release)


def _deployers(keys: Keys) -> Iterator[tuple[str, str]]:
    """(kind, name) of what the keys say deploys an object; kind "" where that holds only if there is one."""
    if tracking := keys.get(_TRACKING, "").partition(":")[0]:
        # Of an application outside of Argo CD's own namespace: <its namespace>_<its name>
        # (argo-cd.readthedocs.io/en/stable/operator-manual/app-any-namespace, read 2026-11-21).
        yield APPLICATION, tracking.rpartition("_")[2]
    for key, kind in _FLUX:
        if name := keys.get(key, ""):
            yield kind, name
    for number, key in enumerate(_INSTANCES):
        if name := keys.get(key, ""):
            yield "" if number else APPLICATION, name


_NOBODY = Client("")


# ---- reading what is stored


def surroundings(
    name: str,
    attributes: Mapping[str, str],
    value: Callable[[str], Any],
    account: model.Account | None,
    keys: Collection[str],
) -> Surroundings:
    """Everything by what it is called. value gives a part of the cluster, None where it was not read.

    keys: the operator's own, which are looked for among tags.
    """
    control_plane: model.ControlPlane | None = value(parts.CONTROL_PLANE)
    found = Surroundings(
        name,
        attributes,
        tags=_tags(control_plane.tags if control_plane else NONE, keys),
        account=account and model.Account(account.id, account.name, account.ou, _tags(account.tags, keys)),
    )
    for each in value(parts.NAMESPACES) or ():
        found.namespaces[each.name] = found.objects[Subject("Namespace", each.name)] = each.owner
    pods: model.Pods | None = value(parts.PODS)
    for each in (*(value(parts.WORKLOADS) or ()), *(pods.ownerless if pods else ())):
        found.workloads.setdefault(each.namespace, []).append(each)
        found.objects[subject_of(each)] = each.owner
    _add_around(found, value)
    for group in value(parts.NODE_GROUPS) or ():
        found.node_groups[group.name] = _tags(group.tags, keys)
    for node in value(parts.NODES) or ():
        found.groups[node.name] = node.group
    found.clients = dict(_clients(value, found))
    return found


def _add_around(found: Surroundings, value: Callable[[str], Any]) -> None:
    for each in value(parts.BUDGETS) or ():
        found.objects[Subject("PodDisruptionBudget", each.name, each.namespace)] = each.owner
    apps: Sequence[observed.GitOpsApp] = value(parts.GITOPS) or ()
    found.apps = {name: tuple(each) for name, each in _grouped(apps).items()}
    found.releases = {(app.destination, app.release): app for app in reversed(apps)}
    for app in apps:
        found.objects[Subject(app.kind, app.name, app.namespace)] = app.owner
    for note in value(parts.POD_NOTES) or ():
        pod = Subject("Pod", note.name, note.namespace)
        found.objects[pod] = note.owner
        kind, _, name = note.controller.partition("/")
        if name:
            found.belongs[pod] = Subject(kind, name, note.namespace)
    for volume in value(parts.VOLUMES) or ():
        found.homes[Subject(_PERSISTENT_VOLUME, volume.name)] = volume.claim.partition("/")[0]
    for webhook in value(parts.WEBHOOKS) or ():
        subject = Subject(webhook.kind, webhook.configuration)
        found.objects[subject] = webhook.owner
        found.homes.setdefault(subject, webhook.service.partition("/")[0])
    for service in value(parts.API_SERVICES) or ():
        subject = Subject("APIService", service.name)
        found.objects[subject] = service.owner
        found.homes[subject] = service.service.partition("/")[0]


def _grouped(apps: Iterable[observed.GitOpsApp]) -> dict[str, list[observed.GitOpsApp]]:
    found: dict[str, list[observed.GitOpsApp]] = {}
    for app in apps:
        found.setdefault(app.name, []).append(app)
    return found


def _tags(tags: Keys, own: Collection[str]) -> Keys:
    """Those that name owners, as they are written: the keys of AWS's tags have cases."""
    kept = owner_keys(tags, None, own)
    return {key: value for key, value in tags.items() if key.lower() in kept}


def _clients(value: Callable[[str], Any], found: Surroundings) -> Iterator[tuple[str, Client]]:
    """Those that no workload explains; of one API or insight the last that called."""
    insights: Sequence[Insight] = value(parts.INSIGHTS) or ()
    calls: Sequence[observed.AuditCall] = value(parts.AUDIT_CALLS) or ()
    if not (insights or calls):
        return
    callers = Callers.of([each for every in found.workloads.values() for each in every])
    for insight in insights:
        each = [(usage.usage, client) for usage in insight.deprecations for client in usage.clients]
        each.sort(key=lambda one: one[1].last_request.timestamp() if one[1].last_request else 0.0)
        for usage, client in each:
            if is_own(client.user_agent) or callers.of_agent(client.user_agent):
                continue
            yield insight.id, Client(client.user_agent)
            if api := USAGE.search(usage):
                yield "{resource}.{version}.{group}".format(**api.groupdict()), Client(client.user_agent)
    for call in sorted(calls, key=lambda one: one.last):
        if not (is_own(call.user_agent) or callers.of_user(call.user) or callers.of_agent(call.user_agent)):
            account = call.user.removeprefix(_SERVICE_ACCOUNT) if call.user.startswith(_SERVICE_ACCOUNT) else ""
            name = f"{call.resource}.{call.version}.{call.group or 'core'}"
            yield name, Client(call.user_agent, account.partition(":")[0])
