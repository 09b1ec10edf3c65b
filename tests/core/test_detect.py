"""Addons found in a cluster: one for each installation, its version never guessed, in any order of the input."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.detect import ALSO_LIMIT, find_addons
from fleetkeeper.core.model import Addon, Crd, FoundBy, HelmRelease, ManagedAddon, Workload

COMPAT = read_compat()
ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
DIGEST = "sha256:" + "ab" * 32
COREDNS = f"{ECR}/eks/coredns:v1.11.4-eksbuild.2"
CERT_MANAGER = "quay.io/jetstack/cert-manager-controller:v1.14.5"
NGINX = "registry.k8s.io/ingress-nginx/controller"


def eks(name: str, version: str = "v1.11.4-eksbuild.2", status: str = "ACTIVE") -> ManagedAddon:
    return ManagedAddon(name, version, status)


def helm(place: str, chart: str, chart_version: str, app_version: str, status: str = "deployed") -> HelmRelease:
    namespace, _, name = place.partition("/")
    return HelmRelease(namespace, name, 1, status, chart, chart_version, app_version, f"{place}@1")


def workload(place: str, *images: str, release: str = "", labels: dict[str, str] | None = None) -> Workload:
    namespace, kind, name = place.split("/")
    owner = dict(labels or {})
    if release:
        owner |= {
            "meta.helm.sh/release-namespace": release.partition("/")[0],
            "meta.helm.sh/release-name": release.partition("/")[2],
        }
    return Workload(kind, namespace, name, f"uid-of-{place}", images, owner=owner)


def crd(name: str) -> Crd:
    return Crd(name, name.partition(".")[2], "Kind", (("v1", True, True, False),))


Trace = ManagedAddon | HelmRelease | Workload | Crd


def find(*traces: Trace) -> tuple[Addon, ...]:
    return find_addons(
        [t for t in traces if isinstance(t, ManagedAddon)],
        [t for t in traces if isinstance(t, HelmRelease)],
        [t for t in traces if isinstance(t, Workload)],
        [t for t in traces if isinstance(t, Crd)],
        COMPAT,
    )


def line(addon: Addon) -> str:
    """An addon in one line: id version, how and where it was found, and the other traces."""
    also = f" +{len(addon.also)}" if addon.also else ""
    return f"{addon.id} {addon.version or '?'} {addon.found_by.value}: {addon.where}{also}"


@dataclass(frozen=True)
class Case:
    traces: tuple[Trace, ...]
    found: tuple[str, ...]


CASES = {
    "an EKS addon, its images and its workload are one": Case(
        (eks("coredns"), workload("kube-system/Deployment/coredns", COREDNS)),
        ("coredns v1.11.4-eksbuild.2 eks addon: coredns +1",),
    ),
    "an EKS addon that drifted from its image keeps EKS's version and shows the other": Case(
        (eks("coredns"), workload("kube-system/Deployment/coredns", f"{ECR}/eks/coredns:v1.10.1-eksbuild.1")),
        ("coredns v1.11.4-eksbuild.2 eks addon: coredns +1",),
    ),
    "an EKS addon without a row is listed under its own name": Case(
        (eks("acme_marketplace-agent", "v2.0.0"),), ("acme_marketplace-agent v2.0.0 eks addon: acme_marketplace-agent",)
    ),
    "an EKS addon and the operator's own copy in another namespace are two": Case(
        (
            eks("metrics-server", "v0.7.2-eksbuild.1"),
            workload("kube-system/Deployment/metrics-server", f"{ECR}/eks/metrics-server:v0.7.2-eksbuild.1"),
            workload("monitoring/Deployment/metrics-server", "registry.k8s.io/metrics-server/metrics-server:v0.6.4"),
        ),
        (
            "metrics-server v0.7.2-eksbuild.1 eks addon: metrics-server +1",
            "metrics-server v0.6.4 image: monitoring/Deployment/metrics-server",
        ),
    ),
    "an EKS addon in a namespace of the operator's choice is known by an equal version": Case(
        (
            eks("cert-manager", "v1.18.2-eksbuild.2"),
            workload("security/Deployment/cert-manager", "quay.io/jetstack/cert-manager-controller:v1.18.2"),
        ),
        ("cert-manager v1.18.2-eksbuild.2 eks addon: cert-manager +1",),
    ),
    "a failed EKS addon does not swallow another installation": Case(
        (
            eks("cert-manager", "v1.18.2-eksbuild.2", "CREATE_FAILED"),
            workload("security/Deployment/cert-manager", CERT_MANAGER),
        ),
        (
            "cert-manager v1.18.2-eksbuild.2 eks addon: cert-manager",
            "cert-manager v1.14.5 image: security/Deployment/cert-manager",
        ),
    ),
    "a release under an EKS addon is the record of who installed the same objects before": Case(
        (eks("coredns"), helm("kube-system/coredns", "coredns", "1.29.0", "1.11.1")),
        ("coredns v1.11.4-eksbuild.2 eks addon: coredns +1",),
    ),
    "a release and the images in its namespace are one": Case(
        (
            helm("cert-manager/cert-manager", "cert-manager", "v1.14.5", "v1.14.5"),
            workload("cert-manager/Deployment/cert-manager", CERT_MANAGER),
            workload("cert-manager/Deployment/cert-manager-webhook", "quay.io/jetstack/cert-manager-webhook:v1.14.5"),
            crd("certificates.cert-manager.io"),
        ),
        ("cert-manager v1.14.5 helm release: cert-manager/cert-manager +4",),
    ),
    "the running image says the version where a release sets its own tag": Case(
        (
            helm("kube-system/ca", "cluster-autoscaler", "9.46.0", "1.32.0"),
            workload("kube-system/Deployment/ca", "registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.1"),
        ),
        ("cluster-autoscaler v1.33.1 helm release: kube-system/ca +2",),
    ),
    "the chart says the version where the image has only a digest": Case(
        (
            helm("karpenter/karpenter", "karpenter", "1.9.0", "1.9.0"),
            workload("karpenter/Deployment/karpenter", f"public.ecr.aws/karpenter/controller@{DIGEST}"),
        ),
        ("karpenter 1.9.0 helm release: karpenter/karpenter +2",),
    ),
    "a chart of an unknown name is listed as such": Case(
        (helm("shop/api", "payments-api", "3.2.1", "2024.11"),),
        ("helm:payments-api 2024.11 helm release: shop/api +1",),
    ),
    "a chart's appVersion that says no version is not believed": Case(
        (helm("datadog/dd", "datadog", "3.80.0", "7"),), ("datadog-agent ? helm release: datadog/dd +1",)
    ),
    "an appVersion that numbers something else is not believed": Case(
        (helm("dd/operator", "datadog-operator", "2.1.0", "1.9.0"),), ("datadog-agent ? helm release: dd/operator +1",)
    ),
    "one addon in two namespaces is two": Case(
        (
            workload("ingress-a/Deployment/ingress-nginx-controller", f"{NGINX}:v1.12.0@{DIGEST}"),
            workload("ingress-b/Deployment/ingress-nginx-controller", f"{NGINX}:v1.11.3"),
        ),
        (
            "ingress-nginx v1.12.0 image: ingress-a/Deployment/ingress-nginx-controller",
            "ingress-nginx v1.11.3 image: ingress-b/Deployment/ingress-nginx-controller",
        ),
    ),
    "two releases of one chart in one namespace are two, each with its own images": Case(
        (
            helm("ingress/internal", "ingress-nginx", "4.12.0", "1.12.0"),
            helm("ingress/public", "ingress-nginx", "4.11.0", "1.11.0"),
            workload("ingress/Deployment/public-ingress-nginx-controller", f"{NGINX}:v1.11.3"),
            workload("ingress/Deployment/gate", f"{NGINX}:v1.12.1", release="ingress/internal"),
        ),
        (
            "ingress-nginx v1.12.1 helm release: ingress/internal +2",
            "ingress-nginx v1.11.3 helm release: ingress/public +2",
        ),
    ),
    "charts of one addon in one namespace are one": Case(
        (
            helm("istio-system/base", "base", "1.28.0", "1.28.0"),
            helm("istio-system/istiod", "istiod", "1.28.0", "1.28.0"),
            helm("istio-system/ztunnel", "ztunnel", "1.28.0", "1.28.0"),
        ),
        ("istio 1.28.0 helm release: istio-system/istiod +3",),
    ),
    "a workload of the addon's other chart is no other installation": Case(
        (
            helm("rook-ceph/operator", "rook-ceph", "v1.18.0", "v1.18.0"),
            helm("rook-ceph/cluster", "rook-ceph-cluster", "v1.18.0", "v1.18.0"),
            workload("rook-ceph/Deployment/tools", "docker.io/rook/ceph:v1.18.0", release="rook-ceph/cluster"),
        ),
        ("rook-ceph v1.18.0 helm release: rook-ceph/operator +3",),
    ),
    "a common chart name belongs to an addon of its own version": Case(
        (
            helm("istio-system/istiod", "istiod", "1.28.0", "1.28.0"),
            helm("istio-ingress/gateway", "gateway", "1.28.0", "1.28.0"),
        ),
        ("istio 1.28.0 helm release: istio-system/istiod +2",),
    ),
    "a common chart name elsewhere is an unknown chart": Case(
        (helm("istio-system/istiod", "istiod", "1.28.0", "1.28.0"), helm("shop/base", "base", "0.1.0", "0.1.0")),
        ("helm:base 0.1.0 helm release: shop/base +1", "istio 1.28.0 helm release: istio-system/istiod +1"),
    ),
    "a workload of another release in the same namespace is another installation": Case(
        (
            helm("platform/certs", "cert-manager", "v1.14.5", "v1.14.5"),
            workload("platform/Deployment/umbrella-cert-manager", CERT_MANAGER, release="platform/umbrella"),
        ),
        (
            "cert-manager v1.14.5 helm release: platform/certs +1",
            "cert-manager v1.14.5 image: platform/Deployment/umbrella-cert-manager",
        ),
    ),
    "an operator and what it made in its own namespaces are one": Case(
        (
            helm("tigera-operator/calico", "tigera-operator", "v3.30.0", "v3.30.0"),
            workload("tigera-operator/Deployment/tigera-operator", "quay.io/tigera/operator:v1.38.0"),
            workload("calico-system/DaemonSet/calico-node", "docker.io/calico/node:v3.30.0"),
        ),
        ("calico v3.30.0 helm release: tigera-operator/calico +3",),
    ),
    "a tag that numbers something else proves the addon and not its version": Case(
        (workload("tigera-operator/Deployment/tigera-operator", "quay.io/tigera/operator:v1.38.0"),),
        ("calico ? image: tigera-operator/Deployment/tigera-operator",),
    ),
    "an image with only a digest leaves the version unknown": Case(
        (workload("edge/Deployment/traefik", f"traefik@{DIGEST}"),), ("traefik ? image: edge/Deployment/traefik",)
    ),
    "images that disagree give the oldest main one": Case(
        (
            workload("kube-system/DaemonSet/ebs-csi-node", "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.40.0"),
            workload("kube-system/Deployment/ebs-csi-controller", "reg:5000/x/eks/aws-ebs-csi-driver:v1.9.0"),
        ),
        ("aws-ebs-csi-driver v1.9.0 image: kube-system/DaemonSet/ebs-csi-node +1",),
    ),
    "the main image says the version, not the others": Case(
        (
            workload("cert-manager/Deployment/a", "quay.io/jetstack/cert-manager-cainjector:v1.13.0"),
            workload("cert-manager/Deployment/b", CERT_MANAGER),
        ),
        ("cert-manager v1.14.5 image: cert-manager/Deployment/b +1",),
    ),
    "init containers and sidecars count": Case(
        (
            workload(
                "kube-system/DaemonSet/odd", "busybox", "reg:5000/mirror/eks/kube-proxy:v1.33.1-minimal-eksbuild.2"
            ),
        ),
        ("kube-proxy v1.33.1-minimal-eksbuild.2 image: kube-system/DaemonSet/odd",),
    ),
    "a mirror that renamed the whole image is known by its workload, and its version is not": Case(
        (workload("kube-system/DaemonSet/aws-node", "reg:5000/base/cni:v9.9.9"),),
        ("vpc-cni ? image: kube-system/DaemonSet/aws-node",),
    ),
    "a mirror that kept the image's own name is believed in the addon's workload": Case(
        (
            workload(
                "kube-system/DaemonSet/aws-node", "reg:5000/base/helper:1.0", "reg:5000/base/amazon-k8s-cni:v1.19.0"
            ),
        ),
        ("vpc-cni v1.19.0 image: kube-system/DaemonSet/aws-node",),
    ),
    "a label says the version where every image numbers itself": Case(
        (
            workload(
                "flux-system/Deployment/source-controller",
                "ghcr.io/fluxcd/source-controller:v1.6.2",
                labels={"app.kubernetes.io/version": "v2.6.4"},
            ),
        ),
        ("flux v2.6.4 image: flux-system/Deployment/source-controller",),
    ),
    "a sidecar of a mesh installs no mesh": Case(
        (workload("shop/Deployment/api", "shop/api:1.0", "docker.io/istio/proxyv2:1.28.0"),), ()
    ),
    "a sidecar of a CSI driver installs no snapshot controller": Case(
        (workload("kube-system/Deployment/ebs", "registry.k8s.io/sig-storage/csi-snapshotter:v8.2.0"),), ()
    ),
    "a job that runs a program installs it not": Case(
        (workload("shop/CronJob/sync", "quay.io/argoproj/argocd:v3.0.0"),), ()
    ),
    "a job of an installation belongs to it": Case(
        (
            workload("argocd/Deployment/argocd-server", "quay.io/argoproj/argocd:v3.0.0"),
            workload("argocd/Job/argocd-init", "quay.io/argoproj/argocd:v2.9.0"),
        ),
        ("argo-cd v3.0.0 image: argocd/Deployment/argocd-server +1",),
    ),
    "CRDs alone are an addon of unknown version": Case(
        (crd("certificates.cert-manager.io"), crd("issuers.cert-manager.io"), crd("orders.acme.cert-manager.io")),
        ("cert-manager ? crd: certificates.cert-manager.io +2",),
    ),
    "a group shared by several addons is told apart by the CRD's name": Case(
        (crd("rollouts.argoproj.io"), crd("sensors.argoproj.io")), ("argo-rollouts ? crd: rollouts.argoproj.io",)
    ),
    "CRDs that EKS itself installs prove nothing": Case(
        (
            crd("nodepools.karpenter.sh"),
            crd("cninodes.vpcresources.k8s.aws"),
            crd("policyendpoints.networking.k8s.aws"),
        ),
        (),
    ),
    "images of nobody are nobody's": Case(
        (workload("shop/Deployment/web", "nginx:1.25", "library/nginx", "not an image", "", "reg:5000"),), ()
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_addons_are_found(case: Case) -> None:
    assert tuple(line(addon) for addon in find(*case.traces)) == case.found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_order_of_what_was_seen_plays_no_role(case: Case) -> None:
    traces = list(case.traces)
    expected = find(*traces)
    for seed in range(5):
        random.Random(seed).shuffle(traces)
        assert find(*traces) == expected


def test_the_other_sightings_say_how_and_where() -> None:
    (addon,) = find(*CASES["a release and the images in its namespace are one"].traces)
    assert addon.also == (
        "(chart cert-manager v1.14.5)",
        "image: cert-manager/Deployment/cert-manager v1.14.5",
        "image: cert-manager/Deployment/cert-manager-webhook v1.14.5",
        "crd: certificates.cert-manager.io",
    )
    assert addon.status == "deployed"


def test_the_status_of_an_eks_addon_is_kept() -> None:
    (addon,) = find(eks("vpc-cni", "v1.19.0-eksbuild.1", "DEGRADED"))
    assert addon == Addon("vpc-cni", "v1.19.0-eksbuild.1", FoundBy.EKS, "vpc-cni", "DEGRADED")


def test_other_sightings_are_bounded() -> None:
    (addon,) = find(*(workload(f"argocd/Deployment/a{n:03}", "quay.io/argoproj/argocd:v3.0.0") for n in range(100)))
    assert len(addon.also) == ALSO_LIMIT
    assert addon.also[-1] == f"and {99 - ALSO_LIMIT + 1} more"


def test_a_chart_name_is_made_harmless() -> None:
    (addon,) = find(helm("shop/api", "evil\x1b[2J" + "x" * 10_000, "1\x00", "1.0"))
    assert addon.id.startswith("helm:evil\\x1b[2J")
    assert len(addon.id) < 200
    assert "\x00" not in addon.also[0]


def test_parts_that_were_not_seen_find_nothing() -> None:
    assert find_addons(None, None, None, None, COMPAT) == ()
    assert [a.id for a in find_addons(None, None, [workload("a/Deployment/b", CERT_MANAGER)], None, COMPAT)] == [
        "cert-manager"
    ]


IMAGES = [COREDNS, CERT_MANAGER, f"{NGINX}:v1.12.0", f"traefik@{DIGEST}", "docker.io/istio/proxyv2:1.28.0", "nginx"]
NAMESPACES = ["kube-system", "cert-manager", "shop"]
TRACES = st.one_of(
    st.builds(eks, st.sampled_from(["coredns", "cert-manager", "adot", "acme"]), st.sampled_from(["v1.14.5", ""])),
    st.builds(
        helm,
        st.builds("{}/{}".format, st.sampled_from(NAMESPACES), st.sampled_from(["a", "b"])),
        st.sampled_from(["cert-manager", "coredns", "base", "acme"]),
        st.just("1.0"),
        st.sampled_from(["1.14.5", "7", "", "\x1b"]),
    ),
    st.builds(
        lambda place, images, release: workload(place, *images, release=release),
        st.builds(
            "{}/{}/{}".format,
            st.sampled_from(NAMESPACES),
            st.sampled_from(["Deployment", "Job"]),
            st.sampled_from("ab"),
        ),
        st.lists(st.sampled_from(IMAGES) | st.text(), max_size=3),
        st.sampled_from(["", "shop/a", "cert-manager/b"]),
    ),
    st.sampled_from([crd("certificates.cert-manager.io"), crd("gateways.networking.istio.io")]),
)


@settings(deadline=None)  # the machine is shared
@given(st.lists(TRACES, max_size=12), st.randoms(use_true_random=False))
def test_whatever_is_seen_no_version_is_made_up_and_no_order_matters(
    traces: list[Trace], chance: random.Random
) -> None:
    found = find(*traces)
    said = {a.version for a in traces if isinstance(a, ManagedAddon)}
    said |= {a.app_version for a in traces if isinstance(a, HelmRelease)}
    tags = {image.rpartition(":")[2] for w in traces if isinstance(w, Workload) for image in w.images}
    assert {addon.version for addon in found} <= said | tags | {""}
    shuffled = chance.sample(traces, len(traces))
    assert find(*shuffled) == found
