"""Nodes whose image is old, or that are behind their control plane: which step renews each pool, and why.

Strategies in the order of trust: EKS's own update of a managed group, our own drain of an Auto Scaling group,
Karpenter's drift, and a second group beside a managed one, for those that ask for it (blue_green.py).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from fleetkeeper.core import parts
from fleetkeeper.core.amount import duration_text, parse_duration
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, Template, unseen
from fleetkeeper.core.expanding.prospect import PoolKey, PoolState, pool_name
from fleetkeeper.core.image_age import ImageAge, oldest
from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from fleetkeeper.core.node_pools import with_groups
from fleetkeeper.core.playbook import Param, Params
from fleetkeeper.core.wording import counted, some
from fleetkeeper.errors import ParamError

MAX_AGE = "max_age"
"""The parameter that says from which age on an image is old; no member's step has it."""
DEFAULT_MAX_AGE = "60d"
BLUE_GREEN = "blue-green"
OPT_IN = f"fleetkeeper.dev/rotation={BLUE_GREEN}"
"""The tag of node groups that are to be rotated by a second group; groups, tag: the parameters that say otherwise."""

_KEPT_BY_OTHERS: Mapping[ComputeKind, str] = {
    ComputeKind.AUTO_MODE: "Auto Mode replaces its nodes itself, at the latest when they are 21 days old",
    ComputeKind.FARGATE: "AWS renews nodes of Fargate with their pods: kubectl rollout restart",
    ComputeKind.HYBRID: "hybrid nodes are their owner's to renew",
    ComputeKind.UNKNOWN: "how its nodes come and go is not known, so nothing touches them",
}


def image_fact(name: str) -> str:
    """The name of the fact that is the image release of a managed node group."""
    return f"image of node group {name}"


def aging(**sample: Param) -> Template:
    """The parameters of a kind that rotates by age: max_age is the plan's alone, and `sample` is filled in by it."""

    def made(params: Params) -> Params:
        wrong = {name: "is filled in by the plan" for name in params if name in sample}
        if problem := wrong_age(params):
            wrong[MAX_AGE] = problem
        if wrong:
            raise ParamError(wrong)
        return {name: value for name, value in params.items() if name != MAX_AGE} | sample

    return made


def wrong_age(params: Params) -> str:
    """What is wrong with max_age, "" when nothing is."""
    value = params.get(MAX_AGE, DEFAULT_MAX_AGE)
    try:
        return "" if isinstance(value, str) and parse_duration(value) else "must be a duration such as 60d"
    except ValueError as error:
        return str(error)


# ---- which pools


@dataclass(frozen=True, slots=True)
class Old:
    """A pool that has to be rotated, and why. is_behind: because of its minor."""

    key: PoolKey
    pool: PoolState
    why: str
    is_behind: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """The pools of one kind: those that are due, and what is said of each that is not."""

    due: tuple[Old, ...]
    left: tuple[str, ...]

    @property
    def idle(self) -> str:
        return "" if self.due else "; ".join(self.left)

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"left as it is: {'; '.join(self.left)}",) if self.left else ()


def judged(asked: Asked, kind: ComputeKind, wanted: Callable[[str], bool] = lambda _: True) -> Judged:
    """The pools of a kind by their minor and by the age of their oldest image. wanted: of which names."""
    nodes = _by_pool(asked)
    sizes = {each.name: each.desired for each in asked.snap.node_groups} if kind is ComputeKind.MANAGED else {}
    due: list[Old] = []
    left: list[str] = []
    for key, pool in asked.at.of_kind(kind):
        if not wanted(key[1]):
            continue
        if not nodes[key] and not sizes.get(key[1]):
            left.append(f"{pool_name(key)} has no nodes")
            continue
        found = _judged(asked, key, pool, nodes[key])
        if isinstance(found, Old):
            due.append(found)
        else:
            left.append(found)
    return Judged(tuple(due), tuple(left))


def _by_pool(asked: Asked) -> Mapping[PoolKey, list[Node]]:
    found: defaultdict[PoolKey, list[Node]] = defaultdict(list)
    for node in with_groups(asked.snap.nodes, asked.snap.auto_scaling_groups):
        found[node.kind, node.group].append(node)
    return found


def _judged(asked: Asked, key: PoolKey, pool: PoolState, nodes: list[Node]) -> Old | str:
    name, now = pool_name(key), asked.snap.now
    if pool.oldest is not None and pool.oldest < asked.at.minor:
        return Old(key, pool, f"{name} is at {pool.oldest}, and the control plane at {asked.at.minor}", is_behind=True)
    age, most = oldest(nodes, launched_by(asked, key[1])), max_age(asked.spec.params)
    if age is None:
        return f"{name}: nothing tells how old its image is"
    if age.since(now) > most:
        return Old(key, pool, f"{name}: {age.text(now)}, {_most(most)} is the most")
    return f"{name}: {_young(age, asked)}"


def _young(age: ImageAge, asked: Asked) -> str:
    if age.is_bound:
        return f"nothing tells how old its image is; its nodes are {counted(age.since(asked.snap.now).days, 'day')} old"
    return f"{age.text(asked.snap.now)}, which is young enough"


