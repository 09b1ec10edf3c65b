"""Kubeconfig files, merged as kubectl does, down to one context; reading one runs nothing and calls nobody.

Own code, because the client's loader runs exec plug-ins while it reads (without a timeout, on our terminal), leaves CA
and key files behind until the process ends, and takes the last `current-context` where kubectl takes the first
(kubernetes 37.0.1, config/kube_config.py).
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from fleetkeeper.errors import GapReason, ReadError, Refused

_MAX_FILE_BYTES = 32 << 20  # 5,000 clusters with their CAs are 12 MB
# The C loader reads a fleet's kubeconfig of 2 MB 8 times faster.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that gives credentials (client.authentication.k8s.io). command is absolute or looked up in PATH."""

    command: str
    api_version: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    wants_terminal: bool = False
    cluster: str = ""  # JSON of spec.cluster, "" unless provideClusterInfo


@dataclass(frozen=True, slots=True)
class User:
    """Who a context speaks as. certificate and key are PEM; token_file is read anew when it changes."""

    name: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    plugin: ExecPlugin | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """One context of a kubeconfig. ca_pem "" means that the system's CAs are to be trusted."""

    name: str
    server: str
    ca_pem: str
    user: User
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""


class _Cluster(msgspec.Struct, rename="kebab"):
    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    extensions: list[dict[str, Any]] | None = None


class _Exec(msgspec.Struct, rename="camel"):
    command: str
    api_version: str
    args: list[str] | None = None
    env: list[dict[str, str]] | None = None
    install_hint: str = ""
    interactive_mode: str = ""
    provide_cluster_info: bool = False


class _User(msgspec.Struct, rename="kebab"):
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    username: str = ""
    password: str = ""
    exec: _Exec | None = None
    auth_provider: dict[str, Any] | None = None


class _Context(msgspec.Struct):
    cluster: str = ""
    user: str = ""


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: _Cluster | None = None


class _NamedUser(msgspec.Struct):
    name: str
    user: _User | None = None


class _NamedContext(msgspec.Struct):
    name: str
    context: _Context | None = None


class _File(msgspec.Struct, rename="kebab"):
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None
    current_context: str | None = None


@dataclass(slots=True)
class Kubeconfig:
    """The merged files; each entry keeps the folder that its relative paths start from. The first of a name wins."""

    where: str
    current: str = ""
    contexts: dict[str, _Context] = field(default_factory=dict)
    clusters: dict[str, tuple[_Cluster, Path]] = field(default_factory=dict)
    users: dict[str, tuple[_User, Path]] = field(default_factory=dict)

    def add(self, file: _File, folder: Path) -> None:
        self.current = self.current or file.current_context or ""
        for context in file.contexts or ():
            self.contexts.setdefault(context.name, context.context or _Context())
        for cluster in file.clusters or ():
            self.clusters.setdefault(cluster.name, (cluster.cluster or _Cluster(), folder))
        for user in file.users or ():
            self.users.setdefault(user.name, (user.user or _User(), folder))

    def context(self, name: str) -> Context:
        """The context of that name, "" for the current one; a ReadError says what is missing."""
        chosen = name or self.current
        if chosen not in self.contexts:
            raise _broken(
                f"{self.where} has no context {chosen!r}" if chosen else f"{self.where} has no current context"
            )
        context = self.contexts[chosen]
        if context.cluster not in self.clusters:
            raise _broken(
                f"context {chosen!r} of {self.where} names the cluster {context.cluster!r}, which is not there"
            )
        if context.user and context.user not in self.users:
            raise _broken(f"context {chosen!r} of {self.where} names the user {context.user!r}, which is not there")
        cluster, folder = self.clusters[context.cluster]
        ca_pem = _pem(cluster.certificate_authority_data, cluster.certificate_authority, folder)
        user = _user(context.user, *self.users[context.user], cluster, ca_pem) if context.user else User()
        return Context(
            name=chosen,
            server=cluster.server,
            ca_pem=ca_pem,
            user=user,
            insecure=cluster.insecure_skip_tls_verify,
            tls_server_name=cluster.tls_server_name,
            proxy_url=cluster.proxy_url,
        )


