"""Reports of five clusters that have everything a report can have: blocked, ready, at target, never seen, hostile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from fleetkeeper.core import model
from fleetkeeper.core.assess import NOT_SEEN, HopReport, verdict_of
from fleetkeeper.core.finding import CLUSTER, Breaks, Evidence, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.readiness import ClusterReport, report_of
from fleetkeeper.core.readiness import Subject as Who
from fleetkeeper.core.snapshot import Policy
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions, Waiver
from tests.core.checks.snapshots import NOW, PLACEMENT, SCOPE, hops

POLICY = Policy(Minor(1, 36), NOW + timedelta(days=12), "fleetkeeper.toml:31")
WAIVER = Waiver(
    "no traffic until January",
    "jo@example.com",
    date(2027, 1, 4),
    "",
    "FK402",
    ticket="OPS-7",
    origin="fleetkeeper.toml:9",
)
ENDED = Waiver("rewrite is under way", "jo@example.com", date(2026, 11, 19), "", "FK401", origin="fleetkeeper.toml:15")
DECISIONS = Decisions((WAIVER, ENDED))
_LONG = " because a name that is long enough fills more than one line of a screen that has a hundred columns"


def who(name: str = "shop") -> Who:
    id = model.ClusterId(f"arn:aws:eks:eu-west-1:111122223333:cluster/{name}", NOW - timedelta(days=300))
    return Who(id, name, SCOPE, PLACEMENT, {"name": name})


def finding(code: str, severity: Severity, about: str, message: str, **more: Any) -> Finding:
    kind, _, path = about.partition(" ")
    namespace, _, name = path.rpartition("/")
    blocks = severity is Severity.BLOCKER
    made = Finding(code, severity, Subject(kind, name, namespace), message, f"mend {about}", blocks=blocks)
    return replace(made, **more)


def unseen(part: str, fix: str) -> Finding:
    message = f"{part} could not be seen (forbidden), so FK401, FK402 cannot be judged"
    evidence = (Evidence("read", "forbidden: not allowed to list it", NOW - timedelta(days=2)),)
    return Finding(NOT_SEEN, Severity.UNKNOWN, CLUSTER, message, fix, key=part, blocks=True, evidence=evidence)


BUDGET = finding(
    "FK401",
    Severity.BLOCKER,
    "PodDisruptionBudget shop/cart",
    "PodDisruptionBudget shop/cart never lets a pod go: minAvailable 3 of 3 pods" + _LONG,
    fix="lower minAvailable of PodDisruptionBudget shop/cart to 2: kubectl -n shop edit pdb cart",
    breaks=Breaks.AT_NODES,
    owner={"a8r.io/owner": "cart@example.com", "team": "cart", "helm.sh/chart": "cart-2.1.0"},
    evidence=(Evidence("Kubernetes", "minAvailable 3, 3 pods of Deployment shop/cart", NOW),),
)
CALLER = finding(
    "FK301",
    Severity.BLOCKER,
    "Deployment batch/legacy-operator",
    "Deployment batch/legacy-operator uses flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema, which 1.36 removes",
    fix="update Deployment batch/legacy-operator to a version that uses flowcontrol.apiserver.k8s.io/v1",
    key="flowcontrol.apiserver.k8s.io/v1beta3",
    minor=Minor(1, 36),
    deadline=NOW + timedelta(days=12),
    owner={"team": "batch"},
    evidence=(
        Evidence("EKS insight", "legacy-operator/v1.2: 412 requests in 30 days", NOW - timedelta(hours=3)),
        Evidence("metric", "flowschemas was asked for since the API server started", None),
    ),
    use=LiveUse((Subject("Deployment", "legacy-operator", "batch"),), "abc", NOW - timedelta(hours=3)),
)
CHANGED = finding(
    "FK301",
    Severity.BLOCKER,
    "CronJob shop/report",
    "CronJob shop/report uses batch/v1beta1 CronJob, which 1.35 removes",
    minor=Minor(1, 35),
    use=LiveUse((Subject("CronJob", "report", "shop"),), "abc", NOW - timedelta(days=4), ("0 2 1 * *",)),
)
LATER = finding("FK108", Severity.WARNING, "Cluster", "3 nodes are behind the control plane")
FIRST_HOP = (
    BUDGET,
    finding("FK402", Severity.BLOCKER, "PodDisruptionBudget pay/api", "PodDisruptionBudget pay/api lets no pod go now"),
    unseen("webhooks", "`fleetkeeper doctor shop` names what is missing, `fleetkeeper onboard shop` grants it"),
    unseen("object_traces", "`fleetkeeper doctor shop` names what is missing, `fleetkeeper onboard shop` grants it"),
    *(
        finding("FK340", Severity.INFO, f"Deployment shop/one-{n}", f"Deployment shop/one-{n} runs as one pod")
        for n in (1, 2)
    ),
    LATER,
)
SECOND_HOP = (
    CALLER,
    unseen("webhooks", "`fleetkeeper doctor shop` names what is missing, `fleetkeeper onboard shop` grants it"),
)


def tracked(made: Finding, **more: Any) -> Tracked:
    return replace(Tracked(made, State.OPEN, NOW - timedelta(days=3), NOW, NOW - timedelta(days=3)), **more)


CHANGED_SINCE = tracked(
    CHANGED,
    state=State.UNCONFIRMED,
    last_seen=NOW - timedelta(days=2),
    since=NOW - timedelta(days=2),
    quiet_since=NOW - timedelta(days=2),
    times=2,
)


def blocked() -> ClusterReport:
    """From 1.34 to 1.36: budgets in the way, parts not seen, a caller that changed, one that calls on."""
    return made(who(), "1.34", (FIRST_HOP, SECOND_HOP), CHANGED_SINCE)


def made(of: Who, at: str, found: Sequence[Sequence[Finding]], *more: Tracked) -> ClusterReport:
    reports = [HopReport(hop, verdict_of(some), tuple(some)) for hop, some in zip(hops(at, "1.36"), found, strict=True)]
    known = {each.fingerprint: tracked(each) for some in found for each in some}
    known |= {each.finding.fingerprint: each for each in more}
    return report_of(of, Minor.parse(at), POLICY, reports, Tracking(NOW, known), DECISIONS)


def at_target() -> ClusterReport:
    """Its hop leads further than anybody wants."""
    (hop,) = hops("1.36", "1.37")
    report = HopReport(hop, verdict_of([BUDGET]), (BUDGET, LATER))
    known = {each.fingerprint: tracked(each) for each in report.findings}
    return report_of(who("pay"), Minor(1, 36), POLICY, [report], Tracking(NOW, known), Decisions())


def never_seen() -> ClusterReport:
    (hop,) = hops("1.0", "1.1")
    hidden = unseen("control_plane", "`fleetkeeper doctor new`")
    report = HopReport(hop, verdict_of([hidden]), (hidden,))
    return report_of(who("new"), None, Policy(reason="never seen"), [report], Tracking(NOW), Decisions())


def everything() -> tuple[ClusterReport, ...]:
    hostile = finding("FK422", Severity.BLOCKER, "Node \x1b[31m|red|\u202e", "Node \x1b[31m|red|\u202e is not\nready")
    return (
        made(who("ready"), "1.35", [()]),
        at_target(),
        never_seen(),
        blocked(),
        made(who("\x1b[31mred"), "1.35", [(hostile,)]),
    )
