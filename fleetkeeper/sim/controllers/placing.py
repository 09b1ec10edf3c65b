"""Why a pod may not go to a node, in the scheduler's words; after pkg/scheduler/framework/plugins (v1.36.4)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.daemonset import tolerations
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.matching import is_true, node_matches, selects, tolerates
from fleetkeeper.sim.controllers.usage import Request, requests
from fleetkeeper.sim.world import Object

Filter = Callable[[Object], str]
"""The reason against a node, "" for none."""

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
_ANTI = "node(s) didn't match pod anti-affinity rules"
_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


def filters(live: Live, pod: Object, nodes: list[Object]) -> list[Filter]:
    """The filters of one pod, in the order in which the scheduler asks them."""
    spec = pod["spec"]
    found: list[Filter] = [_cordoned(pod), _taints(live, pod)]
    if spec.get("nodeSelector") or spec.get("affinity"):
        found.append(_selector(spec))
    found.append(_room(live, pod))
    affinity = spec.get("affinity") or {}
    by_name = {node["metadata"]["name"]: node for node in nodes}
    found += _volumes(live, pod)
    found += _spread(live, pod, nodes, by_name)
    found += [_near(live, pod, term, by_name) for term in (affinity.get("podAffinity") or {}).get(_REQUIRED) or ()]
    found += [_apart(live, pod, term, by_name) for term in (affinity.get("podAntiAffinity") or {}).get(_REQUIRED) or ()]
    found += _existing(live, pod, by_name)
    return found


def node_taints(node: Object) -> list[Object]:
    """Its taints, with the one that admission gives to a node that was never ready."""
    found = list(node["spec"].get("taints") or ())
    ready = any(each["type"] == "Ready" for each in node.get("status", {}).get("conditions") or ())
    return found if ready else [*found, _NOT_READY]


CORDONED = "node(s) were unschedulable"


def takes_cordoned(pod: Object) -> bool:
    """Whether a pod goes to a cordoned node too."""
    return tolerates(tolerations(pod), {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})


def _cordoned(pod: Object) -> Filter:
    allowed = takes_cordoned(pod)
    return lambda node: CORDONED if node["spec"].get("unschedulable") and not allowed else ""


def _taints(live: Live, pod: Object) -> Filter:
    tolerated = tolerations(pod)

    def reason(node: Object) -> str:
        made_of = (node["spec"], node.get("status"))
        for taint in live.memo.of(("taints", node["metadata"]["name"]), made_of, lambda: node_taints(node)):
            if taint["effect"] != "PreferNoSchedule" and not tolerates(tolerated, taint):
                return "node(s) had untolerated taint(s)"
        return ""

    return reason


def _selector(spec: Object) -> Filter:
    return lambda node: "" if is_eligible(spec, node) else "node(s) didn't match Pod's node affinity/selector"


def is_eligible(spec: Object, node: Object) -> bool:
    """Whether the pod's node selector and required node affinity accept a node."""
    if not selects({"matchLabels": spec.get("nodeSelector") or {}}, node["metadata"].get("labels")):
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED)
    return not required or node_matches(required["nodeSelectorTerms"], node)


def _room(live: Live, pod: Object) -> Filter:
    asked = requests(pod)

    def reason(node: Object) -> str:
        left: Request = live.used.allocatable(node) - live.used.of(node["metadata"]["name"])
        if left.pods < 1:
            return "Too many pods"
        if asked.cpu and asked.cpu > left.cpu + 1e-9:
            return "Insufficient cpu"
        return "Insufficient memory" if asked.memory and asked.memory > left.memory else ""

    return reason


def _volumes(live: Live, pod: Object) -> Iterator[Filter]:
    for claim in claims(live, pod):
        volume = live.objects.get("/persistentvolumes", "", claim["spec"].get("volumeName", ""))
        required = ((volume or {}).get("spec", {}).get("nodeAffinity") or {}).get("required")
        chosen = (claim["metadata"].get("annotations") or {}).get("volume.kubernetes.io/selected-node")
        if required:
            yield _of_volume(required["nodeSelectorTerms"])
        elif chosen and live.objects.get("/nodes", "", chosen) is not None:
            yield _of_node(chosen)


def _of_volume(terms: list[Object]) -> Filter:
    return lambda node: "" if node_matches(terms, node) else "node(s) didn't match PersistentVolume's node affinity"


def _of_node(name: str) -> Filter:
    return lambda node: "" if node["metadata"]["name"] == name else "node(s) had volume node affinity conflict"


def claims(live: Live, pod: Object) -> list[Object]:
    """The claims of a pod that exist."""
    found = (live.objects.get("/persistentvolumeclaims", *key) for key in claim_keys(pod))
    return [claim for claim in found if claim is not None]


def claim_keys(pod: Object) -> list[tuple[str, str]]:
    namespace = pod["metadata"]["namespace"]
    named = (each.get("persistentVolumeClaim") for each in pod["spec"].get("volumes") or ())
    return [(namespace, each["claimName"]) for each in named if each]


def placed(live: Live, namespaces: Iterable[str], selector: Mapping[str, Any] | None) -> Iterator[Object]:
    """The pods on nodes, not ended, that a term means."""
    for namespace in namespaces:
        for pod in live.objects.find("namespace", pods.PODS, namespace):
            on_node = pod["spec"].get("nodeName") and not pods.is_ended(pod)
            if on_node and selects(selector, pod["metadata"].get("labels")):
                yield pod


