"""Buttons of a wave: a verb as a row, with the proof that we heard it; the engine judges it like any other."""

from dataclasses import dataclass

from fleetkeeper.core.approval import PLAN, SLACK, heard, rejection, standing
from fleetkeeper.core.interacting import words
from fleetkeeper.core.interacting.values import Click, Reply
from fleetkeeper.core.interacting.who import refusal_of_role
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.people import needed
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import OVER, Command, Run, Verb
from fleetkeeper.core.run_texts import state_text
from fleetkeeper.engine.answering import button_of, made_id
from fleetkeeper.engine.click_ports import Clicked, Desk, Turned
from fleetkeeper.errors import Tampered

VERBS = {
    Do.APPROVE: Verb.APPROVE,
    Do.REJECT: Verb.REJECT,
    Do.PAUSE: Verb.PAUSE,
    Do.RESUME: Verb.RESUME,
    Do.ABORT: Verb.ABORT,
}
_DECISIONS = (Verb.APPROVE, Verb.REJECT)
_CLICKED = "clicked in Slack"


@dataclass(frozen=True, slots=True)
class Commanding:
    """What is refused here is refused again by the engine, which alone decides: this is for a quick word."""

    desk: Desk

    def press(self, clicked: Clicked) -> Reply:
        button, verb = button_of(clicked.click.value), VERBS[clicked.click.action]
        run, plan = self._subject(button.about)
        self._refuse(clicked, verb, button, run, plan)
        id = f"{verb}-{made_id(clicked.click.id, button.about, button.target)}"
        command = Command(
            id=id,
            subject=button.about,
            verb=verb,
            target=f"gate:{button.target}" if button.target else "",
            actor=clicked.by.person,
            identity=SLACK,
            at=self.desk.clock.now(),
            reason=_CLICKED,
        )
        self.desk.runs.add_command(heard(command, clicked.by.user, button.digest, self.desk.key))
        return _stored(clicked.click, command)

    def _subject(self, id: str) -> tuple[Run | None, Plan]:
        try:
            stored = self.desk.runs.run(id)
            plan = stored.plan if stored else self.desk.runs.plan(id)
        except Tampered as error:
            raise Turned(words.TAMPERED.format(subject=id, why=error)) from error
        if plan is None or (stored is None and plan.header.id != id):
            raise Turned(words.NO_RUN.format(subject=id))
        return stored.run if stored else None, plan

    def _refuse(self, clicked: Clicked, verb: Verb, button: Button, run: Run | None, plan: Plan) -> None:
        role = needed(verb)
        does = f"{verb} {button.about}"
        if role and (refusal := refusal_of_role(clicked.by, role, does, self.desk.people)):
            raise Turned(refusal)
        if run is not None and run.state in OVER:
            raise Turned(words.RUN_OVER.format(run=run.id, state=state_text(run.state)))
        if run is None and verb not in _DECISIONS:
            raise Turned(words.NO_RUN.format(subject=button.about))
        if verb in _DECISIONS:
            self._refuse_decision(clicked, verb, button, run, plan)

    def _refuse_decision(self, clicked: Clicked, verb: Verb, button: Button, run: Run | None, plan: Plan) -> None:
        people, requester = self.desk.people, plan.header.created_by
        if people.person(clicked.by.person) == people.person(requester):
            raise Turned(words.OWN_PLAN.format(person=clicked.by.person))
        if button.digest != plan.digest:
            raise Turned(words.OTHER_PLAN.format(subject=button.about))
        if run is None and self.desk.clock.now() >= plan.header.expires_at:
            raise Turned(words.EXPIRED.format(at=words.moment(plan.header.expires_at)))
        if said := self._decided(verb, button, run, plan):
            raise Turned(said)

    def _decided(self, verb: Verb, button: Button, run: Run | None, plan: Plan) -> str:
        """What was decided the same way before, "" for nothing."""
        gate = button.target or PLAN
        of_run = run.id if run and gate else ""
        own = [
            each
            for each in self.desk.runs.approvals(plan.header.id)
            if each.run == of_run and (each.gate == gate or (gate and each.gate.endswith(f"/{gate}")))
        ]
        no = rejection(own, plan.digest, self.desk.key)
        yes = None if no else standing(own, plan.digest, self.desk.key)[0]
        found = yes if verb is Verb.APPROVE else no
        return words.decided_before(verb, found.actor, found.at) if found else ""


def _stored(click: Click, command: Command) -> Reply:
    told = words.told(click, words.stored(command.verb, command.subject))
    return Reply(view=told.view, whisper=told.whisper, channel=told.channel, command=command.id)
