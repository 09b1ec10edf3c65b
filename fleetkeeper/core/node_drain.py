"""The playbook of a drain by hand: one step for one cluster, made of what somebody types."""

from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core.playbook import Changes, Param, Playbook, StageSpec, StepSpec
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, some
from fleetkeeper.values import digest

NAME = "drain-by-hand"
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Drain:
    """nodes of one cluster. params: of the step, beside its nodes."""

    cluster: str
    nodes: tuple[str, ...]
    reason: str = ""
    params: tuple[tuple[str, Param], ...] = ()
    timeout: timedelta = timedelta(hours=12)


def drain_playbook(drain: Drain) -> Playbook:
    """It changes nodes, so that it is approved, held and frozen as every other run that does."""
    reason = f": {safe(' '.join(drain.reason.split()), _LONGEST_REASON)}" if drain.reason else ""
    step = StepSpec(
        name="drain",
        kind="drain-nodes",
        params={"nodes": drain.nodes, **dict(drain.params)},
        timeout=drain.timeout,
    )
    return Playbook(
        name=NAME,
        title=f"Drain {counted(len(drain.nodes), 'node')} of {drain.cluster} ({some(drain.nodes)}){reason}",
        purpose="Empties nodes for a day's work on them; they stay cordoned, as after kubectl drain.",
        changes=Changes.NODES,
        steps=(step,),
        stages=(StageSpec("all"),),
        origin="typed as nodes drain",
        digest=digest(repr(drain)),
    )
