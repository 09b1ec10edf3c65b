"""Reads one cluster: first what EKS says of it, then what its own API server says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fleetkeeper.core import audit, model, observed, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.detect import find_addons
from fleetkeeper.core.eks_objects import ADDON_OBJECTS
from fleetkeeper.core.field_owners import AddonObject
from fleetkeeper.engine.observe_kube import KubeLook
from fleetkeeper.engine.ports import Cloud, Kube, Listed, Ports
from fleetkeeper.engine.reading import Reading
from fleetkeeper.engine.turns import NOTHING, Turns
from fleetkeeper.errors import GapReason

# Stands in for the creation time of a cluster that is listed but was never described: EKS itself is younger than this.
NEVER_DESCRIBED = datetime(1970, 1, 1, tzinfo=UTC)

Placer = Callable[[str, str, model.Scope | None, model.Account | None, Mapping[str, str]], model.Placement]
"""(name, ARN, scope, account, cluster tags) → where the cluster stands in the fleet."""


@dataclass(frozen=True, slots=True)
class Described:
    """A cluster after EKS described it; control_plane is None when that failed and only old data stands.

    known is the control plane now, or as it was last seen; None when it never was.
    """

    id: model.ClusterId
    name: str
    cloud: Cloud
    control_plane: model.ControlPlane | None
    known: model.ControlPlane | None
    placement: model.Placement
    reading: Reading


@dataclass(frozen=True, slots=True)
class ClusterReader:
    """Reads clusters one by one; safe to use from many threads. turns: which parts may rest, None where none may."""

    ports: Ports
    place: Placer
    compat: Compat
    helm_secrets: bool
    audit_logs: bool
    turns: Turns | None = None

    def describe(self, cloud: Cloud, name: str, stored: model.ClusterId | None) -> Described:
        """What EKS says of the cluster itself; `stored` is its id as last seen, for when that cannot be read now."""
        reading = Reading(self.ports.clock, self.ports.cancel, cluster=name, scope=str(cloud.scope))
        scope = cloud.scope
        found = reading.attempt((parts.CONTROL_PLANE,), lambda: cloud.cluster(name))
        if found is None:
            arn = f"arn:{scope.partition}:eks:{scope.region}:{scope.account}:cluster/{name}"
            id, control_plane = stored or model.ClusterId(arn, NEVER_DESCRIBED), None
            # A cluster that is not described for one tick keeps its place in the fleet, which hangs on its tags.
            known = self._last(stored, parts.CONTROL_PLANE) if stored else None
        else:
            id, control_plane = found
            known = control_plane
            reading.keep(parts.CONTROL_PLANE, control_plane)
        placement = self.place(name, id.arn, scope, cloud.account, known.tags if known else {})
        return Described(id, name, cloud, control_plane, known, placement, reading)

    def read_cloud_parts(self, seen: Described) -> None:
        if seen.control_plane is None:
            return
        looks: tuple[tuple[str, Callable[[str], object]], ...] = (
            (parts.MANAGED_ADDONS, seen.cloud.addons),
            (parts.NODE_GROUPS, seen.cloud.node_groups),
            (parts.FARGATE_PROFILES, seen.cloud.fargate_profiles),
            (parts.INSIGHTS, seen.cloud.insights),
        )
        for part, look in looks:
            if not self.ports.cancel.is_set():
                seen.reading.read(part, partial(look, seen.name))
        self._read_what_upgrades_need(seen, seen.control_plane)
        self._read_audit_log(seen, seen.control_plane)

    def _read_what_upgrades_need(self, seen: Described, control_plane: model.ControlPlane) -> None:
        """After the node groups, for they say which subnets and launch templates count."""
        cloud, name, reading = seen.cloud, seen.name, seen.reading
        groups: Any = reading.value(parts.NODE_GROUPS) or ()
        looks: tuple[tuple[str, Callable[[], object]], ...] = (
            (parts.UPDATES, lambda: cloud.updates(name, self._known_updates(seen.id))),
            (parts.PREREQUISITES, lambda: cloud.prerequisites(control_plane, groups)),
            (parts.LAUNCH_TEMPLATES, lambda: cloud.launch_templates(name, groups, self._known_templates(seen.id))),
            (parts.IMAGES, lambda: cloud.images(name, groups, *self._templates_and_images(seen))),
        )
        not_grouped = reading.gap(parts.NODE_GROUPS)
        if not_grouped is not None:
            reading.miss_all((parts.LAUNCH_TEMPLATES,), not_grouped)
        for part, look in looks:
            without = reading.gap(parts.LAUNCH_TEMPLATES) if part == parts.IMAGES else None
            if without is not None:
                reading.miss_all((parts.IMAGES,), without)
            if not self.ports.cancel.is_set() and reading.gap(part) is None:
                reading.read(part, look)

    def _templates_and_images(self, seen: Described) -> tuple[Any, Any]:
        """The launch templates that were just read, and the images of which the age is known."""
        return seen.reading.value(parts.LAUNCH_TEMPLATES) or (), self._last(seen.id, parts.IMAGES) or ()

    def _read_audit_log(self, seen: Described, control_plane: model.ControlPlane) -> None:
        """Only what is new since the last good look; what was seen before is kept with it."""
        self._leave_out_audit(seen.reading)
        now = self.ports.clock.now()
        if not control_plane.audit_logs:
            off = model.Gap(GapReason.NOT_CONFIGURED, "the cluster exports no audit log to CloudWatch", now)
            seen.reading.miss_all((parts.AUDIT_CALLS,), off)
        if self.ports.cancel.is_set() or seen.reading.gap(parts.AUDIT_CALLS) is not None:
            return
        stored = self.ports.store.cluster_part(seen.id, parts.AUDIT_CALLS)
        known: Any = (stored.value if stored else None) or ()
        since, until = audit.window(stored.observed_at if stored else None, now)
        found = seen.reading.attempt((parts.AUDIT_CALLS,), lambda: seen.cloud.audit_calls(seen.name, since, until))
        if found is not None:
            seen.reading.keep(parts.AUDIT_CALLS, audit.merged(known, found, now), at=now)

    def read_kube_parts(self, seen: Described) -> None:
        """What the API server says; may run beside read_cloud_parts, for they read different parts."""
        control_plane = seen.control_plane
        if control_plane is not None:
            look = self._look(control_plane, seen.id, ADDON_OBJECTS)
            self._read_kube(look, seen.reading, lambda: self.ports.kubes.of_eks(seen.cloud, seen.id, control_plane))

    def finish(self, seen: Described) -> bool:
        """Once both sides were read: find the addons and save all of the cluster. True when nothing was missing."""
        gap = seen.reading.gap(parts.CONTROL_PLANE)
        if seen.control_plane is not None:
            self._keep_customised(seen.id, seen.reading)
            self._find_addons(seen.id, seen.reading)
        elif gap is not None:
            self._miss(parts.ALL_PARTS, gap, seen.reading)
        complete = self._save(seen.id, seen.name, seen.cloud.scope, seen.placement, seen.reading)
        self._note(seen.id, seen.reading)
        return complete

    def read_alone(self, name: str, stored: model.ClusterId | None) -> tuple[model.ClusterId, bool]:
        """A cluster that only a kubeconfig knows, read and saved: its id, and True when nothing was missing."""
        reading = Reading(self.ports.clock, self.ports.cancel, cluster=name)
        id = stored or model.ClusterId(f"kubeconfig:{name}", NEVER_DESCRIBED)
        found = reading.attempt((parts.CONTROL_PLANE,), lambda: self.ports.kubes.of_kubeconfig(name))
        gap = reading.gap(parts.CONTROL_PLANE)
        if found is not None:
            cluster, kube = found
            id = cluster.id
            reading.keep(parts.CONTROL_PLANE, cluster.control_plane)
            self._read_kube(self._look(cluster.control_plane, id), reading, lambda: kube)
            self._find_addons(id, reading)
        elif gap is not None:
            self._miss((*parts.KUBE_PARTS, parts.ADDONS), gap, reading)
        complete = self._save(id, name, None, self.place(name, id.arn, None, None, {}), reading)
        self._note(id, reading)
        return id, complete

    def miss(self, id: model.ClusterId, name: str, gap: model.Gap) -> None:
        """Store that a known cluster was not read at all, and why: everything of it is old from here on."""
        reading = Reading(self.ports.clock, self.ports.cancel, cluster=name)
        self._miss(parts.ALL_PARTS, gap, reading)
        reading.save(self.ports.store, id)
        self._note(id, reading)

    def _miss(self, names: Sequence[str], gap: model.Gap, reading: Reading) -> None:
        self._leave_out_helm(reading)
        if parts.AUDIT_CALLS in names:
            self._leave_out_audit(reading)
        reading.miss_all(names, gap)

    def _leave_out_helm(self, reading: Reading) -> None:
        """What nobody asked for is missing for that reason, whatever else fails."""
        if not self.helm_secrets:
            why = model.Gap(GapReason.NOT_CONFIGURED, "set observe.helm_secrets to read them", self.ports.clock.now())
            reading.miss_all(parts.HELM_PARTS, why)

    def _leave_out_audit(self, reading: Reading) -> None:
        if not self.audit_logs:
            why = model.Gap(GapReason.NOT_CONFIGURED, "set observe.audit_logs to read it", self.ports.clock.now())
            reading.miss_all((parts.AUDIT_CALLS,), why)

    def _look(
        self, control_plane: model.ControlPlane, id: model.ClusterId, objects: tuple[AddonObject, ...] = ()
    ) -> KubeLook:
        resting = self.turns.resting(id, control_plane.version) if self.turns else NOTHING
        last = partial(self._last, id)
        return KubeLook(control_plane.version, self.compat, last, self.helm_secrets, objects, resting)

    def _note(self, id: model.ClusterId, reading: Reading) -> None:
        """Once it is stored: what was seen may rest. A look that was cut off says nothing."""
        control_plane: Any = reading.value(parts.CONTROL_PLANE)
        if self.turns and not self.ports.cancel.is_set():
            self.turns.note(id, control_plane.version if control_plane else None, reading)

    def _read_kube(self, look: KubeLook, reading: Reading, connect: Callable[[], Kube]) -> None:
        self._leave_out_helm(reading)
        wanted = [p for p in parts.KUBE_PARTS if reading.gap(p) is None]
        kube = None if self.ports.cancel.is_set() else reading.attempt(wanted, connect)
        if kube is not None:
            try:
                look.read(kube, reading, self.ports.cancel.is_set)
            finally:
                kube.close()

    def _keep_customised(self, id: model.ClusterId, reading: Reading) -> None:
        """Only of addons that EKS manages, which the other side of the cluster says: nobody overwrites the others."""
        found: Any = reading.value(parts.CUSTOMISED)
        managed: Any = reading.value(parts.MANAGED_ADDONS) or self._last(id, parts.MANAGED_ADDONS) or ()
        if found:
            names = {addon.name for addon in managed}
            reading.keep(parts.CUSTOMISED, tuple(each for each in found if each.addon in names))

    def _find_addons(self, id: model.ClusterId, reading: Reading) -> None:
        """Addons from each source as seen now or last: one that rests, or is dark for one tick, is no removal."""
        if self.ports.cancel.is_set():
            return
        sources = (parts.MANAGED_ADDONS, parts.HELM_RELEASES, parts.WORKLOADS, parts.PODS, parts.CRDS)
        gaps = {s: g for s in sources if (g := reading.gap(s)) and g.reason is not GapReason.NOT_CONFIGURED}
        if all(reading.value(s) is None for s in sources):
            for gap in gaps.values():
                reading.miss_all((parts.ADDONS,), gap)
            return
        seen: dict[str, Any] = {
            s: self._last(id, s) if s in gaps or not reading.ended(s) else reading.value(s) for s in sources
        }
        managed, helm, workloads, pods, crds = seen.values()
        running = workloads if pods is None else (*(workloads or ()), *pods.ownerless)
        found = reading.attempt((parts.ADDONS,), lambda: find_addons(managed, helm, running, crds, self.compat))
        if found is not None:
            reading.keep(parts.ADDONS, model.Addons(found, tuple(gaps), self._proxy_mode(id, reading)))

    def _proxy_mode(self, id: model.ClusterId, reading: Reading) -> str:
        """As seen now; as last seen where that failed or rests."""
        if reading.proxy_mode is not None:
            return reading.proxy_mode
        last: model.Addons | None = self._last(id, parts.ADDONS)
        return last.proxy_mode if last else ""

    def _known_updates(self, id: model.ClusterId) -> dict[str, observed.EksUpdate]:
        return {update.id: update for update in self._last(id, parts.UPDATES) or ()}

    def _known_templates(self, id: model.ClusterId) -> tuple[observed.LaunchTemplate, ...]:
        return self._last(id, parts.LAUNCH_TEMPLATES) or ()

    def _last(self, id: model.ClusterId, part: str) -> Any:
        """The last good value, None when there is none."""
        stored = self.ports.store.cluster_part(id, part)
        return stored.value if stored else None

    def _save(
        self,
        id: model.ClusterId,
        name: str,
        scope: model.Scope | None,
        placement: model.Placement,
        reading: Reading,
    ) -> bool:
        if not self.ports.cancel.is_set() or reading.observations:
            reading.save(self.ports.store, id, [Listed(id, name, scope, placement, self.ports.clock.now())])
        return reading.complete
