"""The same of objects of Argo CD and Flux: what they deploy and how far it is, without values and lists of objects."""

from typing import Any

from msgspec import Struct, field


class Meta(Struct, gc=False):
    name: str
    namespace: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


# ---- argoproj.io/v1alpha1


class ArgoHelm(Struct, gc=False):
    release_name: str | None = field(default=None, name="releaseName")


class ArgoSource(Struct, gc=False):
    repo: str | None = field(default=None, name="repoURL")
    chart: str | None = None
    revision: str | None = field(default=None, name="targetRevision")
    path: str | None = None
    ref: str | None = None
    helm: ArgoHelm | None = None


class ArgoDestination(Struct, gc=False):
    server: str | None = None
    name: str | None = None
    namespace: str | None = None


class ArgoPolicy(Struct, gc=False):
    automated: dict[str, Any] | None = None


class ApplicationSpec(Struct, gc=False):
    destination: ArgoDestination | None = None
    source: ArgoSource | None = None
    sources: list[ArgoSource] | None = None
    policy: ArgoPolicy | None = field(default=None, name="syncPolicy")


class ArgoSync(Struct, gc=False):
    status: str | None = None
    revision: str | None = None
    revisions: list[str] | None = None


class ArgoHealth(Struct, gc=False):
    status: str | None = None


class ApplicationStatus(Struct, gc=False):
    sync: ArgoSync | None = None
    health: ArgoHealth | None = None


class Application(Struct, gc=False):
    metadata: Meta
    spec: ApplicationSpec | None = None
    status: ApplicationStatus | None = None


# ---- helm.toolkit.fluxcd.io/v2


class FluxReference(Struct, gc=False):
    kind: str | None = None
    name: str | None = None


class FluxChartSpec(Struct, gc=False):
    chart: str | None = None
    version: str | None = None
    source: FluxReference | None = field(default=None, name="sourceRef")


class FluxChart(Struct, gc=False):
    spec: FluxChartSpec | None = None


class HelmReleaseSpec(Struct, gc=False):
    chart: FluxChart | None = None
    reference: FluxReference | None = field(default=None, name="chartRef")
    release_name: str | None = field(default=None, name="releaseName")
    target: str | None = field(default=None, name="targetNamespace")
    elsewhere: dict[str, Any] | None = field(default=None, name="kubeConfig")
    suspend: bool | None = None


class FluxRelease(Struct, gc=False):
    chart: str | None = field(default=None, name="chartName")
    version: str | None = field(default=None, name="chartVersion")


class FluxCondition(Struct, gc=False):
    type: str
    status: str = ""
    reason: str | None = None
    message: str | None = None


class HelmReleaseStatus(Struct, gc=False):
    observed: int = field(default=0, name="observedGeneration")
    history: list[FluxRelease] | None = None
    conditions: list[FluxCondition] | None = None


class HelmRelease(Struct, gc=False):
    metadata: Meta
    spec: HelmReleaseSpec | None = None
    status: HelmReleaseStatus | None = None
