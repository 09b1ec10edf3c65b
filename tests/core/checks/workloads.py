"""Workloads, pods and budgets of one shop, each healthy, for tests that change one thing."""

from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import NOT_SEEN, Verdict, assess
from fleetkeeper.core.checks import check_of
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.pods import Labels, PodTemplate
from fleetkeeper.core.snapshot import Hop
from tests.core.checks.snapshots import HOP, NO_ROWS, found, snapshot

OWNER = {"team": "shop"}


def template(**more: Any) -> PodTemplate:
    return PodTemplate(**{"labels": {"app": "web"}, "is_probed": True, **more})


def workload(name: str = "web", kind: str = "Deployment", replicas: int | None = 3, **more: Any) -> model.Workload:
    """A workload of namespace shop; fields of its template may be given beside its own."""
    own = {key: more.pop(key) for key in tuple(more) if key in model.Workload.__dataclass_fields__}
    made = {"template": template(**more), "owner": OWNER, **own}
    return model.Workload(kind, made.pop("namespace", "shop"), name, f"uid-{kind}-{name}", (), replicas, **made)


def bare_pod(name: str = "lonely", **more: Any) -> model.Workload:
    return workload(name, "Pod", None, **more)


def budget(name: str = "web", **more: Any) -> observed.Budget:
    """A budget of three healthy pods, two of which must stay."""
    made = {"selector": Labels({"app": "web"}), "minimum": "2", "expected": 3, "desired": 2, "healthy": 3, "allowed": 1}
    if "maximum_unavailable" in more:
        made["minimum"] = ""
    return observed.Budget("shop", name, **{**made, "owner": {"team": "budgets"}, **more})


def of_budgets(
    code: str, budgets: tuple[observed.Budget, ...], workloads: tuple[model.Workload, ...], *bare: model.Workload
) -> tuple[Finding, ...]:
    values = {parts.BUDGETS: budgets, parts.WORKLOADS: workloads, parts.PODS: model.Pods(9, bare)}
    return found(code, snapshot(values))


def unseen(code: str, part: str, hop: Hop = HOP, compat: Compat = NO_ROWS) -> Verdict:
    """The verdict of one check alone when this part was not seen, which must be told as unknown and name the check."""
    check = check_of(code)
    assert check is not None
    (report,) = assess(snapshot(unseen=(part,)), [hop], compat, [check])
    assert [(each.code, each.key) for each in report.findings] == [(NOT_SEEN, part)]
    assert code in report.findings[0].message
    return report.verdict
