"""wait-for: waits until something in the world holds: a condition or field of an object, an addon that is ACTIVE."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from fleetkeeper.core import model
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Done, Failed, Moment, Verdict, Wait
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import ObjectRef

_EVERY = timedelta(seconds=15)
_LONGEST = 200
_FORM = (
    "must be group/version/plural/namespace/name (apps/v1/deployments/kube-system/coredns), without the namespace for "
    "a cluster-wide one; the group of Kubernetes' own is core (core/v1/namespaces/shop)"
)


@dataclass(frozen=True, slots=True)
class SeenThing:
    """The object, None when it is not there; or the addon. is_eks: whether EKS knows the member."""

    object: Mapping[str, Any] | None = None
    addon: model.ManagedAddon | None = None
    is_eks: bool = True


@dataclass(frozen=True, slots=True)
class WaitFor(OnlyLooks):
    """Either an addon, or an object with a condition (type, status) or a field (path, value). every: the pause.

    A condition that the object's controller wrote for an older generation of it does not count.
    """

    kind: ClassVar[str] = "wait-for"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}

    addon: str = ""
    object: ObjectRef | None = None
    condition: tuple[str, str] = ("", "")
    field: tuple[str, str] = ("", "")
    every: timedelta = _EVERY

    @classmethod
    def of(cls, params: Params) -> "WaitFor":
        given = Given(params)
        addon, text = given.text("addon", ""), given.text("object", "")
        condition = given.text("condition", "")
        field, every = given.pair("field"), given.duration("every", _EVERY)
        ref = _ref(text)
        if bool(addon) == bool(text):
            given.wrong("", "needs either an addon, or an object with a condition or a field")
        if text and ref is None:
            given.wrong("object", _FORM)
        if text and bool(condition) == bool(field[0]):
            given.wrong("condition", "needs either a condition (Ready, or Ready=False), or a field (status.phase=Done)")
        if addon and (condition or field[0]):
            given.wrong("condition", "belongs to an object; an addon is waited for until it is ACTIVE")
        given.finish()
        name, _, status = condition.partition("=")
        return cls(addon, ref, (name, status or "True") if name else ("", ""), field, every)

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenThing:  # noqa: ARG002  # it has no past
        member = subject.member
        assert member is not None
        if self.addon:
            if member.scope is None:
                return SeenThing(is_eks=False)
            return SeenThing(addon=world.writers.cloud(member.scope).addon(member.name, self.addon))
        assert self.object is not None
        kube = world.writers.kube(member.scope, member.name, member.cluster)
        try:
            return SeenThing(kube.read(self.object))
        finally:
            kube.close()

    def decide(self, seen: SeenThing, moment: Moment) -> Verdict:  # noqa: ARG002  # it is now as it is
        if self.addon:
            return self._of_addon(seen)
        assert self.object is not None
        what = shown(self.object)
        if seen.object is None:
            return Wait(f"{what} is not there", self.every)
        if self.field[0]:
            return self._of_field(what, seen.object)
        return self._of_condition(what, seen.object)

    def _of_addon(self, seen: SeenThing) -> Verdict:
        if not seen.is_eks:
            return Failed("the cluster is known by a kubeconfig alone: EKS has no addons of it", final=True)
        if seen.addon is None:
            return Wait(f"the addon {self.addon} is not there", self.every)
        if seen.addon.status == "ACTIVE":
            return Done(f"{self.addon} is ACTIVE at {seen.addon.version}")
        codes = ", ".join(each.code for each in seen.addon.issues)
        return Wait(f"{self.addon} is {seen.addon.status}{f' ({codes})' if codes else ''}, not ACTIVE", self.every)

    def _of_field(self, what: str, found: Mapping[str, Any]) -> Verdict:
        path, wanted = self.field
        value = field_of(found, path)
        if value == wanted:
            return Done(f"{what}: {path} is {wanted}")
        shown_value = "not set" if value is None else safe(value, _LONGEST)
        return Wait(f"{what}: {path} is {shown_value}, not {wanted}", self.every)

    def _of_condition(self, what: str, found: Mapping[str, Any]) -> Verdict:
        kind, wanted = self.condition
        status = found.get("status") or {}
        conditions = status.get("conditions") or ()
        condition = next((each for each in conditions if each.get("type") == kind), None)
        if condition is None:
            return Wait(f"{what} has no condition {kind} yet", self.every)
        seen_of = condition.get("observedGeneration", status.get("observedGeneration"))
        generation = found.get("metadata", {}).get("generation")
        if seen_of is not None and generation is not None and seen_of < generation:
            return Wait(f"{what} was changed, and its controller has not seen it yet", self.every)
        if condition.get("status") == wanted:
            return Done(f"{what}: {kind} is {wanted}")
        why = ": ".join(filter(None, (condition.get("reason", ""), safe(condition.get("message", ""), _LONGEST))))
        since = f" since {condition['lastTransitionTime']}" if condition.get("lastTransitionTime") else ""
        told = f" ({why})" if why else ""
        return Wait(f"{what}: {kind} is {condition.get('status')}{since}, not {wanted}{told}", self.every)


def shown(ref: ObjectRef) -> str:
    """deployments kube-system/coredns."""
    return f"{ref.plural} {'/'.join(filter(None, (ref.namespace, ref.name)))}"


def field_of(found: Mapping[str, Any], path: str) -> str | None:
    """The value at a path such as status.phase or status.nodes.0.name as text: JSON, but for a text; None for none."""
    value: Any = found
    for name in path.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value if value is None or isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _ref(text: str) -> ObjectRef | None:
    parts = text.split("/")
    if len(parts) not in (4, 5) or not all(parts):
        return None
    group = "" if parts[0] == "core" else parts[0]
    return ObjectRef(group, parts[1], parts[2], parts[3] if len(parts) == 5 else "", parts[-1])
