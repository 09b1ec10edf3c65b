"""Whatever clusters are named and however many things there are, a message has no mistake."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.finding import Breaks, Evidence, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.home import home
from fleetkeeper.core.messages.lint import OWN_WORDS, mistakes, mistakes_of_view
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
from fleetkeeper.core.owners import Deployed
from tests.core.messages.told import NOW, TARGET, context, item, notice, to

KINDS = tuple(each for each in NoticeKind if each not in (NoticeKind.WAVE, NoticeKind.NEWS))
CODES = (*(each.code for each in all_checks()), "FK000")
HOSTILE = (
    "<!channel>",
    "@here",
    "*b*",
    "`",
    "``",
    "a`b`c",
    ":x:",
    "://",
    "\u202e",
    "\n",
    "&amp;",
    "kubectl get x",
    "a_b",
    "…",
)
NAMES = st.one_of(
    st.sampled_from(["", "web", "web", "x" * 253, "&" * 300, "a`b " * 60]),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map(" ".join),
    st.text(max_size=8),
).filter(lambda text: not OWN_WORDS.search(text))  # others may use them; hypothesis draws words of our code
TEXTS = st.lists(NAMES, max_size=3).map(" ".join)
WHEN = st.sampled_from([None, NOW - timedelta(days=40), NOW, NOW + timedelta(hours=5), NOW + timedelta(days=90)])
EVIDENCE = st.builds(Evidence, st.sampled_from(["metric", "status", "<!here>"]), TEXTS, st.sampled_from([None, NOW]))
FINDINGS = st.builds(
    Finding,
    st.sampled_from(CODES),
    st.sampled_from(Severity),
    st.builds(Subject, st.sampled_from(["Ingress", "Cluster", "NodeGroup", "Policy", "*b*"]), NAMES, NAMES),
    TEXTS,
    TEXTS,
    key=st.sampled_from(["", "networking.k8s.io/v1beta1/Ingress", "<@U1>"]),
    blocks=st.booleans(),
    breaks=st.sampled_from(Breaks),
    minor=st.sampled_from([None, TARGET]),
    evidence=st.lists(EVIDENCE, max_size=3).map(tuple),
    owner=st.sampled_from([{}, {"argocd.argoproj.io/instance": "<!here>"}]),
    use=st.sampled_from([None, LiveUse(schedules=("nonsense",)), LiveUse(last=NOW)]),
)


@st.composite
def items(draw: st.DrawFn) -> Item:
    at = draw(WHEN)
    clock = draw(st.sampled_from(["standard support of 1.34 ends", "wave <!here> begins"]))
    found = item(
        draw(FINDINGS),
        draw(NAMES),
        owner=draw(st.sampled_from(["payments", "search", "<!here>"])),
        deadline=Deadline(at, clock, draw(TEXTS), NOW + timedelta(days=91)) if at else None,
        state=draw(st.sampled_from(State)),
        environment=draw(st.sampled_from(["", "prod", "*b*"])),
        must=draw(st.booleans()),
        busy=draw(st.sampled_from(["", "*busy*"])),
    )
    quiet = draw(st.sampled_from([None, NOW - timedelta(days=1)]))
    declared = draw(st.sampled_from([None, Deployed("Application", "<!here>", "https://a@b.example/c", "*d*")]))
    owned = replace(found.owned, by=replace(found.owned.by, where=draw(TEXTS)), declared=declared)
    return replace(found, tracked=replace(found.tracked, quiet_since=quiet), owned=owned)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Answer, ...]:
    """An extension that was asked for, and what an approver said."""
    until, mode = date(2026, 12, 9), draw(st.sampled_from(Mode))
    kind = draw(st.sampled_from([AnswerKind.GRANT, AnswerKind.DENY]))
    asked = Answer("e1", AnswerKind.EXTEND, (), draw(NAMES), "slack", NOW, until, draw(TEXTS), mode)
    return asked, Answer("g1", kind, (), draw(NAMES), "slack", NOW, of="e1")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Notice, Context]:
    some = draw(st.lists(items(), min_size=1, max_size=7, unique_by=lambda each: each.key))
    asked, said = draw(answers())
    until = NOW + timedelta(days=3)
    more = {"extension": asked, "asked": asked, "not_mine": ("*b*",), "extensions": 1}
    standings = {
        each.key: Standing(draw(st.sampled_from(Phase)), "*ada*", until, each.deadline, **more)  # type: ignore[arg-type]
        for each in some
    }
    owners = draw(st.sampled_from([("payments",), ("payments", "<!here>")]))
    via = draw(st.sampled_from([Via.SLACK, Via.SLACK, Via.WEBHOOK]))
    found = notice(
        some,
        draw(st.sampled_from(KINDS)),
        recipient=to(draw(st.sampled_from(Audience)), "C1", *owners, via=via),
        why=draw(TEXTS),
        following=draw(TEXTS),
        subject="e1",
        news={each.key: draw(st.sampled_from(["", "new", "*came back*"])) for each in some},
    )
    known = {each.id: each for each in draw(st.sampled_from([(), (asked,), (asked, said)]))}
    return found, replace(context(some, standings), answers=known, approvers=(draw(NAMES),))


@given(cases())
@settings(deadline=None, max_examples=100)
def test_a_message_about_anything_has_no_mistake(case: tuple[Notice, Context]) -> None:
    found, known = case
    assert mistakes(render(found, known), found) == ()


@given(cases())
@settings(deadline=None, max_examples=30)
def test_a_view_about_anything_has_no_mistake(case: tuple[Notice, Context]) -> None:
    known = case[1]
    asks = asks_of(known.items.values())
    views = [
        home("ada@example.com", asks, known),
        *(show(asks[0], known) for show in (ack, extend, not_mine, fix_diff)),
    ]
    assert [mistakes_of_view(each) for each in views] == [()] * len(views)


@given(cases(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_order_of_what_is_known_changes_nothing(case: tuple[Notice, Context], order: Random) -> None:
    found, known = case
    entries, items = list(found.entries), list(known.items.items())
    order.shuffle(entries)
    order.shuffle(items)
    other = replace(known, items=dict(items))
    assert render(replace(found, entries=tuple(entries)), other) == render(found, known)
