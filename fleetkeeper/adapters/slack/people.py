"""Who people are in Slack (the People port), and through which conversation one person is written to."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetkeeper.adapters.slack.calls import Calls
from fleetkeeper.adapters.slack.errors import undeliverable
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.engine.chat import Undeliverable

_KEPT_SECONDS = 3600.0
"""How long an answer about a person is believed here; the database keeps it for longer, for others."""
_MOST_KEPT = 20_000


_NOBODY = {Reach.GONE: "user_disabled", Reach.UNKNOWN: "user_not_found"}
_NO_EMAILS = "the app may not look up e-mail addresses: grant users:read.email, or write U… ids into [owners]"


class SlackPeople:
    """Asks for one person at a time, when somebody is to be written to: lists of all people are slow and limited."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kept: dict[str, tuple[float, Contact]] = {}
        self._direct: dict[str, str] = {}
        self._home: frozenset[str] | None = None  # our workspace and its organisation
        self._lock = threading.Lock()

    def contact(self, key: str) -> Contact:
        with self._lock:
            at, found = self._kept.get(key, (0.0, None))
        if found is not None and time.monotonic() - at < _KEPT_SECONDS:
            return found
        contact = self._asked(key)
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = time.monotonic(), contact
        return contact

    def channel(self, address: str) -> str:
        """Where to post for an address: a person's own conversation (D…), or the channel itself."""
        if not is_person(address):
            return slack_id(address)
        user = self._user(address)
        with self._lock:
            known = self._direct.get(user)
        if known is None:
            answer = self._calls.call("conversations.open", lambda client: client.conversations_open(users=user))
            known = str(answer["channel"]["id"])
            with self._lock:
                self._direct[user] = known
        return known

    def forget(self, address: str) -> None:
        """Ask anew about somebody who could not be written to."""
        with self._lock:
            _, contact = self._kept.pop(address, (0.0, None))
            self._direct.pop(contact.slack if contact else slack_id(address), None)

    def _user(self, address: str) -> str:
        """Asked for even where the id is known: what is written to who left is taken without a word
        (slackapi/python-slack-sdk#1156).
        """
        found = self.contact(address)
        if code := _NOBODY.get(found.reach):
            raise undeliverable(code)
        if not found.slack and "@" in address:
            raise Undeliverable("missing_scope", _NO_EMAILS)
        return found.slack or slack_id(address)

    def _asked(self, key: str) -> Contact:
        try:
            if "@" in key:
                answer = self._calls.call("users.lookupByEmail", lambda client: client.users_lookupByEmail(email=key))
            else:
                answer = self._calls.call("users.info", lambda client: client.users_info(user=slack_id(key)))
        except Undeliverable as error:
            return _unknown(key, error)
        found = _person(key, answer["user"])
        return found if not found.email or self._is_vouched(answer["user"]) else replace(found, email="")

    def _is_vouched(self, user: Mapping[str, Any]) -> bool:
        """Whether an address is its account's: people of other workspaces, whom a shared channel brings along, have the
        addresses that those workspaces' own admins gave them, and new accounts may have one that nobody confirmed.

        docs.slack.dev/reference/objects/user-object, docs.slack.dev/apis/slack-connect (read 2026-11-21).
        """
        if user.get("is_stranger") or user.get("is_email_confirmed") is False:
            return False
        if self._home is None:
            own = self._calls.call("auth.test", lambda client: client.auth_test())
            self._home = _ids(own.get("team_id"), own.get("enterprise_id"))
        organisation = user.get("enterprise_user") or {}
        return bool(self._home & _ids(user.get("team_id"), organisation.get("enterprise_id")))


def is_person(address: str) -> bool:
    return "@" in address or address[:1] in ("U", "u", "W", "w")


def slack_id(key: str) -> str:
    """Ids are in capitals; contacts are kept in small letters."""
    return key.upper()


def _unknown(key: str, error: Undeliverable) -> Contact:
    """Raises the error again where it is about ourselves, but for a right that we lack: then nobody was asked."""
    if error.gone:
        return Contact(key, Reach.GONE if error.code == "user_disabled" else Reach.UNKNOWN)
    if error.code == "missing_scope":
        return Contact(key)
    raise error


def _ids(*found: object) -> frozenset[str]:
    return frozenset(each for each in found if isinstance(each, str) and each)


def _person(key: str, user: Mapping[str, Any]) -> Contact:
    profile = user.get("profile") or {}
    return Contact(
        key=key,
        reach=Reach.GONE if user.get("deleted") else Reach.KNOWN,
        slack=str(user["id"]),
        name=str(profile.get("real_name") or user.get("real_name") or user.get("name") or ""),
        email=str(profile.get("email") or ""),
        timezone=str(user.get("tz") or ""),
    )
