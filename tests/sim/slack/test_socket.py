"""Socket Mode at its edges: who gets in, what is delivered again, and what is lost."""

from collections.abc import Iterator

import pytest

from fleetkeeper.sim.slack.delivering import Patience
from fleetkeeper.sim.slack.socket import MOST
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.ears import Ear
from tests.sim.slack.offices import ADA, client_of, furnished, notice, only

HASTY = Patience(ack=1.0, again=(0.0, 0.05, 0.1))


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000, patience=HASTY) as running:
        yield furnished(running)


def test_hello_comes_first_and_counts_the_connections(slack: SimSlack) -> None:
    with Ear(slack) as first:
        slack.until(lambda: slack.sockets.count == 1)
        with Ear(slack) as second:
            slack.until(lambda: slack.sockets.count == 2)
            first.until(1)
            second.until(1)
    assert [each.said[0]["type"] for each in (first, second)] == ["hello", "hello"]
    assert [each.said[0]["num_connections"] for each in (first, second)] == [1, 2]


def test_an_envelope_goes_to_one_connection_by_chance(slack: SimSlack) -> None:
    with Ear(slack) as first, Ear(slack) as second, Ear(slack) as third:
        slack.until(lambda: slack.sockets.count == 3)
        acked = [slack.slash(ADA, f"status {number}").acked for number in range(12)]
    heard = [len(each.heard) for each in (first, second, third)]
    assert (all(acked), sum(heard), min(heard) > 0) == (True, 12, True)


def test_an_event_that_is_not_acknowledged_comes_again_and_says_so(slack: SimSlack) -> None:
    with Ear(slack, deaf=1) as ear:
        slack.until(lambda: slack.sockets.count)
        assert slack.open_home(ADA).acked
    assert [(each["retry_attempt"], each["retry_reason"]) for each in ear.heard] == [(0, ""), (1, "timeout")]
    assert len({each["envelope_id"] for each in ear.heard}) == 2
    assert len({each["payload"]["event_id"] for each in ear.heard}) == 1


def test_an_event_for_which_no_socket_was_open_comes_later() -> None:
    with SimSlack(factor=1000, patience=Patience(ack=10.0, again=(0.0, *[0.1] * 100))) as slack:
        furnished(slack)
        answer = slack.open_home(ADA)
        assert (answer.acked, answer.why) == (False, "nobody listens")
        with Ear(slack) as ear:
            ear.until(2)
    (envelope,) = ear.heard
    assert envelope["retry_attempt"] >= 2


@pytest.mark.parametrize("act", ["command", "click"])
def test_what_a_person_does_is_not_delivered_again(slack: SimSlack, act: str) -> None:
    with Ear(slack, deaf=9) as ear:
        slack.until(lambda: slack.sockets.count)
        if act == "command":
            answer = slack.slash(ADA, "status")
        else:
            notice(client_of(slack), channel=ADA)
            answer = slack.click(ADA, only(slack.messages(ADA)), "ack")
    assert (answer.acked, answer.why) == (False, "no acknowledgement in time")
    assert len(ear.heard) == 1


def test_a_delivery_may_come_twice(slack: SimSlack) -> None:
    with Ear(slack) as ear:
        slack.until(lambda: slack.sockets.count)
        slack.deliver_twice()
        answer = slack.slash(ADA, "status")
        slack.slash(ADA, "status")
    assert [each.acked for each in (answer.reply, *answer.reply.copies)] == [True, True]
    triggers = [each["payload"]["trigger_id"] for each in ear.heard]
    assert (len(triggers), len(set(triggers))) == (3, 2)


def test_a_connection_that_goes_away_loses_what_it_had_not_acknowledged(slack: SimSlack) -> None:
    with Ear(slack, hangs_up=True):
        slack.until(lambda: slack.sockets.count == 1)
        answer = slack.slash(ADA, "status")
    assert (answer.acked, answer.why) == (False, "the connection was lost")
    slack.until(lambda: slack.sockets.count == 0)


@pytest.mark.parametrize(("reason", "left"), [("warning", 1), ("refresh_requested", 0), ("link_disabled", 0)], ids=str)
def test_a_connection_is_told_why_it_ends(slack: SimSlack, reason: str, left: int) -> None:
    with Ear(slack) as ear:
        slack.until(lambda: slack.sockets.count == 1)
        slack.disconnect(reason)
        ear.until(2)
        slack.until(lambda: slack.sockets.count == left)
    assert (ear.said[1]["type"], ear.said[1]["reason"]) == ("disconnect", reason)


def test_an_eleventh_connection_is_turned_away(slack: SimSlack) -> None:
    ears = [Ear(slack) for _ in range(MOST)]
    slack.until(lambda: slack.sockets.count == MOST)
    with Ear(slack) as late:
        late.until(1)
    for ear in ears:
        ear.close()
    assert (late.said[0]["type"], late.said[0]["reason"]) == ("disconnect", "too_many_websockets")


def test_a_ticket_lets_one_connection_in(slack: SimSlack) -> None:
    ticket = slack.workspace.ticket()
    assert [slack.workspace.take_ticket(ticket) for _ in range(2)] == [True, False]


def test_sockets_can_be_refused_and_let_in_again(slack: SimSlack) -> None:
    outcomes = []
    for refused in (True, False):
        slack.refuse_sockets(refused)
        with Ear(slack) as ear:
            outcomes.append(ear.is_in)
    assert outcomes == [False, True]


def test_a_connection_whose_hello_is_slow_hears_nothing_yet(slack: SimSlack) -> None:
    slack.sockets.slow_hello = 3600.0
    with Ear(slack) as slow:
        slack.sockets.slow_hello = 0.0
        with Ear(slack) as quick:
            slack.until(lambda: slack.sockets.count == 1)
            assert slack.slash(ADA, "status").acked
    assert (slow.is_in, slow.said) == (True, [])
    assert len(quick.heard) == 1
