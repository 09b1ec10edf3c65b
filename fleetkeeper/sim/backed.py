"""Puts a real control plane behind a cluster of the simulator: EKS changes its version, and its nodes, for real."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.backstage import Switched
from fleetkeeper.sim.bringing import NODES, bring_nodes, bring_objects
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.following import Follower
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from fleetkeeper.sim.controllers.matching import is_true
from fleetkeeper.sim.eks_state import SimUpdateError
from fleetkeeper.sim.loopback import Listener, Loopback
from fleetkeeper.sim.plane_workers import PlaneWorkers
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.token_reviews import token_reviews
from fleetkeeper.sim.world import Object, SimCluster, World

_FOLLOWED = {"/nodes": NODES, "/pods": "/api/v1/pods"}
"""What EKS looks at, as a world's resource and as a path of the API."""


@contextmanager
def backed(simulator: Simulator, key: str, options: Options | None = None) -> Iterator[ControlPlane]:
    """A cluster of a running simulator with a real control plane of its minor behind it, until the block ends.

    The scenario's objects are made there anew (see `bringing`), its nodes are KWOK's and Ready. DescribeCluster names
    the real endpoint; EKS tokens count there as on a simulated API server. UpdateClusterVersion changes the minor,
    which must be built; the API server is away for the seconds that this takes. After the block the endpoint is dead.
    """
    cluster = simulator.world.clusters[key]
    with ExitStack() as ending:
        listener = Listener(token_reviews(cluster, simulator.authenticate))
        ending.callback(Loopback("sim-token-reviews", [listener]).close)
        chosen = replace(options or Options(), token_webhook=f"http://127.0.0.1:{listener.port}/")
        plane = ControlPlane(cluster.version, chosen)
        followers = [_follower(simulator.world, cluster, plane, resource) for resource in _FOLLOWED]
        for follower in followers:
            ending.callback(follower.close)
        ending.enter_context(plane)
        _bring(cluster, plane, chosen)
        cluster.objects = {}
        for follower in followers:
            follower.start()
        _hand_over(simulator, cluster, plane, ending)
        yield plane


def _follower(world: World, cluster: SimCluster, plane: ControlPlane, resource: str) -> Follower:
    """Keeps a kind of object in the world as it is on the real API server."""

    def listed(found: list[Object]) -> None:
        with world.lock:
            cluster.objects[resource] = {}
            for each in found:
                cluster.put(resource, each)

    def changed(kind: str, obj: Object) -> None:
        key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        with world.lock:
            if kind != "DELETED":
                cluster.put(resource, obj)
            elif key in cluster.objects[resource]:
                cluster.remove(resource, *key)

    return Follower(plane, _FOLLOWED[resource], listed, changed)


def _bring(cluster: SimCluster, plane: ControlPlane, options: Options) -> None:
    """Make the scenario's objects on the plane, and wait until KWOK has the nodes Ready."""
    bring_nodes(cluster, plane)
    bring_objects(cluster, plane)
    if options.kwok:
        plane.wait_for(NODES, lambda found: all(is_true(node, "Ready") for node in found["items"]))


def _hand_over(simulator: Simulator, cluster: SimCluster, plane: ControlPlane, ending: ExitStack) -> None:
    """From now on it is the plane that EKS shows, moves and works on; until `ending` ends that."""
    workers, moves = PlaneWorkers(plane, simulator.timeline), _Moves(simulator.world, plane)
    ending.callback(moves.close)
    ending.callback(workers.close)
    with simulator.world.lock:
        cluster.endpoint, cluster.ca_pem = plane.server, plane.ca_pem
        simulator.workers.own[cluster.key] = workers
        simulator.aws.stage.switches[cluster.key] = moves.begin


class _Moves:
    """The changes of version of one plane, each in a thread, because nobody else may wait for them."""

    def __init__(self, world: World, plane: ControlPlane) -> None:
        self._world, self._plane = world, plane
        self._threads: list[threading.Thread] = []

    def begin(self, target: Minor, switched: Switched) -> None:
        thread = threading.Thread(target=self._switch, args=(target, switched), name="sim-switch", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Wait for what is under way: a plane is not stopped while its programs start."""
        for thread in self._threads:
            thread.join()

    def _switch(self, target: Minor, switched: Switched) -> None:
        errors: tuple[SimUpdateError, ...] = ()
        try:
            self._plane.switch(str(target))
        except (ControlPlaneError, OSError) as error:
            message = f"The new API servers did not pass their health checks; reverted: {error}"
            errors = (SimUpdateError("Unknown", message),)
        with self._world.lock:
            switched(errors)
