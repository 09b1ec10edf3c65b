"""Who is told what, and when: from the first digest to escalation, one step at a time."""

from dataclasses import replace
from datetime import timedelta

from fleetkeeper.core.notices.values import Answer, AnswerKind, Delivery, Notice, NoticeKind, Turn, Via
from tests.core.notices.made import (
    DAY,
    MONDAY,
    POLICY,
    World,
    answer,
    due,
    item,
    kinds,
    mended,
    news,
    quiet,
    reopened,
    world,
)

HOUR = timedelta(hours=1)


def of_kind(turn: Turn, kind: NoticeKind) -> list[Notice]:
    return [each for each in turn.notices if each.kind is kind]


# ---- the ladder


def test_an_owner_hears_of_all_that_is_theirs_in_one_digest() -> None:
    made = world(item("web", 80), item("api", 50, cluster="shop-2"), item("old", None, must=False))
    turn = made.tick()
    assert kinds(turn) == ["digest C0PAY"]
    assert news(turn) == ["new, due in 50 days", "new, due in 80 days", ""]
    assert turn.notices[0].following == "on Thu 3 Dec again" or turn.notices[0].following.startswith("on ")


def test_nothing_advisory_causes_a_digest() -> None:
    turn = world(item("old", None, must=False), item("older", 5, must=False)).tick()
    assert turn.notices == ()
    assert quiet(turn) == ["nothing that has to be done by a date: it stands in digests only"] * 2


def test_what_is_far_away_waits_for_the_first_rung() -> None:
    made = world(item("web", 100))
    assert made.tick().silences[0].until == (MONDAY + 10 * DAY).replace(hour=0)
    assert kinds(made.tick(10 * DAY)) == ["digest C0PAY"]


def test_from_the_first_digest_to_the_page_each_rung_tells_more_people() -> None:
    made = world(item("web", 95), now=MONDAY)
    story = []
    for _ in range(100):
        turn = made.tick(DAY)
        story += [(kind.split()[0], int((made.now - MONDAY) / DAY)) for kind in kinds(turn)]
    first = {kind: min(day for each, day in story if each == kind) for kind, _ in story}
    assert first == {"digest": 7, "reminder": 72, "direct": 81, "escalation": 93, "page": 95}
    assert len([kind for kind, _ in story if kind == "digest"]) == 7
    assert len([kind for kind, _ in story if kind == "page"]) == 1


def test_a_repeat_hangs_in_the_thread_of_the_digest() -> None:
    made = world(item("web", 29))
    digest = made.tick().notices[0]
    assert made.tick(6 * DAY).notices == ()
    reminder = made.tick(DAY).notices[0]
    assert (reminder.kind, reminder.thread, news(made.tick())) == (NoticeKind.REMINDER, digest.id, [])
    assert reminder.entries[0].news == "still open, due in 22 days"


def test_an_escalation_says_what_was_told_before() -> None:
    made = world(item("web", 15))
    made.tick()
    made.tick(DAY)
    made.tick(7 * DAY)
    turn = made.tick(6 * DAY)
    told = of_kind(turn, NoticeKind.ESCALATION)[0].why
    assert "payments was told: the channel on Mon 23 Nov 2026, the lead on Tue 24 Nov 2026, the manager on " in told


def test_what_is_found_the_day_before_is_told_at_once_at_the_rung_it_is_on() -> None:
    made = world(item("web", 30))
    made.tick()
    made.put(item("late", 1.2, now=MONDAY + HOUR))
    turn = made.tick(HOUR)
    assert sorted(kinds(turn)) == [
        "direct ada@example.com",
        "direct max@example.com",
        "escalation C0ONCALL",
        "reminder C0PAY",
    ]
    assert all(each.is_urgent for each in turn.notices)


def test_a_deadline_at_a_weekend_is_announced_before_it_although_nobody_works() -> None:
    saturday = MONDAY + 5 * DAY
    made = world(item("web", 1, now=saturday), now=saturday)
    turn = made.tick()
    assert "digest C0PAY" in kinds(turn)
    assert all(each.is_urgent for each in turn.notices)


def test_at_night_it_waits_for_the_weekends_daylight() -> None:
    night = MONDAY + 5 * DAY - 8 * HOUR
    turn = world(item("web", 1, now=night), now=night).tick()
    assert turn.notices == ()
    assert {each.at for each in turn.later} == {night + 7 * HOUR}


