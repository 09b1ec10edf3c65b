"""Plans as the texts that their digests cover: what is read is checked against them, or it is Tampered."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import structlog

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import insert_rows, select_keys
from fleetkeeper.adapters.store.rows import inserts
from fleetkeeper.core.plan import Header, Member, Plan
from fleetkeeper.errors import Tampered
from fleetkeeper.values import digest, from_json

_log = structlog.get_logger("store")
_MEMBER = ("plan_id", "idx", "body")


def save_plan(connection: sa.Connection, plan: Plan, header: str, members: Sequence[str]) -> None:
    """Store it once: a plan of this id that is there already stays as it is."""
    row = {
        "id": plan.header.id,
        "created_at": plan.header.created_at,
        "created_by": plan.header.created_by,
        "playbook": plan.header.playbook,
        "header": header,
        "digest": plan.digest,
        "expires_at": plan.header.expires_at,
    }
    if inserts(connection, tables.plan, row):
        rows = [(plan.header.id, idx, body) for idx, body in enumerate(members)]
        insert_rows(connection, tables.plan_member, _MEMBER, rows)


def find_plan(connection: sa.Connection, id: str) -> Plan | None:
    """By id, or by the beginning of one that only one plan has; None otherwise. Raises Tampered."""
    own = tables.plan
    row = connection.execute(sa.select(own).where(own.c.id == id)).first()
    if row is None and id:
        begins = sa.func.substr(own.c.id, 1, len(id)) == id
        found = connection.execute(sa.select(own).where(begins).limit(2)).all()
        row = found[0] if len(found) == 1 else None
    return None if row is None else _plan(row, _bodies(connection, row.id))


def all_plans(connection: sa.Connection) -> tuple[Plan, ...]:
    """Newest first. One that was tampered with is logged and left out: it must not hide the others."""
    own, members = tables.plan, tables.plan_member
    bodies: dict[str, list[str]] = {}
    for row in connection.execute(sa.select(members).order_by(members.c.plan_id, members.c.idx)):
        bodies.setdefault(row.plan_id, []).append(row.body)
    found = []
    for row in connection.execute(sa.select(own).order_by(own.c.created_at.desc(), own.c.id)):
        try:
            found.append(_plan(row, bodies.get(row.id, [])))
        except Tampered as error:
            _log.warning("plan_tampered", plan=row.id, reason=str(error))
    return tuple(found)


def header_of(id: str, text: str, expected: str) -> Header:
    """The header of a plan from its text, which must have this digest. Raises Tampered."""
    if digest(text) != expected:
        raise Tampered(f"the header of plan {id} is not the one that was made: its digest differs; make a new plan")
    try:
        return _read(text)
    except ValueError as error:
        raise Tampered(f"the header of plan {id} is of another version of fleetkeeper: {error}") from error


@lru_cache(maxsize=8)
def _read(header: str) -> Header:
    """Of a text that every tick of its run reads anew, and that is 70 KB long for a thousand members."""
    return from_json(header, Header)


def _plan(row: Any, bodies: Sequence[str]) -> Plan:
    header = header_of(row.id, row.header, row.digest)
    if header.id != row.id:
        raise Tampered(f"the plan {row.id} has the header of plan {header.id}; make a new plan")
    if tuple(map(digest, bodies)) != header.members:
        wrong = _first_difference(bodies, header.members)
        raise Tampered(f"member {wrong} of plan {row.id} is not the one that was made: its digest differs")
    try:
        return Plan(header, tuple(from_json(body, Member) for body in bodies), row.digest)
    except ValueError as error:
        raise Tampered(f"a member of plan {row.id} is of another version of fleetkeeper: {error}") from error


def _first_difference(bodies: Sequence[str], digests: Sequence[str]) -> int:
    pairs = enumerate(zip(bodies, digests, strict=False))
    return next((at for at, (body, wanted) in pairs if digest(body) != wanted), min(len(bodies), len(digests)))


def _bodies(connection: sa.Connection, plan: str) -> list[str]:
    own = tables.plan_member
    return list(connection.scalars(sa.select(own.c.body).where(own.c.plan_id == plan).order_by(own.c.idx)))


def texts_of(connection: sa.Connection, plans: Sequence[str]) -> Mapping[str, str]:
    """Plan → the text of its header, as it is stored."""
    rows = select_keys(connection, tables.plan, ("id", "header"), [(plan,) for plan in plans])
    return dict(map(tuple, rows))
