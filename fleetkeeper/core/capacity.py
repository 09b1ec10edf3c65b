"""What one more node of an instance type takes from an account: vCPUs of which quota, and addresses of its subnet.

Sizes are told by the type's name alone, as no read of DescribeInstanceTypes stands behind them: `large` has 2 vCPUs,
`xlarge` 4, `<n>xlarge` n times 4. That and the addresses of an interface are general knowledge, of medium confidence;
the names of the quotas are EC2's (EC2 User Guide, using-spot-limits, 2026).
"""

import re
from collections.abc import Iterable

from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import Pool
from fleetkeeper.core.observed import Quota

_TYPE = re.compile(r"(?P<family>[a-z]+)(?:-[a-z0-9]+)?\d?[a-z0-9-]*\.(?:metal-)?(?P<size>[a-z0-9]+)")
_TIMES = re.compile(r"(\d{1,3})xl(?:arge)?")
_SMALL = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_ON_DEMAND = re.compile(r"Running On-Demand (?P<families>.+) instances")
_SPOT = re.compile(r"All (?P<families>.+) Spot Instance Requests")
_IN_BRACKETS = re.compile(r"\((.+)\)")
_BETWEEN = re.compile(r", | and ")
_SAID = {"high memory": "u"}
_STORAGE = frozenset({"im", "is"})  # im4gn and is4gen count as I


def vcpus(instance_type: str) -> int | None:
    """None for a size that its name does not tell, such as `metal`. An Arm `medium` has one, and counts as two."""
    found = _TYPE.fullmatch(instance_type)
    if not found:
        return None
    times = _TIMES.fullmatch(found["size"])
    return 4 * int(times[1]) if times else _SMALL.get(found["size"])


def family(instance_type: str) -> str:
    """The letters that a type begins with, by which quotas count it: `m`, `vt`; the whole text of what is no type."""
    found = _TYPE.fullmatch(instance_type)
    return found["family"] if found else instance_type


def addresses(instance_type: str) -> int:
    """Addresses of one network interface, primary ones among them; the VPC CNI keeps one interface in use and one warm.

    By the size of today's types; an unknown size counts as a large one.
    """
    cores = vcpus(instance_type) or 16
    if cores < 4:
        return 10
    return 15 if cores <= 8 else 30 if cores <= 48 else 50


def quota_of(instance_type: str, quotas: Iterable[Quota], *, spot: bool) -> Quota | None:
    """The quota of EC2 that counts this type, found by its name: `Running On-Demand G and VT instances`."""
    letters = family(instance_type)
    pattern = _SPOT if spot else _ON_DEMAND
    for quota in quotas:
        name = pattern.fullmatch(quota.name) if quota.service == "ec2" else None
        if name and letters in _families(name["families"]):
            return quota
    return None


def counts_instances(quota_name: str) -> bool:
    """Whether a quota of EC2 is one that `quota_of` may find."""
    return bool(_ON_DEMAND.fullmatch(quota_name) or _SPOT.fullmatch(quota_name))


def _families(text: str) -> set[str]:
    """`Standard (A, C, D)`, `G and VT`, `P`, `High Memory` as the letters that instance types begin with."""
    inner = _IN_BRACKETS.search(text)
    said = (each.strip().lower() for each in _BETWEEN.split(inner[1] if inner else text))
    families = {_SAID.get(each, each) for each in said}
    return families | _STORAGE if "i" in families else families


def launches_instances(pool: Pool) -> bool:
    """Whether the pool's nodes are instances of this account that a quota and its subnets hold."""
    return pool.kind not in (ComputeKind.FARGATE, ComputeKind.HYBRID)
