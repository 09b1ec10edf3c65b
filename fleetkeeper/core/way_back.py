"""The way back of a control plane to the minor before: whether EKS still takes it, until when, and what comes first.

EKS's rules: https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html (2026-11). One of them cannot be
seen from here: features of EKS that are on and that the older minor lacks; EKS refuses those itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core import model, parts
from fleetkeeper.core.checks.support_end import EXTENDED_EXTRA, HOURS_A_MONTH
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.support import Phase, Support, support_of
from fleetkeeper.core.verdict import Memory
from fleetkeeper.core.versions import Minor

WINDOW = timedelta(days=7)
"""How long after the end of the upgrade EKS takes a rollback; nothing overrides it."""

UPGRADE, ROLLBACK = "VersionUpdate", "VersionRollback"
MOVES = frozenset({UPGRADE, ROLLBACK})
RUNNING, SUCCESSFUL = "InProgress", "Successful"

_LONGEST_UPGRADE = timedelta(hours=2)
"""An end that was seen later than this was seen too late to count by it: the start of the update counts then."""

_AUTO_MODE = (
    "EKS Auto Mode takes its nodes back first: 12 h unless told otherwise, at most 7 days; past that it fails, "
    "and the nodes go forward again"
)


@dataclass(frozen=True, slots=True)
class First:
    """What stands in the way of a rollback and can be mended: the reason, and the next action with its command."""

    why: str
    do: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """The way back to `to` until `until`, both None where EKS takes none, for the reason `closed`.

    unknown: because something was not seen. first: what must be done before, in this order. notes: what whoever goes
    back should know.
    """

    to: Minor | None
    until: datetime | None
    closed: str = ""
    first: tuple[First, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def is_possible(self) -> bool:
        """Whether EKS takes it, perhaps after what must be done first."""
        return not self.closed


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a cluster: by live reads or from the store. updates: of the cluster itself, None: not seen.

    target: the support of the minor before. ended: when an upgrade of our own was first seen ended.
    """

    cluster: model.ClusterId
    control_plane: model.ControlPlane
    updates: tuple[EksUpdate, ...] | None
    target: Support
    ended: datetime | None = None


def way_back(seen: Standing, now: datetime) -> WayBack:
    """Judge every rule that can be seen; what is not known closes the way, for a rollback must not be promised."""
    to = seen.control_plane.version.previous()
    upgrade = _upgrade(seen)
    if isinstance(upgrade, str):
        return WayBack(None, None, upgrade, unknown=seen.updates is None)
    if why := _unsupported(seen.target):
        return WayBack(None, None, why, unknown=seen.target.phase is Phase.UNKNOWN)
    until, why = began(upgrade, seen.ended) + WINDOW, "7 days after the upgrade"
    if seen.target.phase is Phase.EXTENDED and seen.target.ends_at is not None and seen.target.ends_at < until:
        until, why = seen.target.ends_at, f"the end of the support of {to}"
    if now >= until:
        return WayBack(None, None, f"EKS took a rollback to {to} until {clock(until)}: {why}")
    return WayBack(to, until, first=tuple(_first(seen)), notes=_notes(seen.control_plane))


def way_back_of(
    cluster: model.SeenCluster,
    versions: Iterable[model.SupportedVersion] | None,
    compat: Compat,
    now: datetime,
    ended: datetime | None = None,
) -> WayBack:
    """Of a cluster as it is stored. versions: what EKS said of its minors (None: not asked); ended as in Standing."""
    plane: model.ControlPlane | None = cluster.value(parts.CONTROL_PLANE)
    if cluster.scope is None:
        return WayBack(None, None, "only EKS takes a control plane back, and this cluster is known by a kubeconfig")
    if plane is None:
        return WayBack(None, None, "its control plane was never seen", unknown=True)
    if not plane.version.minor:
        return WayBack(None, None, f"no minor comes before {plane.version}")
    support = support_of(plane.version.previous(), versions, compat, now)
    return way_back(Standing(cluster.id, plane, cluster.value(parts.UPDATES), support, ended), now)


def promised(memory: Memory) -> WayBack | None:
    """The way back that an upgrade step of ours opened, by what it remembers; None while it has not ended.

    Only the seven days are known from it; `way_back` judges the rest.
    """
    source, created, ended = (memory.get(key, "") for key in ("from", "created", "ended"))
    if not (source and created and ended):
        return None
    upgrade = EksUpdate("", UPGRADE, SUCCESSFUL, datetime.fromisoformat(created))
    return WayBack(Minor.parse(source), began(upgrade, datetime.fromisoformat(ended)) + WINDOW)


