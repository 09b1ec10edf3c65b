"""What keeps a pod on its node, rule by rule of the eviction subresource, and what would free it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.core.draining import fixes, obstacles, owner_of, told
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
WEB = Labels({"app": "web"})


def pod(name: str = "web-1", **other: Any) -> LivePod:
    usual: dict[str, Any] = {"labels": {"app": "web"}, "controller": "Deployment/web"}
    return LivePod("shop", name, other.pop("node", "node-1"), **{**usual, **other})


def budget(name: str = "web", **other: Any) -> Budget:
    """A budget of three healthy pods that lets one go."""
    usual: dict[str, Any] = {"selector": WEB, "minimum": "2", "expected": 3, "desired": 2, "healthy": 3, "allowed": 1}
    return Budget("shop", name, **{**usual, **other})


CLOSED: dict[str, Any] = {"minimum": "3", "desired": 3, "allowed": 0}
SHORT: dict[str, Any] = {"healthy": 2, "allowed": 0}


@pytest.mark.parametrize(
    ("found", "budgets", "karpenter"),
    [
        pytest.param(pod(), (), False, id="no budget takes it"),
        pytest.param(pod(), (budget(),), False, id="its budget lets one go"),
        pytest.param(pod(), (budget(**CLOSED, selector=None),), False, id="a budget without a selector takes nothing"),
        pytest.param(pod(labels={"app": "api"}), (budget(**CLOSED),), False, id="a budget of other pods"),
        pytest.param(pod(phase="Pending"), (budget(**CLOSED),), False, id="a pending pod asks no budget"),
        pytest.param(pod(phase="Succeeded"), (budget(**CLOSED),), False, id="a pod that has ended asks no budget"),
        pytest.param(pod(leaving_since=AT), (budget(**CLOSED),), False, id="a pod on its way"),
        pytest.param(pod(controller="DaemonSet/agent"), (budget(**CLOSED),), True, id="no drain moves a DaemonSet's"),
        pytest.param(pod(static=True), (budget(**CLOSED),), True, id="no drain moves a static pod"),
        pytest.param(pod(stays="karpenter.sh/do-not-disrupt=true"), (), False, id="EKS heeds no do-not-disrupt"),
        pytest.param(
            pod(ready=False), (budget(allowed=0, healthy=2),), False, id="an unready pod goes when enough are healthy"
        ),
        pytest.param(
            pod(ready=False), (budget(**CLOSED, healthy=1, unhealthy_policy="AlwaysAllow"),), False,
            id="an unready pod goes when its budget always lets it",
        ),
    ],
)  # fmt: skip
def test_nothing_is_in_the_way(found: LivePod, budgets: tuple[Budget, ...], karpenter: bool) -> None:
    assert obstacles([found], budgets, karpenter=karpenter) == ()


@pytest.mark.parametrize(
    ("found", "budgets", "why", "fix", "for_good"),
    [
        pytest.param(
            pod(), (budget(**CLOSED),),
            "PDB shop/web allows 0 more disruptions, 3 of 3 must be healthy",
            "let PDB shop/web (minAvailable 3) spare one pod, or run one pod more", True,
            id="a budget of all pods",
        ),
        pytest.param(
            pod(), (budget(**SHORT),),
            "PDB shop/web allows 0 more disruptions, 2 of 3 must be healthy and 2 are",
            "bring the pods of PDB shop/web to Ready: kubectl --namespace shop get pods", False,
            id="a budget that has let one go already",
        ),
        pytest.param(
            pod(), (budget(minimum="", maximum_unavailable="0", desired=3, allowed=0),),
            "PDB shop/web allows 0 more disruptions, 3 of 3 must be healthy",
            "let PDB shop/web (maxUnavailable 0) spare one pod, or run one pod more", True,
            id="a budget of no pod unavailable",
        ),
        pytest.param(
            pod(controller=""), (budget(expected=0, desired=0, healthy=0, allowed=0),),
            "PDB shop/web allows 0 more disruptions, for it counts no pod that a controller would make again",
            "let PDB shop/web (minAvailable 2) spare one pod, or run one pod more", True,
            id="a budget that counts no pod",
        ),
        pytest.param(
            pod(), (budget(allowed=0, reason="SyncFailed", message="no controller"),),
            "PDB shop/web lets nothing go, for its pods cannot be counted: no controller",
            "give the pods of PDB shop/web a controller with a scale, or use minAvailable as a number", True,
            id="a budget that cannot be counted",
        ),
        pytest.param(
            pod(), (budget(observed=False, allowed=0, reason="SyncFailed", message="no controller"),),
            "PDB shop/web lets nothing go, for its pods cannot be counted: no controller",
            "give the pods of PDB shop/web a controller with a scale, or use minAvailable as a number", True,
            id="a budget that cannot be counted, which looks as if it would be",
        ),
        pytest.param(
            pod(), (budget(observed=False, allowed=0),), "PDB shop/web was not counted yet since it changed", "", False,
            id="a budget that was not counted yet",
        ),
        pytest.param(
            pod(), (budget(), budget("all", selector=Labels())),
            "2 PodDisruptionBudgets take it (shop/web and shop/all), and the API server evicts no pod that has two",
            "leave one of shop/web and shop/all, and narrow the selector of the others", True,
            id="two budgets",
        ),
        pytest.param(
            pod(leaving_since=AT, finalizers=("example.com/x",)), (),
            "it is terminating since 09:30 UTC, and finalizers hold it: example.com/x",
            "let whoever set the finalizer remove it", False,
            id="a finalizer",
        ),
        pytest.param(
            pod(ready=False), (budget(**CLOSED, healthy=2),),
            "PDB shop/web allows 0 more disruptions, 3 of 3 must be healthy and 2 are",
            "let PDB shop/web (minAvailable 3) spare one pod, or run one pod more", True,
            id="an unready pod where too few are healthy",
        ),
    ],
)  # fmt: skip
def test_what_is_in_the_way(found: LivePod, budgets: tuple[Budget, ...], why: str, fix: str, for_good: bool) -> None:
    (obstacle,) = obstacles([found], budgets)
    assert (obstacle.why, obstacle.fix, obstacle.for_good) == (why, fix, for_good)


def test_karpenter_leaves_a_pod_that_asks_to_stay() -> None:
    (obstacle,) = obstacles([pod(stays="karpenter.sh/do-not-disrupt=true")], (), karpenter=True)
    assert obstacle.text == "shop/web-1 of Deployment/web on node-1: it asks to stay (karpenter.sh/do-not-disrupt=true)"
    assert obstacle.for_good


def test_a_budget_of_another_namespace_takes_nothing() -> None:
    other = Budget("other", "web", selector=WEB, minimum="3", expected=3, desired=3, healthy=3)
    assert obstacles([pod()], [other]) == ()


def test_what_never_goes_is_told_first_with_its_owner_and_three_examples() -> None:
    short = budget(**SHORT, owner={"team": "team-shop"})
    closed = budget("api", **CLOSED, selector=Labels({"app": "api"}))
    pods = [pod(f"web-{number}") for number in range(4)]
    stuck = pod("api-1", labels={"app": "api"}, controller="Deployment/api", owner={"owner": "team-api"}, node="node-2")
    found = obstacles([*pods, stuck], [short, closed])
    assert told(found).startswith("shop/api-1 of Deployment/api on node-2: PDB shop/api allows 0 more disruptions")
    assert told(found).endswith("and 2 more")
    assert owner_of(found) == "team-api", "of the budget, else of the pod"
    assert fixes(found).count("PDB shop/web") == 1
