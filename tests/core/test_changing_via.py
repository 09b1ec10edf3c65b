"""Who may change a version: the first rule that fits, what a step becomes by it, and what the approver reads."""

from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.changing_via import (
    PATIENCE,
    ChangeVia,
    Component,
    Direct,
    DirectRule,
    ProposalRule,
    Proposed,
    Settled,
    proposal_of,
    proposed_text,
    settle,
)
from fleetkeeper.core.observed import GitOpsApp
from fleetkeeper.core.plan_page import plan_page
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.steps import all_steps
from tests.core.checks.snapshots import control_plane, snapshot
from tests.core.plans import candidate, plan

CANARY = {"name": "shop", "ring": "canary"}
LATE = {"name": "shop", "ring": "late"}
EVERYTHING = ChangeVia((DirectRule(),))
HOOK = ChangeVia(proposals=(ProposalRule(hook="versions"),))

UPGRADE = StepSpec(
    "upgrade", "upgrade-control-plane", {"from": "1.34", "to": "1.35"}, why="1.34 leaves support", hop="1.35"
)
ROLLBACK = StepSpec("rollback", "rollback-control-plane", {"from": "1.35", "to": "1.34"})
ADDON = StepSpec("dns", "update-addon", {"addon": "coredns", "version": "v2"}, timeout=timedelta(minutes=45), retries=2)
GROUP = StepSpec("web", "update-nodegroup", {"group": "web", "to": "1.35", "release": "1.35.2-2026"})
RELEASE = StepSpec(
    "ingress", "update-release", {"namespace": "web", "release": "in", "chart": "nginx", "version": "2", "source": "s"}
)
LOOK = StepSpec("look", "preflight")
APP = GitOpsApp("Application", "argocd", "ingress", "nginx", "https://charts", "1", "web", "in")


def rule(clusters: str = "", *components: Component) -> DirectRule:
    return DirectRule(Selector.parse(clusters), components)


# ---- the rules


@pytest.mark.parametrize(
    ("policy", "attributes", "component", "way"),
    [
        pytest.param(ChangeVia(), CANARY, Component.ADDONS, None, id="without rules nothing is allowed"),
        pytest.param(EVERYTHING, LATE, Component.CONTROL_PLANE, Direct(), id="a rule for everything"),
        pytest.param(ChangeVia((rule("ring=canary"),)), CANARY, Component.ADDONS, Direct(), id="a ring"),
        pytest.param(ChangeVia((rule("ring=canary"),)), LATE, Component.ADDONS, None, id="another ring"),
        pytest.param(ChangeVia((rule("", Component.ADDONS),)), LATE, Component.ADDONS, Direct(), id="a component"),
        pytest.param(ChangeVia((rule("", Component.ADDONS),)), LATE, Component.RELEASES, None, id="another component"),
        pytest.param(HOOK, LATE, Component.RELEASES, Proposed("hook:versions"), id="proposed to a hook"),
        pytest.param(
            ChangeVia((rule("ring=canary"),), HOOK.proposals), CANARY, Component.ADDONS, Direct(), id="direct is first"
        ),
        pytest.param(
            ChangeVia(
                proposals=(
                    ProposalRule(Selector.parse("ring=late"), command="pull-request", undo="close"),
                    ProposalRule(channel="oncall"),
                )
            ),
            LATE,
            Component.ADDONS,
            Proposed("command:pull-request", "close"),
            id="the first that fits",
        ),
    ],
)
def test_the_first_rule_that_fits_holds(
    policy: ChangeVia, attributes: dict[str, str], component: Component, way: Direct | Proposed | None
) -> None:
    assert policy.of(attributes, component) == way


# ---- one step


def test_what_may_be_changed_directly_is_left_as_it_is() -> None:
    for spec in (UPGRADE, ROLLBACK, ADDON, GROUP, RELEASE, LOOK):
        assert proposal_of(spec, CANARY, EVERYTHING) is spec


def test_a_step_that_changes_no_version_needs_no_rule() -> None:
    assert proposal_of(LOOK, CANARY, ChangeVia()) is LOOK


@pytest.mark.parametrize(
    ("spec", "params"),
    [
        pytest.param(
            UPGRADE,
            {"change": "minor", "name": "", "from": "1.34", "to": "1.35", "why": "1.34 leaves support"},
            id="an upgrade",
        ),
        pytest.param(
            ROLLBACK, {"change": "minor", "name": "", "from": "1.35", "to": "1.34", "why": ""}, id="a rollback"
        ),
        pytest.param(
            ADDON, {"change": "addon", "name": "coredns", "from": "old", "to": "v2", "why": ""}, id="an addon"
        ),
        pytest.param(
            GROUP,
            {"change": "node-group", "name": "web", "from": "old", "to": "1.35", "why": "", "release": "1.35.2-2026"},
            id="a node group",
        ),
        pytest.param(
            RELEASE,
            {
                "change": "release",
                "name": "in",
                "from": "old",
                "to": "2",
                "why": "",
                "namespace": "web",
                "chart": "nginx",
            },
            id="a release",
        ),
    ],
)
def test_what_is_proposed_has_the_parameters_of_the_step_propose(spec: StepSpec, params: dict[str, str]) -> None:
    found = proposal_of(spec, LATE, HOOK, "old")
    assert isinstance(found, StepSpec)
    assert found.params == params | {"via": "hook:versions"}
    assert (found.name, found.kind, found.hop, found.why) == (spec.name, "propose", spec.hop, spec.why)
    assert (found.timeout, found.retries) == (PATIENCE, 0)
    assert all_steps()["propose"].of(found.params)


