"""A cluster as it is judged: its parts by name, what it shares with its account and region, and the moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.budgets import Guard, guards
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of one minor. first is true for the hop that starts from where the cluster is now."""

    source: Minor
    target: Minor
    first: bool = True

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator wants of a cluster. target is the minor that its ring should be on, deadline by when."""

    target: Minor | None = None
    deadline: datetime | None = None
    reason: str = ""  # which rule said so
    surge_nodes: int = 1  # nodes per zone that the playbook would add


@dataclass(frozen=True)
class Snapshot:
    """The parts of one cluster. What was never seen is empty here; `missing` tells it from what is not there.

    Without slots: what several checks make of the parts is made once, and kept.

    shared holds the parts of the cluster's account and region. Values that are old are given as they are.
    """

    cluster: model.SeenCluster
    now: datetime
    shared: Mapping[str, model.Part[Any]] = field(default_factory=dict)
    policy: Policy = Policy()
    stale_after: timedelta = timedelta(hours=1)

    def part(self, name: str) -> model.Part[Any] | None:
        return self.cluster.parts.get(name) or self.shared.get(name)

    def missing(self, name: str) -> model.Gap | None:
        """Why a part cannot be judged now: never seen, not seen at the last try, or too old; None when it can."""
        part = self.part(name)
        if part is None:
            return model.Gap(parts.NEVER, "it was never read", self.now)
        if part.gap is not None:
            return part.gap
        if part.observed_at is not None and self.now - part.observed_at > self.stale_after:
            return model.Gap(parts.NEVER, f"last seen {part.observed_at:%Y-%m-%d %H:%M} UTC", part.observed_at)
        return None

    def value(self, name: str) -> Any:
        part = self.part(name)
        return part.value if part else None

    @property
    def control_plane(self) -> model.ControlPlane | None:
        found: model.ControlPlane | None = self.value(parts.CONTROL_PLANE)
        return found

    @property
    def managed_addons(self) -> tuple[model.ManagedAddon, ...]:
        return self.value(parts.MANAGED_ADDONS) or ()

    @property
    def node_groups(self) -> tuple[model.NodeGroup, ...]:
        return self.value(parts.NODE_GROUPS) or ()

    @property
    def fargate_profiles(self) -> tuple[model.FargateProfile, ...]:
        return self.value(parts.FARGATE_PROFILES) or ()

    @property
    def insights(self) -> tuple[Insight, ...]:
        return self.value(parts.INSIGHTS) or ()

    @property
    def nodes(self) -> tuple[model.Node, ...]:
        return self.value(parts.NODES) or ()

    @property
    def workloads(self) -> tuple[model.Workload, ...]:
        return self.value(parts.WORKLOADS) or ()

    @property
    def pods(self) -> model.Pods | None:
        found: model.Pods | None = self.value(parts.PODS)
        return found

    @property
    def crds(self) -> tuple[model.Crd, ...]:
        return self.value(parts.CRDS) or ()

    @property
    def helm_releases(self) -> tuple[model.HelmRelease, ...]:
        return self.value(parts.HELM_RELEASES) or ()

    @property
    def addons(self) -> tuple[model.Addon, ...]:
        found: model.Addons | None = self.value(parts.ADDONS)
        return found.found if found else ()

    @property
    def budgets(self) -> tuple[observed.Budget, ...]:
        return self.value(parts.BUDGETS) or ()

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Every budget with what it takes; ask for it only where the pods were seen too."""
        return guards(self.budgets, self.workloads, self.pods)

    @property
    def pod_notes(self) -> tuple[observed.PodNote, ...]:
        return self.value(parts.POD_NOTES) or ()

    @property
    def volumes(self) -> tuple[observed.PersistentVolume, ...]:
        return self.value(parts.VOLUMES) or ()

    @property
    def webhooks(self) -> tuple[observed.Webhook, ...]:
        return self.value(parts.WEBHOOKS) or ()

    @property
    def api_services(self) -> tuple[observed.ApiService, ...]:
        return self.value(parts.API_SERVICES) or ()

    @property
    def gitops(self) -> tuple[observed.GitOpsApp, ...]:
        return self.value(parts.GITOPS) or ()

    @property
    def api_use(self) -> observed.ApiUse | None:
        found: observed.ApiUse | None = self.value(parts.API_USE)
        return found

    @property
    def object_traces(self) -> tuple[observed.ObjectTrace, ...]:
        return self.value(parts.OBJECT_TRACES) or ()

    @property
    def helm_use(self) -> observed.HelmUse:
        return self.value(parts.HELM_USE) or observed.HelmUse()

    @property
    def audit_calls(self) -> tuple[observed.AuditCall, ...]:
        return self.value(parts.AUDIT_CALLS) or ()

    @property
    def customised(self) -> tuple[observed.Customised, ...]:
        return self.value(parts.CUSTOMISED) or ()

    @property
    def prerequisites(self) -> observed.ClusterPrerequisites | None:
        found: observed.ClusterPrerequisites | None = self.value(parts.PREREQUISITES)
        return found

    @property
    def launch_templates(self) -> tuple[observed.LaunchTemplate, ...]:
        return self.value(parts.LAUNCH_TEMPLATES) or ()

    @property
    def group_images(self) -> tuple[observed.GroupImage, ...]:
        return self.value(parts.IMAGES) or ()

    @property
    def updates(self) -> tuple[observed.EksUpdate, ...]:
        return self.value(parts.UPDATES) or ()

    @property
    def quotas(self) -> tuple[observed.Quota, ...]:
        return self.value(parts.QUOTAS) or ()

    @property
    def auto_scaling_groups(self) -> tuple[model.AutoScalingGroup, ...]:
        found: tuple[model.AutoScalingGroup, ...] = self.value(parts.AUTO_SCALING_GROUPS) or ()
        return tuple(group for group in found if group.cluster == self.cluster.name)

    @property
    def addon_releases(self) -> tuple[model.AddonRelease, ...]:
        return self.value(parts.ADDON_RELEASES) or ()

    @property
    def cluster_versions(self) -> tuple[model.SupportedVersion, ...]:
        return self.value(parts.CLUSTER_VERSIONS) or ()
