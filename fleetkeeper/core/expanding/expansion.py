"""One step of a playbook at one place of one cluster's way: what is asked, and what it comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.expanding.prospect import Prospect
from fleetkeeper.core.playbook import Changes, Param, Params, StepSpec
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import ParamError


@dataclass(frozen=True, slots=True)
class Asked:
    """A step of a playbook for one cluster. at: the cluster as it is expected to be when the step is reached.

    hop: the minors that the step stands between, None outside of them; of a rollback it leads down. ahead: the minors
    that follow after its target. history: EKS addon → its version from before the upgrade that is rolled back. charts:
    those that the engine may install. siblings: all steps of the playbook, for what one takes another leaves.
    """

    spec: StepSpec
    snap: Snapshot
    compat: Compat
    at: Prospect
    changes: Changes
    hop: Hop | None = None
    ahead: tuple[Minor, ...] = ()
    history: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[ChartSource, ...] = ()
    siblings: tuple[StepSpec, ...] = ()

    @property
    def next(self) -> Minor | None:
        """The minor that the control plane moves to after this hop; None on the last one."""
        return self.ahead[0] if self.ahead else None

    def step(self, why: str, name: str = "", **params: Param) -> StepSpec:
        """The step as the member gets it. name tells it from others that the same step of the playbook becomes."""
        hop = str(self.hop.target) if self.hop and self.spec.each_hop else ""
        names = (self.spec.name, name, hop.replace(".", "-"))
        return replace(
            self.spec,
            name="-".join(filter(None, names)),
            params={**self.spec.params, **params},
            each_hop=False,
            hop=hop,
            why=why,
        )


@dataclass(frozen=True, slots=True)
class Stride:
    """A step of a member, and the cluster as it is expected to be after it."""

    step: StepSpec
    after: Prospect


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one step of a playbook comes to for one cluster at one place.

    facts: what that rests on. obstacle: why the cluster cannot be worked on now, "" when it can. idle: why there is
    nothing to do, "" when there is something. traits: what needs an approval of its own (core/traits.py).
    """

    strides: tuple[Stride, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    obstacle: str = ""
    idle: str = ""


Expander = Callable[[Asked], Expansion]
Template = Callable[[Params], Params]


def settled_by_plan(**sample: Param) -> Template:
    """The parameters of a kind whose own are all filled in by the plan; ParamError for those that a playbook sets."""

    def made(params: Params) -> Params:
        if wrong := {name: "is filled in by the plan" for name in params if name in sample}:
            raise ParamError(wrong)
        return {**params, **sample}

    return made


def unseen(snap: Snapshot, *parts: str) -> str:
    """Why a plan cannot rest on some parts: the first that was not seen; "" when all were."""
    for part in parts:
        if gap := snap.missing(part):
            return f"its {part.replace('_', ' ')} could not be seen ({gap.reason.value}: {gap.detail})"
    return ""