def _most(length: timedelta) -> str:
    """`60`, where the age beside it is in days as well."""
    return str(length.days) if length == timedelta(days=length.days) else duration_text(length)


def launched_by(asked: Asked, group: str) -> datetime | None:
    """When the image was made that a group launches now; None for what is no group, or of unknown age."""
    return next((each.created_at for each in asked.snap.group_images if each.group == group), None)


def max_age(params: Params) -> timedelta:
    return parse_duration(str(params.get(MAX_AGE, DEFAULT_MAX_AGE)))


def bare(asked: Asked, *more: str) -> Asked:
    """The same without the parameters that are the plan's alone."""
    rest = {name: value for name, value in asked.spec.params.items() if name not in (MAX_AGE, *more)}
    return replace(asked, spec=replace(asked.spec, params=rest))


# ---- who has opted in


def opted_in(group: NodeGroup, asked: Asked) -> bool:
    """Whether a step of this playbook rotates the group by a second one: by its name, or by its tag."""
    return any(
        is_named(group.name, each.params) or is_tagged(group.tags, each.params)
        for each in asked.siblings
        if each.kind == BLUE_GREEN
    )


def is_named(name: str, params: Params) -> bool:
    patterns = params.get("groups", ())
    return isinstance(patterns, tuple) and any(fnmatchcase(name, pattern) for pattern in patterns)


def is_tagged(tags: Mapping[str, str], params: Params) -> bool:
    key, _, value = str(params.get("tag", OPT_IN)).partition("=")
    return bool(key) and tags.get(key) == value


# ---- EKS, and Auto Scaling groups


def update_node_groups(asked: Asked) -> Expansion:
    """Managed groups, in place: to the control plane's minor, or to the newest image of the minor that they have."""
    if gap := unseen(asked.snap, parts.NODES, parts.NODE_GROUPS):
        return Expansion(obstacle=gap)
    groups = {each.name: each for each in asked.snap.node_groups}
    elsewhere = {each.name for each in groups.values() if opted_in(each, asked)}
    found = judged(asked, ComputeKind.MANAGED, lambda name: name not in elsewhere)
    at, strides, left = asked.at, list[Stride](), list(found.left)
    facts: dict[str, str] = {}
    for each in found.due:
        name, group = each.key[1], groups.get(each.key[1])
        if group is None or each.pool.own_image:
            left.append(f"{each.why}; its images are its owner's: put a newer one into its launch template")
            continue
        leaves = {} if each.is_behind else {"leaves": group.release_version}
        at = at.with_pools({each.key: each.pool.moved(asked.at.minor)})
        strides.append(Stride(bare(asked).step(each.why, name, group=name, to=str(asked.at.minor), **leaves), at))
        facts |= {f"node group {name}": str(group.version), image_fact(name): group.release_version}
    others = tuple(_of_others(asked))
    whole = Judged(found.due if strides else (), (*left, *others))
    return Expansion(tuple(strides), facts, notes=whole.notes, idle="" if strides else whole.idle)


def _of_others(asked: Asked) -> Iterator[str]:
    """What no strategy of ours renews."""
    for kind, why in _KEPT_BY_OTHERS.items():
        names = [pool_name(key) for key, _ in asked.at.of_kind(kind)]
        if names:
            yield f"{some(names)}: {why}"


def surge_nodes(asked: Asked) -> Expansion:
    """Auto Scaling groups of the operator's own: new instances first, then our own drain, group after group."""
    if gap := unseen(asked.snap, parts.NODES, parts.AUTO_SCALING_GROUPS):
        return Expansion(obstacle=gap)
    found = judged(asked, ComputeKind.SELF_MANAGED)
    at, strides, left = asked.at, list[Stride](), list(found.left)
    for each in found.due:
        name = each.key[1]
        if not name:
            left.append(f"{each.why}; which Auto Scaling group made them is not known")
            continue
        launched = launched_by(asked, name)
        if launched and not each.is_behind and asked.snap.now - launched > max_age(asked.spec.params):
            left.append(f"{each.why}; its launch template launches that very image: put a newer one into it")
            continue
        at = at.with_pools({each.key: each.pool.moved(asked.at.minor)})
        strides.append(Stride(bare(asked).step(each.why, name, group=name), at))
    whole = Judged(found.due if strides else (), tuple(left))
    return Expansion(tuple(strides), notes=whole.notes, idle="" if strides else whole.idle)


# ---- Karpenter


def drift_nodes(asked: Asked) -> Expansion:
    """NodePools whose nodes are old: one step for all, for Karpenter works on them side by side."""
    if gap := unseen(asked.snap, parts.NODES):
        return Expansion(obstacle=gap)
    found = judged(asked, ComputeKind.KARPENTER)
    if not found.due:
        return Expansion(notes=found.notes, idle=found.idle)
    at = asked.at.with_pools({each.key: each.pool.moved(asked.at.minor) for each in found.due})
    names = tuple(sorted(each.key[1] for each in found.due))
    step = bare(asked).step("; ".join(each.why for each in found.due), pools=names)
    return Expansion((Stride(step, at),), notes=found.notes)
