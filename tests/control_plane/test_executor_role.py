"""The RBAC that is shipped for the executor, and its writer: on a real API server with Velero's kind of backups."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
import yaml

from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.adapters.kube.writer import KubeObjects
from fleetkeeper.clock import SystemClock
from fleetkeeper.engine.writers import KubeWriter
from fleetkeeper.errors import GapReason, Refused
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.contract.kube_writer_cases import CASES, NAMESPACE, backup, body, refused, velero_crd
from tests.control_plane import readers
from tests.waiting import wait_until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BACKUPS = f"/apis/velero.io/v1/namespaces/{NAMESPACE}/backups"
Object = dict[str, Any]


def manifests() -> list[Object]:
    return list(yaml.safe_load_all(shipped.text_of(shipped.KUBERNETES_EXECUTOR)))


ROLE = manifests()[0]
RULES: list[Object] = ROLE["rules"]
RIGHTS = [(rule, verb) for rule in RULES for verb in rule["verbs"]]


@pytest.fixture(scope="module")
def plane(plane_minor: str) -> Iterator[ControlPlane]:
    """An API server with Velero's kind, its namespace, and the shipped RBAC."""
    with ControlPlane(plane_minor, Options(controllers=False, scheduler=False, kwok=False)) as found:
        found.create(CRDS, velero_crd())
        found.wait_for(BACKUPS, lambda _: True)
        readers.install_gitops(found)
        found.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for manifest in manifests():
            found.create(f"{RBAC}/{manifest['kind'].lower()}s", manifest)
        yield found


@pytest.fixture
def kube(plane: ControlPlane) -> Iterator[KubeWriter]:
    """As a member of the group that the shipped RBAC names, once it holds."""
    user = plane.mint("fleetkeeper-executor", shipped.EXECUTOR_GROUP)
    wait_until(lambda: plane.request("GET", f"{BACKUPS}/x", identity=user).status == 404, "the shipped role holds")
    with writing(plane, user) as found:
        yield found


@contextmanager
def writing(plane: ControlPlane, who: Identity) -> Iterator[KubeWriter]:
    credential = Fixed(User(token=who.token, certificate=who.certificate, key=who.key))
    connection = Connection(Endpoint(plane.server, plane.ca_pem, proxy=Proxy("")), credential)
    found = KubeObjects(connection, Limits(), WallPace(Event()), SystemClock())
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.replace("_", " "))
def test_with_the_shipped_role(kube: KubeWriter, case: Callable[[KubeWriter], None]) -> None:
    case(kube)


def test_a_body_that_breaks_the_schema_is_rejected_with_the_field(kube: KubeWriter) -> None:
    ref = backup("broken")
    refused(lambda: kube.create(ref, body(ref) | {"spec": {"ttl": 5}}), GapReason.REJECTED, "spec.ttl")


@pytest.mark.parametrize(("rule", "verb"), RIGHTS, ids=[f"{verb} {rule['resources'][0]}" for rule, verb in RIGHTS])
def test_without_this_right_a_case_is_forbidden(plane: ControlPlane, rule: Object, verb: str) -> None:
    name = f"some-{uuid4().hex[:8]}"
    user = plane.mint(name)
    rest = [each if each is not rule else each | {"verbs": [v for v in each["verbs"] if v != verb]} for each in RULES]
    group = "rbac.authorization.k8s.io"
    kept = [each for each in rest if each["verbs"]]
    plane.create(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": kept})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
    }
    plane.create(f"{RBAC}/clusterrolebindings", binding)
    paths = ("/api/v1/namespaces/kube-system", f"{BACKUPS}/x")
    wait_until(lambda: any(plane.request("GET", p, identity=user).status != 403 for p in paths), "the role holds")

    broken = []
    with writing(plane, user) as kube:
        for case in CASES:
            try:
                case(kube)
            except Refused as error:
                said = f'cannot {verb} resource "{rule["resources"][0]}"' in error.detail
                broken.append(said and error.reason is GapReason.FORBIDDEN)
            except AssertionError:
                broken.append(False)  # a refusal that the case expected to be another one
    plane.request("DELETE", f"{BACKUPS}/one")
    plane.request("DELETE", f"{BACKUPS}/two")
    assert any(broken)
