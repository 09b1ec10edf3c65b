"""What upstream removed and deprecated, typed for this corpus from its own pages and not read from compat/.

Sources: the Deprecated API Migration Guide (https://kubernetes.io/docs/reference/using-api/deprecation-guide/) up to
1.32; the APILifecycleRemoved tags of k8s.io/api (snapshot of 2026-07-24) from there on; the release in which a package
was deleted where that was before its tag.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetkeeper.core.versions import Minor

# removed | deprecated | apiVersion | kinds
TABLE = """
1.16 | 1.8  | extensions/v1beta1 | Deployment DaemonSet ReplicaSet DeploymentRollback
1.16 | 1.2  | extensions/v1beta1 | Scale
1.16 | 1.9  | extensions/v1beta1 | NetworkPolicy
1.16 | 1.11 | extensions/v1beta1 | PodSecurityPolicy
1.16 | 1.8  | apps/v1beta1 | Deployment StatefulSet ControllerRevision DeploymentRollback Scale
1.16 | 1.9  | apps/v1beta2 | Deployment StatefulSet ControllerRevision DaemonSet ReplicaSet Scale
1.17 | 1.14 | scheduling.k8s.io/v1alpha1 | PriorityClass
1.21 | 1.20 | flowcontrol.apiserver.k8s.io/v1alpha1 | FlowSchema PriorityLevelConfiguration
1.22 | 1.19 | admission.k8s.io/v1beta1 | AdmissionReview
1.22 | 1.16 | admissionregistration.k8s.io/v1beta1 | MutatingWebhookConfiguration ValidatingWebhookConfiguration
1.22 | 1.16 | apiextensions.k8s.io/v1beta1 | CustomResourceDefinition
1.22 | 1.19 | apiregistration.k8s.io/v1beta1 | APIService
1.22 | 1.19 | authentication.k8s.io/v1beta1 | TokenReview
1.22 | 1.19 | authorization.k8s.io/v1beta1 | LocalSubjectAccessReview SelfSubjectAccessReview SubjectAccessReview
1.22 | 1.19 | authorization.k8s.io/v1beta1 | SelfSubjectRulesReview
1.22 | 1.19 | certificates.k8s.io/v1beta1 | CertificateSigningRequest
1.22 | 1.19 | coordination.k8s.io/v1beta1 | Lease
1.22 | 1.14 | extensions/v1beta1 | Ingress
1.22 | 1.19 | networking.k8s.io/v1beta1 | Ingress IngressClass
1.22 | 1.17 | rbac.authorization.k8s.io/v1beta1 | ClusterRole ClusterRoleBinding Role RoleBinding
1.22 | 1.17 | rbac.authorization.k8s.io/v1alpha1 | ClusterRole ClusterRoleBinding Role RoleBinding
1.22 | 1.14 | scheduling.k8s.io/v1beta1 | PriorityClass
1.22 | 1.19 | storage.k8s.io/v1beta1 | CSIDriver StorageClass VolumeAttachment
1.22 | 1.17 | storage.k8s.io/v1beta1 | CSINode
1.24 | 1.21 | audit.k8s.io/v1alpha1 | Event Policy
1.24 | 1.21 | audit.k8s.io/v1beta1 | Event Policy
1.24 | 1.22 | client.authentication.k8s.io/v1alpha1 | ExecCredential
1.24 | 1.21 | storage.k8s.io/v1alpha1 | CSIStorageCapacity VolumeAttachment
1.25 | 1.21 | batch/v1beta1 | CronJob
1.25 | 1.22 | batch/v1beta1 | JobTemplate
1.25 | 1.21 | discovery.k8s.io/v1beta1 | EndpointSlice
1.25 | 1.22 | events.k8s.io/v1beta1 | Event
1.25 | 1.22 | autoscaling/v2beta1 | HorizontalPodAutoscaler
1.25 | 1.21 | policy/v1beta1 | PodDisruptionBudget PodSecurityPolicy
1.25 | 1.22 | policy/v1beta1 | Eviction
1.25 | 1.22 | node.k8s.io/v1beta1 | RuntimeClass
1.26 | 1.23 | autoscaling/v2beta2 | HorizontalPodAutoscaler
1.26 | 1.23 | flowcontrol.apiserver.k8s.io/v1beta1 | FlowSchema PriorityLevelConfiguration
1.27 | 1.24 | storage.k8s.io/v1beta1 | CSIStorageCapacity
1.29 | 1.26 | flowcontrol.apiserver.k8s.io/v1beta2 | FlowSchema PriorityLevelConfiguration
1.29 | 1.28 | networking.k8s.io/v1alpha1 | ClusterCIDR
1.32 | 1.29 | flowcontrol.apiserver.k8s.io/v1beta3 | FlowSchema PriorityLevelConfiguration
1.32 | 1.29 | admissionregistration.k8s.io/v1alpha1 | ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
1.32 | 1.29 | authentication.k8s.io/v1alpha1 | SelfSubjectReview
1.32 | -    | coordination.k8s.io/v1alpha1 | LeaseCandidate
1.33 | 1.30 | authentication.k8s.io/v1beta1 | SelfSubjectReview
1.33 | 1.30 | networking.k8s.io/v1alpha1 | IPAddress ServiceCIDR
1.34 | 1.31 | admissionregistration.k8s.io/v1beta1 | ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
1.34 | -    | resource.k8s.io/v1alpha3 | DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice
1.35 | 1.32 | storage.k8s.io/v1alpha1 | VolumeAttributesClass
1.35 | 1.32 | apidiscovery.k8s.io/v2beta1 | APIGroupDiscovery
1.35 | 1.33 | storagemigration.k8s.io/v1alpha1 | StorageVersionMigration
1.35 | -    | certificates.k8s.io/v1alpha1 | PodCertificateRequest
1.37 | 1.34 | networking.k8s.io/v1beta1 | IPAddress ServiceCIDR
1.37 | 1.34 | storage.k8s.io/v1beta1 | VolumeAttributesClass
1.37 | 1.34 | certificates.k8s.io/v1alpha1 | ClusterTrustBundle
1.38 | 1.35 | resource.k8s.io/v1beta1 | DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice
1.38 | 1.35 | coordination.k8s.io/v1alpha2 | LeaseCandidate
1.38 | 1.35 | admissionregistration.k8s.io/v1alpha1 | MutatingAdmissionPolicy MutatingAdmissionPolicyBinding
1.39 | 1.36 | resource.k8s.io/v1beta2 | DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice
1.39 | 1.36 | coordination.k8s.io/v1beta1 | LeaseCandidate
1.39 | 1.36 | resource.k8s.io/v1alpha3 | DeviceTaintRule
1.40 | 1.37 | admissionregistration.k8s.io/v1beta1 | MutatingAdmissionPolicy MutatingAdmissionPolicyBinding
1.40 | 1.37 | certificates.k8s.io/v1beta1 | ClusterTrustBundle PodCertificateRequest
1.40 | 1.37 | storagemigration.k8s.io/v1beta1 | StorageVersionMigration
1.42 | 1.39 | resource.k8s.io/v1beta2 | DeviceTaintRule
1.42 | 1.39 | resource.k8s.io/v1alpha3 | ResourcePoolStatusRequest
1.43 | 1.40 | scheduling.k8s.io/v1beta1 | Workload PodGroup
1.43 | 1.40 | lifecycle.k8s.io/v1alpha1 | Eviction EvictionRequest
-    | 1.19 | v1 | ComponentStatus
-    | 1.33 | v1 | Endpoints
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """One kind in one version; None is never."""

    api_version: str
    kind: str
    deprecated: Minor | None
    removed: Minor | None

    def severity(self, target: Minor) -> str:
        """What a manifest of it is for a target, "" for nothing."""
        if self.removed and self.removed <= target:
            return "blocker"
        if self.deprecated and self.deprecated <= target:
            return "warning" if self.removed else "info"
        return ""


def facts() -> Iterator[Fact]:
    for line in TABLE.strip().splitlines():
        removed, deprecated, api_version, kinds = (cell.strip() for cell in line.split("|"))
        for kind in kinds.split():
            yield Fact(api_version, kind, _minor(deprecated), _minor(removed))


def _minor(text: str) -> Minor | None:
    return None if text == "-" else Minor.parse(text)
