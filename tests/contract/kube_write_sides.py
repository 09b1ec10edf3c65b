"""Writes to a real API server and to the simulator's: steps of a case, and answers without what differs by nature."""

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fleetkeeper.sim.control_plane.identity import TokenUser
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.contract.kube_normal import VOLATILE
from tests.contract.kube_sides import ADMIN, TIMEOUT, Reply, Side, copied, served
from tests.waiting import wait_until

JSON = "application/json"
USERS: dict[str, tuple[str, ...]] = {"nobody": ("people",), "evictor": ("people",)}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_PLAIN = {"uid": "<uid>", "resourceVersion": "<version>"}
_EVICTOR = "evictor"
_STARTED = "process-start-time-unix"


def _defined(group: str, plural: str, kind: str, scope: str, *versions: dict[str, Any]) -> dict[str, Any]:
    open_schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    each = [{"served": True, "storage": False, "schema": open_schema, **version} for version in versions]
    spec = {"group": group, "scope": scope, "names": names, "versions": each}
    return {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}


_STORED = {"name": "v1", "storage": True}
CRDS = (
    _defined("things.example", "widgets", "Widget", "Namespaced", _STORED),
    _defined(
        "karpenter.example",
        "nodepools",
        "NodePool",
        "Cluster",
        {**_STORED, "subresources": {"status": {}}},
        {"name": "v1beta1", "deprecated": True, "subresources": {"status": {}}},
    ),
)
"""One without a status of its own; one with it, and with a deprecated version."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request.

    In path and body {ns} is the case's namespace, {since} the version of its start, {uid} and {version} those of the
    last object that was answered. `lines` leaves of the answer only the lines that hold it; `until` asks again until
    this is the status, for what a server does in its own time.
    """

    method: str
    path: str
    body: Any = None
    type: str = JSON
    user: str = ADMIN
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: str = ""
    until: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """Steps that both sides answer alike, and the status and a part of the text of the last answer."""

    id: str
    steps: tuple[Step, ...]
    status: int = 200
    says: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    minor: str
    real: Side
    simulated: Side


@contextmanager
def writable(minor: str) -> Iterator[Sides]:
    """Two API servers without controllers: only the cases write. One user may evict, another may nothing."""
    users = tuple(TokenUser(user, groups) for user, groups in USERS.items())
    with ControlPlane(minor, Options(controllers=False, scheduler=False, kwok=False, token_users=users)) as plane:
        _allow_evictor(plane)
        _define(plane)
        tokens = {user: plane.token_identity(user).token for user in USERS} | {ADMIN: plane.admin_token}
        cluster = copied(plane, minor, custom=False)
        with served(cluster, tokens, USERS) as server:
            real = Side.of(plane.server, plane.ca_pem, tokens)
            yield Sides(minor, real, Side.of(cluster.endpoint, server.ca_pem, tokens))


def _define(plane: ControlPlane) -> None:
    for crd in CRDS:
        plane.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    for crd in CRDS:
        plane.wait_for(f"/apis/{crd['spec']['group']}/v1/{crd['spec']['names']['plural']}", lambda _: True)


def _allow_evictor(plane: ControlPlane) -> None:
    api = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}]
    plane.create(f"/apis/{api}/v1/clusterroles", {"metadata": {"name": _EVICTOR}, "rules": rules})
    binding = {
        "metadata": {"name": _EVICTOR},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": _EVICTOR},
        "subjects": [{"apiGroup": api, "kind": "User", "name": _EVICTOR}],
    }
    plane.create(f"/apis/{api}/v1/clusterrolebindings", binding)


def played(side: Side, case: Case, namespace: str) -> list[Reply]:
    """The answers to all steps, in a namespace of their own."""
    known = {"ns": namespace, "uid": "", "version": ""}
    first = _sent(side, Step("POST", "/api/v1/namespaces", {"metadata": {"name": "{ns}"}}), known)
    known["since"] = known["version"]
    return [first, *(_answered(side, step, known) for step in case.steps)]


def _answered(side: Side, step: Step, known: dict[str, str]) -> Reply:
    reply = _sent_until(side, step, known) if step.until else _sent(side, step, known)
    if not step.lines:
        return reply
    kept = [line for line in reply.body.splitlines() if step.lines.encode() in line]
    return Reply(reply.status, reply.headers, b"\n".join(kept))


def _sent_until(side: Side, step: Step, known: dict[str, str]) -> Reply:
    def awaited() -> Reply | None:
        reply = _sent(side, step, known)
        return reply if reply.status == step.until else None

    return wait_until(awaited, f"{step.method} {step.path} is answered with {step.until}")


def _sent(side: Side, step: Step, known: dict[str, str]) -> Reply:
    where = urlsplit(side.url)
    headers = {"Authorization": f"Bearer {side.tokens[step.user]}"} if step.user else {}
    payload = step.body if step.body is None or isinstance(step.body, bytes) else _filled(json.dumps(step.body), known)
    if payload is not None:
        headers["Content-Type"] = step.type
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, timeout=TIMEOUT, context=side.trust)
    try:
        path = where.path + _filled(step.path, known)
        connection.request(step.method, path, payload, headers | dict(step.headers))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        reply = Reply(answer.status, found, answer.read())
    finally:
        connection.close()
    _remember(reply, known)
    return reply


@contextmanager
def opened(side: Side, path: str) -> Iterator[http.client.HTTPResponse]:
    """An answer whose body is still to come."""
    where = urlsplit(side.url)
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, timeout=TIMEOUT, context=side.trust)
    try:
        connection.request("GET", where.path + path, headers={"Authorization": f"Bearer {side.tokens[ADMIN]}"})
        yield connection.getresponse()
    finally:
        connection.close()


def _filled(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return text


def _remember(reply: Reply, known: dict[str, str]) -> None:
    try:
        metadata = json.loads(reply.body).get("metadata") or {}
    except ValueError:
        return
    if metadata.get("resourceVersion"):
        known.update(uid=metadata.get("uid", ""), version=metadata["resourceVersion"])


def comparable(reply: Reply) -> dict[str, Any]:
    """Status, headers and body, without moments, identities and versions, and with managers but not their fields."""
    headers = {name: value for name, value in reply.headers.items() if name not in VOLATILE}
    if _STARTED in headers:
        headers[_STARTED] = "<time>"
    text = reply.body.decode()
    if headers.get("content-type") != JSON:
        return {"status": reply.status, "headers": headers, "body": text}
    try:
        body: Any = _plain(json.loads(text)) if text else ""
    except json.JSONDecodeError:
        body = [_plain(json.loads(line)) for line in text.splitlines()]
    return {"status": reply.status, "headers": headers, "body": body}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: _PLAIN[key] if key in _PLAIN else _plain(each) for key, each in value.items()}
        if "managedFields" in found:
            found["managedFields"] = sorted(_writer(each) for each in value["managedFields"])
        if found.get("generateName") and found.get("name"):
            found["name"] = found["generateName"] + "<made up>"
        return found
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, str):
        return value
    found_text = _TIME.sub("<time>", _UUID.sub("<uid>", value))
    return re.sub(r"\(\d+\)", "(<version>)", found_text)


def _writer(entry: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(entry.get(member, "") for member in ("manager", "operation", "apiVersion", "subresource"))
