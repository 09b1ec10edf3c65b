"""Makes a plan of a playbook and the stored fleet: who goes, in which stage and order, with which steps and limits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fleetkeeper.core.candidates import Candidate, Work, reason_to_leave, saved_per_month, work_of
from fleetkeeper.core.changing_via import ChangeVia, settle
from fleetkeeper.core.closing import closing, too_late
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.durations import Measured, stage_range, steps_range, total
from fleetkeeper.core.plan import Header, Left, Member, Plan, Stage
from fleetkeeper.core.playbook import OnFailure, Playbook, StageSpec
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.traits import NEEDS
from fleetkeeper.core.versions import Minor
from fleetkeeper.values import digest, to_json

OWN_STAGE = "own-cluster"
"""The stage after all others for the cluster in which fleetkeeper runs."""
NO_GROUP = "none"
"""The group of members that lack the attribute by which their stage is grouped."""
EXPIRY = timedelta(days=7)

_ID_DIGITS = 8
_TRYING = ("blue-green", "surge-nodes")
"""Kinds of steps that try a new node first."""


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for, by whom and when. measured: how long finished steps took, by kind.

    service_limits: service, or * for all others → in how many regions it may be unavailable at once. charts: those that
    the engine may install. of: the run whose upgrades are taken back. change_via: who may change a version. smoke: the
    test of new nodes in words, "" for none.
    """

    playbook: Playbook
    selector: Selector
    actor: str
    at: datetime
    expires_in: timedelta = EXPIRY
    service_limits: Mapping[str, int] = field(default_factory=dict)
    measured: Measured = field(default_factory=dict)
    charts: tuple[ChartSource, ...] = ()
    of: str = ""
    change_via: ChangeVia = field(default_factory=ChangeVia)
    smoke: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A cluster with its work and its stage."""

    candidate: Candidate
    work: Work
    stage: int
    group: str
    notes: tuple[str, ...] = ()


def make_plan(order: Order, candidates: Iterable[Candidate], compat: Compat) -> Plan:
    """The plan, with every cluster that the selector wants: as a member, or left out with the reason."""
    stages = order.playbook.stages
    selectors = tuple(Selector.parse(each.clusters) for each in stages)
    placed: list[_Placed] = []
    left: list[Left] = []
    for each in sorted(candidates, key=_identity):
        found = _place(each, order, selectors, compat)
        if isinstance(found, str):
            left.append(_left(each, found))
        else:
            placed.append(found)
    if any(each.stage == len(stages) for each in placed):
        stages = (*stages, _own_stage(stages[-1]))
    members = _members(order, placed, stages, compat)
    return _sealed(order, _stages(stages, members), members, tuple(left))


def texts_of(plan: Plan) -> tuple[str, tuple[str, ...]]:
    """The canonical JSON of the header, and of each member: what the digests of a plan are of."""
    return to_json(plan.header), tuple(to_json(each) for each in plan.members)


def _identity(candidate: Candidate) -> tuple[str, str]:
    return (candidate.name, candidate.snapshot.cluster.id.arn)


def _left(candidate: Candidate, reason: str) -> Left:
    cluster = candidate.snapshot.cluster
    account, region = (cluster.scope.account, cluster.scope.region) if cluster.scope else ("", "")
    return Left(cluster.id, cluster.name, account, region, reason)


# ---- stages


def _place(candidate: Candidate, order: Order, selectors: Sequence[Selector], compat: Compat) -> _Placed | str:
    playbook = order.playbook
    if reason := reason_to_leave(candidate, playbook):
        return reason
    stage = _stage_of(candidate, selectors)
    if isinstance(stage, str):
        return stage
    work = work_of(candidate, playbook, compat, order.charts)
    if isinstance(work, str):
        return work
    spec = playbook.stages[stage] if stage < len(playbook.stages) else _own_stage(playbook.stages[-1])
    if lacking := [trait for trait in work.traits if not any(gate.only == trait for gate in spec.gates)]:
        return f"{NEEDS[lacking[0]]}: stage {spec.name} has no gate of its own for that (only = {lacking[0]!r})"
    if late := too_late(work.steps, spec.gates, order.measured):
        return late
    settled = settle(work.steps, candidate.attributes, candidate.snapshot, order.change_via)
    if isinstance(settled, str):
        return settled
    group = _group_of(candidate, spec)
    own = replace(work, steps=settled.steps, notes=(*work.notes, *settled.notes, *_smoke_notes(order, work)))
    return _Placed(candidate, own, stage, group, tuple(closing(work.steps, spec.gates, order.measured)))


def _smoke_notes(order: Order, work: Work) -> Iterator[str]:
    """Whether the first new node is tried before pods move to it, where we are the one who moves them."""
    kinds = sorted({each.kind for each in work.steps if each.kind in _TRYING})
    if kinds and order.smoke:
        yield f"the first new node of each {' and '.join(kinds)} must pass the smoke test {order.smoke}"
    elif kinds:
        yield "no smoke test is configured: new nodes are taken for good when they are Ready ([engine.smoke])"


def _stage_of(candidate: Candidate, selectors: Sequence[Selector]) -> int | str:
    """The first stage that takes it; of several stages the first is the canary, and not for a cluster of unknown worth.

    One past the last is the stage of the cluster in which fleetkeeper runs.
    """
    taking = [idx for idx, each in enumerate(selectors) if each.accepts(candidate.attributes)]
    if not taking:
        return "no stage of the playbook takes it"
    if candidate.hosting.is_own:
        return len(selectors)
    if not candidate.snapshot.cluster.placement.mapped and len(selectors) > 1:
        taking = [idx for idx in taking if idx > 0]
        if not taking:
            return "nothing maps it, so it counts as production, and only the first stage, the canary, takes it"
    return taking[0]


def _group_of(candidate: Candidate, spec: StageSpec) -> str:
    return (candidate.attributes.get(spec.group_by, "") or NO_GROUP) if spec.group_by else ""


def _own_stage(last: StageSpec) -> StageSpec:
    """The last stage's gates and windows hold here too, for that is where the cluster would have gone."""
    gates = tuple(replace(gate, each_group=False) for gate in last.gates)
    return StageSpec(OWN_STAGE, gates=gates, windows=last.windows)


