"""What is written to both API servers: custom resources, their definitions, and deprecated kinds."""

from typing import Any

from tests.contract.kube_write_objects import DRY
from tests.contract.kube_write_patches import merge, operation, operations, strategic
from tests.contract.kube_write_sides import CRDS, Step
from tests.contract.kube_write_steps import Object, case

POOLS = "/apis/karpenter.example/v1/nodepools"
POOL = f"{POOLS}/{{ns}}"
OLD_POOLS = "/apis/karpenter.example/v1beta1/nodepools"
WIDGETS = "/apis/things.example/v1/namespaces/{ns}/widgets"
WIDGET = f"{WIDGETS}/one"
ENDPOINTS = "/api/v1/namespaces/{ns}/endpoints"


def pool(path: str = POOLS, version: str = "v1", query: str = "", **meta: Any) -> Step:
    frame = {"apiVersion": f"karpenter.example/{version}", "kind": "NodePool"}
    spec = {"disruption": {"budgets": [{"nodes": "10%"}]}, "template": {"spec": {"expireAfter": "720h"}}}
    return Step("POST", path + query, {**frame, "metadata": {"name": "{ns}", **meta}, "spec": spec})


def widget(**meta: Any) -> Step:
    frame = {"apiVersion": "things.example/v1", "kind": "Widget"}
    return Step("POST", WIDGETS, {**frame, "metadata": {"name": "one", **meta}, "spec": {"size": 3}})


def crd(served: bool = True) -> Object:
    """A definition of the case's own."""
    known = CRDS[0]["spec"]
    version = {**known["versions"][0], "served": served}
    names = {"plural": "own", "singular": "own", "kind": "Own", "listKind": "OwnList"}
    spec = {"group": "{ns}.example", "scope": "Cluster", "names": names, "versions": [version]}
    return {"metadata": {"name": "own.{ns}.example"}, "spec": spec}


DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OWN = "/apis/{ns}.example/v1/own"
DEFINED = Step("POST", DEFINITIONS, crd())
ESTABLISHED = Step("GET", OWN, until=200)

CUSTOM = [
    case("a custom object", 201, pool(), says='"generation":1'),
    case("a custom object is there", 200, pool(), Step("GET", POOL), says='"10%"'),
    case("a custom object that is there", 409, pool(), pool()),
    case("a dry run of a custom object", 201, pool(query=DRY)),
    case(
        "a custom object's budget by merge",
        200,
        pool(),
        merge({"spec": {"disruption": {"budgets": [{"nodes": "0"}]}}}, POOL),
        Step("GET", POOL),
        says='"generation":2',
    ),
    case(
        "a custom object's label leaves its generation",
        200,
        pool(),
        merge({"metadata": {"labels": {"a": "b"}}}, POOL),
        says='"generation":1',
    ),
    case(
        "a custom object by operations",
        200,
        pool(),
        operations(
            operation("test", "/spec/disruption/budgets/0/nodes", "10%"),
            operation("replace", "/spec/disruption/budgets/0/nodes", "1"),
            path=POOL,
        ),
    ),
    case("a custom object by strategic merge", 415, pool(), strategic({}, POOL)),
    case("a custom object is put without its version", 422, pool(), Step("PUT", POOL, pool().body)),
    case(
        "a custom object is put",
        200,
        pool(),
        Step("PUT", POOL, {**pool().body, "spec": {}, "metadata": {"name": "{ns}", "resourceVersion": "{version}"}}),
        says='"generation":2',
    ),
    case("an old version of a custom object", 409, pool(), Step("PUT", POOL, pool(resourceVersion="1").body)),
    case(
        "a custom status",
        200,
        pool(),
        merge({"status": {"nodes": 3}}, f"{POOL}/status"),
        Step("GET", POOL),
        says='"nodes":3',
    ),
    case(
        "a custom status leaves what is asked",
        200,
        pool(),
        merge({"status": {"nodes": 3}, "spec": {"weight": 1}, "metadata": {"labels": {"a": "b"}}}, f"{POOL}/status"),
    ),
    case("a custom status by the object is dropped", 200, pool(), merge({"status": {"nodes": 3}}, POOL)),
    case(
        "a custom object without a status to write",
        200,
        widget(),
        merge({"status": {"nodes": 3}}, WIDGET),
        says='"generation":2',
    ),
    case("a custom object that has no status", 404, widget(), merge({"status": {"nodes": 3}}, f"{WIDGET}/status")),
    case("a custom object of another kind", 422, Step("POST", WIDGETS, {**widget().body, "kind": "Gadget"})),
    case(
        "a custom object of another group",
        400,
        Step("POST", WIDGETS, {**widget().body, "apiVersion": "other.example/v1"}),
    ),
    case("a custom object of no kind", 400, Step("POST", WIDGETS, {"metadata": {"name": "one"}})),
    case("a deleted custom object", 200, widget(), Step("DELETE", WIDGET)),
    case("a deleted custom object is gone", 404, widget(), Step("DELETE", WIDGET), Step("GET", WIDGET)),
    case(
        "a custom object waits for its finalizer",
        200,
        widget(finalizers=["a.b/c"]),
        Step("DELETE", WIDGET),
        Step("GET", WIDGET),
        says='"generation":2',
    ),
    case("a custom object that is made up", 201, widget(name="", generateName="made-")),
    case("no right to a custom object", 403, Step("POST", WIDGETS, widget().body, user="nobody")),
    case("a deprecated version of a custom object", 201, pool(OLD_POOLS, "v1beta1")),
    case(
        "a custom object in two versions",
        200,
        pool(OLD_POOLS, "v1beta1"),
        Step("GET", POOL),
        says='"karpenter.example/v1"',
    ),
    case("a definition", 201, DEFINED, says='"storedVersions":["v1"]'),
    case(
        "a definition becomes established",
        200,
        DEFINED,
        ESTABLISHED,
        Step("GET", f"{DEFINITIONS}/own.{{ns}}.example"),
        says='"Established"',
    ),
    case(
        "an object of a new definition",
        201,
        DEFINED,
        ESTABLISHED,
        Step("POST", OWN, {"apiVersion": "{ns}.example/v1", "kind": "Own", "metadata": {"name": "one"}}),
    ),
]

DEPRECATED = [
    case("a deprecated kind is made", 201, Step("POST", ENDPOINTS, {"metadata": {"name": "one"}})),
    case("a deprecated kind is patched in vain", 404, merge({}, f"{ENDPOINTS}/one")),
    case("a deprecated kind is put", 201, Step("PUT", f"{ENDPOINTS}/one", {"metadata": {"name": "one"}})),
    case("a deprecated kind that is not valid", 422, Step("POST", ENDPOINTS, {"metadata": {}})),
    case(
        "a deprecated kind in the metrics",
        200,
        Step("POST", ENDPOINTS, {"metadata": {"name": "one"}}),
        Step("GET", "/metrics", lines='requested_deprecated_apis{group="",removed_release="",resource="endpoints"'),
        says=" 1",
    ),
    case(
        "a deprecated custom object in the metrics",
        200,
        pool(OLD_POOLS, "v1beta1"),
        Step("GET", "/metrics", lines='requested_deprecated_apis{group="karpenter'),
    ),
]
