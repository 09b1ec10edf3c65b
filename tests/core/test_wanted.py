"""What a plan wants at its end, by the steps that were carried out; and which nodes it leaves."""

from dataclasses import replace

from fleetkeeper.core import model
from fleetkeeper.core.left_behind import left_behind
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import StepState
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wanted import Wanted, wanted
from tests.contract.observed import node

STEPS = (
    StepSpec("up 1", "upgrade-control-plane", {"from": "1.34", "to": "1.35"}),
    StepSpec("dns", "update-addon", {"addon": "coredns", "version": "v1"}),
    StepSpec("up 2", "upgrade-control-plane", {"from": "1.35", "to": "1.36"}),
    StepSpec("dns again", "update-addon", {"addon": "coredns", "version": "v2"}),
    StepSpec("ask", "propose", {"change": "node-group", "name": "web", "to": "1.36"}),
    StepSpec("gpu", "update-nodegroup", {"group": "gpu", "to": "1.36", "release": "1.36.1-20261101"}),
    StepSpec("tell", "notify", {"channel": "oncall", "text": "done"}),
)


def test_the_last_of_each_is_what_is_wanted() -> None:
    assert wanted(STEPS, None) == Wanted(
        "1.36", {"coredns": "v2"}, {"web": ("1.36", ""), "gpu": ("1.36", "1.36.1-20261101")}
    )
    assert wanted(STEPS, None).facts == ("minor 1.36", "coredns v2", "group web 1.36", "group gpu 1.36 1.36.1-20261101")


def test_what_was_not_carried_out_is_not_wanted_and_is_named() -> None:
    ends = dict.fromkeys(range(6), StepState.SUCCEEDED) | {3: StepState.SKIPPED, 5: StepState.UNKNOWN}
    found = wanted(STEPS, ends)
    assert (found.addons, list(found.groups), found.skipped) == ({"coredns": "v1"}, ["web"], ("dns again", "gpu"))


def test_a_rollback_wants_the_minor_before() -> None:
    back = StepSpec("back", "rollback-control-plane", {"from": "1.36", "to": "1.35"})
    assert wanted([back], {0: StepState.SUCCEEDED}).minor == "1.35"


def test_nodes_at_the_minor_or_of_a_rolled_group_and_unreadable_ones_are_not_left_behind() -> None:
    nodes = (
        replace(node(1), kubelet="v1.36.1-eks-1"),
        replace(node(2), kubelet="v1.35.1-eks-1", group="web"),
        replace(node(3), kubelet="who knows"),
        replace(node(4), kubelet="v1.35.9", kind=model.ComputeKind.UNKNOWN, group=""),
    )
    found = tuple(left_behind(Minor(1, 36), (), nodes, ("web",)))
    assert found == ("1 node at 1.35 (no step is for them)",)
