"""conversations.*: direct messages, and what stands in a channel.

docs.slack.dev/reference/methods/conversations.history, .replies, .open and .info (as of slack-ruby/slack-api-ref,
2026-08-20): newest first in a history, oldest first in a thread; `oldest` and `latest` exclude unless `inclusive`;
metadata only with `include_all_metadata`; replies stand in the thread alone. The lower limits since 2025-05-29 are for
apps that are sold outside the Marketplace: an app of one's own workspace keeps Tier 3.
"""

import base64
import binascii

from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.shapes import channel_json, message_json, thread
from fleetkeeper.sim.slack.values import READ_SCOPE, ApiError, Channel, Json, Sent

PAGE = 100
MOST = 999


def open_direct(call: Call) -> Json:
    """With one person, or again by the id of a direct message; several people are not modelled (method refused)."""
    call.needs("im:write")
    if call.text("channel"):
        return {"channel": _opened(call, call.channel())}
    users = [each for each in call.text("users").split(",") if each]
    if not users:
        raise ApiError("users_list_not_supplied")
    if len(users) > 1:
        raise ApiError("method_not_supported_for_channel_type")
    person = call.workspace.people.get(users[0])
    if person is None or person.is_bot:
        raise ApiError("user_not_found")
    if person.deleted:
        raise ApiError("user_disabled")
    known = call.workspace.direct_with(person.id) is not None
    channel = _opened(call, call.workspace.direct(person.id))
    return {"channel": channel, **({"no_op": True, "already_open": True} if known else {})}


def history(call: Call) -> Json:
    channel = call.readable()
    found = [each for each in _between(call, channel) if not each.thread_ts]
    return _page(call, channel, found[::-1])


def replies(call: Call) -> Json:
    """The root and its replies; by the ts of a reply that reply alone."""
    channel = call.readable()
    root = call.workspace.message(channel, call.text("ts"))
    if root is None:
        raise ApiError("thread_not_found")
    return _page(call, channel, [root, *thread(channel, root.ts)])


def info(call: Call) -> Json:
    channel = call.channel()
    call.needs(READ_SCOPE[channel.kind])
    return {"channel": channel_json(channel, call.workspace)}


def _opened(call: Call, channel: Channel) -> Json:
    return channel_json(channel, call.workspace) if call.flag("return_im") else {"id": channel.id}


def _between(call: Call, channel: Channel) -> list[Sent]:
    oldest, latest = _moment(call, "oldest", 0.0), _moment(call, "latest", float("inf"))
    inclusive = call.flag("inclusive")
    with call.workspace.changed:
        every = [each for each in channel.messages.values() if not each.deleted]
    if inclusive:
        return [each for each in every if oldest <= float(each.ts) <= latest]
    return [each for each in every if oldest < float(each.ts) < latest]


def _moment(call: Call, name: str, default: float) -> float:
    try:
        return float(call.text(name) or default)
    except ValueError:
        raise ApiError(f"invalid_ts_{name}") from None


def _page(call: Call, channel: Channel, found: list[Sent]) -> Json:
    """One page; the cursor carries the number of the first message of the next one's ts, as later posts may come."""
    limit = max(1, min(call.number("limit", PAGE), MOST))
    start = _start(call, found)
    part, rest = found[start : start + limit], found[start + limit :]
    metadata = call.flag("include_all_metadata")
    answer: Json = {
        "messages": [message_json(each, channel, metadata) for each in part],
        "has_more": bool(rest),
        "pin_count": 0,
    }
    if rest:
        cursor = base64.b64encode(f"next_ts:{rest[0].ts}".encode()).decode()
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def _start(call: Call, found: list[Sent]) -> int:
    cursor = call.text("cursor")
    if not cursor:
        return 0
    try:
        ts = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
        return [each.ts for each in found].index(ts)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ApiError("invalid_cursor") from None
