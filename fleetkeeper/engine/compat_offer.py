"""Asks EKS once which minors and addon versions it has: what it answers is the same for all clusters of a partition."""

from fleetkeeper.core.compat_update import Offer
from fleetkeeper.core.support import Phase, support_at
from fleetkeeper.engine.ports import Clock, Cloud, Clouds
from fleetkeeper.errors import GapReason, ReadError


def ask(clouds: Clouds, clock: Clock) -> Offer:
    """The answer of the first account and region that gives one; the ReadError of the last when none does."""
    scopes, gaps = clouds.open()
    failed = ReadError("no account and region is configured", GapReason.NOT_CONFIGURED)
    for subject, gap in gaps.items():
        failed = ReadError(f"{subject}: {gap.detail}", gap.reason)
    for cloud in scopes:
        try:
            return _answer(cloud, clock)
        except ReadError as error:
            failed = error
    raise failed


def _answer(cloud: Cloud, clock: Clock) -> Offer:
    now = clock.now()
    versions = cloud.cluster_versions()
    ended = Phase.UNSUPPORTED
    minors = sorted({v.minor for v in versions if support_at(now, v.minor, (v,)).phase is not ended})
    releases = tuple(release for minor in minors for release in cloud.addon_releases(minor))
    return Offer(str(cloud.scope), now.date(), versions, tuple(minors), releases)
