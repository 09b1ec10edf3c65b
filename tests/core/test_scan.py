"""What manifests are judged to be, in which words, and that a live object's finding has the same fingerprint."""

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core import observed, parts, scan
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.manifests import Cause, Manifest, Unjudged
from fleetkeeper.core.scan import Located, Scope, judge
from fleetkeeper.core.scan_rows import Report, scan_rows
from fleetkeeper.core.scan_screen import Screen, repeats_key
from fleetkeeper.core.snapshot import Hop
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import NOW, found, snapshot

COMPAT = read_compat()
APIS = COMPAT.apis


def manifest(api_version: str, kind: str, name: str = "web", namespace: str = "") -> Manifest:
    return Manifest(api_version, kind, name, namespace, "a.yaml", 7)


def judged(seen: Manifest | Unjudged, scope: Scope) -> Finding:
    (only,) = judge([seen], scope, APIS)
    assert (only.file, only.line) == ("a.yaml", seen.line)
    return only.finding


AT = Scope(Minor(1, 36))


@pytest.mark.parametrize(
    ("seen", "scope", "severity", "message", "fix"),
    [
        pytest.param(
            manifest("policy/v1beta1", "PodSecurityPolicy"),
            Scope(Minor(1, 25)),
            Severity.BLOCKER,
            "PodSecurityPolicy web is written as policy/v1beta1 PodSecurityPolicy, which 1.25 no longer serves",
            "drop PodSecurityPolicy web or move what it does elsewhere: it has no successor",
            id="a removed kind without a successor",
        ),
        pytest.param(
            manifest("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema"),
            Scope(Minor(1, 29), Minor(1, 28)),
            Severity.BLOCKER,
            "FlowSchema web is written as flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema, which 1.29 no longer serves",
            "write FlowSchema web as flowcontrol.apiserver.k8s.io/v1 (served from 1.29 on)",
            id="a removed kind whose successor comes with the target",
        ),
        pytest.param(
            manifest("extensions/v1beta1", "PodSecurityPolicy"),
            AT,
            Severity.BLOCKER,
            "PodSecurityPolicy web is written as extensions/v1beta1 PodSecurityPolicy, which 1.16 no longer serves",
            "drop PodSecurityPolicy web or move what it does elsewhere: it has no successor",
            id="a removed kind whose successor is gone too",
        ),
        pytest.param(
            manifest("networking.k8s.io/v1beta1", "IPAddress"),
            AT,
            Severity.WARNING,
            "IPAddress web is written as networking.k8s.io/v1beta1 IPAddress, deprecated since 1.34, and 1.37 no "
            "longer serves it",
            "write IPAddress web as networking.k8s.io/v1",
            id="a deprecated kind",
        ),
        pytest.param(
            manifest("resource.k8s.io/v1beta1", "ResourceClaim", "gpu", "ml"),
            Scope(Minor(1, 38)),
            Severity.BLOCKER,
            "ResourceClaim ml/gpu is written as resource.k8s.io/v1beta1 ResourceClaim, which 1.38 no longer serves by "
            "the deprecation policy",
            "write ResourceClaim ml/gpu as resource.k8s.io/v1",
            id="a removal that is only foreseen",
        ),
        pytest.param(
            manifest("kafka.strimzi.io/v1beta2", "KafkaTopic"),
            AT,
            Severity.INFO,
            "KafkaTopic web is written as kafka.strimzi.io/v1beta2 KafkaTopic, deprecated in strimzi",
            "write KafkaTopic web as kafka.strimzi.io/v1 before strimzi is upgraded",
            id="a version that an addon only deprecates",
        ),
        pytest.param(
            Unjudged(Cause.TEMPLATE, "a.yaml", 3, "it is a template"),
            AT,
            Severity.UNKNOWN,
            "not judged: it is a template",
            "scan what a.yaml renders to: helm template ... | fleetkeeper scan - --target 1.36",
            id="a template",
        ),
    ],
)
def test_what_a_finding_says(
    seen: Manifest | Unjudged, scope: Scope, severity: Severity, message: str, fix: str
) -> None:
    finding = judged(seen, scope)
    assert (finding.severity, finding.message, finding.fix) == (severity, message, fix)
    assert finding.blocks == (severity in (Severity.BLOCKER, Severity.UNKNOWN))


