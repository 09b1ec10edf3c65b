"""FK301 to FK304: who uses an API that goes away, by what evidence, and what breaks when."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.api_rows import ApiRow, Apis, ThirdPartyApiRow
from fleetkeeper.core.assess import NOT_SEEN, assess
from fleetkeeper.core.compat import Compat, Confidence, Source
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.pods import PodTemplate
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor, Version
from tests.core.checks.snapshots import NOTHING, NOW, found, snapshot
from tests.core.checks.snapshots import control_plane as a_control_plane

SOURCE = Source("upstream", NOW.date(), Confidence.HIGH)
GROUP = "flowcontrol.apiserver.k8s.io"
FLOWS = ApiRow(
    GROUP, "v1beta3", "FlowSchema", "flowschemas", SOURCE, removed=Minor(1, 35), replacement=(GROUP, "v1", "FlowSchema")
)
POLICY = ApiRow("policy", "v1beta1", "PodSecurityPolicy", "podsecuritypolicies", SOURCE, removed=Minor(1, 35))
EARLIER = ApiRow(
    "batch", "v1beta1", "CronJob", "cronjobs", SOURCE, removed=Minor(1, 25), replacement=("batch", "v1", "CronJob")
)
LATER = ApiRow(
    "example", "v1beta1", "Later", "laters", SOURCE, removed=Minor(1, 36), replacement=("example", "v1", "Later")
)
CERTIFICATES = ThirdPartyApiRow(
    "cert-manager", "cert-manager.io", "v1alpha2", ("Certificate",), "cert-manager.io/v1", SOURCE,
    removed_in=Version.parse("1.6.0"),
)  # fmt: skip
COMPAT = Compat(apis=Apis((FLOWS, POLICY, EARLIER, LATER), (CERTIFICATES,)))
OPERATOR = model.Workload(
    "Deployment", "shop", "legacy-operator", "u1", ("quay.io/shop/legacy-operator:1.2",), 1, {"team": "shop"}
)
STARTED = NOW - timedelta(days=30)
FLOW = "flowcontrol.apiserver.k8s.io/v1beta3"
OBJECT = Subject("FlowSchema", "shop-flows")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def trace(manager: str = "legacy-operator", days: float | None = 3, **more: Any) -> observed.ObjectTrace:
    at = None if days is None else ago(days)
    made = {"source": "managed fields", "api_version": FLOW, "kind": "FlowSchema", "namespace": "", "name": OBJECT.name}
    return observed.ObjectTrace(**{**made, "manager": manager, "at": at, "owner": {"team": "flows"}, **more})


APPLIED = trace("", None, source="last applied")
CALLED = observed.ApiUse((observed.DeprecatedCall(GROUP, "v1beta3", "flowschemas", "", "1.35"),), STARTED)
QUIET = observed.ApiUse((), STARTED)


def insight(*agents: str, days: float = 2) -> Insight:
    clients = tuple(ClientStat(agent, 40, ago(days)) for agent in agents)
    usage = Deprecation(f"/apis/{FLOW}/flowschemas", f"/apis/{GROUP}/v1/flowschemas", "1.35", clients)
    status = InsightStatus.ERROR
    return Insight("i", "Deprecated APIs", "UPGRADE_READINESS", status, Minor(1, 35), "", NOW, (usage,))


def seen(*traces: observed.ObjectTrace, use: observed.ApiUse = QUIET, beside: Mapping[str, Any] = NOTHING) -> Snapshot:
    return snapshot({parts.OBJECT_TRACES: traces, parts.API_USE: use, parts.WORKLOADS: (OPERATOR,), **beside})


def one(snap: Snapshot, code: str = "FK301") -> Finding:
    (finding,) = found(code, snap, compat=COMPAT)
    return finding


def test_a_workload_that_writes_it_is_named_once_for_all_its_objects() -> None:
    finding = one(seen(trace(), trace(name="other"), use=CALLED))
    assert finding.subject == Subject("Deployment", "legacy-operator", "shop")
    assert (finding.severity, finding.blocks, finding.breaks) == (Severity.BLOCKER, True, Breaks.AT_UPGRADE)
    assert "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema, which 1.35 no longer serves" in finding.message
    assert "flowcontrol.apiserver.k8s.io/v1" in finding.fix
    assert [each.source for each in finding.evidence] == ["managed fields", "managed fields", "metric"]
    assert finding.owner == {"team": "shop"}
    assert finding.use is not None
    assert (finding.use.callers, finding.use.last) == ((finding.subject,), ago(3))


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param("legacy-operator/v1.2 (linux/amd64) kubernetes/abcdef", id="by the name of the workload"),
        pytest.param("Legacy-Operator", id="whatever its case"),
    ],
)
def test_a_client_of_an_insight_is_mapped_to_its_workload(agent: str) -> None:
    finding = one(seen(beside={parts.INSIGHTS: (insight(agent),)}))
    assert finding.subject == Subject("Deployment", "legacy-operator", "shop")
    assert finding.evidence[0].at == ago(2)


def test_a_client_is_mapped_by_the_image_that_a_workload_runs() -> None:
    renamed = model.Workload("StatefulSet", "shop", "control", "u2", ("quay.io/shop/legacy-operator:1.2",), 1)
    assert one(seen(trace(), beside={parts.WORKLOADS: (renamed,)})).subject == Subject("StatefulSet", "control", "shop")


def test_a_service_account_of_the_audit_log_leads_to_its_workload() -> None:
    template = PodTemplate(service_account="robot")
    robot = model.Workload("CronJob", "shop", "report", "u3", (), None, template=template, schedule="0 3 1 * *")
    user = "system:serviceaccount:shop:robot"
    call = observed.AuditCall(GROUP, "v1beta3", "flowschemas", user, "python-requests/2.31", 7, ago(20))
    finding = one(seen(beside={parts.WORKLOADS: (OPERATOR, robot), parts.AUDIT_CALLS: (call,)}))
    assert finding.subject == Subject("CronJob", "report", "shop")
    assert finding.use is not None
    assert finding.use.schedules == ("0 3 1 * *",)


@pytest.mark.parametrize(
    ("traces", "use", "severity", "breaks"),
    [
        pytest.param(
            (trace("some-controller"),), QUIET, Severity.BLOCKER, Breaks.AT_UPGRADE, id="a writer of late is alive"
        ),
        pytest.param(
            (trace("some-controller", 200),),
            QUIET,
            Severity.WARNING,
            Breaks.AT_UPGRADE,
            id="one of long ago may be gone",
        ),
        pytest.param(
            (trace("some-controller", 200),), CALLED, Severity.BLOCKER, Breaks.AT_UPGRADE, id="unless somebody calls it"
        ),
        pytest.param((trace("kubectl-client-side-apply"),), QUIET, Severity.WARNING, Breaks.AT_DEPLOY, id="a pipeline"),
        pytest.param((trace("helm"), APPLIED), QUIET, Severity.WARNING, Breaks.AT_DEPLOY, id="a release"),
        pytest.param((APPLIED,), QUIET, Severity.INFO, Breaks.NOTHING, id="last-applied alone is harmless"),
        pytest.param((APPLIED,), CALLED, Severity.INFO, Breaks.NOTHING, id="and proves no caller"),
    ],
)
def test_an_object_is_judged_by_what_wrote_it(
    traces: tuple[observed.ObjectTrace, ...], use: observed.ApiUse, severity: Severity, breaks: Breaks
) -> None:
    finding = one(seen(*traces, use=use))
    assert (finding.subject, finding.severity, finding.breaks) == (OBJECT, severity, breaks)
    assert finding.blocks is (severity is Severity.BLOCKER)
    assert finding.owner == {"team": "flows"}


def test_all_evidence_of_one_object_is_one_finding() -> None:
    finding = one(seen(trace("some-controller"), APPLIED, use=CALLED))
    assert [each.source for each in finding.evidence] == ["managed fields", "last applied", "metric"]


def test_an_object_without_a_successor_is_lost() -> None:
    stored = trace("", None, source="stored object", api_version="policy/v1beta1", kind="PodSecurityPolicy")
    finding = one(seen(stored))
    assert (finding.severity, finding.breaks, finding.blocks) == (Severity.BLOCKER, Breaks.LOST, True)
    assert "it has no successor" in finding.fix


def test_an_object_whose_successor_is_not_named_yet_is_not_lost() -> None:
    scheduled = replace(POLICY, scheduled=True)
    stored = trace("", None, source="stored object", api_version="policy/v1beta1", kind="PodSecurityPolicy")
    (finding,) = found("FK301", seen(stored), compat=Compat(apis=Apis((scheduled,))))
    assert finding.breaks is Breaks.NOTHING


def test_a_successor_that_comes_with_the_removal_is_told_so() -> None:
    late = replace(FLOWS, available=Minor(1, 35), note="v1beta2 until then")
    (finding,) = found("FK301", seen(trace()), compat=Compat(apis=Apis((late,))))
    assert "flowcontrol.apiserver.k8s.io/v1 (served from 1.35 on; v1beta2 until then)" in finding.fix


def test_the_control_planes_own_writes_are_nobodys_to_mend() -> None:
    own = trace("kube-controller-manager")
    assert found("FK301", seen(own), compat=COMPAT) == ()


@pytest.mark.parametrize(
    "hop",
    [
        pytest.param(Hop(Minor(1, 33), Minor(1, 34)), id="a hop before it goes"),
        pytest.param(Hop(Minor(1, 35), Minor(1, 36)), id="a hop after it went"),
    ],
)
def test_another_hop_is_silent(hop: Hop) -> None:
    snap = seen(trace(), use=CALLED)
    assert found("FK301", snap, hop, COMPAT) == ()
    assert found("FK303", snap, hop, COMPAT) == ()


def test_a_current_version_is_silent() -> None:
    assert found("FK301", seen(trace(api_version=f"{GROUP}/v1")), compat=COMPAT) == ()


@pytest.mark.parametrize("code", ["FK301", "FK303"])
def test_what_was_not_seen_is_unknown(code: str) -> None:
    snap = snapshot(unseen=(parts.API_USE,))
    (report,) = assess(snap, [Hop(Minor(1, 34), Minor(1, 35))], COMPAT)
    (unseen,) = [each for each in report.findings if each.code == NOT_SEEN]
    assert code in unseen.message


# ---- nobody to name


def test_a_gauge_alone_says_that_somebody_calls() -> None:
    finding = one(seen(use=CALLED), "FK303")
    assert finding.subject == Subject("API", "flowschemas.v1beta3.flowcontrol.apiserver.k8s.io")
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert "turn on the audit log" in finding.fix
    assert finding.use is not None
    assert finding.use.state == ""


def test_with_an_audit_log_it_says_to_look_there() -> None:
    snap = seen(use=CALLED, beside={parts.CONTROL_PLANE: a_control_plane(audit_logs=True)})
    assert "look the client up in the audit log" in one(snap, "FK303").fix


@pytest.mark.parametrize(
    "traces",
    [pytest.param((trace(),), id="a workload"), pytest.param((trace("some-controller"),), id="a writer")],
)
def test_a_gauge_that_somebody_explains_is_no_finding_of_its_own(traces: tuple[observed.ObjectTrace, ...]) -> None:
    assert found("FK303", seen(*traces, use=CALLED), compat=COMPAT) == ()


def test_a_client_of_an_insight_that_runs_nowhere_is_told() -> None:
    finding = one(seen(beside={parts.INSIGHTS: (insight("kubectl/v1.30", "kube-controller-manager/v1.34"),)}), "FK303")
    assert finding.message.startswith("1 client that runs in no known workload calls ")
    assert [each.text for each in finding.evidence] == ["kubectl/v1.30: 40 requests in 30 days"]


# ---- Helm


def release(
    kind: str = "FlowSchema", api: str = FLOW, *, latest: bool = True, revision: int = 4
) -> observed.ReleaseTrace:
    return observed.ReleaseTrace("shop", "web", revision, latest, api, kind, "", "flows")


@pytest.mark.parametrize(
    ("traces", "severity", "breaks", "says"),
    [
        pytest.param(
            (release(),),
            Severity.WARNING,
            Breaks.AT_DEPLOY,
            "fails once the cluster is on 1.35",
            id="the newest revision",
        ),
        pytest.param(
            (release("CronJob", "batch/v1beta1"),), Severity.WARNING, Breaks.AT_DEPLOY, "already fails", id="long gone"
        ),
        pytest.param(
            (release(latest=False, revision=2),),
            Severity.INFO,
            Breaks.AT_ROLLBACK,
            "only a rollback",
            id="an old revision",
        ),
        pytest.param(
            (release(latest=False, revision=2), release()),
            Severity.WARNING,
            Breaks.AT_DEPLOY,
            "`helm upgrade`",
            id="both",
        ),
    ],
)
def test_a_release_is_told_once(
    traces: tuple[observed.ReleaseTrace, ...], severity: Severity, breaks: Breaks, says: str
) -> None:
    finding = one(snapshot({parts.HELM_USE: observed.HelmUse(traces=traces)}), "FK302")
    assert (finding.subject, finding.severity, finding.breaks) == (
        Subject("HelmRelease", "web", "shop"),
        severity,
        breaks,
    )
    assert says in finding.message
    assert not finding.blocks


def test_what_is_long_gone_is_told_with_the_first_hop_alone() -> None:
    snap = snapshot({parts.HELM_USE: observed.HelmUse(traces=(release("CronJob", "batch/v1beta1"),))})
    assert found("FK302", snap, Hop(Minor(1, 35), Minor(1, 36), first=False), COMPAT) == ()


def test_a_release_of_a_later_removal_waits_for_its_hop() -> None:
    snap = snapshot({parts.HELM_USE: observed.HelmUse(traces=(release("Later", "example/v1beta1"),))})
    assert found("FK302", snap, compat=COMPAT) == ()
    assert one_at(snap, Hop(Minor(1, 35), Minor(1, 36), first=False)).minor == Minor(1, 36)


def one_at(snap: Snapshot, hop: Hop) -> Finding:
    (finding,) = found("FK302", snap, hop, COMPAT)
    return finding


# ---- APIs of addons


@pytest.mark.parametrize(
    ("source", "severity", "breaks"),
    [
        pytest.param("managed fields", Severity.WARNING, Breaks.AT_DEPLOY, id="written"),
        pytest.param("last applied", Severity.INFO, Breaks.NOTHING, id="only applied so once"),
    ],
)
def test_an_api_of_an_addon_is_told_with_its_release(source: str, severity: Severity, breaks: Breaks) -> None:
    written = trace(
        source=source, api_version="cert-manager.io/v1alpha2", kind="Certificate", namespace="shop", name="tls"
    )
    addon = model.Addon("cert-manager", "1.5.3", model.FoundBy.HELM, "cert-manager/cert-manager")
    snap = seen(written, beside={parts.ADDONS: model.Addons((addon,))})
    finding = one(snap, "FK304")
    assert (finding.severity, finding.breaks, finding.blocks) == (severity, breaks, False)
    assert finding.message == "uses cert-manager.io/v1alpha2 Certificate, which cert-manager 1.6.0 removes"
    assert "(it is at 1.5.3)" in finding.fix


def test_an_api_that_no_row_knows_is_silent() -> None:
    written = trace(api_version="cert-manager.io/v1", kind="Certificate")
    assert found("FK304", seen(written), compat=COMPAT) == ()
