"""One request to one simulated API server → one answer: who asks, may they, what is there. No sockets here."""

from collections import OrderedDict
from collections.abc import Callable

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.kube import (
    answers,
    discovery,
    eviction,
    listing,
    metrics,
    negotiation,
    resources,
    reviews,
    watching,
    writes,
)
from fleetkeeper.sim.kube.answers import Answer, Attributes, StatusError
from fleetkeeper.sim.kube.listing import ListRequest, Renderer
from fleetkeeper.sim.kube.rbac import AUTHENTICATED, Grants, User, grants
from fleetkeeper.sim.kube.request import Request, attributes
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.watching import Watch
from fleetkeeper.sim.world import Object, SimCluster, World

__all__ = ["ANONYMOUS", "Authenticate", "KubeApi", "ObjectsOf", "Request", "attributes", "list_request"]

Authenticate = Callable[[SimCluster, str], User | None]
"""The user behind a bearer token, or None for a token that this cluster does not accept."""

ObjectsOf = Callable[[SimCluster], Objects]
"""The mutable state of a cluster, which its controllers and its other faces share."""

ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
_CRDS = "apiextensions.k8s.io/customresourcedefinitions"
_METHODS = {"list": "GET", "get": "GET", "watch": "GET"}
_WRITES = {"create": writes.create, "update": writes.update, "patch": writes.patch, "delete": writes.delete}
_HEALTH = ("/healthz", "/livez", "/readyz")


