"""Answers in a database, SQLite and PostgreSQL: what was signed is read as it was, and no row by hand is an answer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do, Message
from fleetkeeper.core.notices.signing import is_signed
from fleetkeeper.core.notices.values import AnswerKind, Mode
from fleetkeeper.engine.answering import Answering
from fleetkeeper.engine.notice_ports import Writing
from tests.contract.conftest import postgres, settings
from tests.engine.clicking import NOW, WANTED, Office, item_of, notice_of, only
from tests.engine.rig import KEY

__all__ = ["postgres", "settings"]


@pytest.fixture
def kept(settings: StoreSettings) -> Iterator[Office]:
    notices = SqlNotices(settings)
    made = Office(notices=notices)
    notices.save_turn([Writing(notice_of(made.items), Message("told"))], (), {}, NOW)
    yield made
    notices.close()


def test_an_answer_is_read_as_it_was_signed(kept: Office) -> None:
    kept.filled_in(Do.EXTEND, WANTED | {"reason": "zoë's \u2028 chart\x00 \ud800 🚚"})
    assert is_signed(only(kept), KEY)
    kept.press(Do.DENY, "U0BOB", Button("n7", only(kept).id))
    assert all(is_signed(each, KEY) for each in kept.notices.answers())
    assert [each.kind for each in kept.notices.answers()] == [AnswerKind.EXTEND, AnswerKind.DENY]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="nothing but its id"),
        pytest.param({"until": date(2029, 1, 1)}, id="its day"),
        pytest.param({"person": "eve@shop.example"}, id="its person"),
        pytest.param({"mode": Mode.HOLD}, id="its mode"),
        pytest.param({"kind": AnswerKind.ACK}, id="its kind"),
        pytest.param({"items": (item_of("db").key,)}, id="what it is about"),
        pytest.param({"signature": ""}, id="its signature"),
    ],
)
def test_an_answer_makes_no_second_one_by_a_row_with_another_id_that_changes(
    kept: Office, change: dict[str, Any]
) -> None:
    kept.filled_in(Do.EXTEND, WANTED)
    answer = only(kept)
    assert kept.notices.add_answer(replace(answer, id="by hand", **change))
    assert Answering(kept.interactions.desk).answers() == (answer,)
