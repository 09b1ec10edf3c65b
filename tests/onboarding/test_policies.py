"""The shipped policies give exactly what the code calls: one action less breaks a read, one more is too much."""

import json
from typing import Any

import pytest
import yaml

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.api_search import LiveKind, live_kinds
from fleetkeeper.core.eks_objects import ADDON_OBJECTS, PROXY_CONFIGS, SYSTEM
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import UsageError
from fleetkeeper.onboarding import shipped
from fleetkeeper.onboarding.cloudformation import account_template, cluster_template
from fleetkeeper.onboarding.clusters import KnownCluster
from fleetkeeper.onboarding.identities import Role, assume_policy, parse_principal, trust_policy
from fleetkeeper.sim.objects.platform import EXECUTOR_RESOURCES, EXECUTORS
from tests.onboarding import aws_calls, kube_reads

ACCOUNT = "111122223333"
ROLE = Role.of("aws", ACCOUNT, "fleetkeeper-reader")
PRINCIPAL = "arn:aws:iam::999988887777:role/fleetkeeper"
HARMLESS = ("Describe", "List", "Get")


class CloudFormation(yaml.SafeLoader):
    """Reads !Ref, !Sub and the others as {tag: value}."""


def _tagged(loader: CloudFormation, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {tag: loader.construct_scalar(node)}


CloudFormation.add_multi_constructor("!", _tagged)


def template(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(text, CloudFormation)  # a SafeLoader with our own tags
    return found


def actions(policy: dict[str, Any]) -> list[str]:
    return [action for statement in policy["Statement"] for action in statement["Action"]]


def cluster(name: str, mode: str = "API", region: str = "eu-west-1") -> KnownCluster:
    return KnownCluster(name, f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}", ACCOUNT, region, mode)


def test_the_iam_policies_allow_exactly_the_operations_that_the_code_calls() -> None:
    allowed = [
        *actions(shipped.reader_policy(audit_logs=True)),
        *actions(shipped.document_of(shipped.ORGANIZATIONS_POLICY)),
        assume_policy(ROLE)["Statement"][0]["Action"],
    ]

    assert sorted(allowed) == sorted(aws_calls.called())


def changes(policy: dict[str, Any]) -> list[str]:
    return sorted(each for each in actions(policy) if not each.partition(":")[2].startswith((*HARMLESS, "Lookup")))


CHECKED_BY_EKS = {
    "ec2:CreateTags",
    "ec2:DescribeSubnets",
    "ec2:RunInstances",
    "eks:TagResource",
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:PassRole",
}
"""What EKS wants its caller to hold for CreateNodegroup, beside the operation: with tags, a role, a launch template.

github.com/aws-controllers-k8s/community/issues/2164, github.com/terraform-aws-modules/terraform-aws-eks/issues/2018,
github.com/scylladb/scylla-cluster-tests/issues/12172; ListAttachedRolePolicies and the others are in no list of AWS's.
"""


def test_the_executors_policies_allow_together_exactly_the_operations_that_its_writer_calls() -> None:
    policies = shipped.EXECUTOR_POLICY, shipped.EXECUTOR_SURGE_POLICY, shipped.EXECUTOR_BLUE_GREEN_POLICY
    allowed = [action for policy in policies for action in actions(shipped.document_of(policy))]

    assert sorted(allowed) == sorted(aws_calls.called(executor=True) | CHECKED_BY_EKS)


def test_replacing_instances_and_whole_groups_are_opt_ins_of_their_own() -> None:
    surge = shipped.document_of(shipped.EXECUTOR_SURGE_POLICY)
    blue_green = shipped.document_of(shipped.EXECUTOR_BLUE_GREEN_POLICY)

    assert set(actions(surge)) == aws_calls.called_by("instances.py")
    assert changes(surge) == [
        "autoscaling:ResumeProcesses",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:SuspendProcesses",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "elasticloadbalancing:DeregisterTargets",
    ]
    assert set(actions(blue_green)) - CHECKED_BY_EKS == {
        *("eks:CreateNodegroup", "eks:DeleteNodegroup", "eks:UpdateNodegroupConfig")
    }


def test_roles_are_passed_to_eks_alone_and_instances_run_from_launch_templates_alone() -> None:
    statements = shipped.document_of(shipped.EXECUTOR_BLUE_GREEN_POLICY)["Statement"]
    bound = {action: each.get("Condition") for each in statements for action in each["Action"]}

    assert bound["iam:PassRole"] == {"StringEquals": {"iam:PassedToService": "eks.amazonaws.com"}}
    assert bound["ec2:RunInstances"] == {"ArnLike": {"ec2:LaunchTemplate": "arn:*:ec2:*:*:launch-template/*"}}
    assert bound["ec2:CreateTags"] == {"StringEquals": {"ec2:CreateAction": "RunInstances"}}


def test_the_executors_policy_changes_what_plans_of_versions_change_and_nothing_else() -> None:
    assert changes(shipped.document_of(shipped.EXECUTOR_POLICY)) == [
        "eks:CancelUpdate",
        "eks:StartInsightsRefresh",
        "eks:UpdateAddon",
        "eks:UpdateClusterVersion",
        "eks:UpdateNodegroupVersion",
    ]


def test_the_executors_group_is_not_the_readers_and_only_its_binding_names_it() -> None:
    role, binding = kube_reads.documents(shipped.text_of(shipped.KUBERNETES_EXECUTOR))

    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert [(each["kind"], each["name"]) for each in binding["subjects"]] == [("Group", shipped.EXECUTOR_GROUP)]
    assert shipped.EXECUTOR_GROUP not in shipped.rbac(helm_secrets=True)
    assert shipped.GROUP not in shipped.text_of(shipped.KUBERNETES_EXECUTOR)


def test_what_the_executor_may_change_in_a_cluster_is_this_alone_and_it_deletes_no_pod() -> None:
    may = kube_reads.granted(shipped.text_of(shipped.KUBERNETES_EXECUTOR), "fleetkeeper-executor")

    assert {each for each in may if each[0] not in ("get", "list")} == {
        ("create", "velero.io", "backups"),
        ("delete", "velero.io", "backups"),
        ("patch", "", "nodes"),
        ("create", "", "pods/eviction"),
        ("patch", "karpenter.sh", "nodepools"),
        ("patch", "apps", "deployments"),
        ("patch", "apps", "statefulsets"),
    }
    assert not [each for each in may if "secrets" in each or "*" in each]


def test_the_opt_in_role_for_helm_says_that_it_is_wide_and_is_the_executors_alone() -> None:
    text = shipped.text_of(shipped.KUBERNETES_EXECUTOR_HELM)
    role, binding = kube_reads.documents(text)

    assert "READ AND WRITE EVERYTHING" in text
    assert not {"escalate", "bind", "impersonate", "*"} & set(role["rules"][0]["verbs"])
    assert [(each["kind"], each["name"]) for each in binding["subjects"]] == [("Group", shipped.EXECUTOR_GROUP)]


def test_the_executor_may_follow_what_argo_cd_and_flux_deploy_and_not_change_it() -> None:
    may = kube_reads.granted(shipped.text_of(shipped.KUBERNETES_EXECUTOR), "fleetkeeper-executor")

    follows = {("get", "argoproj.io", "applications"), ("get", "helm.toolkit.fluxcd.io", "helmreleases")}
    assert {each for each in may if each[1] in ("argoproj.io", "helm.toolkit.fluxcd.io")} == follows


def test_the_simulated_executor_may_do_what_the_shipped_role_allows() -> None:
    simulated = {
        (verb, group, resource)
        for group, resources in EXECUTOR_RESOURCES.items()
        for resource, verbs in resources.items()
        for verb in verbs
    }

    may = kube_reads.granted(shipped.text_of(shipped.KUBERNETES_EXECUTOR), "fleetkeeper-executor")
    assert (simulated, EXECUTORS) == (may - {("get", "", "namespaces")}, shipped.EXECUTOR_GROUP)


def test_the_reader_can_change_nothing_in_aws() -> None:
    reader = shipped.document_of(shipped.READER_POLICY)

    assert all(action.partition(":")[2].startswith(HARMLESS) for action in actions(reader))
    assert all(statement["Effect"] == "Allow" for statement in reader["Statement"])


def test_the_template_gives_the_same_rights_as_the_policy() -> None:
    found = template(account_template(ROLE, PRINCIPAL, "secret-id", ()))["Resources"]["ReaderRole"]["Properties"]

    assert [p["PolicyDocument"] for p in found["Policies"]] == [shipped.document_of(shipped.READER_POLICY)]


def test_without_the_opt_in_nothing_may_query_logs() -> None:
    without = actions(shipped.reader_policy(audit_logs=False))

    assert not [action for action in without if action.startswith("logs:")]
    assert {*actions(shipped.reader_policy(audit_logs=True))} - {*without} == {
        *("logs:GetQueryResults", "logs:StartQuery", "logs:StopQuery")
    }


def test_queries_may_be_started_on_the_logs_of_control_planes_alone() -> None:
    (statement,) = (
        each for each in shipped.reader_policy(audit_logs=True)["Statement"] if "logs:StartQuery" in each["Action"]
    )

    assert statement["Action"] == ["logs:StartQuery"]
    assert all(":log-group:/aws/eks/*/cluster" in resource for resource in statement["Resource"])


def test_the_template_gives_the_opt_in_rights_beside_its_access_entries() -> None:
    text = account_template(ROLE, PRINCIPAL, "secret-id", (cluster("shop"),), audit_logs=True)
    found = template(text)["Resources"]

    (policy,) = found["ReaderRole"]["Properties"]["Policies"]
    assert policy["PolicyDocument"] == shipped.reader_policy(audit_logs=True)
    assert [each["Type"] for each in found.values()].count("AWS::EKS::AccessEntry") == 1


def test_the_template_trusts_one_principal_with_the_external_id_as_the_trust_policy_does() -> None:
    found = template(account_template(ROLE, PRINCIPAL, "secret-id", ()))["Resources"]["ReaderRole"]["Properties"]

    text = json.dumps(found["AssumeRolePolicyDocument"])
    text = text.replace('{"Ref": "FleetkeeperPrincipal"}', '"principal"').replace('{"Ref": "ExternalId"}', '"id"')
    assert json.loads(text) == trust_policy("principal", "id")


def test_the_template_makes_an_access_entry_for_each_cluster_that_takes_one_where_it_is() -> None:
    clusters = (cluster("a-b"), cluster("ab", "API_AND_CONFIG_MAP", "us-east-1"), cluster("old", "CONFIG_MAP"))

    found = template(account_template(ROLE, PRINCIPAL, "secret-id", clusters))

    entries = [r for r in found["Resources"].values() if r["Type"] == "AWS::EKS::AccessEntry"]
    assert [(e["Properties"]["ClusterName"], e["Condition"]) for e in entries] == [
        ("a-b", "In111122223333EuWest1"),
        ("ab", "In111122223333UsEast1"),
    ]
    assert all(e["Properties"]["KubernetesGroups"] == [shipped.GROUP] for e in entries)
    assert {e["Condition"] for e in entries} < set(found["Conditions"])
    assert all(name.isalnum() for name in found["Resources"])


def test_the_template_of_a_cluster_makes_its_access_entry() -> None:
    found = template(cluster_template(cluster("shop-1"), ROLE.arn))["Resources"]

    ((_, entry),) = found.items()
    assert entry["Properties"] == {
        "ClusterName": "shop-1",
        "PrincipalArn": {"Ref": "ReaderPrincipal"},
        "KubernetesGroups": [shipped.GROUP],
        "Type": "STANDARD",
    }


def test_the_cluster_role_allows_exactly_what_an_observation_reads() -> None:
    assert kube_reads.granted(shipped.rbac(helm_secrets=True), "fleetkeeper-reader") == kube_reads.needed_to_observe()


def test_the_opt_in_role_allows_exactly_what_helm_releases_need() -> None:
    assert (
        kube_reads.granted(shipped.rbac(helm_secrets=True), "fleetkeeper-helm-reader") == kube_reads.needed_for_helm()
    )


def test_without_the_opt_in_nothing_may_read_secrets() -> None:
    manifest = shipped.rbac(helm_secrets=False)

    for role in ("fleetkeeper-reader", "fleetkeeper-trace-reader"):
        assert not {right for right in kube_reads.granted(manifest, role) if right[2] in ("secrets", "configmaps")}


def test_of_config_maps_only_those_of_eks_addons_may_be_read() -> None:
    (role,) = (d for d in kube_reads.documents(shipped.rbac(helm_secrets=False)) if d["kind"] == "Role")
    wanted = {each.name for each in ADDON_OBJECTS if each.kind == "ConfigMap"} | {name for name, _ in PROXY_CONFIGS}

    assert role["metadata"]["namespace"] == SYSTEM
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": sorted(wanted), "verbs": ["get"]}
    ]


def test_objects_of_every_built_in_kind_that_goes_away_may_be_listed() -> None:
    may = kube_reads.granted(shipped.rbac(helm_secrets=False), "fleetkeeper-trace-reader")
    apis = read_compat().apis
    kinds = [kind for minor in range(30, 45) for kind in live_kinds(apis, Minor(1, minor), ())]

    assert not {need for kind in kinds for place in kind.places if (need := _listing(kind, place)) not in may}


def _listing(kind: LiveKind, place: str) -> kube_reads.Need:
    return "list", place.rpartition("/")[0], kind.resource


@pytest.mark.parametrize("document", kube_reads.documents(shipped.rbac(helm_secrets=True)), ids=lambda d: d["kind"])
def test_every_binding_is_to_the_group_of_the_access_entries(document: dict[str, Any]) -> None:
    subjects = document.get("subjects", [{"kind": "Group", "name": shipped.GROUP}])

    assert [(s["kind"], s["name"]) for s in subjects] == [("Group", shipped.GROUP)]


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        (PRINCIPAL, PRINCIPAL),
        ("arn:aws:sts::999988887777:assumed-role/fleetkeeper/i-0abc", PRINCIPAL),
        ("999988887777", "arn:aws:iam::999988887777:root"),
        ("arn:aws-cn:iam::999988887777:user/ops/fleetkeeper", "arn:aws-cn:iam::999988887777:user/ops/fleetkeeper"),
    ],
    ids=["a role", "a session becomes its role", "an account means all of it", "a user with a path elsewhere"],
)
def test_a_principal_is_what_a_policy_can_name(text: str, arn: str) -> None:
    assert parse_principal(text, "aws") == arn


@pytest.mark.parametrize("text", ["fleetkeeper", "arn:aws:iam::1:role/x", "arn:aws:iam::999988887777:role/a b", "*"])
def test_what_is_no_principal_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="such as arn:aws:iam::111122223333:role/fleetkeeper"):
        parse_principal(text, "aws")


def test_aws_auth_gets_the_role_without_its_path() -> None:
    role = Role.of("aws-us-gov", ACCOUNT, "teams/platform/reader")

    assert role.arn == f"arn:aws-us-gov:iam::{ACCOUNT}:role/teams/platform/reader"
    assert role.arn_without_path == f"arn:aws-us-gov:iam::{ACCOUNT}:role/reader"
