"""Who is asked for, how often, and how whoever was gone comes back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.core.owners import Contact, Reach, Team
from fleetkeeper.engine.chat import Throttled
from fleetkeeper.engine.contacts import MOST, Contacts
from tests.engine.rig import migrated

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TEAM = Team("payments", channel="C0PAYMENTS", lead="Grace@example.com", manager="U0MANAGER1")


class Slack:
    """Knows everybody, until it has had enough."""

    def __init__(self, most: int = 1000) -> None:
        self.asked: list[str] = []
        self._most = most

    def contact(self, key: str) -> Contact:
        if len(self.asked) >= self._most:
            raise Throttled(30, "too many calls")
        self.asked.append(key)
        return Contact(key, Reach.KNOWN, name=key.upper())


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[SqlNotices]:
    found = SqlNotices(migrated(tmp_path))
    yield found
    found.close()


def reach(notices: SqlNotices) -> dict[str, Reach]:
    return {key: contact.reach for key, (contact, _) in notices.contacts().items()}


def test_leads_managers_and_people_who_own_are_asked_for_once_a_day(notices: SqlNotices) -> None:
    slack = Slack()
    contacts = Contacts(notices, slack)
    owners = ("payments", "eve@example.com", "U0STRANGER1")
    assert contacts.refresh([TEAM], owners, NOW) == 4
    assert slack.asked == ["eve@example.com", "grace@example.com", "u0manager1", "u0stranger1"]
    assert contacts.refresh([TEAM], owners, NOW + DAY - timedelta(seconds=1)) == 0
    assert contacts.refresh([TEAM], owners, NOW + DAY) == 4


def test_what_was_asked_before_a_throttle_is_kept_and_the_rest_comes_later(notices: SqlNotices) -> None:
    owners = [f"p{number:02}@example.com" for number in range(MOST + 5)]
    assert Contacts(notices, Slack(most=3)).refresh((), owners, NOW) == 3
    assert Contacts(notices, Slack()).refresh((), owners, NOW) == MOST
    assert Contacts(notices, Slack()).refresh((), owners, NOW) == 2


def test_a_channel_that_was_gone_is_tried_again_after_a_day(notices: SqlNotices) -> None:
    notices.save_contacts([Contact("c0payments", Reach.GONE, name="pay")], NOW)
    contacts = Contacts(notices, Slack())
    assert contacts.refresh((), (), NOW + DAY / 2) == 0
    assert reach(notices) == {"c0payments": Reach.GONE}
    assert contacts.refresh((), (), NOW + DAY) == 1
    assert notices.contacts()["c0payments"][0] == Contact("c0payments", Reach.UNASKED, name="pay")


def test_a_person_who_left_stays_gone_until_slack_says_otherwise(notices: SqlNotices) -> None:
    gone = {"ada@example.com": Reach.GONE, "u0member01": Reach.GONE}
    notices.save_contacts([Contact(key, state) for key, state in gone.items()], NOW)
    assert Contacts(notices, Slack()).refresh((), (), NOW + 3 * DAY) == 0
    assert reach(notices) == gone


def test_without_a_chat_nobody_is_asked_for(notices: SqlNotices) -> None:
    assert Contacts(notices, None).refresh([TEAM], (), NOW) == 0
