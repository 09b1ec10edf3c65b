"""Which tool keeps something as code, by its tags, and the line that says its version there."""

import pytest

from fleetkeeper.core.managed_by import Change, Keeper, Tool, lines_to_change, managed_by, warning_of


@pytest.mark.parametrize(
    ("tags", "tool"),
    [
        pytest.param({"Terraform": "true"}, Tool.TERRAFORM, id="a common tag of Terraform"),
        pytest.param({"managed_by": "terraform"}, Tool.TERRAFORM, id="managed_by"),
        pytest.param({"ManagedBy": "Terragrunt"}, Tool.TERRAFORM, id="ManagedBy Terragrunt"),
        pytest.param({"iac": "opentofu/eks"}, Tool.TERRAFORM, id="OpenTofu"),
        pytest.param({"terraform-module": "eks"}, Tool.TERRAFORM, id="a module's name"),
        pytest.param({"aws:cloudformation:stack-name": "shop"}, Tool.CLOUDFORMATION, id="a stack"),
        pytest.param(
            {"aws:cloudformation:stack-name": "eksctl-shop", "alpha.eksctl.io/cluster-name": "shop"},
            Tool.EKSCTL,
            id="eksctl, whose stacks are CloudFormation's",
        ),
        pytest.param({"eksctl.cluster.k8s.io/v1alpha1/cluster-name": "shop"}, Tool.EKSCTL, id="eksctl's older tag"),
        pytest.param(
            {"sigs.k8s.io/cluster-api-provider-aws/cluster/shop": "owned"}, Tool.CLUSTER_API, id="Cluster API"
        ),
        pytest.param({"crossplane-kind": "cluster.eks.aws.upbound.io"}, Tool.CROSSPLANE, id="Crossplane"),
        pytest.param({"services.k8s.aws/controller-version": "eks-1.5.0"}, Tool.ACK, id="ACK"),
    ],
)
def test_a_marker_names_its_tool(tags: dict[str, str], tool: Tool) -> None:
    found = managed_by(tags)
    assert found is not None
    assert found.tool is tool
    key = found.marker.removeprefix("tag ").partition("=")[0]
    assert key in tags


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({}, id="no tags"),
        pytest.param({"team": "terraform"}, id="a team of that name"),
        pytest.param({"terraform": "false"}, id="a tag that says no"),
        pytest.param({"managed-by": "hand"}, id="another value"),
        pytest.param({"eks:cluster-name": "shop"}, id="a tag of EKS itself"),
    ],
)
def test_what_is_no_marker_names_none(tags: dict[str, str]) -> None:
    assert managed_by(tags) is None


def test_the_marks_of_the_thing_itself_come_first() -> None:
    found = managed_by({"crossplane-name": "web"}, {"terraform": "true"})
    assert found == Keeper(Tool.CROSSPLANE, "tag crossplane-name=web")


def test_a_hostile_tag_is_shown_harmless() -> None:
    assert "\x1b" not in str(managed_by({"terraform": "\x1b[2Jyes"}))


@pytest.mark.parametrize("tool", Tool)
@pytest.mark.parametrize("change", [Change.MINOR, Change.ADDON, Change.NODE_GROUP])
def test_every_tool_has_a_line_for_every_change(tool: Tool, change: Change) -> None:
    (line,) = lines_to_change(Keeper(tool, "tag"), change, "web", "1.36")
    assert line.startswith(f"{tool}: ")
    assert "1.36" in line
    assert "{" not in line


def test_where_no_tool_is_known_the_likely_ones_are_told() -> None:
    lines = lines_to_change(None, Change.MINOR, "", "1.36")
    assert [line.partition(":")[0] for line in lines] == ["Terraform", "eksctl", "CloudFormation"]


def test_a_warning_says_what_will_happen_and_what_to_change() -> None:
    keeper = Keeper(Tool.TERRAFORM, "tag terraform=true")
    assert warning_of(keeper, Change.MINOR, "", "1.36") == (
        "its minor is changed directly, and Terraform (tag terraform=true) keeps it: the next apply sends the old "
        "version, which EKS may take as a rollback of the control plane; change the source as well: Terraform: "
        'version = "1.36" of aws_eks_cluster (kubernetes_version or cluster_version of terraform-aws-modules/eks)'
    )
    assert "rollback" not in warning_of(keeper, Change.ADDON, "coredns", "v1.14.0")
