"""[notices]: the rules by which people are told, read strictly."""

from datetime import date, time, timedelta

import pytest

from fleetkeeper.config import NoticesSettings
from fleetkeeper.core.notices.values import LADDER, Audience, Policy, Rung
from tests.config_files import complaints, in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]

RUNG = '[[notices.ladder]]\ndays = 30\nto = ["channel"]\n'


def test_without_a_section_the_defaults_hold_and_nobody_is_live() -> None:
    assert written("").notices == NoticesSettings()
    assert NoticesSettings().policy == Policy()


def test_the_settings_become_the_policy() -> None:
    text = (
        '[notices]\nlive = ["pay*"]\nhours = "08:30-24:00"\nweekdays = ["sun", "mon"]\nholidays = ["2026-12-25"]\n'
        "grace_hours = 2\nextension_days = 5\nextensions = 1\nimprecise_percent = 25\n"
        '[[notices.ladder]]\ndays = 9\nto = ["channel", "lead"]\nevery = 2\nthread = true\n'
        "acked = true\nurgent = true\n"
    )
    policy = written(text).notices.policy
    assert policy.live == ("pay*",)
    assert policy.hours == (time(8, 30), time(23, 59, 59))
    assert policy.weekdays == {6, 0}
    assert policy.holidays == {date(2026, 12, 25)}
    assert (policy.grace, policy.longest_extension) == (timedelta(hours=2), timedelta(days=5))
    assert (policy.most_extensions, policy.imprecise) == (1, 0.25)
    assert policy.ladder == (Rung(9, (Audience.CHANNEL, Audience.LEAD), 2, True, True, True),)


def test_without_rungs_the_default_ladder_holds() -> None:
    assert written('[notices]\nlive = ["*"]\n').notices.ladder == LADDER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[notices]\nhours = "9-17"\n', "fleetkeeper.toml:2: notices.hours", id="hours of another form"),
        pytest.param('[notices]\nhours = "17:00-09:00"\n', "end after it begins", id="hours over midnight"),
        pytest.param('[notices]\nweekdays = ["monday"]\n', "did you mean mon?", id="a weekday's long name"),
        pytest.param("[notices]\nweekdays = []\n", "nobody would ever be told", id="no weekday at all"),
        pytest.param('[notices]\nholidays = ["25.12."]\n', "a day such as 2026-12-25", id="a day of another form"),
        pytest.param('[notices]\nschedule = "always"\n', "five fields", id="a schedule that is none"),
        pytest.param('[notices]\ntimezone = "Berlin"\n', "IANA time zone", id="an unknown zone"),
        pytest.param('[notices]\noncall_channel = "#oncall"\n', "channel's id", id="a channel's name"),
        pytest.param('[notices]\npager = "opsgenie"\n', "must be pagerduty or hook:NAME", id="an unknown pager"),
        pytest.param('[notices]\npager = "hook:page"\n', "no entry of engine.hooks", id="a hook that is not there"),
        pytest.param(RUNG + "evry = 1\n", "did you mean every?", id="an unknown key of a rung"),
        pytest.param(RUNG.replace("channel", "boss"), "must be one of channel, lead", id="an unknown audience"),
        pytest.param(RUNG + RUNG, "must be less than the 30 of the rung before it", id="rungs that do not descend"),
        pytest.param(
            RUNG.replace("channel", "fleet"), "a rung of the ladder tells the fleet", id="a fleet without channel"
        ),
        pytest.param(RUNG.replace("channel", "pager"), "a rung of the ladder pages", id="a pager that is not set"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    found = complaints(text)
    assert len(found) == 1
    assert expected in found[0]


def test_a_hook_may_stand_for_the_channel_and_the_pager() -> None:
    hook = '[[engine.hooks]]\nname = "page"\nurl = "https://pages.example.com"\n'
    notices = written(f'{hook}[notices]\npager = "hook:page"\noncall_channel = "hook:page"\n').notices
    assert (notices.policy.pager, notices.policy.oncall_channel) == ("hook:page", "hook:page")
