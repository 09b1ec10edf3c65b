"""A real release of a small chart on a real API server, and our adapter of Helm over it."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from fleetkeeper.adapters.helm import records
from fleetkeeper.adapters.helm.api import Api
from fleetkeeper.adapters.helm.records import Record
from fleetkeeper.adapters.helm.releases import HelmReleases
from fleetkeeper.adapters.helm.releases import Writers as AnyWriters
from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Credential, Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.adapters.library import read_compat
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import ChartSettings, EngineSettings
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.engine.releases import ChartChoice, ReleaseRef
from fleetkeeper.sim.control_plane.identity import Identity, render_kubeconfig
from fleetkeeper.sim.control_plane.plane import ControlPlane
from tests.waiting import wait_until

Object = dict[str, Any]

VERSIONS = {"1.0.0": "1.0", "2.0.0": "2.0", "3.0.0": "3.0"}
VALUES = "text: plain\npassword: default-pass\nextra: false\n"
CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data:
  version: {{ .Chart.Version | quote }}
  text: {{ .Values.text | quote }}
  key: {{ .Values.password | quote }}
"""
SECRET = """apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-login}
stringData:
  login: {{ printf "%s-%s" .Values.password .Chart.Version | quote }}
"""
BUDGET = """# keeps one
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .Release.Name }}-front
spec:
  minAvailable: 1
  selector: {matchLabels: {app: front}}
"""
SCALER = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .Release.Name }}-front
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: front}
  minReplicas: 1
  maxReplicas: 3
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}
"""
FILES = {"settings.yaml": CONFIG, "login.yaml": SECRET, "budget.yaml": BUDGET, "scaler.yaml": SCALER}


def slow_hook(seconds: int) -> str:
    """A hook whose Job never ends: helm waits for it as long as it may."""
    return (
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ .Release.Name }}-before\n"
        f'  annotations: {{"helm.sh/hook": pre-upgrade}}\nspec:\n  activeDeadlineSeconds: {seconds}\n  suspend: true\n'
        "  template:\n    spec:\n      restartPolicy: Never\n"
        "      containers: [{name: main, image: registry.example/tool:1}]\n"
    )


def crd(version_text: str = "one", group: str = "acme.example.com") -> Object:
    """Guards of a group; the text is in the schema, so that two of them differ."""
    schema = {"type": "object", "description": version_text, "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "guards", "singular": "guard", "kind": "Guard", "listKind": "GuardList"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    meta = {"name": f"guards.{group}"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}


@dataclass
class Writers:
    """The executor's access to one API server."""

    server: str
    ca_pem: str
    user: User

    def access(self, scope: Scope | None, name: str, id: ClusterId) -> tuple[Endpoint, Credential]:
        return Endpoint(self.server, self.ca_pem, proxy=Proxy("")), Fixed(self.user)


def writers(plane: ControlPlane, who: Identity) -> Writers:
    return Writers(plane.server, plane.ca_pem, User(token=who.token, certificate=who.certificate, key=who.key))


def settings(engine: Path, charts: Path, helm: Path, timeout_minutes: float = 1.0) -> EngineSettings:
    chart = ChartSettings("acme", "acme", str(charts), versions=VERSIONS, timeout_minutes=timeout_minutes)
    return EngineSettings(folder=str(engine), charts=(chart,), helm=str(helm))


def releases(of: EngineSettings, to: AnyWriters) -> HelmReleases:
    return HelmReleases(of, to, read_compat().apis, Limits(), WallPace(Event()), SystemClock())


def reference(namespace: str) -> ReleaseRef:
    return ReleaseRef(None, "plane", ClusterId("kubeconfig:1", datetime(2026, 1, 1, tzinfo=UTC)), namespace, "web")


def begin_elsewhere(*told: str) -> None:
    """Begin an upgrade in this process, which knows no more of the test than what it is told."""
    server, ca_pem, token, engine, charts, helm, namespace, version, package, attempt = told
    of = settings(Path(engine), Path(charts), Path(helm))
    found = releases(of, Writers(server, ca_pem, User(token=token)))
    found.upgrade(reference(namespace), ChartChoice("acme", "acme", version), package, attempt)


