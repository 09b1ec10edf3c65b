"""The way to every API server that the operator configured or the cloud lists (the Kubes port)."""

from collections.abc import Callable
from datetime import datetime
from threading import Lock

from fleetkeeper.adapters.kube import identity, kubeconfig
from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Bearer, Credential, credential_of
from fleetkeeper.adapters.kube.kubeconfig import Context, User
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.memory import Memories
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core import model
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Clock, Cloud, KubeconfigCluster
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

# A presigned STS token for a cluster of that name, and its end.
TokenFor = Callable[[Cloud, str], tuple[str, datetime]]


class KubeAccess:
    """Opens clients from the settings; `pace` ends every wait and read on SIGTERM. Safe to use from many threads.

    keys: the operator's own labels and annotations that name owners, which are kept beside the conventions.
    """

    def __init__(
        self,
        settings: KubernetesSettings,
        token_for: TokenFor,
        clock: Clock,
        pace: Pace,
        keys: tuple[str, ...] = (),
    ) -> None:
        self._settings, self._token_for, self._clock, self._keys = settings, token_for, clock, keys
        self._pace, self._limits = pace, Limits.of(settings)
        self._credentials: dict[User, Credential] = {}
        self._memories = Memories()
        self._lock = Lock()

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> KubeReader:
        """A client for an EKS cluster: by a token, or by its configured context once that is proven to be its own.

        A row with only a proxy_url stays with the token and goes through that proxy.
        """
        row = next((c for c in self._settings.clusters if c.arn == id.arn), None)
        if row is not None and (row.kubeconfig or row.context):
            context = self._context(row)
            refuse_insecure(context)
            identity.same_cluster(context.server, context.ca_pem, control_plane)
            return self._remembering(id, self._open_context(context, row))
        identity.known_endpoint(control_plane)
        name = control_plane.name
        credential = Bearer(lambda: self._token_for(cloud, name), self._clock)
        proxy = self._proxy(row.proxy_url if row else "")
        endpoint = Endpoint(control_plane.endpoint, control_plane.ca_pem, proxy=proxy)
        return self._remembering(id, self._open(endpoint, credential))

    def standalone(self) -> tuple[str, ...]:
        """The names of the configured clusters that only a kubeconfig knows."""
        return tuple(c.name for c in self._settings.clusters if not c.arn)

    def of_kubeconfig(self, name: str) -> tuple[KubeconfigCluster, KubeReader]:
        """Identify a standalone cluster by its kube-system namespace, and give a client for it."""
        row = next((c for c in self._settings.clusters if c.name == name and not c.arn), None)
        if row is None:
            raise ReadError(f"no cluster {name} is configured", GapReason.NOT_CONFIGURED)
        context = self._context(row)
        refuse_insecure(context)
        try:
            identity.address(context.server)
        except ValueError as e:
            raise ReadError(f"the kubeconfig of {name}: {e}", GapReason.WRONG_ENDPOINT) from e
        client = self._open_context(context, row)
        try:
            found = _identified(name, context, client)
        except BaseException:
            client.close()
            raise
        return found, self._remembering(found.id, client)

    def _remembering(self, id: model.ClusterId, client: KubeReader) -> KubeReader:
        """With what was read of the same cluster before, whichever way it was reached."""
        client.remember(self._memories.of(id, self._pace.monotonic()))
        return client

    def _context(self, row: KubeCluster) -> Context:
        return kubeconfig.load(row.kubeconfig).context(row.context)

    def _open_context(self, context: Context, row: KubeCluster) -> KubeReader:
        proxy = self._proxy(row.proxy_url or context.proxy_url)
        endpoint = Endpoint(context.server, context.ca_pem, context.tls_server_name, proxy)
        return self._open(endpoint, self._credential(context.user))

    def _open(self, endpoint: Endpoint, credential: Credential) -> KubeReader:
        connection = Connection(endpoint, credential)
        return KubeReader(Reader(connection, self._limits, self._pace, self._clock), self._keys)

    def _proxy(self, own: str) -> Proxy:
        """The cluster's own proxy holds whatever NO_PROXY says; the general one and HTTPS_PROXY yield to it."""
        if own:
            return Proxy(own, bypass=False)
        return Proxy(self._settings.proxy_url or None)

    def _credential(self, user: User) -> Credential:
        """One credential per user of a kubeconfig, so that what a plug-in gave lives until it expires."""
        with self._lock:
            if user not in self._credentials:
                self._credentials[user] = credential_of(user, self._clock)
            return self._credentials[user]


def refuse_insecure(context: Context) -> None:
    if context.insecure:
        raise ReadError(
            f"context {context.name} has insecure-skip-tls-verify: nothing would prove whom we send credentials to",
            GapReason.WRONG_ENDPOINT,
        )


def _identified(name: str, context: Context, client: KubeReader) -> KubeconfigCluster:
    kube_system, git_version = client.identity(), client.git_version()
    if not kube_system.uid or kube_system.created_at is None:
        raise InvalidAnswer(f"{name}: the namespace kube-system has no uid or creation time")
    try:
        version = Minor.parse(git_version)
    except ValueError as e:
        raise InvalidAnswer(f"{name}: /version: {e}") from e
    return KubeconfigCluster(
        name=name,
        id=model.ClusterId(f"kubeconfig:{kube_system.uid}", kube_system.created_at),
        control_plane=model.ControlPlane(
            name=name,
            version=version,
            status="ACTIVE",
            endpoint=context.server,
            ca_pem=context.ca_pem,
            git_version=git_version,
        ),
    )
