"""How many ready endpoints some services have, by as few lists as they have namespaces."""

import re
from collections.abc import Iterable, Mapping

from fleetkeeper.adapters.kube import convert_around
from fleetkeeper.adapters.kube.documents import around
from fleetkeeper.adapters.kube.endpoints import ENDPOINT_SLICES
from fleetkeeper.adapters.kube.reading import Reader

_SERVICE = "kubernetes.io/service-name"
_MOST_NAMES = 50  # of at most 63 letters, in one URL
# Whoever writes a webhook writes what he likes: a name that no service can have (RFC 1035) is not put into a selector.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def ready_endpoints(reader: Reader, services: Iterable[str]) -> Mapping[str, int]:
    """namespace/name of a service → its ready endpoints; one whose name cannot be is not there, and so not seen.

    A service of two address families has a slice for each, and an endpoint in both: the larger count is told.
    """
    names: dict[str, list[str]] = {}
    for service in sorted(services):
        namespace, _, name = service.partition("/")
        if _NAMESPACE.fullmatch(namespace) and _NAME.fullmatch(name):
            names.setdefault(namespace, []).append(name)
    found: dict[str, int] = {}
    for namespace, some in names.items():
        for start in range(0, len(some), _MOST_NAMES):
            found |= _of_namespace(reader, namespace, some[start : start + _MOST_NAMES])
    return found


def _of_namespace(reader: Reader, namespace: str, names: list[str]) -> dict[str, int]:
    ready: dict[str, dict[bool, set[str]]] = {name: {} for name in names}

    def add(document: around.EndpointSlice) -> None:
        families = ready.get((document.metadata.labels or {}).get(_SERVICE, ""))
        if families is not None:
            for address in convert_around.ready_endpoints(document):
                families.setdefault(":" in address, set()).add(address)

    reader.list(ENDPOINT_SLICES, add, namespace, {"labelSelector": f"{_SERVICE} in ({','.join(names)})"})
    return {f"{namespace}/{name}": max(map(len, families.values()), default=0) for name, families in ready.items()}
