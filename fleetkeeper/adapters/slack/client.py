"""Slack as a Chat, as People and as Views: what is posted carries the notice's id, so that it can be looked for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from fleetkeeper.adapters.slack.calls import Calls
from fleetkeeper.adapters.slack.errors import NO_HISTORY, POST
from fleetkeeper.adapters.slack.payloads import view_json
from fleetkeeper.adapters.slack.people import SlackPeople
from fleetkeeper.config import SlackSettings
from fleetkeeper.core.messages.message import Message, View
from fleetkeeper.core.notices.values import Via
from fleetkeeper.core.owners import Contact
from fleetkeeper.engine.chat import Doubtful, Gone, Posted, Throttled, Undeliverable
from fleetkeeper.errors import Unreachable

EVENT_TYPE = "fleetkeeper_notice"
_SKEW_SECONDS = 300.0
"""How far Slack's clock may be from ours when we look for what we posted."""
_PAGE, _MOST_PAGES = 200, 20


class SlackChat:
    """Chat, People and Views in one workspace. Safe to use from many threads; nothing here waits or retries."""

    def __init__(self, settings: SlackSettings) -> None:
        self._calls = Calls(settings)
        self._people = SlackPeople(self._calls)
        self._reads_history = settings.history

    @property
    def via(self) -> Via:
        return Via.SLACK

    # ---- Chat

    def post(self, address: str, message: Message, thread: Posted | None, id: str) -> Posted:
        try:
            channel = thread.channel if thread else self._people.channel(address)
            return self._posted(channel, message, thread, id)
        except Undeliverable as error:
            if error.gone:
                self._people.forget(address)
            raise

    def _posted(self, channel: str, message: Message, thread: Posted | None, id: str) -> Posted:
        """A 429 was seen for a message that Slack had posted (argocd-notifications#211): it is looked for at once."""
        try:
            answer = self._calls.call(
                POST,
                lambda client: client.chat_postMessage(
                    channel=channel,
                    text=message.text,
                    blocks=_blocks(message) or None,
                    thread_ts=thread.ts if thread else None,
                    metadata=_metadata(id),
                    parse="none",
                    unfurl_links=False,
                    unfurl_media=False,
                ),
            )
        except Throttled as error:
            if posted := self._after_429(channel, thread, id):
                return posted
            raise error
        return Posted(str(answer["channel"]), str(answer["ts"]))

    def _after_429(self, channel: str, thread: Posted | None, id: str) -> Posted | None:
        try:
            found = self.find(channel, thread, datetime.now(UTC), (id,))
        except (Throttled, Unreachable) as error:
            raise Doubtful(f"Slack refused a message for now, and does not say whether it is out: {error}") from error
        return found.get(id) if found else None

    def edit(self, posted: Posted, message: Message, id: str) -> None:
        self._calls.call(
            "chat.update",
            lambda client: client.chat_update(
                channel=posted.channel,
                ts=posted.ts,
                text=message.text,
                blocks=_blocks(message),  # left out, Slack would keep the old ones
                metadata=_metadata(id),
                parse="none",  # else Slack reads what is edited as if a person had typed it
            ),
        )

    def find(
        self, address: str, thread: Posted | None, since: datetime, ids: Sequence[str]
    ) -> Mapping[str, Posted] | None:
        """The newest message of each. Bots read the history of channels that they are in, and of their own talks."""
        if not self._reads_history:
            return None
        oldest = f"{max(since.timestamp() - _SKEW_SECONDS, 0):.6f}"
        try:
            channel = thread.channel if thread else self._people.channel(address)
            found = self._in_thread(thread, oldest) if thread else {}
            if found is not None and not found.keys() >= set(ids):
                outside = self._in_channel(channel, oldest)
                found = None if outside is None else {**outside, **found}
        except Undeliverable as error:
            if error.code in NO_HISTORY:
                return None
            raise
        return found if found is None else {id: found[id] for id in ids if id in found}

    def _in_channel(self, channel: str, oldest: str) -> dict[str, Posted] | None:
        def page(client: WebClient, cursor: str | None) -> SlackResponse:
            return client.conversations_history(
                channel=channel, oldest=oldest, cursor=cursor, limit=_PAGE, include_all_metadata=True
            )

        return self._pages("conversations.history", page, channel)

    def _in_thread(self, thread: Posted, oldest: str) -> dict[str, Posted] | None:
        def page(client: WebClient, cursor: str | None) -> SlackResponse:
            return client.conversations_replies(
                channel=thread.channel,
                ts=thread.ts,
                oldest=oldest,
                cursor=cursor,
                limit=_PAGE,
                include_all_metadata=True,
            )

        try:
            return self._pages("conversations.replies", page, thread.channel)
        except Gone:  # without its root nothing was answered in it
            return {}

    def _pages(self, name: str, page: Callable[..., SlackResponse], channel: str) -> dict[str, Posted] | None:
        """Id → where it is; None when there is more than we read, and a message may stand where we did not look."""
        found: dict[str, Posted] = {}
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            answer = self._calls.call(name, partial(page, cursor=cursor))
            for message in answer.get("messages", ()):
                id, ts = _notice_of(message), str(message.get("ts", ""))
                if id and (id not in found or float(found[id].ts) < float(ts)):
                    found[id] = Posted(channel, ts)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return found
        return None

    # ---- People

    def contact(self, key: str) -> Contact:
        return self._people.contact(key)

    # ---- Views

    def open(self, trigger: str, view: View) -> None:
        self._calls.call("views.open", lambda client: client.views_open(trigger_id=trigger, view=view_json(view)))

    def home(self, user: str, view: View) -> None:
        self._calls.call("views.publish", lambda client: client.views_publish(user_id=user, view=view_json(view)))

    def whisper(self, channel: str, user: str, message: Message) -> None:
        self._calls.call(
            "chat.postEphemeral",
            lambda client: client.chat_postEphemeral(
                channel=channel, user=user, text=message.text, blocks=_blocks(message) or None, parse="none"
            ),
        )


def _blocks(message: Message) -> list[dict[str, Any]]:
    return [dict(block) for block in message.blocks]


def _metadata(id: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"notice_id": id}}


def _notice_of(message: Mapping[str, Any]) -> str:
    """The id of the notice that a message is, "" for what others wrote."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return ""
    return str((metadata.get("event_payload") or {}).get("notice_id", ""))
