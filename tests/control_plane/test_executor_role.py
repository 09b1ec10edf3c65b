"""The RBAC that is shipped for the executor, and its writer: on a real API server with Velero and Karpenter kinds."""

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
from fleetkeeper.core.rotation.seen import Outcome
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, Refused
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.contract.karpenter_crds import pool_ref
from tests.contract.kube_writer_cases import CASES, NAMESPACE, backup, body, furniture, refused
from tests.control_plane import readers
from tests.waiting import wait_until

MERGE = "application/merge-patch+json"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
BACKUPS = f"/apis/velero.io/v1/namespaces/{NAMESPACE}/backups"
Object = dict[str, Any]


def manifests() -> list[Object]:
    return list(yaml.safe_load_all(shipped.text_of(shipped.KUBERNETES_EXECUTOR)))


ROLE = manifests()[0]
RULES: list[Object] = ROLE["rules"]
RIGHTS = [(rule, resource, verb) for rule in RULES for resource in rule["resources"] for verb in rule["verbs"]]
NODE = "ip-10-0-0-1"


@pytest.fixture(scope="module")
def plane(plane_minor: str) -> Iterator[ControlPlane]:
    """An API server with the kinds of Velero and Karpenter, what the cases need, and the shipped RBAC."""
    with ControlPlane(plane_minor, Options(controllers=False, scheduler=False, kwok=False)) as found:
        system = {"nodeInfo": {"kubeletVersion": "v1.34.1"}}
        found.create("/api/v1/nodes", {"metadata": {"name": NODE}, "status": system})
        for resource, made in (*furniture(NODE), *workloads(NODE)):
            put(found, resource, made)
        readers.install_gitops(found)
        for manifest in manifests():
            found.create(f"{RBAC}/{manifest['kind'].lower()}s", manifest)
        yield found


def put(plane: ControlPlane, resource: str, made: Object) -> None:
    """Create it, with the uids of its owners, and wait until a new kind is served."""
    metadata = made["metadata"]
    for owner in metadata.get("ownerReferences", ()):
        plural = f"{owner['kind'].lower()}s"
        path = f"/apis/{owner['apiVersion']}/namespaces/{metadata['namespace']}/{plural}/{owner['name']}"
        owner["uid"] = plane.request("GET", path).json()["metadata"]["uid"]
    root, _, plural = resource.rpartition("/")
    inside = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    path = f"/{'api' if root == 'v1' else 'apis'}/{root}{inside}/{plural}"
    plane.create(path, made)
    if plural == "persistentvolumes":
        phase = {"status": made["status"]}
        patched = plane.request("PATCH", f"{path}/{metadata['name']}/status", phase, content_type=MERGE)
        assert patched.ok, patched.body
    if plural == "customresourcedefinitions":
        spec = made["spec"]
        inside = f"/namespaces/{NAMESPACE}" if spec["scope"] == "Namespaced" else ""
        plane.wait_for(f"/apis/{spec['group']}/v1{inside}/{spec['names']['plural']}", lambda _: True)