def test_where_nothing_is_configured_the_reason_says_what_to_configure() -> None:
    assert proposal_of(ADDON, LATE, ChangeVia()) == (
        "coredns may not be changed directly (change_via = propose), and nothing says where the change is proposed: "
        'add [[engine.proposals]] with components = ["addons"] to the settings, or [[engine.direct]] with '
        'components = ["addons"]'
    )


def test_what_a_gitops_object_deploys_is_proposed_even_where_it_may_be_changed_directly() -> None:
    policy = ChangeVia((DirectRule(),), HOOK.proposals)
    found = proposal_of(RELEASE, CANARY, policy, "1", APP)
    assert isinstance(found, StepSpec)
    assert (found.kind, found.params["object"]) == ("propose", "Application/argocd/ingress")
    assert proposal_of(RELEASE, CANARY, EVERYTHING, "1", APP) == (
        "Application argocd/ingress deploys in, so its change is proposed, and nothing says where: "
        'add [[engine.proposals]] with components = ["releases"] to the settings'
    )


def test_the_page_says_for_each_change_to_whom_it_is_proposed() -> None:
    page = plan_page(plan(candidate(), change_via=HOOK))
    assert "coredns v1.12.1-eksbuild.1 → v1.13.2-eksbuild.1, proposed to hook:versions\n" in page
    assert "! proposed to hook:versions, and waited for: coredns" in page
    found = proposal_of(UPGRADE, LATE, HOOK)
    assert isinstance(found, StepSpec)
    assert proposed_text(found) == "its minor 1.34 → 1.35, proposed to hook:versions"
    assert proposed_text(UPGRADE) == ""


# ---- the steps of a member


def seen(tags: dict[str, str] | None = None, *apps: GitOpsApp) -> Snapshot:
    group = model.NodeGroup("web", "ACTIVE", Minor(1, 34), "1", "AL2023", "ON_DEMAND", ("m6i",), 3, 1, 5)
    values: dict[str, Any] = {
        parts.GITOPS: apps,
        parts.CONTROL_PLANE: control_plane(tags=tags or {}),
        parts.MANAGED_ADDONS: (model.ManagedAddon("coredns", "v1", "ACTIVE"),),
        parts.NODE_GROUPS: (group,),
        parts.HELM_RELEASES: (model.HelmRelease("web", "in", 3, "deployed", "nginx", "1", "1", "k"),),
    }
    return snapshot(values)


def made(*steps: StepSpec, policy: ChangeVia, snap: Snapshot | None = None) -> Settled:
    found = settle(steps, LATE, snap or seen(), policy)
    assert isinstance(found, Settled), found
    return found


def test_each_step_starts_where_the_one_before_left_it() -> None:
    second = StepSpec("upgrade-2", "upgrade-control-plane", {"from": "1.35", "to": "1.36"})
    dns = StepSpec("dns-2", "update-addon", {"addon": "coredns", "version": "v3"})
    found = made(UPGRADE, ADDON, second, dns, GROUP, RELEASE, policy=HOOK)
    ways = [(step.params["from"], step.params["to"]) for step in found.steps]
    assert ways == [("1.34", "1.35"), ("v1", "v2"), ("1.35", "1.36"), ("v2", "v3"), ("1.34", "1.35"), ("1", "2")]
    assert found.notes == ("proposed to hook:versions, and waited for: its minor, coredns, web and 1 more",)


def test_one_step_without_a_way_leaves_the_member_out() -> None:
    only_addons = ChangeVia((rule("", Component.ADDONS),))
    found = settle((ADDON, UPGRADE), LATE, seen(), only_addons)
    assert isinstance(found, str)
    assert found.startswith("its minor may not be changed directly")


def test_what_a_tool_keeps_and_is_changed_directly_is_warned_of_once() -> None:
    found = made(UPGRADE, ADDON, ADDON, policy=EVERYTHING, snap=seen({"Terraform": "true"}))
    assert [note.partition(",")[0] for note in found.notes] == [
        "its minor is changed directly",
        "coredns is changed directly",
    ]
    assert made(UPGRADE, ADDON, policy=HOOK, snap=seen({"Terraform": "true"})).notes == (
        "proposed to hook:versions, and waited for: its minor, coredns",
    )


def test_without_a_marker_nothing_is_warned_of() -> None:
    assert made(UPGRADE, ADDON, GROUP, RELEASE, policy=EVERYTHING).notes == ()


def test_a_release_of_a_gitops_object_is_proposed_with_the_version_that_it_has() -> None:
    app = GitOpsApp("HelmRelease", "flux", "in", "nginx", "", "1.7", "web", "in", deployed="1.7.2")
    policy = ChangeVia((DirectRule(),), HOOK.proposals)
    (step,) = made(RELEASE, policy=policy, snap=seen({}, app)).steps
    assert (step.kind, step.params["object"], step.params["from"]) == ("propose", "HelmRelease/flux/in", "1.7.2")


def test_an_eks_addon_whose_chart_a_gitops_object_deploys_as_well_is_proposed() -> None:
    app = GitOpsApp("Application", "argocd", "dns", "coredns", "", "1.9", "kube-system", "dns")
    policy = ChangeVia((DirectRule(),), HOOK.proposals)
    (step,) = made(ADDON, policy=policy, snap=seen({}, app)).steps
    assert step.kind == "propose"
    assert "object" not in step.params


def test_where_gitops_objects_could_not_be_seen_no_release_is_changed_directly() -> None:
    found = settle((RELEASE,), LATE, snapshot(unseen=(parts.GITOPS,)), EVERYTHING)
    assert isinstance(found, str)
    assert found.startswith("whether Argo CD or Flux deploys in could not be seen (")
