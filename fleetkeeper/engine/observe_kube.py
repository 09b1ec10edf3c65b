"""Reads what one cluster's own API server says, part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.api_search import api_names, live_kinds
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.field_owners import AddonObject
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Kube
from fleetkeeper.engine.reading import Reading
from fleetkeeper.errors import GapReason, ReadError

# After one of these the API server's other parts are not tried: each would only wait as long for the same answer.
_HOPELESS = frozenset({GapReason.UNREACHABLE, GapReason.TIMEOUT, GapReason.UNAUTHENTICATED, GapReason.WRONG_ENDPOINT})

Look = tuple[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class KubeLook:
    """What is asked of one API server. last gives the last good value of a part, None when there is none.

    minor decides which API versions may be called; objects are those of EKS addons; resting parts are not read now.
    """

    minor: Minor
    compat: Compat
    last: Callable[[str], Any]
    helm_secrets: bool
    objects: tuple[AddonObject, ...] = ()
    resting: frozenset[str] = frozenset()

    def read(self, kube: Kube, reading: Reading, is_cancelled: Callable[[], bool]) -> None:
        """Every part that does not rest ends as a value or a gap, as far as there was time."""
        looks = self._looks(kube, reading)
        for part, look in looks:
            if is_cancelled():
                return
            if part in self.resting or reading.gap(part) is not None:
                continue
            reading.read(part, look)
            gap = reading.gap(part)
            if gap is not None and gap.reason in _HOPELESS:
                reading.miss_all((name for name, _ in looks), gap)
                return
        if parts.CUSTOMISED not in self.resting:  # it is set where those objects are
            reading.proxy_mode = reading.attempt((), kube.proxy_mode)

    def _looks(self, kube: Kube, reading: Reading) -> tuple[Look, ...]:
        return (
            (parts.NODES, kube.nodes),
            (parts.WORKLOADS, kube.workloads),
            (parts.PODS, kube.pods),
            (parts.NAMESPACES, kube.namespaces),
            (parts.CRDS, kube.crds),
            *(self._helm(kube) if self.helm_secrets else ()),
            (parts.POD_NOTES, kube.pod_notes),
            (parts.BUDGETS, kube.budgets),
            (parts.VOLUMES, kube.volumes),
            (parts.WEBHOOKS, kube.webhooks),
            (parts.API_SERVICES, kube.api_services),
            (parts.GITOPS, lambda: self._gitops(kube, reading)),
            (parts.API_USE, kube.api_use),
            (parts.OBJECT_TRACES, lambda: self._traces(kube, reading)),
            (parts.CUSTOMISED, lambda: kube.customised(self.objects)),
        )

    def _gitops(self, kube: Kube, reading: Reading) -> tuple[observed.GitOpsApp, ...]:
        crds: Any = reading.value(parts.CRDS)
        known = self.last(parts.CRDS) if crds is None else crds
        if known is None:
            gap = reading.gap(parts.CRDS)
            raise ReadError("which definitions there are was not seen", gap.reason if gap else GapReason.NOT_READ)
        return kube.gitops(known)

    def _traces(self, kube: Kube, reading: Reading) -> tuple[observed.ObjectTrace, ...]:
        crds: Any = reading.value(parts.CRDS)
        known = self.last(parts.CRDS) if crds is None else crds
        return kube.object_traces(live_kinds(self.compat.apis, self.minor, known or ()))

    def _helm(self, kube: Kube) -> tuple[Look, ...]:
        names = api_names(self.compat.apis)
        known: dict[str, model.HelmRelease] = {each.key: each for each in self.last(parts.HELM_RELEASES) or ()}
        use = self.last(parts.HELM_USE) or observed.HelmUse()
        return (
            (parts.HELM_RELEASES, lambda: kube.helm_releases(known, names)),
            (parts.HELM_USE, lambda: kube.helm_use(use, names)),
        )
