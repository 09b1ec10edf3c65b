"""What is written to both API servers: patches of the three kinds, as kubectl and controllers send them."""

from typing import Any

from tests.contract.kube_write_objects import DRY, GET, MAPS, ONE, make
from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import JSON_PATCH, MERGE, PODS, STRATEGIC, Object, case, pod

DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
WEB = f"{DEPLOYMENTS}/web"
GET_WEB = Step("GET", WEB)
A, B = ({"name": name, "image": f"registry.example/{name}:1"} for name in "ab")


def merge(body: Any, path: str = ONE, query: str = "", user: str = "fleetkeeper-admin") -> Step:
    return Step("PATCH", path + query, body, MERGE, user=user)


def strategic(body: Any, path: str = WEB, query: str = "") -> Step:
    return Step("PATCH", path + query, body, STRATEGIC)


def operations(*given: Any, path: str = ONE, query: str = "") -> Step:
    return Step("PATCH", path + query, list(given), JSON_PATCH)


def operation(op: str, path: str, *value: Any, **more: Any) -> Object:
    return {"op": op, "path": path, **({"value": value[0]} if value else {}), **more}


def deployment(*containers: Object, **more: Any) -> Step:
    """A Deployment of two containers unless others are given."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers or (A, B))}}
    spec = {"selector": {"matchLabels": labels}, "template": template, **more}
    return Step("POST", DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec})


def within(spec: Object) -> Object:
    """A patch of a Deployment's pods."""
    return {"spec": {"template": {"spec": spec}}}


MERGES = [
    case("a merge adds", 200, make(), merge({"data": {"more": "text"}}), GET, says='"more":"text"'),
    case("a merge takes away", 200, make(), merge({"data": {"key": None}})),
    case("a merge takes everything away", 200, make(), merge({"data": None})),
    case("a merge replaces lists", 200, make(finalizers=["a.b/c"]), merge({"metadata": {"finalizers": ["a.b/d"]}})),
    case("a merge of labels", 200, make(labels={"a": "b"}), merge({"metadata": {"labels": {"c": "d"}}})),
    case("a merge of an annotation", 200, make(), merge({"metadata": {"annotations": {"c": "d"}}})),
    case("a merge of nothing", 200, make(), merge({}), GET),
    case("a merge of the version that is there", 200, make(), merge({"metadata": {"resourceVersion": "{version}"}})),
    case(
        "a merge of an old version",
        409,
        make(),
        merge({"metadata": {"resourceVersion": "1"}}),
        says="has been modified",
    ),
    case("a merge of another identity", 422, make(), merge({"metadata": {"uid": "other"}})),
    case("a merge of another name", 400, make(), merge({"metadata": {"name": "two"}})),
    case("a merge of another namespace", 400, make(), merge({"metadata": {"namespace": "other"}})),
    case("a merge into nothing", 404, merge({"data": {"more": "text"}})),
    case("a dry run of a merge", 200, make(), merge({"data": {"more": "text"}}, query=DRY), says="more"),
    case("a dry run merges nothing", 200, make(), merge({"data": {"more": "text"}}, query=DRY), GET),
    case("another kind of dry run of a merge", 422, make(), merge({}, query="?dryRun=Some")),
    case("no right to patch", 403, make(), merge({}, user="nobody")),
    case("a merge of a list", 405, make(), merge({}, path=MAPS)),
    case("a merge that is no JSON", 400, make(), merge(b"<none>")),
    case("a merge of a list of things", 400, make(), merge([{"data": {}}])),
    case("a merge with a manager", 200, make(), merge({"data": {"more": "text"}}, query="?fieldManager=keeper")),
    case("a patch of an unknown kind", 415, make(), Step("PATCH", ONE, {}, "application/json")),
]

OPERATIONS = [
    case("an added member", 200, make(), operations(operation("add", "/data/more", "text"))),
    case("a replaced member", 200, make(), operations(operation("replace", "/data/key", "text"))),
    case("a removed member", 200, make(), operations(operation("remove", "/data/key"))),
    case("a moved member", 200, make(), operations(operation("move", "/data/new", **{"from": "/data/key"}))),
    case("a copied member", 200, make(), operations(operation("copy", "/data/new", **{"from": "/data/key"}))),
    case(
        "a test that holds",
        200,
        make(),
        operations(operation("test", "/data/key", "value"), operation("replace", "/data/key", "text")),
    ),
    case(
        "a test that does not hold",
        422,
        make(),
        operations(operation("test", "/data/key", "other"), operation("remove", "/data/key")),
    ),
    case(
        "a test that does not hold changes nothing",
        200,
        make(),
        operations(operation("add", "/data/more", "x"), operation("test", "/data/key", "other")),
        GET,
        says='"data":{"key":"value"}',
    ),
    case("a test of a member that is not there", 422, make(), operations(operation("test", "/data/more", "other"))),
    case(
        "a test for null of a member that is not there", 200, make(), operations(operation("test", "/data/more", None))
    ),
    case("a member that is not there is removed", 422, make(), operations(operation("remove", "/data/more"))),
    case("a member that is not there is replaced", 200, make(), operations(operation("replace", "/data/more", "x"))),
    case("a way that is not there", 422, make(), operations(operation("add", "/binary/more", "x"))),
    case("an unknown operation", 422, make(), operations(operation("twist", "/data/key", "x"))),
    case(
        "a slash in a name",
        200,
        make(),
        operations(
            operation("add", "/metadata/annotations", {}), operation("add", "/metadata/annotations/a.b~1c", "d")
        ),
    ),
    case(
        "an element at the end",
        200,
        make(finalizers=["a.b/c"]),
        operations(operation("add", "/metadata/finalizers/-", "a.b/d")),
    ),
    case(
        "an element in front",
        200,
        make(finalizers=["a.b/c"]),
        operations(operation("add", "/metadata/finalizers/0", "a.b/d")),
    ),
    case(
        "an element goes",
        200,
        make(finalizers=["a.b/c", "a.b/d"]),
        operations(operation("remove", "/metadata/finalizers/0")),
    ),
    case(
        "an element beyond the end",
        422,
        make(finalizers=["a.b/c"]),
        operations(operation("add", "/metadata/finalizers/7", "a.b/d")),
    ),
    case("no operation", 200, make(), operations()),
    case("operations that are none", 400, make(), Step("PATCH", ONE, {"op": "add"}, JSON_PATCH)),
    case(
        "a dry run of operations",
        200,
        make(),
        operations(operation("remove", "/data/key"), query=DRY),
        GET,
        says='"key":"value"',
    ),
    case("operations on nothing", 404, operations(operation("remove", "/data/key"))),
    case(
        "the test of a version",
        409,
        make(),
        operations(operation("replace", "/metadata/resourceVersion", "1"), operation("remove", "/data/key")),
    ),
    case(
        "a test guards a pod's label",
        422,
        pod(),
        operations(operation("test", "/metadata/labels/app", "other"), path=f"{PODS}/web"),
    ),
]

