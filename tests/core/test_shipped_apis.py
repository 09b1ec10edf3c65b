"""The shipped rows of APIs, held against tables that were typed for this test alone."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.compat import ApiRow, BehaviourRow, Confidence, Source, ThirdPartyApiRow
from fleetkeeper.core.versions import Minor, Version

SHIPPED = read_compat()
APIS = SHIPPED.apis.rows
NONE = "-"

# removed | deprecated | group/version | kinds | group/version that takes their place
REMOVED = """
1.16 | 1.8  | extensions/v1beta1 | Deployment DaemonSet ReplicaSet | apps/v1
1.16 | 1.9  | extensions/v1beta1 | NetworkPolicy | networking.k8s.io/v1
1.16 | 1.11 | extensions/v1beta1 | PodSecurityPolicy | policy/v1beta1
1.16 | 1.8  | apps/v1beta1 | Deployment StatefulSet ControllerRevision | apps/v1
1.16 | 1.9  | apps/v1beta2 | Deployment StatefulSet ControllerRevision DaemonSet ReplicaSet | apps/v1
1.22 | 1.16 | admissionregistration.k8s.io/v1beta1 | MutatingWebhookConfiguration ValidatingWebhookConfiguration | =/v1
1.22 | 1.16 | apiextensions.k8s.io/v1beta1 | CustomResourceDefinition | =/v1
1.22 | 1.19 | apiregistration.k8s.io/v1beta1 | APIService | =/v1
1.22 | 1.19 | authentication.k8s.io/v1beta1 | TokenReview | =/v1
1.22 | 1.19 | authorization.k8s.io/v1beta1 | LocalSubjectAccessReview SelfSubjectAccessReview | =/v1
1.22 | 1.19 | authorization.k8s.io/v1beta1 | SubjectAccessReview SelfSubjectRulesReview | =/v1
1.22 | 1.19 | certificates.k8s.io/v1beta1 | CertificateSigningRequest | =/v1
1.22 | 1.19 | coordination.k8s.io/v1beta1 | Lease | =/v1
1.22 | 1.14 | extensions/v1beta1 | Ingress | networking.k8s.io/v1
1.22 | 1.19 | networking.k8s.io/v1beta1 | Ingress IngressClass | =/v1
1.22 | 1.17 | rbac.authorization.k8s.io/v1beta1 | ClusterRole ClusterRoleBinding Role RoleBinding | =/v1
1.22 | 1.14 | scheduling.k8s.io/v1beta1 | PriorityClass | =/v1
1.22 | 1.19 | storage.k8s.io/v1beta1 | CSIDriver StorageClass VolumeAttachment | =/v1
1.22 | 1.17 | storage.k8s.io/v1beta1 | CSINode | =/v1
1.25 | 1.21 | batch/v1beta1 | CronJob | =/v1
1.25 | 1.21 | discovery.k8s.io/v1beta1 | EndpointSlice | =/v1
1.25 | 1.21 | policy/v1beta1 | PodDisruptionBudget | =/v1
1.25 | 1.21 | policy/v1beta1 | PodSecurityPolicy | -
1.25 | 1.22 | autoscaling/v2beta1 | HorizontalPodAutoscaler | =/v2
1.25 | 1.22 | events.k8s.io/v1beta1 | Event | =/v1
1.25 | 1.22 | node.k8s.io/v1beta1 | RuntimeClass | =/v1
1.25 | 1.22 | policy/v1beta1 | Eviction | =/v1
1.26 | 1.23 | autoscaling/v2beta2 | HorizontalPodAutoscaler | =/v2
1.26 | 1.23 | flowcontrol.apiserver.k8s.io/v1beta1 | FlowSchema PriorityLevelConfiguration | =/v1beta3
1.27 | 1.24 | storage.k8s.io/v1beta1 | CSIStorageCapacity | =/v1
1.29 | 1.26 | flowcontrol.apiserver.k8s.io/v1beta2 | FlowSchema PriorityLevelConfiguration | =/v1beta3
1.32 | 1.29 | flowcontrol.apiserver.k8s.io/v1beta3 | FlowSchema PriorityLevelConfiguration | =/v1
1.32 | 1.29 | admissionregistration.k8s.io/v1alpha1 | ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding | =/v1
1.32 | 1.29 | authentication.k8s.io/v1alpha1 | SelfSubjectReview | =/v1
1.33 | 1.30 | authentication.k8s.io/v1beta1 | SelfSubjectReview | =/v1
1.34 | 1.31 | admissionregistration.k8s.io/v1beta1 | ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding | =/v1
1.34 | -    | resource.k8s.io/v1alpha3 | DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice | =/v1beta1
1.35 | 1.32 | storage.k8s.io/v1alpha1 | VolumeAttributesClass | =/v1
1.35 | 1.32 | apidiscovery.k8s.io/v2beta1 | APIGroupDiscovery | =/v2
1.35 | 1.33 | storagemigration.k8s.io/v1alpha1 | StorageVersionMigration | =/v1beta1
1.37 | 1.34 | networking.k8s.io/v1beta1 | IPAddress ServiceCIDR | =/v1
1.37 | 1.34 | storage.k8s.io/v1beta1 | VolumeAttributesClass | =/v1
1.37 | 1.34 | certificates.k8s.io/v1alpha1 | ClusterTrustBundle | =/v1beta1
1.38 | 1.35 | resource.k8s.io/v1beta1 | DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice | =/v1
1.38 | 1.35 | coordination.k8s.io/v1alpha2 | LeaseCandidate | =/v1beta1
1.38 | 1.35 | admissionregistration.k8s.io/v1alpha1 | MutatingAdmissionPolicy MutatingAdmissionPolicyBinding | =/v1
1.39 | 1.36 | resource.k8s.io/v1beta2 | DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice | =/v1
1.39 | 1.36 | coordination.k8s.io/v1beta1 | LeaseCandidate | -
1.39 | 1.36 | resource.k8s.io/v1alpha3 | DeviceTaintRule | =/v1
1.40 | 1.37 | admissionregistration.k8s.io/v1beta1 | MutatingAdmissionPolicy MutatingAdmissionPolicyBinding | =/v1
1.40 | 1.37 | certificates.k8s.io/v1beta1 | ClusterTrustBundle PodCertificateRequest | =/v1
1.40 | 1.37 | storagemigration.k8s.io/v1beta1 | StorageVersionMigration | =/v1
1.42 | 1.39 | resource.k8s.io/v1beta2 | DeviceTaintRule | =/v1
1.42 | 1.39 | resource.k8s.io/v1alpha3 | ResourcePoolStatusRequest | -
1.43 | 1.40 | scheduling.k8s.io/v1beta1 | Workload PodGroup | -
1.43 | 1.40 | lifecycle.k8s.io/v1alpha1 | Eviction EvictionRequest | -
-    | 1.19 | v1 | ComponentStatus | -
-    | 1.33 | v1 | Endpoints | discovery.k8s.io/v1
"""
RENAMED = {"Endpoints": "EndpointSlice"}

# Stable versions and their first minor, for all kinds of theirs unless a kind is named.
STABLE = {
    "admission.k8s.io/v1": "1.19",
    "admissionregistration.k8s.io/v1 MutatingAdmissionPolicy": "1.36",
    "admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding": "1.36",
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy": "1.30",
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding": "1.30",
    "admissionregistration.k8s.io/v1": "1.16",
    "apidiscovery.k8s.io/v2": "1.30",
    "apiextensions.k8s.io/v1": "1.16",
    "apiregistration.k8s.io/v1": "1.10",
    "apps/v1": "1.9",
    "audit.k8s.io/v1": "1.12",
    "authentication.k8s.io/v1 SelfSubjectReview": "1.28",
    "authentication.k8s.io/v1 TokenReview": "1.6",
    "authorization.k8s.io/v1 SubjectAccessReview": "1.6",
    "authorization.k8s.io/v1": "1.19",
    "autoscaling/v1": "1.2",
    "autoscaling/v2": "1.23",
    "batch/v1 CronJob": "1.21",
    "certificates.k8s.io/v1 CertificateSigningRequest": "1.19",
    "certificates.k8s.io/v1": "1.37",
    "client.authentication.k8s.io/v1": "1.22",
    "coordination.k8s.io/v1 Lease": "1.14",
    "discovery.k8s.io/v1": "1.21",
    "events.k8s.io/v1": "1.19",
    "flowcontrol.apiserver.k8s.io/v1": "1.29",
    "metrics.k8s.io/v1": "1.37",
    "networking.k8s.io/v1 Ingress": "1.19",
    "networking.k8s.io/v1 IngressClass": "1.19",
    "networking.k8s.io/v1 NetworkPolicy": "1.7",
    "networking.k8s.io/v1": "1.33",
    "node.k8s.io/v1": "1.20",
    "policy/v1 Eviction": "1.22",
    "policy/v1 PodDisruptionBudget": "1.21",
    "rbac.authorization.k8s.io/v1": "1.8",
    "resource.k8s.io/v1 DeviceTaintRule": "1.37",
    "resource.k8s.io/v1": "1.34",
    "scheduling.k8s.io/v1 PriorityClass": "1.14",
    "storage.k8s.io/v1 CSIDriver": "1.18",
    "storage.k8s.io/v1 CSINode": "1.17",
    "storage.k8s.io/v1 CSIStorageCapacity": "1.24",
    "storage.k8s.io/v1 StorageClass": "1.6",
    "storage.k8s.io/v1 VolumeAttachment": "1.13",
    "storage.k8s.io/v1 VolumeAttributesClass": "1.34",
    "storagemigration.k8s.io/v1": "1.37",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One kind of REMOVED; removed and deprecated are None for a dash, as is the replacement."""

    removed: str | None
    deprecated: str | None
    api_version: str
    kind: str
    replacement: str | None

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"


