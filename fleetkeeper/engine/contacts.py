"""Keeps what the chat says of people fresh: whether those who are told are still there, and in which zone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.owner_words import person_in
from fleetkeeper.core.owners import Contact, Reach, Team
from fleetkeeper.engine.chat import People, Throttled
from fleetkeeper.engine.notice_ports import Notices
from fleetkeeper.errors import ReadError

_log = structlog.get_logger("notices")

FRESH = timedelta(days=1)
MOST = 25
"""So many are asked for in one turn: a fleet of 5,000 owners is known after a day, and nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """people None: there is no chat that could be asked."""

    notices: Notices
    people: People | None

    def refresh(self, teams: Iterable[Team], owners: Iterable[str], now: datetime) -> int:
        """Ask for the owners, leads and managers that were not asked for in a day, the longest ago first.

        How many changed. Channels are not asked for: one that was gone is taken for unasked after a day, and the next
        post shows it.
        """
        if self.people is None:
            return 0
        known = self.notices.contacts()
        back = [
            replace(contact, reach=Reach.UNASKED) for contact, at in known.values() if _may_be_back(contact, at, now)
        ]
        due = [key for key in sorted(_keys(teams, owners)) if _is_due(known, key, now)]
        due.sort(key=lambda key: known[key][1].timestamp() if key in known else 0.0)
        found: list[Contact] = []
        for key in due[:MOST]:
            try:
                found.append(self.people.contact(key))
            except (Throttled, ReadError) as error:
                _log.warning("contacts_later", reason=str(error), asked=len(found), left=len(due) - len(found))
                break
        if found or back:
            self.notices.save_contacts([*back, *found], now)
        return len(found) + len(back)


def _keys(teams: Iterable[Team], owners: Iterable[str]) -> set[str]:
    """Whoever is written to in person; channels are found out about when they are written to."""
    keys = {key for team in teams for key in (team.lead, team.manager)}
    keys |= {owner for owner in owners if person_in(owner)}
    return {key.lower() for key in keys if key}


def _may_be_back(contact: Contact, asked: datetime, now: datetime) -> bool:
    return contact.reach is Reach.GONE and not person_in(contact.key.upper()) and now - asked >= FRESH


def _is_due(known: Mapping[str, tuple[Contact, datetime]], key: str, now: datetime) -> bool:
    return key not in known or now - known[key][1] >= FRESH
