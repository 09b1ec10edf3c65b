"""Persistent volumes: made or bound for claims, attached to the node of their pod, detached before they move."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from fleetkeeper.sim.controllers import placing, pods
from fleetkeeper.sim.controllers.kubelet import ATTACHMENTS, NODES, answers
from fleetkeeper.sim.controllers.live import Controller, Live, itself
from fleetkeeper.sim.controllers.matching import quantity
from fleetkeeper.sim.kube.state_log import Event, Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

CLAIMS = "/persistentvolumeclaims"
VOLUMES = "/persistentvolumes"
CLASSES = "storage.k8s.io/storageclasses"
_SELECTED = "volume.kubernetes.io/selected-node"
_UNUSED_SINCE = pods.ANNOTATION + "unused-since"
_ZONE = "topology.kubernetes.io/zone"


def reconcile_claim(live: Live, key: Key) -> None:
    """Bind a claim to a volume that is there, or to one that its class makes where its first pod will run."""
    claim = live.objects.get(CLAIMS, *key)
    if claim is None or claim["spec"].get("volumeName") or "deletionTimestamp" in claim["metadata"]:
        return
    storage = live.objects.get(CLASSES, "", claim["spec"].get("storageClassName") or "")
    node = (claim["metadata"].get("annotations") or {}).get(_SELECTED, "")
    waits = storage is not None and storage.get("volumeBindingMode") == "WaitForFirstConsumer" and not node
    if waits:
        return
    volume = _free_volume(live, claim)
    if volume is None and storage is not None and not storage["provisioner"].endswith("/no-provisioner"):
        asked = datetime.fromisoformat(claim["metadata"]["creationTimestamp"])
        left = live.timing.volume_provision - (live.now() - asked).total_seconds()
        if left > 0:
            live.requeue(CLAIM_CONTROLLER, key, left)
            return
        volume = _provision(live, claim, storage, node)
    if volume is not None:
        _bind(live, claim, volume)


def _free_volume(live: Live, claim: Object) -> Object | None:
    """The smallest volume that is enough."""
    spec = claim["spec"]
    wanted = quantity(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))
    fitting = [
        volume
        for volume in live.objects.of(VOLUMES)
        if not volume["spec"].get("claimRef")
        and volume["spec"].get("storageClassName", "") == (spec.get("storageClassName") or "")
        and set(spec.get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ())
        and quantity(volume["spec"]["capacity"]["storage"]) >= wanted
    ]
    return min(fitting, key=lambda each: quantity(each["spec"]["capacity"]["storage"]), default=None)


def _provision(live: Live, claim: Object, storage: Object, node: str) -> Object:
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    handle = "vol-0" + hashlib.blake2b(metadata["uid"].encode(), digest_size=8).hexdigest()
    made: Object = {
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": ((spec.get("resources") or {}).get("requests") or {}).get("storage", "1Gi")},
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
            "storageClassName": storage["metadata"]["name"],
            "volumeMode": "Filesystem",
            "csi": {"driver": storage["provisioner"], "volumeHandle": handle},
        },
        "status": {"phase": "Available"},
    }
    host = live.objects.get(NODES, "", node) if node else None
    zone = ((host or {"metadata": {}})["metadata"].get("labels") or {}).get(_ZONE)
    if zone:
        expression = {"key": _ZONE, "operator": "In", "values": [zone]}
        made["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    known = live.objects.get(VOLUMES, "", name)
    return known or live.objects.create(VOLUMES, made)


def _bind(live: Live, claim: Object, volume: Object) -> None:
    metadata = claim["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"]}
    reference |= {"name": metadata["name"], "uid": metadata["uid"]}
    spec = {**volume["spec"], "claimRef": reference}
    live.objects.update(VOLUMES, {**volume, "spec": spec, "status": {"phase": "Bound"}})
    spec = {**claim["spec"], "volumeName": volume["metadata"]["name"]}
    status = {"phase": "Bound", "accessModes": spec.get("accessModes"), "capacity": volume["spec"]["capacity"]}
    live.objects.update(CLAIMS, {**claim, "spec": spec, "status": status})


def reconcile_volume(live: Live, key: Key) -> None:
    """Release, attach and detach one volume."""
    volume = live.objects.get(VOLUMES, *key)
    live.objects.index("volume", ATTACHMENTS, _volume_of)
    attachments = live.objects.find("volume", ATTACHMENTS, key[1])
    wanted = _users(live, volume) if volume is not None else set()
    for each in attachments:
        _detach(live, each, wanted=each["spec"]["nodeName"] in wanted, key=key)
    if volume is None:
        return
    there = {each["spec"]["nodeName"] for each in attachments}
    shared = set(volume["spec"].get("accessModes") or ()) & {"ReadWriteMany", "ReadOnlyMany"}
    for node in sorted(wanted - there):
        if "csi" in volume["spec"] and (shared or not there):
            _attach(live, volume, node)
            there.add(node)
    if not attachments and not wanted:
        _release(live, volume)


def _users(live: Live, volume: Object) -> set[str]:
    """The nodes of the pods that use a volume; a pod that is leaving still does."""
    claim = volume["spec"].get("claimRef")
    if not claim:
        return set()
    live.objects.index("claim", pods.PODS, _claims_of)
    found = live.objects.find("claim", pods.PODS, f"{claim['namespace']}/{claim['name']}")
    return {pod["spec"]["nodeName"] for pod in found if pod["spec"].get("nodeName") and not pods.is_ended(pod)}


def _volume_of(attachment: Object) -> str:
    return str(attachment["spec"]["source"].get("persistentVolumeName") or "")


def _claims_of(pod: Object) -> tuple[str, ...]:
    return tuple("/".join(each) for each in placing.claim_keys(pod))


def _attach(live: Live, volume: Object, node: str) -> None:
    name, driver = volume["metadata"]["name"], volume["spec"]["csi"]["driver"]
    digest = hashlib.sha256(f"{volume['spec']['csi']['volumeHandle']}{driver}{node}".encode()).hexdigest()
    made = {
        "metadata": {"name": f"csi-{digest}", "finalizers": [f"external-attacher/{driver.replace('.', '-')}"]},
        "spec": {"attacher": driver, "nodeName": node, "source": {"persistentVolumeName": name}},
        "status": {"attached": False},
    }
    if live.objects.get(ATTACHMENTS, "", made["metadata"]["name"]) is None:
        live.objects.create(ATTACHMENTS, made)


def _detach(live: Live, attachment: Object, *, wanted: bool, key: Key) -> None:
    """One step of an attachment's life; each step takes its time."""
    metadata, now = attachment["metadata"], live.now()
    if "deletionTimestamp" in metadata:
        since, delay = metadata["deletionTimestamp"], live.timing.volume_detach
    elif wanted:
        if attachment["status"]["attached"]:
            return
        since, delay = metadata["creationTimestamp"], live.timing.volume_attach
    else:
        healthy = answers(live, live.objects.get(NODES, "", attachment["spec"]["nodeName"]))
        since = (metadata.get("annotations") or {}).get(_UNUSED_SINCE) or stamp(now)
        delay = 0.0 if healthy else live.timing.forced_detach
        annotations = {**(metadata.get("annotations") or {}), _UNUSED_SINCE: since}
        attachment = {**attachment, "metadata": {**metadata, "annotations": annotations}}
        attachment = live.objects.update(ATTACHMENTS, attachment)
    left = delay - (now - datetime.fromisoformat(since)).total_seconds()
    if left > 0:
        live.requeue(VOLUME_CONTROLLER, key, left)
    elif "deletionTimestamp" in metadata:
        rest = {name: value for name, value in metadata.items() if name != "finalizers"}
        live.objects.update(ATTACHMENTS, {**attachment, "metadata": rest})
    elif wanted:
        live.set_status(ATTACHMENTS, attachment, {"attached": True})
    else:
        live.objects.delete(ATTACHMENTS, key_of(attachment))


