"""Which tool keeps a cluster, an addon or a node group as code: what a change made past it runs into.

Markers, and where each is said (all read 2026-11-21):

Terraform and OpenTofu leave none of their own. Counted are the common tags of `default_tags` and of well-known modules:
`terraform`, `opentofu`, `managed-by`/`ManagedBy`/`provisioner`/`iac` with such a value
(registry.terraform.io/providers/hashicorp/aws/latest/docs#default_tags-configuration-block). No marker proves nothing.

CloudFormation sets `aws:cloudformation:stack-name`, `:stack-id` and `:logical-id`, which nobody else can set
(docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html). CDK deploys by it.

eksctl sets `alpha.eksctl.io/cluster-name`, `alpha.eksctl.io/eksctl-version` and
`eksctl.cluster.k8s.io/v1alpha1/cluster-name` (github.com/eksctl-io/eksctl, pkg/apis/eksctl.io/v1alpha5/types.go); its
stacks are CloudFormation's, so it is asked for first.

Cluster API Provider AWS sets `sigs.k8s.io/cluster-api-provider-aws/cluster/<name>` and `.../role`
(github.com/kubernetes-sigs/cluster-api-provider-aws, api/v1beta2/tags.go).

Crossplane sets `crossplane-kind`, `crossplane-name` and `crossplane-providerconfig`
(github.com/crossplane/crossplane-runtime, pkg/resource/resource.go: ExternalResourceTagKey*).

ACK sets `services.k8s.aws/controller-version` and `services.k8s.aws/namespace`
(aws-controllers-k8s.github.io/community/docs/user-docs/ack-tags).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fleetkeeper.core.text import safe


class Tool(StrEnum):
    """What keeps versions as code, as people call it."""

    EKSCTL = "eksctl"
    CLOUDFORMATION = "CloudFormation"
    CLUSTER_API = "Cluster API"
    CROSSPLANE = "Crossplane"
    ACK = "ACK"
    TERRAFORM = "Terraform"


@dataclass(frozen=True, slots=True)
class Keeper:
    """The tool that keeps something, and the marker that says so: `tag crossplane-name=shop`."""

    tool: Tool
    marker: str

    def __str__(self) -> str:
        return f"{self.tool} ({self.marker})"


_PREFIXES: tuple[tuple[Tool, tuple[str, ...]], ...] = (
    (Tool.EKSCTL, ("alpha.eksctl.io/", "eksctl.cluster.k8s.io/", "eksctl.io/")),
    (Tool.CLUSTER_API, ("sigs.k8s.io/cluster-api-provider-aws/",)),
    (Tool.CROSSPLANE, ("crossplane-kind", "crossplane-name", "crossplane-providerconfig")),
    (Tool.ACK, ("services.k8s.aws/",)),
    (Tool.CLOUDFORMATION, ("aws:cloudformation:",)),
)
"""In the order in which they are asked: eksctl's and CDK's resources have CloudFormation's tags as well."""

_TERRAFORM = ("terraform", "opentofu", "terragrunt")
_TERRAFORM_KEYS = ("managed-by", "managedby", "provisioner", "provisioned-by", "iac", "created-by", "createdby", "tool")
_NO = ("", "false", "no", "0")
_LONGEST = 120


def managed_by(*marks: Mapping[str, str]) -> Keeper | None:
    """The tool that tags or annotations name; None where nothing does, which for Terraform proves nothing.

    marks: of the thing itself first, then of what holds it: those of the node group, then those of its cluster.
    """
    for each in marks:
        if found := _keeper(each):
            return found
    return None


def _keeper(marks: Mapping[str, str]) -> Keeper | None:
    for tool, prefixes in _PREFIXES:
        if key := next((key for key in sorted(marks) if key.startswith(prefixes)), ""):
            return Keeper(tool, _marker(key, marks[key]))
    for key in sorted(marks):
        if _names_terraform(key.lower().replace("_", "-"), marks[key].strip().lower()):
            return Keeper(Tool.TERRAFORM, _marker(key, marks[key]))
    return None


def _names_terraform(key: str, value: str) -> bool:
    """`terraform = "true"`, `managed-by = "Terraform Cloud"`, `terraform-module = "eks"`; not `terraform = "false"`."""
    if key.startswith(_TERRAFORM):
        return value not in _NO
    return key in _TERRAFORM_KEYS and any(name in value for name in _TERRAFORM)


def _marker(key: str, value: str) -> str:
    return f"tag {safe(key, _LONGEST)}={safe(value, _LONGEST)}"


# ---- the line that says a version


