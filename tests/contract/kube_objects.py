"""What the contract suite puts behind the API server: a few objects of each kind, and users with rights."""

import random
from typing import Any

from fleetkeeper.sim.control_plane.plane import ControlPlane

A, B, MANY, LARGE, EMPTY = "team-a", "team-b", "many", "large", "empty"
MANY_ITEMS = 25
Object = dict[str, Any]

USERS: dict[str, tuple[str, ...]] = {
    "nobody": (),
    "everywhere": (),  # reads pods by a ClusterRole and a ClusterRoleBinding
    "member": ("team-a:readers",),  # reads pods of one namespace: a ClusterRole and a RoleBinding
    "local": (),  # reads config maps of one namespace: a Role and a RoleBinding
    "named": (),  # reads one config map by name
    "prober": (),  # reads /metrics
    "dangling": (),  # bound to roles that are not there
    'quo"te<&>\\': (),
}
_RBAC = "rbac.authorization.k8s.io"


def meta(name: str, namespace: str = "", labels: dict[str, str] | None = None, **more: Any) -> Object:
    found: Object = {"name": name, "labels": labels or {}, **more}
    return {**found, "namespace": namespace} if namespace else found


def container(image: str = "registry.example/app:1") -> Object:
    return {"name": "main", "image": image}


def template(labels: dict[str, str], policy: str = "Always") -> Object:
    return {"metadata": {"labels": labels}, "spec": {"containers": [container()], "restartPolicy": policy}}


def pod(name: str, namespace: str, labels: dict[str, str], node: str = "") -> Object:
    spec: Object = {"containers": [container()]}
    return {"metadata": meta(name, namespace, labels), "spec": {**spec, "nodeName": node} if node else spec}


def config_map(name: str, namespace: str, data: dict[str, str] | None = None, **more: Any) -> Object:
    return {"metadata": meta(name, namespace, **more), "data": data or {"key": "value"}}


def secret(name: str, namespace: str, type_: str, labels: dict[str, str]) -> Object:
    return {"metadata": meta(name, namespace, labels), "type": type_, "stringData": {"release": "text"}}


def workload(name: str, namespace: str, **spec: Any) -> Object:
    labels = {"app": name}
    spec = {"selector": {"matchLabels": labels}, "template": template(labels), **spec}
    annotations = {"owner": "team-a", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    return {"metadata": meta(name, namespace, labels, annotations=annotations), "spec": spec}


def job_spec() -> Object:
    return {"template": template({}, "Never"), "suspend": True}


def crd(plural: str, kind: str, scope: str) -> Object:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"served": True, "storage": True, "schema": schema}
    old = {**version, "name": "v1beta1", "storage": False, "deprecated": True}
    told = {**old, "name": "v1alpha1", "deprecationWarning": f"{kind} of v1alpha1 goes away"}
    return {
        "metadata": meta(f"{plural}.example.com"),
        "spec": {
            "group": "example.com",
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "shortNames": [plural[:2]]},
            "versions": [{**version, "name": "v1"}, old, told],
        },
    }


CRDS = (crd("widgets", "Widget", "Namespaced"), crd("gadgets", "Gadget", "Cluster"))


def custom(kind: str, name: str, namespace: str = "") -> Object:
    return {"apiVersion": "example.com/v1", "kind": kind, "metadata": meta(name, namespace), "spec": {"size": 3}}


def role(name: str, *rules: Object, namespace: str = "") -> Object:
    return {"metadata": meta(name, namespace), "rules": list(rules)}


def rule(resource: str, *verbs: str, **more: Any) -> Object:
    return {"apiGroups": [""], "resources": [resource], "verbs": list(verbs), **more}


def binding(name: str, kind: str, to: str, subject: tuple[str, str], namespace: str = "") -> Object:
    return {
        "metadata": meta(name, namespace),
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": to},
        "subjects": [{"apiGroup": _RBAC, "kind": subject[0], "name": subject[1]}],
    }


def _text(size: int, seed: int) -> str:
    """Text of a size that gzip cannot make vanish, the same at every run."""
    return "".join(random.Random(seed).choices("abcdefghijklmnop", k=size))


