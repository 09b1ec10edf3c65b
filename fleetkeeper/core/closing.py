"""Whether the way back outlives what follows an upgrade: EKS takes a control plane back for seven days only."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.durations import Measured, soak_length, steps_range
from fleetkeeper.core.playbook import GateSpec, StepSpec, When
from fleetkeeper.core.way_back import WINDOW

RESERVE = timedelta(days=2)
"""What a rollback itself takes: a person who decides, nodes and addons that go back first, and EKS."""

_MOVE = "upgrade-control-plane"


def too_late(steps: Sequence[StepSpec], gates: Sequence[GateSpec], measured: Measured) -> str:
    """Why a plan may not be: what follows the last control plane outlasts the way back. "" where it does not."""
    taken = _after_move(steps, gates, measured)
    if taken is None or taken <= WINDOW:
        return ""
    return (
        f"what follows its control plane takes up to {duration_text(taken)} (steps and soaks of its stage), and EKS"
        f" takes it back for {duration_text(WINDOW)} only: shorten the bake or the soaks"
    )


def closing(steps: Sequence[StepSpec], gates: Sequence[GateSpec], measured: Measured) -> Iterator[str]:
    """A note where so little is left of the way back afterwards that a rollback might not fit in."""
    taken = _after_move(steps, gates, measured)
    if taken is not None and WINDOW - RESERVE < taken <= WINDOW:
        yield (
            f"what follows its control plane takes up to {duration_text(taken)}:"
            f" {duration_text(WINDOW - taken)} are left of the {duration_text(WINDOW)} in which EKS takes it back"
        )


def _after_move(steps: Sequence[StepSpec], gates: Sequence[GateSpec], measured: Measured) -> timedelta | None:
    """The p95 of the steps after the last control plane, and the soaks after its stage; None: none moves."""
    last = max((idx for idx, step in enumerate(steps) if step.kind == _MOVE), default=None)
    if last is None:
        return None
    soaks = (soak_length(gate) for gate in gates if gate.kind == "soak" and gate.when is When.AFTER)
    return steps_range(steps[last + 1 :], measured).p95 + sum(soaks, timedelta())
