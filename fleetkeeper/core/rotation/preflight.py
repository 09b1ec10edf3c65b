"""Which pods no drain can ever move, by name, budget and owner, from what is stored, before anything is changed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import PASSING, SYNC_FAILED, Guard, limit_text
from fleetkeeper.core.model import Workload
from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.wording import counted, some

_NEEDED = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)
_NODE_LOCAL = frozenset({"local", "hostPath"})


def immovable(snap: Snapshot) -> Iterator[str]:
    """A note for each reason that stands; what could not be seen is said, for it may hide one."""
    unseen = [each.replace("_", " ") for each in _NEEDED if snap.missing(each)]
    if unseen:
        yield f"pods that never move are not known: {some(unseen)} could not be seen"
        return
    for guard in snap.guards:
        if why := _never(guard):
            yield f"never moved: {_taken(guard)}: PDB {guard.budget.namespace}/{guard.budget.name} {why}"
    yield from _of_two_budgets(snap)
    yield from _unowned(snap)
    yield from _local(snap)


def _never(guard: Guard) -> str:
    if not guard.is_drained or guard.passes:
        return ""
    if guard.never:
        return f"({limit_text(guard.budget)}) lets none of {counted(guard.expected, 'pod')} go"
    if guard.budget.reason == SYNC_FAILED:
        return f"cannot be counted ({guard.budget.message or SYNC_FAILED}), and lets none go"
    return ""


def _taken(guard: Guard) -> str:
    each = [*guard.workloads, *guard.bare]
    names = some(_name(one) for one in each) or "its pods"
    owner = owner_named(guard.budget.owner) or next((name for one in each if (name := owner_named(one.owner))), "")
    return f"{names}{f' of {owner}' if owner else ''}"


def _name(workload: Workload) -> str:
    return f"{workload.kind} {workload.namespace}/{workload.name}"


def _of_two_budgets(snap: Snapshot) -> Iterator[str]:
    workloads: dict[tuple[str, str, str], Workload] = {}
    holders: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for guard in snap.guards:
        for each in (*guard.workloads, *guard.bare):
            if each.kind != "DaemonSet" and each.kind not in PASSING and each.replicas != 0:
                key = each.kind, each.namespace, each.name
                workloads[key] = each
                holders[key].append(guard.budget.name)
    for key, names in holders.items():
        if len(names) > 1:
            told = " and ".join(sorted(names))
            yield f"never moved: {_name(workloads[key])}{_of(workloads[key].owner)}: PDBs {told} both take it"


def _unowned(snap: Snapshot) -> Iterator[str]:
    pods = snap.pods.ownerless if snap.pods else ()
    if pods:
        names = some(f"{each.namespace}/{each.name}{_of(each.owner)}" for each in pods)
        yield f"never moved: {names}: no controller would make them again"


def _local(snap: Snapshot) -> Iterator[str]:
    if snap.missing(parts.VOLUMES):
        return
    held = [each for each in snap.volumes if each.claim and (each.nodes or each.source in _NODE_LOCAL)]
    if held:
        yield f"never moved: pods with {some(f'claim {each.claim}' for each in held)}: the data lies on their own node"


def _of(owner: Mapping[str, str]) -> str:
    name = owner_named(owner)
    return f" of {name}" if name else ""