def test_what_is_overdue_pages_at_night_too_and_once() -> None:
    made = world(item("web", 1.5), now=MONDAY)
    made.tick()
    assert kinds(made.tick(1.55 * DAY)) == ["page pagerduty"]
    assert "page pagerduty" not in kinds(made.tick(DAY))


# ---- no identical repeats


def test_new_items_after_the_digest_wait_for_the_next_day() -> None:
    made = world(item("web", 50))
    made.tick()
    made.put(item("api", 50))
    turn = made.tick(HOUR)
    assert turn.notices == ()
    assert [(each.at, each.why_then) for each in turn.later] == [(MONDAY + 23 * HOUR, "today's message is out already")]
    assert quiet(turn)[1] == "today's message is out already"
    assert news(made.tick(23 * HOUR)) == ["new, due in 49 days", ""]


def test_a_deadline_that_moves_is_told_with_both_dates() -> None:
    web = item("web", 50)
    made = world(web)
    made.tick()
    made.put(due(web, MONDAY + 40 * DAY))
    assert news(made.tick(DAY)) == ["the deadline moved from Tue 12 Jan 2027 to Sat 2 Jan 2027, due in 39 days"]


def test_what_comes_back_after_the_grace_is_told_and_what_flaps_is_not() -> None:
    web = item("web", 50)
    made = world(web)
    made.tick()
    made.put(over := mended(web, made.now + HOUR))
    assert made.tick(2 * HOUR).edits
    made.put(back := reopened(over, made.now + HOUR))
    flap = made.tick(2 * HOUR)
    assert (flap.notices, len(flap.edits)) == ((), 1)
    made.put(over := mended(back, made.now))
    made.tick(HOUR)
    made.put(reopened(over, made.now + 2 * DAY))
    assert news(made.tick(2 * DAY + HOUR)) == ["came back, due in 48 days"]


def test_what_comes_back_is_told_whatever_was_promised_before() -> None:
    web = item("web", 60)
    made = world(web)
    made.tick()
    made.answers.append(answer(AnswerKind.ACK, web, at=MONDAY, until=(MONDAY + 30 * DAY).date()))
    made.put(over := mended(web, MONDAY + DAY))
    made.tick(DAY)
    made.put(reopened(over, MONDAY + 3 * DAY))
    assert news(made.tick(2 * DAY)) == ["came back, due in 57 days"]
    assert made.tick(DAY).notices == ()


def test_a_falling_count_skips_a_reminder_but_no_rung() -> None:
    made = world(item("web", 29), item("api", 29))
    made.tick()
    made.put(mended(item("api", 29), MONDAY + 5 * DAY))
    skipped = made.tick(7 * DAY)
    assert skipped.notices == ()
    assert quiet(skipped) == ["others like it were fixed Sat 28 Nov: work is under way"]
    assert kinds(made.tick(8 * DAY)) == ["digest C0PAY", "direct ada@example.com"]


# ---- answers


def test_an_acknowledgement_is_quiet_until_its_day_and_then_says_so() -> None:
    web = item("web", 40)
    made = world(web)
    made.tick()
    made.answers.append(answer(AnswerKind.ACK, web, at=MONDAY + HOUR, until=(MONDAY + 28 * DAY).date()))
    assert made.tick(2 * HOUR).edits
    assert all(made.tick(DAY).notices == () for _ in range(28))
    assert news(made.tick(DAY))[0] == "was to be fixed by Mon 21 Dec, and is due in 11 days"


def test_a_promise_whose_day_is_ahead_is_not_called_broken_on_the_last_rung() -> None:
    web = item("web", 20)
    made = world(web)
    made.tick()
    made.answers.append(answer(AnswerKind.ACK, web, at=MONDAY + HOUR, until=(MONDAY + 20 * DAY).date()))
    told = [news(made.tick(DAY)) for _ in range(21)]
    assert set(told[17]) == {"due in 2 days"}
    assert "was to be fixed by Sun 13 Dec, and is overdue by 1 day" in told[20]