@pytest.mark.parametrize(
    ("kind", "own", "given", "namespace"),
    [
        pytest.param("Ingress", "shop", "data", "shop", id="its own namespace comes first"),
        pytest.param("Ingress", "", "data", "data", id="else the one that is given"),
        pytest.param("Ingress", "", "", "", id="else none"),
        pytest.param("IngressClass", "shop", "data", "", id="a kind of the whole cluster has none"),
    ],
)
def test_the_namespace_of_a_manifest(kind: str, own: str, given: str, namespace: str) -> None:
    seen = manifest("networking.k8s.io/v1beta1", kind, namespace=own)
    assert judged(seen, Scope(Minor(1, 22), namespace=given)).subject.namespace == namespace


def test_kinds_of_the_whole_cluster_are_kinds_of_rows() -> None:
    known = {row.kind for row in APIS.rows} | {kind for row in APIS.third_party for kind in row.kinds}
    assert known >= scan._OF_CLUSTERS


@pytest.mark.parametrize(
    ("code", "api_version", "kind", "target"),
    [
        pytest.param("FK301", "flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", Minor(1, 32), id="of Kubernetes"),
        pytest.param("FK304", "cert-manager.io/v1alpha2", "Certificate", Minor(1, 32), id="of an addon"),
    ],
)
def test_a_live_object_and_its_manifest_have_one_fingerprint(
    code: str, api_version: str, kind: str, target: Minor
) -> None:
    namespace = "" if kind == "FlowSchema" else "shop"
    trace = observed.ObjectTrace("managed fields", api_version, kind, namespace, "web", manager="kubectl", at=NOW)
    live = snapshot({parts.OBJECT_TRACES: (trace,), parts.API_USE: observed.ApiUse((), NOW), parts.WORKLOADS: ()})
    (finding,) = found(code, live, Hop(target.previous(), target), COMPAT)
    static = judged(manifest(api_version, kind, namespace=namespace), Scope(target))
    assert static.fingerprint == finding.fingerprint
    assert (static.code, static.key, static.breaks) == (finding.code, finding.key, Breaks.AT_DEPLOY)


def test_counts_have_every_severity_and_a_baseline_is_of_file_and_fingerprint() -> None:
    located = [
        Located(judged(manifest("policy/v1beta1", "PodDisruptionBudget"), AT), name, 1) for name in ("a.yaml", "b.yaml")
    ]
    known = frozenset({("a.yaml", located[0].finding.fingerprint)})
    report = Report(Minor(1, 36), None, scan_rows(located, known), 2)
    assert report.counts == {"blocker": 2, "unknown": 0, "warning": 0, "info": 0}
    assert [row.file for row in report.failing] == ["b.yaml"]
    assert not report.is_partial


SCREEN = Screen([("policy", "v1beta1", "PodDisruptionBudget"), ("", "v1", "Endpoints")])


@pytest.mark.parametrize(
    ("text", "may"),
    [
        pytest.param(b"apiVersion: policy/v1beta1\nkind: PodDisruptionBudget", True, id="the object itself"),
        pytest.param(b"apiVersion: policy/v1beta1\nkind: Ingress", False, id="another kind"),
        pytest.param(b"apiVersion: policy/v1beta10\nkind: PodDisruptionBudget", False, id="a longer version"),
        pytest.param(b"apiVersion: policy.example.com/v1beta1 PodDisruptionBudget", False, id="another group"),
        pytest.param(b"- /v1beta1\n- PodDisruptionBudget", False, id="a version without a group"),
        pytest.param(b"kind: Endpoints", True, id="a kind of the core group"),
        pytest.param(b'a: "policy\\/v1"', True, id="an escape that may hide a name"),
        pytest.param(b'a: "line\\n"', False, id="an escape that hides no name"),
        pytest.param(b"apiVersion: {{ .x }}", True, id="a template in place of a version"),
        pytest.param(b"name: {{ .x }}", False, id="a template elsewhere"),
    ],
)
def test_the_screen_lets_through_only_what_cannot_matter(text: bytes, may: bool) -> None:
    assert SCREEN.may_hold(text) is may


def test_a_screen_of_no_names_still_parses_what_is_odd() -> None:
    assert not Screen([]).may_hold(b"apiVersion: policy/v1beta1\n")
    assert Screen([]).may_hold(b"kind: a\nkind: b\n")
    assert not repeats_key(b"kind: a\n---\nkind: b\n")
