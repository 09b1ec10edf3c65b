"""One HTTP request to an API server, and what it means to the authorizer."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fleetkeeper.sim.kube import selectors
from fleetkeeper.sim.kube.answers import Attributes, StatusError

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request below a cluster's path prefix. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @classmethod
    def parse(cls, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b"") -> "Request":
        return cls(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body)

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters; "" when the client does not say."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def manager(self) -> str:
        """Who owns the fields that are written: as it says, or what comes before the slash of its user agent."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "").partition("/")[0] or "unknown"

    def accepts_gzip(self) -> bool:
        return any(token.strip() == "gzip" for token in self.headers.get("accept-encoding", "").split(","))

    def asks(self, name: str) -> bool:
        """Whether a boolean parameter is set, by Go's rules for an empty or odd one."""
        return self.query.get(name, "false").lower() not in ("false", "0")


def attributes(request: Request) -> Attributes:
    """What the request means to the authorizer, by the rules of apiserver's RequestInfoFactory."""
    parts = request.path.strip("/").split("/")
    prefix = 1 if parts[0] == "api" else 2
    if parts[0] not in ("api", "apis") or len(parts) < prefix + 2:
        return Attributes(request.method.lower(), request.path)
    group, version, rest = ("" if prefix == 1 else parts[1]), parts[prefix], parts[prefix + 1 :]
    watching = request.query.get("watch", "").lower() in ("true", "1")
    old_way = rest[0] == "watch" and len(rest) > 1
    if old_way:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    name, subresource = [*rest, "", ""][1:3]
    verb = _VERBS.get(request.method, "get")
    if verb == "get" and not name:
        verb, name = "list", _selected_name(request)
    if (verb == "list" and watching) or (verb in ("get", "list") and old_way):
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