class KubeApi:
    """The API servers of all clusters of a world.

    Reads come from the world itself. Writes and watches ask `objects_of`; without it a cluster has a state of its own,
    and no controllers.
    """

    def __init__(self, world: World, authenticate: Authenticate, objects_of: ObjectsOf | None = None) -> None:
        self._world = world
        self._authenticate = authenticate
        self._own: dict[str, Objects] = {}
        self._objects_of = objects_of or self._own_objects
        self.renderer = Renderer()
        self._served: OrderedDict[tuple[str, int], discovery.Resources] = OrderedDict()
        self._grants: OrderedDict[tuple[str, int, User], Grants] = OrderedDict()
        self._deprecated_seen: dict[str, set[Resource]] = {}

    def user(self, cluster: SimCluster, request: Request) -> User | None:
        """Who asks; anonymous without a token, None for a token that is refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        user = self._authenticate(cluster, token.strip())
        return user and User(user.name, (*user.groups, AUTHENTICATED))

    def answer(self, cluster: SimCluster, user: User | None, request: Request) -> Answer | Watch:
        with self._world.lock:
            try:
                return self._answer(cluster, user, request)
            except StatusError as refused:
                return refused.answer

    def listed(self, cluster: SimCluster, user: User, asked: Attributes) -> dict[tuple[str, str], Object]:
        """All objects of a built-in kind for a caller in this process, who needs no JSON and changes none of them.

        StatusError with the answer of a list that is refused.
        """
        with self._world.lock:
            granted = self._granted(cluster, user)
            if not granted.allow(asked):
                raise StatusError(answers.forbidden(user.name, asked, granted.reason(asked)))
            return dict(cluster.objects.get(f"{asked.group}/{asked.resource}", {}))

    def forget(self, cluster: SimCluster) -> None:
        """The API server restarts: the gauge of requested deprecated APIs starts anew."""
        self._deprecated_seen.pop(cluster.key, None)

    def objects(self, cluster: SimCluster) -> Objects:
        """The state of a cluster that writes and watches go to."""
        return self._objects_of(cluster)

    def _own_objects(self, cluster: SimCluster) -> Objects:
        found = self._own.get(cluster.key)
        if found is None or found.cluster is not cluster:
            found = self._own[cluster.key] = Objects(cluster, self._world.now)
        return found

    def _answer(self, cluster: SimCluster, user: User | None, request: Request) -> Answer | Watch:
        if user is None:
            return answers.unauthorized()
        asked = attributes(request)
        granted = self._granted(cluster, user)
        if not granted.allow(asked):
            return answers.forbidden(user.name, asked, granted.reason(asked))
        if not asked.resource:
            return self._path(cluster, request)
        served = self._resources(cluster)
        resource = served.get((asked.group, asked.version, asked.resource))
        if resource is None:
            known = any((r.group, r.custom) == (asked.group, False) for r in served.values())
            return answers.no_such_resource() if known else answers.page_not_found()
        if resource.key in reviews.REVIEWS and asked.verb == "create":
            return reviews.answer(resource, user, granted, request, served, self._world.now())
        return self._resource(cluster, resource, asked, request)

    def _granted(self, cluster: SimCluster, user: User) -> Grants:
        key = (cluster.key, cluster.revision, user)
        found = self._grants.get(key)
        if found is None:
            found = self._grants[key] = grants(user, cluster.objects)
            if len(self._grants) > 4096:
                self._grants.popitem(last=False)
        return found

    def _resources(self, cluster: SimCluster) -> discovery.Resources:
        key = (cluster.key + cluster.version, cluster.revision)
        found = self._served.get(key)
        if found is None:
            crds = cluster.objects.get(_CRDS, {}).values()
            found = {**resources.builtin(Minor.parse(cluster.version)), **resources.custom(crds)}
            self._served[key] = found
            if len(self._served) > 256:
                self._served.popitem(last=False)
        return found

    def _path(self, cluster: SimCluster, request: Request) -> Answer:
        parts = request.path.strip("/").split("/")
        if parts[0] in ("api", "apis"):
            return _only_get(request, self._discovery(cluster, parts, request))
        if request.path.rstrip("/") in _HEALTH:
            headers = (("X-Content-Type-Options", "nosniff"),)
            return Answer(200, b"ok", "text/plain; charset=utf-8", headers)
        if request.path == "/version":
            negotiation.version(request.accept)
            return _only_get(request, discovery.version(cluster))
        if request.path == "/metrics":
            return metrics.page(cluster, self._deprecated_seen.get(cluster.key, set()))
        return answers.page_not_found()

    def _discovery(self, cluster: SimCluster, parts: list[str], request: Request) -> Answer:
        served = self._resources(cluster)
        form = negotiation.discovery(request.accept, parts, custom=discovery.is_custom(served, parts))
        match parts:
            case [root] if form:
                return discovery.aggregated(served, Minor.parse(cluster.version), core=root == "api")
            case ["api"]:
                return discovery.core_versions(cluster.endpoint.removeprefix("https://").partition("/")[0])
            case ["api", version]:
                return discovery.group_version(served, "", version)
            case ["apis"]:
                return discovery.groups(served)
            case ["apis", group]:
                return discovery.group(served, group)
            case ["apis", group, version]:
                return discovery.group_version(served, group, version)
        return answers.page_not_found()

    def _resource(self, cluster: SimCluster, resource: Resource, asked: Attributes, request: Request) -> Answer | Watch:
        if resource.warning:
            self._deprecated_seen.setdefault(cluster.key, set()).add(resource)
        try:
            answer = self._routed(cluster, resource, asked, request)
        except StatusError as refused:
            answer = refused.answer
        if not resource.warning or isinstance(answer, Watch):
            return answer
        warning = ("Warning", f'299 - "{resource.warning}"')
        return Answer(answer.status, answer.body, answer.content_type, (*answer.headers, warning))

    def _routed(self, cluster: SimCluster, resource: Resource, asked: Attributes, request: Request) -> Answer | Watch:
        path = request.path.strip("/").split("/")
        named = len(path) > 1 and path[-1] == asked.name and path[-2] == asked.resource
        in_namespace = bool(asked.namespace) and resource.key != "/namespaces"
        named = named or bool(asked.subresource)
        if (in_namespace and not resource.namespaced) or (named and resource.namespaced and not asked.namespace):
            return answers.page_not_found() if resource.custom else answers.no_such_resource()
        if named and resource.key in reviews.REVIEWS:
            return answers.no_such_resource()
        if asked.subresource == "eviction" and resource.key == eviction.PODS:
            return self._evicted(cluster, resource, asked, request)
        has_status = _has_status(cluster, resource)
        if asked.subresource and not (asked.subresource == "status" and has_status):
            missing = answers.not_found(resource.group, resource.name, asked.name)
            return missing if resource.custom else answers.no_such_resource()
        if not _is_allowed(resource, asked, request, named=named):
            return answers.method_not_allowed()
        listed = not named and asked.verb in ("get", "list", "watch", "deletecollection")
        form = negotiation.form(request.accept, resource, listed=listed)
        namespace = asked.namespace if resource.namespaced else ""
        if asked.verb == "watch":
            seen = watching.wanted(resource, namespace, asked.name, request, metadata_only=bool(form))
            return Watch(self._objects_of(cluster), seen, request)
        if asked.verb in _WRITES:
            sub, served = asked.subresource, self._resources(cluster)
            objects = self._objects_of(cluster)
            write = writes.Write(objects, resource, namespace, asked.name, sub, request, served, has_status)
            return _WRITES[asked.verb](write)
        if asked.verb == "get":
            found = listing.single(cluster, resource, namespace, asked.name, metadata_only=bool(form))
        else:
            found = self.renderer.page(cluster, list_request(resource, asked, request, bool(form)))
        negotiation.check(form, resource, listed=listed)
        return found

    def _evicted(self, cluster: SimCluster, pods: Resource, asked: Attributes, request: Request) -> Answer:
        if request.method != "POST":
            return answers.method_not_allowed()
        key = (asked.namespace, asked.name)
        return eviction.evict(self._objects_of(cluster), pods, key, request, self._resources(cluster))


_STATUS = {
    "": "nodes namespaces pods services persistentvolumes persistentvolumeclaims replicationcontrollers resourcequotas",
    "apps": "daemonsets deployments replicasets statefulsets",
    "batch": "cronjobs jobs",
    "apiregistration.k8s.io": "apiservices",
    "autoscaling": "horizontalpodautoscalers",
    "networking.k8s.io": "ingresses",
    "policy": "poddisruptionbudgets",
    "apiextensions.k8s.io": "customresourcedefinitions",
    "storage.k8s.io": "volumeattachments",
    "certificates.k8s.io": "certificatesigningrequests",
    "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
    "admissionregistration.k8s.io": "validatingadmissionpolicies",
}
"""Built-in resources whose status is a subresource, by group."""


def _has_status(cluster: SimCluster, resource: Resource) -> bool:
    """Whether the status is a subresource, which a write of the object leaves alone."""
    if not resource.custom:
        return resource.name in _STATUS.get(resource.group, "").split()
    crd = cluster.objects.get(_CRDS, {}).get(("", f"{resource.name}.{resource.group}"))
    versions = crd["spec"]["versions"] if crd else ()
    return any(v["name"] == resource.version and "status" in (v.get("subresources") or {}) for v in versions)


def _is_allowed(resource: Resource, asked: Attributes, request: Request, *, named: bool) -> bool:
    """Whether this path takes this method."""
    if asked.verb in _METHODS:
        return asked.verb in resource.verbs and request.method == "GET"
    if asked.verb == "create":
        return "create" in resource.verbs and not named and (bool(asked.namespace) or not resource.namespaced)
    if asked.subresource and asked.verb == "delete":
        return False
    return asked.verb in _WRITES and asked.verb in resource.verbs and named


def list_request(resource: Resource, asked: Attributes, request: Request, metadata_only: bool) -> ListRequest:
    query = request.query
    limit = query.get("limit", "") or "0"
    if not limit.lstrip("-").isdigit():
        raise StatusError(answers.bad_request(f'strconv.ParseInt: parsing "{limit}": invalid syntax'))
    return ListRequest(
        resource,
        namespace=asked.namespace,
        limit=max(0, int(limit)),
        continue_=query.get("continue", ""),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        resource_version=query.get("resourceVersion", ""),
        version_match=query.get("resourceVersionMatch", ""),
        metadata_only=metadata_only,
        gzip=request.accepts_gzip(),
    )


def _only_get(request: Request, answer: Answer) -> Answer:
    """The document when it was asked for by GET; a path that is not served stays not found."""
    return answer if request.method == "GET" or answer.status == 404 else answers.method_not_allowed()
