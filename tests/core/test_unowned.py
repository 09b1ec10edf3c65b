"""The finding of what nobody owns: once for a place, and only of what has to be mended."""

from fleetkeeper.core.finding import CLUSTER, Finding, Severity, Subject
from fleetkeeper.core.owners import About, Directory, Rule, Team, resolve
from fleetkeeper.core.unowned import NO_OWNER, unowned

DIRECTORY = Directory({"shop": Team("shop")}, (Rule("shop", namespace="shop"),), fallback="platform")


def found(namespace: str, name: str, severity: Severity = Severity.BLOCKER, code: str = "FK401") -> Finding:
    return Finding(code, severity, Subject("PodDisruptionBudget", name, namespace), f"{name} holds", "mend it")


def of(*findings: Finding) -> tuple[Finding, ...]:
    owned = {
        each.fingerprint: resolve(About(each.subject, {}, namespace=each.subject.namespace), DIRECTORY)
        for each in findings
    }
    return unowned(findings, owned)


def test_a_namespace_is_told_once_with_what_is_in_it_and_what_to_do() -> None:
    (made,) = of(found("lost", "a"), found("lost", "b"), found("lost", "a", code="FK405"), found("shop", "c"))
    assert (made.code, made.subject) == (NO_OWNER, Subject("Namespace", "lost"))
    assert made.message == "nobody is named as the owner of 2 objects in namespace lost that have to be mended"
    assert made.fix.startswith("`kubectl label namespace lost owner=TEAM`, or name the team in [[owners.rules]]")
    assert made.evidence[0].text.startswith("FK401 PodDisruptionBudget lost/a")
    assert not made.blocks


def test_what_lies_outside_of_namespaces_is_the_clusters() -> None:
    (made,) = of(Finding("FK420", Severity.WARNING, Subject("Node", "n1"), "it is cordoned", "see to it"))
    assert made.subject == CLUSTER
    assert made.fix.startswith("tag the cluster `owner=TEAM`")


def test_what_is_merely_told_or_not_seen_needs_no_owner() -> None:
    assert of(found("lost", "a", Severity.INFO), found("lost", "b", Severity.UNKNOWN)) == ()


def test_it_is_the_same_finding_whatever_else_is_found_there() -> None:
    one, more = of(found("lost", "a")), of(found("lost", "b"), found("lost", "c"))
    assert one[0].fingerprint == more[0].fingerprint