def _objects() -> dict[str, list[Object]]:
    """Path of the collection → what is posted there; {} in a path is filled with the object's namespace."""
    web = {"app": "web", "tier": "front"}
    return {
        "/api/v1/namespaces": [{"metadata": meta(n, labels={"team": n})} for n in (A, B, MANY, LARGE, EMPTY)],
        "/api/v1/nodes": [_node("node-1"), _node("node-2")],
        "/api/v1/namespaces/{}/pods": [
            pod("web-1", A, web, "node-1"),
            pod("web-2", A, {"app": "web"}, "node-2"),
            pod("task-1", A, {"app": "task"}),
            pod("lone", B, {"other": "yes"}, "node-1"),
        ],
        "/api/v1/namespaces/{}/configmaps": [
            *(config_map(f"item-{n:02}", MANY) for n in range(MANY_ITEMS)),
            *(config_map(f"item-{n}", LARGE, {"text": _text(50_000, n)}) for n in range(3)),
            config_map("settings", A, annotations={"note": "kept"}),
            config_map("other", A),
        ],
        "/api/v1/namespaces/{}/secrets": [
            secret("plain", A, "Opaque", {}),
            secret("sh.helm.release.v1.web.v1", A, "helm.sh/release.v1", {"owner": "helm", "status": "deployed"}),
        ],
        "/api/v1/namespaces/{}/serviceaccounts": [{"metadata": meta("robot", A)}],
        "/api/v1/namespaces/{}/services": [
            {"metadata": meta("web", A), "spec": {"selector": web, "ports": [{"port": 80}]}}
        ],
        "/apis/apps/v1/namespaces/{}/deployments": [workload("web", A, replicas=2), workload("api", B)],
        "/apis/apps/v1/namespaces/{}/statefulsets": [workload("store", A, serviceName="store")],
        "/apis/apps/v1/namespaces/{}/daemonsets": [workload("agent", A)],
        "/apis/apps/v1/namespaces/{}/replicasets": [workload("web-7f", A), workload("alone", B)],
        "/apis/batch/v1/namespaces/{}/jobs": [{"metadata": meta("once", A), "spec": job_spec()}],
        "/apis/batch/v1/namespaces/{}/cronjobs": [
            {"metadata": meta("nightly", A), "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": job_spec()}}}
        ],
        "/apis/policy/v1/namespaces/{}/poddisruptionbudgets": [
            {"metadata": meta("web", A), "spec": {"minAvailable": 1, "selector": {"matchLabels": web}}}
        ],
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": list(CRDS),
        **_rights(),
    }


def _node(name: str) -> Object:
    system = dict.fromkeys(("bootID", "machineID", "systemUUID", "kernelVersion", "kubeProxyVersion"), "")
    system |= {"architecture": "arm64", "operatingSystem": "linux", "osImage": "simulated"}
    system |= {"containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": "v1.34.2"}
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "eu-west-1a"}
    return {"metadata": meta(name, labels=labels), "status": {"nodeInfo": system}}


def _rights() -> dict[str, list[Object]]:
    return {
        f"/apis/{_RBAC}/v1/clusterroles": [
            role("pod-reader", rule("pods", "get", "list")),
            role("prober", {"nonResourceURLs": ["/metrics", "/logs/*"], "verbs": ["get"]}),
        ],
        f"/apis/{_RBAC}/v1/clusterrolebindings": [
            binding("everywhere", "ClusterRole", "pod-reader", ("User", "everywhere")),
            binding("prober", "ClusterRole", "prober", ("User", "prober")),
            binding("dangling", "ClusterRole", "not-there", ("User", "dangling")),
        ],
        f"/apis/{_RBAC}/v1/namespaces/{{}}/roles": [
            role("local", rule("configmaps", "get", "list"), namespace=A),
            role("named", rule("configmaps", "get", "list", resourceNames=["settings"]), namespace=A),
        ],
        f"/apis/{_RBAC}/v1/namespaces/{{}}/rolebindings": [
            binding("member", "ClusterRole", "pod-reader", ("Group", "team-a:readers"), A),
            binding("local", "Role", "local", ("User", "local"), A),
            binding("named", "Role", "named", ("User", "named"), A),
            binding("dangling", "Role", "nor-there", ("User", "dangling"), A),
        ],
    }


def create_all(plane: ControlPlane) -> None:
    """Create everything, and wait until custom resources are served and the server's own objects are there."""
    for path, objects in _objects().items():
        for obj in objects:
            plane.create(path.format(obj["metadata"].get("namespace", "")), obj)
    for found in CRDS:
        plane.wait_for(
            f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{found['metadata']['name']}", _established
        )
    for plural, obj in (("namespaces/team-a/widgets", custom("Widget", "one", A)), ("gadgets", custom("Gadget", "g"))):
        plane.wait_for(f"/apis/example.com/v1/{plural}", lambda _: True)
        plane.create(f"/apis/example.com/v1/{plural}", obj)
    done = plane.request("GET", f"/api/v1/namespaces/{A}/pods/task-1").json()
    done["status"]["phase"] = "Succeeded"
    plane.request("PUT", f"/api/v1/namespaces/{A}/pods/task-1/status", done)


def _established(found: Any) -> bool:
    return any(
        c["type"] == "Established" and c["status"] == "True" for c in found.get("status", {}).get("conditions", ())
    )
