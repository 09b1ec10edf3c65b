"""To whom an owner's notices go: the team's channel, its people, the fleet; and the way around those who are gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import zone_of
from fleetkeeper.core.notices.values import Audience, NoticeKind, Recipient, Situation, Via
from fleetkeeper.core.owner_words import channel_in, person_in
from fleetkeeper.core.owners import Contact, Reach, Team

_HOOK = "hook:"
_NOBODY = Team("")
_LOST = {Reach.GONE: "is gone", Reach.UNKNOWN: "is not known to Slack"}
_KINDS = {Audience.CHANNEL: NoticeKind.DIGEST, Audience.FLEET: NoticeKind.ESCALATION, Audience.PAGER: NoticeKind.PAGE}


@dataclass(frozen=True, slots=True)
class Route:
    """kind: of the message that goes there. why: why not where it was meant to go, "" when it is there."""

    recipient: Recipient
    kind: NoticeKind
    zone: ZoneInfo
    why: str = ""


class Routes:
    """Of one situation; each owner and audience is looked up once."""

    def __init__(self, situation: Situation) -> None:
        self._teams, self._policy = situation.teams, situation.policy
        self._contacts: Mapping[str, Contact] = situation.contacts
        self._known: dict[tuple[str, Audience], Route | None] = {}
        self._live: dict[str, bool] = {}
        self._homes = _homes(situation.teams)

    def is_live(self, owner: str) -> bool:
        if owner not in self._live:
            self._live[owner] = any(fnmatchcase(owner, pattern) for pattern in self._policy.live)
        return self._live[owner]

    def to(self, owner: str, audience: Audience) -> Route | None:
        """None where there is nobody: no lead, no pager, or no channel at all."""
        key = (owner, audience)
        if key not in self._known:
            self._known[key] = self._find(owner, audience)
        return self._known[key]

    def _find(self, owner: str, audience: Audience) -> Route | None:
        if audience is Audience.CHANNEL:
            return self._channel(owner)
        if audience is Audience.FLEET:
            return self._fleet(owner, "")
        if audience is Audience.PAGER:
            return self._pager(owner)
        return self._person_of(owner, audience)

    def _channel(self, owner: str) -> Route | None:
        team = self._teams.get(owner)
        if team is None and person_in(owner):
            lost = self._lost(owner)
            return self._elsewhere(owner, lost) if lost else self._person(owner, owner, Audience.LEAD, "")
        if team is None and channel_in(owner):
            lost = self._lost(owner)
            return self._elsewhere(owner, lost) if lost else self._post(owner, owner, Audience.CHANNEL)
        why = f"no team goes by the name of {owner}" if team is None else self._unreachable(team)
        if team is not None and not why:
            return self._post(owner, team.channel, Audience.CHANNEL)
        return self._elsewhere(owner, why)

    def _elsewhere(self, owner: str, why: str) -> Route | None:
        """The channel of the fallback team, else that of the fleet's on-call."""
        fallback = self._teams.get(self._policy.fallback)
        if fallback and fallback.channel and not self._lost(fallback.channel):
            return self._post(owner, fallback.channel, Audience.CHANNEL, why)
        if self._policy.oncall_channel:
            return self._post(owner, self._policy.oncall_channel, Audience.CHANNEL, why)
        return None

    def _fleet(self, owner: str, why: str) -> Route | None:
        if self._policy.oncall_channel:
            return self._post(owner, self._policy.oncall_channel, Audience.FLEET, why)
        fallback = self._teams.get(self._policy.fallback)
        if fallback and fallback.channel and (why or owner != fallback.name):
            return self._post(owner, fallback.channel, Audience.FLEET, why)
        return None

    def _pager(self, owner: str) -> Route | None:
        name = self._policy.pager
        if not name:
            return None
        via = Via.WEBHOOK if name.startswith(_HOOK) else Via.PAGERDUTY
        return self._route(Recipient(via, name.removeprefix(_HOOK), Audience.PAGER, (owner,), self._policy.timezone))

    def _person_of(self, owner: str, audience: Audience) -> Route | None:
        """The lead or the manager; in place of a lead who is gone the manager, then the fleet's on-call."""
        team = self._teams.get(owner, _NOBODY)
        person = team.lead if audience is Audience.LEAD else team.manager
        if not person:
            return None
        lost = self._lost(person)
        if not lost:
            return self._person(owner, person, audience, "")
        why = f"the {audience.value} of {owner}, {lost}"
        if audience is Audience.LEAD and team.manager and not self._lost(team.manager):
            return self._person(owner, team.manager, Audience.MANAGER, why)
        return self._fleet(owner, why)

    def _unreachable(self, team: Team) -> str:
        if not team.channel:
            return f"team {team.name} has no channel"
        lost = self._lost(team.channel)
        return f"the channel of {team.name}, {lost}" if lost else ""

    def _lost(self, key: str) -> str:
        contact = self._contacts.get(key.lower()) or self._contacts.get(key)
        return f"{key}, {_LOST[contact.reach]}" if contact and contact.reach in _LOST else ""

    def _person(self, owner: str, key: str, audience: Audience, why: str) -> Route:
        contact = self._contacts.get(key.lower()) or self._contacts.get(key)
        own = contact.timezone if contact else ""
        zone = zone_of(own, self._homes.get(key.lower(), ""), self._policy.timezone)
        recipient = Recipient(Via.SLACK, key.lower(), audience, (owner,), zone.key)
        return Route(recipient, NoticeKind.DIRECT, zone, why)

    def _post(self, owner: str, channel: str, audience: Audience, why: str = "") -> Route:
        zone = zone_of(self._homes.get(channel.lower(), ""), self._policy.timezone)
        via = Via.WEBHOOK if channel.startswith(_HOOK) else Via.SLACK
        return self._route(Recipient(via, channel.removeprefix(_HOOK), audience, (owner,), zone.key), why)

    def _route(self, recipient: Recipient, why: str = "") -> Route:
        return Route(recipient, _KINDS[recipient.audience], zone_of(recipient.timezone), why)


def _homes(teams: Mapping[str, Team]) -> dict[str, str]:
    """The time zone of each channel and person, by the first team that has them: two teams of one lead may be in two
    zones, and the lead is in one. What a chat says of a person comes before."""
    homes: dict[str, str] = {}
    for name in sorted(teams):
        team = teams[name]
        for key in filter(None, (team.channel, team.lead, team.manager, *team.members)):
            homes.setdefault(key.lower(), team.timezone)
    return homes
