"""What EKS's error codes mean and what to do: of updates, and of the issues of clusters, node groups and addons.

The codes are those of the EKS API (botocore 1.44.5, ErrorCode, ClusterIssueCode, NodegroupIssueCode, AddonIssueCode);
what they mean is from the API reference and the user guide's pages on updates (2026-11). A test holds the tables to
the API's own lists, so that a new code is noticed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EksError:
    """One code. do: the next action, in the imperative; {cluster} and {name} stand for the cluster and its part."""

    means: str
    do: str

    def to_do(self, cluster: str, name: str = "") -> str:
        return self.do.format(cluster=cluster or "CLUSTER", name=name or "NAME")


Codes = Mapping[str, EksError]

_NAME_SUBNETS = (
    "aws eks update-cluster-config --name {cluster} --resources-vpc-config subnetIds=SUBNET,SUBNET (same VPC and zones)"
)
_NODE_EVENTS = "aws autoscaling describe-scaling-activities, and the console output of an instance that did not join"
_DESCRIBE_GROUP = "aws eks describe-nodegroup --cluster-name {cluster} --nodegroup-name {name}"
_CREATE_GROUP = "create a new group beside it, move the pods, then delete this one"
_SUPPORT_CASE = "retry; if it stays for an hour, open a case with AWS"
_REACH = "let EKS reach the API server: look at the security groups and network ACLs of the cluster's subnets"
_BUDGETS = "kubectl get poddisruptionbudgets --all-namespaces"

UPDATES: Codes = {
    "SubnetNotFound": EksError("a subnet of the cluster is gone", f"name subnets that exist: {_NAME_SUBNETS}"),
    "SecurityGroupNotFound": EksError(
        "a security group of the cluster is gone",
        "name one that exists: aws eks update-cluster-config --name {cluster} --resources-vpc-config"
        " securityGroupIds=GROUP",
    ),
    "EniLimitReached": EksError(
        "the account may have no more network interfaces in this region",
        "delete interfaces that nothing uses, or raise the quota: aws service-quotas request-service-quota-increase"
        " --service-code vpc --quota-code L-DF5E4CA3",
    ),
    "IpNotAvailable": EksError(
        "the cluster's subnets have no free address", f"free addresses in them, or name others: {_NAME_SUBNETS}"
    ),
    "AccessDenied": EksError(
        "a role lacks a right that EKS needs for it", "give the role the rights that the message names"
    ),
    "OperationNotPermitted": EksError(
        "the service-linked role, a policy of the organization, or the key of the secrets does not let EKS do it",
        "ask the owner of the account to let it: the role AWSServiceRoleForAmazonEKS, service control policies, the"
        " KMS key",
    ),
    "VpcIdNotFound": EksError("the VPC of the cluster is gone", "build a new cluster: none can move to another VPC"),
    "Unknown": EksError(
        "EKS does not say why; of a control plane, mostly that the new API servers did not pass their health checks",
        "look at the logs of the API server and at the admission webhooks of the cluster, then retry; if it stays,"
        " open a case with AWS",
    ),
    "NodeCreationFailure": EksError(
        "new nodes did not join the cluster in time",
        f"see why: {_NODE_EVENTS}; then user data, the node role, and the route to the API server",
    ),
    "PodEvictionFailure": EksError(
        "a pod could not be evicted within 15 minutes", f"see which budget holds it: {_BUDGETS}; mend it, then retry"
    ),
    "InsufficientFreeAddresses": EksError(
        "the subnets have fewer free addresses than it takes: five for a control plane",
        f"free addresses in them, or name others: {_NAME_SUBNETS}",
    ),
    "ClusterUnreachable": EksError("EKS does not reach the API server", _REACH),
    "InsufficientNumberOfReplicas": EksError(
        "the addon has fewer Ready pods than it wants",
        "see why its pods are not Ready: kubectl --namespace kube-system get pods,events",
    ),
    "ConfigurationConflict": EksError(
        "somebody changed fields that EKS would write",
        "put the fields that the message names into the addon's configuration, or say resolve = PRESERVE to keep or"
        " OVERWRITE to drop them",
    ),
    "AdmissionRequestDenied": EksError(
        "an admission webhook or policy refused an object",
        "let the admission webhook or policy that the message names accept the addon's objects",
    ),
    "UnsupportedAddonModification": EksError(
        "a field was changed that the addon does not let anybody change", "put the field that the message names back"
    ),
    "K8sResourceNotFound": EksError(
        "an object of the addon is missing", "put it back, or update with resolve = OVERWRITE"
    ),
}
"""ErrorCode: why an update failed."""

CLUSTERS: Codes = {
    "AccessDenied": EksError("the cluster role lacks a right", "give the cluster role AmazonEKSClusterPolicy again"),
    "ClusterUnreachable": EksError(
        "EKS does not reach the API server",
        "let EKS reach the API server: look at the security groups and network ACLs of the subnets",
    ),
    "ConfigurationConflict": EksError(
        "something was changed that EKS manages", "undo the change that conflicts with what EKS manages"
    ),
    "InternalFailure": EksError(
        "EKS itself failed", "wait for EKS to clear it; open an AWS support case if it stays for an hour"
    ),
    "ResourceLimitExceeded": EksError("a quota is used up", "raise the quota that the message names"),
    "ResourceNotFound": EksError(
        "something that the cluster needs is gone", "create what the message names again, under the same name"
    ),
    "IamRoleNotFound": EksError(
        "the cluster role is gone",
        "create the cluster role again, under the same name and with AmazonEKSClusterPolicy",
    ),
    "VpcNotFound": EksError(
        "the VPC is gone", "build a new cluster and move the workloads: a cluster cannot move to another VPC"
    ),
    "InsufficientFreeAddresses": EksError(
        "the cluster's subnets have too few free addresses",
        "free addresses, or name other subnets of the same zones with update-cluster-config",
    ),
    "Ec2ServiceNotSubscribed": EksError(
        "the account has no EC2 in this region", "subscribe the account to EC2 in this region"
    ),
    "Ec2SubnetNotFound": EksError(
        "a subnet is gone", "name living subnets of the same VPC and zones with aws eks update-cluster-config"
    ),
    "Ec2SecurityGroupNotFound": EksError(
        "a security group is gone", "name a living security group with aws eks update-cluster-config"
    ),
    "KmsGrantRevoked": EksError(
        "EKS may no longer use the key of the secrets", "let the cluster role create grants on the KMS key again"
    ),
    "KmsKeyNotFound": EksError(
        "the key of the secrets is gone", "restore the KMS key: without it the secrets cannot be read"
    ),
    "KmsKeyMarkedForDeletion": EksError(
        "the key of the secrets will be deleted", "aws kms cancel-key-deletion, then aws kms enable-key"
    ),
    "KmsKeyDisabled": EksError("the key of the secrets is disabled", "aws kms enable-key"),
    "StsRegionalEndpointDisabled": EksError(
        "STS is off in this region", "activate the STS endpoint of this region in the account settings of IAM"
    ),
    "UnsupportedVersion": EksError("EKS no longer supports the cluster's minor", "upgrade the cluster"),
    "Other": EksError("EKS has no code for it", "clear what the message names"),
}
"""ClusterIssueCode."""

_TEMPLATE_GONE = "create a new group: the launch template of this one is gone"
_TEMPLATES_FULL = "delete launch templates, or versions of this one, that nothing uses, then retry"

NODE_GROUPS: Codes = {
    "AutoScalingGroupNotFound": EksError(
        "its Auto Scaling group was deleted", "create the group anew: its Auto Scaling group is gone"
    ),
    "AutoScalingGroupInvalidConfiguration": EksError(
        "its Auto Scaling group was changed outside of EKS",
        f"set back what was changed; what it should be: {_DESCRIBE_GROUP}",
    ),
    "AutoScalingGroupOptInRequired": EksError(
        "the account may not use Auto Scaling in this region", "let the account use EC2 Auto Scaling there"
    ),
    "AutoScalingGroupRateLimitExceeded": EksError(
        "Auto Scaling was called too often", "wait until other callers are done, then retry"
    ),
    "AutoScalingGroupInstanceRefreshActive": EksError(
        "somebody runs an instance refresh on its Auto Scaling group",
        "cancel it, for EKS rolls the nodes itself: aws autoscaling cancel-instance-refresh",
    ),
    "AsgInstanceLaunchFailures": EksError(
        "instances do not launch", "see why instances do not launch: aws autoscaling describe-scaling-activities"
    ),
    "Ec2SecurityGroupNotFound": EksError(
        "the security group of the cluster or of remote access is gone", f"put it back if you can, else {_CREATE_GROUP}"
    ),
    "Ec2SecurityGroupDeletionFailure": EksError(
        "the security group of remote access could not be deleted",
        "take away what still uses the group that the message names, then retry",
    ),
    "Ec2LaunchTemplateNotFound": EksError("its launch template was deleted", _TEMPLATE_GONE),
    "Ec2LaunchTemplateVersionMismatch": EksError(
        "its Auto Scaling group uses another version of the launch template than EKS made",
        "set the group's Auto Scaling group back to the launch template that EKS made",
    ),
    "Ec2LaunchTemplateDeletionFailure": EksError(
        "a launch template could not be deleted", "delete the one that the message names by hand"
    ),
    "Ec2LaunchTemplateInvalidConfiguration": EksError(
        "its launch template cannot be used",
        "make a version of it without what the message names, then update the group to that version",
    ),
    "Ec2LaunchTemplateMaxLimitExceeded": EksError("the account has too many launch templates", _TEMPLATES_FULL),
    "Ec2LaunchTemplateVersionMaxLimitExceeded": EksError("the launch template has too many versions", _TEMPLATES_FULL),
    "SourceEc2LaunchTemplateNotFound": EksError("the launch template that it was made from is gone", _TEMPLATE_GONE),
    "Ec2InstanceTypeDoesNotExist": EksError(
        "an instance type is not offered there",
        "choose types that its zones have: aws ec2 describe-instance-type-offerings",
    ),
    "Ec2SubnetNotFound": EksError("a subnet of the group is gone", "create a new group in subnets that exist"),
    "Ec2SubnetInvalidConfiguration": EksError(
        "its subnets do not give the addresses that nodes need",
        "let the subnets assign public addresses, or create a group in private ones",
    ),
    "Ec2SubnetMissingIpv6Assignment": EksError(
        "a subnet assigns no IPv6 addresses",
        "aws ec2 modify-subnet-attribute --subnet-id SUBNET --assign-ipv6-address-on-creation",
    ),
    "Ec2SubnetListTooLong": EksError("it names too many subnets", "create a group with fewer subnets"),
    "IamInstanceProfileNotFound": EksError(
        "its instance profile is gone", "create the instance profile again under the same name"
    ),
    "IamLimitExceeded": EksError(
        "the account has too many roles or instance profiles", "delete some that nothing uses, or raise the quota"
    ),
    "IamNodeRoleNotFound": EksError("the node role is gone", "create the node role again under the same name"),
    "IamThrottling": EksError("IAM was called too often", "wait until other callers are done, then retry"),
    "NodeCreationFailure": EksError(
        "new nodes did not join the cluster",
        "see why new nodes do not join: capacity in the zones, quotas of EC2, user data of the launch template, the"
        " node role, the route to the API server",
    ),
    "NodeTerminationFailure": EksError(
        "a node could not be terminated",
        "see what holds the instance: termination protection, a lifecycle hook of its Auto Scaling group",
    ),
    "PodEvictionFailure": EksError(
        "a pod could not be evicted within 15 minutes", f"see which budget holds it: {_BUDGETS}; mend it, then retry"
    ),
    "InstanceLimitExceeded": EksError(
        "the account may run no more instances of the type",
        "ask for a higher EC2 quota: aws service-quotas request-service-quota-increase",
    ),
    "LimitExceeded": EksError("a quota of the account is used up", "raise the quota that the message names"),
    "InsufficientFreeAddresses": EksError(
        "its subnets have no free addresses for new nodes",
        "free addresses in the subnets of the group, or add a subnet",
    ),
    "AccessDenied": EksError(
        "its nodes may not join, or EKS may not work on it",
        "give the node role its rights again, and its entry in the cluster: an access entry or aws-auth must name it",
    ),
    "AmiIdNotFound": EksError(
        "its image is gone", "name an image that exists in a new version of its launch template, then update the group"
    ),
    "KubernetesLabelInvalid": EksError(
        "a label of the group is none that Kubernetes takes",
        "aws eks update-nodegroup-config --cluster-name {cluster} --nodegroup-name {name} --labels removeLabels=KEY",
    ),
    "ClusterUnreachable": EksError("EKS does not reach the API server", _REACH),
    "InternalFailure": EksError("EKS itself failed", _SUPPORT_CASE),
    "Unknown": EksError("EKS does not say why", f"{_DESCRIBE_GROUP} may say more; {_SUPPORT_CASE}"),
}
"""NodegroupIssueCode; of a failed update of a group, before those of updates."""

ADDONS: Codes = {
    code: UPDATES[code]
    for code in (
        "ClusterUnreachable",
        "InsufficientNumberOfReplicas",
        "ConfigurationConflict",
        "AdmissionRequestDenied",
        "UnsupportedAddonModification",
        "K8sResourceNotFound",
    )
} | {
    "AccessDenied": EksError(
        "the addon's role, or the cluster's, lacks a right",
        "give the addon's role, or the cluster's, the rights that the message names",
    ),
    "InternalFailure": EksError("EKS itself failed", _SUPPORT_CASE),
    "AddonSubscriptionNeeded": EksError(
        "the account has not subscribed to the addon", "subscribe the account to the addon in AWS Marketplace"
    ),
    "AddonPermissionFailure": EksError(
        "the addon's role lacks permissions", "give the addon's role the permissions that its documentation lists"
    ),
}
"""AddonIssueCode; of a failed update of an addon, before those of updates."""


REFUSALS: Codes = {
    "InvalidStateException": EksError(
        "readiness insights stand in the way",
        "mend what aws eks list-insights --cluster-name {cluster} shows as ERROR or UNKNOWN, then retry; fleetkeeper"
        " never forces an update",
    ),
    "InvalidRequestException": EksError(
        "the cluster is in no state for it", "mend what EKS says, then retry; what cannot be mended needs another plan"
    ),
    "InvalidParameterException": EksError("EKS has no such update", "plan anew: the same again has no use"),
    "ResourceNotFoundException": EksError("the cluster is gone", "plan anew"),
}
"""What EKS answers instead of beginning an update, by its exception."""

_GROUPS_BEHIND = "roll the node groups that EKS names to the cluster's minor first, then retry"


def refusal(detail: str, cluster: str) -> tuple[str, str]:
    """EKS's words of a refusal, and what to do. detail: `eks:Operation of ...: Exception: words`, as we keep it."""
    code = next((each for each in REFUSALS if f"{each}: " in detail), "")
    words = detail.partition(f"{code}: ")[2] if code else detail
    if "nodegroup" in words.lower():
        return f"{code}: {words}", _GROUPS_BEHIND
    known = REFUSALS.get(code)
    said = f"{code}: {words}" if code else detail
    return said, known.to_do(cluster) if known else "mend what it says, then retry"


