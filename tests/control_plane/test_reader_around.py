"""Our own reader sees on a real API server what an upgrade depends on: budgets, volumes, webhooks, traces, settings."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.core.eks_objects import ADDON_OBJECTS
from fleetkeeper.core.model import Workload
from fleetkeeper.core.observed import Customised, PersistentVolume, WebhookRule
from fleetkeeper.core.pods import Labels, Requirement, Toleration, Volume
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.control_plane import readers
from tests.control_plane.readers import create, reading
from tests.waiting import wait_until

MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def plane(plane_minor: str) -> Iterator[ControlPlane]:
    """An API server without controllers, so that what is put there stays as it is."""
    with ControlPlane(plane_minor, Options(controllers=False, scheduler=False, kwok=False)) as found:
        readers.around(found)
        create(found, "Deployment", "default", readers.templated("app"))
        yield found


@pytest.fixture
def kube(plane: ControlPlane) -> Iterator[KubeReader]:
    with reading(plane) as reader:
        yield reader


def test_a_template_is_read_with_what_an_upgrade_depends_on(plane: ControlPlane, kube: KubeReader) -> None:
    made = readers.templated("store", labels={"team": "shop"})
    made["spec"]["serviceName"] = "store"
    made["spec"]["volumeClaimTemplates"] = [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    inner = made["spec"]["template"]
    inner["metadata"]["annotations"] = {"karpenter.sh/do-not-disrupt": "true", "checksum/config": "1"}
    term = {"labelSelector": {"matchLabels": {"app": "store"}}, "topologyKey": "kubernetes.io/hostname"}
    inner["spec"] |= {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
        "volumes": [{"name": "host", "hostPath": {"path": "/data"}}, {"name": "tmp", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 90,
    }
    create(plane, "StatefulSet", "default", made)

    template = (found := named(kube, "StatefulSet", "store")).template

    assert template is not None
    assert (found.selector, found.ready, found.claim_templates) == (Labels({"app": "store"}), 0, ("data",))
    assert template.labels == {"app": "store"}
    assert template.annotations == {"karpenter.sh/do-not-disrupt": "true"}
    assert template.node_terms == (Requirement("disk", "In", ("ssd",)),)
    assert template.tolerations == (Toleration(operator="Exists"),)
    assert template.apart == ("kubernetes.io/hostname",)
    assert template.volumes == (Volume("host", "hostPath", "/data"),)
    assert template.grace_seconds == 90
    assert not template.is_probed


def test_a_workload_knows_the_least_size_of_its_scaler(kube: KubeReader) -> None:
    assert named(kube, "Deployment", "app").minimum == 3


def named(kube: KubeReader, kind: str, name: str) -> Workload:
    (found,) = (w for w in kube.workloads() if (w.kind, w.name) == (kind, name))
    return found


def test_a_budget_that_no_controller_saw_is_not_observed(kube: KubeReader) -> None:
    (found,) = kube.budgets()

    assert (found.name, found.minimum, found.maximum_unavailable) == ("app", "50%", "")
    assert found.selector == Labels({"app": "app"})
    assert not found.observed


def test_a_volume_is_read_with_its_zone_and_claim(kube: KubeReader) -> None:
    zone = "topology.kubernetes.io/zone"

    assert kube.volumes() == (
        PersistentVolume("data-1", "ebs.csi.aws.com", ("eu-west-1a",), "default/data", (), "gp3", (zone,)),
    )


def test_webhooks_are_read_with_their_ready_endpoints(kube: KubeReader) -> None:
    found = kube.webhooks()

    assert [each.kind for each in found] == ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
    assert {(each.name, each.service, each.endpoints, each.fails_closed) for each in found} == {
        ("guard.example.com", "default/guard", 1, True)
    }
    assert found[0].rules == (WebhookRule(("example.com",), ("v1",), ("widgets",), ("CREATE",)),)


def test_only_aggregated_apis_are_read(kube: KubeReader) -> None:
    (found,) = kube.api_services()

    assert (found.name, found.service) == ("v1.metrics.example.com", "default/metrics")


def test_a_pod_that_asks_to_stay_is_noted_with_its_deployment(plane: ControlPlane, kube: KubeReader) -> None:
    owners = [{"apiVersion": "apps/v1", "controller": True, "uid": "00000000-0000-4000-8000-000000000001"}]
    above = [{**owners[0], "kind": "Deployment", "name": "web"}]
    made = create(plane, "ReplicaSet", "default", readers.templated("web-1", replicas=1, ownerReferences=above))
    owner = {**owners[0], "kind": "ReplicaSet", "name": "web-1", "uid": made["metadata"]["uid"]}
    stays = {"karpenter.sh/do-not-disrupt": "true"}
    create(plane, "Pod", "default", readers.pod("web-1-a", annotations=stays, ownerReferences=[owner]))

    found = {note.name: note for note in kube.pod_notes()}

    assert (found["web-1-a"].controller, found["web-1-a"].why) == ("Deployment/web", "do-not-disrupt")
    assert found["web-1-a"].detail == "karpenter.sh/do-not-disrupt=true"
    assert found["staying"].controller == ""


def test_a_pod_that_a_finalizer_holds_is_noted(plane: ControlPlane, kube: KubeReader) -> None:
    create(plane, "Pod", "default", readers.pod("held", finalizers=["example.com/hold"]))
    path = f"{readers.PATHS['Pod'].format('default')}/held"
    assert plane.request("DELETE", path).ok

    (found,) = (note for note in kube.pod_notes() if note.name == "held")
    plane.request("PATCH", path, {"metadata": {"finalizers": None}}, content_type=MERGE)

    assert (found.why, found.detail) == ("finalizers", "example.com/hold")
    assert found.since is not None


def test_the_metric_tells_which_deprecated_api_was_called_and_since_when(plane: ControlPlane, kube: KubeReader) -> None:
    plane.request("GET", "/api/v1/componentstatuses")
    wait_until(lambda: bool(kube.api_use().calls), "the metric tells")
    found = kube.api_use()

    assert ("", "v1", "componentstatuses") in {(call.group, call.version, call.resource) for call in found.calls}
    assert found.since is not None
    assert timedelta() < datetime.now(UTC) - found.since < timedelta(hours=1)


def test_objects_tell_who_wrote_them_in_which_version(kube: KubeReader) -> None:
    found = kube.object_traces([readers.FLOWS])

    assert {(trace.source, trace.kind) for trace in found} == {("managed fields", "FlowSchema")}
    assert {trace.api_version for trace in found} == {f"{readers.FLOW}/v1"}
    assert all(trace.at and trace.manager and trace.uid for trace in found)


def test_what_others_than_eks_wrote_of_an_addon_is_told(kube: KubeReader) -> None:
    assert kube.customised(ADDON_OBJECTS) == (
        Customised("coredns", "ConfigMap", "kube-system", "coredns", "data.Corefile", "kubectl-edit"),
    )


def test_the_mode_of_kube_proxy_is_that_of_its_settings(kube: KubeReader) -> None:
    assert kube.proxy_mode() == "ipvs"
