"""The fleet, its nodes, addons and changes as tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.text import Text

from fleetkeeper.cli.tables import Column, age, day, indented, table
from fleetkeeper.core import parts
from fleetkeeper.core.addons import AddonRow
from fleetkeeper.core.changes import ChangeRow
from fleetkeeper.core.fleet import EachNode, FleetRow, GapRow, NodeRow
from fleetkeeper.core.model import FoundBy, Node
from fleetkeeper.core.support import Phase
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Version
from fleetkeeper.core.way_back import countdown, left

_MOST_GAPS = 20
_MOST_PARTS = 7
_MOST_WAYS = 5

_CLUSTER = Column("CLUSTER", most=24)
_NAMED = Column("CLUSTER", most=40)
_FLEET = (
    _CLUSTER,
    Column("ACCOUNT", most=15),
    Column("REGION", most=14),
    Column("ENV", most=10),
    Column("K8S"),
    Column("SUPPORT"),
    Column("NODES", most=18),
    Column("COMPUTE", wraps=True),
)
_ROLLBACK = Column("ROLLBACK")
_FLEET_WIDE = (*_FLEET[:-1], _ROLLBACK, Column("ADDONS", right=True), Column("SEEN"), Column("RING"), Column("COMPUTE"))


def show_clusters(
    console: Console, rows: Sequence[FleetRow], gaps: Sequence[GapRow], now: datetime, at: bool = False
) -> None:
    """The fleet table, then what is not seen and what to do about it; `at` when it is the fleet of another time."""
    if at and not rows:
        console.print(f"No cluster was known at {now:%Y-%m-%d %H:%M} UTC.")
        return
    if not rows and not gaps:
        console.print("No clusters yet: run `fleetkeeper observe`; `fleetkeeper config show` says where it looks.")
        return
    body = [(*_identity(row, now), ", ".join(row.compute) or "?") for row in rows]
    console.print(table(_FLEET, body, console.width))
    console.print(Text(f"\n{_summary(rows, now)}", style="dim"))
    if any(not row.placement.mapped for row in rows):
        console.print(Text("* no tag, account, OU or rule maps it: counts as production", style="dim"))
    for line in _ways_back(rows, now):
        console.print(line)
    if gaps:
        console.print(_gaps(gaps, now))


def _ways_back(rows: Sequence[FleetRow], now: datetime) -> Iterator[Text]:
    """For the week after an upgrade; the first to end first. The table has no room for a column of it."""
    open_ = sorted(
        (row.rollback.until, row.name, str(row.id), countdown(row.rollback, now))
        for row in rows
        if row.rollback.is_possible and row.rollback.until is not None
    )
    if open_:
        yield Text("\nWays back", style="bold")
    for _, name, _, text in open_[:_MOST_WAYS]:
        yield Text(f"{name}: {text}")
    if len(open_) > _MOST_WAYS:
        yield Text(f"and {len(open_) - _MOST_WAYS} more, later: fleetkeeper get clusters -o wide", style="dim")


def show_clusters_wide(console: Console, rows: Sequence[FleetRow], gaps: Sequence[GapRow], now: datetime) -> None:
    """The same with more columns, as wide as it needs to be."""
    body = [
        (
            *_identity(row, now),
            _rollback(row, now),
            _addons(row),
            age(row.observed_at, now),
            row.placement.ring or "-",
            ", ".join(row.compute) or "?",
        )
        for row in rows
    ]
    console.print(table(_FLEET_WIDE, body, console.width))
    if gaps:
        console.print(_gaps(gaps, now))


def _identity(row: FleetRow, now: datetime) -> tuple[str | Text, ...]:
    return (
        row.name,
        row.account_name or row.account or "-",
        row.region or "-",
        _environment(row),
        str(row.version or "?"),
        _support(row),
        _nodes(row, now),
    )


def _environment(row: FleetRow) -> str:
    name = "prod" if row.placement.environment == "production" else row.placement.environment
    return name if row.placement.mapped else f"{name}*"


def _support(row: FleetRow) -> Text:
    if row.support is None or row.support.phase is Phase.UNKNOWN:
        return Text("?")
    until = day(row.support.ends_at)
    return {
        Phase.STANDARD: Text(f"to {until}", style="green"),
        Phase.EXTENDED: Text(f"ext {until}", style="yellow"),
        Phase.UNSUPPORTED: Text(f"ended {until}", style="red"),
    }[row.support.phase]


def _nodes(row: FleetRow, now: datetime) -> Text:
    if row.nodes is None:
        return Text("?", style="yellow")
    behind = [str(k) for k in row.kubelets if row.version and k != row.version]
    text = f"{row.nodes}" + (f" ({', '.join(behind)})" if behind else "")
    return Text(f"{text} {age(row.observed_at, now)} old", style="yellow") if row.stale else Text(text)


def _rollback(row: FleetRow, now: datetime) -> Text:
    """`1.35 for 5 d 3 h`; yellow where something must be done first."""
    way = row.rollback
    if not way.is_possible:
        return Text("?" if way.unknown else "-", style="dim")
    return Text(f"{way.to} for {left(way, now)}", style="yellow" if way.first else "")


def _addons(row: FleetRow) -> str:
    if row.addons is None:
        return "?"
    return f"{row.addons}" + ("+?" if row.addons_not_seen else "")


def _summary(rows: Sequence[FleetRow], now: datetime) -> str:
    clusters = f"{len(rows)} cluster{'' if len(rows) == 1 else 's'}"
    seen = [row.observed_at for row in rows if row.observed_at]
    when = f", last seen {age(max(seen), now)} ago" if seen else ""
    gaps = sum(1 for row in rows if row.gaps)
    return f"{clusters}{when}; " + (f"{gaps} with parts that are not seen." if gaps else "nothing is missing.")


def _gaps(gaps: Sequence[GapRow], now: datetime) -> RenderableType:
    lines: list[RenderableType] = [Text("\nNot seen", style="bold")]
    for row in gaps[:_MOST_GAPS]:
        what = _parts(row.parts)
        lines.append(Text(f"{safe(row.subject, 120)}: {what}, since {age(row.gap.since, now)}", style="yellow"))
        lines.append(indented(f"{row.gap.reason.value}: {row.gap.detail}", style="dim"))
        lines.append(indented(f"→ {row.fix}"))
    if len(gaps) > _MOST_GAPS:
        lines.append(Text(f"and {len(gaps) - _MOST_GAPS} more: fleetkeeper get clusters -o json"))
    return Group(*lines)


class _OfCluster(Protocol):
    """A row that belongs to a cluster."""

    @property
    def cluster(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def region(self) -> str: ...


def _names(rows: Sequence[_OfCluster]) -> Callable[[_OfCluster], str]:
    """How to call a row's cluster: by its name, with account and region where several have that name."""
    places: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        places.setdefault(row.cluster, set()).add((row.account, row.region))

    def name(row: _OfCluster) -> str:
        return row.cluster if len(places[row.cluster]) == 1 else f"{row.cluster} {row.account}/{row.region}"

    return name