class Change(StrEnum):
    """What changes its version."""

    MINOR = "minor"
    ADDON = "addon"
    NODE_GROUP = "node-group"
    RELEASE = "release"


_LINES: Mapping[tuple[Tool, Change], str] = {
    (Tool.TERRAFORM, Change.MINOR): (
        'version = "{to}" of aws_eks_cluster (kubernetes_version or cluster_version of terraform-aws-modules/eks)'
    ),
    (Tool.TERRAFORM, Change.ADDON): (
        'addon_version = "{to}" of the aws_eks_addon {name} (terraform-aws-modules/eks: addons.{name}.addon_version)'
    ),
    (Tool.TERRAFORM, Change.NODE_GROUP): (
        'version = "{to}" of the aws_eks_node_group {name}, and release_version where it is set'
    ),
    (Tool.TERRAFORM, Change.RELEASE): 'version = "{to}" of the helm_release {name}',
    (Tool.EKSCTL, Change.MINOR): (
        'metadata.version: "{to}" of the ClusterConfig, then eksctl upgrade cluster --config-file FILE --approve'
    ),
    (Tool.EKSCTL, Change.ADDON): (
        "addons[name={name}].version: {to} of the ClusterConfig, then eksctl update addon --config-file FILE"
    ),
    (Tool.EKSCTL, Change.NODE_GROUP): (
        "eksctl upgrade nodegroup --name {name} --kubernetes-version {to} --cluster CLUSTER"
    ),
    (Tool.CLOUDFORMATION, Change.MINOR): (
        'Version: "{to}" of AWS::EKS::Cluster (CDK: version: eks.KubernetesVersion.of("{to}"))'
    ),
    (Tool.CLOUDFORMATION, Change.ADDON): (
        "AddonVersion: {to} of the AWS::EKS::Addon {name} (CDK: addonVersion of CfnAddon)"
    ),
    (Tool.CLOUDFORMATION, Change.NODE_GROUP): (
        'Version: "{to}" of the AWS::EKS::Nodegroup {name}, and ReleaseVersion where it is set'
    ),
    (Tool.CLUSTER_API, Change.MINOR): "spec.version: v{to} of the AWSManagedControlPlane",
    (Tool.CLUSTER_API, Change.ADDON): ("spec.addons[name={name}].version: {to} of the AWSManagedControlPlane"),
    (Tool.CLUSTER_API, Change.NODE_GROUP): ("spec.template.spec.version: v{to} of the MachinePool {name}"),
    (Tool.CROSSPLANE, Change.MINOR): ('spec.forProvider.version: "{to}" of the Cluster (eks.aws.upbound.io)'),
    (Tool.CROSSPLANE, Change.ADDON): ("spec.forProvider.addonVersion: {to} of the Addon {name} (eks.aws.upbound.io)"),
    (Tool.CROSSPLANE, Change.NODE_GROUP): (
        'spec.forProvider.version: "{to}" of the NodeGroup {name} (eks.aws.upbound.io)'
    ),
    (Tool.ACK, Change.MINOR): 'spec.version: "{to}" of the Cluster (eks.services.k8s.aws)',
    (Tool.ACK, Change.ADDON): "spec.addonVersion: {to} of the Addon {name} (eks.services.k8s.aws)",
    (Tool.ACK, Change.NODE_GROUP): ('spec.version: "{to}" of the Nodegroup {name} (eks.services.k8s.aws)'),
}
"""What says a version, and where it stands: {name} of the addon, group or release, {to} the version."""

_LIKELY = (Tool.TERRAFORM, Tool.EKSCTL, Tool.CLOUDFORMATION)


def lines_to_change(keeper: Keeper | None, change: Change, name: str, to: str) -> tuple[str, ...]:
    """`Terraform: version = "1.36" of ...`; where no tool is known to keep it, the lines of the likely ones."""
    tools = (keeper.tool,) if keeper and (keeper.tool, change) in _LINES else _LIKELY
    return tuple(
        f"{tool}: {_LINES[tool, change].format(name=name, to=to)}" for tool in tools if (tool, change) in _LINES
    )


def warning_of(keeper: Keeper, change: Change, name: str, to: str) -> str:
    """What becomes of a direct change of something that a tool keeps as code, and what to do about it."""
    what = name or "its minor"
    rollback = ", which EKS may take as a rollback of the control plane" if change is Change.MINOR else ""
    line = next(iter(lines_to_change(keeper, change, name, to)), "")
    return (
        f"{what} is changed directly, and {keeper} keeps it: the next apply sends the old version{rollback}; "
        f"change the source as well: {line}"
    )
