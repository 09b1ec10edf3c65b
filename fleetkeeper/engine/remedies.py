"""What to do about each thing that the doctor finds: the exact permission, and the command that prints the rest."""

from fleetkeeper.engine.probing import ASSUME, CONNECT, CREDENTIAL, IDENTITY, RESOLVE, TLS, Right
from fleetkeeper.errors import GapReason

_NO_ANSWER = frozenset({GapReason.UNREACHABLE, GapReason.TIMEOUT})

SET_CLOCK = "set this machine's clock (chrony, systemd-timesyncd): past 5 minutes AWS refuses every signature"
ADD_SOMETHING = "set aws.regions, or add a table of kubernetes.clusters: see config.example.toml"
DESCRIBE_ORGANIZATION = (
    "allow what `fleetkeeper onboard ACCOUNT --format organizations-policy` prints, in the organization's management "
    "account or a delegated administrator, to aws.organizations.role_arn or to fleetkeeper itself"
)


def for_cloud(account: str, region: str, permission: str, reason: GapReason) -> str:
    """account "" is fleetkeeper's own."""
    if reason in _NO_ANSWER:
        where = f"the AWS endpoints of {region}" if region else "AWS"
        return f"check DNS, the firewall, aws.proxy_url and aws.endpoint_url on the way to {where}"
    if reason is GapReason.THROTTLED:
        return "run it again in a minute, or lower aws.requests_per_second"
    if permission == ASSUME and reason is GapReason.FORBIDDEN:
        return (
            "one of three is missing: the role itself, a trust policy that names fleetkeeper and its external id, or "
            f"{ASSUME} on fleetkeeper's side. `fleetkeeper onboard {account}` prints all three"
        )
    if reason is GapReason.FORBIDDEN:
        return (
            f"allow {permission} in the reader role's policy: `fleetkeeper onboard {account} --format policy` prints "
            "all of it. If it is there, a service control policy or a permissions boundary takes it away"
        )
    if reason is GapReason.UNAUTHENTICATED and region:
        return f"enable {region} in account {account} (an opt-in region refuses its credentials), or leave it out"
    if reason is GapReason.UNAUTHENTICATED and permission in (IDENTITY, ASSUME):
        return "give fleetkeeper AWS credentials: a role of its pod or instance, aws.profile, or `aws sso login` anew"
    return ""


def for_path(cluster: str, eks: bool, step: str, reason: GapReason) -> str:
    """A step on the way to an API server that failed."""
    if step == RESOLVE:
        return "use a resolver that knows the name: a private endpoint is known only in its VPC. Or go by a proxy_url"
    if step == CONNECT:
        return (
            "let this machine's address in: public access CIDRs or the cluster's security group (port 443), a route "
            "for a private endpoint; or set proxy_url in a table of kubernetes.clusters"
        )
    if step == TLS and reason in _NO_ANSWER:
        return "the server is not the cluster's, or a proxy opens TLS on the way: let this host pass it unopened"
    if step == CREDENTIAL and reason in _NO_ANSWER:
        return "something takes connections and drops requests: a proxy or firewall on the way, or the API server"
    if step == CREDENTIAL and reason is GapReason.UNAUTHENTICATED and eks:
        return f"the cluster does not know the reader's role: `fleetkeeper onboard {cluster}` prints the access entry"
    if step == CREDENTIAL and reason is GapReason.UNAUTHENTICATED:
        return "renew the credential of the kubeconfig's user"
    if reason is GapReason.WRONG_ENDPOINT:
        return "correct the table of kubernetes.clusters: address and CA must be those that DescribeCluster tells"
    return ""


def for_read(cluster: str, permission: str, reason: GapReason) -> str:
    if reason is GapReason.FORBIDDEN:
        secrets = " --helm-secrets" if permission.endswith(("secrets", "configmaps")) else ""
        return (
            f"let the group fleetkeeper:readers {permission}. As an administrator of that cluster: `fleetkeeper "
            f"onboard {cluster} --format kubernetes{secrets} | kubectl apply -f -`"
        )
    return "run it again, and look at the API server" if reason in _NO_ANSWER else ""


def for_excess(right: Right) -> str:
    return (
        f"take `{right}` from the reader: look for other bindings of its groups with `kubectl get clusterrolebindings,"
        "rolebindings -A -o wide`, and for access policies with `aws eks list-associated-access-policies`"
    )
