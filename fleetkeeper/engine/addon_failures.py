"""What to do about an update of an addon that EKS could not make, by the error code that it gives.

Codes of ErrorDetail and AddonIssue: https://docs.aws.amazon.com/eks/latest/APIReference/API_ErrorDetail.html and
https://docs.aws.amazon.com/eks/latest/APIReference/API_AddonIssue.html (2026-11).
"""

from collections.abc import Iterable, Mapping

_NETWORK = "let the cluster reach AWS and itself again: check its subnets, security groups and endpoint"
_ADDRESSES = "free addresses in the cluster's subnets, or give it more subnets"

ADVICE: Mapping[str, str] = {
    "AccessDenied": "give the addon's role, or the cluster's, the rights that the message names",
    "AdmissionRequestDenied": "let the admission webhook or policy that the message names accept the addon's objects",
    "AddonPermissionFailure": "give the addon's role the permissions that its documentation lists",
    "AddonSubscriptionNeeded": "subscribe the account to the addon in AWS Marketplace",
    "ClusterUnreachable": _NETWORK,
    "ConfigurationConflict": "somebody changed the fields that the message names: put them into the addon's "
    "configuration, or say resolve = PRESERVE to keep or OVERWRITE to drop them",
    "EniLimitReached": "raise the account's quota of network interfaces, or free some",
    "InsufficientFreeAddresses": _ADDRESSES,
    "InsufficientNumberOfReplicas": "see why its pods are not Ready: kubectl --namespace kube-system get pods,events",
    "InternalFailure": "retry; if it stays, open a case with AWS",
    "IpNotAvailable": _ADDRESSES,
    "K8sResourceNotFound": "an object of the addon is missing: put it back, or update with resolve = OVERWRITE",
    "NodeCreationFailure": "look at why nodes do not join the cluster",
    "OperationNotPermitted": "a service control policy or permission boundary forbids it: ask the owner of the account",
    "PodEvictionFailure": "look at which budget holds its pods: kubectl get poddisruptionbudgets --all-namespaces",
    "SecurityGroupNotFound": "put the cluster's security group back",
    "SubnetNotFound": "put the cluster's subnets back",
    "UnsupportedAddonModification": "the message names a field that the addon does not let anybody change: put it back",
    "VpcIdNotFound": "put the cluster's VPC back",
}


def advice(errors: Iterable[str], addon: str) -> str:
    """The next action for errors (`Code: message`, or a bare code), that of the first code that is known."""
    codes = [each.partition(":")[0].strip() for each in errors]
    known = next((ADVICE[code] for code in codes if code in ADVICE), "")
    return f"{known}, then retry" if known else f"aws eks describe-addon --addon-name {addon} says more; then retry"
