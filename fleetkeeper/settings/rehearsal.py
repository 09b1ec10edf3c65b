"""The [rehearsal] section: what the hours of nodes cost."""

from fleetkeeper.config import RehearsalSettings
from fleetkeeper.documents import Table


def read_rehearsal(table: Table) -> RehearsalSettings:
    """`node_hour_usd` has a price by instance type, and `default` for every other one."""
    priced = table.table("node_hour_usd")
    return RehearsalSettings({name: priced.number(name, minimum=0.0) for name in priced.names()})
