"""What is known about owners: where they are named, teams and rules of the settings, what Slack said, and who holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fleetkeeper.core.codeowners import Codeowners
from fleetkeeper.core.finding import Subject


class Source(StrEnum):
    """Where an owner can be named, in the default order of precedence."""

    RULE = "rule"  # [[owners.rules]] of the settings
    OBJECT = "object"  # a label or annotation of the object itself
    CONTROLLER = "controller"  # of the workload that it belongs to
    APPLICATION = "application"  # of the Argo CD application or Flux object that deploys it
    CODEOWNERS = "codeowners"  # of the repository that Argo CD, Flux or Helm deploys it from
    CATALOG = "catalog"  # a Backstage catalog
    NAMESPACE = "namespace"
    NODE_GROUP = "node group"  # tags of it
    CLUSTER = "cluster"  # tags of it
    ACCOUNT = "account"  # tags of it
    FALLBACK = "fallback"  # owners.fallback: nobody is named anywhere


NAMED = tuple(each for each in Source if each is not Source.FALLBACK)
"""The default precedence: whoever is left when none of these names anybody is the fallback."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One place that names an owner. value is as written there; where completes "because of".

    team is the team that the value means, "" when it is none that is known; why_not is why it does not hold although it
    comes first ("ada@example.com left Slack", "no team and no person goes by this name"), "" when it may. channel is a
    Slack channel's id that no team is known by: it says only where this object's people are.
    """

    source: Source
    value: str
    where: str
    team: str = ""
    person: str = ""  # an e-mail address, where it means one person and no team of theirs is known
    why_not: str = ""
    channel: str = ""

    @property
    def owner(self) -> str:
        return self.team or self.person or self.channel


@dataclass(frozen=True, slots=True)
class Owned:
    """Who is told. owner is a team's name; where no team is known a person's e-mail address, or a channel's id.

    hits: all, in the order of precedence. by: the one that holds, of source FALLBACK where nobody is named. declared:
    the folder in Git that the object comes from, where that is known.
    """

    owner: str
    by: Hit
    hits: tuple[Hit, ...] = ()
    declared: "Deployed | None" = None

    @property
    def is_unowned(self) -> bool:
        return self.by.source is Source.FALLBACK

    @property
    def why(self) -> str:
        """Completes "because of": why you."""
        return self.by.where


@dataclass(frozen=True, slots=True)
class Team:
    """Who is told in a team, and where. name and aliases are what labels and catalogs call it, without case.

    channel: a Slack channel's id (C…), or an entry of engine.hooks as `hook:NAME`; "" is that of the fallback team.
    members, lead, manager: e-mail addresses, or Slack user ids (U…). hours: "09:00-17:00" in timezone, on workdays.
    """

    name: str
    aliases: tuple[str, ...] = ()
    channel: str = ""
    lead: str = ""
    manager: str = ""
    members: tuple[str, ...] = ()
    timezone: str = "UTC"
    ask: str = ""  # whom to ask about it: words for people, such as "#platform-help"


@dataclass(frozen=True, slots=True)
class Rule:
    """[[owners.rules]]: the first that fits names the owner. All patterns are shell patterns, "" is all.

    clusters is a selector's text; user_agent is for findings that know only a client.
    """

    owner: str
    clusters: str = ""
    namespace: str = ""
    kind: str = ""
    name: str = ""
    user_agent: str = ""
    application: str = ""  # of Argo CD, Flux or Helm
    origin: str = ""  # file:line


class Reach(StrEnum):
    """Whether somebody can be reached."""

    KNOWN = "known"
    GONE = "gone"  # deleted or deactivated in Slack; an archived channel
    UNKNOWN = "unknown"  # Slack never heard of them
    UNASKED = "unasked"  # nobody asked Slack yet, or it did not answer


@dataclass(frozen=True, slots=True)
class Contact:
    """What Slack said of a person or a channel. key is as the settings or the label write it (lower case).

    asked: when Slack said so, None where nobody asked.
    """

    key: str
    reach: Reach = Reach.UNASKED
    slack: str = ""  # its id
    name: str = ""  # for people
    email: str = ""
    timezone: str = ""
    asked: datetime | None = None

    @property
    def trouble(self) -> str:
        """Why they cannot be told, "" while they may."""
        who = self.email or self.key
        match self.reach:
            case Reach.GONE:
                return f"{who} left Slack{f' (seen {self.asked:%Y-%m-%d})' if self.asked else ''}"
            case Reach.UNKNOWN:
                return f"Slack knows no {who}{f' (asked {self.asked:%Y-%m-%d})' if self.asked else ''}"
        return ""


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that turns a written name into somebody. precedence: sources in order; those left out are not asked.

    keys: the operator's own label, annotation and tag names, before the conventions. catalog: what a Backstage catalog
    says (component → owner). channels: of teams whose channel the catalog says, or would if it were one: where it is
    written. codeowners: by application, or by repository as repository_of() writes it. contacts: by key. fallback: the
    team that is told of what nobody owns.
    """

    teams: Mapping[str, Team] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    precedence: tuple[Source, ...] = NAMED
    keys: tuple[str, ...] = ()
    catalog: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    codeowners: Mapping[str, Codeowners] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    fallback: str = "platform"


@dataclass(frozen=True, slots=True)
class Deployed:
    """What brings an object into its cluster: an Argo CD Application, an object of Flux, or a Helm release.

    repository and path are those of its source, "" where they are not known.
    """

    kind: str
    name: str
    repository: str = ""
    path: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an object that could name its owner. keys by source: names as they are written → values.

    places: how each of these sources is called for people ("Namespace payments"). applications: what deploys it.
    user_agent: of a client that no object is known of.
    """

    subject: Subject
    cluster: Mapping[str, str]  # attributes, as selectors know them
    keys: Mapping[Source, Mapping[str, str]] = field(default_factory=dict)
    places: Mapping[Source, str] = field(default_factory=dict)
    applications: tuple[Deployed, ...] = ()
    user_agent: str = ""
    namespace: str = ""  # the object's, or that of what it belongs to

    @property
    def declared(self) -> Deployed | None:
        """The folder in Git that what deploys it is made of; None where that is a chart, or has several sources."""
        first = next(iter(self.applications), None)
        if first is None or not first.path:
            return None
        sources = [each for each in self.applications if (each.kind, each.name) == (first.kind, first.name)]
        return first if len(sources) == 1 else None