def show_nodes(console: Console, rows: Sequence[NodeRow]) -> None:
    names = _names(rows)
    columns = (
        _NAMED,
        Column("GROUP", most=20),
        Column("KIND", wraps=True),
        Column("KUBELET"),
        Column("IMAGE", most=30),
        Column("NODES", right=True),
        Column("READY", right=True),
    )
    body = [
        (
            names(r),
            r.line.group or "-",
            ", ".join((r.line.kind.value, *r.line.traits)),
            _number(r.line.kubelet) or "-",
            r.line.image,
            str(r.line.count),
            str(r.line.ready) if r.line.ready == r.line.count else Text(str(r.line.ready), style="yellow"),
        )
        for r in rows
    ]
    console.print(table(columns, body, console.width))


def _number(kubelet: str) -> str:
    """`v1.34.2-eks-8f2a1c0` as 1.34.2: the build is in the JSON output."""
    try:
        return str(Version.parse(kubelet).core)
    except ValueError:
        return kubelet


def show_each_node(console: Console, rows: Sequence[EachNode], now: datetime) -> None:
    names = _names(rows)
    columns = (
        _NAMED,
        Column("NODE", most=34),
        Column("GROUP", most=16),
        Column("KUBELET"),
        Column("AGE", right=True),
        Column("STATE", wraps=True),
    )
    body = [
        (
            names(r),
            r.node.name,
            r.node.group or "-",
            _number(r.node.kubelet),
            age(r.node.created_at, now),
            _state(r.node),
        )
        for r in rows
    ]
    console.print(table(columns, body, console.width))


def _state(node: Node) -> str:
    return ("ready" if node.ready else "not ready") + ("" if node.schedulable else ", cordoned")


_FOUND = {FoundBy.EKS: "eks", FoundBy.HELM: "helm", FoundBy.IMAGE: "image", FoundBy.CRD: "crd"}


def show_addons(console: Console, rows: Sequence[AddonRow], not_seen: Mapping[str, Sequence[str]]) -> None:
    names = _names(rows)
    columns = (
        _NAMED,
        Column("ADDON", most=28),
        Column("VERSION", most=20),
        Column("EKS OFFERS", most=20),
        Column("FOUND"),
        Column("WHERE", wraps=True),
    )
    body = [
        (
            names(r),
            r.addon.id,
            r.addon.version or "?",
            r.newest if r.newest != r.addon.version else "",
            _FOUND[r.addon.found_by],
            "" if r.addon.found_by is FoundBy.EKS else r.addon.where,
        )
        for r in rows
    ]
    console.print(table(columns, body, console.width))
    for cluster, sources in not_seen.items():
        console.print(Text(f"{safe(cluster, 120)}: more may run there; not seen: {', '.join(sources)}", style="yellow"))


def show_changes(console: Console, rows: Sequence[ChangeRow]) -> None:
    if not rows:
        console.print("No changes in that time.")
        return
    columns = (Column("TIME (UTC)"), _NAMED, Column("WHAT", most=32), Column("CHANGE", wraps=True))
    names = _names(rows)
    body = [(r.at.strftime("%Y-%m-%d %H:%M"), names(r), r.what, r.change) for r in rows]
    console.print(table(columns, body, console.width))


def _parts(names: Sequence[str]) -> str:
    """The parts by name, or in a word when there are many."""
    if len(names) <= _MOST_PARTS:
        return ", ".join(name.replace("_", " ") for name in names)
    return "all of it" if parts.CONTROL_PLANE in names else "most of what its API server says"
