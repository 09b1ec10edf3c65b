"""A rehearsal in plain lines, for whoever reads it in the night."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.rehearsal.report import Blocker, BudgetPeak, End, Length, Pause, Rehearsal, Rehearsed, Surge
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted

_MOST = 10
_LONGEST = 400


def lines(rehearsal: Rehearsal) -> Iterator[str]:
    """The whole of it; members one after the other, the waits that are not counted at the end."""
    head = f"Rehearsal of plan {rehearsal.plan}: {counted(len(rehearsal.members), 'cluster')}"
    whole = f", {length_text(rehearsal.length)} of work" if rehearsal.length else ""
    yield head + whole
    for member in rehearsal.members:
        yield ""
        yield from _member(member)
    if rehearsal.pauses:
        yield ""
        yield "Not counted, for it is no work:"
        yield from (f"  {_pause(each)}" for each in rehearsal.pauses)


def in_seconds(value: Any) -> Any:
    """The same with every length as whole seconds, dataclasses as mappings: what JSON can hold."""
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    if is_dataclass(value):
        return {each.name: in_seconds(getattr(value, each.name)) for each in fields(value)}
    return [in_seconds(each) for each in value] if isinstance(value, tuple) else value


def length_text(length: Length) -> str:
    """`1h40m to 2h10m, usually 1h52m`."""
    low, usual, high = (rounded(each) for each in (length.low, length.usual, length.high))
    return low if low == high else f"{low} to {high}, usually {usual}"


def rounded(length: timedelta) -> str:
    """In whole minutes, from ten minutes on."""
    seconds = round(length.total_seconds())
    return duration_text(timedelta(seconds=seconds if seconds < 600 else round(seconds / 60) * 60))


def _member(member: Rehearsed) -> Iterator[str]:
    why = f": {safe(member.why, _LONGEST)}" if member.why else ""
    yield f"{member.member}: {member.end.value.upper()}{why}"
    if member.end is End.NOT_REHEARSED:
        return
    if member.length:
        bound = f"; no order is faster than {rounded(member.bound)}" if member.bound else ""
        yield f"  takes {length_text(member.length)}{bound}"
    if member.freed:
        yield f"  takes {length_text(member.freed)} once what blocks it is out of the way"
    for step in member.steps if member.length else ():
        taken = "" if step.simulated else ", not played: what such steps take"
        yield f"    {step.name} ({step.kind}) {length_text(step.length)}{taken}"
    lost = f", {counted(member.lost, 'pod')} lost with their nodes" if member.lost else ""
    yield f"  moves {counted(member.nodes, 'node')}: {counted(member.evictions, 'eviction')}{lost}"
    yield from _blockers(member.blockers)
    yield from _budgets(member.budgets)
    yield f"  surge {_surge(member.surge)}"
    yield from (f"  {each}" for each in member.basis)


def _blockers(found: tuple[Blocker, ...]) -> Iterator[str]:
    if not found:
        return
    yield f"  {counted(len(found), 'pod')} in the way:"
    for each in found[:_MOST]:
        of = f" of {each.controller}" if each.controller else ""
        whose = f" (owner: {safe(each.owner, _LONGEST)})" if each.owner else ""
        yield f"    {each.pod}{of} on {each.node}: {safe(each.why, _LONGEST)}{whose}"
        if each.fix:
            yield f"      fix: {safe(each.fix, _LONGEST)}"
    if len(found) > _MOST:
        yield f"    and {len(found) - _MOST} more: -o json has them all"


def _budgets(found: tuple[BudgetPeak, ...]) -> Iterator[str]:
    if not found:
        return
    yield "  most pods away at once, by budget:"
    for each in found[:_MOST]:
        below = f", {each.below} BELOW its count" if each.below else ""
        yield f"    {each.name}: {each.away} of {each.of}, {each.allowed} may{below}"
    if len(found) > _MOST:
        yield f"    and {len(found) - _MOST} more: -o json has them all"


def _surge(surge: Surge) -> str:
    if not surge.node_hours:
        return "none: no node beyond today's"
    kinds = ", ".join(f"{hours:.1f} {kind or 'of an unknown type'}" for kind, hours in surge.node_hours.items())
    cost = f", {surge.usd:.2f} USD" if surge.usd is not None else ", no price configured (rehearsal.node_hour_usd)"
    return f"{surge.hours:.1f} node-hours ({kinds}){cost}"


def _pause(pause: Pause) -> str:
    return f"{pause.what}: {duration_text(pause.length)}" if pause.length else pause.what
