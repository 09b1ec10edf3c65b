"""Which API versions are worth looking for in one cluster, and where their objects can be listed without calling one.

An API server counts every call of a deprecated version, and a cloud turns that count into a warning. So a kind is only
ever listed at a version that is not deprecated at the cluster's minor; of which older one wrote it, its metadata tells.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.model import Crd
from fleetkeeper.core.versions import Minor

ApiNames = frozenset[tuple[str, str]]
"""(apiVersion, kind) of each API that is deprecated or removed somewhere."""

NO_NAMES: ApiNames = frozenset()

_GENERALLY_AVAILABLE = re.compile(r"v\d+")


@dataclass(frozen=True, slots=True)
class LiveKind:
    """A kind whose objects are listed for their traces.

    places are the group/versions to ask, the best first, none of them deprecated; old the apiVersions that are told.
    lost is the apiVersion of a kind that goes without a successor, whose every object is told; "" for others.
    """

    kind: str
    resource: str  # the plural
    places: tuple[str, ...]
    old: frozenset[str]
    lost: str = ""


def api_names(apis: Apis) -> ApiNames:
    """All that a manifest may hold and that goes away somewhere."""
    built_in = {(row.api_version, row.kind) for row in apis.rows if not row.virtual}
    own = {(f"{row.group}/{row.version}", kind) for row in apis.third_party for kind in row.kinds}
    return frozenset(built_in | own)


def digest(names: ApiNames) -> str:
    """Names the set: what was looked for once need not be looked for again."""
    text = "\n".join(sorted(" ".join(each) for each in names))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def live_kinds(apis: Apis, minor: Minor, crds: Iterable[Crd]) -> tuple[LiveKind, ...]:
    """What to list in a cluster of this minor with these definitions."""
    found: dict[tuple[str, str, str], LiveKind] = {}
    for each in (*_built_in(apis, minor), *_custom(apis, crds)):
        key = each.kind, each.resource, each.places[0]
        found[key] = _joined(found[key], each) if key in found else each
    return tuple(found.values())


def _joined(one: LiveKind, other: LiveKind) -> LiveKind:
    places = tuple(dict.fromkeys((*one.places, *other.places)))
    return LiveKind(one.kind, one.resource, places, one.old | other.old, one.lost or other.lost)


def _built_in(apis: Apis, minor: Minor) -> Iterator[LiveKind]:
    """What was gone before this minor is no use of an API any more."""
    for row in apis.rows:
        if row.virtual or row.removed is None or row.removed <= minor:
            continue
        if places := _places(apis, row, minor):
            lost = "" if row.replacement else row.api_version
            yield LiveKind(row.kind, row.resource, places, frozenset((row.api_version,)), lost)


def _places(apis: Apis, row: ApiRow, minor: Minor) -> tuple[str, ...]:
    """From the row along its successors to the last one, as far as they are the same kind."""
    found: list[str] = []
    seen: set[str] = set()
    step: ApiRow | None = row
    while step is not None and step.api_version not in seen:
        seen.add(step.api_version)
        if step.deprecated is not None and step.deprecated > minor:
            found.append(step.api_version)
        if step.replacement is None or step.replacement[2] != row.kind:
            break
        group, version, kind = step.replacement
        step = apis.find(group, version, kind)
        if step is None and _GENERALLY_AVAILABLE.fullmatch(version):
            found.append(f"{group}/{version}" if group else version)
    return tuple(reversed(found))


def _custom(apis: Apis, crds: Iterable[Crd]) -> Iterator[LiveKind]:
    for crd in crds:
        old = {row.version for row in apis.third_party if row.group == crd.group and crd.kind in row.kinds}
        served = [name for name, is_served, _, is_deprecated in crd.versions if is_served and not is_deprecated]
        # A version of a row comes last: the API server does not count it, but why ask for what goes.
        places = sorted(served, key=lambda version: version in old)
        if old and places:
            yield LiveKind(
                kind=crd.kind,
                resource=crd.name.removesuffix(f".{crd.group}"),
                places=tuple(f"{crd.group}/{version}" for version in places),
                old=frozenset(f"{crd.group}/{version}" for version in old),
            )
