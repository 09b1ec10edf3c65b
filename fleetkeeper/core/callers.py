"""Which workload is behind a user agent, a field manager or a service account, and what it runs."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleetkeeper.core.finding import Subject
from fleetkeeper.core.images import parse
from fleetkeeper.core.model import Workload

_SERVICE_ACCOUNT = "system:serviceaccount:"

_OWN = frozenset(
    {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager", "fleetkeeper"}
)
"""The control plane's own components, which the cloud upgrades, and we."""

_TOOLS = (
    *(
        "kubectl",
        "helm",
        "terraform",
        "hashicorp",
        "pulumi",
        "argocd",
        "kustomize",
        "flux",
        "ansible",
        "openapi-generator",
    ),
    *("go-http-client", "python-requests", "curl", "kubernetes-dashboard", "k9s", "lens", "oc", "kapp", "tanka"),
)
"""Tools by which people and pipelines write; no workload of the cluster has to be one of them."""


@dataclass(frozen=True, slots=True)
class Callers:
    """The workloads of a cluster, to be asked for by what names them."""

    workloads: Sequence[Workload]
    by_program: Mapping[str, tuple[Workload, ...]]

    @classmethod
    def of(cls, workloads: Sequence[Workload]) -> "Callers":
        found: dict[str, dict[str, Workload]] = {}
        for workload in workloads:
            for program in (workload.name, *(_program(image) for image in workload.images)):
                found.setdefault(program.lower(), {})[workload.uid or str(subject_of(workload))] = workload
        return cls(workloads, {program: tuple(each.values()) for program, each in found.items()})

    def of_agent(self, agent: str) -> tuple[Workload, ...]:
        """The workloads whose name or image is the program of a user agent (`legacy-operator/v1.2 (linux/amd64) ...`)
        or field manager. A workload of that very name goes before those that only run such an image."""
        program = program_of(agent)
        if not program or is_tool(program):
            return ()
        found = self.by_program.get(program, ())
        return tuple(each for each in found if each.name.lower() == program) or found

    def of_user(self, user: str) -> tuple[Workload, ...]:
        """The workloads that run as a service account, given as its user name."""
        if not user.startswith(_SERVICE_ACCOUNT):
            return ()
        namespace, _, name = user.removeprefix(_SERVICE_ACCOUNT).partition(":")
        return tuple(w for w in self.workloads if w.namespace == namespace and w.template and _account(w) == name)


def program_of(agent: str) -> str:
    """The program of a user agent, in lower case: what stands before its version."""
    return agent.partition("/")[0].partition(" ")[0].strip().lower()


def is_tool(agent: str) -> bool:
    return program_of(agent).startswith(_TOOLS)


def is_own(agent: str) -> bool:
    return program_of(agent) in _OWN


def subject_of(workload: Workload) -> Subject:
    return Subject(workload.kind, workload.name, workload.namespace)


def state_of(subjects: Iterable[Subject], workloads: Iterable[Workload]) -> str:
    """A digest of what these workloads run: their uids and images. "" when none of them is there."""
    wanted = set(subjects)
    runs = sorted(f"{w.uid} {' '.join(sorted(w.images))}" for w in workloads if subject_of(w) in wanted)
    return hashlib.blake2b("\n".join(runs).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() if runs else ""


def _account(workload: Workload) -> str:
    return (workload.template.service_account if workload.template else "") or "default"


def _program(image: str) -> str:
    """The last component of an image's repository."""
    found = parse(image)
    return found.repository.rpartition("/")[2] if found else ""
