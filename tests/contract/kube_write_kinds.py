"""What is written to both API servers: leases, workloads, reviews, custom resources and deprecated kinds."""

from typing import Any

from tests.contract.kube_write_objects import DRY
from tests.contract.kube_write_patches import (
    DEPLOYMENTS,
    GET_WEB,
    WEB,
    deployment,
    merge,
    operation,
    operations,
    strategic,
)
from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import PODS, Object, case, pod

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
LEASE = f"{LEASES}/keeper"
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def lease(holder: str = "a", **meta: Any) -> Object:
    times = {"acquireTime": "2026-11-20T09:00:00.000000Z", "renewTime": "2026-11-20T09:00:00.000000Z"}
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 0, **times}
    return {"metadata": {"name": "keeper", **meta}, "spec": spec}


HELD = Step("POST", LEASES, lease())


def renew(holder: str = "a", **meta: Any) -> Step:
    return Step("PUT", LEASE, lease(holder, **meta))


LEADING = [
    case("a lease", 201, HELD),
    case("a lease that another has", 409, HELD, Step("POST", LEASES, lease("b"))),
    case("a renewed lease", 200, HELD, renew(resourceVersion="{version}"), Step("GET", LEASE)),
    case(
        "a lease that was renewed meanwhile",
        409,
        HELD,
        renew(resourceVersion="{version}"),
        renew("b", resourceVersion="{since}"),
    ),
    case("a renewal without a version", 422, HELD, renew(), says="must be specified for an update"),
    case("a lease made by its renewal", 200, renew(), Step("GET", LEASE)),
    case("a lease given back", 200, HELD, renew("", resourceVersion="{version}")),
    case("a lease patched", 200, HELD, merge({"spec": {"holderIdentity": "b"}}, LEASE)),
    case(
        "a lease patched at a version",
        409,
        HELD,
        merge({"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": "b"}}, LEASE),
    ),
    case("a deleted lease", 200, HELD, Step("DELETE", LEASE)),
    case("a dry run of a lease", 201, Step("POST", LEASES + DRY, lease())),
    case("a lease of the server's times", 201, Step("POST", LEASES, lease(annotations={"a": "b"}))),
]

