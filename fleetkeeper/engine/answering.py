"""Buttons and modals of notices: each becomes one signed answer, or a refusal in words."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from fleetkeeper.core.approval import SLACK
from fleetkeeper.core.interacting import words
from fleetkeeper.core.interacting.fields import UNTIL, Private, read_date, read_mode, read_reason
from fleetkeeper.core.interacting.limits import quiet_until, refusal_of_ack
from fleetkeeper.core.interacting.values import Reply
from fleetkeeper.core.interacting.who import refusal_of_role, refusal_to_answer
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.extending import (
    refusal_of_grant,
    refusal_of_request,
    refusal_of_withdrawal,
    settled,
    withdrawn,
)
from fleetkeeper.core.notices.hours import zone_of
from fleetkeeper.core.notices.signing import is_signed, sign
from fleetkeeper.core.notices.values import Answer, AnswerKind, Ask, Delivery, ItemKey, Mode, Notice, Situation
from fleetkeeper.core.people import Role
from fleetkeeper.core.wording import some
from fleetkeeper.engine.click_ports import Clicked, Desk, Turned
from fleetkeeper.engine.notice_ports import Recheck

_LATER = timedelta(microseconds=1)
"""A decision comes after its request, also where another replica's clock was ahead: answers are read by their time."""


@dataclass(frozen=True, slots=True)
class About:
    """What a button of a notice means now. ask: only those of its items that are in the notice and still count."""

    button: Button
    notice: Notice
    ask: Ask
    situation: Situation


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says by a click, of an Answer's fields."""

    kind: AnswerKind
    until: date | None = None
    reason: str = ""
    mode: Mode = Mode.HOLD
    of: str = ""


