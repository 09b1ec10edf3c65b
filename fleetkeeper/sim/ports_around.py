"""What stands around the workloads of a simulated cluster, as the Kube port gives it: budgets, volumes, webhooks, …"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from fleetkeeper.core import observed
from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.core.field_owners import AddonObject, FieldsOf, customised
from fleetkeeper.core.owner_keys import is_owner_key, owner_keys
from fleetkeeper.core.pod_annotations import asks_to_stay, kept_annotations
from fleetkeeper.core.pods import (
    BUILT_FROM_THE_API,
    VOLUME_SOURCES,
    Labels,
    PodTemplate,
    Requirement,
    Toleration,
    Volume,
    is_gpu,
)
from fleetkeeper.sim.world import Object

_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone")
_IN_TREE = ("awsElasticBlockStore", "local", "hostPath", "nfs", "iscsi", "fc", "flexVolume")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def owner_of(obj: Object) -> Mapping[str, str]:
    said = [
        {key: value for key, value in (obj["metadata"].get(member) or {}).items() if is_owner_key(key.lower())}
        for member in ("labels", "annotations")
    ]
    return owner_keys(said[0], said[1])


def labels(selector: Object | None) -> Labels | None:
    if selector is None:
        return None
    return Labels(selector.get("matchLabels") or {}, _requirements(selector.get("matchExpressions")))


def template(given: Object | None, metadata: Object) -> PodTemplate | None:
    """The part of a pod template, or of a pod, that an upgrade depends on."""
    spec = (given or {}).get("spec")
    if spec is None:
        return None
    affinity = spec.get("affinity") or {}
    nodes, apart = affinity.get("nodeAffinity") or {}, affinity.get("podAntiAffinity") or {}
    chosen = tuple(Requirement(key, "In", (value,)) for key, value in (spec.get("nodeSelector") or {}).items())
    containers = spec.get("containers") or ()
    return PodTemplate(
        labels=metadata.get("labels") or {},
        annotations=kept_annotations(metadata.get("annotations")),
        node_terms=(*chosen, *_node_terms(nodes.get(_REQUIRED))),
        preferred_terms=_of_terms(each.get("preference") for each in nodes.get(_PREFERRED) or ()),
        tolerations=tuple(_toleration(each) for each in spec.get("tolerations") or ()),
        apart=_topologies(apart.get(_REQUIRED)),
        apart_preferred=_topologies(each.get("podAffinityTerm") for each in apart.get(_PREFERRED) or ()),
        spread=_topologies(spec.get("topologySpreadConstraints")),
        volumes=tuple(found for each in spec.get("volumes") or () if (found := _pod_volume(each))),
        is_probed=bool(containers) and all(each.get("readinessProbe") is not None for each in containers),
        service_account=spec.get("serviceAccountName") or "",
        priority_class=spec.get("priorityClassName") or "",
        grace_seconds=spec.get("terminationGracePeriodSeconds"),
        host_network=bool(spec.get("hostNetwork")),
        requests_gpu=any(is_gpu(name) for each in containers for name in _asked(each)),
    )


def minimums(scalers: Iterable[Object]) -> dict[tuple[str, str, str], int]:
    """The least size of what a HorizontalPodAutoscaler scales, by namespace, kind and name."""
    found = {}
    for each in scalers:
        target = each["spec"].get("scaleTargetRef")
        if target:
            least = each["spec"].get("minReplicas")
            found[each["metadata"]["namespace"], target["kind"], target["name"]] = 1 if least is None else least
    return found


def budget(obj: Object) -> observed.Budget:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    said = _said(status, "DisruptionAllowed")
    return observed.Budget(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        selector=labels(spec.get("selector")),
        minimum=str(spec.get("minAvailable", "")),
        maximum_unavailable=str(spec.get("maxUnavailable", "")),
        unhealthy_policy=spec.get("unhealthyPodEvictionPolicy") or "",
        expected=status.get("expectedPods", 0),
        desired=status.get("desiredHealthy", 0),
        healthy=status.get("currentHealthy", 0),
        allowed=status.get("disruptionsAllowed", 0),
        observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
        reason=said.get("reason", ""),
        message=said.get("message", ""),
        owner=owner_of(obj),
    )


def volume(obj: Object) -> observed.PersistentVolume:
    spec = obj.get("spec") or {}
    terms = _node_terms((spec.get("nodeAffinity") or {}).get("required"))
    claim = spec.get("claimRef")
    source = next((name for name in _IN_TREE if spec.get(name) is not None), "")
    return observed.PersistentVolume(
        name=obj["metadata"]["name"],
        source=spec["csi"]["driver"] if spec.get("csi") else source,
        zones=_each(value for term in terms if term.key in _ZONES for value in term.values),
        claim=f"{claim['namespace']}/{claim['name']}" if claim else "",
        nodes=_each(value for term in terms if term.key == "kubernetes.io/hostname" for value in term.values),
        storage_class=spec.get("storageClassName") or "",
        keys=_each(term.key for term in terms),
    )


def webhooks(kind: str, obj: Object, ready: Mapping[str, int]) -> Iterator[observed.Webhook]:
    """ready: the endpoints of each service, by namespace/name."""
    for each in obj.get("webhooks") or ():
        client = each.get("clientConfig") or {}
        service = place(client.get("service"))
        yield observed.Webhook(
            kind=kind,
            configuration=obj["metadata"]["name"],
            name=each["name"],
            fails_closed=each.get("failurePolicy") != "Ignore",
            service=service,
            url=client.get("url") or "",
            endpoints=ready.get(service, 0) if service else None,
            timeout_seconds=each.get("timeoutSeconds", 10),
            equivalent=each.get("matchPolicy") != "Exact",
            rules=tuple(_rule(rule) for rule in each.get("rules") or ()),
            namespaces=labels(each.get("namespaceSelector")) or Labels(),
            objects=labels(each.get("objectSelector")) or Labels(),
            owner=owner_of(obj),
        )


def ready_endpoints(slices: Iterable[Object]) -> dict[str, int]:
    """namespace/name of a service → its ready endpoints, of the family that has more."""
    found: dict[str, dict[bool, set[str]]] = {}
    for each in slices:
        name = (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
        families = found.setdefault(f"{each['metadata']['namespace']}/{name}", {})
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses"):
                address = endpoint["addresses"][0]
                families.setdefault(":" in address, set()).add(address)
    return {service: max(map(len, families.values()), default=0) for service, families in found.items()}


def api_service(obj: Object) -> observed.ApiService | None:
    spec = obj.get("spec") or {}
    if not spec.get("service"):
        return None
    said = _said(obj.get("status") or {}, "Available")
    return observed.ApiService(
        name=obj["metadata"]["name"],
        group=spec.get("group", ""),
        version=spec.get("version", ""),
        service=place(spec["service"]),
        available=said.get("status") == "True",
        reason=said.get("reason", ""),
        message=said.get("message", ""),
        owner=owner_of(obj),
    )


def place(service: Object | None) -> str:
    return f"{service.get('namespace', '')}/{service.get('name', '')}" if service else ""


def pod_notes(pods: Iterable[Object], controllers: Mapping[tuple[str, str, str], Object]) -> Iterator[observed.PodNote]:
    """controllers: ReplicaSets and Jobs by namespace, kind and name."""
    for pod in pods:
        metadata = pod["metadata"]
        detail, held = asks_to_stay(metadata.get("annotations")), metadata.get("finalizers")
        note = observed.PodNote(
            namespace=metadata["namespace"],
            name=metadata["name"],
            why="do-not-disrupt",
            detail=detail,
            controller=_top(metadata, controllers),
            node=(pod.get("spec") or {}).get("nodeName") or "",
            owner=owner_of(pod),
        )
        if detail:
            yield note
        if held and metadata.get("deletionTimestamp"):
            since = datetime.fromisoformat(metadata["deletionTimestamp"])
            yield replace(note, why="finalizers", detail=", ".join(held), since=since)


def traces(obj: Object, kind: LiveKind) -> Iterator[observed.ObjectTrace]:
    """As the adapter tells them; the note of kubectl apply is JSON, of which the beginning is enough here."""
    metadata = obj["metadata"]
    newest: dict[tuple[str, str], str] = {}
    for entry in metadata.get("managedFields") or ():
        if entry["apiVersion"] in kind.old:
            who = entry["apiVersion"], entry["manager"]
            newest[who] = max(newest.get(who, ""), entry.get("time") or "")
    note = (metadata.get("annotations") or {}).get(_APPLIED, "")
    told = [("managed fields", *who, at) for who, at in sorted(newest.items())]
    told += [
        ("last applied", each, "", "")
        for each in sorted(kind.old)
        if f'"apiVersion":"{each}","kind":"{kind.kind}"' in note
    ]
    told += [("stored object", kind.lost, "", "")] if kind.lost else []
    for source, api_version, manager, at in told:
        yield observed.ObjectTrace(
            source=source,
            api_version=api_version,
            kind=kind.kind,
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata["uid"],
            manager=manager,
            at=datetime.fromisoformat(at) if at else None,
            owner=owner_of(obj),
        )


def changed_fields(obj: Object, where: AddonObject) -> tuple[observed.Customised, ...]:
    entries = obj["metadata"].get("managedFields") or ()
    return customised(where, [FieldsOf(e["manager"], e.get("subresource", ""), e["fieldsV1"]) for e in entries])


def _top(metadata: Object, controllers: Mapping[tuple[str, str, str], Object]) -> str:
    owner = _controller(metadata)
    if owner is None:
        return ""
    between = controllers.get((metadata["namespace"], owner["kind"], owner["name"]))
    top = (_controller(between["metadata"]) if between else None) or owner
    return f"{top['kind']}/{top['name']}"


def _controller(metadata: Object) -> Object | None:
    owners: Sequence[Object] = metadata.get("ownerReferences") or ()
    return next((each for each in owners if each.get("controller")), owners[0] if owners else None)


def _said(status: Object, kind: str) -> Object:
    return next((each for each in status.get("conditions") or () if each["type"] == kind), {})


def _rule(given: Object) -> observed.WebhookRule:
    groups, versions, resources, operations = (
        tuple(given.get(member) or ()) for member in ("apiGroups", "apiVersions", "resources", "operations")
    )
    return observed.WebhookRule(groups, versions, resources, operations, given.get("scope") or "*")


def _node_terms(required: Object | None) -> tuple[Requirement, ...]:
    return _of_terms((required or {}).get("nodeSelectorTerms") or ())


def _of_terms(terms: Iterable[Object | None]) -> tuple[Requirement, ...]:
    return tuple(each for term in terms if term for each in _requirements(term.get("matchExpressions")))


def _requirements(terms: Iterable[Object] | None) -> tuple[Requirement, ...]:
    return tuple(Requirement(each["key"], each["operator"], tuple(each.get("values") or ())) for each in terms or ())


def _toleration(given: Object) -> Toleration:
    operator = given.get("operator") or "Equal"
    return Toleration(given.get("key") or "", operator, given.get("value") or "", given.get("effect") or "")


def _topologies(terms: Iterable[Object | None] | None) -> tuple[str, ...]:
    return _each(each["topologyKey"] for each in terms or () if each)


def _pod_volume(given: Object) -> Volume | None:
    kind = next((key for key in given if key != "name"), "")
    if kind in BUILT_FROM_THE_API:
        return None
    source = (given.get(kind) or {}).get(VOLUME_SOURCES.get(kind, ""))
    return Volume(given.get("name", ""), kind, source if isinstance(source, str) else "")


def _asked(container: Object) -> Iterable[Any]:
    resources = container.get("resources") or {}
    return (*(resources.get("limits") or ()), *(resources.get("requests") or ()))


def _each(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))
