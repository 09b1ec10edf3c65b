"""When windows are open, in the local time of their zones."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core.holds import hold_of
from fleetkeeper.core.plan import Range
from fleetkeeper.core.playbook import Window
from fleetkeeper.core.run import Cause, Freeze, Hold
from fleetkeeper.core.windows import openings

EVERY = tuple(range(7))
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6


def window(
    days: tuple[int, ...] = EVERY, start: str = "22:00", end: str = "04:00", zone: str = "Europe/Berlin"
) -> Window:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Window(days, minutes(start), minutes(end), zone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def work(minutes: float) -> Range:
    return Range(timedelta(minutes=minutes / 2), timedelta(minutes=minutes))


NIGHT = window((SATURDAY,))
SHORT = window((SATURDAY,), "22:00", "23:00")


@pytest.mark.parametrize(
    ("windows", "now", "expected", "told"),
    [
        pytest.param((), "2026-11-20T12:00", None, None, id="no window is any time"),
        pytest.param((NIGHT,), "2026-11-21T21:00", None, None, id="it opens at its minute in its own zone"),
        pytest.param(
            (NIGHT,),
            "2026-11-21T20:59",
            None,
            "the window is closed, it opens Sat 22:00 Europe/Berlin",
            id="a minute before",
        ),
        pytest.param(
            (NIGHT,), "2026-11-22T02:59", None, None, id="over midnight it belongs to the day that it began on"
        ),
        pytest.param(
            (NIGHT,),
            "2026-11-22T03:00",
            None,
            "the window is closed, it opens Sat 28 Nov 22:00 Europe/Berlin",
            id="its end is not in it, and the next is a week away with its date",
        ),
        pytest.param(
            (window(start="00:00", end="00:00"),), "2026-11-21T23:30", None, None, id="from midnight to midnight"
        ),
        pytest.param((NIGHT,), "2026-11-22T02:00", 60, None, id="work that just fits"),
        pytest.param(
            (NIGHT, window((SUNDAY,))),
            "2026-11-22T02:40",
            45,
            "needs 45m, the window closes at Sun 04:00, next opens Sun 22:00 Europe/Berlin",
            id="work that does not fit into what is left",
        ),
        pytest.param(
            (SHORT,),
            "2026-11-20T12:00",
            90,
            "needs 1h30m, and no window of its stage is that long",
            id="work that never fits",
        ),
        pytest.param(
            (SHORT, window((FRIDAY,))),
            "2026-11-20T12:00",
            90,
            "the window is closed, it opens Fri 22:00 Europe/Berlin",
            id="the next one that is long enough is named",
        ),
        pytest.param(
            (window((SATURDAY,), "22:00", "00:00"), window((SUNDAY,), "00:00", "04:00")),
            "2026-11-21T22:30",
            180,
            None,
            id="windows that touch are one",
        ),
        pytest.param(
            (window((SUNDAY,), "02:00", "03:00"),),
            "2026-03-27T12:00",
            None,
            "the window is closed, it opens Sun 5 Apr 02:00 Europe/Berlin",
            id="the hour that is left out in spring opens nothing",
        ),
        pytest.param(
            (window((SATURDAY,), "22:00", "04:00"),),
            "2026-03-29T01:59",
            None,
            None,
            id="a night in spring is an hour shorter",
        ),
        pytest.param((NIGHT,), "2026-10-25T02:59", None, None, id="a night in autumn is an hour longer"),
        pytest.param(
            (window((SUNDAY,), "02:30", "05:00"),),
            "2026-10-25T00:45",
            None,
            "the window is closed, it opens Sun 02:30 Europe/Berlin",
            id="a time that comes twice opens at the second",
        ),
        pytest.param(
            (window(zone="Mars/Olympus"),),
            "2026-10-25T00:45",
            None,
            "a time zone of its window is not known here: Mars/Olympus",
            id="a zone that nobody knows holds",
        ),
        pytest.param(
            (window(()),), "2026-10-25T00:45", None, "no window of its stage ever opens", id="a window of no day"
        ),
    ],
)
def test_whether_work_may_begin_in_its_windows(
    windows: tuple[Window, ...], now: str, expected: float | None, told: str | None
) -> None:
    hold = hold_of(windows, (), (), {}, at(now), None if expected is None else work(expected))
    assert (hold.text if hold else None) == told
    assert hold is None or hold.cause is Cause.WINDOW


@pytest.mark.parametrize(
    ("night", "hours"),
    [
        pytest.param("2026-11-21T12:00", 6, id="as written on most nights"),
        pytest.param("2026-03-28T12:00", 5, id="an hour less where the clock goes forward"),
        pytest.param("2026-10-24T12:00", 7, id="an hour more where it goes back"),
    ],
)
def test_how_long_a_night_is(night: str, hours: int) -> None:
    assert openings((NIGHT,), at(night))[0].length == timedelta(hours=hours)


def test_a_closed_window_says_when_the_run_must_look_again() -> None:
    hold = hold_of((NIGHT,), (), (), {}, at("2026-11-20T12:00"))
    assert hold is not None
    assert hold.until == at("2026-11-21T21:00")


NOW = at("2026-11-20T12:00")
SALE = Freeze("f-1", "the sale", "eve", NOW)
PAGE = Hold(Cause.INCIDENT, "page 77 is open", owner="the on-call of shop")


@pytest.mark.parametrize(
    ("freeze", "outside", "told"),
    [
        pytest.param(SALE, (), "eve froze it: the sale", id="a freeze of everything"),
        pytest.param(Freeze("f", "x", "eve", NOW, until=NOW), (), None, id="a freeze whose time is over"),
        pytest.param(
            Freeze("f", "x", "eve", NOW, until=at("2026-11-30T06:00")),
            (),
            "eve froze it: x, until 30 Nov 06:00 UTC",
            id="an end",
        ),
        pytest.param(Freeze("f", "x", "eve", NOW, "ring=prod"), (), "eve froze it: x", id="a selector that accepts it"),
        pytest.param(Freeze("f", "x", "eve", NOW, "ring=lab"), (), None, id="a selector that does not"),
        pytest.param(
            Freeze("f", "x", "eve", NOW, "rings=prod"),
            (),
            "eve froze it: x (its selector 'rings=prod' cannot be read, so it holds everything)",
            id="a selector that cannot be read holds everything",
        ),
        pytest.param(None, (PAGE,), "page 77 is open", id="an incident"),
        pytest.param(None, (Hold(Cause.INCIDENT, "x", until=NOW),), None, id="a hold whose time is over"),
        pytest.param(SALE, (PAGE,), "eve froze it: the sale", id="a freeze is told before an incident"),
    ],
)
def test_what_holds_from_outside(freeze: Freeze | None, outside: tuple[Hold, ...], told: str | None) -> None:
    hold = hold_of((), (freeze,) if freeze else (), outside, {"ring": "prod"}, NOW)
    assert (hold.text if hold else None) == told
