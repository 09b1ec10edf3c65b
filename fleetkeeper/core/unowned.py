"""The finding that nobody owns something: what is told to the fallback team has no owner who could mend it."""

from collections.abc import Iterable, Mapping

from fleetkeeper.core.finding import CLUSTER, Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.owners import Owned
from fleetkeeper.core.wording import counted, some

NO_OWNER = "FK001"
"""The code of a namespace, or a cluster, whose findings nobody owns."""

_SHOWN = 3


def unowned(findings: Iterable[Finding], owned: Mapping[str, Owned]) -> tuple[Finding, ...]:
    """One for each namespace, and one for what lies outside of any, by name. owned: fingerprint → who is told.

    Only what has to be mended counts: nobody needs an owner for what is merely told, or could not be seen.
    """
    places: dict[Subject, list[Finding]] = {}
    for each in findings:
        if each.severity in (Severity.BLOCKER, Severity.WARNING) and owned[each.fingerprint].is_unowned:
            space = each.subject.namespace
            places.setdefault(Subject("Namespace", space) if space else CLUSTER, []).append(each)
    return tuple(_finding(place, places[place]) for place in sorted(places))


def _finding(place: Subject, found: list[Finding]) -> Finding:
    number = counted(len({each.subject for each in found}), "object")
    where = f"in namespace {place.name}" if place.name else "outside of namespaces"
    label = f"`kubectl label namespace {place.name} owner=TEAM`" if place.name else "tag the cluster `owner=TEAM`"
    return Finding(
        code=NO_OWNER,
        severity=Severity.INFO,
        subject=place,
        message=f"nobody is named as the owner of {number} {where} that have to be mended",
        fix=f"{label}, or name the team in [[owners.rules]]; until then the fallback team is told",
        breaks=Breaks.NOTHING,
        evidence=(Evidence("findings", some([f"{each.code} {each.subject}" for each in found], _SHOWN)),),
    )
