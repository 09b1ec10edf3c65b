"""What the pod that we run in knows of its cluster's API server: the files of its service account, and its kube-system.

https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ (2026-11). Nothing is changed there, and nothing
more than its identity is read.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import TokenFile
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.core.hosting import Pod
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import ReadError

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


def pod_of(
    environment: Mapping[str, str] = os.environ,
    folder: Path = FOLDER,
    asked: "tuple[Limits, Pace, Clock] | None" = None,
) -> Pod | None:
    """None where we run in no pod. asked: with which limits kube-system is read; None: it is not."""
    host = environment.get(HOST, "")
    if not host:
        return None
    try:
        ca_pem = (folder / "ca.crt").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Pod(unknown=f"the pod has no certificate of its API server ({error})")
    if "BEGIN CERTIFICATE" not in ca_pem:
        return Pod(unknown=f"{folder / 'ca.crt'} holds no certificate")
    named = f"[{host}]" if ":" in host else host
    address = f"https://{named}:{environment.get(PORT, '') or '443'}"
    return Pod(ca_pem, _uid(address, ca_pem, folder, *asked) if asked else "")


def _uid(address: str, ca_pem: str, folder: Path, limits: Limits, pace: Pace, clock: Clock) -> str:
    """ "" where it may not be read: most service accounts may not, and the certificate speaks for most clusters."""
    endpoint = Endpoint(address, ca_pem, proxy=Proxy("", bypass=False))
    credential = TokenFile(User(token_file=str(folder / "token")))
    try:
        client = KubeReader(Reader(Connection(endpoint, credential), limits, pace, clock))
        try:
            return client.identity().uid
        finally:
            client.close()
    except ReadError:
        return ""
