"""Another look: what it came to is one reply in the thread where somebody asked for it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import NoticeKind
from fleetkeeper.engine.notice_ports import Recheck, Writing
from fleetkeeper.engine.rechecking import Rechecking
from tests.engine.clicking import NOW, item_of, notice_of
from tests.engine.rig import SetClock

ITEMS = (item_of("web"), item_of("api"), item_of("db", cluster="shop-2"))
ONE, TWO = ITEMS[0].key.cluster, ITEMS[2].key.cluster
WEB, API, DB = (item.key.fingerprint for item in ITEMS)
ASKED = Recheck("r1", ("shop-1", "shop-2"), "max@shop.example", "n1", NOW)


@pytest.fixture
def notices(database: StoreSettings) -> Iterator[SqlNotices]:
    found = SqlNotices(database)
    found.save_turn([Writing(notice_of(ITEMS), Message("told"))], (), {}, NOW)
    found.add_recheck(ASKED)
    yield found
    found.close()


@pytest.fixture
def rechecking(notices: SqlNotices) -> Rechecking:
    return Rechecking(notices, SetClock(NOW + timedelta(minutes=2)))


@pytest.mark.parametrize(
    ("looked", "unseen", "says"),
    [
        pytest.param({ONE: {WEB, API}, TWO: {DB}}, (), "all 3 things in this message are still there.", id="nothing"),
        pytest.param({ONE: {API}, TWO: {DB}}, (), "1 of 3 in this message fixed, 2 still there.", id="something"),
        pytest.param({ONE: set(), TWO: {"other"}}, (), "are fixed. Thank you!", id="everything, with something else"),
        pytest.param({ONE: set()}, ("shop-2",), "shop-2 could not be looked at", id="one that was not seen"),
        pytest.param({}, ("shop-1", "shop-2"), "nothing is known of it.", id="none that was seen"),
    ],
)
def test_its_result_says(
    rechecking: Rechecking, looked: dict[str, set[str]], unseen: tuple[str, ...], says: str
) -> None:
    assert says in rechecking.tell(ASKED, looked, unseen)


def test_nothing_is_called_mended_in_a_cluster_that_was_not_seen(rechecking: Rechecking) -> None:
    text = rechecking.tell(ASKED, {}, ("shop-1", "shop-2"))
    assert "fixed" not in text


def test_what_could_not_be_read_is_said(rechecking: Rechecking) -> None:
    text = rechecking.tell(ASKED, {ONE: {WEB, API}, TWO: {DB}}, partly=("shop-1",))
    assert text.endswith("Not all of shop-1 could be read: what was not seen counts as it did before.")


def test_it_is_told_once_in_the_thread(rechecking: Rechecking, notices: SqlNotices) -> None:
    text = rechecking.tell(ASKED, {ONE: {WEB}})
    assert rechecking.tell(ASKED, {ONE: {WEB}}) == text
    (reply,) = [each for each in notices.records() if each.notice.kind is NoticeKind.ANSWER]
    assert (reply.notice.thread, reply.notice.recipient.address) == ("n1", "C0PAY")
    assert text == reply.message.text
    assert "as max@shop.example asked" in text
    assert not notices.take_rechecks("w", timedelta(seconds=9))


def test_of_a_message_that_is_forgotten_it_is_settled_without_a_word(notices: SqlNotices) -> None:
    lost = Recheck("r2", ("shop-1",), "max@shop.example", "n0", NOW)
    notices.add_recheck(lost)
    Rechecking(notices, SetClock(NOW)).tell(lost, {ONE: set()})
    assert [each.notice.id for each in notices.records()] == ["n1"]
    assert [each.id for each in notices.take_rechecks("w", timedelta(seconds=9))] == ["r1"]
