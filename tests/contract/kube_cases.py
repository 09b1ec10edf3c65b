"""The one table of requests that both API servers answer alike. An id is a sentence; says is part of both bodies."""

from dataclasses import dataclass, field
from urllib.parse import quote

from tests.contract.kube_objects import EMPTY, LARGE, MANY, A, B
from tests.contract.kube_sides import ADMIN

METADATA = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
METADATA_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
GZIP = {"Accept-Encoding": "gzip"}
HTML = {"Accept": "text/html"}
PAGE = "404 page not found"
STATUS = '"message":"the server could not find the requested resource"'
FORBIDDEN = "is forbidden: User"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, the status that both sides give, and a text that both bodies hold (as it is sent, unindented)."""

    id: str
    path: str
    status: int = 200
    says: str = ""
    user: str = ADMIN
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)


KINDS = {
    "a node": "/api/v1/nodes/node-1",
    "a namespace": f"/api/v1/namespaces/{A}",
    "a pod": f"/api/v1/namespaces/{A}/pods/web-1",
    "a secret": f"/api/v1/namespaces/{A}/secrets/sh.helm.release.v1.web.v1",
    "a config map": f"/api/v1/namespaces/{A}/configmaps/settings",
    "a deployment": f"/apis/apps/v1/namespaces/{A}/deployments/web",
    "a stateful set": f"/apis/apps/v1/namespaces/{A}/statefulsets/store",
    "a daemon set": f"/apis/apps/v1/namespaces/{A}/daemonsets/agent",
    "a replica set": f"/apis/apps/v1/namespaces/{B}/replicasets/alone",
    "a job": f"/apis/batch/v1/namespaces/{A}/jobs/once",
    "a cron job": f"/apis/batch/v1/namespaces/{A}/cronjobs/nightly",
    "a disruption budget": f"/apis/policy/v1/namespaces/{A}/poddisruptionbudgets/web",
    "a definition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com",
    "a custom resource": f"/apis/example.com/v1/namespaces/{A}/widgets/one",
    "a custom resource of the cluster": "/apis/example.com/v1/gadgets/g",
}


def _collection(path: str) -> str:
    return path.rpartition("/")[0]


def _everywhere(path: str) -> str:
    before, _, after = path.partition("/namespaces/")
    return f"{before}/{after.split('/')[1]}" if after and "/" in after else _collection(path)


OBJECTS = [
    *(Case(f"{kind} comes with kind and apiVersion", path, says='"apiVersion":') for kind, path in KINDS.items()),
    *(Case(f"{kind} among all of its kind", _everywhere(path), says='"items":[{') for kind, path in KINDS.items()),
    *(Case(f"{kind} in a list of its namespace", _collection(path), says='"items":[{') for kind, path in KINDS.items()),
    *(
        Case(f"the metadata of {kind}", path, says='"kind":"PartialObjectMetadata"', headers=METADATA)
        for kind, path in KINDS.items()
    ),
    *(
        Case(f"the metadata of {kind} among all", _everywhere(path), says="MetadataList", headers=METADATA_LIST)
        for kind, path in KINDS.items()
    ),
]

LISTS = [
    Case("an empty list has no items", f"/apis/apps/v1/namespaces/{EMPTY}/deployments", says='"items":[]'),
    Case("an empty list of custom resources", f"/apis/example.com/v1/namespaces/{EMPTY}/widgets", says='"items":[]'),
    Case(
        "an empty list of metadata has null for items",
        f"/api/v1/namespaces/{EMPTY}/pods",
        says='"items":null',
        headers=METADATA_LIST,
    ),
    Case("a namespace that is not there has an empty list", "/apis/apps/v1/namespaces/nope/deployments"),
    Case("a path may end with a slash", f"/apis/apps/v1/namespaces/{A}/deployments/"),
    Case("a first page", f"/api/v1/namespaces/{MANY}/configmaps?limit=10", says='"remainingItemCount":15'),
    Case("a first page of all namespaces", "/api/v1/configmaps?limit=7", says='"continue":"'),
    Case("a first page of custom resources", "/apis/example.com/v1/widgets?limit=1"),
    Case("a page as large as the list is the last", f"/api/v1/namespaces/{MANY}/configmaps?limit=25"),
    Case("a limit of zero is none", f"/api/v1/namespaces/{MANY}/configmaps?limit=0"),
    Case("a negative limit is none", f"/api/v1/namespaces/{MANY}/configmaps?limit=-3"),
    Case("a limit that is no number", "/api/v1/configmaps?limit=x", 400, "strconv.ParseInt"),
    Case("a page by labels counts no rest", "/api/v1/pods?labelSelector=app%3Dweb&limit=1", says='"continue":"'),
    Case("a list from the cache ignores its limit", f"/api/v1/namespaces/{MANY}/configmaps?limit=3&resourceVersion=0"),
    Case("a version of the future", "/api/v1/pods?resourceVersion=999999999", 504, "Too large resource version"),
    Case("a match without a version", "/api/v1/pods?resourceVersionMatch=Exact", 422, "is forbidden unless"),
    Case("a token that is no base64", "/api/v1/pods?continue=!!!", 400, "illegal base64 data at input byte 0"),
    Case("a token that is no JSON", "/api/v1/pods?continue=garbage", 400, "looking for beginning of value"),
    Case("a token without a version", "/api/v1/pods?continue=e30", 400, "does not recognize this encoded version"),
    Case(
        "a token without a revision",
        "/api/v1/pods?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJ4In0",
        400,
        "incorrect encoded start resourceVersion",
    ),
    Case("a long list is packed", f"/api/v1/namespaces/{LARGE}/configmaps", headers=GZIP),
    Case("a short list is not packed", f"/api/v1/namespaces/{A}/configmaps", says='"items":[{', headers=GZIP),
    Case("a long list is not packed unasked", f"/api/v1/namespaces/{LARGE}/configmaps", says='"items":[{'),
    Case("deflate is not spoken", f"/api/v1/namespaces/{LARGE}/configmaps", headers={"Accept-Encoding": "deflate"}),
]


def _by_labels(what: str, selector: str, status: int = 200, says: str = "") -> Case:
    return Case(f"pods {what}", f"/api/v1/pods?labelSelector={quote(selector)}", status, says)


def _by_field(what: str, path: str, selector: str, status: int = 200, says: str = "") -> Case:
    return Case(f"{path.rpartition('/')[2]} {what}", f"{path}?fieldSelector={quote(selector)}", status, says)


SELECTORS = [
    _by_labels("with a label", "app=web", says="web-2"),
    _by_labels("without a value of a label", "app!=web", says="lone"),
    _by_labels("with one of some values", "app in (web, task)", says="task-1"),
    _by_labels("with none of some values", "app notin (web)", says="lone"),
    _by_labels("that carry a label", "tier", says="web-1"),
    _by_labels("that do not carry a label", "!tier", says="web-2"),
    _by_labels("by two terms", "app==web,tier!=front", says="web-2"),
    _by_labels("with an empty value", "app=", says='"items":[]'),
    _by_labels("with no value of some", "app in ()", says='"items":[]'),
    _by_labels("with a number above", "app>3", says='"items":[]'),
    _by_labels("by a selector without a key", "==", 400, "found '==', expected: !, identifier, or 'end of string'"),
    _by_labels("by an empty term", "app,,tier", 400, "expected: identifier after ','"),
    _by_labels("by a term that stops", "app,", 400, "expected: identifier after ','"),
    _by_labels("by a set without parentheses", "app in web", 400, "found 'web' expected: '('"),
    _by_labels("by a set that does not end", "app in (web", 400, "expected: ',' or ')'"),
    _by_labels("by a set with a symbol in it", "app in (=)", 400, "expected: ',', ')' or identifier"),
    _by_labels("by two values", "app=a b", 400, "found 'b', expected: ',' or 'end of string'"),
    _by_labels("by a number that is none", "app>x", 400, "the value must be an integer"),
    _by_labels("by a value that cannot be", "app=web&", 400, "a valid label must be"),
    _by_labels("by a key that cannot be", "-bad", 400, "name part must consist of"),
    _by_labels("by an operator that is none", "app what", 400, "expected: in, notin, =, ==, !=, gt, lt"),
    _by_labels("by a negation of nothing", "!", 400, "found '', expected: identifier"),
    _by_field("by name", "/api/v1/pods", "metadata.name=web-1", says="web-1"),
    _by_field("by a name that is not there", "/api/v1/pods", "metadata.name=nope", says='"items":[]'),
    _by_field("by node", "/api/v1/pods", "spec.nodeName=node-1", says="lone"),
    _by_field("not on a node", "/api/v1/pods", "spec.nodeName!=node-1", says="web-2"),
    _by_field("that still run", "/api/v1/pods", "status.phase!=Succeeded,status.phase!=Failed", says="lone"),
    _by_field("without the host's network", "/api/v1/pods", "spec.hostNetwork=false", says="lone"),
    _by_field("by type", "/api/v1/secrets", "type=helm.sh/release.v1", says="sh.helm.release.v1.web.v1"),
    _by_field("that take pods", "/api/v1/nodes", "spec.unschedulable=false", says="node-1"),
    _by_field("that are active", "/api/v1/namespaces", "status.phase=Active", says=EMPTY),
    _by_field("by namespace", "/apis/apps/v1/deployments", f"metadata.namespace={A}", says="web"),
    _by_field("of type ClusterIP", "/api/v1/services", "spec.type=ClusterIP", says="web"),
    _by_field("by name, custom ones", "/apis/example.com/v1/widgets", "metadata.name=one", says="one"),
    _by_field("by a field without an index", "/apis/apps/v1/deployments", "spec.replicas=1", 400, "not a known field"),
    _by_field("by a field that is not there", "/api/v1/pods", "spec.nope=1", 400, "field label not supported"),
    _by_field("by a field of their text", "/api/v1/secrets", "data=1", 400, "field label not supported"),
    _by_field("by a field that is not there", "/api/v1/configmaps", "data=1", 400, "not a known field"),
    _by_field("by a field that is not there", "/apis/batch/v1/jobs", "x=1", 400, "not supported for Job"),
    _by_field("by a field that is not there", "/apis/example.com/v1/widgets", "x=1", 400, "field label not supported"),
    _by_field("by nonsense", "/api/v1/pods", "nonsense", 400, "can't understand 'nonsense'"),
]

NOT_THERE = [
    Case("no such object", f"/apis/apps/v1/namespaces/{A}/deployments/nope", 404, '"reason":"NotFound"'),
    Case("no such node", "/api/v1/nodes/nope", 404, '"details":{"name":"nope","kind":"nodes"}'),
    Case("no such namespace", "/api/v1/namespaces/nope", 404, '"reason":"NotFound"'),
    Case("no such custom resource", f"/apis/example.com/v1/namespaces/{A}/widgets/x", 404, "widgets.example.com"),
    Case("no such object, for its metadata", "/api/v1/nodes/nope", 404, headers=METADATA),
    Case("no such kind", "/apis/apps/v1/nope", 404, STATUS),
    Case("no such version of a built-in group", "/apis/apps/v1beta1/deployments", 404, STATUS),
    Case("no such version of flow control", "/apis/flowcontrol.apiserver.k8s.io/v1beta1/flowschemas", 404, STATUS),
    Case("no such built-in group", "/apis/extensions/v1beta1/deployments", 404, PAGE),
    Case("no such custom group", "/apis/nope.example.com/v1/things", 404, PAGE),
    Case("no such kind of a custom group", "/apis/example.com/v1/nope", 404, PAGE),
    Case("no such version of a custom group", "/apis/example.com/v9/widgets", 404, PAGE),
    Case("nodes in a namespace", f"/api/v1/namespaces/{A}/nodes", 404, STATUS),
    Case("a pod without its namespace", "/api/v1/pods/web-1", 404, STATUS),
    Case("a custom resource without its namespace", "/apis/example.com/v1/widgets/one", 404, PAGE),
    Case("custom resources of the cluster in a namespace", f"/apis/example.com/v1/namespaces/{A}/gadgets", 404, PAGE),
    Case("no such subresource", f"/api/v1/namespaces/{A}/pods/web-1/nope", 404, STATUS),
    Case("nothing below a subresource", f"/api/v1/namespaces/{A}/pods/web-1/nope/more", 404, STATUS),
    Case("no such path", "/nope", 404, PAGE),
    Case("no such group to discover", "/apis/nope", 404, PAGE),
    Case("no such version to discover", "/apis/apps/v9", 404, STATUS),
    Case("no such core version to discover", "/api/v2", 404, STATUS),
    Case("no such custom version to discover", "/apis/example.com/v9", 404, PAGE),
]

METHODS = [
    Case("a node is not posted to", "/api/v1/nodes/node-1", 405, '"reason":"MethodNotAllowed"', method="POST"),
    Case("nodes are not put", "/api/v1/nodes", 405, '"reason":"MethodNotAllowed"', method="PUT"),
    Case("nodes are not patched", "/api/v1/nodes", 405, method="PATCH"),
    Case("pods of all namespaces are not deleted", "/api/v1/pods", 405, method="DELETE"),
    Case("nodes have no head", "/api/v1/nodes", 405, method="HEAD"),
    Case("the version has no head", "/version", 405, method="HEAD"),
    Case("nodes have no options", "/api/v1/nodes", 405, method="OPTIONS"),
    Case("the version is not posted to", "/version", 405, method="POST"),
    Case("discovery of a version is not posted to", "/apis/apps/v1", 405, method="POST"),
    Case("nodes are no web page", "/api/v1/nodes", 406, "stream=watch", headers=HTML),
    Case("a node is no web page", "/api/v1/nodes/node-1", 406, "406: Not Acceptable", headers=HTML),
    Case("custom resources are no web page", "/apis/example.com/v1/widgets", 406, "only the following", headers=HTML),
    Case("the version is no web page", "/version", 406, "representations: application/json", headers=HTML),
    Case("discovery is no web page", "/apis", 406, "only the following", headers=HTML),
    Case("discovery of a group is no web page", "/apis/apps", 406, "only the following", headers=HTML),
    Case("discovery of a version is no web page", "/apis/apps/v1", 406, "406: Not Acceptable", headers=HTML),
    Case("core discovery is no web page", "/api", 406, "406: Not Acceptable", headers=HTML),
    Case("a list is not one object's metadata", "/api/v1/nodes", 406, "is a list (*core.NodeList)", headers=METADATA),
    Case("an object is not a list of metadata", KINDS["a deployment"], 406, "*apps.Deployment", headers=METADATA_LIST),
    Case(
        "an unknown form is not served",
        "/api/v1/nodes",
        406,
        headers={"Accept": "application/json;as=Nope;v=v1;g=meta.k8s.io"},
    ),
    Case(
        "the next best form is served",
        "/api/v1/nodes",
        headers={"Accept": "application/json;as=Nope;v=v1;g=meta.k8s.io,application/json"},
    ),
]

WHO = [
    Case("a token that nobody knows", "/api/v1/nodes", 401, '"reason":"Unauthorized"', user="stranger"),
    Case("a token that nobody knows, for the version", "/version", 401, user="stranger"),
    Case("nobody at all asks for nodes", "/api/v1/nodes", 403, '"system:anonymous\\"', user=""),
    Case("nobody at all asks for the version", "/version", user=""),
    Case("nobody at all asks whether it is ready", "/readyz", says="ok", user=""),
    Case("nobody at all asks for discovery", "/api", 403, 'cannot get path \\"/api\\"', user=""),
    Case("nobody at all asks for metrics", "/metrics", 403, user=""),
    Case("nodes, at the cluster scope", "/api/v1/nodes", 403, "at the cluster scope", user="nobody"),
    Case("a node, by name", "/api/v1/nodes/node-1", 403, 'nodes \\"node-1\\" is forbidden', user="nobody"),
    Case("deployments of a namespace", _collection(KINDS["a deployment"]), 403, "in the namespace", user="nobody"),
    Case("a deployment", KINDS["a deployment"], 403, 'deployments.apps \\"web\\" is forbidden', user="nobody"),
    Case("a namespace", KINDS["a namespace"], 403, 'in the namespace \\"team-a\\"', user="nobody"),
    Case("a pod's log", KINDS["a pod"] + "/log", 403, 'resource \\"pods/log\\"', user="nobody"),
    Case("an eviction", KINDS["a pod"] + "/eviction", 403, "pods/eviction", user="nobody", method="POST"),
    Case("a patch of a node", "/api/v1/nodes/node-1", 403, "cannot patch", user="nobody", method="PATCH"),
    Case("a delete", KINDS["a pod"], 403, "cannot delete ", user="nobody", method="DELETE"),
    Case("a delete of all", _collection(KINDS["a pod"]), 403, "deletecollection", user="nobody", method="DELETE"),
    Case("a watch", "/api/v1/pods?watch=1", 403, "cannot watch", user="nobody"),
    Case("a list of one name", "/api/v1/secrets?fieldSelector=metadata.name%3Dx", 403, user="nobody"),
    Case("metrics", "/metrics", 403, 'cannot get path \\"/metrics\\"', user="nobody"),
    Case("a path below one that is allowed", "/metrics/slis", 403, "forbidden: User", user="prober"),
    Case("a path by its pattern", "/logs/x", 404, PAGE, user="prober"),
    Case("a path that is not there", "/nope", 403, user="nobody"),
    Case("a group that is not there", "/apis/nope.example.com/v1/things", 403, FORBIDDEN, user="nobody"),
    Case("a user whose name needs quotes", "/api/v1/nodes", 403, user='quo"te<&>\\'),
    Case("a cluster role holds everywhere", "/api/v1/pods", says="lone", user="everywhere"),
    Case("a cluster role holds in each namespace", f"/api/v1/namespaces/{B}/pods", says="lone", user="everywhere"),
    Case("a cluster role gives nothing else", "/api/v1/secrets", 403, user="everywhere"),
    Case("a role binding gives nothing everywhere", "/api/v1/pods", 403, user="member"),
    Case("a role binding holds in its namespace", f"/api/v1/namespaces/{A}/pods", says="web-1", user="member"),
    Case("a role binding holds nowhere else", f"/api/v1/namespaces/{B}/pods", 403, user="member"),
    Case("a role holds in its namespace", f"/api/v1/namespaces/{A}/configmaps", says="settings", user="local"),
    Case("a role holds nowhere else", f"/api/v1/namespaces/{B}/configmaps", 403, user="local"),
    Case("a named object", KINDS["a config map"], says="kept", user="named"),
    Case("another object than the named one", f"/api/v1/namespaces/{A}/configmaps/other", 403, user="named"),
    Case("a list where a name is granted", f"/api/v1/namespaces/{A}/configmaps", 403, user="named"),
    Case(
        "a list of the named object alone",
        f"/api/v1/namespaces/{A}/configmaps?fieldSelector=metadata.name%3Dsettings",
        says="kept",
        user="named",
    ),
    Case("a role that is not there", "/api/v1/nodes", 403, "RBAC: clusterrole.rbac", user="dangling"),
    Case("two roles that are not there", f"/api/v1/namespaces/{A}/pods", 403, "RBAC: [cluster", user="dangling"),
]

PATHS = [
    Case("the version", "/version", says='"gitVersion":"v1.'),
    Case("core versions", "/api", says='"kind":"APIVersions"'),
    Case("one group", "/apis/apps", says='"preferredVersion"'),
    Case("one custom group", "/apis/example.com", says='"preferredVersion"'),
    Case("health", "/healthz", says="ok"),
    Case("liveness", "/livez", says="ok"),
    Case("readiness", "/readyz", says="ok"),
]

WARNINGS = [
    Case("a deprecated kind", f"/api/v1/namespaces/{EMPTY}/endpoints", says='"items":[]'),
    Case("a deprecated object that is not there", f"/api/v1/namespaces/{A}/endpoints/nope", 404),
    Case("a deprecated custom version", "/apis/example.com/v1beta1/widgets", says="example.com/v1beta1"),
    Case("a custom version with its own warning", "/apis/example.com/v1alpha1/widgets", says="example.com/v1alpha1"),
    Case("a deprecated custom object", f"/apis/example.com/v1beta1/namespaces/{A}/widgets/one"),
]

CASES = [*OBJECTS, *LISTS, *SELECTORS, *NOT_THERE, *METHODS, *WHO, *PATHS, *WARNINGS]
