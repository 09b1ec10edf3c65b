"""What is written to both API servers: config maps and secrets made, replaced and deleted, with all that is refused."""

from typing import Any

from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import MERGE, Object, case, pod

MAPS = "/api/v1/namespaces/{ns}/configmaps"
ONE = f"{MAPS}/one"
SECRETS = "/api/v1/namespaces/{ns}/secrets"
JOBS = "/apis/batch/v1/namespaces/{ns}/jobs"
POD = "/api/v1/namespaces/{ns}/pods/web"
SPACE = "/api/v1/namespaces/{ns}"
KEEP = ["example.com/keep"]
DRY = "?dryRun=All"
GET = Step("GET", ONE)


def make(query: str = "", kind: Object | None = None, **meta: Any) -> Step:
    body = {**(kind or {}), "metadata": {"name": "one", **meta}, "data": {"key": "value"}}
    return Step("POST", MAPS + query, body)


def put(query: str = "", path: str = ONE, **meta: Any) -> Step:
    return Step("PUT", path + query, {"metadata": {"name": "one", **meta}, "data": {"key": "other"}})


def delete(path: str = ONE, query: str = "", user: str = "fleetkeeper-admin", **options: Any) -> Step:
    return Step("DELETE", path + query, options or None, user=user)


def secret(**more: Any) -> Step:
    return Step("POST", SECRETS, {"metadata": {"name": "one"}, **more})


