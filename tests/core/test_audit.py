"""What is kept of an audit log: windows that meet, counts that add up, and an end to both."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core import audit
from fleetkeeper.core.observed import AuditCall

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALL = AuditCall("batch", "v1beta1", "cronjobs", "ci", "kubectl/v1.33", 7, NOW - timedelta(hours=1))


def test_windows_meet_and_stay_clear_of_what_may_still_be_on_its_way() -> None:
    first = audit.window(NOW - timedelta(minutes=15), NOW)
    second = audit.window(NOW, NOW + timedelta(minutes=15))

    assert first == (NOW - timedelta(minutes=20), NOW - timedelta(minutes=5))
    assert second[0] == first[1]


@pytest.mark.parametrize("last", [None, NOW - timedelta(days=9)], ids=["never looked", "not for days"])
def test_a_window_is_a_day_long_at_most(last: datetime | None) -> None:
    since, until = audit.window(last, NOW)

    assert until - since == timedelta(days=1)


def test_calls_of_one_client_add_up_and_the_newest_stays() -> None:
    later = replace(CALL, count=5, last=NOW - timedelta(minutes=9))

    assert audit.merged((CALL,), (later,), NOW) == (replace(later, count=12),)
    assert audit.merged((later,), (CALL,), NOW) == (replace(later, count=12),)


def test_another_client_or_api_is_an_entry_of_its_own_and_the_newest_comes_first() -> None:
    others = (
        replace(CALL, user="robot", last=NOW - timedelta(minutes=30)),
        replace(CALL, user_agent="helm", last=NOW - timedelta(minutes=20)),
        replace(CALL, resource="jobs", last=NOW - timedelta(minutes=10)),
    )

    assert audit.merged((CALL,), others, NOW) == (*reversed(others), CALL)


def test_who_was_not_seen_for_thirty_days_is_forgotten() -> None:
    old = replace(CALL, user="gone", last=NOW - timedelta(days=30, seconds=1))
    kept = replace(CALL, user="rare", last=NOW - timedelta(days=30))

    assert audit.merged((old, kept), (), NOW) == (kept,)


def test_only_the_newest_thousand_clients_are_kept() -> None:
    crowd = [replace(CALL, user=f"u{n}", last=NOW - timedelta(seconds=n)) for n in range(audit.MOST + 5)]

    assert audit.merged((), crowd, NOW) == tuple(crowd[: audit.MOST])