STATEFUL = "/apis/apps/v1/namespaces/{ns}/statefulsets"
DAEMONS = "/apis/apps/v1/namespaces/{ns}/daemonsets"
JOBS = "/apis/batch/v1/namespaces/{ns}/jobs"
TEMPLATE: Object = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
SELECTED: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}

ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles/one"
STORAGE = "/apis/storage.k8s.io/v1/csinodes"
MADE_BY_PUT = [
    case(
        "a role made by its replacement",
        201,
        Step(
            "PUT",
            ROLE,
            {"metadata": {"name": "one"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        ),
    ),
    case(
        "a limit range made by its replacement",
        201,
        Step(
            "PUT",
            "/api/v1/namespaces/{ns}/limitranges/one",
            {"metadata": {"name": "one"}, "spec": {"limits": [{"type": "Pod"}]}},
        ),
    ),
    case(
        "a deleted kind of storage is shown",
        200,
        Step(
            "POST",
            STORAGE,
            {
                "metadata": {"name": "{ns}"},
                "spec": {"drivers": [{"name": "a.b", "nodeID": "x", "topologyKeys": ["zone"]}]},
            },
        ),
        Step("DELETE", f"{STORAGE}/{{ns}}"),
        says='"CSINode"',
    ),
]

WORKLOADS = [
    case("a deployment and its defaults", 201, deployment(), says='"generation":1'),
    case("a dry run of a deployment", 201, Step("POST", DEPLOYMENTS + DRY, deployment().body)),
    case(
        "more replicas move the generation",
        200,
        deployment(),
        merge({"spec": {"replicas": 3}}, WEB),
        says='"generation":2',
    ),
    case(
        "a label leaves the generation",
        200,
        deployment(),
        merge({"metadata": {"labels": {"a": "b"}}}, WEB),
        says='"generation":1',
    ),
    case(
        "the same replicas leave the generation",
        200,
        deployment(replicas=2),
        merge({"spec": {"replicas": 2}}, WEB),
        says='"generation":1',
    ),
    case(
        "a status leaves the generation",
        200,
        deployment(),
        merge({"status": {"replicas": 1, "observedGeneration": 1}}, f"{WEB}/status"),
        GET_WEB,
        says='"generation":1',
    ),
    case("a status by the deployment is dropped", 200, deployment(), merge({"status": {"replicas": 9}}, WEB), GET_WEB),
    case(
        "a status leaves what is asked",
        200,
        deployment(),
        merge({"status": {"replicas": 1}, "spec": {"replicas": 9}}, f"{WEB}/status"),
        says='"replicas":1',
    ),
    case("a put deployment", 200, deployment(), Step("PUT", WEB, deployment(replicas=5).body), says='"generation":2'),
    case("a paused deployment", 200, deployment(), operations(operation("add", "/spec/paused", True), path=WEB)),
    case("a deleted deployment", 200, deployment(), Step("DELETE", WEB)),
    case(
        "a deployment deleted in the foreground",
        200,
        deployment(),
        Step("DELETE", WEB, {"propagationPolicy": "Foreground"}),
        GET_WEB,
        says='"generation":2',
    ),
    case("a deployment's orphans", 200, deployment(), Step("DELETE", WEB, {"propagationPolicy": "Orphan"}), GET_WEB),
    case(
        "a stateful set",
        201,
        Step("POST", STATEFUL, {"metadata": {"name": "web"}, "spec": {**SELECTED, "serviceName": "web"}}),
    ),
    case(
        "a daemon set's new template is counted",
        200,
        Step("POST", DAEMONS, {"metadata": {"name": "web"}, "spec": SELECTED}),
        operations(operation("replace", "/spec/template/spec/containers/0/image", "a:2"), path=f"{DAEMONS}/web"),
        says='"deprecated.daemonset.template.generation":"2"',
    ),
    case(
        "a daemon set that is put keeps its count",
        200,
        Step("POST", DAEMONS, {"metadata": {"name": "web"}, "spec": SELECTED}),
        Step("PUT", f"{DAEMONS}/web", {"metadata": {"name": "web"}, "spec": SELECTED}),
    ),
    case(
        "a status leaves the labels of a deployment, and not its annotations",
        200,
        deployment(),
        merge(
            {"status": {"replicas": 1}, "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}, f"{WEB}/status"
        ),
    ),
    case(
        "a pod's status leaves its owners",
        200,
        pod(ownerReferences=[{"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "1-2"}]),
        merge({"status": {"message": "x"}, "metadata": {"ownerReferences": None}}, f"{PODS}/web/status"),
        says="ownerReferences",
    ),
    case(
        "a pod without containers", 422, Step("POST", PODS, {"metadata": {"name": "web"}, "spec": {"containers": []}})
    ),
    case("a pod without a spec", 422, Step("POST", PODS, {"metadata": {"name": "web"}}), says="spec.containers"),
    case("a daemon set", 201, Step("POST", DAEMONS, {"metadata": {"name": "web"}, "spec": SELECTED})),
    case(
        "a job",
        201,
        Step(
            "POST",
            JOBS,
            {
                "metadata": {"name": "web"},
                "spec": {"suspend": True, "template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}},
            },
        ),
    ),
    case(
        "a pod's image",
        200,
        pod(),
        strategic({"spec": {"containers": [{"name": "main", "image": "registry.example/app:2"}]}}, f"{PODS}/web"),
        says="app:2",
    ),
    case(
        "a pod's label",
        200,
        pod(),
        merge({"metadata": {"labels": {"more": "text"}}}, f"{PODS}/web"),
        Step("GET", f"{PODS}/web"),
    ),
    case(
        "a pod's condition by strategic merge",
        200,
        pod(),
        strategic({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, f"{PODS}/web/status"),
        Step("GET", f"{PODS}/web"),
    ),
    case("an unknown subresource", 404, deployment(), Step("GET", f"{WEB}/nothing")),
    case("a status is read", 200, deployment(), Step("GET", f"{WEB}/status")),
    case("a status is not deleted", 405, deployment(), Step("DELETE", f"{WEB}/status")),
    case("a status is not created", 405, deployment(), Step("POST", f"{WEB}/status", {})),
    case("a status of nothing", 404, merge({"status": {}}, f"{WEB}/status")),
    case(
        "no right to a status",
        403,
        deployment(),
        merge({"status": {}}, f"{WEB}/status", user="nobody"),
        says="deployments/status",
    ),
]


def may(user: str = "evictor", **attributes: Any) -> Step:
    return Step("POST", ACCESS, {"spec": {"resourceAttributes": attributes}}, user=user)


REVIEWS = [
    case(
        "may I evict",
        201,
        may(verb="create", resource="pods", subresource="eviction", namespace="{ns}"),
        says='"allowed":true',
    ),
    case("may I delete", 201, may(verb="delete", resource="pods", namespace="{ns}"), says='"allowed":false'),
    case(
        "may I evict without any right",
        201,
        may("nobody", verb="create", resource="pods", subresource="eviction"),
        says='"allowed":false',
    ),
    case(
        "may the admin do anything",
        201,
        may("fleetkeeper-admin", verb="*", resource="*", group="*"),
        says='"allowed":true',
    ),
    case(
        "may I read a path",
        201,
        Step("POST", ACCESS, {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}}, user="evictor"),
    ),
    case(
        "may I read what is served",
        201,
        Step("POST", ACCESS, {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/api"}}}, user="evictor"),
        says='"allowed":true',
    ),
    case(
        "a question with a kind",
        201,
        Step(
            "POST",
            ACCESS,
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {"verb": "get", "resource": "nodes"}},
            },
            user="evictor",
        ),
    ),
    case("a question about nothing", 422, Step("POST", ACCESS, {"spec": {}})),
    case(
        "a question about both",
        422,
        Step(
            "POST",
            ACCESS,
            {
                "spec": {
                    "resourceAttributes": {"verb": "get", "resource": "nodes"},
                    "nonResourceAttributes": {"verb": "get", "path": "/x"},
                }
            },
        ),
    ),
    case(
        "a question without a token",
        401,
        Step("POST", ACCESS, {"spec": {}}, user="", headers={"Authorization": "Bearer wrong"}),
    ),
    case("nobody asks", 403, Step("POST", ACCESS, {"spec": {}}, user="")),
    case("questions are not listed", 405, Step("GET", ACCESS)),
    case("who am I", 201, Step("POST", WHO, {}, user="evictor"), says='"username":"evictor"'),
    case("who is the admin", 201, Step("POST", WHO, {"metadata": {}}), says="system:masters"),
]


KINDS = [*LEADING, *MADE_BY_PUT, *WORKLOADS, *REVIEWS]
