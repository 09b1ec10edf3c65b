"""One request to one simulated API server → one answer: who asks, may they, what is there. No sockets here."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.kube import answers, discovery, listing, metrics, negotiation, resources, selectors
from fleetkeeper.sim.kube.answers import Answer, Attributes, StatusError
from fleetkeeper.sim.kube.listing import ListRequest, Renderer
from fleetkeeper.sim.kube.rbac import Grants, User, grants
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import SimCluster, World

Authenticate = Callable[[SimCluster, str], User | None]
"""The user behind a bearer token, or None for a token that this cluster does not accept."""

ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
_CRDS = "apiextensions.k8s.io/customresourcedefinitions"
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_HEALTH = ("/healthz", "/livez", "/readyz")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request below a cluster's path prefix. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, method: str, path: str, query: str, headers: Mapping[str, str]) -> "Request":
        return cls(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers)

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    def accepts_gzip(self) -> bool:
        return any(token.strip() == "gzip" for token in self.headers.get("accept-encoding", "").split(","))


class KubeApi:
    """The API servers of all clusters of a world."""

    def __init__(self, world: World, authenticate: Authenticate) -> None:
        self._world = world
        self._authenticate = authenticate
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
        return user and User(user.name, (*user.groups, "system:authenticated"))

    def answer(self, cluster: SimCluster, user: User | None, request: Request) -> Answer:
        with self._world.lock:
            try:
                return self._answer(cluster, user, request)
            except StatusError as refused:
                return refused.answer

    def forget(self, cluster: SimCluster) -> None:
        """The API server restarts: the gauge of requested deprecated APIs starts anew."""
        self._deprecated_seen.pop(cluster.key, None)

    def _answer(self, cluster: SimCluster, user: User | None, request: Request) -> Answer:
        if user is None:
            return answers.unauthorized()
        asked = attributes(request)
        granted = self._granted(cluster, user)
        if not granted.allow(asked):
            return answers.forbidden(user.name, asked, granted.reason(asked))
        if not asked.resource:
            return self._path(cluster, request)
        return self._resource(cluster, asked, request)

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

    def _resource(self, cluster: SimCluster, asked: Attributes, request: Request) -> Answer:
        served = self._resources(cluster)
        resource = served.get((asked.group, asked.version, asked.resource))
        if resource is None:
            known = any((r.group, r.custom) == (asked.group, False) for r in served.values())
            return answers.no_such_resource() if known else answers.page_not_found()
        if resource.warning:
            self._deprecated_seen.setdefault(cluster.key, set()).add(resource)
        answer = self._read(cluster, resource, asked, request)
        if not resource.warning:
            return answer
        warning = ("Warning", f'299 - "{resource.warning}"')
        return Answer(answer.status, answer.body, answer.content_type, (*answer.headers, warning))

    def _read(self, cluster: SimCluster, resource: Resource, asked: Attributes, request: Request) -> Answer:
        path = request.path.strip("/").split("/")
        named = len(path) > 1 and path[-1] == asked.name and path[-2] == asked.resource
        in_namespace = bool(asked.namespace) and resource.key != "/namespaces"
        if (in_namespace and not resource.namespaced) or (named and resource.namespaced and not asked.namespace):
            return answers.page_not_found() if resource.custom else answers.no_such_resource()
        if asked.subresource:
            return answers.no_such_resource()
        if asked.verb not in resource.verbs or asked.verb not in ("get", "list") or request.method != "GET":
            return answers.method_not_allowed()
        form = negotiation.form(request.accept, resource, listed=asked.verb == "list")
        if asked.verb == "get":
            namespace = asked.namespace if resource.namespaced else ""
            found = listing.single(cluster, resource, namespace, asked.name, metadata_only=bool(form))
        else:
            found = self.renderer.page(cluster, list_request(resource, asked, request, bool(form)))
        negotiation.check(form, resource, listed=asked.verb == "list")
        return found


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


def attributes(request: Request) -> Attributes:
    """What the request means to the authorizer, by the rules of apiserver's RequestInfoFactory."""
    parts = request.path.strip("/").split("/")
    prefix = 1 if parts[0] == "api" else 2
    if parts[0] not in ("api", "apis") or len(parts) < prefix + 2:
        return Attributes(request.method.lower(), request.path)
    group, version, rest = ("" if prefix == 1 else parts[1]), parts[prefix], parts[prefix + 1 :]
    watching = request.query.get("watch", "").lower() in ("true", "1")
    if rest[0] == "watch" and len(rest) > 1:
        watching, rest = True, rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    name, subresource = [*rest, "", ""][1:3]
    verb = _VERBS.get(request.method, "get")
    if verb == "get" and not name:
        verb, name = "list", _selected_name(request)
    if verb in ("get", "list") and watching:
        verb = "watch"
    if verb == "delete" and not name:
        verb = "deletecollection"
    return Attributes(verb, request.path, group, version, rest[0], subresource, namespace, name)


def _selected_name(request: Request) -> str:
    """A list of one object by its name counts as that object."""
    text = request.query.get("fieldSelector", "")
    try:
        terms = selectors.field_terms(text)
    except StatusError:
        return ""
    return next((value for path, value, equal in terms if path == "metadata.name" and equal), "")
