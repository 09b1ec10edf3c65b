"""Restarting workloads by their pod template, once, as `kubectl rollout restart` does; and what cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fleetkeeper.core.owner_keys import owner_keys, owner_named
from fleetkeeper.core.text import safe

_LONGEST = 200  # of a message
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
RESTARTED_BY = "fleetkeeper.dev/restarted-by"
PLURALS: Mapping[str, str] = {"Deployment": "deployments", "StatefulSet": "statefulsets"}
"""Kinds that roll their pods when their template changes."""


@dataclass(frozen=True, slots=True)
class Restartable:
    """A Deployment or StatefulSet. restarted_by: the token of the restart that it had last, "" for none of ours.

    stays: why a new template moves no pod of it, "" where it does. late: it says itself that it does not get on.
    """

    kind: str
    namespace: str
    name: str
    restarted_by: str = ""
    stays: str = ""
    late: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def whose(self) -> str:
        return owner_named(self.owner)


def restartable(kind: str, found: Mapping[str, Any]) -> Restartable:
    metadata, spec = found["metadata"], found.get("spec") or {}
    template = (spec.get("template") or {}).get("metadata") or {}
    return Restartable(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        restarted_by=(template.get("annotations") or {}).get(RESTARTED_BY, ""),
        stays=_stays(spec),
        late=_late(found.get("status") or {}),
        owner=owner_keys(metadata.get("labels"), metadata.get("annotations")),
    )


def change(token: str, at: datetime) -> Mapping[str, object]:
    """The change of a template that makes its pods anew; both notes stay there until the next restart."""
    notes = {RESTARTED_AT: f"{at:%Y-%m-%dT%H:%M:%SZ}", RESTARTED_BY: token}
    return {"spec": {"template": {"metadata": {"annotations": notes}}}}


def _stays(spec: Mapping[str, Any]) -> str:
    if spec.get("paused"):
        return "it is paused"
    if spec.get("replicas") == 0:
        return "it has 0 replicas"
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return "its pods are made anew only when they are deleted (OnDelete)"
    if ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition"):
        return "its partition keeps pods as they are"
    return ""


def _late(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions") or ()
    late = (each for each in conditions if each.get("reason") == "ProgressDeadlineExceeded")
    return next((safe(str(each.get("message", "")), _LONGEST) for each in late), "")