def may_go_back_to(version: Minor, updates: Iterable[EksUpdate], now: datetime) -> Minor | None:
    """The minor from which EKS's last update led to this one, as long as its way back may be open; else None."""
    move = last_move(updates)
    if move is None or move.created_at is None or (move.kind, move.minor) != (UPGRADE, version):
        return None
    return version.previous() if now < move.created_at + _LONGEST_UPGRADE + WINDOW else None


def countdown(way: WayBack, now: datetime) -> str:
    """`rollback to 1.35 possible for 5 d 3 h, until 26 Nov 14:10 UTC`, or why there is none."""
    if way.to is None or way.until is None:
        return f"no rollback: {way.closed}"
    after = f", after: {'; '.join(each.why for each in way.first)}" if way.first else ""
    return f"rollback to {way.to} possible for {left(way, now)}, until {clock(way.until)}{after}"


def left(way: WayBack, now: datetime) -> str:
    """`5 d 3 h`, `3 h 20 min`, `12 min`: rounded down, for a time to act in; "" where there is none."""
    if way.until is None:
        return ""
    minutes = max(0, int((way.until - now).total_seconds())) // 60
    days, hours = minutes // 1_440, minutes % 1_440 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def clock(at: datetime) -> str:
    """`26 Nov 14:10 UTC`."""
    return f"{at.day} {at:%b %H:%M} UTC"


def began(upgrade: EksUpdate, ended: datetime | None) -> datetime:
    """From when EKS counts, at the latest: the end of the upgrade that we saw, else its start, which is a little early.

    The store's history is not asked: it has the time of the first look after the end, which may be much later.
    """
    created = upgrade.created_at
    assert created is not None
    return ended if ended is not None and created <= ended <= created + _LONGEST_UPGRADE else created


def last_move(updates: Iterable[EksUpdate]) -> EksUpdate | None:
    """The newest change of the minor that EKS made; None where it made none that has a time."""
    moves = [
        (each.created_at, each)
        for each in updates
        if each.kind in MOVES and each.status == SUCCESSFUL and each.created_at is not None
    ]
    return max(moves, key=lambda pair: pair[0])[1] if moves else None


def _upgrade(seen: Standing) -> EksUpdate | str:
    """The update that led to the present minor; a text where none did that can be taken back."""
    version = seen.control_plane.version
    if seen.updates is None:
        return "its updates were not seen, and so not how it came to its minor"
    move = last_move(seen.updates)
    if move is None:
        return f"it was made at {version} ({seen.cluster.created_at:%Y-%m-%d}), not upgraded to it"
    if move.kind == ROLLBACK:
        return f"it was taken back to {move.minor} already: EKS goes one step back, once"
    if move.minor != version:
        return f"its last update led to {move.minor}, and it is at {version}: EKS itself, or nobody known, moved it"
    return move


def _unsupported(target: Support) -> str:
    if target.phase is Phase.UNSUPPORTED:
        return f"EKS no longer supports {target.minor}"
    if target.phase is Phase.UNKNOWN:
        return f"whether EKS still supports {target.minor} is not known"
    return ""


def _first(seen: Standing) -> Iterable[First]:
    plane = seen.control_plane
    running = next((each for each in seen.updates or () if each.status == RUNNING), None)
    if running is not None:
        yield First(f"{running.kind} {running.id} is in progress", "let it end")
    elif plane.status != "ACTIVE":
        yield First(f"{plane.name} is {plane.status}, not ACTIVE", "bring it to ACTIVE")
    if seen.target.phase is Phase.EXTENDED and plane.support_type != "EXTENDED":
        yield extended_first(plane, seen.target.minor)


def extended_first(plane: model.ControlPlane, target: Minor) -> First:
    """The support policy that a target in extended support needs, with what it costs."""
    policy = plane.support_type or "unknown"
    month = EXTENDED_EXTRA * HOURS_A_MONTH
    return First(
        f"{target} is in extended support, and the support policy of {plane.name} is {policy}",
        f"aws eks update-cluster-config --name {plane.name} --upgrade-policy supportType=EXTENDED; "
        f"extended support costs ${EXTENDED_EXTRA:.2f} more an hour, ${month:,.0f} a month, while it is on {target}",
    )


def _notes(plane: model.ControlPlane) -> tuple[str, ...]:
    return (_AUTO_MODE,) if plane.auto_mode else ()