def test_no_answer_keeps_the_last_rung_quiet() -> None:
    web = item("web", 20, busy="proposal 12 is open")
    made = world(web)
    asked = answer(AnswerKind.EXTEND, web, at=MONDAY, until=(MONDAY + 40 * DAY).date())
    made.answers += [answer(AnswerKind.ACK, web, at=MONDAY, until=(MONDAY + 90 * DAY).date()), asked]
    told = [each for _ in range(20) for each in made.tick(DAY).notices if not each.subject]
    assert {each.kind for each in told} >= {NoticeKind.DIGEST, NoticeKind.DIRECT, NoticeKind.ESCALATION}
    assert min(each.at for each in told) == MONDAY + 18 * DAY


def test_a_fix_under_way_is_left_in_peace() -> None:
    made = world(item("web", 29, busy="wave eu is at work on it"))
    assert quiet(made.tick()) == ["wave eu is at work on it"]
    made.put(item("web", 29))
    assert news(made.tick(DAY)) == ["new, due in 28 days"]


def test_a_request_goes_to_the_approvers_and_its_answer_into_the_thread() -> None:
    web = item("web", 40)
    made = world(web)
    digest = made.tick().notices[0]
    asked = answer(
        AnswerKind.EXTEND, web, at=MONDAY, until=(MONDAY + 50 * DAY).date(), reason="release", notice=digest.id
    )
    made.answers.append(asked)
    decision = made.tick(HOUR).notices[0]
    assert (decision.kind, decision.recipient.address, decision.subject) == (NoticeKind.DECISION, "C0ONCALL", asked.id)
    assert decision.why == "ada@example.com asks for more time until Tue 12 Jan 2027: release"
    made.answers.append(
        Answer(
            "g",
            AnswerKind.GRANT,
            asked.items,
            "pia@example.com",
            "slack",
            made.now + HOUR / 2,
            of=asked.id,
            reason="once",
        )
    )
    turn = made.tick(HOUR)
    told = turn.notices[0]
    assert (told.kind, told.thread, told.recipient.address) == (NoticeKind.ANSWER, digest.id, "C0PAY")
    assert told.why.endswith("ada@example.com asked for until Tue 12 Jan 2027: once")
    assert set(turn.edits) == {digest.id, decision.id}
    assert made.tick(DAY).notices == ()


def test_who_asked_is_told_once_that_their_extension_was_taken_back() -> None:
    web = item("web", 40)
    made = world(web)
    digest = made.tick().notices[0]
    asked = answer(AnswerKind.EXTEND, web, at=MONDAY, until=(MONDAY + 50 * DAY).date(), notice=digest.id)
    grant = Answer("g", AnswerKind.GRANT, asked.items, "pia@example.com", "slack", MONDAY + HOUR, of=asked.id)
    made.answers += [asked, grant]
    granted = made.tick(2 * HOUR)
    assert [each.kind for each in granted.notices] == [NoticeKind.ANSWER]
    made.answers.append(replace(grant, id="d", kind=AnswerKind.DENY, at=made.now))
    turn = made.tick(HOUR)
    told = next(each for each in turn.notices if each.kind is NoticeKind.ANSWER)
    assert (told.thread, told.subject) == (digest.id, "d")
    assert told.why == "pia@example.com has withdrawn the extension that ada@example.com asked for"
    assert not [each for _ in range(9) for each in made.tick(DAY).notices if each.kind is NoticeKind.ANSWER]


def test_a_request_that_could_not_be_delivered_is_told_again_each_day() -> None:
    web = item("web", 50)
    made = world(web)
    made.tick()
    made.answers.append(answer(AnswerKind.EXTEND, web, at=made.now, until=(MONDAY + 60 * DAY).date()))
    for _ in range(3):
        (asked,) = made.tick(DAY).notices
        made.sent[asked.id] = replace(made.sent[asked.id], state=Delivery.FAILED)
    assert made.tick(HOUR).notices == ()  # tried today
    assert kinds(made.tick(DAY)) == ["decision C0ONCALL"]
    assert made.tick(DAY).notices == ()


