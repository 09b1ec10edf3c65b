"""Notices beside Slack: by a webhook, and as pages of PagerDuty (its documented answers)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.adapters.pagerduty_events import PagerDutyEvents
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.webhook_notices import WebhookNotices
from fleetkeeper.config import HookSettings, PagerDutySettings, Secret
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import (
    Audience,
    Entry,
    ItemKey,
    Notice,
    NoticeKind,
    Recipient,
    Told,
    Via,
)
from fleetkeeper.engine.chat import Posted, Throttled, Undeliverable
from fleetkeeper.engine.notice_facts import Facts, facts_of
from fleetkeeper.engine.notice_ports import Writing
from fleetkeeper.errors import FleetkeeperError, Unreachable
from tests.endpoint import Endpoint, endpoint
from tests.engine.rig import migrated

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ITEM = ItemKey("arn:aws:eks:eu-west-1:111122223333:cluster/shop 2026-01-01", "f1")
PAGE = Notice(
    id="n1",
    kind=NoticeKind.PAGE,
    recipient=Recipient(Via.PAGERDUTY, "oncall", Audience.PAGER, ("payments",), "UTC"),
    day=date(2026, 11, 20),
    at=NOW,
    entries=(Entry(ITEM, "payments", 0, "due today"),),
    why="its deadline is today",
)
HELLO = Message("shop must leave 1.33 today\nWave eu-prod leaves it out.")
KEY = "0123456789abcdef0123456789abcdef"


def facts(id: str) -> Facts | None:
    return Facts(PAGE, False) if id == "n1" else None


@pytest.fixture
def there() -> Iterator[Endpoint]:
    with endpoint(lambda _: (202, {"status": "success"})) as running:
        yield running


def webhook(there: Endpoint) -> WebhookNotices:
    return WebhookNotices(HttpHooks([HookSettings("chat", f"{there.url}/notices", timeout_seconds=1.0)]), facts)


def pagerduty(there: Endpoint) -> PagerDutyEvents:
    return PagerDutyEvents(PagerDutySettings(Secret(KEY), f"{there.url}/v2/enqueue"), facts)


def body(there: Endpoint) -> Any:
    return there.requests[-1].body


# ---- by a webhook


def test_a_hook_gets_the_text_and_the_facts_under_the_notices_id(there: Endpoint) -> None:
    there.answer = lambda _: (200, {"permalink": "https://chat.example.com/1"})
    posted = webhook(there).post("hook:chat", HELLO, Posted("chat", "n0"), "n1")
    assert posted == Posted("chat", "n1", "https://chat.example.com/1")
    assert there.requests[0].headers["Idempotency-Key"] == "n1"
    told = body(there)
    assert (told["action"], told["id"], told["text"], told["in_thread_of"]) == ("post", "n1", HELLO.text, "n0")
    assert (told["kind"], told["owners"], told["items_in_all"]) == ("page", ["payments"], 1)
    assert told["items"][0]["fingerprint"] == "f1"


def test_each_new_text_of_an_edit_has_a_key_of_its_own(there: Endpoint) -> None:
    chat = webhook(there)
    for text in ("a", "a", "b"):
        chat.edit(Posted("chat", "n1"), Message(text), "n1")
    first, again, other = (each.headers["Idempotency-Key"] for each in there.requests)
    assert first == again != other
    assert first.startswith("n1/")


def test_what_is_no_longer_stored_goes_out_with_its_text_alone(there: Endpoint) -> None:
    webhook(there).post("chat", HELLO, None, "n9")
    assert body(there) == {"action": "post", "id": "n9", "text": HELLO.text, "in_thread_of": ""}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(404, Undeliverable, id="a hook that refuses"),
        pytest.param(302, Undeliverable, id="a redirect, which is not followed"),
        pytest.param(429, Throttled, id="too many calls"),
        pytest.param(503, Unreachable, id="a fault of the hook's: again, under the same key"),
    ],
)
def test_what_a_hook_answers(there: Endpoint, status: int, error: type[FleetkeeperError]) -> None:
    there.answer = lambda _: (status, {"error": "x"})
    with pytest.raises(error):
        webhook(there).post("chat", HELLO, None, "n1")


def test_a_hook_that_is_no_entry_of_the_settings_is_nobody(there: Endpoint) -> None:
    with pytest.raises(Undeliverable, match="no_hook") as caught:
        webhook(there).post("hook:other", HELLO, None, "n1")
    assert caught.value.gone


@pytest.mark.parametrize("chat", [webhook, pagerduty])
def test_nothing_is_ever_in_doubt_where_the_other_side_takes_a_key_once(there: Endpoint, chat: Any) -> None:
    assert chat(there).find("chat", None, NOW, ("n1",)) == {}


# ---- as a page


def test_a_page_is_an_alert_of_its_notice(there: Endpoint) -> None:
    assert pagerduty(there).post("oncall", HELLO, None, "n1") == Posted("oncall", "n1")
    event = body(there)
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == (KEY, "trigger", "n1")
    payload = event["payload"]
    assert (payload["summary"], payload["severity"]) == ("shop must leave 1.33 today", "critical")
    assert (payload["source"], payload["component"]) == (ITEM.cluster, "payments")
    assert payload["custom_details"]["text"] == "Wave eu-prod leaves it out."
    assert payload["custom_details"]["why"] == "its deadline is today"


def test_a_summary_is_never_longer_than_pagerduty_takes(there: Endpoint) -> None:
    pagerduty(there).post("oncall", Message("x" * 5000), None, "n1")
    assert len(body(there)["payload"]["summary"]) == 1024


def test_an_edit_of_what_is_not_over_is_told_to_the_open_alert(there: Endpoint) -> None:
    pagerduty(there).edit(Posted("oncall", "n1"), HELLO, "n1")
    assert (body(there)["event_action"], body(there)["dedup_key"]) == ("trigger", "n1")


def test_what_is_mended_is_resolved(there: Endpoint) -> None:
    done = PagerDutyEvents(PagerDutySettings(Secret(KEY), there.url), lambda _: Facts(PAGE, True))
    done.edit(Posted("oncall", "n1"), HELLO, "n1")
    assert body(there) == {"routing_key": KEY, "event_action": "resolve", "dedup_key": "n1"}


INVALID = {"status": "invalid event", "message": "Event object is invalid", "errors": ["'payload.source' is missing"]}
NO_KEY = {"status": "invalid event", "errors": [f"Length of 'routing_key' is incorrect: {KEY}"]}


@pytest.mark.parametrize(
    ("status", "said", "error", "everywhere"),
    [
        pytest.param(400, INVALID, Undeliverable, False, id="an event that is none"),
        pytest.param(400, NO_KEY, Undeliverable, True, id="a key that is none"),
        pytest.param(403, {}, Undeliverable, True, id="a key that may not"),
        pytest.param(429, {}, Throttled, None, id="too many events: a few minutes later"),
        pytest.param(500, {}, Unreachable, None, id="a fault of PagerDuty's"),
    ],
)
def test_what_pagerduty_answers(
    there: Endpoint, status: int, said: Any, error: type[FleetkeeperError], everywhere: bool | None
) -> None:
    there.answer = lambda _: (status, said)
    with pytest.raises(error) as caught:
        pagerduty(there).post("oncall", HELLO, None, "n1")
    assert getattr(caught.value, "everywhere", None) is everywhere
    assert KEY not in str(caught.value)


def test_a_pagerduty_that_cannot_be_reached_is_tried_again() -> None:
    with endpoint(lambda _: (202, {})) as gone:
        chat = pagerduty(gone)
    with pytest.raises(Unreachable):
        chat.post("oncall", HELLO, None, "n1")


# ---- facts


def test_a_page_is_over_when_all_that_it_tells_of_is_mended(tmp_path: Path) -> None:
    notices = SqlNotices(migrated(tmp_path))
    told = Told(ITEM, "payments", 0, NOW, NOW, 1, 1, NOW, "n1")
    notices.save_turn([Writing(PAGE, HELLO)], [told], {}, NOW)
    of = facts_of(notices)
    assert of("n1") == Facts(PAGE, False)
    notices.save_turn((), [replace(told, mended=NOW)], {}, NOW)
    assert of("n1") == Facts(PAGE, True)
    assert of("other") is None
    notices.close()
