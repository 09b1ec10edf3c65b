"""Which minor a cluster should be on, and by when: the first rule of the operator that fits the cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Policy
from fleetkeeper.core.support import Phase, support_of
from fleetkeeper.core.versions import Minor

BEHIND = 1
"""Without a rule: one minor behind the newest in standard support."""


@dataclass(frozen=True, slots=True)
class TargetRule:
    """clusters: whom it is for. Either minor, or behind: so many minors behind the newest in standard support.

    before is the day by which it should be done, None for the end of the present minor's standard support.
    """

    clusters: Selector = Selector()
    minor: Minor | None = None
    behind: int = BEHIND
    before: date | None = None
    surge_nodes: int = 1
    origin: str = ""


def policy_for(
    cluster: Mapping[str, str],
    at: Minor,
    rules: Iterable[TargetRule],
    cloud: Iterable[SupportedVersion],
    compat: Compat,
    now: datetime,
) -> Policy:
    """The policy of a cluster that is at a minor; target None where no minor in standard support is known."""
    versions = tuple(cloud)
    rule = next((each for each in rules if each.clusters.accepts(cluster)), TargetRule())
    target = rule.minor or _newest_minus(rule.behind, versions, compat, now)
    support = support_of(at, versions, compat, now)
    ends = support.ends_at if support.phase is Phase.STANDARD else None
    before = datetime.combine(rule.before, time(), UTC) if rule.before else None
    deadline = min((each for each in (before, ends) if each), default=None)
    return Policy(target, deadline, rule.origin or "the default: one minor behind the newest", rule.surge_nodes)


def _newest_minus(behind: int, cloud: tuple[SupportedVersion, ...], compat: Compat, now: datetime) -> Minor | None:
    """The newest minor in standard support, less so many, but never one out of standard support."""
    known = {*(each.minor for each in cloud), *compat.minors()}
    standard = sorted(m for m in known if support_of(m, cloud, compat, now).phase is Phase.STANDARD)
    return standard[max(0, len(standard) - 1 - behind)] if standard else None
