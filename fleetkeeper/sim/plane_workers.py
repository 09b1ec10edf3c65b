"""Workers of a real control plane: nodes are made, cordoned, drained and removed through its API, as its admin."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from fleetkeeper.sim.aws.workers import (
    EXCLUDED,
    BlockedPod,
    Draining,
    NodeOrder,
    has_to_move,
    loads,
    new_node,
    pods_of,
)
from fleetkeeper.sim.bringing import NODES, kwok_node
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.control_plane.wire import Answer
from fleetkeeper.sim.timeline import Timeline
from fleetkeeper.sim.world import Object, SimCluster

_NOT_YET = {401, 403, 429}
"""An admin is forbidden nothing: so answers an API server that has only begun to serve."""
RETRY = 5.0  # seconds of the world until a write that an API server did not answer is sent again
_LEAVING = "The pod is being deleted and has not ended yet."
_MERGE = "application/merge-patch+json"


class PlaneWorkers:
    """Workers over a real API server; KWOK makes its nodes Ready, and its own controllers move the pods.

    While the API server changes its version it is away: what was to be written is written afterwards, a drain waits.
    """

    def __init__(self, plane: ControlPlane, timeline: Timeline) -> None:
        self._plane = plane
        self._timeline = timeline
        self._closed = False

    def close(self) -> None:
        """Write nothing any more: the plane is about to end."""
        self._closed = True

    def create_node(self, cluster: SimCluster, order: NodeOrder) -> str:
        node = new_node(cluster, order)
        self._surely(cluster, lambda: self._plane.request("POST", NODES, kwok_node(node)))
        return str(node["metadata"]["name"])

    def cordon(self, cluster: SimCluster, node: str, *, on: bool) -> None:
        if node:
            change = {"metadata": {"labels": {EXCLUDED: "true" if on else None}}, "spec": {"unschedulable": on or None}}
            self._surely(cluster, lambda: self._plane.request("PATCH", f"{NODES}/{node}", change, content_type=_MERGE))

    def evict_all(self, cluster: SimCluster, node: str) -> Draining:
        if not node:
            return Draining(0)
        try:
            blocked = self._evicted(node)
        except ControlPlaneError as away:
            blocked = [BlockedPod(*_key(pod), str(away)) for pod in pods_of(cluster, node)]
            return Draining(max(1, len(blocked)), tuple(blocked))
        return Draining(len(blocked), tuple(blocked))

    def loads(self, cluster: SimCluster, nodes: Collection[str]) -> Mapping[str, int]:
        return loads(cluster, nodes)

    def remove_node(self, cluster: SimCluster, node: str) -> None:
        """The node goes, as the cloud takes it away; its pods follow when the garbage collector has seen that."""
        if node:
            self._surely(cluster, lambda: self._plane.request("DELETE", f"{NODES}/{node}"))

    def _evicted(self, node: str) -> list[BlockedPod]:
        """Try to evict every pod of a node; those that stand in the way."""
        path = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}"
        pods = [pod for pod in _accepted(self._plane.request("GET", path), path)["items"] or () if has_to_move(pod)]
        reasons = [(_key(pod), self._evict(pod)) for pod in pods]
        return [BlockedPod(*key, reason) for key, reason in reasons if reason]

    def _evict(self, pod: Object) -> str:
        """Ask the Eviction API for a pod: why it is still there, "" when it is gone."""
        if "deletionTimestamp" in pod["metadata"]:
            return _LEAVING
        namespace, name = _key(pod)
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": {"uid": pod["metadata"]["uid"]}},
        }
        answer = self._plane.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body)
        if answer.ok:
            return _LEAVING
        return "" if answer.status == 404 else _words(answer)

    def _surely(self, cluster: SimCluster, write: Callable[[], Answer]) -> None:
        """Write now, or as soon as the API server answers; nothing where its object is as it should be."""
        if self._closed:
            return
        try:
            answer = write()
        except ControlPlaneError:
            answer = None
        if answer is None or answer.status in _NOT_YET or answer.status >= 500:
            self._timeline.after(RETRY, lambda: self._surely(cluster, write))
        elif not answer.ok and answer.status not in {404, 409}:  # gone already, or there already
            raise ControlPlaneError(f"{cluster.key} refused a write of EKS: {answer.status} {_words(answer)}")


def _key(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _accepted(answer: Answer, path: str) -> Any:
    if not answer.ok:
        raise ControlPlaneError(f"GET {path}: {answer.status} {_words(answer)}")
    return answer.json()


def _words(answer: Answer) -> str:
    """What a Status says, with its causes: those name the budget."""
    try:
        status = answer.json()
        causes = [cause["message"] for cause in (status.get("details") or {}).get("causes", ()) if "message" in cause]
        return " ".join([str(status["message"]), *causes])
    except (ValueError, KeyError, AttributeError):
        return answer.body.decode(errors="replace")
