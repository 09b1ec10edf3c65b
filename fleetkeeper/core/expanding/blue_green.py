"""Managed node groups that ask for a second group beside them, and old groups that a second one has replaced."""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, unseen
from fleetkeeper.core.expanding.rotation import MAX_AGE, Old, bare, image_fact, judged, opted_in, wrong_age
from fleetkeeper.core.model import ComputeKind, NodeGroup
from fleetkeeper.core.playbook import Params, StepSpec
from fleetkeeper.core.rotation.blue_green_traps import Ground, Trap, pinned_to, traps
from fleetkeeper.core.rotation.clone import REPLACES, clone_name
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.traits import BLUE_GREEN, GROUP_DELETION
from fleetkeeper.errors import ParamError

OPTED = ("groups", "tag")
"""Parameters by which groups are chosen; no member's step has them."""


def blue_green_template(params: Params) -> Params:
    """The parameters of blue-green as a member would have them."""
    wrong: dict[str, str] = {}
    if not isinstance(params.get("groups", ()), tuple):
        wrong["groups"] = "must be a list of names or patterns of node groups"
    if "=" not in str(params.get("tag", "a=b")):
        wrong["tag"] = "must be key=value, the tag of node groups that are rotated so"
    wrong |= {name: "is filled in by the plan" for name in ("group", "clone") if name in params}
    if problem := wrong_age(params):
        wrong[MAX_AGE] = problem
    if wrong:
        raise ParamError(wrong)
    rest = {name: value for name, value in params.items() if name not in (*OPTED, MAX_AGE)}
    return rest | {"group": "web", "clone": "web-261121"}


def blue_green(asked: Asked) -> Expansion:
    """A step for each group that has opted in, is due, and has no trap that the snapshot shows."""
    if gap := unseen(asked.snap, parts.NODES, parts.NODE_GROUPS, parts.WORKLOADS, parts.PREREQUISITES):
        return Expansion(obstacle=gap)
    groups = {each.name: each for each in asked.snap.node_groups}
    replaced = {each.tags.get(REPLACES, "") for each in groups.values()}
    found = judged(asked, ComputeKind.MANAGED, lambda name: name in groups and opted_in(groups[name], asked))
    at, strides, left, facts = asked.at, list[Stride](), list(found.left), dict[str, str]()
    for each in found.due:
        group = groups[each.key[1]]
        if group.name in replaced:
            left.append(f"node group {group.name} has a clone already")
        elif caught := traps(ground_of(asked.snap, group, asked.spec.params)):
            left.append(_refused(each, caught))
        else:
            at = at.with_pools({each.key: each.pool.moved(asked.at.minor)})
            clone = clone_name(group.name, asked.snap.now, groups)
            own = bare(asked, *OPTED)
            strides.append(Stride(own.step(each.why, group.name, group=group.name, clone=clone), at))
            facts |= {f"node group {group.name}": str(group.version), image_fact(group.name): group.release_version}
    notes = (f"left as it is: {'; '.join(left)}",) if left else ()
    traits = (BLUE_GREEN,) if strides else ()
    return Expansion(tuple(strides), facts, notes, traits, idle="" if strides else "; ".join(left))


def _refused(old: Old, caught: tuple[Trap, ...]) -> str:
    told = "; ".join(f"{each} ({each.fix})" for each in caught)
    return f"{old.why}; a second group beside it is refused: {told}"


def ground_of(snap: Snapshot, group: NodeGroup, params: Params) -> Ground:
    """What the snapshot knows; what is on its Auto Scaling groups only the step itself sees."""
    known = snap.prerequisites.node_subnets if snap.prerequisites else ()
    clone = clone_name(group.name, snap.now, {each.name for each in snap.node_groups})
    return Ground(
        group=group,
        clone=clone,
        others=tuple(each for each in snap.node_groups if each.name != group.name),
        cluster=snap.cluster.name,
        cluster_tags=snap.control_plane.tags if snap.control_plane else {},
        zones={each.id: each.zone for each in known},
        pinned=pinned_to(group.name, clone, snap.workloads),
        ami_type=str(params.get("ami_type", "")),
        spare=params.get("spare") is True,
    )


# ---- old groups


def delete_node_groups(asked: Asked) -> Expansion:
    """A step for each group that a second one has replaced, and that is kept with no nodes in it."""
    if gap := unseen(asked.snap, parts.NODE_GROUPS):
        return Expansion(obstacle=gap)
    strides = tuple(Stride(step, asked.at) for step in _deletions(asked))
    return Expansion(strides, traits=(GROUP_DELETION,) if strides else (), idle="no replaced node group is left")


def _deletions(asked: Asked) -> Iterator[StepSpec]:
    groups = {each.name: each for each in asked.snap.node_groups}
    for clone in asked.snap.node_groups:
        group = groups.get(clone.tags.get(REPLACES, ""))
        if group is not None and not group.desired:
            why = f"node group {group.name} has no nodes since {clone.name} replaced it"
            yield asked.step(why, group.name, group=group.name, clone=clone.name)