def workloads(node: str, namespace: str = "kube-system") -> Iterator[tuple[str, Object]]:
    """A Deployment with one pod, as its controllers would have made it."""
    labels = {"app": "coredns"}
    pod = {"containers": [{"name": "main", "image": "coredns:1"}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    place: Object = {"name": "coredns", "namespace": namespace}
    yield "apps/v1/deployments", {"metadata": place, "spec": spec}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "coredns", "controller": True}
    yield "apps/v1/replicasets", {"metadata": {**place, "name": "coredns-1", "ownerReferences": [owner]}, "spec": spec}
    owner = {**owner, "kind": "ReplicaSet", "name": "coredns-1"}
    metadata = {**place, "name": "coredns-1-a", "labels": labels, "ownerReferences": [owner]}
    yield "v1/pods", {"metadata": metadata, "spec": {**pod, "nodeName": node}}


@pytest.fixture
def kube(plane: ControlPlane) -> Iterator[KubeWriter]:
    """As a member of the group that the shipped RBAC names, once it holds."""
    user = plane.mint("fleetkeeper-executor", shipped.EXECUTOR_GROUP)
    wait_until(lambda: plane.request("GET", f"{BACKUPS}/x", identity=user).status == 404, "the shipped role holds")
    with writing(plane, user) as found:
        yield found


def opened(plane: ControlPlane, who: Identity, limits: Limits = Limits()) -> KubeObjects:  # noqa: B008  # it is frozen
    credential = Fixed(User(token=who.token, certificate=who.certificate, key=who.key))
    connection = Connection(Endpoint(plane.server, plane.ca_pem, proxy=Proxy("")), credential)
    return KubeObjects(connection, limits, WallPace(Event()), SystemClock())


@contextmanager
def writing(plane: ControlPlane, who: Identity) -> Iterator[KubeWriter]:
    found = opened(plane, who)
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


def test_lists_go_on_page_by_page(plane: ControlPlane) -> None:
    page_by_page = opened(plane, plane.admin, Limits(page_items=1))
    whole = opened(plane, plane.admin)
    ref = ObjectRef("apps", "v1", "replicasets", "", "")
    assert page_by_page.objects(ref) == whole.objects(ref)
    assert len(page_by_page.objects(ObjectRef("", "v1", "namespaces", "", ""))) > 3
    assert page_by_page.pods([NODE]) == whole.pods([NODE])
    page_by_page.close()
    whole.close()


def test_pods_of_many_namespaces_are_told_with_their_deployments(plane: ControlPlane) -> None:
    names = [f"many-{number}" for number in range(21)]
    for name in names:
        plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
        for resource, made in workloads("node-of-many", name):
            put(plane, resource, made)
    kube = opened(plane, plane.admin)
    found = kube.pods(["node-of-many"])
    kube.close()
    assert sorted(each.namespace for each in found) == sorted(names)
    assert {each.controller for each in found} == {"Deployment/coredns"}


def test_a_change_that_breaks_the_schema_is_rejected(kube: KubeWriter) -> None:
    more = {"spec": {"disruption": {"budgets": [{"nodes": "0", "reasons": ["Bored"]}]}}}
    refused(lambda: kube.patch(pool_ref("general"), more), GapReason.REJECTED, "reasons")


def test_a_pool_has_at_most_fifty_budgets(kube: KubeWriter) -> None:
    more = {"spec": {"disruption": {"budgets": [{"nodes": "1"}] * 51}}}
    refused(lambda: kube.patch(pool_ref("general"), more), GapReason.REJECTED, "must have at most 50 items")


def test_pods_are_deleted_by_force_with_the_opt_in_role_alone(plane: ControlPlane) -> None:
    user = plane.mint("fleetkeeper-executor", shipped.EXECUTOR_GROUP)
    plane.create("/api/v1/namespaces", {"metadata": {"name": "forced"}})
    for resource, made in workloads(NODE, "forced"):
        put(plane, resource, made)
    opt_in = list(yaml.safe_load_all(shipped.text_of(shipped.KUBERNETES_EXECUTOR_FORCE)))
    with writing(plane, user) as kube:
        (pod,) = (each for each in kube.pods([NODE]) if each.namespace == "forced")
        assert kube.delete_pod(pod).outcome is Outcome.REFUSED
        for manifest in opt_in:
            plane.create(f"{RBAC}/{manifest['kind'].lower()}s", manifest)
        wait_until(lambda: kube.delete_pod(pod).outcome is Outcome.ACCEPTED, "the opt-in holds")
        (pod,) = (each for each in kube.pods([NODE]) if each.namespace == "forced")
        assert (bool(pod.leaving_since), pod.grace) == (True, 30)
    for manifest in opt_in:
        plane.request("DELETE", f"{RBAC}/{manifest['kind'].lower()}s/{manifest['metadata']['name']}")


@pytest.mark.parametrize(("rule", "resource", "verb"), RIGHTS, ids=[f"{verb} {of}" for _, of, verb in RIGHTS])
def test_without_this_right_a_case_is_forbidden(plane: ControlPlane, rule: Object, resource: str, verb: str) -> None:
    name = f"some-{uuid4().hex[:8]}"
    user = plane.mint(name)
    group = "rbac.authorization.k8s.io"
    kept = [each for whole in RULES for each in without(whole, resource, verb if whole is rule else "")]
    plane.create(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": kept})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
    }
    plane.create(f"{RBAC}/clusterrolebindings", binding)
    paths = ("/api/v1/namespaces/kube-system", f"{BACKUPS}/x")
    wait_until(lambda: any(plane.request("GET", p, identity=user).status != 403 for p in paths), "the role holds")

    broken, refusal = [], f'cannot {verb} resource "{resource}"'
    with writing(plane, user) as kube:
        for case in CASES:
            try:
                case(kube)
            except Refused as error:
                broken.append(refusal in error.detail and error.reason is GapReason.FORBIDDEN)
            except AssertionError as error:
                # The refusal of an eviction is an answer, which the case tells; another one was not what it expected.
                broken.append(resource == "pods/eviction" and refusal in str(error))
            if any(broken):
                break
    plane.request("DELETE", f"{BACKUPS}/one")
    plane.request("DELETE", f"{BACKUPS}/two")
    assert any(broken)


def without(rule: Object, resource: str, verb: str) -> Iterator[Object]:
    """The rule, less one verb on one of its resources; the whole of it without a verb."""
    rest = [each for each in rule["resources"] if each != resource] if verb else rule["resources"]
    if rest:
        yield rule | {"resources": rest}
    if verb and (verbs := [each for each in rule["verbs"] if each != verb]):
        yield rule | {"resources": [resource], "verbs": verbs}