@dataclass(frozen=True, slots=True)
class Answering:
    desk: Desk

    def press(self, clicked: Clicked) -> Reply:
        """A button of a notice."""
        button = button_of(clicked.click.value)
        match clicked.click.action:
            case Do.ACK | Do.EXTEND | Do.NOT_MINE | Do.DIFF:
                return self._open(clicked, button)
            case Do.RECHECK:
                return self._recheck(clicked, button)
            case Do.GRANT:
                return self._decide(clicked, button, AnswerKind.GRANT)
            case Do.DENY:
                return self._decide(clicked, button, AnswerKind.DENY)
            case Do.WITHDRAW:
                return self._withdraw(clicked, button)
        raise Turned(words.NO_BUTTON)

    def submit(self, clicked: Clicked) -> Reply:
        """What was entered into a modal."""
        private = Private.parse(clicked.click.value)
        forms = {Do.ACK: self._ack, Do.EXTEND: self._extend, Do.NOT_MINE: self._not_mine}
        form: Callable[[Clicked, About], Reply] | None = forms.get(clicked.click.action)
        if private is None or form is None:
            raise Turned(words.NO_BUTTON)
        return form(clicked, self._about(clicked, private.button))

    def answers(self) -> tuple[Answer, ...]:
        """Those that count, oldest first: not what was written into the database by hand."""
        return tuple(each for each in self.desk.notices.answers() if is_signed(each, self.desk.key))

    # ---- buttons

    def _open(self, clicked: Clicked, button: Button) -> Reply:
        about = self._about(clicked, button)
        view = self.desk.screens.modal(clicked.click.action, about.ask, about.situation)
        return Reply(view=words.with_private(view, Private(button, clicked.click.channel)))

    def _recheck(self, clicked: Clicked, button: Button) -> Reply:
        about = self._about(clicked, button)
        clusters = tuple(sorted({item.cluster for item in about.ask.items}))
        id, now = made_id("recheck", clicked.click.id), self.desk.clock.now()
        self.desk.notices.add_recheck(Recheck(id, clusters, clicked.by.person, button.notice, now))
        return words.told(clicked.click, words.RECHECK.format(clusters=some(clusters)))

    def _decide(self, clicked: Clicked, button: Button, kind: AnswerKind) -> Reply:
        """Of an extension there is one decision: its id is of the request, so that two who click at once are one."""
        answers = self.answers()
        request = self._request(clicked, button, answers)
        said = Said(kind, request.until, mode=request.mode, of=request.id)
        decision = self._answer(clicked, said, button.notice, request.items, made_id("decision", request.id))
        decision = sign(replace(decision, at=max(decision.at, request.at + _LATER)), self.desk.key)
        self._refuse_decision(decision, request, answers)
        if not self.desk.notices.add_answer(decision):
            answers = self.answers()
            self._refuse_decision(decision, request, answers)
            if settled(request, answers) is None:  # its id is taken by a row that nobody signed
                raise Turned(words.TAMPERED.format(subject="this request", why=words.BY_HAND))
        return words.told(clicked.click, words.decided(decision, request))

    def _withdraw(self, clicked: Clicked, button: Button) -> Reply:
        """Whoever may grant may take back what was granted, once: a denial behind the grant."""
        answers = self.answers()
        request = self._request(clicked, button, answers)
        today = self.desk.clock.now().astimezone(zone_of(self.desk.situation().policy.timezone)).date()
        said, id = Said(AnswerKind.DENY, of=request.id), made_id("withdrawal", request.id)
        denial = self._answer(clicked, said, button.notice, request.items, id)
        before = withdrawn(request, answers)
        if before is None or before.person != denial.person:  # the chat may say a click twice
            if refusal := refusal_of_withdrawal(request, answers, today):
                raise Turned(refusal)
            last = max(each.at for each in answers if each.of == request.id)
            denial = sign(replace(denial, at=max(denial.at, last + _LATER)), self.desk.key)
            if not self.desk.notices.add_answer(denial) and withdrawn(request, self.answers()) is None:
                raise Turned(words.TAMPERED.format(subject="this request", why=words.BY_HAND))
        return words.told(clicked.click, words.taken_back(request))

    def _request(self, clicked: Clicked, button: Button, answers: tuple[Answer, ...]) -> Answer:
        """Turned where there is none, and for whoever may not decide on it."""
        request = next((each for each in answers if each.kind is AnswerKind.EXTEND and each.id == button.about), None)
        if request is None:
            raise Turned(words.NO_REQUEST)
        if refusal := refusal_of_role(clicked.by, Role.APPROVER, "decide on extensions", self.desk.people):
            raise Turned(refusal)
        return request

    def _refuse_decision(self, decision: Answer, request: Answer, answers: tuple[Answer, ...]) -> None:
        """The same decision of the same person again is no mistake: the chat may say a click twice."""
        before = settled(request, answers)
        if before and (before.kind, before.person) == (decision.kind, decision.person):
            return
        if before:
            raise Turned(words.answered(before))
        if refusal := refusal_of_grant(decision, self._situation(answers, request.at), self.desk.people):
            raise Turned(refusal)

    # ---- modals

    def _ack(self, clicked: Clicked, about: About) -> Reply:
        until = read_date(clicked.click.fields)
        if refusal := refusal_of_ack(until, about.ask, about.situation):
            raise Turned(refusal, {UNTIL: refusal})
        quiet = quiet_until(until, about.ask, about.situation) if until else None
        answer = self._own(clicked, about, Said(AnswerKind.ACK, until))
        return self._store(clicked, answer, words.acknowledged(answer, quiet))

    def _extend(self, clicked: Clicked, about: About) -> Reply:
        fields = clicked.click.fields
        until, reason, mode = read_date(fields), read_reason(fields), read_mode(fields)
        wrong = words.incomplete(until, reason, mode)
        if wrong or mode is None:
            raise Turned("", wrong)
        answer = self._own(clicked, about, Said(AnswerKind.EXTEND, until, reason, mode))
        is_new = all(each.id != answer.id for each in about.situation.answers)
        if is_new and (refusal := refusal_of_request(answer, about.situation)):
            raise Turned(refusal, {UNTIL: refusal})
        return self._store(clicked, answer, words.asked_for_time(answer))

    def _not_mine(self, clicked: Clicked, about: About) -> Reply:
        said = Said(AnswerKind.NOT_MINE, reason=read_reason(clicked.click.fields))
        answer = self._own(clicked, about, said)
        return self._store(clicked, answer, words.disowned(answer))

    def _store(self, clicked: Clicked, answer: Answer, text: str) -> Reply:
        self.desk.notices.add_answer(answer)
        return words.told(clicked.click, text)

    def _own(self, clicked: Clicked, about: About, said: Said) -> Answer:
        return self._answer(clicked, said, about.button.notice, tuple(item.key for item in about.ask.items))

    def _answer(self, clicked: Clicked, said: Said, notice: str, items: tuple[ItemKey, ...], id: str = "") -> Answer:
        unsigned = Answer(
            id=id or made_id(said.kind, clicked.click.id),
            kind=said.kind,
            items=items,
            person=clicked.by.person,
            identity=SLACK,
            at=self.desk.clock.now(),
            until=said.until,
            reason=said.reason,
            mode=said.mode,
            of=said.of,
            notice=notice,
        )
        return sign(unsigned, self.desk.key)

    # ---- what a button means now

    def _situation(self, answers: tuple[Answer, ...], since: datetime) -> Situation:
        """With what was answered until now; the rest may be a minute old, but not of before `since`."""
        return replace(self.desk.situation(since), now=self.desk.clock.now(), answers=answers)

    def _about(self, clicked: Clicked, button: Button) -> About:
        """Turned for a stale one, and for whoever may not answer."""
        record = self.desk.notices.record(button.notice) if button.notice else None
        if record is None or record.notice.id != button.notice:
            raise Turned(words.GONE)
        notice, situation = record.notice, self._situation(self.answers(), record.stored_at)
        told = {entry.item: entry.owner for entry in notice.entries}
        asked = asks_of(item for item in situation.items if item.key in told)
        ask = next((each for each in asked if each.id == button.about), None)
        if ask is None:
            raise Turned(words.ELSEWHERE)
        if refusal := refusal_to_answer(clicked.by, ask.owner, situation.teams, self.desk.people):
            raise Turned(refusal)
        counting = tuple(item for item in ask.items if not item.is_over)
        if not counting:
            raise Turned(words.OVER)
        if newer := _newer(notice, ask, situation):
            raise Turned(words.superseded(newer))
        return About(button, notice, replace(ask, items=counting), situation)


def _newer(notice: Notice, ask: Ask, situation: Situation) -> Notice | None:
    """A later message of the same kind to the same people that is out and has all of it."""
    keys = {item.key for item in ask.items if not item.is_over}
    found = (
        sent.notice
        for sent in situation.sent
        if sent.state is Delivery.SENT
        and sent.notice.kind is notice.kind
        and sent.notice.recipient.key == notice.recipient.key
        and sent.notice.at > notice.at
        and keys <= {entry.item for entry in sent.notice.entries}
    )
    return max(found, key=lambda each: each.at, default=None)


def button_of(value: str) -> Button:
    """Turned for what no button of this version says."""
    button = Button.parse(value)
    if button is None:
        raise Turned(words.NO_BUTTON)
    return button


def made_id(*parts: str) -> str:
    """Of what it is: the same click twice makes one row."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
