"""Every kind of message as its reader gets it: golden, without a mistake that the lint knows."""

import json
from dataclasses import replace
from datetime import date

import pytest

from fleetkeeper.core.assess import NOT_SEEN
from fleetkeeper.core.messages.lint import mistakes
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.plain import plain
from fleetkeeper.core.messages.render import render
from fleetkeeper.core.notices.values import Answer, AnswerKind, NoticeKind
from fleetkeeper.core.unowned import NO_OWNER
from fleetkeeper.sim.slack.blocks import ALL_TEXT, length
from fleetkeeper.sim.slack.blocks import mistakes as of_slack
from tests.core.fleets import assert_golden
from tests.core.messages.cases import CASES, longest
from tests.core.messages.told import budget, context, item, notice


def as_text(message: Message) -> str:
    """What a push message says, then what is on the screen."""
    return f"{message.text}\n\n{'~' * 40}\n\n{plain(message)}"


def as_json(message: Message) -> str:
    return json.dumps({"text": message.text, "blocks": message.blocks}, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_a_message_reads_as_its_golden_file(case: str) -> None:
    assert_golden(f"messages/{case}.txt", as_text(render(*CASES[case]())))


@pytest.mark.parametrize("case", CASES)
def test_a_message_has_the_blocks_of_its_golden_file(case: str) -> None:
    assert_golden(f"messages/{case}.json", as_json(render(*CASES[case]())))


@pytest.mark.parametrize("case", CASES)
def test_a_message_has_no_mistake(case: str) -> None:
    notice, context = CASES[case]()
    assert mistakes(render(notice, context), notice) == ()


@pytest.mark.parametrize("case", CASES)
def test_slack_takes_the_blocks_of_a_message(case: str) -> None:
    message = render(*CASES[case]())
    assert of_slack(list(message.blocks)) == ()
    assert length(list(message.blocks)) < ALL_TEXT


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param("FK401", "1 × a disruption budget never lets a pod go", id="a check"),
        pytest.param(NOT_SEEN, "1 × something could not be seen", id="what could not be seen"),
        pytest.param(NO_OWNER, "1 × nobody is named as the owner", id="what nobody owns"),
        pytest.param("FK999", "1 × found by a check of another release", id="a code that nobody knows"),
    ],
)
def test_what_is_only_good_to_know_is_called_by_what_it_is_about(code: str, says: str) -> None:
    aside = item(replace(budget(), code=code), must=False, deadline=None)
    known = (item(), aside)
    assert says in plain(render(notice(known), context(known)))


@pytest.mark.parametrize("kind", [NoticeKind.DIRECT, NoticeKind.REMINDER, NoticeKind.ESCALATION])
def test_everything_at_its_longest_still_fits(kind: NoticeKind) -> None:
    notice, context = longest()
    found = replace(notice, kind=kind)
    message = render(found, context)
    assert mistakes(message, found) == ()
    assert of_slack(list(message.blocks)) == ()


def test_every_kind_of_notice_has_a_case() -> None:
    assert {make()[0].kind for make in CASES.values()} == set(NoticeKind)


def test_the_same_notice_gives_the_same_message() -> None:
    notice, context = CASES["digest"]()
    shuffled = replace(notice, entries=tuple(reversed(notice.entries)))
    assert render(notice, context) == render(shuffled, context)


def test_a_lead_reads_who_promised_what_did_not_come() -> None:
    notice, context = CASES["direct"]()
    over = Answer(
        "a1", AnswerKind.ACK, tuple(context.items), "ada@example.com", "slack", context.now, date(2026, 11, 19)
    )
    text = plain(render(notice, replace(context, answers={over.id: over})))
    assert "ada said by Thu 19 Nov 2026, and it is not done" in text
    assert "nobody said when" not in text


def test_a_promise_whose_day_is_not_over_is_not_called_broken() -> None:
    """It is told again on the last days before the deadline, whatever was promised."""
    notice, context = CASES["direct"]()
    ahead = Answer(
        "a1", AnswerKind.ACK, tuple(context.items), "ada@example.com", "slack", context.now, date(2026, 12, 1)
    )
    text = plain(render(notice, replace(context, answers={ahead.id: ahead})))
    assert "ada said by Tue 1 Dec 2026\n" in text