CREATES = [
    case("a config map", 201, make()),
    case("a config map is there", 200, make(), GET, says='"key":"value"'),
    case("a config map with its kind", 201, make(kind={"apiVersion": "v1", "kind": "ConfigMap"})),
    case("labels and annotations", 201, make(labels={"a": "b"}, annotations={"c": "d"})),
    case("a name that is made up", 201, make(name="", generateName="made-")),
    case("a name that is made up for a dry run", 201, make(DRY, name="", generateName="made-")),
    case("a name beside one that could be made up", 200, make(generateName="made-"), GET),
    case("one that is there", 409, make(), make(), says='"reason":"AlreadyExists"'),
    case("a dry run of one that is there", 409, make(), make(DRY)),
    case("a dry run of a create", 201, make(DRY)),
    case("a dry run makes nothing", 404, make(DRY), GET),
    case("another kind of dry run of a create", 422, make("?dryRun=Some"), says="Unsupported value"),
    case("no name at all", 422, make(name=""), says="name or generateName is required"),
    case("a name in capitals", 422, make(name="ONE"), says="RFC 1123 subdomain"),
    case("a version of something new", 500, make(resourceVersion="1"), says="should not be set"),
    case("an identity of one's own is not kept", 201, make(uid="mine", creationTimestamp="2020-01-01T00:00:00Z")),
    case("another namespace in the body", 400, make(namespace="other"), says="does not match the namespace"),
    case(
        "a namespace that is not there",
        404,
        Step("POST", "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "one"}}),
    ),
    case("another kind in the body", 400, make(kind={"apiVersion": "v1", "kind": "Pod"})),
    case("another version in the body", 400, make(kind={"apiVersion": "v2", "kind": "ConfigMap"})),
    case("no body to create", 400, Step("POST", MAPS, b"")),
    case("a body that is no JSON", 400, Step("POST", MAPS, b"<none>")),
    case("a body in an unknown form", 415, Step("POST", MAPS, b"<a/>", "text/xml")),
    case("no right to create", 403, Step("POST", MAPS, {"metadata": {"name": "one"}}, user="nobody")),
    case("a create below a name", 405, Step("POST", ONE, {"metadata": {"name": "one"}})),
    case("a manager of one's own", 201, make("?fieldManager=keeper")),
    case("a manager by the user agent", 201, Step("POST", MAPS, make().body, headers={"User-Agent": "keeper/1.0"})),
    case("a finalizer", 201, make(finalizers=KEEP)),
    case("an owner", 201, make(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1-2"}])),
    case("a namespace", 201, Step("POST", "/api/v1/namespaces", {"metadata": {"name": "{ns}-b"}}), says='"Active"'),
    case("a namespace that is there", 409, Step("POST", "/api/v1/namespaces", {"metadata": {"name": "{ns}"}})),
    case("a service account", 201, Step("POST", f"{SPACE}/serviceaccounts", {"metadata": {"name": "one"}})),
    case("a secret in base64", 201, secret(data={"key": "dmFsdWU="}), says='"Opaque"'),
    case("a secret in plain text", 201, secret(stringData={"key": "value"}), says='"key":"dmFsdWU="'),
    case("a secret of a type", 201, secret(type="example.com/mine", stringData={"key": "value"})),
    case("a pod and its defaults", 201, pod()[0]),
    case("a dry run of a pod", 201, Step("POST", f"{SPACE}/pods{DRY}", pod()[0].body)),
]

UPDATES = [
    case("a replaced config map", 200, make(), put(), GET, says='"key":"other"'),
    case("the version that is there", 200, make(), put(resourceVersion="{version}")),
    case("an old version", 409, make(), put(resourceVersion="1"), says="the object has been modified"),
    case("a version that was overtaken", 409, make(), put(), put(resourceVersion="{since}")),
    case("a dry run of an old version", 409, make(), put(DRY, resourceVersion="1")),
    case("a dry run of a replacement", 200, make(), put(DRY), says='"key":"other"'),
    case("a dry run replaces nothing", 200, make(), put(DRY), GET, says='"key":"value"'),
    case("the identity that is there", 200, make(), put(uid="{uid}")),
    case("another identity of a replacement", 409, make(), put(uid="other"), says="Precondition failed"),
    case("labels that a replacement leaves out", 200, make(labels={"a": "b"}), put(), GET),
    case("a second manager", 200, make(), put("?fieldManager=keeper")),
    case("a replacement that changes nothing", 200, make(), Step("PUT", ONE, make().body), GET),
    case("a replacement of nothing", 404, put()),
    case("a dry run of a replacement of nothing", 404, put(DRY)),
    case("another name in the body", 400, make(), put(name="two"), says="does not match the name on the URL"),
    case("no name in the body", 400, make(), put(name=""), says="name must be provided"),
    case("another namespace in a replacement", 400, make(), put(namespace="other")),
    case("a replacement of a list", 405, put(path=MAPS)),
    case("no body to replace", 400, make(), Step("PUT", ONE, b"")),
    case("no right to replace", 403, make(), Step("PUT", ONE, put().body, user="nobody")),
    case("another kind of dry run of a replacement", 422, make(), put("?dryRun=Some")),
    case(
        "a finalizer for something that goes",
        422,
        make(finalizers=KEEP),
        delete(),
        put(finalizers=[*KEEP, "example.com/x"]),
        says="no new finalizers",
    ),
    case("the last finalizer is put away", 404, make(finalizers=KEEP), delete(), put(), GET),
    case("the answer to putting the last finalizer away", 200, make(finalizers=KEEP), delete(), put()),
]


def given(**options: Any) -> list[Step]:
    """A config map, and its deletion with options."""
    return [make(), delete(**options)]


DELETES = [
    case("a deleted config map", 200, make(), delete(), says='"status":"Success"'),
    case("a deleted config map is gone", 404, make(), delete(), GET),
    case("nothing to delete", 404, delete()),
    case("the identity of what is deleted", 200, given(preconditions={"uid": "{uid}"})),
    case(
        "another identity of what is deleted",
        409,
        given(preconditions={"uid": "x"}),
        says="the UID in the precondition",
    ),
    case("the version of what is deleted", 200, given(preconditions={"resourceVersion": "{version}"})),
    case("another version of what is deleted", 409, given(preconditions={"resourceVersion": "1"})),
    case("a failed precondition leaves it", 200, given(preconditions={"uid": "x"}), GET),
    case("options with their kind", 200, given(apiVersion="v1", kind="DeleteOptions")),
    case("options that are none", 400, given(apiVersion="v1", kind="Pod")),
    case("a dry run of a deletion", 200, make(), delete(query=DRY)),
    case("a dry run deletes nothing", 200, make(), delete(query=DRY), GET),
    case("a dry run of a deletion in the options", 200, given(dryRun=["All"]), GET),
    case("another kind of dry run of a deletion", 422, make(), delete(query="?dryRun=Some")),
    case("a dry run of a deletion of nothing", 404, delete(query=DRY)),
    *(
        case(f"propagation {policy} of a config map", status, given(propagationPolicy=policy), GET)
        for policy, status in (("Background", 404), ("Foreground", 200), ("Orphan", 200))
    ),
    case(
        "propagation by the address",
        200,
        make(),
        delete(query="?propagationPolicy=Foreground"),
        GET,
        says="foregroundDeletion",
    ),
    case("an unknown propagation", 422, given(propagationPolicy="Sideways"), says="Unsupported value"),
    case("no right to delete", 403, make(), delete(user="nobody")),
    case("a finalizer keeps it", 200, make(finalizers=KEEP), delete(), GET, says="deletionTimestamp"),
    case("a finalizer keeps it twice", 200, make(finalizers=KEEP), delete(), delete(), GET),
    case("foreground beside a finalizer", 200, make(finalizers=KEEP), delete(propagationPolicy="Foreground"), GET),
    case(
        "the last finalizer is patched away",
        404,
        make(finalizers=KEEP),
        delete(),
        Step("PATCH", ONE, {"metadata": {"finalizers": None}}, MERGE),
        GET,
    ),
    case("something that goes can still change", 200, make(finalizers=KEEP), delete(), put(finalizers=KEEP), GET),
    case("a deleted secret", 200, secret(), delete(f"{SECRETS}/one")),
    case("a deleted pod that runs has its grace", 200, pod(), delete(POD), says='"deletionGracePeriodSeconds":30'),
    case("a pod's own grace", 200, pod(grace=7), delete(POD), says='"deletionGracePeriodSeconds":7'),
    case("a shorter grace", 200, pod(), delete(POD, gracePeriodSeconds=3), Step("GET", POD), says='Seconds":3'),
    case("a grace by the address", 200, pod(), delete(POD, "?gracePeriodSeconds=4"), says='Seconds":4'),
    case("a second, shorter grace", 200, pod(), delete(POD), delete(POD, gracePeriodSeconds=2), says='Seconds":2'),
    case(
        "a second, longer grace changes nothing",
        200,
        pod(),
        delete(POD),
        delete(POD, gracePeriodSeconds=90),
        says='Seconds":30',
    ),
    case("no grace takes a pod at once", 404, pod(), delete(POD, gracePeriodSeconds=0), Step("GET", POD)),
    case("a pod that ended goes at once", 404, pod(phase="Failed"), delete(POD), Step("GET", POD)),
    case("a pod of no node goes at once", 404, pod(node=False), delete(POD), Step("GET", POD)),
    case("a dry run of a deletion of a pod", 200, pod(), delete(POD, DRY), Step("GET", POD), says='"Running"'),
    case(
        "a job goes with a warning",
        200,
        Step(
            "POST",
            JOBS,
            {
                "metadata": {"name": "one"},
                "spec": {
                    "suspend": True,
                    "template": {"spec": {"containers": [{"name": "main", "image": "a:1"}], "restartPolicy": "Never"}},
                },
            },
        ),
        delete(f"{JOBS}/one"),
    ),
    case("a namespace waits for its content", 200, delete(SPACE), Step("GET", SPACE), says='"phase":"Terminating"'),
    case("a namespace is deleted twice", 200, delete(SPACE), delete(SPACE), says='"phase":"Terminating"'),
    case("nothing new in a namespace that goes", 403, delete(SPACE), make(), says="is being terminated"),
    case("a change in a namespace that goes", 200, make(), delete(SPACE), put()),
    case("a system namespace stays", 403, delete("/api/v1/namespaces/kube-system"), says="may not be deleted"),
]

OBJECTS = [*CREATES, *UPDATES, *DELETES]
