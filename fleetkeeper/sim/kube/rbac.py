"""Who may do what: the evaluation of Role, ClusterRole and binding objects, as Kubernetes' RBAC authorizer does it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fleetkeeper.sim.kube.answers import Attributes
from fleetkeeper.sim.world import Object, Objects

MASTERS = "system:masters"
_GROUP = "rbac.authorization.k8s.io"
Rule = dict[str, Any]

AUTHENTICATED = "system:authenticated"
_OWN_REVIEWS: Rule = {
    "verbs": ["create"],
    "apiGroups": ["authorization.k8s.io", "authentication.k8s.io"],
    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"],
}
_ROLE = '"system:basic-user"'
_BASIC = f'RBAC: allowed by ClusterRoleBinding {_ROLE} of ClusterRole {_ROLE} to Group "{AUTHENTICATED}"'
"""The bootstrap role of every authenticated user, which a simulated cluster does not hold as objects."""


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grants:
    """What bindings give one user: (namespace, "" for everywhere; rule; why), and what could not be resolved."""

    master: bool
    rules: tuple[tuple[str, Rule, str], ...]
    errors: tuple[tuple[str, str], ...]

    def allow(self, asked: Attributes) -> bool:
        return self.allowed_by(asked) is not None

    def allowed_by(self, asked: Attributes) -> str | None:
        """What a review names as the reason of a yes, "" for a master; None for a no."""
        if self.master:
            return ""
        for where, rule, why in self.rules:
            if (not where or where == asked.namespace) and _covers(rule, asked):
                return why
        return None

    def reason(self, asked: Attributes) -> str:
        """What the real server appends to a 403 when bindings that it looked at name roles that are not there."""
        errors = [error for where, error in self.errors if not where or where == asked.namespace]
        if not errors:
            return ""
        return "RBAC: " + (errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")


def grants(user: User, objects: Objects) -> Grants:
    rules: list[tuple[str, Rule, str]] = [("", _OWN_REVIEWS, _BASIC)] if AUTHENTICATED in user.groups else []
    errors: list[tuple[str, str]] = []
    for where, role_ref, why in _bound(user, objects):
        role = _role(where, role_ref, objects)
        if role is None:
            errors.append((where, f'{role_ref["kind"].lower()}.{_GROUP} "{role_ref["name"]}" not found'))
            continue
        rules += [(where, rule, why) for rule in role]
    return Grants(MASTERS in user.groups, tuple(rules), tuple(errors))


def _bound(user: User, objects: Objects) -> Iterator[tuple[str, dict[str, str], str]]:
    """Namespace, role and the authorizer's words for each binding of the user."""
    for binding in objects.get(f"{_GROUP}/clusterrolebindings", {}).values():
        for subject in binding.get("subjects") or ():
            if _names(subject, user):
                yield "", binding["roleRef"], _why("ClusterRoleBinding", binding, subject)
                break
    for (namespace, _), binding in objects.get(f"{_GROUP}/rolebindings", {}).items():
        for subject in binding.get("subjects") or ():
            if _names(subject, user):
                yield namespace, binding["roleRef"], _why("RoleBinding", binding, subject)
                break


def _why(kind: str, binding: Object, subject: dict[str, str]) -> str:
    namespace, to = binding["metadata"].get("namespace", ""), binding["roleRef"]
    name = binding["metadata"]["name"] + (f"/{namespace}" if namespace else "")
    who = subject["name"]
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or namespace}"
    return f'RBAC: allowed by {kind} "{name}" of {to["kind"]} "{to["name"]}" to {subject["kind"]} "{who}"'


def _role(namespace: str, role_ref: dict[str, str], objects: Objects) -> list[Rule] | None:
    if role_ref["kind"] == "ClusterRole":
        role = objects.get(f"{_GROUP}/clusterroles", {}).get(("", role_ref["name"]))
    else:
        role = objects.get(f"{_GROUP}/roles", {}).get((namespace, role_ref["name"]))
    return None if role is None else role.get("rules") or []


def _names(subject: dict[str, str], user: User) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    if subject["kind"] == "User":
        return subject["name"] == user.name
    return user.name == f"system:serviceaccount:{subject.get('namespace', '')}:{subject['name']}"


def _covers(rule: Rule, asked: Attributes) -> bool:
    if not _any(rule.get("verbs"), asked.verb):
        return False
    if not asked.resource:
        return any(_path_matches(path, asked.path) for path in rule.get("nonResourceURLs") or ())
    if not _any(rule.get("apiGroups"), asked.group):
        return False
    names = rule.get("resourceNames") or ()
    return _resource_matches(rule.get("resources") or (), asked) and (not names or asked.name in names)


def _resource_matches(resources: Iterable[str], asked: Attributes) -> bool:
    full = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    wildcard = f"*/{asked.subresource}" if asked.subresource else "*"
    return any(resource in ("*", full, wildcard) for resource in resources)


def _any(allowed: list[str] | None, value: str) -> bool:
    return bool(allowed) and ("*" in allowed or value in allowed)  # type: ignore[operator]


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))