LISTS = [
    case(
        "a container by its name",
        200,
        deployment(),
        strategic(within({"containers": [{"name": "b", "image": "new:2"}]})),
        GET_WEB,
        says='"new:2"',
    ),
    case(
        "a new container",
        200,
        deployment(A),
        strategic(within({"containers": [{"name": "c", "image": "c:1"}]})),
        GET_WEB,
    ),
    case(
        "a container is taken away",
        200,
        deployment(),
        strategic(within({"containers": [{"name": "a", "$patch": "delete"}]})),
        GET_WEB,
    ),
    case(
        "a container that is not there is taken away",
        200,
        deployment(),
        strategic(within({"containers": [{"name": "z", "$patch": "delete"}]})),
        GET_WEB,
    ),
    case(
        "the containers are replaced",
        200,
        deployment(),
        strategic(within({"containers": [{"$patch": "replace"}, {"name": "c", "image": "c:1"}]})),
        GET_WEB,
    ),
    case("a container without its key", 500, deployment(), strategic(within({"containers": [{"image": "c:1"}]}))),
    case(
        "environment by its name",
        200,
        deployment({**A, "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}),
        strategic(
            within({"containers": [{"name": "a", "env": [{"name": "Y", "value": "3"}, {"name": "Z", "value": "4"}]}]})
        ),
        GET_WEB,
    ),
    case(
        "arguments are replaced",
        200,
        deployment({**A, "args": ["x", "y"]}),
        strategic(within({"containers": [{"name": "a", "args": ["z"]}]})),
        GET_WEB,
    ),
    case(
        "an order that the client sets",
        200,
        deployment(),
        strategic(
            within(
                {
                    "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                    "containers": [{"name": "a", "image": "new:2"}],
                }
            )
        ),
        GET_WEB,
    ),
    case(
        "a map is replaced",
        200,
        make(labels={"x": "y"}),
        strategic({"metadata": {"labels": {"$patch": "replace", "a": "b"}}}, ONE),
        GET,
    ),
    case(
        "a map that is not there is replaced",
        200,
        deployment(),
        strategic({"metadata": {"annotations": {"$patch": "replace", "a": "b"}}}),
        GET_WEB,
    ),
    case(
        "a map is deleted",
        200,
        make(labels={"a": "b"}),
        strategic({"metadata": {"labels": {"$patch": "delete"}}}, ONE),
        GET,
    ),
    case(
        "an unknown directive",
        500,
        make(labels={"a": "b"}),
        strategic({"metadata": {"labels": {"$patch": "twist"}}}, ONE),
    ),
    case(
        "finalizers are joined",
        200,
        make(finalizers=["a.b/c"]),
        strategic({"metadata": {"finalizers": ["a.b/d"]}}, ONE),
        GET,
    ),
    case(
        "finalizers are taken out of a list",
        200,
        make(finalizers=["a.b/c", "a.b/d"]),
        strategic({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}}, ONE),
        GET,
    ),
    case(
        "tolerations are replaced",
        200,
        deployment(),
        strategic(within({"tolerations": [{"key": "x", "operator": "Exists"}]})),
        GET_WEB,
    ),
    case(
        "a member that the client retains",
        200,
        deployment(),
        strategic({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        GET_WEB,
        says='"Recreate"',
    ),
    case("null takes a member away", 200, deployment(replicas=3), strategic({"spec": {"replicas": None}}), GET_WEB),
    case("a strategic patch of nothing", 200, deployment(), strategic({}), GET_WEB),
    case("a strategic patch into nothing", 404, strategic({})),
    case("a strategic patch that is no JSON", 400, deployment(), strategic(b"<none>")),
    case("a strategic patch of a list of things", 400, deployment(), strategic([{}])),
    case(
        "a dry run of a strategic patch",
        200,
        deployment(),
        strategic({"spec": {"replicas": 4}}, query=DRY),
        GET_WEB,
        says='"replicas":1',
    ),
    case(
        "restart as kubectl does it",
        200,
        deployment(),
        strategic({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}),
        GET_WEB,
        says='"generation":2',
    ),
]

PATCHES = [*MERGES, *OPERATIONS, *LISTS]
