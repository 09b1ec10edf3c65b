"""The command lines of etcd and of Kubernetes' own programs, chosen for a plane that is ready in seconds."""

from dataclasses import dataclass
from pathlib import Path

from fleetkeeper.sim.control_plane.cache import Programs

QUICK_CLIENT = ("--kube-api-qps=500", "--kube-api-burst=1000")  # the defaults make a mass seeding crawl


@dataclass(frozen=True, slots=True)
class Files:
    """Where a plane's files are, inside its own folder."""

    folder: Path

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"

    @property
    def serving(self) -> Path:
        """The API server's certificate and key, in one file."""
        return self.folder / "serving.pem"

    @property
    def service_account_public(self) -> Path:
        """What checks service account tokens."""
        return self.folder / "service-account.pub"

    @property
    def service_account_key(self) -> Path:
        """What signs service account tokens."""
        return self.folder / "service-account.key"

    @property
    def tokens(self) -> Path:
        """The static tokens."""
        return self.folder / "tokens.csv"

    @property
    def token_webhook(self) -> Path:
        """Where the API server finds who knows the tokens that it does not know itself."""
        return self.folder / "token-webhook.kubeconfig"

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig."""
        return self.folder / "admin.kubeconfig"

    @property
    def etcd_data(self) -> Path:
        """What etcd stores."""
        return self.folder / "etcd"

    @property
    def etcd_socket(self) -> str:
        """etcd listens on a Unix socket in the working directory, our own folder: no port, no other user.

        etcd 3.6.16 demands the form host:port even here, and takes it for the file name.
        """
        return "unix://localhost:1"


def etcd(programs: Programs, files: Files) -> list[str | Path]:
    """One member, its data in our folder, never synced to disk: the data ends with the plane."""
    return [
        programs.etcd,
        f"--data-dir={files.etcd_data}",
        f"--listen-client-urls={files.etcd_socket}",
        f"--advertise-client-urls={files.etcd_socket}",
        "--listen-peer-urls=http://127.0.0.1:0",
        "--enable-grpc-gateway=false",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(programs: Programs, files: Files, port: int) -> list[str | Path]:
    """RBAC, client certificates and static tokens, on loopback only."""
    return [
        programs.api_server,
        f"--etcd-servers={files.etcd_socket}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--permit-port-sharing=true",  # with our reserved port, see processes.ReservedPort
        f"--tls-cert-file={files.serving}",
        f"--tls-private-key-file={files.serving}",
        f"--client-ca-file={files.ca}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={files.service_account_public}",
        f"--service-account-signing-key-file={files.service_account_key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",  # a loopback address is no valid endpoint
        "--allow-privileged=true",
        "--profiling=false",
    ]


def token_webhook(files: Files) -> list[str]:
    """A webhook that says whose a token is; a client that is taken off its list is refused within seconds."""
    return [
        f"--authentication-token-webhook-config-file={files.token_webhook}",
        "--authentication-token-webhook-version=v1",
        "--authentication-token-webhook-cache-ttl=1s",
    ]


def controller_manager(programs: Programs, files: Files) -> list[str | Path]:
    """As admin: with one service account for each controller it is ready five seconds later.

    KWOK's nodes send no heartbeats: after the usual 50 seconds their pods would be marked not ready, and stay so.
    """
    return [
        programs.controller_manager,
        "--node-monitor-grace-period=24h",
        f"--kubeconfig={files.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=false",
        f"--service-account-private-key-file={files.service_account_key}",
        f"--root-ca-file={files.ca}",
        *QUICK_CLIENT,
    ]


def scheduler(programs: Programs, files: Files) -> list[str | Path]:
    """As admin, without a port."""
    return [
        programs.scheduler,
        f"--kubeconfig={files.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        *QUICK_CLIENT,
    ]
