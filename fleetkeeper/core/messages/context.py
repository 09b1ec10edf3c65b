"""What a message needs to know besides its notice: the same notice and context give the same message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.messages.escape import NAME, words
from fleetkeeper.core.notices.usual import Usual
from fleetkeeper.core.notices.values import Answer, Item, ItemKey, Policy, Standing, Told
from fleetkeeper.core.owner_words import person_in
from fleetkeeper.core.owners import Contact, Team
from fleetkeeper.core.run import Event
from fleetkeeper.core.run_page import Seen


@dataclass(frozen=True, slots=True)
class Context:
    """items: at least those of the notice, with those that are over. told: when each was first told, and to whom.

    answers: by id, those that a decision is about. approvers: who may grant, by the names of approvals.people.
    observed_every: how often clusters are looked at. newer: an older notice's id → the words for what superseded it
    ("the digest of Mon 30 Nov"). policy: of the notices. apis: what took the place of those that were removed. usual:
    how long owners took to mend what a check finds, by its code. run, events: of a wave and its news.
    """

    now: datetime
    items: Mapping[ItemKey, Item] = field(default_factory=dict)
    standings: Mapping[ItemKey, Standing] = field(default_factory=dict)
    told: Mapping[ItemKey, Told] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    approvers: tuple[str, ...] = ()
    observed_every: timedelta = timedelta(minutes=15)
    newer: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    apis: Apis = field(default_factory=Apis)
    usual: Mapping[str, Usual] = field(default_factory=dict)
    run: Seen | None = None
    events: tuple[Event, ...] = ()

    def name(self, person: str) -> str:
        """How a person is called for people, harmless: as Slack has them, else what stands before the @."""
        contact = self.contacts.get(person.lower())
        return words((contact.name if contact else "") or person.partition("@")[0] or "somebody", NAME)

    def names(self, people: tuple[str, ...], most: int = 3) -> str:
        """`ada, bob or carol`, or `an approver` where nobody is named."""
        shown = [self.name(each) for each in people[:most]]
        if len(people) > most:
            return f"{', '.join(shown)} and {len(people) - most} more"
        return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else "an approver"

    def team(self, owner: str) -> Team:
        return self.teams.get(owner) or Team(owner)

    def owner(self, owner: str) -> str:
        """A team's name, or a person's who is in no team that is known."""
        return self.name(owner) if owner not in self.teams and person_in(owner) else words(owner, NAME)

    def question(self, owner: str) -> str:
        """Whom to ask, for people; "" when nobody was named."""
        team = self.team(owner)
        return words(team.ask, 200) or (self.name(team.lead) if team.lead else "")