def load(path: str, environment: Mapping[str, str] = os.environ) -> Kubeconfig:
    """Read a kubeconfig; "" is $KUBECONFIG (several files, missing ones are passed over), else ~/.kube/config."""
    listed = path or environment.get("KUBECONFIG", "")
    files = [Path(p).expanduser() for p in listed.split(os.pathsep) if p] or [Path("~/.kube/config").expanduser()]
    there = [f.absolute() for f in files if f.is_file()]
    if not there:
        raise _broken(f"there is no kubeconfig {', '.join(map(str, files))}")
    return _merged(tuple((f, f.stat().st_mtime_ns, f.stat().st_size) for f in there))


@lru_cache(maxsize=16)
def _merged(stamped: tuple[tuple[Path, int, int], ...]) -> Kubeconfig:
    """Parsed once per change of a file: a fleet's takes a third of a second, and each of its clusters asks for it."""
    merged = Kubeconfig(where=", ".join(str(file) for file, _, _ in stamped))
    for file, _, _ in stamped:
        merged.add(_parsed(file), file.parent)
    return merged


def _parsed(path: Path) -> _File:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise _broken(f"kubeconfig {path} is larger than {_MAX_FILE_BYTES >> 20} MiB")
        content = yaml.load(path.read_text("utf-8"), Loader=_Loader)
        return msgspec.convert(content if content is not None else {}, _File)
    except OSError as e:
        raise _broken(f"kubeconfig {path} cannot be read: {e.strerror}") from e
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as e:
        raise _broken(f"kubeconfig {path} is not valid: {str(e).splitlines()[0]}") from e


def _user(name: str, user: _User, folder: Path, cluster: _Cluster, ca_pem: str) -> User:
    token = user.token
    if user.auth_provider is not None and not user.exec and not token:
        token = _provider_token(name, user.auth_provider)
    return User(
        name=name,
        token=token,
        token_file=str(folder / user.token_file) if user.token_file else "",
        username=user.username,
        password=user.password,
        certificate=_pem(user.client_certificate_data, user.client_certificate, folder),
        key=_pem(user.client_key_data, user.client_key, folder),
        plugin=_plugin(user.exec, folder, cluster, ca_pem) if user.exec else None,
    )


def _provider_token(name: str, provider: Mapping[str, Any]) -> str:
    """The id-token of the old oidc provider as it stands; it is never refreshed here.

    The client would refresh it without checking the issuer's certificate, and rewrite the operator's file.
    """
    config = provider.get("config")
    token = config.get("id-token") if isinstance(config, dict) else None
    if provider.get("name") == "oidc" and isinstance(token, str) and token:
        return token
    raise _broken(f"user {name!r} uses the auth-provider {provider.get('name')!r}; use an exec plug-in instead")


def _plugin(plugin: _Exec, folder: Path, cluster: _Cluster, ca_pem: str) -> ExecPlugin:
    # As kubectl: a command with a slash is relative to the kubeconfig, a bare name is looked up in PATH.
    relative = "/" in plugin.command and not plugin.command.startswith("/")
    return ExecPlugin(
        command=str(folder / plugin.command) if relative else plugin.command,
        api_version=plugin.api_version,
        arguments=tuple(plugin.args or ()),
        environment=tuple((e.get("name", ""), e.get("value", "")) for e in plugin.env or ()),
        install_hint=plugin.install_hint,
        wants_terminal=plugin.interactive_mode == "Always",
        cluster=_cluster_info(cluster, ca_pem) if plugin.provide_cluster_info else "",
    )


def _cluster_info(cluster: _Cluster, ca_pem: str) -> str:
    told: dict[str, Any] = {"server": cluster.server, "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify}
    if ca_pem:
        told["certificate-authority-data"] = base64.b64encode(ca_pem.encode()).decode()
    if cluster.tls_server_name:
        told["tls-server-name"] = cluster.tls_server_name
    if cluster.proxy_url:
        told["proxy-url"] = cluster.proxy_url
    for extension in cluster.extensions or ():
        if extension.get("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.get("extension")
    return msgspec.json.encode(told).decode()


def _pem(data: str, file: str, folder: Path) -> str:
    """Inline base64 before a file, as kubectl does; "" when neither is given."""
    try:
        if data:
            return base64.b64decode("".join(data.split()), validate=True).decode()
        return (folder / file).read_text("utf-8") if file else ""
    except OSError as e:
        raise _broken(f"{folder / file} cannot be read: {e.strerror}") from e
    except (binascii.Error, UnicodeDecodeError) as e:
        raise _broken("a certificate or key of the kubeconfig is not base64 of PEM") from e


def _broken(detail: str) -> ReadError:
    return Refused(detail, GapReason.UNAUTHENTICATED)
