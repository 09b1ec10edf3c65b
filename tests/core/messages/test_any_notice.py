"""Whatever clusters are named and however many things there are, a message has no mistake."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.finding import Breaks, Evidence, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.home import home
from fleetkeeper.core.messages.lint import mistakes, mistakes_of_view
from fleetkeeper.core.messages.modals import ack, extend, fix_diff, not_mine
from fleetkeeper.core.messages.render import render
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Deadline,
    Item,
    Mode,
    Notice,
    NoticeKind,
    Phase,
    Standing,
    Via,
)
from tests.core.messages.told import NOW, TARGET, context, item, notice, to

KINDS = tuple(each for each in NoticeKind if each not in (NoticeKind.WAVE, NoticeKind.NEWS))
CODES = tuple(each.code for each in all_checks()) + ("FK000",)
HOSTILE = st.sampled_from(
    ["<!channel>", "@here", "*b*", "`", "``", "a`b`c", ":x:", "://", "\u202e", "\n", "&amp;", "kubectl get x"]
)
NAMES = st.one_of(
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
    st.text(max_size=300),
    st.lists(st.one_of(HOSTILE, st.text(max_size=9)), max_size=9).map(" ".join),
)
TEXTS = st.lists(st.one_of(HOSTILE, NAMES), max_size=12).map(" ".join)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    subject = Subject(draw(st.sampled_from(["Ingress", "Cluster", "NodeGroup", "Policy"])), draw(NAMES), draw(NAMES))
    return Finding(
        draw(st.sampled_from(CODES)),
        draw(st.sampled_from(Severity)),
        subject,
        draw(TEXTS),
        draw(TEXTS),
        key=draw(st.sampled_from(["", "networking.k8s.io/v1beta1/Ingress", "<@U1>"])),
        blocks=draw(st.booleans()),
        breaks=draw(st.sampled_from(Breaks)),
        minor=draw(st.sampled_from([None, TARGET])),
        evidence=tuple(
            Evidence(draw(NAMES), draw(TEXTS), draw(st.sampled_from([None, NOW])))
            for _ in range(draw(st.integers(0, 3)))
        ),
        owner={"argocd.argoproj.io/instance": draw(NAMES)},
        use=draw(st.sampled_from([None, LiveUse(schedules=("nonsense",)), LiveUse(last=NOW)])),
    )


@st.composite
def items(draw: st.DrawFn) -> Item:
    days = draw(st.integers(-40, 90))
    clock, then = draw(TEXTS), draw(TEXTS)
    deadline = draw(
        st.sampled_from([None, Deadline(NOW + timedelta(days=days), clock, then, NOW + timedelta(days=91))])
    )
    found = item(
        draw(findings()),
        draw(NAMES),
        owner=draw(st.sampled_from(["payments", "search", "<!here>"])),
        deadline=deadline,
        state=draw(st.sampled_from(State)),
        environment=draw(NAMES),
        must=draw(st.booleans()),
        busy=draw(st.sampled_from(["", "*busy*"])),
    )
    quiet = draw(st.sampled_from([None, NOW - timedelta(days=1)]))
    owned = replace(found.owned, by=replace(found.owned.by, where=draw(TEXTS)))
    return replace(found, tracked=replace(found.tracked, quiet_since=quiet), owned=owned)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Notice, Context]:
    some = draw(st.lists(items(), min_size=1, max_size=12))
    some = list({each.key: each for each in some}.values())
    asked = Answer(
        "e1",
        AnswerKind.EXTEND,
        (),
        draw(NAMES),
        "slack",
        NOW,
        date(2026, 12, 9),
        draw(TEXTS),
        draw(st.sampled_from(Mode)),
    )
    granted = Answer(
        "g1", draw(st.sampled_from([AnswerKind.GRANT, AnswerKind.DENY])), (), draw(NAMES), "slack", NOW, of="e1"
    )
    standings = {
        each.key: Standing(
            draw(st.sampled_from(Phase)), draw(NAMES), NOW + timedelta(days=3), each.deadline,
            extension=asked, asked=asked, not_mine=(draw(NAMES),), extensions=draw(st.integers(0, 3)),
        )
        for each in some
    }  # fmt: skip
    kind = draw(st.sampled_from(KINDS))
    via = draw(st.sampled_from([Via.SLACK, Via.SLACK, Via.WEBHOOK]))
    recipient = to(
        draw(st.sampled_from(Audience)), "C1", *draw(st.sampled_from([("payments",), ("payments", "<!here>")])), via=via
    )
    found = notice(
        some, kind, recipient=recipient, why=draw(TEXTS), following=draw(TEXTS), subject="e1",
        news={each.key: draw(st.sampled_from(["", "new", "*came back*"])) for each in some},
    )  # fmt: skip
    answers = {each.id: each for each in draw(st.sampled_from([(), (asked,), (asked, granted)]))}
    known = replace(context(some, standings), answers=answers, approvers=(draw(NAMES),))
    return found, known


@given(cases())
@settings(deadline=None, max_examples=300)
def test_a_message_about_anything_has_no_mistake(case: tuple[Notice, Context]) -> None:
    found, known = case
    assert mistakes(render(found, known), found) == ()


@given(cases())
@settings(deadline=None, max_examples=100)
def test_a_view_about_anything_has_no_mistake(case: tuple[Notice, Context]) -> None:
    found, known = case
    asks = asks_of(known.items.values())
    views = [
        home("ada@example.com", asks, known),
        *(show(asks[0], known) for show in (ack, extend, not_mine, fix_diff)),
    ]
    assert [mistakes_of_view(each) for each in views] == [()] * len(views)


@given(cases(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_the_order_of_what_is_known_changes_nothing(case: tuple[Notice, Context], order: object) -> None:
    found, known = case
    entries, items = list(found.entries), list(known.items.items())
    order.shuffle(entries)  # type: ignore[attr-defined]
    order.shuffle(items)  # type: ignore[attr-defined]
    other = replace(known, items=dict(items))
    assert render(replace(found, entries=tuple(entries)), other) == render(found, known)