def facts() -> list[Fact]:
    made = []
    for line in REMOVED.strip().splitlines():
        removed, deprecated, api_version, kinds, instead = (cell.strip() for cell in line.split("|"))
        instead = instead.replace("=", api_version.rpartition("/")[0])
        for kind in kinds.split():
            new = None if instead == NONE else f"{instead} {RENAMED.get(kind, kind)}"
            made.append(Fact(known(removed), known(deprecated), api_version, kind, new))
    return made


def known(cell: str) -> str | None:
    return None if cell == NONE else cell


def row_of(api_version: str, kind: str) -> ApiRow:
    group, _, version = api_version.rpartition("/")
    row = SHIPPED.api(group, version, kind)
    assert row is not None, f"no row of {api_version} {kind}"
    return row


def named(api: tuple[str, str, str] | None) -> str | None:
    return f"{api[0]}/{api[1]} {api[2]}".removeprefix("/") if api else None


def text(minor: Minor | None) -> str | None:
    return str(minor) if minor else None


@pytest.mark.parametrize("fact", facts(), ids=str)
def test_the_table_of_removals_holds_for(fact: Fact) -> None:
    row = row_of(fact.api_version, fact.kind)
    assert (text(row.removed), text(row.deprecated)) == (fact.removed, fact.deprecated)
    assert named(row.replacement) == fact.replacement


