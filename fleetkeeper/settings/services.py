"""How much of a service may be unavailable at once: [[engine.services]]."""

from fleetkeeper.config import ServiceLimit
from fleetkeeper.documents import Table


def read_services(tables: tuple[Table, ...]) -> tuple[ServiceLimit, ...]:
    found: dict[str, ServiceLimit] = {}
    for each in tables:
        limit = ServiceLimit(each.text("name"), each.integer("max_unavailable_regions", 1, minimum=1, maximum=100))
        if limit.name in found:
            each.mistake("name", f"{limit.name} is listed twice")
        found[limit.name] = limit
    return tuple(found.values())
