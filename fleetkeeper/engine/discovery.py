"""What discovery could not list is remembered until it can; what is configured no more is forgotten."""

from collections.abc import Mapping, Set

from fleetkeeper.core import model, parts
from fleetkeeper.engine.ports import Observation, Ports

NO_REGION = "-"
"""Stands in a scope for an organization or account as a whole."""


def remember_discovery(ports: Ports, opened: Set[model.Scope], gaps: Mapping[str, model.Gap]) -> None:
    """Store the gaps of a discovery, and end those of earlier ones that are gone.

    After a discovery without gaps, clusters of scopes that it did not name are out of the fleet: the operator or the
    organization took them away.
    """
    failed = {model.Scope(name, NO_REGION): gap for name, gap in gaps.items()}
    for scope, gap in failed.items():
        ports.store.save(scope, [Observation(parts.CLUSTERS, None, gap, gap.since)])
    for scope in ports.store.scopes():
        if scope in opened or scope in failed or (gaps and scope.region != NO_REGION):
            continue
        now = ports.clock.now()
        ports.store.mark_gone(scope, [], now)
        listed = ports.store.scope_parts(scope).get(parts.CLUSTERS)
        if listed and listed.gap:
            ports.store.save(scope, [Observation(parts.CLUSTERS, (), None, now)])


def not_listed(scopes: Mapping[model.Scope, Mapping[str, model.Part[object]]]) -> dict[str, model.Gap]:
    """Organization, account or scope → why its clusters could not be listed at the last try."""
    found = {scope: seen.get(parts.CLUSTERS) for scope, seen in scopes.items()}
    return {_text(scope): part.gap for scope, part in sorted(found.items()) if part and part.gap}


def _text(scope: model.Scope) -> str:
    return scope.account if scope.region == NO_REGION else str(scope)
