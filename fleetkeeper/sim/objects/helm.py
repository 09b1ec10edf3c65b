"""Helm releases as the Secrets that Helm 3 keeps: gzip in base64 in the base64 of the Secret, one per revision."""

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from fleetkeeper.sim.objects.recipes import Recipe, managed_fields, stamp
from fleetkeeper.sim.scenario import HelmSpec, WorkloadSpec
from fleetkeeper.sim.world import Object

_KEPT = 10  # revisions; Helm's --history-max


def recipes(spec: HelmSpec, workloads: tuple[WorkloadSpec, ...], now: datetime) -> Iterator[Recipe]:
    """The newest revision with its status, and the older ones as superseded."""
    for revision in range(max(1, spec.revision - _KEPT + 1), spec.revision + 1):
        newest = revision == spec.revision
        status = spec.status if newest else "superseded"
        if spec.status != "deployed" and revision == spec.revision - 1:
            status = "deployed"  # a failed or unfinished upgrade leaves the revision before it in place
        age = timedelta(days=14 * (spec.revision - revision) + 9)
        yield _secret(spec, revision, status, now - age, _payload(spec, revision, status, workloads, now - age), age)


def _secret(
    spec: HelmSpec, revision: int, status: str, at: datetime, payload: str, age: timedelta
) -> Recipe:  # at: when Helm last wrote it
    labels = {
        "modifiedAt": str(int(at.timestamp())),
        "name": spec.release,
        "owner": "helm",
        "status": status,
        "version": str(revision),
    }
    body: Object = {"data": {"release": payload}, "type": "helm.sh/release.v1"}
    return Recipe(
        "/secrets",
        f"sh.helm.release.v1.{spec.release}.v{revision}",
        body,
        namespace=spec.namespace,
        labels=labels,
        age=age,
        managed=[managed_fields("Helm", "v1", {"metadata": {"labels": labels}, **body}, stamp(at))],
    )


def _payload(spec: HelmSpec, revision: int, status: str, workloads: tuple[WorkloadSpec, ...], at: datetime) -> str:
    manifest = "".join(_manifest(spec, workload) for workload in workloads)
    release = {
        "name": spec.release,
        "info": {
            "first_deployed": stamp(at - timedelta(days=90)),
            "last_deployed": stamp(at),
            "deleted": "",
            "description": "Upgrade complete" if status != "failed" else "Upgrade failed: context deadline exceeded",
            "status": status,
            "notes": f"{spec.chart} has been installed.",
        },
        "chart": {
            "metadata": {
                "name": spec.chart,
                "version": _version(spec.version, spec.revision - revision),
                "description": f"A Helm chart for {spec.chart}",
                "apiVersion": "v2",
                "appVersion": spec.app_version,
                "kubeVersion": ">=1.22.0-0",
            },
            "lock": None,
            "templates": [{"name": "templates/deployment.yaml", "data": base64.b64encode(manifest.encode()).decode()}],
            "values": {"replicaCount": 1, "image": {"pullPolicy": "IfNotPresent"}},
            "schema": None,
            "files": [{"name": ".helmignore", "data": base64.b64encode(b".git/\n*.orig\n").decode()}],
        },
        "config": {"replicaCount": 2},
        "manifest": manifest,
        "version": revision,
        "namespace": spec.namespace,
    }
    packed = gzip.compress(json.dumps(release).encode(), 9, mtime=0)
    return base64.b64encode(base64.b64encode(packed)).decode()


def _version(newest: str, back: int) -> str:
    """The chart version of an older revision: its last number counts down, as far as it goes."""
    head, dot, last = newest.rpartition(".")
    return f"{head}{dot}{max(0, int(last) - back)}" if last.isdigit() else newest


def _manifest(spec: HelmSpec, workload: WorkloadSpec) -> str:
    api = "batch/v1" if workload.kind in ("CronJob", "Job") else "apps/v1"
    containers = "".join(f"      - image: {image}\n        name: {workload.name}\n" for image in workload.images)
    return (
        f"---\n# Source: {spec.chart}/templates/{workload.name}.yaml\napiVersion: {workload.applied_as or api}\n"
        f"kind: {workload.kind}\nmetadata:\n  name: {workload.name}\n  namespace: {spec.namespace}\n"
        f"  labels:\n    app.kubernetes.io/managed-by: Helm\n    app.kubernetes.io/instance: {spec.release}\n"
        f"spec:\n  template:\n    spec:\n      containers:\n{containers}"
    )
