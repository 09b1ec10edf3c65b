"""A playbook from its TOML document: every key, what fits together, and that its steps and gates are known."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from fleetkeeper.core.amount import ALL, NONE, ONE, Amount, duration_text, parse_duration
from fleetkeeper.core.expanding.addon_moves import BEFORE, is_exact
from fleetkeeper.core.expanding.addons import WHEN
from fleetkeeper.core.expanding.kinds import CHANGERS, OF_HOPS, SIDED, TEMPLATES
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, Params, Playbook, StageSpec, StepSpec, When
from fleetkeeper.core.playbook_windows import read_windows
from fleetkeeper.core.selector import KEYS, Selector
from fleetkeeper.core.traits import NEEDS
from fleetkeeper.documents import Table
from fleetkeeper.errors import ParamError, UsageError


class Kind(Protocol):
    """What is asked of a kind of step or gate here: whether parameters are right."""

    version: ClassVar[int]

    @classmethod
    def of(cls, params: Params) -> Any:
        """Raises ParamError."""
        ...


@runtime_checkable
class Lasting(Protocol):
    """What `of` makes of a kind that cannot end well before a time of its own has passed."""

    @property
    def lasts(self) -> tuple[str, timedelta]:
        """The parameter that says how long, and that time: a timeout that is not longer fails it each time."""
        ...


Known = Mapping[str, type[Kind]]
"""The kinds that this release has, by name."""

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)

HARMLESS = frozenset({"preflight", "wait-for", "notify"})
"""Kinds of steps that change nothing. A run of these alone needs no approval, so the list is short and closed."""

_PLACES: Mapping[str, frozenset[str]] = {
    "soak": frozenset({"after"}),
    "change": frozenset({"before"}),
    "change-close": frozenset({"after"}),
    "incident": frozenset({"before", "after", "hold"}),
    "metric": frozenset({"before", "after", "hold"}),
}
"""Where a kind of gate may stand; those that are not here before and after, but not as a hold."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_LONGEST_NAME = 40
_DAY = timedelta(days=1)


def read_playbook(root: Table, digest: str, origin: str, steps: Known, gates: Known) -> Playbook:
    """The playbook of a document. What is wrong in it is noted there: the caller calls `finish` before it is used."""
    changes = _choice(root, "changes", Changes, None)
    read = _Reader(steps, gates)
    playbook = Playbook(
        name=root.text("name", check=_wrong_name),
        title=root.text("title"),
        purpose=" ".join(root.text("purpose").split()),
        changes=changes,
        steps=tuple(read.step(each, changes) for each in root.tables("steps")),
        stages=tuple(read.stage(each) for each in root.tables("stages")),
        freezes=root.texts("freezes", ()),
        holds=tuple(read.gate(each, hold=True) for each in root.tables("holds")),
        origin=origin,
        digest=digest,
    )
    _note_torn(root.tables("steps"), playbook.steps)
    for key in ("steps", "stages", "holds"):
        _note_repeated(root.tables(key))
        if key != "holds" and not root.tables(key):
            root.mistake("", f"has no [[{key}]]", f"add at least one [[{key}]]")
    _note_hidden(root.tables("stages"))
    return playbook


