"""What people click: who it was is asked of Slack, what they may is asked of the settings, and the rest is a row.

Nothing is kept here between two clicks, so any replica may answer any of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from fleetkeeper.core.interacting import words
from fleetkeeper.core.interacting.values import Click, Clicker, ClickKind, Reply
from fleetkeeper.core.interacting.who import clicker_of, is_stranger
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.owners import Contact
from fleetkeeper.engine import chat
from fleetkeeper.engine.answering import Answering
from fleetkeeper.engine.asked import Asking
from fleetkeeper.engine.click_ports import Clicked, Desk, Turned
from fleetkeeper.engine.commanding import VERBS, Commanding
from fleetkeeper.errors import FleetkeeperError, StoreUnavailable

_log = structlog.get_logger("engine")

PATIENCE = 8.0
"""Seconds that somebody waits for what the engine makes of a verb."""

_LOOK = 0.25


@dataclass(frozen=True, slots=True)
class Interactions:
    """click_ports.Interacting over the database. accounts and views: the chat's, which remembers for a while in its own
    memory who people are. pause: waits so many seconds, True when all of this ends."""

    desk: Desk
    accounts: chat.People
    views: chat.Views
    pause: Callable[[float], object]

    def handle(self, click: Click) -> Reply:
        try:
            clicked = Clicked(click, self._clicker(click))
            _log.info("clicked", kind=click.kind, action=click.action, user=click.user, person=clicked.by.person)
            return self._reply(clicked)
        except Turned as turned:
            _log.info("click_refused", action=click.action, user=click.user, reason=str(turned) or turned.fields)
            return Reply(errors=turned.fields) if turned.fields else words.told(click, str(turned), refused=True)
        except StoreUnavailable as error:
            _log.warning("click_not_stored", action=click.action, user=click.user, reason=str(error))
            return words.told(click, words.NOT_STORED, refused=True)
        except Exception:  # told here: no click may end the listener
            _log.exception("click_failed", action=click.action, user=click.user)
            return words.told(click, words.OWN_FAULT, refused=True)

    def carry_out(self, click: Click, reply: Reply) -> None:
        try:
            if reply.home:
                self.views.home(click.user, reply.home)
            if reply.view:
                self.views.open(click.trigger, reply.view)
            whisper = self._outcome(reply)
            if whisper:
                self.views.whisper(reply.channel, click.user, whisper)
        except FleetkeeperError as error:
            _log.warning("reply_not_shown", action=click.action, user=click.user, reason=str(error))
        except Exception:  # as above: what was clicked is stored
            _log.exception("reply_failed", action=click.action, user=click.user)

    def _reply(self, clicked: Clicked) -> Reply:
        match clicked.click.kind:
            case ClickKind.SLASH:
                return Asking(self.desk).slash(clicked)
            case ClickKind.HOME:
                return Asking(self.desk).home(clicked)
            case ClickKind.SUBMIT:
                return Answering(self.desk).submit(clicked)
        if clicked.click.action in VERBS:
            return Commanding(self.desk).press(clicked)
        return Answering(self.desk).press(clicked)

    def _outcome(self, reply: Reply) -> Message | None:
        """What became of a verb, as soon as an engine says so; else what the reply says."""
        waited = 0.0
        while reply.command and reply.whisper and waited < PATIENCE:
            applied = self.desk.runs.applied(reply.command)
            if applied is not None:
                verb = reply.command.partition("-")[0]
                return words.plain(words.became(verb, applied.accepted, applied.result))
            if self.pause(_LOOK):
                break
            waited += _LOOK
        return reply.whisper

    # ---- who it was

    def _clicker(self, click: Click) -> Clicker:
        if is_stranger(click):
            raise Turned(words.STRANGER)
        found = clicker_of(click.user, self._contact(click.user), self.desk.people)
        if found is None:
            raise Turned(words.NO_ADDRESS)
        return found

    def _contact(self, user: str) -> Contact:
        """As Slack itself says it: a row of the database is no proof of who somebody is."""
        try:
            return self.accounts.contact(user.lower())
        except FleetkeeperError as error:
            _log.warning("account_unknown", user=user, reason=str(error))
            raise Turned(words.NOBODY_SAYS) from error
