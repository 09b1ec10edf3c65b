"""What to do about a node group that EKS could not update or finds in trouble, by the error code that it gives.

Codes: https://docs.aws.amazon.com/eks/latest/APIReference/API_Issue.html and API_ErrorDetail.html (2026-11); causes:
https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html (2026-11).
"""

from collections.abc import Iterable, Mapping

_TEMPLATE = "put the launch template that the message names back as EKS made it, or give the group another one"
_ROLE = "put the group's node role, its instance profile and their rights back"
_SUBNET = "mend the subnets that the group names"

ADVICE: Mapping[str, str] = {
    "PodEvictionFailure": "let the pods that stand in the way move",
    "NodeCreationFailure": "see why new nodes do not join: capacity in the zones, quotas of EC2, free addresses, user "
    "data of the launch template, pressure on the nodes",
    "NodeTerminationFailure": "end the instances that the message names by hand",
    "AccessDenied": "let the group's role join the cluster again: its access entry or aws-auth must name it",
    "AsgInstanceLaunchFailures": "read why the Auto Scaling group launches nothing: aws autoscaling "
    "describe-scaling-activities",
    "InstanceLimitExceeded": "raise the account's quota of instances, or end some",
    "InsufficientFreeAddresses": "free addresses in the group's subnets, or give it more subnets",
    "LimitExceeded": "raise the quota that the message names",
    "ClusterUnreachable": "let nodes reach the API server: check subnets, security groups and the endpoint",
    "AmiIdNotFound": "put the image of the launch template back, or name one that is there",
    "AutoScalingGroupNotFound": "put the Auto Scaling group back, or make the node group anew",
    "AutoScalingGroupInvalidConfiguration": "put the Auto Scaling group back as EKS made it",
    "AutoScalingGroupInstanceRefreshActive": "let the instance refresh of the Auto Scaling group end",
    "AutoScalingGroupRateLimitExceeded": "let other work on Auto Scaling groups of the account end first",
    "AutoScalingGroupOptInRequired": "subscribe the account to what the image needs",
    "Ec2LaunchTemplateNotFound": _TEMPLATE,
    "Ec2LaunchTemplateVersionMismatch": _TEMPLATE,
    "Ec2LaunchTemplateInvalidConfiguration": _TEMPLATE,
    "SourceEc2LaunchTemplateNotFound": _TEMPLATE,
    "Ec2InstanceTypeDoesNotExist": "name instance types that the region has",
    "Ec2SecurityGroupNotFound": "put the cluster's security group back",
    "Ec2SubnetNotFound": _SUBNET,
    "Ec2SubnetInvalidConfiguration": f"{_SUBNET}: do they give nodes public addresses where they need them?",
    "Ec2SubnetMissingIpv6Assignment": f"{_SUBNET}: let them assign IPv6 addresses",
    "IamInstanceProfileNotFound": _ROLE,
    "IamNodeRoleNotFound": _ROLE,
    "IamThrottling": "let other work on roles of the account end first",
    "KubernetesLabelInvalid": "mend the labels of the group",
    "InternalFailure": "retry; if it stays, open a case with AWS",
}


def advice(errors: Iterable[str], cluster: str, group: str) -> str:
    """The next action for errors (`Code: message`, or a bare code), that of the first code that is known."""
    codes = [each.partition(":")[0].strip() for each in errors]
    known = next((ADVICE[code] for code in codes if code in ADVICE), "")
    if known:
        return f"{known}, then retry"
    return f"aws eks describe-nodegroup --cluster-name {cluster} --nodegroup-name {group} says more; then retry"
