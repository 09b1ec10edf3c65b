"""How long work is expected to take, as a range: of a step, of a member, of a stage with so many at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from heapq import heappush, heapreplace

from fleetkeeper.core.amount import parse_duration
from fleetkeeper.core.plan import Member, Range, Stage
from fleetkeeper.core.playbook import GateSpec, StepSpec, When

MEASURED = 5
"""So many runs of one's own make a kind's range; below that the defaults speak, and say that they do."""

Measured = Mapping[str, Sequence[timedelta]]
"""Kind of step → how long those that finished took."""

_OBSERVED = timedelta(minutes=30)
_NOTHING = Range(timedelta(), timedelta(), calibrated=True)
_ANY = Range(timedelta(minutes=2), timedelta(minutes=15))
_DEFAULTS = {
    "preflight": Range(timedelta(seconds=30), timedelta(minutes=5)),
    "notify": Range(timedelta(seconds=5), timedelta(seconds=30)),
    "webhook": Range(timedelta(seconds=30), timedelta(minutes=10)),
    "run-command": Range(timedelta(minutes=2), timedelta(minutes=20)),
    "wait-for": Range(timedelta(minutes=5), timedelta(minutes=30)),
    "backup": Range(timedelta(minutes=10), timedelta(minutes=60)),
    "update-addon": Range(timedelta(minutes=3), timedelta(minutes=15)),
    "refresh-insights": Range(timedelta(minutes=2), timedelta(minutes=15)),
    "upgrade-control-plane": Range(timedelta(minutes=10), timedelta(minutes=45)),
    "rollback-control-plane": Range(timedelta(minutes=10), timedelta(minutes=60)),
    "update-nodegroup": Range(timedelta(minutes=30), timedelta(hours=4)),
    "drain-nodes": Range(timedelta(minutes=5), timedelta(hours=2)),
    "surge-nodes": Range(timedelta(minutes=30), timedelta(hours=6)),
    "hold-nodes": Range(timedelta(seconds=5), timedelta(minutes=1)),
    "release-nodes": Range(timedelta(minutes=30), timedelta(hours=6)),
    "restart-fargate": Range(timedelta(minutes=10), timedelta(minutes=60)),
    "silence-alerts": Range(timedelta(seconds=5), timedelta(minutes=1)),
    "end-silences": Range(timedelta(seconds=5), timedelta(minutes=1)),
    "update-release": Range(timedelta(minutes=2), timedelta(minutes=15)),
    "repair-release": Range(timedelta(seconds=10), timedelta(minutes=2)),
    "postflight": Range(timedelta(minutes=1), timedelta(minutes=30)),
    "propose": Range(timedelta(hours=8), timedelta(days=3)),
}
"""Orders of magnitude, for a fleet without runs; a range that rests on one of them is never called calibrated.

AWS publishes none of them. That of a control plane is what operators report: 10 to 15 minutes, at times far more. Nodes
are reckoned at 5 minutes each, and up to 15 for a drain (managed-node-update-behavior). Proposals wait for people.
"""


def range_of(kind: str, measured: Measured) -> Range:
    """What a step of a kind is expected to take."""
    known = sorted(measured.get(kind, ()))
    if len(known) < MEASURED:
        return _DEFAULTS.get(kind, _ANY)
    return Range(_quantile(known, 50), _quantile(known, 95), calibrated=True)


def _quantile(known: Sequence[timedelta], percent: int) -> timedelta:
    """The smallest of them that so many of a hundred do not exceed."""
    return known[max(0, -(-len(known) * percent // 100) - 1)]


def steps_range(steps: Iterable[StepSpec], measured: Measured) -> Range:
    """One after the other. That all take their longest at once is unlikely, so the upper end is a cautious one."""
    return total(_step_range(each, measured) for each in steps)


def _step_range(step: StepSpec, measured: Measured) -> Range:
    """A bake takes the time that it is given, and until the observation after it."""
    if step.kind != "bake":
        return range_of(step.kind, measured)
    length = soak_length(step)
    return Range(length, length + _OBSERVED)


def total(ranges: Iterable[Range]) -> Range:
    found = _NOTHING
    for each in ranges:
        found = Range(found.p50 + each.p50, found.p95 + each.p95, found.calibrated and each.calibrated)
    return found


def stage_range(stage: Stage, members: Sequence[Member]) -> Range:
    """A stage with its soaks, admitted in order with so many at once; without waits for people, windows and limits."""
    groups: defaultdict[str, list[Member]] = defaultdict(list)
    for each in members:
        groups[each.group].append(each)
    whole = _waves(members, stage.max_concurrency)
    own = _soaks(stage.gates, each_group=True)
    for name, inside in groups.items():
        whole = _longer(whole, _waves(inside, stage.group_concurrency.get(name, stage.max_concurrency)))
    soaks = own + _soaks(stage.gates, each_group=False)
    return replace(whole, p50=whole.p50 + soaks, p95=whole.p95 + soaks)


def _longer(one: Range, other: Range) -> Range:
    return Range(max(one.p50, other.p50), max(one.p95, other.p95), one.calibrated and other.calibrated)


def _waves(members: Sequence[Member], slots: int) -> Range:
    """The end of the last one when each free slot takes the next."""
    ranges = [each.expected or _NOTHING for each in members]
    typical, long = ([range.p50 for range in ranges], [range.p95 for range in ranges])
    return Range(_last_end(typical, slots), _last_end(long, slots), all(each.calibrated for each in ranges))


def _last_end(lengths: Sequence[timedelta], slots: int) -> timedelta:
    ends: list[timedelta] = []
    for length in lengths:
        if len(ends) < slots:
            heappush(ends, length)
        else:
            heapreplace(ends, ends[0] + length)
    return max(ends, default=timedelta())


def _soaks(gates: Sequence[GateSpec], *, each_group: bool) -> timedelta:
    chosen = (gate for gate in gates if gate.kind == "soak" and gate.each_group is each_group)
    return sum((soak_length(gate) for gate in chosen if gate.when is When.AFTER), timedelta())


def soak_length(gate: GateSpec | StepSpec) -> timedelta:
    """How long a soak lasts when nothing goes wrong, as its parameter `for` says."""
    try:
        return parse_duration(str(gate.params.get("for", "0s")))
    except ValueError:
        return timedelta()
