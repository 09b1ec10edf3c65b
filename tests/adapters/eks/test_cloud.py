"""Every read of the Cloud port, by real boto3 against the simulated AWS: all values, page by page."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.adapters.eks import pages
from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.core import model
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError
from fleetkeeper.sim.world import SimAddon, SimInsight, SimIssue, SimUpdateConfig
from tests.adapters.eks.support import SCOPE, Call, asked, bare_cloud, cloud, stub
from tests.sim.worlds import CUSTOM_AMI, NOW, PROD, REGION, Aws, a_cluster, a_world, served


def test_the_names_of_the_clusters_of_one_account_and_region(eks: EksCloud) -> None:
    assert eks.cluster_names() == ("shop",)


def test_a_cluster_with_everything_that_eks_says_of_it(aws: Aws, eks: EksCloud) -> None:
    shop = aws.world.clusters[f"{PROD}/{REGION}/shop"]
    shop.audit_logs, shop.auto_mode = True, True
    shop.issues = [SimIssue("Ec2SubnetNotFound", "subnet-0a is not there", ["subnet-0a"])]

    id, control_plane = eks.cluster("shop")

    assert id == model.ClusterId(f"arn:aws:eks:{REGION}:{PROD}:cluster/shop", NOW - timedelta(days=300))
    assert control_plane == model.ControlPlane(
        name="shop",
        version=Minor(1, 34),
        status="ACTIVE",
        endpoint=control_plane.endpoint,
        ca_pem=shop.ca_pem,
        platform_version="eks.24",
        support_type="STANDARD",
        auto_mode=True,
        authentication_mode="API_AND_CONFIG_MAP",
        audit_logs=True,
        issues=(model.Issue("Ec2SubnetNotFound", "subnet-0a is not there", ("subnet-0a",)),),
        subnets=("subnet-0a", "subnet-0b", "subnet-0c"),
        tags={"env": "prod"},
        role_arn=f"arn:aws:iam::{PROD}:role/shop-cluster",
    )
    assert control_plane.endpoint.startswith("https://")
    assert id.created_at.tzinfo is UTC


def test_a_cluster_that_is_being_made_has_no_endpoint_and_no_ca(aws: Aws, eks: EksCloud) -> None:
    aws.world.clusters[f"{PROD}/{REGION}/shop"].status = "CREATING"

    _, control_plane = eks.cluster("shop")

    assert (control_plane.status, control_plane.endpoint, control_plane.ca_pem) == ("CREATING", "", "")
    assert not control_plane.audit_logs


def test_managed_addons(aws: Aws, eks: EksCloud) -> None:
    aws.world.clusters[f"{PROD}/{REGION}/shop"].addons["vpc-cni"] = SimAddon(
        "vpc-cni",
        "v1.22.4-eksbuild.2",
        "DEGRADED",
        [SimIssue("ConfigurationConflict", "conflicts", ["aws-node"])],
        '{"env":{"A":"1"}}',
        f"arn:aws:iam::{PROD}:role/cni",
    )

    assert eks.addons("shop") == (
        model.ManagedAddon("coredns", "v1.13.2-eksbuild.19", "ACTIVE"),
        model.ManagedAddon(
            "vpc-cni",
            "v1.22.4-eksbuild.2",
            "DEGRADED",
            (model.Issue("ConfigurationConflict", "conflicts", ("aws-node",)),),
            '{"env":{"A":"1"}}',
            f"arn:aws:iam::{PROD}:role/cni",
        ),
    )


def test_managed_node_groups_also_one_with_an_image_that_eks_does_not_know(eks: EksCloud) -> None:
    custom, main = eks.node_groups("shop")

    assert main == model.NodeGroup(
        name="main",
        status="ACTIVE",
        version=Minor(1, 34),
        release_version="1.34.11-20261102",
        ami_type="AL2023_x86_64_STANDARD",
        capacity_type="ON_DEMAND",
        instance_types=("m6i.large",),
        desired=2,
        minimum=1,
        maximum=5,
        subnets=main.subnets,
        auto_scaling_groups=main.auto_scaling_groups,
        labels={"team": "shop"},
        tags={"cost": "shop"},
        max_unavailable="1",
    )
    assert len(main.auto_scaling_groups) == 1
    assert (custom.version, custom.release_version, custom.custom_ami) == (None, CUSTOM_AMI, True)
    assert custom.launch_template == "lt-0123456789abcdef0:3"


@pytest.mark.parametrize(
    ("config", "max_unavailable", "side_by_side"),
    [
        pytest.param(SimUpdateConfig(nodes=2), "2", 2, id="a number"),
        pytest.param(SimUpdateConfig(nodes=0, percent=60, strategy="MINIMAL"), "60%", 2, id="a share, rounded up"),
    ],
)
def test_how_a_node_group_is_updated(
    aws: Aws, eks: EksCloud, config: SimUpdateConfig, max_unavailable: str, side_by_side: int
) -> None:
    aws.world.clusters[f"{PROD}/{REGION}/shop"].node_groups["main"].update_config = config
    main = next(each for each in eks.node_groups("shop") if each.name == "main")

    assert (main.max_unavailable, main.side_by_side) == (max_unavailable, side_by_side)
    assert main.update_strategy == config.strategy


def test_fargate_profiles(eks: EksCloud) -> None:
    assert eks.fargate_profiles("shop") == (model.FargateProfile("jobs", "ACTIVE", (("jobs", {"fargate": "yes"}),)),)


def test_insights_with_their_deprecations_and_only_those_that_do_not_pass_are_described(
    aws: Aws, eks: EksCloud
) -> None:
    passing = SimInsight("b1", "Kubelet skew", "UPGRADE_READINESS", "PASSING", "1.35", "fine")
    strange = SimInsight("c2", "Something new", "MISCONFIGURATION", "UNKNOWN", "1.35", "")
    aws.world.clusters[f"{PROD}/{REGION}/shop"].insights |= {"b1": passing, "c2": strange}

    deprecated, kubelets, other = eks.insights("shop")

    assert deprecated == Insight(
        id="a87900d3",
        name="Deprecated APIs removed in Kubernetes v1.32",
        category="UPGRADE_READINESS",
        status=InsightStatus.ERROR,
        minor=Minor(1, 32),
        reason="Deprecated API usage detected within last 30 days.",
        refreshed_at=NOW - timedelta(hours=3),
        deprecations=(
            Deprecation(
                "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas",
                "",
                "1.32",
                (ClientStat("argocd", 7, NOW - timedelta(days=2)),),
            ),
        ),
    )
    assert (kubelets.status, other.status) == (InsightStatus.PASSING, InsightStatus.UNKNOWN)
    assert asked(aws.server, "eks:DescribeInsight") == 2


def test_auto_scaling_groups_of_clusters_say_who_owns_them(eks: EksCloud) -> None:
    found = {group.name: group for group in eks.auto_scaling_groups()}

    legacy = found.pop("shop-legacy")
    assert (legacy.cluster, legacy.node_group, legacy.desired) == ("shop", "", 1)
    assert legacy.instances == ("i-0ccccccccccccccc1",)
    assert legacy.launch_template.startswith("lt-")
    assert {group.node_group for group in found.values()} == {"main", "custom"}


def test_support_dates_of_every_version(eks: EksCloud) -> None:
    found = {version.minor: version for version in eks.cluster_versions()}

    assert found[Minor(1, 34)].status == "STANDARD_SUPPORT"
    assert found[Minor(1, 34)].source == f"eks:DescribeClusterVersions in {SCOPE}"
    end = found[Minor(1, 34)].end_of_standard
    assert end is not None
    assert end > datetime(2026, 11, 20, tzinfo=UTC)


def test_addon_versions_that_eks_offers_for_a_minor(eks: EksCloud) -> None:
    releases = [r for r in eks.addon_releases(Minor(1, 34)) if r.addon == "coredns"]

    assert len(releases) > 1
    assert {minor for r in releases for minor, _ in r.minors} == {Minor(1, 34)}
    assert sum(default for r in releases for _, default in r.minors) == 1


def test_a_list_of_many_pages_is_read_to_its_end() -> None:
    clusters = [a_cluster(f"c{number:03}") for number in range(250)]
    with served(a_world(*clusters)) as aws:
        names = cloud(aws.server.url).cluster_names()

        assert names == tuple(f"c{number:03}" for number in range(250))
        assert asked(aws.server, "eks:ListClusters") == 3


def test_auto_scaling_groups_of_many_pages_are_read_to_their_end() -> None:
    with served(a_world(*(a_cluster(f"c{number:03}") for number in range(70)))) as aws:
        assert len(cloud(aws.server.url).auto_scaling_groups()) == 210
        assert asked(aws.server, "autoscaling:DescribeAutoScalingGroups") == 3


def test_an_account_without_clusters_is_no_gap() -> None:
    with served(a_world(a_cluster(region="us-east-1"))) as aws:
        eks = cloud(aws.server.url)

        assert (eks.cluster_names(), eks.auto_scaling_groups()) == ((), ())


def test_a_cluster_that_is_not_there_is_not_found(eks: EksCloud) -> None:
    with pytest.raises(ReadError) as told:
        eks.cluster("gone")

    assert told.value.reason is GapReason.NOT_FOUND
    assert f"eks:DescribeCluster of gone in {SCOPE}" in told.value.detail


def test_an_answer_about_another_cluster_is_refused() -> None:
    other = {"arn": f"arn:aws:eks:{REGION}:999999999999:cluster/shop", "name": "shop", "version": "1.34"}
    told = pytest.raises(InvalidAnswer, match=f"asked for shop of {SCOPE}.*999999999999:cluster/shop")
    with stub(lambda _: {"cluster": other | {"createdAt": 1.7e9}}) as server, told:
        bare_cloud(server.url).cluster("shop")


def test_a_list_that_gives_the_same_token_again_is_refused() -> None:
    with stub(lambda _: {"clusters": ["a"], "nextToken": "again"}) as server:
        with pytest.raises(InvalidAnswer, match=r"eks:ListClusters in .*: the list never ends"):
            bare_cloud(server.url).cluster_names()
        assert len(server.calls) == 2


def test_a_list_that_always_gives_a_new_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PAGES", 20)

    def more(call: Call) -> object:
        return {"clusters": ["a"], "nextToken": f"{int(call.query.get('nextToken', '0')) + 1}"}

    with stub(more) as server:
        with pytest.raises(InvalidAnswer, match="the list never ends"):
            bare_cloud(server.url).cluster_names()
        assert len(server.calls) == 20
