"""The methods of the Web API that are simulated, by name.

Tiers, scopes and kinds of token: docs.slack.dev/reference/methods (as of slack-ruby/slack-api-ref, 2026-08-20).
"""

from collections.abc import Callable
from dataclasses import dataclass

from fleetkeeper.sim.slack.methods import app, chat, conversations, people, views
from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.values import Json

TIER = {1: 1.0, 2: 20.0, 3: 50.0, 4: 100.0}
"""Calls a minute."""
SPECIAL = 0.0


@dataclass(frozen=True, slots=True)
class Method:
    """per_minute: SPECIAL for a method with limits of its own. scopes: of the bot's token, any of them will do.

    app_level: wants an app-level token, in the header.
    """

    answer: Callable[[Call], Json]
    per_minute: float
    scopes: tuple[str, ...] = ()
    app_level: bool = False


_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_READ = ("channels:read", "groups:read", "im:read", "mpim:read")

METHODS: dict[str, Method] = {
    "apps.connections.open": Method(app.open_connection, TIER[3], ("connections:write",), app_level=True),
    "auth.test": Method(app.test, SPECIAL),
    "chat.getPermalink": Method(chat.permalink, SPECIAL),
    "chat.postEphemeral": Method(chat.post_ephemeral, TIER[4], ("chat:write",)),
    "chat.postMessage": Method(chat.post_message, SPECIAL, ("chat:write",)),
    "chat.update": Method(chat.update, TIER[3], ("chat:write",)),
    "conversations.history": Method(conversations.history, TIER[3], _HISTORY),
    "conversations.info": Method(conversations.info, TIER[3], _READ),
    "conversations.open": Method(
        conversations.open_direct, TIER[3], ("channels:manage", "groups:write", "im:write", "mpim:write")
    ),
    "conversations.replies": Method(conversations.replies, TIER[3], _HISTORY),
    "dnd.teamInfo": Method(people.do_not_disturb, TIER[2], ("dnd:read",)),
    "usergroups.users.list": Method(people.group, TIER[2], ("usergroups:read",)),
    "users.info": Method(people.info, TIER[4], ("users:read",)),
    "users.lookupByEmail": Method(people.by_email, TIER[3], ("users:read.email",)),
    "views.open": Method(views.open_modal, TIER[4]),
    "views.publish": Method(views.publish, TIER[4]),
    "views.update": Method(views.update, TIER[4]),
}
