"""The executor's way to every API server: by tokens of its own role, or by a kubeconfig context of its own."""

from threading import Lock

from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.kube import identity, kubeconfig
from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Bearer, Credential, credential_of
from fleetkeeper.adapters.kube.kubeconfig import Context, User
from fleetkeeper.adapters.kube.kubes import refuse_insecure
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.writer import KubeObjects
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core import model
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.writers import CloudWriter, KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, ReadError

_KUBE_SYSTEM = ObjectRef("", "v1", "namespaces", "", "kube-system")


class LiveWriters:
    """The Writers port. The reader's contexts and tokens are never used here. Safe to use from many threads."""

    def __init__(self, settings: KubernetesSettings, clouds: EksWriters, clock: Clock, pace: Pace) -> None:
        self._settings, self._clouds, self._clock = settings, clouds, clock
        self._pace, self._limits = pace, Limits.of(settings)
        self._credentials: dict[User, Credential] = {}
        self._lock = Lock()

    def cloud(self, scope: Scope) -> CloudWriter:
        return self._clouds.of(scope)

    def kube(self, scope: Scope | None, name: str, id: model.ClusterId) -> KubeWriter:
        """A client for the very cluster of this id; WRONG_ENDPOINT when another one answers in its place."""
        return self._open(*self.access(scope, name, id))

    def access(self, scope: Scope | None, name: str, id: model.ClusterId) -> tuple[Endpoint, Credential]:
        """Where the very cluster of this id is, and who the executor is there."""
        if scope is None:
            return self._standalone(name, id)
        cloud = self._clouds.of(scope)
        live, control_plane = cloud.control_plane(name)
        if live != id:
            made = f"{live.created_at:%Y-%m-%d %H:%M} UTC"
            raise ReadError(f"{name} is another cluster now, made {made}: plan anew", GapReason.WRONG_ENDPOINT)
        row = next((each for each in self._settings.clusters if each.arn == id.arn), None)
        if row is not None and (row.kubeconfig or row.context):
            context = self._context(row)
            identity.same_cluster(context.server, context.ca_pem, control_plane)
            return self._by_context(context, row)
        identity.known_endpoint(control_plane)
        endpoint = Endpoint(
            control_plane.endpoint, control_plane.ca_pem, proxy=self._proxy(row.proxy_url if row else "")
        )
        return endpoint, Bearer(lambda: cloud.token(name), self._clock)

    def _standalone(self, name: str, id: model.ClusterId) -> tuple[Endpoint, Credential]:
        row = next((each for each in self._settings.clusters if each.name == name and not each.arn), None)
        if row is None:
            raise ReadError(f"no cluster {name} is configured", GapReason.NOT_CONFIGURED)
        context = self._context(row)
        access = self._by_context(context, row)
        client = self._open(*access)
        try:
            namespace = client.read(_KUBE_SYSTEM) or {}
            metadata = namespace.get("metadata")
            uid = metadata.get("uid", "") if isinstance(metadata, dict) else ""
            if f"kubeconfig:{uid}" != id.arn:
                detail = f"the executor's context {context.name} leads to another cluster than {name}"
                raise ReadError(detail, GapReason.WRONG_ENDPOINT)
        finally:
            client.close()
        return access

    def _context(self, row: KubeCluster) -> Context:
        """The executor's own context of the kubeconfig: the reader's may change nothing, and must not be tried."""
        if not row.executor_context:
            detail = f"no context of the executor's is configured for {row.name}: set its executor_context"
            raise ReadError(detail, GapReason.NOT_CONFIGURED)
        context = kubeconfig.load(row.kubeconfig).context(row.executor_context)
        refuse_insecure(context)
        return context

    def _by_context(self, context: Context, row: KubeCluster) -> tuple[Endpoint, Credential]:
        proxy = self._proxy(row.proxy_url or context.proxy_url)
        endpoint = Endpoint(context.server, context.ca_pem, context.tls_server_name, proxy)
        return endpoint, self._credential(context.user)

    def _open(self, endpoint: Endpoint, credential: Credential) -> KubeObjects:
        return KubeObjects(Connection(endpoint, credential), self._limits, self._pace, self._clock)

    def _proxy(self, own: str) -> Proxy:
        return Proxy(own, bypass=False) if own else Proxy(self._settings.proxy_url or None)

    def _credential(self, user: User) -> Credential:
        with self._lock:
            if user not in self._credentials:
                self._credentials[user] = credential_of(user, self._clock)
            return self._credentials[user]
