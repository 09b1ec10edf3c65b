"""Judges manifests for a target minor: the same rows, codes and fingerprints as for what lives in a cluster.

A live object's fingerprint is of its kind, namespace, name and API. A manifest without a namespace gets the one that it
is given here; with none given its namespace stays "", for where it will be applied is nowhere written, and a guess
would match the object of somebody else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetkeeper.core.api_rows import ApiRow, Apis, ThirdPartyApiRow
from fleetkeeper.core.api_words import name, replacement
from fleetkeeper.core.assess import NOT_SEEN
from fleetkeeper.core.finding import Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.manifests import Cause, Manifest, Unjudged
from fleetkeeper.core.versions import Minor

API, THIRD_PARTY = "FK301", "FK304"

# Kinds of the rows that have no namespace, whatever is asked for.
_OF_CLUSTERS = frozenset(
    [
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CustomResourceDefinition",
        "DeviceClass",
        "DeviceTaintRule",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "NodeMetrics",
        "PodSecurityPolicy",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourcePoolStatusRequest",
        "ResourceSlice",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersionMigration",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
        "AWSNodeTemplate",
        "ClusterCleanupPolicy",
        "ClusterExternalSecret",
        "ClusterIssuer",
        "ClusterPolicy",
        "ClusterRbacConfig",
        "ClusterSecretStore",
        "EC2NodeClass",
        "GatewayClass",
        "Machine",
        "MeshPolicy",
        "NodeClaim",
        "NodePool",
        "Provisioner",
        "VolumeSnapshotClass",
        "VolumeSnapshotContent",
    ]
)

_FIXES = {
    Cause.UNREADABLE: "make {file} readable for who scans, or leave it out",
    Cause.NOT_TEXT: "write {file} as text in UTF-8, or leave it out",
    Cause.SYNTAX: "mend {file}, or leave it out if it is no manifest",
    Cause.TEMPLATE: "scan what {file} renders to: helm template ... | fleetkeeper scan - --target {target}",
    Cause.CHART: "make `helm template` of this chart work here, or scan what it writes: helm template ... | "
    "fleetkeeper scan - --target {target}",
    Cause.REFUSED: "take a version of the chart that takes {target}",
    Cause.DUPLICATE_KEY: "write each key of {file} once, and --- between documents",
}


@dataclass(frozen=True, slots=True)
class Located:
    """A finding and where it stands. line counts from 1; 0 is the whole file."""

    finding: Finding
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What manifests are judged for. source is the minor that the cluster is on, None where nobody said."""

    target: Minor
    source: Minor | None = None
    namespace: str = ""


def names_that_matter(apis: Apis, target: Minor) -> Iterator[tuple[str, str, str]]:
    """(group, version, kind) of everything that `judge` has something to say about."""
    yield from ((row.group, row.version, row.kind) for row in apis.rows if row.matters(target))
    yield from ((row.group, row.version, kind) for row in apis.third_party if _ends(row) for kind in row.kinds)


def judge(seen: Iterable[Manifest | Unjudged], scope: Scope, apis: Apis) -> Iterator[Located]:
    """A finding for each object of an API that goes or is to go, and for each thing that could not be judged."""
    for each in seen:
        finding = _unjudged(each, scope) if isinstance(each, Unjudged) else _judged(each, scope, apis)
        if finding is not None:
            yield Located(finding, each.file, each.line)


def _judged(manifest: Manifest, scope: Scope, apis: Apis) -> Finding | None:
    group, _, version = manifest.api_version.rpartition("/")
    row = apis.find(group, version, manifest.kind)
    if row is not None:
        return _built_in(manifest, row, scope, apis) if row.matters(scope.target) else None
    other = apis.of_third_party(group, version, manifest.kind)
    return _of_addon(manifest, other, scope) if other is not None and _ends(other) else None


def _ends(row: ThirdPartyApiRow) -> bool:
    return row.removed_in is not None or row.deprecated_in is not None


def _built_in(manifest: Manifest, row: ApiRow, scope: Scope, apis: Apis) -> Finding:
    subject = _subject(manifest, scope)
    is_gone = row.is_gone(scope.target)
    milder = Severity.INFO if row.removed is None else Severity.WARNING
    return Finding(
        code=API,
        severity=Severity.BLOCKER if is_gone else milder,
        subject=subject,
        key=f"{row.group}/{row.version}/{row.kind}",
        message=f"{subject} is written as {name(row)}, {_when(row, scope)}",
        fix=_fix(subject, apis.lasting(row, scope.target), scope),
        blocks=is_gone,
        breaks=Breaks.NOTHING if row.removed is None else Breaks.AT_DEPLOY,
        minor=row.removed,
        evidence=(_evidence(manifest),),
    )


def _when(row: ApiRow, scope: Scope) -> str:
    if row.removed is None:
        return f"deprecated since {row.deprecated}, with no removal in sight"
    if row.removed > scope.target:
        return f"deprecated since {row.deprecated}, and {row.removed} no longer serves it"
    if scope.source is not None and row.removed <= scope.source:
        return f"which {row.removed} stopped serving: it fails to apply on {scope.source} already"
    foreseen = " by the deprecation policy" if row.scheduled else ""
    return f"which {row.removed} no longer serves{foreseen}"


def _fix(subject: Subject, row: ApiRow, scope: Scope) -> str:
    if row.replacement is None:
        return f"drop {subject} or move what it does elsewhere: it has no successor"
    since = f" (served from {row.available} on)" if row.available and _is_news(row.available, scope) else ""
    return f"write {subject} as {replacement(row)}{since}"


def _is_news(available: Minor, scope: Scope) -> bool:
    return available > (scope.source or scope.target.previous())


def _of_addon(manifest: Manifest, row: ThirdPartyApiRow, scope: Scope) -> Finding:
    subject = _subject(manifest, scope)
    what = f"{manifest.api_version} {manifest.kind}"
    ends = row.removed_in is not None
    goes = f"which {row.project} {row.removed_in} removes" if ends else f"deprecated in {row.project}"
    return Finding(
        code=THIRD_PARTY,
        severity=Severity.WARNING if ends else Severity.INFO,
        subject=subject,
        key=f"{row.group}/{row.version}/{manifest.kind}",
        message=f"{subject} is written as {what}, {goes}",
        fix=f"write {subject} as {row.replacement} before {row.project} is upgraded",
        breaks=Breaks.AT_DEPLOY if ends else Breaks.NOTHING,
        evidence=(_evidence(manifest),),
    )


def _subject(manifest: Manifest, scope: Scope) -> Subject:
    namespace = "" if manifest.kind in _OF_CLUSTERS else manifest.namespace or scope.namespace
    return Subject(manifest.kind, manifest.name, namespace)


def _evidence(manifest: Manifest) -> Evidence:
    return Evidence("manifest", f"{manifest.file}:{manifest.line} has {manifest.api_version}")


def _unjudged(seen: Unjudged, scope: Scope) -> Finding:
    return Finding(
        code=NOT_SEEN,
        severity=Severity.UNKNOWN,
        subject=Subject("File", seen.file),
        key=seen.cause.value,
        message=f"not judged: {seen.text}",
        fix=_FIXES[seen.cause].format(file=seen.file, target=scope.target),
        blocks=True,
        breaks=Breaks.NOTHING,
    )
