"""Why a pod may not go to a node, in the scheduler's words; after pkg/scheduler/framework/plugins (v1.36.4)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.daemonset import tolerated
from fleetkeeper.sim.controllers.hosts import REQUIRED, Host, Manner, is_eligible
from fleetkeeper.sim.controllers.live import Live, controller_of
from fleetkeeper.sim.controllers.matching import node_matches, selects, tolerates
from fleetkeeper.sim.world import Object

Filter = Callable[[Host], str]
"""The reason against a node, "" for none."""

_ANTI = "node(s) didn't match pod anti-affinity rules"
_AWAY_FROM_VOLUME = "node(s) didn't match PersistentVolume's node affinity"
_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


def manner_of(live: Live, pod: Object) -> Manner:
    """What the pod accepts of a node by its tolerations, node selector and node affinity."""
    return live.once(_manner, pod["spec"], controller_of(pod))


def _manner(spec: Object, reference: Object | None) -> Manner:
    accepted, affinity = tolerated(spec, reference), (spec.get("affinity") or {}).get("nodeAffinity")
    name = repr((accepted, spec.get("nodeSelector"), affinity))
    return Manner(name, accepted, _takes_cordoned(accepted), spec)


def _takes_cordoned(tolerated: list[Object]) -> bool:
    """Whether pods that tolerate this go to a cordoned node too."""
    return tolerates(tolerated, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})


def filters(live: Live, pod: Object, by_name: Mapping[str, Host]) -> list[Filter]:
    """What else the scheduler asks, in its order, once a node's taints, labels and room let the pod in: places of
    volumes and of other pods."""
    affinity = pod["spec"].get("affinity") or {}
    found = [*_volumes(live, pod), *_spread(live, pod, by_name)]
    found += [_near(live, pod, term, by_name) for term in (affinity.get("podAffinity") or {}).get(REQUIRED) or ()]
    found += [_apart(live, pod, term, by_name) for term in (affinity.get("podAntiAffinity") or {}).get(REQUIRED) or ()]
    found += _existing(live, pod, by_name)
    return found


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
    """Nodes that are alike in the labels that the terms ask for, as those of a zone are, answer alike."""
    asked = sorted({each["key"] for term in terms for each in term.get("matchExpressions") or ()})
    if any(term.get("matchFields") for term in terms):
        return lambda host: "" if node_matches(terms, host.node) else _AWAY_FROM_VOLUME
    known: dict[tuple[str | None, ...], str] = {}

    def reason(host: Host) -> str:
        values = tuple(map(host.labels.get, asked))
        found = known.get(values)
        if found is None:
            found = known[values] = "" if node_matches(terms, host.node) else _AWAY_FROM_VOLUME
        return found

    return reason


def _of_node(name: str) -> Filter:
    return lambda host: "" if host.name == name else "node(s) had volume node affinity conflict"


def claims(live: Live, pod: Object) -> list[Object]:
    """The claims of a pod that exist."""
    found = (live.objects.get("/persistentvolumeclaims", *key) for key in claim_keys(pod))
    return [claim for claim in found if claim is not None]


def claim_keys(pod: Object) -> list[tuple[str, str]]:
    volumes = pod["spec"].get("volumes")
    if not volumes:
        return []
    namespace = pod["metadata"]["namespace"]
    named = [each["persistentVolumeClaim"] for each in volumes if each.get("persistentVolumeClaim")]
    return [(namespace, each["claimName"]) for each in named]


def placed(live: Live, namespaces: Iterable[str], selector: Mapping[str, Any] | None) -> Iterator[Object]:
    """The pods on nodes, not ended, that a term means."""
    for namespace in namespaces:
        for pod in live.objects.find("namespace", pods.PODS, namespace):
            on_node = pod["spec"].get("nodeName") and not pods.is_ended(pod)
            if on_node and selects(selector, pod["metadata"].get("labels")):
                yield pod


def _domains(found: Iterable[Object], key: str, by_name: Mapping[str, Host]) -> Counter[str]:
    """How many of the pods are in each domain of a topology key."""
    counts: Counter[str] = Counter()
    for pod in found:
        host = by_name.get(pod["spec"]["nodeName"])
        domain = host.labels.get(key) if host else None
        if domain is not None:
            counts[domain] += 1
    return counts


def _meant(term: Object, pod: Object) -> Iterable[str]:
    return term.get("namespaces") or (pod["metadata"]["namespace"],)


def _apart(live: Live, pod: Object, term: Object, by_name: Mapping[str, Host]) -> Filter:
    key = term["topologyKey"]
    taken = _domains(placed(live, _meant(term, pod), term.get("labelSelector")), key, by_name)
    return lambda host: _ANTI if taken[host.labels.get(key, "")] else ""


def _near(live: Live, pod: Object, term: Object, by_name: Mapping[str, Host]) -> Filter:
    """The first pod of a group that wants to be near itself may go anywhere."""
    key = term["topologyKey"]
    taken = _domains(placed(live, _meant(term, pod), term.get("labelSelector")), key, by_name)
    first = not taken and selects(term.get("labelSelector"), pod["metadata"].get("labels"))

    def reason(host: Host) -> str:
        domain = host.labels.get(key)
        accepted = domain is not None and (first or taken[domain] > 0)
        return "" if accepted else "node(s) didn't match pod affinity rules"

    return reason


def _existing(live: Live, pod: Object, by_name: Mapping[str, Host]) -> Iterator[Filter]:
    """Pods that are there and want nobody like this one beside them."""
    forbidden: set[tuple[str, str]] = set()
    metadata = pod["metadata"]
    for other in live.objects.find("apart", pods.PODS, "yes"):
        host = by_name.get(other["spec"].get("nodeName", ""))
        if host is None or pods.is_ended(other):
            continue
        for term in other["spec"]["affinity"]["podAntiAffinity"][REQUIRED]:
            meant = metadata["namespace"] in _meant(term, other)
            if meant and selects(term.get("labelSelector"), metadata.get("labels")):
                key = term["topologyKey"]
                forbidden.add((key, host.labels.get(key, "")))
    if forbidden:
        yield lambda host: _EXISTING if any(host.labels.get(key) == domain for key, domain in forbidden) else ""


def wants_apart(pod: Object) -> str:
    """For the index of pods with a required anti-affinity."""
    affinity = pod["spec"].get("affinity") or {}
    return "yes" if (affinity.get("podAntiAffinity") or {}).get(REQUIRED) else ""


def _spread(live: Live, pod: Object, by_name: Mapping[str, Host]) -> Iterator[Filter]:
    """Topology spread constraints that forbid; their domains are those of the nodes that the pod may choose."""
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        if constraint["whenUnsatisfiable"] != "DoNotSchedule":
            continue
        key, selector = constraint["topologyKey"], constraint.get("labelSelector")
        there = [pod for pod in placed(live, (pod["metadata"]["namespace"],), selector) if not pods.is_leaving(pod)]
        eligible = [host for host in by_name.values() if is_eligible(pod["spec"], host.node)]
        domains = {domain for host in eligible if (domain := host.labels.get(key))}
        counts = _domains(there, key, by_name)
        least = min((counts[domain] for domain in domains), default=0)
        if len(domains) < constraint.get("minDomains", 1):
            least = 0
        more = 1 if selects(selector, pod["metadata"].get("labels")) else 0
        yield _within(key, counts, least + constraint["maxSkew"] - more)


def _within(key: str, counts: Counter[str], most: int) -> Filter:
    def reason(host: Host) -> str:
        domain = host.labels.get(key)
        if domain is None:
            return "node(s) didn't match pod topology spread constraints (missing required label)"
        return "" if counts[domain] <= most else "node(s) didn't match pod topology spread constraints"

    return reason


Score = Callable[[Host], tuple[Any, ...]]


def scorer(manner: Manner, alike: Mapping[str, int], zones: Mapping[str, int]) -> Score:
    """How little a node suits, smaller is better: disliked taints, preferences, pods alike there, then fullness."""

    def score(host: Host) -> tuple[Any, ...]:
        name, has, used = host.name, host.has, host.used
        full = used.cpu / has.cpu + used.memory / has.memory
        return host.dislikes(manner), alike.get(name, 0), zones.get(host.zone, 0), full, used.pods, name

    return score


def looks_at_others(pod: Object) -> str:
    """For the index of pods without a node that other pods' places may help."""
    spec = pod["spec"]
    drawn = (spec.get("affinity") or {}).get("podAffinity") or spec.get("topologySpreadConstraints")
    return "yes" if drawn and not spec.get("nodeName") else ""
