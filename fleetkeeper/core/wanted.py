"""What a plan wants a member to be at when its steps have ended: by its frozen steps, and how each of them ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import StepState

_CONTROL_PLANE = ("upgrade-control-plane", "rollback-control-plane")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Versions, the last of each kind that was carried out. groups: name → (minor, release; "" for EKS's newest).

    skipped: the names of steps that would have changed something, and that did not (not needed, or by an operator).
    """

    minor: str = ""
    addons: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[str, ...]:
        """`minor 1.36`, `coredns v1.12.1-eksbuild.2`, `group web 1.36`."""
        minor = (f"minor {self.minor}",) if self.minor else ()
        groups = (f"group {name} {' '.join(filter(None, to))}" for name, to in self.groups.items())
        return (*minor, *(f"{name} {version}" for name, version in self.addons.items()), *groups)


def wanted(specs: Sequence[StepSpec], ends: Mapping[int, StepState] | None) -> Wanted:
    """ends: step → how it ended; None before anything was done, when every step counts."""
    minor, skipped = "", []
    addons: dict[str, str] = {}
    groups: dict[str, tuple[str, str]] = {}
    for idx, spec in enumerate(specs):
        what, name, to, release = _change(spec)
        if not what:
            continue
        if ends is not None and ends.get(idx) is not StepState.SUCCEEDED:
            skipped.append(spec.name)
        elif what == "minor":
            minor = to
        elif what == "addon":
            addons[name] = to
        elif what == "node-group":
            groups[name] = to, release
    return Wanted(minor, addons, groups, tuple(skipped))


def _change(spec: StepSpec) -> tuple[str, str, str, str]:
    """(what, its name, to, release); what is "" for a step that brings nothing of EKS to a version."""

    def text(name: str) -> str:
        return str(spec.params.get(name, ""))

    if spec.kind in _CONTROL_PLANE:
        return "minor", "", text("to"), ""
    if spec.kind == "update-addon":
        return "addon", text("addon"), text("version"), ""
    if spec.kind == "update-nodegroup":
        return "node-group", text("group"), text("to"), text("release")
    if spec.kind == "propose" and text("change") in ("minor", "addon", "node-group"):
        return text("change"), text("name"), text("to"), ""
    return "", "", "", ""
