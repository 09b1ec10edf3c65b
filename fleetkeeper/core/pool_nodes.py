"""Why nodes of NodePools stay where they are: the pools, notes, budgets and pods that hold them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetkeeper.core.draining import Obstacle, fixes, owner_of, told
from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.node_holds import NodePool, budget_text
from fleetkeeper.core.wording import some


@dataclass(frozen=True, slots=True)
class Stuck:
    """What holds nodes, in words; all empty where nothing is in their way. is_final: none of them moves by itself."""

    text: str = ""
    owner: str = ""
    fix: str = ""
    is_final: bool = False


def stuck_nodes(
    pools: Sequence[NodePool], behind: Sequence[LiveNode], found: Sequence[Obstacle], fixed: frozenset[str]
) -> Stuck:
    """behind: nodes of the pools that are not where they should be; fixed: node classes with images by id."""
    of = {each.name: each for each in pools}
    held = [of[name] for name in sorted({each.node.group for each in behind} & of.keys())]
    parts = [*_of_pools(held, fixed), *_of_nodes(behind), *_of_pods(found, behind, of)]
    return Stuck(
        text="; ".join(each.text for each in parts),
        owner=next((each.owner for each in parts if each.owner), ""),
        fix="; ".join(dict.fromkeys(each.fix for each in parts if each.fix)),
        is_final=bool(held) and all(each.node_class in fixed for each in held),
    )


def _of_pools(pools: Sequence[NodePool], fixed: frozenset[str]) -> Iterator[Stuck]:
    for pool in pools:
        if pool.node_class in fixed:
            name = pool.node_class.partition("/")[2]
            yield Stuck(
                f"NodePool {pool.name} follows EC2NodeClass {name}, which names its images by id: they stay",
                pool.whose,
                f"name an image of the new minor in EC2NodeClass {name}, or select by alias",
            )
        elif closed := pool.closed_by_owner():
            yield Stuck(
                f"NodePool {pool.name} has a budget of its owner's that lets nothing go ({budget_text(closed)})",
                pool.whose,
                f"open that budget of NodePool {pool.name}, or wait for its schedule to end",
            )


def _of_nodes(behind: Sequence[LiveNode]) -> Iterator[Stuck]:
    staying = [each for each in behind if each.stays]
    if staying:
        first, names = staying[0], some(f"{each.name} ({each.stays})" for each in staying)
        key = first.stays.partition("=")[0]
        yield Stuck(f"nodes ask to stay: {names}", "", f"kubectl annotate node {first.name} {key}-, when it may go")


def _of_pods(found: Sequence[Obstacle], behind: Sequence[LiveNode], pools: Mapping[str, NodePool]) -> Iterator[Stuck]:
    """A pool with a terminationGracePeriod ends what blocks when that is over."""
    if not found:
        return
    groups = {each.name: each.node.group for each in behind}
    ended = [pool for each in found if (pool := pools.get(groups.get(each.pod.node, ""))) and pool.grace]
    grace = f" (NodePool {ended[0].name} ends it after {ended[0].grace})" if ended else ""
    yield Stuck(told(found) + grace, owner_of(found), fixes(found))