def _release(live: Live, volume: Object) -> None:
    """A volume whose claim is gone is deleted, or kept as Released."""
    claim = volume["spec"].get("claimRef")
    if not claim or live.objects.get(CLAIMS, claim["namespace"], claim["name"]) is not None:
        return
    if volume["spec"].get("persistentVolumeReclaimPolicy", "Retain") == "Delete":
        live.objects.delete(VOLUMES, key_of(volume))
    else:
        live.set_status(VOLUMES, volume, {"phase": "Released"})


def _of_pod(live: Live, event: Event) -> Iterable[Key]:
    named = (live.objects.get(CLAIMS, *key) for key in placing.claim_keys(event.object))
    return [("", claim["spec"]["volumeName"]) for claim in named if claim and claim["spec"].get("volumeName")]


def _of_claim(_live: Live, event: Event) -> Iterable[Key]:
    name = event.object["spec"].get("volumeName")
    return [("", name)] if name else ()


def _of_attachment(_live: Live, event: Event) -> Iterable[Key]:
    name = event.object["spec"]["source"].get("persistentVolumeName")
    return [("", name)] if name else ()


def _waiting_claims(live: Live, _event: Event) -> Iterable[Key]:
    return [key_of(each) for each in live.objects.of(CLAIMS) if not each["spec"].get("volumeName")]


CLAIM_CONTROLLER = Controller("claims", CLAIMS, reconcile_claim, {CLAIMS: itself, VOLUMES: _waiting_claims})
VOLUME_CONTROLLER = Controller(
    "volumes",
    VOLUMES,
    reconcile_volume,
    {VOLUMES: itself, CLAIMS: _of_claim, ATTACHMENTS: _of_attachment, pods.PODS: _of_pod},
)