class _Reader:
    def __init__(self, steps: Known, gates: Known) -> None:
        self._steps = steps
        self._gates = gates

    def step(self, table: Table, changes: Changes) -> StepSpec:
        kind = table.text("kind", choices=sorted(self._steps))
        each_hop = table.boolean("each_hop", False)
        if kind in self._steps:
            _note_undeclared(table, kind, changes)
            _note_hopless(table, kind, changes, each_hop=each_hop)
        timeout = _duration(table, "timeout", timedelta(hours=1))
        params = _params(table, self._steps.get(kind), TEMPLATES.get(kind, dict), timeout)
        _note_sideless(table, kind, params, changes, each_hop=each_hop)
        return StepSpec(
            name=table.text("name", check=_wrong_name),
            kind=kind,
            params=params,
            timeout=timeout,
            retries=table.integer("retries", 0, minimum=0, maximum=20),
            backoff=_duration(table, "backoff", timedelta(minutes=1)),
            version=_version(self._steps.get(kind)),
            each_hop=each_hop,
        )

    def gate(self, table: Table, *, hold: bool = False) -> GateSpec:
        kind = table.text("kind", choices=sorted(self._gates))
        when = When.BEFORE if hold else _choice(table, "when", When, When.BEFORE)
        _note_misplaced(table, kind, "hold" if hold else when.value)
        timeout = 7 * _DAY if hold else _duration(table, "timeout", 7 * _DAY)
        return GateSpec(
            name=table.text("name", check=_wrong_name),
            kind=kind,
            when=when,
            params=_params(table, self._gates.get(kind), dict, timeout),
            each_group=False if hold else table.boolean("each_group", False),
            timeout=timeout,
            version=_version(self._gates.get(kind)),
            only=table.text("only", choices=sorted(NEEDS)) if not hold and table.has("only") else "",
        )

    def stage(self, table: Table) -> StageSpec:
        group_by = table.text("group_by", "", check=_wrong_attribute)
        if table.has("group_concurrency") and not group_by:
            table.mistake("group_concurrency", "is set, but the stage has no groups", 'set group_by = "region", say')
        gates = table.tables("gates")
        found = tuple(self.gate(each) for each in gates)
        for each, gate in zip(gates, found, strict=True):
            if gate.each_group and not group_by:
                each.mistake("each_group", "is set, but the stage has no groups", 'set group_by = "region", say')
        _note_repeated(gates)
        return StageSpec(
            name=table.text("name", check=_wrong_name),
            clusters=_selector(table),
            group_by=group_by,
            order=table.texts("order", (), check=lambda text: _wrong_attribute(text.removeprefix("-"))),
            max_concurrency=_amount(table, "max_concurrency", ONE, least=1),
            group_concurrency=_amount(table, "group_concurrency", ALL, least=1),
            max_failures=_amount(table, "max_failures", NONE, least=0),
            on_failure=_choice(table, "on_failure", OnFailure, OnFailure.PAUSE),
            gates=found,
            windows=read_windows(table),
        )


# ---- values


def _choice(table: Table, key: str, kind: type[Choice], default: Choice | None) -> Choice:
    """Instead of a wrong one the default or the last, which makes no further mistakes of what is right."""
    text = table.text(key, default.value if default else None, choices=[each.value for each in kind])
    return kind(text) if text in {each.value for each in kind} else default or list(kind)[-1]


def _duration(table: Table, key: str, default: timedelta) -> timedelta:
    found = table.parsed(key, parse_duration, optional=True)
    if found is not None and not timedelta() < found <= 60 * _DAY:
        table.mistake(key, "must be more than nothing and at most 60d")
    return default if found is None else found


def _amount(table: Table, key: str, default: Amount, *, least: int) -> Amount:
    value = table.plain(key) if table.has(key) else str(default)
    try:
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise ValueError('must be a count such as 5, or a percentage such as "20%"')
        found = Amount.parse(str(value))
    except ValueError as error:
        table.mistake(key, str(error))
        return default
    if found.value < least:
        table.mistake(key, f"must be at least {least}")
    return found


def _selector(table: Table) -> str:
    text = table.text("clusters", "")
    try:
        return str(Selector.parse(text))
    except UsageError as error:
        table.mistake("clusters", str(error).removeprefix("-l "))
        return ""


def _params(table: Table, kind: type[Kind] | None, template: Callable[[Params], Params], timeout: timedelta) -> Params:
    """The parameters as written. They are tried as a member will have them: what differs by member is filled in."""
    inner = table.table("params")
    written = {name: inner.plain(name) for name in inner.names()}
    found = {name: value for name, value in written.items() if value is not None}
    if kind is None or len(found) < len(written):
        return found
    try:
        _note_too_long(inner, kind.of(template(found)), timeout)
    except ParamError as error:
        for name, wrong in error.wrong.items():
            inner.mistake(name, wrong)
    return found


def _version(kind: type[Kind] | None) -> int:
    return int(kind.version) if kind else 1


# ---- what does not fit together


def _wrong_name(text: str) -> str:
    fits = _NAME.fullmatch(text) and len(text) <= _LONGEST_NAME
    return "" if fits else f"must be small letters, digits and single hyphens, at most {_LONGEST_NAME}"