@dataclass
class Side:
    """A namespace of a plane, a folder of charts, and helm as its user would run it."""

    plane: ControlPlane
    namespace: str
    helm: Path
    folder: Path
    timeout_minutes: float = 1.0
    identity: Identity | None = None
    engine: Path = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.folder / "engine"
        self.charts.mkdir(parents=True)
        kubeconfig = render_kubeconfig(self.plane.server, self.plane.ca_pem, self.plane.admin)
        self.kubeconfig.write_text(kubeconfig, "utf-8")

    @property
    def charts(self) -> Path:
        return self.folder / "charts"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def ref(self) -> ReleaseRef:
        return reference(self.namespace)

    @property
    def releases(self) -> HelmReleases:
        """As another process of the same machine would have it: nothing is kept between two of them."""
        of = settings(self.engine, self.charts, self.helm, self.timeout_minutes)
        return releases(of, writers(self.plane, self.identity or self.plane.admin))

    def package(
        self, version: str, files: Mapping[str, str] | None = None, crds: Mapping[str, str] | None = None
    ) -> ChartChoice:
        """Write a chart's package into the folder."""
        root = self.folder / "written" / version / "acme"
        (root / "templates").mkdir(parents=True)
        about = f"apiVersion: v2\nname: acme\nversion: {version}\nappVersion: {VERSIONS[version]!r}\n"
        texts = {"Chart.yaml": about, "values.yaml": VALUES}
        texts |= {f"templates/{name}": text for name, text in (FILES if files is None else files).items()}
        texts |= {f"crds/{name}": text for name, text in (crds or {}).items()}
        for name, text in texts.items():
            path = root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        self.run("package", str(root), "--destination", str(self.charts))
        return ChartChoice("acme", "acme", version)

    def publish_anew(self, version: str, without: str) -> None:
        """The same version without a template, as a publisher should not; what we kept of it is forgotten."""
        written = self.folder / "written" / version / "acme"
        (written / "templates" / without).unlink()
        self.run("package", str(written), "--destination", str(self.charts))
        for path in (self.engine / "helm" / "charts").iterdir():
            path.unlink()

    def install(self, version: str = "1.0.0", **values: str) -> None:
        given = [f"--set={name}={value}" for name, value in values.items()]
        self.run("install", "web", str(self.charts / f"acme-{version}.tgz"), *given)

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What helm says; it must end well, or with fails, badly."""
        home = self.folder / "home"
        environment = {**os.environ, "HOME": str(home), "KUBECONFIG": str(self.kubeconfig)}
        environment["HELM_NAMESPACE"] = self.namespace
        done = subprocess.run(
            [str(self.helm), *arguments], capture_output=True, text=True, check=False, env=environment
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stdout + done.stderr

    def ended(self, token: str) -> CommandState:
        def over() -> CommandState | None:
            state = self.releases.state(self.ref, token)
            return state if state is not None and (state.exit_code is not None or state.lost) else None

        return wait_until(over, "helm ends")

    def object(self, path: str) -> Object | None:
        answer = self.plane.request("GET", path.format(self.namespace))
        return answer.json() if answer.ok else None

    def remove(self, path: str) -> None:
        self.plane.request("DELETE", path)
        wait_until(lambda: self.plane.request("GET", path).status == 404, f"{path} is gone")

    def text_of(self, key: str) -> str:
        found = self.object("/api/v1/namespaces/{}/configmaps/web-settings")
        assert found is not None
        return str(found["data"][key])

    def record(self, revision: int) -> Record:
        endpoint, credential = writers(self.plane, self.plane.admin).access(None, "", self.ref.id)
        api = Api(Connection(endpoint, credential), Limits(), WallPace(Event()), SystemClock())
        try:
            found = records.read(api, self.ref, revision)
        finally:
            api.close()
        assert found is not None
        return found

    def write_record(self, revision: int, manifest: str) -> None:
        """What the record would be had the release been made when older APIs were served."""
        made = records.rewritten(self.record(revision), {"manifest": manifest}, {})
        path = f"{records.folder(self.ref)}/{records.name(self.ref, revision)}"
        assert self.plane.request("PUT", path, made).ok

    def history(self) -> list[tuple[int, str]]:
        """(revision, status), by the records' labels."""
        listed = self.plane.request("GET", f"{records.folder(self.ref)}?labelSelector=owner%3Dhelm").json()["items"]
        return sorted((records.number(each["metadata"]), records.status(each["metadata"])) for each in listed)
