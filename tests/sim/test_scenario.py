import base64
import gzip
import json
from pathlib import Path

import pytest

from fleetkeeper.errors import ConfigError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.scenario import Scenario
from fleetkeeper.sim.world import Object, SimCluster, World

HEAD = """\
[fleet]
name = "t"
epoch = 2026-11-20T09:00:00Z
management_account = "100000000001"
[[account]]
id = "111122223333"
name = "a"
regions = ["eu-west-1", "us-east-1"]
"""


def scenario(text: str) -> Scenario:
    return scenario_file.parse(HEAD + text, "t.toml")


def one(text: str) -> SimCluster:
    """The only cluster of a scenario; the text is what its [[cluster]] says besides name and place."""
    place = '[[cluster]]\nname = "c"\naccount = "111122223333"\nregion = "eu-west-1"\n'
    world = build(scenario(place + ("" if "version = " in text.partition("[[")[0] else 'version = "1.34"\n') + text))
    return world.clusters["c"]


def shipped(name: str) -> World:
    return build(scenario_file.load(scenario_file.find(name)))


@pytest.fixture(scope="module")
def demo() -> World:
    return shipped("demo")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param(
            '[[cluster]]\nname = "c"\nversion = "1.34"\ncolour = "red"\n', 12, "unknown key", id="unknown key"
        ),
        pytest.param('[[cluster]]\nname = "c"\nversion = "new"\n', 11, "not a Kubernetes version", id="wrong version"),
        pytest.param('[[cluster]]\nname = "c"\n', 9, "is missing", id="no version at all"),
        pytest.param(
            '[[cluster]]\nname = "c"\ntemplate = ["x"]\nversion = "1.34"\n', 11, "no template x", id="no such template"
        ),
        pytest.param(
            '[template.x]\nversion = "1.34"\n[[template.x.nodes]]\nname = "n"\ncount = 1\nkind = "magic"\n',
            14,
            "must be one of",
            id="unknown kind of nodes in a template",
        ),
        pytest.param(
            '[[cluster]]\nname = "c"\nversion = "1.34"\ncount = 3\n', 10, "place for the number", id="one name"
        ),
        pytest.param('[[cluster]]\nname = "c"\nversion = "1.34"\n' * 2, 13, "another cluster", id="a name used twice"),
        pytest.param(
            '[[cluster]]\nname = "c"\nversion = "1.34"\n[[cluster.fault]]\nkind = "bad luck"\n',
            13,
            "must be one of",
            id="unknown fault",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        scenario(text)
    assert [(m.line, said in m.message) for m in raised.value.mistakes] == [(line, True)]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        scenario('[[cluster]]\nname = "c"\nversion = "new"\nregion = "mars"\nage = 3\n')
    assert len(raised.value.mistakes) >= 3


@pytest.mark.parametrize("name", scenario_file.shipped())
def test_a_shipped_scenario_can_be_built(name: str) -> None:
    world = shipped(name)
    first = next(iter(world.clusters.values()))
    assert first.objects["/nodes"]
    assert first.objects["/pods"]


def test_shipped_scenarios_are_found_by_name_and_others_by_path() -> None:
    assert scenario_file.shipped() == ("bench", "demo", "three")
    assert scenario_file.find("elsewhere/mine.toml") == Path("elsewhere/mine.toml")


def test_templates_are_mixed_in_order_and_the_cluster_has_the_last_word() -> None:
    text = (
        '[template.a]\nversion = "1.33"\ntags = { ring = "late", owner = "a" }\naddons = { coredns = "v1" }\n'
        '[template.b]\nversion = "1.34"\naddons = { vpc-cni = "v2" }\n'
        '[[cluster]]\nname = "c"\ntemplate = ["a", "b"]\ntags = { ring = "early" }\n'
    )
    look = scenario(text).clusters[0].look
    assert str(look.version) == "1.34"
    assert dict(look.tags) == {"ring": "early", "owner": "a"}
    assert {name: spec.version for name, spec in look.addons.items()} == {"coredns": "v1", "vpc-cni": "v2"}


def test_a_fleet_is_resized_by_the_blocks_that_count() -> None:
    text = (
        '[[cluster]]\nname = "single"\nversion = "1.34"\n'
        '[[cluster]]\nname = "x-{n}"\ncount = 30\nversion = "1.34"\n'
        '[[cluster]]\nname = "y-{n}"\ncount = 10\nversion = "1.35"\n'
    )
    sized = scenario(text).resized(9)
    assert [spec.count for spec in sized.clusters] == [0, 6, 2]
    world = build(sized)
    assert len(world.clusters) == 9
    assert {c.region for c in world.clusters.values()} == {"eu-west-1", "us-east-1"}
    with pytest.raises(ValueError, match="cannot have 0 clusters"):
        scenario(text).resized(0)


@pytest.mark.parametrize(
    ("nodes", "labels", "provider", "system"),
    [
        pytest.param(
            'release = "1.33.4-20251103"\nversion = "1.33"',
            {"eks.amazonaws.com/nodegroup": "n", "eks.amazonaws.com/capacityType": "ON_DEMAND"},
            "aws:///eu-west-1a/i-0",
            {"kubeletVersion": "v1.33.4-eks-8f2a1c0", "osImage": "Amazon Linux 2023.9.20261027"},
            id="managed, one minor behind",
        ),
        pytest.param(
            'kind = "self-managed"',
            {"alpha.eksctl.io/nodegroup-name": "n", "alpha.eksctl.io/cluster-name": "c"},
            "aws:///eu-west-1a/i-0",
            {"kubeletVersion": "v1.34.2-eks-8f2a1c0"},
            id="self-managed",
        ),
        pytest.param(
            'kind = "karpenter"\nos = "bottlerocket"\ncapacity = "SPOT"\nrelease = "1.52.0-5e9a8d2f"',
            {"karpenter.sh/nodepool": "n", "karpenter.sh/capacity-type": "spot"},
            "aws:///eu-west-1a/i-0",
            {"osImage": "Bottlerocket OS 1.52.0 (aws-k8s-1.34)", "kubeletVersion": "v1.34.2-eks-8f2a1c0"},
            id="karpenter on bottlerocket",
        ),
        pytest.param(
            'kind = "auto"',
            {"eks.amazonaws.com/compute-type": "auto", "karpenter.sh/nodepool": "n"},
            "aws:///eu-west-1a/i-0",
            {"osImage": "Bottlerocket (EKS Auto, Standard) 2026.11.3 (aws-k8s-1.34-standard)"},
            id="auto mode",
        ),
        pytest.param(
            'kind = "fargate"\nnamespaces = ["x"]',
            {"eks.amazonaws.com/compute-type": "fargate"},
            "aws:///eu-west-1a/",
            {"operatingSystem": "linux"},
            id="fargate",
        ),
        pytest.param(
            'kind = "hybrid"\nos = "ubuntu"',
            {"eks.amazonaws.com/compute-type": "hybrid"},
            "eks-hybrid:///eu-west-1/c/mi-0",
            {"osImage": "Ubuntu 24.04.3 LTS", "kubeletVersion": "v1.34.2"},
            id="hybrid",
        ),
        pytest.param(
            'os = "windows2022"',
            {"kubernetes.io/os": "windows", "node.kubernetes.io/windows-build": "10.0.20348"},
            "aws:///eu-west-1a/i-0",
            {"operatingSystem": "windows", "osImage": "Windows Server 2022 Datacenter"},
            id="windows",
        ),
    ],
)
def test_a_node_shows_what_it_is(nodes: str, labels: dict[str, str], provider: str, system: dict[str, str]) -> None:
    found = one(f'[[cluster.nodes]]\nname = "n"\ncount = 1\n{nodes}\n')
    (node,) = found.objects["/nodes"].values()
    assert labels.items() <= node["metadata"]["labels"].items()
    assert node["spec"]["providerID"].startswith(provider)
    assert system.items() <= node["status"]["nodeInfo"].items()


def test_karpenter_and_auto_mode_have_their_pools() -> None:
    found = one(
        'auto_mode = true\n[[cluster.nodes]]\nname = "general-purpose"\nkind = "auto"\ncount = 1\n'
        '[[cluster.nodes]]\nname = "batch"\nkind = "karpenter"\ncount = 1\n'
    )
    pools = found.objects["karpenter.sh/nodepools"].values()
    classes = {p["metadata"]["name"]: p["spec"]["template"]["spec"]["nodeClassRef"]["kind"] for p in pools}
    assert classes == {"general-purpose": "NodeClass", "batch": "EC2NodeClass"}
    assert found.auto_mode
    assert ("", "nodepools.karpenter.sh") in found.objects["apiextensions.k8s.io/customresourcedefinitions"]


def test_kubelets_before_1_33_report_a_kube_proxy_version() -> None:
    found = one('version = "1.33"\n[[cluster.nodes]]\nname = "n"\ncount = 1\nversion = "1.32"\n')
    (node,) = found.objects["/nodes"].values()
    assert node["status"]["nodeInfo"]["kubeProxyVersion"] == "v1.32.2-eks-8f2a1c0"


def instances(found: SimCluster) -> set[str]:
    return {node["spec"]["providerID"].rpartition("/")[2] for node in found.objects["/nodes"].values()}


def test_eks_and_kubernetes_agree_on_the_instances() -> None:
    found = one(
        '[[cluster.nodes]]\nname = "n"\ncount = 3\n[[cluster.nodes]]\nname = "old"\nkind = "self-managed"\ncount = 2\n'
    )
    group, scaling = found.node_groups["n"], found.auto_scaling_groups["old"]
    assert {*group.instances, *scaling.instances} == instances(found)
    assert (group.desired, group.version, group.release_version) == (3, "1.34", "1.34.2-20261027")
    assert scaling.tags["kubernetes.io/cluster/c"] == "owned"


def test_a_custom_image_has_no_version_of_eks() -> None:
    found = one('[[cluster.nodes]]\nname = "n"\ncount = 1\ncustom_ami = true\n').node_groups["n"]
    assert (found.ami_type, found.version) == ("CUSTOM", "")
    assert found.launch_template["version"] == "7"


def test_default_is_the_addon_version_that_eks_installs_and_its_pods_run_it() -> None:
    found = one('addons = { coredns = "default" }\n[[cluster.nodes]]\nname = "n"\ncount = 1\n')
    version = found.addons["coredns"].version
    deployment = found.objects["apps/deployments"][("kube-system", "coredns")]
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:{version}"


def decoded(secret: Object) -> Object:
    payload = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    release: Object = json.loads(gzip.decompress(payload))
    return release


def test_helm_keeps_its_revisions_as_helm_does() -> None:
    found = one(
        '[[cluster.helm]]\nchart = "cert-manager"\nversion = "v1.18.2"\napp_version = "v1.18.2"\n'
        'namespace = "cert-manager"\nrevision = 3\nstatus = "failed"\n'
    )
    secrets = found.objects["/secrets"]
    assert {key[1]: s["metadata"]["labels"]["status"] for key, s in secrets.items()} == {
        "sh.helm.release.v1.cert-manager.v1": "superseded",
        "sh.helm.release.v1.cert-manager.v2": "deployed",
        "sh.helm.release.v1.cert-manager.v3": "failed",
    }
    newest = secrets[("cert-manager", "sh.helm.release.v1.cert-manager.v3")]
    release = decoded(newest)
    assert newest["type"] == "helm.sh/release.v1"
    assert (release["chart"]["metadata"]["version"], release["info"]["status"]) == ("v1.18.2", "failed")
    assert "quay.io/jetstack/cert-manager-controller:v1.18.2" in release["manifest"]
    assert ("cert-manager", "cert-manager-webhook") in found.objects["apps/deployments"]
    assert ("", "certificates.cert-manager.io") in found.objects["apiextensions.k8s.io/customresourcedefinitions"]


WORKLOAD = """\
[[cluster.nodes]]
name = "n"
count = 2
[[cluster.workload]]
kind = "{kind}"
namespace = "x"
name = "w"
images = ["example.com/w:1"]
replicas = 3
ready = 2
min_available = "67%"
"""


@pytest.mark.parametrize(
    ("kind", "owners"),
    [
        pytest.param("Deployment", ["ReplicaSet"] * 3, id="a Deployment's pods belong to its ReplicaSet"),
        pytest.param("StatefulSet", ["StatefulSet"] * 3, id="a StatefulSet's pods are its own"),
        pytest.param("DaemonSet", ["DaemonSet"] * 2, id="a DaemonSet has a pod per node"),
        pytest.param("CronJob", ["Job"], id="a CronJob's pod belongs to its Job"),
        pytest.param("Pod", [None] * 3, id="a bare pod has no owner"),
    ],
)
def test_pods_belong_to_what_made_them(kind: str, owners: list[str | None]) -> None:
    pods = one(WORKLOAD.format(kind=kind)).objects["/pods"].values()
    assert [p["metadata"].get("ownerReferences", [{"kind": None}])[0]["kind"] for p in pods] == owners


def test_an_owner_reference_names_the_owner_by_its_uid() -> None:
    found = one(WORKLOAD.format(kind="Deployment"))
    uids = {obj["metadata"]["uid"] for obj in found.objects["apps/replicasets"].values()}
    for pod in found.objects["/pods"].values():
        assert pod["metadata"]["ownerReferences"][0]["uid"] in uids


def test_a_disruption_budget_has_the_status_that_its_controller_computes() -> None:
    budget = one(WORKLOAD.format(kind="Deployment")).objects["policy/poddisruptionbudgets"][("x", "w")]
    expected = {"expectedPods": 3, "currentHealthy": 2, "desiredHealthy": 3, "disruptionsAllowed": 0}
    assert expected.items() <= budget["status"].items()


def test_objects_have_the_weight_of_real_ones() -> None:
    deployment = one(WORKLOAD.format(kind="Deployment")).objects["apps/deployments"][("x", "w")]
    assert "kind" not in deployment
    assert "kubectl.kubernetes.io/last-applied-configuration" in deployment["metadata"]["annotations"]
    assert 4_000 < len(json.dumps(deployment)) < 20_000


def test_a_change_of_one_cluster_is_not_seen_in_its_twins() -> None:
    world = build(
        scenario(
            '[[cluster]]\nname = "c-{n}"\ncount = 200\nversion = "1.34"\n[[cluster.nodes]]\nname = "n"\ncount = 1\n'
        )
    )
    first, second = world.clusters["c-0"], world.clusters["c-2"]
    (node,) = first.objects["/nodes"].values()
    first.put("/nodes", {**node, "spec": {"unschedulable": True}})
    for each in world.clusters.values():
        assert each.objects["/namespaces"]  # more clusters than are kept: the first one is made anew
    assert [n["spec"].get("unschedulable") for n in first.objects["/nodes"].values()] == [True]
    assert [n["spec"].get("unschedulable") for n in second.objects["/nodes"].values()] == [None]


def test_every_object_of_the_fleet_has_its_own_uid(demo: World) -> None:
    uids = [
        o["metadata"]["uid"] for c in demo.clusters.values() for found in c.objects.values() for o in found.values()
    ]
    assert len(set(uids)) == len(uids)


def test_the_demo_has_the_trouble_that_it_promises(demo: World) -> None:
    clusters = demo.clusters.values()
    assert {c.version for c in clusters} == {"1.33", "1.34", "1.35", "1.36"}
    assert len({c.account for c in clusters}) == 3
    assert len({c.region for c in clusters}) == 2
    assert [c.key for c in clusters if c.name == "commerce"] == ["commerce-prod-eu", "commerce-prod-us", "commerce-dev"]
    assert [c.key for c in clusters if not c.tags] == ["eksctl-test-7"]
    assert {(f.kind, f.cluster) for f in demo.faults} == {("throttle", "data"), ("unreachable", "legacy-erp")}


@pytest.mark.parametrize(
    "label",
    [
        "eks.amazonaws.com/nodegroup",
        "alpha.eksctl.io/nodegroup-name",
        "karpenter.sh/nodepool",
        "eks.amazonaws.com/compute-type=auto",
        "eks.amazonaws.com/compute-type=fargate",
        "eks.amazonaws.com/compute-type=hybrid",
        "kubernetes.io/os=windows",
    ],
)
def test_the_demo_has_every_kind_of_node(label: str, demo: World) -> None:
    key, _, value = label.partition("=")
    nodes = [node["metadata"]["labels"] for c in demo.clusters.values() for node in c.objects["/nodes"].values()]
    assert any(key in labels and (not value or labels[key] == value) for labels in nodes)


def test_what_is_wrong_with_the_role_the_key_and_the_subnets_of_a_cluster_is_the_worlds() -> None:
    place = '[[cluster]]\nname = "c"\naccount = "111122223333"\nregion = "eu-west-1"\nversion = "1.34"\n'
    world = build(scenario(place + 'role_lost = true\nsecrets_key = "Disabled"\nfree_addresses = 3\n'))

    cluster = world.clusters["c"]
    assert world.lost_roles == {cluster.role_arn}
    assert cluster.kms_key.startswith("arn:aws:kms:eu-west-1:111122223333:key/")
    assert world.keys == {cluster.kms_key: "Disabled"}
    assert {name: subnet.free_addresses for name, subnet in world.subnets.items()} == dict.fromkeys(cluster.subnets, 3)


def test_a_cluster_has_its_role_no_key_and_plenty_of_addresses_unless_told_otherwise() -> None:
    place = '[[cluster]]\nname = "c"\naccount = "111122223333"\nregion = "eu-west-1"\nversion = "1.34"\n'
    world = build(scenario(place))

    assert (world.lost_roles, world.keys, world.subnets) == (set(), {}, {})
    assert world.clusters["c"].kms_key == ""