def test_the_table_of_removals_is_no_short_one() -> None:
    assert len(facts()) >= 95
    assert len(set(map(str, facts()))) == len(facts())
    assert len(APIS) >= 123


@pytest.mark.parametrize(
    ("version", "removed"), [("v1alpha1", "1.21"), ("v1beta1", "1.26"), ("v1beta2", "1.29"), ("v1beta3", "1.32")]
)
@pytest.mark.parametrize("resource", ["flowschemas", "prioritylevelconfigurations"])
def test_flow_control_of_each_version_goes_in_its_own_minor(version: str, removed: str, resource: str) -> None:
    row = SHIPPED.api_of_resource("flowcontrol.apiserver.k8s.io", version, resource)
    assert row is not None
    assert (text(row.removed), row.served_by_default) == (removed, version != "v1alpha1")


def test_no_kind_is_invented() -> None:
    kinds = {row.kind for row in APIS if row.group == "flowcontrol.apiserver.k8s.io"}
    assert kinds == {"FlowSchema", "PriorityLevelConfiguration"}
    assert text(row_of("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema").introduced) == "1.26"


@pytest.mark.parametrize(
    ("api_version", "resource", "kind"),
    [
        ("apps/v1beta1", "deployments", "Deployment"),
        ("extensions/v1beta1", "ingresses", "Ingress"),
        ("policy/v1beta1", "podsecuritypolicies", "PodSecurityPolicy"),
        ("policy/v1beta1", "poddisruptionbudgets", "PodDisruptionBudget"),
        ("batch/v1beta1", "cronjobs", "CronJob"),
        ("autoscaling/v2beta2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
        ("storage.k8s.io/v1beta1", "csistoragecapacities", "CSIStorageCapacity"),
        ("networking.k8s.io/v1beta1", "ipaddresses", "IPAddress"),
        ("discovery.k8s.io/v1beta1", "endpointslices", "EndpointSlice"),
        ("authentication.k8s.io/v1beta1", "selfsubjectreviews", "SelfSubjectReview"),
        ("admissionregistration.k8s.io/v1beta1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
        ("resource.k8s.io/v1beta1", "deviceclasses", "DeviceClass"),
        ("v1", "endpoints", "Endpoints"),
        ("v1", "componentstatuses", "ComponentStatus"),
    ],
)
def test_a_path_finds_its_kind(api_version: str, resource: str, kind: str) -> None:
    group, _, version = api_version.rpartition("/")
    row = SHIPPED.api_of_resource(group, version, resource)
    assert row is not None
    assert row.kind == kind


def test_what_an_object_could_be_of_has_a_plural_of_its_own() -> None:
    plurals = Counter((row.group, row.version, row.resource) for row in APIS if not row.virtual)
    assert not [plural for plural, count in plurals.items() if count > 1]


def test_a_plural_is_made_of_its_kind() -> None:
    odd = [row for row in APIS if not row.virtual and not is_plural(row.resource, row.kind.lower())]
    assert odd == []


def is_plural(resource: str, singular: str) -> bool:
    if singular.endswith("s"):
        return resource == (singular if singular == "endpoints" else singular + "es")
    return resource == (singular[:-1] + "ies" if singular.endswith("y") else singular + "s")


def test_every_replacement_is_served_from_the_minor_that_its_row_says() -> None:
    wrong = [
        (named((row.group, row.version, row.kind)), named(row.replacement), text(row.available), first)
        for row in APIS
        if row.replacement and text(row.available) != (first := first_of(row.replacement))
    ]
    assert wrong == []


def first_of(api: tuple[str, str, str]) -> str | None:
    """The first minor of an API: a stable one by the table above, one that goes by its own row."""
    group, version, kind = api
    going = SHIPPED.api(group, version, kind)
    if going:
        return text(going.introduced)
    return STABLE.get(f"{group}/{version} {kind}") or STABLE.get(f"{group}/{version}")


def test_every_replacement_outlives_what_it_replaces() -> None:
    short = []
    for row in APIS:
        going = SHIPPED.api(*row.replacement) if row.replacement else None
        if going and going.removed and (row.removed is None or going.removed <= row.removed):
            short.append(row)
        if row.available and row.removed and row.available > row.removed:
            short.append(row)
    assert short == []


def test_a_replacement_that_comes_with_the_removal_says_so_or_is_of_an_alpha() -> None:
    tight = [row for row in APIS if row.available and row.available == row.removed]
    assert {row.api_version for row in tight if "alpha" not in row.version} == {"flowcontrol.apiserver.k8s.io/v1beta1"}
    assert not [row for row in tight if "beta" in row.version and "before the hop" not in row.note]


def test_what_has_no_successor_says_why() -> None:
    assert not [row for row in APIS if row.replacement is None and not row.note]
    assert "no successor" in row_of("policy/v1beta1", "PodSecurityPolicy").note


def test_a_removal_past_the_known_minors_is_only_scheduled() -> None:
    newest = SHIPPED.minors()[-1]
    assert {row for row in APIS if row.scheduled} == {row for row in APIS if row.removed and row.removed > newest}
    assert not [row for row in APIS if row.scheduled and row.source.confidence is Confidence.HIGH]


def test_no_alpha_is_served_by_default() -> None:
    assert not [row for row in APIS if "alpha" in row.version and row.served_by_default]


def test_no_beta_that_came_after_1_24_is_served_by_default_save_those_of_flow_control() -> None:
    late = [row for row in APIS if "beta" in row.version and row.introduced and row.introduced >= Minor(1, 24)]
    assert {row.api_version for row in late if row.served_by_default} == {"flowcontrol.apiserver.k8s.io/v1beta3"}


def test_what_is_never_stored_is_known_as_such() -> None:
    reviews = [row for row in APIS if row.kind.endswith("Review")]
    assert reviews
    assert all(row.virtual for row in reviews)
    assert row_of("policy/v1beta1", "Eviction").virtual
    assert row_of("apps/v1beta1", "Scale").virtual
    assert not row_of("policy/v1beta1", "PodSecurityPolicy").virtual


# ---- APIs of addons


def test_every_project_is_an_addon_that_can_be_found_or_has_no_workload_of_its_own() -> None:
    projects = {row.project for row in SHIPPED.apis.third_party}
    assert {project for project in projects if SHIPPED.addon(project) is None} == {"gateway-api"}


def test_no_addon_removes_an_api_of_kubernetes() -> None:
    built_in = {row.group for row in APIS} | {"apps", "batch", ""}
    assert not [row for row in SHIPPED.apis.third_party if row.group in built_in]


@pytest.mark.parametrize(
    ("api_version", "kind", "project", "removed"),
    [
        ("cert-manager.io/v1alpha2", "Certificate", "cert-manager", "1.6.0"),
        ("acme.cert-manager.io/v1beta1", "Order", "cert-manager", "1.6.0"),
        ("source.toolkit.fluxcd.io/v1beta2", "OCIRepository", "flux", "2.8.0"),
        ("image.toolkit.fluxcd.io/v1beta2", "ImagePolicy", "flux", "2.9.0"),
        ("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "flux", "2.7.0"),
        ("external-secrets.io/v1beta1", "ExternalSecret", "external-secrets", "0.17.0"),
        ("karpenter.sh/v1alpha5", "Provisioner", "karpenter", "0.33.0"),
        ("gateway.networking.k8s.io/v1alpha2", "GRPCRoute", "gateway-api", "1.2.0"),
        ("gateway.networking.k8s.io/v1alpha2", "HTTPRoute", "gateway-api", "0.6.0"),
        ("snapshot.storage.k8s.io/v1beta1", "VolumeSnapshot", "snapshot-controller", "6.0.0"),
        ("traefik.containo.us/v1alpha1", "IngressRouteTCP", "traefik", "3.0.0"),
        ("serving.knative.dev/v1beta1", "Service", "knative", None),
    ],
)
def test_an_addon_removes(api_version: str, kind: str, project: str, removed: str | None) -> None:
    group, _, version = api_version.rpartition("/")
    row = SHIPPED.third_party_api(group, version, kind)
    assert row is not None
    assert (row.project, row.removed_in) == (project, Version.parse(removed) if removed else None)


# ---- all rows


def test_every_row_has_a_source_that_was_there_when_it_was_written() -> None:
    rows: tuple[ApiRow | ThirdPartyApiRow | BehaviourRow, ...] = (
        *APIS,
        *SHIPPED.apis.third_party,
        *SHIPPED.behaviours,
    )
    sources: list[Source] = [row.source for row in rows]
    assert not [each for each in sources if not each.text or not date(2022, 1, 1) < each.date <= date(2026, 11, 20)]
    vague = [each for each in sources if each.text == "general knowledge"]
    assert all(each.confidence is Confidence.LOW for each in vague)