def _wrong_attribute(text: str) -> str:
    known = not text or text in KEYS or (text.startswith("tag:") and text != "tag:")
    return "" if known else f"must be one of {', '.join(KEYS)} or tag:NAME"


def _note_too_long(params: Table, made: object, timeout: timedelta) -> None:
    if not isinstance(made, Lasting):
        return
    name, length = made.lasts
    if length >= timeout:
        params.mistake(
            name,
            f"lasts {duration_text(length)}, and its timeout of {duration_text(timeout)} fails it before",
            f"set a timeout of more than {duration_text(length)}, with room for what comes after that time",
        )


def _note_repeated(tables: Sequence[Table]) -> None:
    seen: set[str] = set()
    for table in tables:
        name = str(table.plain("name") or "")
        if name and name in seen:
            table.mistake("name", f"{name} is there twice")
        seen.add(name)


def _note_hidden(stages: Sequence[Table]) -> None:
    for each in stages[:-1]:
        if not each.plain("clusters"):
            each.mistake(
                "", "takes every cluster, so no stage after it gets any", "set clusters, or move it to the end"
            )


def _note_undeclared(table: Table, kind: str, changes: Changes) -> None:
    if changes is Changes.NOTHING and kind not in HARMLESS:
        table.mistake(
            "kind",
            f'may change something, and the playbook says changes = "{changes}", for which nobody is asked',
            f"use only {_listed(HARMLESS)}, or say what the playbook changes",
        )
    elif kind in CHANGERS and changes not in CHANGERS[kind]:
        words = " or ".join(f'"{each}"' for each in Changes if each in CHANGERS[kind])
        table.mistake("kind", f'{kind} belongs to changes = {words}, and the playbook says changes = "{changes}"')


def _note_hopless(table: Table, kind: str, changes: Changes, *, each_hop: bool) -> None:
    """The block of hops is of upgrades alone, and has what means nothing outside of it."""
    if each_hop and changes is not Changes.MINOR:
        table.mistake("each_hop", f'is set, and changes = "{changes}" has no hops', 'only changes = "minor" has')
    if not each_hop and changes is Changes.MINOR and kind in OF_HOPS:
        table.mistake("kind", f"{kind} is done in each hop", "set each_hop = true")


def _note_sideless(table: Table, kind: str, params: Params, changes: Changes, *, each_hop: bool) -> None:
    """In the block a step that may stand on either side of the control plane says on which; elsewhere there is none."""
    inner = table.table("params")
    if each_hop and kind in SIDED and WHEN not in params:
        inner.mistake(WHEN, "is missing", f'{kind} stands "before" or "after" the control plane of its hop')
    if not each_hop and kind in SIDED and WHEN in params:
        inner.mistake(WHEN, "is set, and the step is in no hop", "set each_hop = true, or leave it out")
    if kind == "update-addon" and params.get("version") == BEFORE and changes is not Changes.ROLLBACK:
        inner.mistake("version", '"before" is the version from before an upgrade', 'only changes = "rollback" has one')
    if each_hop and kind == "update-addon" and is_exact(params):
        inner.mistake("version", "one version does not go with every minor on the way", 'use "latest" or "default"')


def _note_torn(tables: Sequence[Table], steps: Sequence[StepSpec]) -> None:
    """What is repeated for each hop stands together: a step between would have to be in the block, or outside."""
    hops = [idx for idx, step in enumerate(steps) if step.each_hop]
    for idx in range(hops[0], hops[-1]) if hops else ():
        if not steps[idx].each_hop:
            tables[idx].mistake(
                "", "stands between steps with each_hop", "set each_hop = true, or move it before or after them"
            )


def _note_misplaced(table: Table, kind: str, place: str) -> None:
    places = _PLACES.get(kind, frozenset({"before", "after"}))
    if place in places:
        return
    if place == "hold":
        holds = [name for name, where in sorted(_PLACES.items()) if "hold" in where]
        table.mistake("kind", f"{kind} is no hold, which is asked again before each step", f"use {_listed(holds)}")
    else:
        key = "when" if table.has("when") else "kind"
        table.mistake(key, f"a gate of kind {kind} stands only {_listed(places - {'hold'})} its stage")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