def _domains(found: Iterable[Object], key: str, by_name: Mapping[str, Object]) -> Counter[str]:
    """How many of the pods are in each domain of a topology key."""
    counts: Counter[str] = Counter()
    for pod in found:
        node = by_name.get(pod["spec"]["nodeName"])
        domain = (node["metadata"].get("labels") or {}).get(key) if node else None
        if domain is not None:
            counts[domain] += 1
    return counts


def _meant(term: Object, pod: Object) -> Iterable[str]:
    return term.get("namespaces") or (pod["metadata"]["namespace"],)


def _apart(live: Live, pod: Object, term: Object, by_name: Mapping[str, Object]) -> Filter:
    key = term["topologyKey"]
    taken = _domains(placed(live, _meant(term, pod), term.get("labelSelector")), key, by_name)
    return lambda node: _ANTI if taken[(node["metadata"].get("labels") or {}).get(key, "")] else ""


def _near(live: Live, pod: Object, term: Object, by_name: Mapping[str, Object]) -> Filter:
    """The first pod of a group that wants to be near itself may go anywhere."""
    key = term["topologyKey"]
    taken = _domains(placed(live, _meant(term, pod), term.get("labelSelector")), key, by_name)
    first = not taken and selects(term.get("labelSelector"), pod["metadata"].get("labels"))

    def reason(node: Object) -> str:
        domain = (node["metadata"].get("labels") or {}).get(key)
        accepted = domain is not None and (first or taken[domain] > 0)
        return "" if accepted else "node(s) didn't match pod affinity rules"

    return reason


def _existing(live: Live, pod: Object, by_name: Mapping[str, Object]) -> Iterator[Filter]:
    """Pods that are there and want nobody like this one beside them."""
    forbidden: set[tuple[str, str]] = set()
    metadata = pod["metadata"]
    for other in live.objects.find("apart", pods.PODS, "yes"):
        node = by_name.get(other["spec"].get("nodeName", ""))
        if node is None or pods.is_ended(other):
            continue
        for term in other["spec"]["affinity"]["podAntiAffinity"][_REQUIRED]:
            meant = metadata["namespace"] in _meant(term, other)
            if meant and selects(term.get("labelSelector"), metadata.get("labels")):
                key = term["topologyKey"]
                forbidden.add((key, (node["metadata"].get("labels") or {}).get(key, "")))
    if forbidden:
        yield (
            lambda node: (
                _EXISTING
                if any((node["metadata"].get("labels") or {}).get(key) == domain for key, domain in forbidden)
                else ""
            )
        )


def wants_apart(pod: Object) -> str:
    """For the index of pods with a required anti-affinity."""
    affinity = pod["spec"].get("affinity") or {}
    return "yes" if (affinity.get("podAntiAffinity") or {}).get(_REQUIRED) else ""


def _spread(live: Live, pod: Object, nodes: list[Object], by_name: Mapping[str, Object]) -> Iterator[Filter]:
    """Topology spread constraints that forbid; their domains are those of the nodes that the pod may choose."""
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        if constraint["whenUnsatisfiable"] != "DoNotSchedule":
            continue
        key, selector = constraint["topologyKey"], constraint.get("labelSelector")
        there = [pod for pod in placed(live, (pod["metadata"]["namespace"],), selector) if not pods.is_leaving(pod)]
        eligible = [node for node in nodes if is_eligible(pod["spec"], node)]
        domains = {domain for node in eligible if (domain := (node["metadata"].get("labels") or {}).get(key))}
        counts = _domains(there, key, by_name)
        least = min((counts[domain] for domain in domains), default=0)
        if len(domains) < constraint.get("minDomains", 1):
            least = 0
        more = 1 if selects(selector, pod["metadata"].get("labels")) else 0
        yield _within(key, counts, least + constraint["maxSkew"] - more)


def _within(key: str, counts: Counter[str], most: int) -> Filter:
    def reason(node: Object) -> str:
        domain = (node["metadata"].get("labels") or {}).get(key)
        if domain is None:
            return "node(s) didn't match pod topology spread constraints (missing required label)"
        return "" if counts[domain] <= most else "node(s) didn't match pod topology spread constraints"

    return reason


def scorer(live: Live, pod: Object, alike: Counter[str], zones: Counter[str]) -> Callable[[Object], tuple[Any, ...]]:
    """How little a node suits, smaller is better: disliked taints, preferences, pods alike there, then fullness."""
    tolerated = tolerations(pod)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    liked = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()

    def score(node: Object) -> tuple[Any, ...]:
        disliked = sum(
            taint["effect"] == "PreferNoSchedule" and not tolerates(tolerated, taint) for taint in node_taints(node)
        )
        preferred = sum(each["weight"] for each in liked if node_matches([each["preference"]], node))
        name, has = node["metadata"]["name"], live.used.allocatable(node)
        used = live.used.of(name)
        full = used.cpu / has.cpu + used.memory / has.memory
        zone = (node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", "")
        return not is_true(node, "Ready"), disliked, -preferred, alike[name], zones[zone], full, used.pods, name

    return score


def looks_at_others(pod: Object) -> str:
    """For the index of pods without a node that other pods' places may help."""
    spec = pod["spec"]
    drawn = (spec.get("affinity") or {}).get("podAffinity") or spec.get("topologySpreadConstraints")
    return "yes" if drawn and not spec.get("nodeName") else ""
