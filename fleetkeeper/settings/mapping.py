"""The [mapping] section, and the file of more rules that it may name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetkeeper import documents
from fleetkeeper.core.placement import MappingRule, MappingSettings
from fleetkeeper.documents import Table
from fleetkeeper.errors import ConfigError, Mistake
from fleetkeeper.settings import checks
from fleetkeeper.settings.sources import Surroundings

_SETS = {"environment", "ring", "service"}
"""What a rule sets; its other keys select."""


@dataclass(frozen=True, slots=True)
class ReadMapping:
    """The settings; of the file that [mapping] names, its mistakes and where each key of its rules is."""

    settings: MappingSettings
    mistakes: tuple[Mistake, ...]
    origins: Mapping[str, str]


def read_mapping(table: Table, around: Surroundings) -> ReadMapping:
    default = MappingSettings()
    environment_tag = table.text("environment_tag", default.environment_tag)
    ring_tag = table.text("ring_tag", default.ring_tag)
    service_tag = table.text("service_tag", default.service_tag)
    file = around.path(table, "file")
    own = table.tables("rules")
    mistakes: tuple[Mistake, ...] = ()
    root = documents.parse("", file)
    try:
        root = documents.read(Path(file)) if file else root
    except ConfigError as error:
        mistakes = error.mistakes
    others = root.tables("rules")
    rules = _rules((*own, *others))
    origins = {
        f"mapping.rules[{number}]{key.removeprefix(other.key)}": origin
        for number, other in enumerate(others, start=len(own))
        for key, origin in other.origins().items()
    }
    settings = MappingSettings(environment_tag, ring_tag, service_tag, file, rules)
    return ReadMapping(settings, mistakes + root.mistakes(), origins)


def _rules(tables: tuple[Table, ...]) -> tuple[MappingRule, ...]:
    for table in tables[:-1]:
        if not set(table.names()) - _SETS:
            table.mistake("", "matches every cluster, so no rule after it is ever used", "move it to the end")
    return tuple(_rule(table) for table in tables)


def _rule(table: Table) -> MappingRule:
    if not set(table.names()) & _SETS:
        table.mistake("", "sets nothing", "set environment, ring or service")
    return MappingRule(
        environment=table.text("environment", ""),
        ring=table.text("ring", ""),
        service=table.text("service", ""),
        accounts=table.texts("accounts", (), check=checks.account_or_name),
        ous=table.texts("ous", ()),
        names=table.texts("names", ()),
        arns=table.texts("arns", (), check=checks.arn_pattern),
        tags=table.mapping("tags", {}),
        origin=table.origin,
    )
