"""Which cluster fleetkeeper itself runs in: as the settings say, else by what its pod knows of its API server."""

import re
from dataclasses import dataclass

from fleetkeeper.core import model

NOWHERE = "none"
"""What the settings say where fleetkeeper runs in no cluster of the fleet."""

_KUBECONFIG = "kubeconfig:"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Pod:
    """What our pod knows of the API server of its cluster. unknown: why it knows nothing, "" where it does.

    ca_pem: the certificates by which it is known. uid: of the namespace kube-system, "" where it was not asked for, or
    may not be read.
    """

    ca_pem: str = ""
    uid: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """Where fleetkeeper runs. told: the ARN of the settings, NOWHERE, or "" for what the pod shows; pod None: in none.

    on_sqlite: the store is a file beside fleetkeeper, which is in that cluster too.
    """

    told: str = ""
    pod: Pod | None = None
    on_sqlite: bool = False


@dataclass(frozen=True, slots=True)
class Hosting:
    """Whether a cluster is the one that fleetkeeper runs in. note: how that is known, or why it is not.

    leave: why it may not be changed from there, "" where it may.
    """

    is_own: bool = False
    note: str = ""
    leave: str = ""


ELSEWHERE = Hosting()


def hosting(home: Home, cluster: model.ClusterId, plane: model.ControlPlane | None) -> Hosting:
    """By the settings where they say it; else by kube-system's UID where that is the cluster's identity, or by its CA.

    Each EKS cluster has a CA of its own. Where clusters share one, all of them count: to go alone and last harms none.
    """
    if home.told:
        return _own(home, "") if home.told == cluster.arn else ELSEWHERE
    if home.pod is None:
        return ELSEWHERE
    if home.pod.unknown:
        return _unknown(home.pod.unknown)
    if home.pod.uid and cluster.arn.startswith(_KUBECONFIG):
        is_own = cluster.arn == f"{_KUBECONFIG}{home.pod.uid}"
        return _own(home, " (its kube-system is the one that the pod sees)") if is_own else ELSEWHERE
    known = certificates(plane.ca_pem) if plane else frozenset()
    if not known:
        return _unknown("no certificate of its API server is known")
    is_own = bool(known & certificates(home.pod.ca_pem))
    return _own(home, " (its API server has the certificate that the pod trusts)") if is_own else ELSEWHERE


def certificates(pem: str) -> frozenset[str]:
    """The bodies of the certificates of a PEM text, however it is laid out."""
    return frozenset("".join(body.split()) for body in _CERTIFICATE.findall(pem))


def _own(home: Home, how: str) -> Hosting:
    note = f"fleetkeeper runs in it{how}: it goes alone, after all others"
    if not home.on_sqlite:
        return Hosting(True, note)
    return Hosting(
        True,
        note,
        f"fleetkeeper runs in it{how}, and its store is SQLite: when its nodes roll, the run would lose its engine and"
        " its memory at once; keep the store in PostgreSQL outside of it, or upgrade it from elsewhere",
    )


def _unknown(why: str) -> Hosting:
    return Hosting(note=f"whether fleetkeeper runs in it is not known: {why}; set engine.own_cluster")
