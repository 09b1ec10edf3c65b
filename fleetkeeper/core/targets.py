"""What a verb is about: the run, a stage, a group, a member or a gate, by the names that people type."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleetkeeper.core.gating import everything_of
from fleetkeeper.core.run import Role, Task
from fleetkeeper.core.run_draft import Draft, is_begun, is_over
from fleetkeeper.core.run_words import listed

FORMS = "stage:NAME, group:STAGE/NAME, member:NAME-OR-ARN or gate:NAME"


@dataclass(frozen=True, slots=True)
class Found:
    """The tasks that a target means, and how people call it. one: it names a single member or gate."""

    label: str
    tasks: tuple[Task, ...]
    one: bool = False


def find(draft: Draft, target: str) -> Found | str:
    """What a target means, or why it means nothing."""
    if not target:
        return Found("the run", tuple(draft.tasks.values()))
    kind, _, name = target.partition(":")
    finders = {"stage": _stage, "group": _group, "member": _member, "gate": _gate}
    if kind not in finders or not name:
        return f"{target!r} is not one of {FORMS}"
    return finders[kind](draft, name)


def _stage(draft: Draft, name: str) -> Found | str:
    for stage, spec in enumerate(draft.view.header.stages):
        if spec.name == name:
            return Found(f"stage {name}", tuple(everything_of(draft, stage)))
    return f"there is no stage {name}: {_stages(draft)}"


def _group(draft: Draft, name: str) -> Found | str:
    for stage, groups in draft.groups.items():
        for group in groups:
            if f"{draft.stage_name(stage)}/{group}" == name:
                return Found(f"group {name}", tuple(everything_of(draft, stage, group)))
    known = [f"{draft.stage_name(stage)}/{group}" for stage, groups in draft.groups.items() for group in groups]
    return f"there is no group {name}: " + (f"it has {listed(known)}" if known else "the stages have no groups")


def _member(draft: Draft, name: str) -> Found | str:
    found = [task for task in draft.every_member() if name in (task.arn, task.name)]
    if not found:
        return f"no member is named {name}"
    if len(found) > 1:
        return f"{len(found)} members are named {name}: write the ARN, {listed([task.arn for task in found])}"
    return Found(found[0].name, (found[0],), one=True)


def _gate(draft: Draft, name: str) -> Found | str:
    gates = [task for task in draft.tasks.values() if task.role is Role.GATE]
    found = [gate for gate in gates if name in (gate.name, path_of(draft, gate))]
    if not found:
        return f"no gate is named {name}: " + (f"there are {_paths(draft, gates)}" if gates else "the run has none")
    # One name may stand in several stages and groups; people mean the one that is in the way.
    standing = [gate for gate in found if is_begun(gate) and not is_over(gate)] if len(found) > 1 else found
    if len(standing) != 1:
        return f"{len(found)} gates are named {name}: write one of {_paths(draft, found)}"
    return Found(f"gate {name}", (standing[0],), one=True)


def path_of(draft: Draft, gate: Task) -> str:
    """`stage/gate` or `stage/group/gate`: what names a gate without doubt."""
    parts = (draft.stage_name(gate.stage), gate.group, gate.name)
    return "/".join(part for part in parts if part)


def _paths(draft: Draft, gates: Sequence[Task]) -> str:
    return listed([f"gate:{path_of(draft, gate)}" for gate in gates])


def _stages(draft: Draft) -> str:
    return f"the run has {listed([spec.name for spec in draft.view.header.stages])}"