def code_of(error: str) -> str:
    """The code of an error or issue as we keep them: `Code: message`, or the bare code."""
    return error.partition(":")[0].strip()


@dataclass(frozen=True, slots=True)
class Troubled:
    """What errors or issues are of: a cluster, or its node group or addon.

    codes: its own, before those of updates. look: the command that says more of it.
    """

    cluster: str
    name: str
    codes: Codes
    look: str


def control_plane(cluster: str) -> Troubled:
    return Troubled(cluster, "", {}, f"aws eks describe-cluster --name {cluster}")


def node_group(cluster: str, name: str) -> Troubled:
    return Troubled(cluster, name, NODE_GROUPS, _DESCRIBE_GROUP.format(cluster=cluster, name=name))


def addon(cluster: str, name: str) -> Troubled:
    return Troubled(cluster, name, ADDONS, f"aws eks describe-addon --cluster-name {cluster} --addon-name {name}")


def advice(errors: Iterable[str], subject: Troubled) -> str:
    """The next action for the first error whose code is known, "" where none is."""
    for code in map(code_of, errors):
        if found := subject.codes.get(code) or UPDATES.get(code):
            return found.to_do(subject.cluster, subject.name)
    return ""


def retrying(errors: Iterable[str], subject: Troubled, look: str = "") -> str:
    """What to do before the step is tried again. look: what says more of codes that are not known, else the subject's.

    Some advice speaks of the retry itself.
    """
    known = advice(errors, subject)
    if not known:
        return f"{look or subject.look} says more; then retry"
    return known if "retry" in known else f"{known}; then retry"


def told(error: str, of: Codes) -> str:
    """What an error means, then EKS's own words; a code that is not known says so."""
    found = of.get(code_of(error)) or UPDATES.get(code_of(error))
    meaning = found.means if found else "a code that this release does not know"
    return f"{meaning} ({' '.join(error.split())})"
