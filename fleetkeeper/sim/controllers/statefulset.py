"""StatefulSets: numbered pods with claims of their own, in order.

After k8s.io/kubernetes/pkg/controller/statefulset (v1.36.4), without ControllerRevision objects: a pod belongs to
today's revision when it is what today's template makes.
"""

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, itself, of_controller
from fleetkeeper.sim.controllers.tallies import Tallies
from fleetkeeper.sim.kube.state_log import Key, key_of
from fleetkeeper.sim.world import Object

RESOURCE = "apps/statefulsets"
CLAIMS = "/persistentvolumeclaims"
_REVISION = "controller-revision-hash"


def reconcile(live: Live, key: Key) -> None:
    found = live.objects.get(RESOURCE, *key)
    if found is None:
        return
    tally = live.follower(Tallies).of(live.objects, found["metadata"]["uid"])
    if tally.settled is found:
        return
    written = live.objects.revision
    revision = f"{key[1]}-{live.once(pods.template_hash, found['spec']['template'])}"
    if "deletionTimestamp" not in found["metadata"]:
        _step(live, found, revision)
    stays = live.objects.revision == written and "minReadySeconds" not in found["spec"]
    _count(live, live.objects.get(RESOURCE, *key) or found, revision)
    tally.settled = live.objects.get(RESOURCE, *key) if stays else None


def _step(live: Live, found: Object, revision: str) -> None:
    """Make what is missing, then take what is too much, then replace what is old: one pod at a time if ordered."""
    spec, name = found["spec"], found["metadata"]["name"]
    start = (spec.get("ordinals") or {}).get("start", 0)
    ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    have = {pod["metadata"]["name"]: pod for pod in pods.owned(live, found)}
    wanted = [f"{name}-{number}" for number in range(start, start + spec.get("replicas", 1))]
    for each in wanted:
        pod = have.get(each)
        if pod is None:
            _create(live, found, each, revision)
        elif pods.is_ended(pod) and not pods.is_leaving(pod):
            live.objects.delete(pods.PODS, key_of(pod))
        elif not ordered or (_is_available(live, found, pod) and not pods.is_leaving(pod)):
            continue
        if ordered:
            return
    surplus = sorted((pod for each, pod in have.items() if each not in wanted), key=_number, reverse=True)
    for pod in surplus:
        if not pods.is_leaving(pod):
            live.objects.delete(pods.PODS, key_of(pod))
        if ordered:
            return
    _replace(live, found, [have[each] for each in wanted if each in have])


def _replace(live: Live, found: Object, have: list[Object]) -> None:
    """The rolling update, from the highest number down to the partition; it waits for each to be ready."""
    strategy = found["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    for pod in sorted(have, key=_number, reverse=True):
        if _number(pod) < partition:
            return
        if not pods.is_still_of_template(live, pod, found["spec"]["template"]):
            if not pods.is_leaving(pod):
                live.objects.delete(pods.PODS, key_of(pod))
            return
        if pods.is_leaving(pod) or not _is_available(live, found, pod):
            return


def _number(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _is_available(live: Live, found: Object, pod: Object) -> bool:
    wait = pods.available_in(pod, found["spec"].get("minReadySeconds", 0), live.now())
    if wait:
        live.requeue(CONTROLLER, key_of(found), wait)
    return wait == 0


def _create(live: Live, found: Object, name: str, revision: str) -> None:
    namespace, number = found["metadata"]["namespace"], name.rpartition("-")[2]
    if live.objects.get(pods.PODS, namespace, name) is not None:
        return  # another owner's pod has the name
    labels = {
        _REVISION: revision,
        "apps.kubernetes.io/pod-index": number,
        "statefulset.kubernetes.io/pod-name": name,
    }
    pod = pods.from_template(live, found["spec"]["template"], "StatefulSet", found, name, labels)
    spec = {**pod["spec"], "hostname": name, "subdomain": found["spec"].get("serviceName", "")}
    volumes = list(spec.get("volumes") or ())
    for template in found["spec"].get("volumeClaimTemplates") or ():
        volume = template["metadata"]["name"]
        volumes.append({"name": volume, "persistentVolumeClaim": {"claimName": f"{volume}-{name}"}})
        _claim(live, found, template, f"{volume}-{name}")
    if volumes:
        spec["volumes"] = volumes
    live.objects.create(pods.PODS, {**pod, "spec": spec})


def _claim(live: Live, found: Object, template: Object, name: str) -> None:
    namespace = found["metadata"]["namespace"]
    if live.objects.get(CLAIMS, namespace, name) is not None:
        return
    labels = {**((found["spec"].get("selector") or {}).get("matchLabels") or {})}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    claim = {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}}
    live.objects.create(CLAIMS, claim)


def _count(live: Live, found: Object, revision: str) -> None:
    have = pods.owned(live, found)
    before = found.get("status") or {}
    newest = [pod for pod in have if pods.is_still_of_template(live, pod, found["spec"]["template"])]
    replicas = found["spec"].get("replicas", 1)
    ready = sum(pods.is_ready(pod) for pod in have)
    done = len(newest) == len(have) == replicas == ready
    current = revision if done else before.get("currentRevision", revision)
    status: Object = {
        "observedGeneration": found["metadata"].get("generation", 1),
        "replicas": len(have),
        **pods.counted(
            readyReplicas=ready,
            currentReplicas=len(newest) if current == revision else len(have) - len(newest),
            updatedReplicas=len(newest),
        ),
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
        "availableReplicas": sum(_is_available(live, found, pod) for pod in have),
    }
    live.set_status(RESOURCE, found, status)


CONTROLLER = Controller(
    "statefulset",
    RESOURCE,
    reconcile,
    {RESOURCE: itself, pods.PODS: of_controller("StatefulSet")},
    {pods.PODS: ("StatefulSet",)},
)
