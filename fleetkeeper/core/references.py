"""What a playbook names of the operator's settings (endpoints, programs, servers, ...), and whether it is there."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum

from fleetkeeper.core.playbook import Params, Playbook


class Where(StrEnum):
    """The setting that has the names."""

    HOOKS = "engine.hooks"
    PROGRAMS = "engine.programs"
    CHANNELS = "engine.channels"
    PROMETHEUS = "engine.prometheus"
    CALENDARS = "engine.calendars"
    SILENCERS = "engine.silencers"
    CHARTS = "engine.charts"


Names = Mapping[str, Where]
"""Parameter of a kind → where what it names stands."""

Allowed = Mapping[Where, frozenset[str]]


def not_there(
    playbook: Playbook, steps: Mapping[str, Names], gates: Mapping[str, Names], allowed: Allowed
) -> tuple[str, ...]:
    """One sentence for each name that the settings do not have: a run would meet it only in mid-wave."""
    found: list[str] = []
    for step in playbook.steps:
        found += _missing(f"step {step.name}", step.params, steps.get(step.kind, {}), allowed)
    for stage in playbook.stages:
        for gate in stage.gates:
            found += _missing(f"gate {gate.name} of {stage.name}", gate.params, gates.get(gate.kind, {}), allowed)
    for hold in playbook.holds:
        found += _missing(f"hold {hold.name}", hold.params, gates.get(hold.kind, {}), allowed)
    for name in playbook.freezes:
        if wrong := _unknown(name, Where.CALENDARS, allowed):
            found.append(f"freezes: {wrong}")
    return tuple(found)


def _missing(who: str, params: Params, names: Names, allowed: Allowed) -> Iterator[str]:
    for param, where in names.items():
        value = params.get(param)
        if isinstance(value, str) and value and (wrong := _unknown(value, where, allowed)):
            yield f"{who}: {param}: {wrong}"


def _unknown(name: str, where: Where, allowed: Allowed) -> str:
    known = allowed.get(where, frozenset())
    if name in known:
        return ""
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known)) or 'nothing'}"
    return f"{name} is not in {where}: {hint}"
