"""Why an owner may not be reached, as `get owners` tells it."""

from dataclasses import replace

import pytest

from fleetkeeper.core.owners import Contact, Directory, Reach, Team
from fleetkeeper.core.reports.owner_rows import trouble

TEAM = Team("web", channel="C0WEB00000", lead="grace@example.com", members=("ada@example.com", "grace@example.com"))
NO_CHANNEL = replace(TEAM, channel="")


def told(team: Team, *contacts: Contact, fallback: str = "platform") -> list[str]:
    return list(trouble("web", Directory({"web": team}, contacts={c.key: c for c in contacts}, fallback=fallback)))


@pytest.mark.parametrize(
    ("team", "contact", "expected"),
    [
        pytest.param(TEAM, Contact("c0web00000", Reach.KNOWN), [], id="a channel that is there"),
        pytest.param(TEAM, Contact("c0web00000", Reach.UNASKED), [], id="a channel that nobody asked for"),
        pytest.param(
            TEAM, Contact("c0web00000", Reach.GONE), ["its channel C0WEB00000 is archived"], id="an archived channel"
        ),
        pytest.param(
            TEAM, Contact("c0web00000", Reach.UNKNOWN), ["Slack knows no channel C0WEB00000"], id="an unknown channel"
        ),
        pytest.param(
            TEAM,
            Contact("grace@example.com", Reach.GONE),
            ["its lead: grace@example.com left Slack"],
            id="a lead who left, once",
        ),
        pytest.param(
            TEAM, Contact("ada@example.com", Reach.UNKNOWN), ["Slack knows no ada@example.com"], id="an unknown member"
        ),
        pytest.param(
            NO_CHANNEL,
            Contact("x", Reach.KNOWN),
            ["it has no channel, so the fallback's is used"],
            id="a team without a channel",
        ),
        pytest.param(
            replace(TEAM, channel="hook:chat"),
            Contact("c0web00000", Reach.GONE),
            [],
            id="a hook, which Slack knows not",
        ),
    ],
)
def test_trouble_of_a_team_is(team: Team, contact: Contact, expected: list[str]) -> None:
    assert told(team, contact) == expected


def test_a_fallback_without_a_channel_has_nobody_to_fall_back_to() -> None:
    assert told(NO_CHANNEL, fallback="web") == ["it has no channel"]


def test_a_fallback_that_is_no_team_is_told() -> None:
    assert list(trouble("ops", Directory(fallback="ops"))) == [
        "owners.fallback is ops, which is no team: nobody is told"
    ]


def test_a_person_has_no_trouble_for_one_who_left_is_not_told() -> None:
    assert list(trouble("ada@example.com", Directory())) == []