def test_an_extension_that_expires_returns_at_the_rung_the_calendar_says() -> None:
    web = item("web", 10)
    made = world(web)
    made.tick()
    asked = answer(AnswerKind.EXTEND, web, at=MONDAY, until=(MONDAY + 30 * DAY).date())
    made.answers += [
        asked,
        Answer("g", AnswerKind.GRANT, asked.items, "pia@example.com", "slack", MONDAY, of=asked.id),
    ]
    told = [each for _ in range(33) for each in made.tick(DAY).notices if not each.subject]
    assert min(each.at for each in told) == MONDAY + 28 * DAY
    assert "due in 2 days" in [entry.news for each in told for entry in each.entries]
    assert [each for each in told if each.kind is NoticeKind.PAGE]


def test_not_mine_goes_to_the_next_owner_with_the_reason() -> None:
    web = item("web", 40)
    made = world(web)
    digest = made.tick().notices[0]
    made.answers.append(answer(AnswerKind.NOT_MINE, web, at=MONDAY + HOUR, notice=digest.id))
    turn = made.tick(2 * HOUR)
    assert kinds(turn) == ["digest C0PLATFORM"]
    assert news(turn) == ["new for you: payments does not own it, due in 40 days"]
    assert made.tick(DAY).notices == ()


def test_what_is_not_theirs_does_not_come_back_to_them_when_that_message_is_long_past() -> None:
    web = item("web", 80)
    made = world(web)
    digest = made.tick().notices[0]
    made.answers.append(answer(AnswerKind.NOT_MINE, web, at=MONDAY + HOUR, notice=digest.id))
    told = [each for _ in range(60) for each in kinds(made.tick(DAY))]
    assert {"digest C0PLATFORM"} <= set(told)
    assert "digest C0PAY" not in told


def test_a_check_that_is_often_not_theirs_is_muted_until_somebody_says_otherwise() -> None:
    items = [item(f"w{number}", 70 + number) for number in range(10)]
    made = World(policy=replace(POLICY, enough=10))
    made.put(*items)
    digest = made.tick().notices[0]
    made.answers.append(answer(AnswerKind.NOT_MINE, *items[:2], at=MONDAY + HOUR, notice=digest.id))
    muted = made.tick(25 * DAY)
    assert muted.muted == {"FK301": 0.2}
    assert muted.notices == ()
    assert "FK301 is muted: 20% of those told said that it is not theirs" in quiet(muted)
    made.answers.append(answer(AnswerKind.UNMUTE, at=made.now, code="FK301"))
    assert kinds(made.tick(HOUR)) == ["digest C0PAY", "digest C0PLATFORM"]


# ---- shadow, and what was not delivered


def test_a_team_that_is_not_live_is_only_previewed() -> None:
    made = World(policy=replace(POLICY, live=("plat*",)))
    made.put(item("web", 50), item("dns", 50, owner="platform"))
    turn = made.tick()
    assert kinds(turn) == ["digest C0PLATFORM"]
    assert [each.recipient.owners for each in turn.shadow] == [("payments",)]
    assert quiet(turn) == ["payments is not live: its notices are only previewed"]
    assert {each.owner for each in turn.told} == {"platform"}


def test_what_could_not_be_delivered_was_not_told() -> None:
    made = world(item("web", 50))
    first = made.tick().notices[0]
    made.sent[first.id] = replace(made.sent[first.id], state=Delivery.FAILED)
    assert quiet(made.tick(HOUR)) == ["what was to tell it today could not be delivered: tried again tomorrow"]
    assert news(made.tick(DAY)) == ["new, due in 49 days"]


def test_a_newer_digest_replaces_the_one_before() -> None:
    made = world(item("web", 50))
    first = made.tick().notices[0]
    made.put(item("api", 50))
    assert made.tick(DAY).edits == (first.id,)


def test_a_mended_item_is_told_as_done_once() -> None:
    web = item("web", 50)
    made = world(web)
    first = made.tick().notices[0]
    made.put(mended(web, MONDAY + HOUR))
    turn = made.tick(2 * HOUR)
    assert (turn.edits, turn.told[0].mended) == ((first.id,), MONDAY + HOUR)
    assert (made.tick(HOUR).edits, made.tick(DAY).told) == ((), ())


def test_a_hook_gets_digests_and_has_no_threads() -> None:
    made = world(item("web", 29))
    made.teams["payments"] = replace(made.teams["payments"], channel="hook:pay")
    first = made.tick().notices[0]
    assert (first.recipient.via, first.recipient.address) == (Via.WEBHOOK, "pay")
    assert made.tick(7 * DAY).notices[0].thread == ""
