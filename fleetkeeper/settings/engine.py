"""The [engine] section: which cluster is fleetkeeper's own, and how much of a service may be unavailable at once."""

from fleetkeeper.config import EngineSettings
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.services import read_services


def read_engine(table: Table) -> EngineSettings:
    return EngineSettings(
        own_cluster=table.text("own_cluster", "", check=checks.cluster_arn),
        services=read_services(table.tables("services")),
    )
