"""Who owns what as flat rows: what each owner has open, by which places they were found, and who cannot be told."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fleetkeeper.core.finding import Subject as Found
from fleetkeeper.core.fleet import subject as named
from fleetkeeper.core.owners import Contact, Directory, Hit, Owned, Reach, Team
from fleetkeeper.core.readiness import Entry, Subject

TEAM, PERSON, CHANNEL, UNOWNED = "team", "person", "channel", "unowned"


@dataclass(frozen=True, slots=True)
class Held:
    """One finding of one cluster with who owns it."""

    cluster: Subject
    entry: Entry
    owned: Owned


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """One owner; kind is team, person, channel (of no known team), or unowned: what nobody owns, which owner, the
    fallback, is told of.

    by: source → findings that were found by it. passed_over: why a place that comes first does not hold → findings.
    trouble: why they may not be reached.
    """

    owner: str
    kind: str
    findings: int
    blockers: int
    clusters: int
    by: Mapping[str, int]
    passed_over: Mapping[str, int]
    trouble: tuple[str, ...]


@dataclass(slots=True)
class _Count:
    findings: int = 0
    blockers: int = 0
    clusters: set[str] = field(default_factory=set)
    by: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)

    def add(self, held: Held) -> None:
        self.findings += 1
        self.blockers += held.entry.holds
        self.clusters.add(f"{held.cluster.id.arn} {held.cluster.id.created_at.isoformat()}")
        self.by[held.owned.by.source.value] += 1
        self.passed_over.update({hit.why_not for hit in _before(held.owned)})


def owner_rows(every: Iterable[Held], directory: Directory) -> tuple[OwnerRow, ...]:
    """Who has the most in the way first; what nobody owns last. Findings that are waived do not count."""
    counts: dict[tuple[str, str], _Count] = {}
    for held in every:
        if held.entry.waiver is None:
            counts.setdefault((_kind(held.owned, directory), held.owned.owner), _Count()).add(held)
    rows = [
        OwnerRow(
            owner=owner,
            kind=kind,
            findings=count.findings,
            blockers=count.blockers,
            clusters=len(count.clusters),
            by=dict(count.by.most_common()),
            passed_over=dict(count.passed_over.most_common()),
            trouble=tuple(trouble(owner, directory)),
        )
        for (kind, owner), count in counts.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.kind == UNOWNED, -row.blockers, -row.findings, row.owner)))


def trouble(owner: str, directory: Directory) -> Iterator[str]:
    """Why a team or a person may not be reached, as far as Slack was asked."""
    team = directory.teams.get(owner)
    if team is None:
        if owner == directory.fallback:
            yield f"owners.fallback is {owner}, which is no team: nobody is told"
        return
    yield from _of_channel(team, directory)
    for role, person in (("lead", team.lead), ("manager", team.manager)):
        if contact := _lost(person, directory.contacts):
            yield f"its {role}: {contact.trouble}"
    for person in team.members:
        contact = _lost(person, directory.contacts)
        if contact and person != team.lead:
            yield contact.trouble


def _of_channel(team: Team, directory: Directory) -> Iterator[str]:
    if not team.channel:
        yield "it has no channel, so the fallback's is used" if team.name != directory.fallback else "it has no channel"
        if place := directory.channels.get(team.name):
            yield f"no channel's id: {place}"
        return
    contact = directory.contacts.get(team.channel.lower())
    if contact and contact.reach is Reach.GONE:
        yield f"its channel {team.channel} is archived"
    elif contact and contact.reach is Reach.UNKNOWN:
        yield f"Slack knows no channel {team.channel}"


def _lost(person: str, contacts: Mapping[str, Contact]) -> Contact | None:
    contact = contacts.get(person.lower()) if person else None
    return contact if contact and contact.trouble else None


def _kind(owned: Owned, directory: Directory) -> str:
    if owned.is_unowned:
        return UNOWNED
    if owned.owner in directory.teams:
        return TEAM
    return CHANNEL if owned.by.channel else PERSON


def _before(owned: Owned) -> Iterator[Hit]:
    """The hits that come before the one that holds."""
    for hit in owned.hits:
        if hit == owned.by:
            return
        yield hit


# ---- one object


@dataclass(frozen=True, slots=True)
class HitRow:
    """One place that names somebody. holds: it is the one by which the owner is told; why_not: why it does not hold."""

    source: str
    where: str
    value: str
    team: str
    person: str
    channel: str
    holds: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """One object of one cluster with every place that names its owner, in the order of precedence.

    is_observed: the object itself is stored; else only what is around it speaks. findings: those of it that are open.
    channel: of the owner's team; channel_from: what a catalog's was read from, "" for the settings.
    """

    cluster: str
    arn: str
    account: str
    region: str
    namespace: str
    kind: str
    name: str
    is_observed: bool
    findings: int
    owner: str
    is_unowned: bool
    because: str
    ask: str
    channel: str
    channel_from: str
    trouble: tuple[str, ...]
    hits: tuple[HitRow, ...]

    @property
    def about(self) -> str:
        return str(Found(self.kind, self.name, self.namespace))

    @property
    def place(self) -> str:
        return named(self.cluster, self.account, self.region)


def explained_row(
    cluster: Subject, subject: Found, owned: Owned, directory: Directory, is_observed: bool, findings: int
) -> ExplainedRow:
    scope, team = cluster.scope, directory.teams.get(owned.owner)
    return ExplainedRow(
        cluster=cluster.name,
        arn=cluster.id.arn,
        account=scope.account if scope else "",
        region=scope.region if scope else "",
        namespace=subject.namespace,
        kind=subject.kind,
        name=subject.name,
        is_observed=is_observed,
        findings=findings,
        owner=owned.owner,
        is_unowned=owned.is_unowned,
        because=owned.why,
        ask=team.ask if team else "",
        channel=team.channel if team else "",
        channel_from=directory.channels.get(team.name, "") if team and team.channel else "",
        trouble=tuple(trouble(owned.owner, directory)),
        hits=tuple(_hit(each, owned) for each in owned.hits),
    )


def _hit(hit: Hit, owned: Owned) -> HitRow:
    holds = hit == owned.by
    why_not = hit.why_not or ("" if holds else "another comes first")
    return HitRow(hit.source.value, hit.where, hit.value, hit.team, hit.person, hit.channel, holds, why_not)
