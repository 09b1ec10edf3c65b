"""The lines in front of addresses: whose turn it is, without a look at every message that waits.

The outbox alone says what waits; a line's row is made of it anew whenever one of its messages moved. Locks are taken in
one order everywhere: notices, then the outbox, then lines, each by their keys. A claim waits for nobody's.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.bulk import insert_missing, mark, select_by_keys, select_keys, update_keys

Address = tuple[str, str]
"""(via, address)."""

_LINE = ("due", "urgent_due", "since")


def line_up(connection: sa.Connection, addresses: Collection[Address]) -> None:
    """Bring the lines of these addresses to what the outbox says now."""
    keys = sorted(set(addresses))
    queue = tables.outbox_queue
    insert_missing(connection, queue, ("via", "address"), keys)
    select_keys(connection, queue, ("via",), keys, lock=True)  # what others wrote until here is seen from here on
    rows = select_by_keys(connection, queue, _fronts(), keys)
    update_keys(connection, queue, _LINE, [(*_line(*row[2:]), *row[:2]) for row in rows])


def hold(connection: sa.Connection, until: Mapping[Address, Any]) -> None:
    """Nothing more to these addresses before then (by the wall). Their lines were brought up to date before."""
    own = tables.outbox_queue
    keys = sorted(until)
    rows = select_keys(connection, own, ("via", "address", "free_at"), keys)
    later = [
        (until[via, address], via, address) for via, address, free in rows if not free or free < until[via, address]
    ]
    update_keys(connection, own, ("free_at",), later)


def first_in_line(connection: sa.Connection, addresses: Collection[Address], urgent: bool, now: Any) -> tuple[str, ...]:
    """The keys of the messages that stand first in these lines and may go."""
    shown = _front("key", urgent, f"<= {mark(connection)}")
    rows = select_by_keys(connection, tables.outbox_queue, shown, sorted(addresses), (now,))
    return tuple(key for (key,) in rows if key is not None)


def nearest(moments: Iterable[datetime | None]) -> datetime | None:
    return min(filter(None, moments), default=None)


@cache
def _fronts() -> str:
    shown = [_front(column, urgent, "IS NOT NULL") for urgent in (True, False) for column in ("due", "stored_at")]
    return ", ".join(["t.via", "t.address", "t.served_at", *shown])


@cache
def _front(column: str, urgent: bool, due: str) -> str:
    return f"""(
        SELECT o.{column} FROM outbox o WHERE o.via = t.via AND o.address = t.address
        AND o.is_urgent = {"TRUE" if urgent else "FALSE"} AND o.due {due} ORDER BY o.due, o.stored_at, o.key LIMIT 1
    )"""


def _line(served: Any, urgent: Any, urgent_since: Any, plain: Any, plain_since: Any) -> tuple[Any, ...]:
    """The values of _LINE. Moments are the driver's; they sort as they are."""
    fronts = sorted(front for front in ((urgent, urgent_since), (plain, plain_since)) if front[0] is not None)
    if not fronts:
        return None, None, None
    due, since = fronts[0]
    return _not_before(due, served), _not_before(urgent, served), since


def _not_before(due: Any, served: Any) -> Any:
    return due if due is None or served is None or due > served else served
