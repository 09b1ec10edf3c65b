"""propose on a real API server: a person changes the object of Argo CD or Flux, its controller acts, it is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, cast

import pytest

from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.adapters.kube.writer import KubeObjects
from fleetkeeper.clock import SystemClock
from fleetkeeper.core.gitops import APPLICATION, HELM_RELEASE
from fleetkeeper.core.verdict import Act, Done, Verdict, Wait
from fleetkeeper.engine.writers import KubeWriter
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.objects import gitops
from tests.control_plane import readers
from tests.control_plane.deployers import Deployer
from tests.control_plane.readers import PATHS, create, reading
from tests.control_plane.test_executor_role import RBAC, manifests
from tests.engine.steps.walking import Place, Walk, told
from tests.waiting import wait_until

MERGE = "application/merge-patch+json"
URL = "https://git.example.com/charts/pull/12"


@pytest.fixture(scope="module")
def plane(plane_minor: str) -> Iterator[ControlPlane]:
    """With controllers, a node that runs pods, the two kinds, and the shipped RBAC of the executor."""
    with ControlPlane(plane_minor) as found:
        found.add_nodes(["node-1"])
        readers.install_gitops(found)
        for manifest in manifests():
            found.create(f"{RBAC}/{manifest['kind'].lower()}s", manifest)
        yield found


@dataclass(frozen=True, slots=True)
class Executor:
    """The Writers port over a plane, with the rights of the shipped role and no more."""

    plane: ControlPlane
    who: Identity

    def kube(self, *_: object) -> KubeWriter:
        credential = Fixed(User(token=self.who.token, certificate=self.who.certificate, key=self.who.key))
        connection = Connection(Endpoint(self.plane.server, self.plane.ca_pem, proxy=Proxy("")), credential)
        return KubeObjects(connection, Limits(), WallPace(Event()), SystemClock())


@contextmanager
def namespace_of(plane: ControlPlane, name: str) -> Iterator[str]:
    plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    plane.request("DELETE", f"/api/v1/namespaces/{name}")


def changed_by_a_person(plane: ControlPlane, kind: str, namespace: str, to: str) -> None:
    """What a merge into the Git repository comes to."""
    argo, flux = {"source": {"targetRevision": to}}, {"chart": {"spec": {"version": to}}}
    changed = {"spec": argo if kind == APPLICATION else flux}
    assert plane.request("PATCH", f"{PATHS[kind].format(namespace)}/web", changed, content_type=MERGE).ok


def walk_of(plane: ControlPlane, kind: str, namespace: str) -> Walk:
    user = plane.mint(f"fleetkeeper-executor-{namespace}", shipped.EXECUTOR_GROUP)
    path = f"{PATHS[kind].format(namespace)}/web"
    wait_until(lambda: plane.request("GET", path, identity=user).ok, "the shipped role holds")
    place = Place()
    place.hooks.says("versions", 201, url=URL)
    place.world = replace(place.world, writers=cast(Any, Executor(plane, user)))
    params = {"change": "release", "name": "web", "namespace": namespace, "from": "6.5.0", "to": "6.6.0"}
    return place.walk("propose", **params, via="hook:versions", object=f"{kind}/{namespace}/web")


def assert_waits(verdict: Verdict, *words: str) -> None:
    assert isinstance(verdict, Wait), verdict
    for each in words:
        assert each in told(verdict), told(verdict)


@pytest.mark.parametrize("kind", [APPLICATION, HELM_RELEASE])
def test_a_person_changes_the_object_its_controller_acts_and_the_step_is_done(plane: ControlPlane, kind: str) -> None:
    with namespace_of(plane, f"web-{kind.lower()}") as namespace:
        made = gitops.application if kind == APPLICATION else gitops.helm_release
        create(plane, kind, namespace, made("web", "podinfo", "6.5.0", namespace, namespace))
        deployer = Deployer(plane, kind, namespace)
        deployer.deploy()
        wait_until(lambda: deployer.is_rolled_out("web"), "podinfo 6.5.0 runs")
        deployer.tell()

        step = walk_of(plane, kind, namespace)
        assert isinstance(step.ticks(2), Act)
        assert_waits(step.tick(), f"proposed at {URL}", f"until {kind} {namespace}/web shows 6.6.0")
        ((_, body),) = step.place.hooks.effects.values()
        assert (body["from"], body["to"], body["object"]) == ("6.5.0", "6.6.0", f"{kind} {namespace}/web")
        assert deployer.image("web") == "registry.example/podinfo:6.5.0"

        changed_by_a_person(plane, kind, namespace, "6.6.0")
        assert_waits(step.tick(), "asks for 6.6.0 and has 6.5.0")
        if kind == APPLICATION:
            deployer.compare()
            assert_waits(step.tick(), "OutOfSync")
        deployer.deploy()
        wait_until(lambda: deployer.is_rolled_out("web"), "podinfo 6.6.0 runs")
        deployer.tell()

        done = step.tick()
        assert isinstance(done, Done), done
        assert done.note == "web is at 6.6.0, as it was proposed"
        assert deployer.image("web") == "registry.example/podinfo:6.6.0"
        assert len(step.place.hooks.effects) == 1


@pytest.mark.parametrize("kind", [APPLICATION, HELM_RELEASE])
def test_what_is_not_rolled_out_yet_is_waited_for(plane: ControlPlane, kind: str) -> None:
    with namespace_of(plane, f"slow-{kind.lower()}") as namespace:
        made = gitops.application if kind == APPLICATION else gitops.helm_release
        create(plane, kind, namespace, made("web", "podinfo", "6.6.0", namespace, namespace))
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
        plane.create(f"/api/v1/namespaces/{namespace}/resourcequotas", quota)
        deployer = Deployer(plane, kind, namespace)
        deployer.deploy()

        step = walk_of(plane, kind, namespace)
        assert_waits(step.tick(), "web is at 6.6.0, and")
        plane.request("DELETE", f"/api/v1/namespaces/{namespace}/resourcequotas/none")
        plane.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments/web")
        deployer.deploy()
        wait_until(lambda: deployer.is_rolled_out("web"), "podinfo runs")
        deployer.tell()
        assert isinstance(step.tick(), Done)
        assert step.place.hooks.effects == {}


def test_the_reader_sees_what_is_deployed_and_how_far_it_is(plane: ControlPlane) -> None:
    with namespace_of(plane, "seen") as namespace:
        create(plane, APPLICATION, namespace, gitops.application("shop", "podinfo", "6.5.0", "shop", namespace))
        create(plane, HELM_RELEASE, namespace, gitops.helm_release("web", "podinfo", "6.4.0", "web", namespace))
        with reading(plane) as kube:
            found = {each.kind: each for each in kube.gitops(kube.crds()) if each.namespace == namespace}

    argo, flux = found[APPLICATION], found[HELM_RELEASE]
    assert (argo.name, argo.chart, argo.version, argo.destination, argo.ready) == (
        "shop",
        "podinfo",
        "6.5.0",
        "shop",
        False,
    )
    assert (flux.name, flux.chart, flux.version, flux.destination, flux.ready) == (
        "web",
        "podinfo",
        "6.4.0",
        "web",
        False,
    )
    assert argo.owner == {"team": "web"}
    assert flux.state == "its present form was not looked at yet"