def _stages(specs: Sequence[StageSpec], members: Sequence[Member]) -> tuple[Stage, ...]:
    return tuple(_stage(spec, [each for each in members if each.stage == idx]) for idx, spec in enumerate(specs))


def _stage(spec: StageSpec, members: Sequence[Member]) -> Stage:
    """Limits as numbers. A stage without members keeps its place and loses its gates: there is nothing to ask for."""
    if not members:
        return Stage(spec.name, 1, 0, OnFailure.PAUSE, {}, (), ())
    at_once = min(spec.max_concurrency.concurrency(len(members)), len(members))
    sizes: dict[str, int] = {}
    for each in members:
        if each.group:
            sizes[each.group] = sizes.get(each.group, 0) + 1
    return Stage(
        name=spec.name,
        max_concurrency=at_once,
        max_failures=spec.max_failures.failures(len(members)),
        on_failure=spec.on_failure,
        group_concurrency={
            name: min(at_once, size, spec.group_concurrency.concurrency(size)) for name, size in sizes.items()
        },
        gates=tuple(gate for gate in spec.gates if not gate.only or any(gate.only in each.traits for each in members)),
        windows=spec.windows,
    )


# ---- members


def _members(
    order: Order, placed: Sequence[_Placed], stages: Sequence[StageSpec], compat: Compat
) -> tuple[Member, ...]:
    """In the order of their admission: stage by stage, within each as it says, then by name."""
    found: list[_Placed] = []
    for idx, spec in enumerate(stages):
        inside = [each for each in placed if each.stage == idx]
        for attribute in reversed(spec.order):
            inside = _ordered(inside, attribute)
        found += inside
    return tuple(_member(order, idx, each, compat) for idx, each in enumerate(found))


def _ordered(placed: Iterable[_Placed], attribute: str) -> list[_Placed]:
    """By one attribute, a leading - reverses; minors as versions, for 1.9 is before 1.10. What lacks it is last."""
    key = attribute.removeprefix("-")

    def value(each: _Placed) -> tuple[Minor, str]:
        text = each.candidate.attributes.get(key, "")
        return (Minor.parse(text), "") if key == "version" and text else (Minor(0, 0), text)

    found = sorted(placed, key=value, reverse=attribute.startswith("-"))
    return sorted(found, key=lambda each: not each.candidate.attributes.get(key, ""))


def _member(order: Order, idx: int, placed: _Placed, compat: Compat) -> Member:
    candidate, work = placed.candidate, placed.work
    cluster = candidate.snapshot.cluster
    return Member(
        idx=idx,
        cluster=cluster.id,
        name=cluster.name,
        scope=cluster.scope,
        attributes=dict(candidate.attributes),
        stage=placed.stage,
        group=placed.group,
        steps=work.steps,
        facts=work.facts,
        needs=work.needs,
        hops=work.hops,
        expected=steps_range(work.steps, order.measured),
        deadline=candidate.standing.deadline,
        saved_per_month=saved_per_month(candidate, order.playbook, compat),
        notes=(*work.notes, *placed.notes),
        traits=work.traits,
        mends=work.mends,
    )


# ---- the whole


def _sealed(order: Order, stages: tuple[Stage, ...], members: tuple[Member, ...], left: tuple[Left, ...]) -> Plan:
    playbook = order.playbook
    ranges = [stage_range(stage, [m for m in members if m.stage == idx]) for idx, stage in enumerate(stages)]
    header = Header(
        id="",
        playbook=playbook.name,
        playbook_title=playbook.title,
        playbook_origin=playbook.origin,
        playbook_digest=playbook.digest,
        changes=playbook.changes,
        selector=str(order.selector),
        created_at=order.at,
        created_by=order.actor,
        expires_at=order.at + order.expires_in,
        stages=stages,
        members=tuple(digest(to_json(each)) for each in members),
        left=left,
        freezes=playbook.freezes,
        holds=playbook.holds,
        service_limits=dict(order.service_limits),
        expected=total(ranges),
        playbook_purpose=playbook.purpose,
        of=order.of,
    )
    named = replace(header, id=f"{playbook.name}-{digest(to_json(header))[:_ID_DIGITS]}")
    return Plan(named, members, digest(to_json(named)))
