"""What the owner of a cluster is asked for: the way in (access entry or aws-auth), and the RBAC of the reader."""

from dataclasses import dataclass

from fleetkeeper.core.text import safe
from fleetkeeper.onboarding import shipped
from fleetkeeper.onboarding.clusters import KnownCluster
from fleetkeeper.onboarding.identities import Role
from fleetkeeper.onboarding.shell import (
    PRINCIPAL_VARIABLE,
    ask_principal,
    command,
    file,
    heading,
    prose,
)

_MANIFEST = "fleetkeeper-rbac.yaml"


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """One cluster to onboard. reader is the role or the ARN that fleetkeeper reads with, "" when that is not known."""

    cluster: KnownCluster
    reader: Role | str
    helm_secrets: bool = False

    @property
    def reader_arn(self) -> str:
        return self.reader if isinstance(self.reader, str) else self.reader.arn


def cluster_text(request: ClusterRequest) -> str:
    """Everything step by step, as a shell script whose prose is comments."""
    cluster = request.cluster
    steps = [*(_entrance(request) if cluster.is_eks else []), _rbac(request), _check(cluster)]
    numbered = (heading(f"Step {n}. {title}") + body for n, (title, body) in enumerate(steps, 1))
    return _introduction(request) + "".join(numbered)


def _introduction(request: ClusterRequest) -> str:
    cluster = request.cluster
    where = f" (account {cluster.account}, {cluster.region})" if cluster.is_eks else ""
    secrets = (
        "With the second, opt-in role of this text it can read every Secret as well, for Helm releases."
        if request.helm_secrets
        else "It reads no Secret, and of ConfigMaps only the settings of EKS addons."
    )
    return prose(
        f"""
        Read access for fleetkeeper to the cluster {safe(cluster.name, 100)}{where}.

        Fleetkeeper reads the versions of nodes, which images run where, which addons are installed, and what an
        upgrade depends on. It can change nothing. {secrets}

        Each step says where it runs. All text but the commands is comments. Nothing has been done yet.
        """
    )


def _entrance(request: ClusterRequest) -> list[tuple[str, str]]:
    mode = request.cluster.authentication_mode
    if request.cluster.takes_access_entries:
        return [_access_entry(request, f"The cluster takes access entries ({mode}).")]
    if mode == "CONFIG_MAP":
        return [_aws_auth(request, "The cluster takes no access entries (CONFIG_MAP), only the ConfigMap aws-auth.")]
    cluster = request.cluster
    ask = command(
        *("aws", "eks", "describe-cluster", "--region", cluster.region, "--name", cluster.name),
        *("--query", "cluster.accessConfig.authenticationMode", "--output", "text"),
    )
    told = prose("How the cluster knows IAM roles is not known here, for it was not observed yet. Ask:") + ask
    told += prose("API or API_AND_CONFIG_MAP: take step 2 and leave out step 3. CONFIG_MAP: the other way round.")
    title = f"In account {cluster.account}: which of the two next steps"
    asked = "" if request.reader_arn else "\n" + ask_principal("who fleetkeeper reads as")
    return [(title, told + asked), _access_entry(request, "", asks=False), _aws_auth(request, "", asks=False)]


def _access_entry(request: ClusterRequest, why: str, asks: bool = True) -> tuple[str, str]:
    cluster = request.cluster
    told = prose(
        f"""
        {why} The entry makes the IAM role a member of the Kubernetes group {shipped.GROUP}, which has no rights of its
        own. No access policy of EKS is attached: AmazonEKSViewPolicy shows no nodes, and AmazonEKSAdminViewPolicy shows
        every Secret.
        """
    )
    create = command(
        *("aws", "eks", "create-access-entry", "--region", cluster.region, "--cluster-name", cluster.name),
        *("--principal-arn", request.reader_arn or f"${PRINCIPAL_VARIABLE}"),
        *("--kubernetes-groups", shipped.GROUP, "--type", "STANDARD"),
    )
    asked = "" if request.reader_arn or not asks else ask_principal("who fleetkeeper reads as")
    return f"In account {cluster.account}, as an administrator of EKS: the access entry", told + asked + create


def _aws_auth(request: ClusterRequest, why: str, asks: bool = True) -> tuple[str, str]:
    cluster, reader = request.cluster, request.reader
    arn = reader if isinstance(reader, str) else reader.arn_without_path
    told = prose(
        f"""
        {why} A mistake in aws-auth locks everybody out, so keep a copy; eksctl adds the line without touching the
        others. The line makes the IAM role a member of the Kubernetes group {shipped.GROUP}, which has no rights of its
        own.
        """
    )
    if isinstance(reader, Role) and reader.path != "/":
        told += prose(f"The role's path {reader.path} is left out on purpose: aws-auth does not match roles with one.")
    add = command(
        *("eksctl", "create", "iamidentitymapping", "--region", cluster.region, "--cluster", cluster.name),
        *("--arn", arn or f"${PRINCIPAL_VARIABLE}", "--username", "fleetkeeper-reader", "--group", shipped.GROUP),
    )
    by_hand = f"""\
#   - rolearn: {arn or "ARN"}
#     username: fleetkeeper-reader
#     groups:
#       - {shipped.GROUP}
"""
    asked = "" if arn or not asks else ask_principal("who fleetkeeper reads as")
    edit = prose("Or by hand, under mapRoles of `kubectl --namespace kube-system edit configmap aws-auth`:")
    title = f"In account {cluster.account}, as an administrator of the cluster: the line in aws-auth"
    return title, told + asked + add + edit + by_hand


def _rbac(request: ClusterRequest) -> tuple[str, str]:
    cluster = request.cluster
    manifest = file(_MANIFEST, shipped.rbac(request.helm_secrets))
    told = prose(
        f"What the group {shipped.GROUP} may read. `kubectl diff` shows what would change before you apply it."
    )
    if cluster.is_eks:
        kubeconfig = f"{cluster.name}.kubeconfig"
        login = prose("A kubeconfig of its own, so that it goes to this cluster and to no other:") + command(
            *("aws", "eks", "update-kubeconfig", "--region", cluster.region, "--name", cluster.name),
            *("--kubeconfig", kubeconfig),
        )
        apply = command("kubectl", "--kubeconfig", kubeconfig, "apply", "--filename", _MANIFEST)
        return "In the cluster, as an administrator of it: the RBAC", told + manifest + login + apply
    apply = command("kubectl", "apply", "--filename", _MANIFEST)
    bind = prose(
        f"""
        The user of fleetkeeper's kubeconfig must be in that group: a client certificate with O={shipped.GROUP}, or an
        OIDC token whose groups hold it. For a service account, bind it to the role by name instead:

        $ kubectl create clusterrolebinding fleetkeeper --clusterrole fleetkeeper-reader --serviceaccount NAMESPACE:NAME
        """
    )
    return "In the cluster, as an administrator of it: the RBAC", told + manifest + apply + bind


def _check(cluster: KnownCluster) -> tuple[str, str]:
    told = prose("It tries every permission once, and names each that is missing or too much. It stores nothing.")
    name = cluster.arn if cluster.is_eks else cluster.name
    return "Where fleetkeeper runs: check", told + command("fleetkeeper", "doctor", name)
