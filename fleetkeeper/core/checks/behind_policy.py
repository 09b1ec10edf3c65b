"""FK101: the cluster is on an older minor than the policy of its ring asks for.

The target and its day come from the operator's policy; nothing breaks on that day by itself.
"""

from collections.abc import Iterator
from datetime import timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Breaks, Evidence, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Policy, Snapshot
from fleetkeeper.core.wording import counted, day

SOON = timedelta(days=30)


@check("FK101", "Version is behind the policy", needs=(parts.CONTROL_PLANE,), each_hop=False)
def behind_policy(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning from thirty days before the policy's day on; until then it is only told."""
    policy = snap.policy
    if policy.target is None or hop.source >= policy.target:
        return
    behind = counted(policy.target.minor - hop.source.minor, "minor")
    near = policy.deadline is not None and policy.deadline - snap.now <= SOON
    yield Finding(
        code="FK101",
        severity=Severity.WARNING if near else Severity.INFO,
        subject=CLUSTER,
        message=f"{hop.source} is {behind} behind {policy.target}, which its policy asks for{_due(snap, policy)}",
        fix=f"upgrade to {hop.target}" + (f", then on to {policy.target}" if hop.target < policy.target else ""),
        breaks=Breaks.NOTHING,
        deadline=policy.deadline,
        evidence=(Evidence("policy", policy.reason or "the target of its ring"),),
    )


def _due(snap: Snapshot, policy: Policy) -> str:
    if policy.deadline is None:
        return ""
    left = policy.deadline - snap.now
    when = f"in {counted(left.days, 'day')}" if left >= timedelta(0) else f"{counted(-left.days, 'day')} ago"
    return f" by {day(policy.deadline)} ({when})"
