"""The kind of a node, from its own labels and provider id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.compute import compute_kind, is_spot
from fleetkeeper.core.model import ComputeKind

EC2 = "aws:///eu-west-1a/i-0123456789abcdef0"
TYPE, GROUP = "eks.amazonaws.com/compute-type", "eks.amazonaws.com/nodegroup"

CASES = {
    "a managed node group": ({GROUP: "blue"}, EC2, ComputeKind.MANAGED, "blue"),
    "auto mode, which carries Karpenter's label too": (
        {TYPE: "auto", "karpenter.sh/nodepool": "system"},
        EC2,
        ComputeKind.AUTO_MODE,
        "system",
    ),
    "Fargate": ({TYPE: "fargate"}, "aws:///eu-west-1a/1234-abcd/fargate-ip-10-0-0-1", ComputeKind.FARGATE, ""),
    "a hybrid node": ({TYPE: "hybrid"}, "eks-hybrid:///eu-west-1/c/mi-1", ComputeKind.HYBRID, ""),
    "Karpenter": ({"karpenter.sh/nodepool": "spot"}, EC2, ComputeKind.KARPENTER, "spot"),
    "Karpenter before 0.32": ({"karpenter.sh/provisioner-name": "old"}, EC2, ComputeKind.KARPENTER, "old"),
    "an instance that nothing else claims": ({}, EC2, ComputeKind.SELF_MANAGED, ""),
    "an unmanaged group of eksctl": (
        {"alpha.eksctl.io/nodegroup-name": "ng-1"},
        EC2,
        ComputeKind.SELF_MANAGED,
        "ng-1",
    ),
    "HyperPod, which is no instance of ours": (
        {},
        "aws:///usw2-az2/sagemaker/cluster/hyperpod-abc-i-0123456789abcdef0",
        ComputeKind.UNKNOWN,
        "",
    ),
    "a compute type from after our time": ({TYPE: "quantum", GROUP: "blue"}, EC2, ComputeKind.UNKNOWN, ""),
    "a node that claims two kinds": ({GROUP: "blue", "karpenter.sh/nodepool": "x"}, EC2, ComputeKind.UNKNOWN, ""),
    "another cloud": ({}, "gce://project/zone/vm", ComputeKind.UNKNOWN, ""),
    "kind, on a laptop": ({}, "kind://docker/kind/kind-worker", ComputeKind.UNKNOWN, ""),
    "nothing said": ({}, "", ComputeKind.UNKNOWN, ""),
    "an empty label is no label": ({GROUP: ""}, "", ComputeKind.UNKNOWN, ""),
}


@pytest.mark.parametrize(("labels", "provider_id", "kind", "group"), CASES.values(), ids=CASES)
def test_a_node_is_of_the_kind_that_it_says(
    labels: dict[str, str], provider_id: str, kind: ComputeKind, group: str
) -> None:
    assert compute_kind(labels, provider_id) == (kind, group)


@given(st.dictionaries(st.text(), st.text()), st.text())
def test_only_eks_own_label_makes_a_node_managed(labels: dict[str, str], provider_id: str) -> None:
    kind, _ = compute_kind(labels, provider_id)
    assert kind is not ComputeKind.MANAGED or GROUP in labels


@pytest.mark.parametrize(
    ("labels", "spot"),
    [
        pytest.param({"eks.amazonaws.com/capacityType": "SPOT"}, True, id="spot of a managed group"),
        pytest.param({"karpenter.sh/capacity-type": "spot"}, True, id="spot of Karpenter"),
        pytest.param({"karpenter.sh/capacity-type": "on-demand"}, False, id="on demand"),
        pytest.param({}, False, id="a node that does not tell"),
    ],
)
def test_a_spot_instance_is_known_by_its_label(labels: dict[str, str], spot: bool) -> None:
    assert is_spot(labels) is spot
