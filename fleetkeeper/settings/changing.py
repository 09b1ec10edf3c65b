"""Who may change a version: [[engine.direct]] and [[engine.proposals]], in the order in which they are asked."""

from collections.abc import Collection, Sequence

from fleetkeeper.core.changing_via import Component, DirectRule, ProposalRule
from fleetkeeper.core.selector import Selector
from fleetkeeper.documents import Table
from fleetkeeper.errors import UsageError

_COMPONENTS = tuple(each.value for each in Component)


def read_direct(table: Table) -> tuple[DirectRule, ...]:
    tables = table.tables("direct")
    found = tuple(DirectRule(_clusters(each), _components(each), each.origin) for each in tables)
    _note_unreachable(tables, found)
    return found


def read_proposals(
    table: Table, hooks: Collection[str], programs: Collection[str], channels: Collection[str]
) -> tuple[ProposalRule, ...]:
    """hooks, programs and channels are the names that the settings have."""
    tables = table.tables("proposals")
    found = tuple(_proposal(each, hooks, programs, channels) for each in tables)
    _note_unreachable(tables, found)
    return found


def _proposal(
    table: Table, hooks: Collection[str], programs: Collection[str], channels: Collection[str]
) -> ProposalRule:
    found = ProposalRule(
        clusters=_clusters(table),
        components=_components(table),
        hook=_named(table, "hook", "engine.hooks", hooks),
        command=_named(table, "command", "engine.programs", programs),
        channel=_named(table, "channel", "engine.channels", channels),
        undo=table.text("undo", ""),
        origin=table.origin,
    )
    if sum(map(bool, (found.hook, found.command, found.channel))) != 1:
        table.mistake("", "must have one place to propose to", "set hook, command or channel")
    if found.undo and found.channel:
        table.mistake("undo", "takes nothing back from a channel", "leave it out, or propose to a hook or a command")
    elif found.undo:
        _named(table, "undo", *(("engine.hooks", hooks) if found.hook else ("engine.programs", programs)))
    return found


def _named(table: Table, key: str, where: str, known: Collection[str]) -> str:
    name = table.text(key, "")
    if name and name not in known:
        table.mistake(key, f"{name} is no entry of {where}", f"it has {', '.join(sorted(known)) or 'none'}")
    return name


def _clusters(table: Table) -> Selector:
    return table.parsed("clusters", _selector, optional=True) or Selector()


def _selector(text: str) -> Selector:
    try:
        return Selector.parse(text)
    except UsageError as error:
        raise ValueError(str(error).removeprefix("-l ")) from error


def _components(table: Table) -> tuple[Component, ...]:
    found = []
    for position, text in enumerate(table.texts("components", ())):
        if text not in _COMPONENTS:
            table.mistake("components", f"{text} is not one of {', '.join(_COMPONENTS)}", item=position)
        elif text in found:
            table.mistake("components", f"{text} is listed twice", item=position)
        else:
            found.append(Component(text))
    return tuple(found)


def _note_unreachable(tables: Sequence[Table], rules: Sequence[DirectRule | ProposalRule]) -> None:
    """A mistake for a rule that fits everything and is not the last: those after it would never be asked."""
    for table, rule in list(zip(tables, rules, strict=True))[:-1]:
        if not rule.clusters.terms and not rule.components:
            table.mistake("", "fits every change, so nothing after it is ever used", "move it to the end")
