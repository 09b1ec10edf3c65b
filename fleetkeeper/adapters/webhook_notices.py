"""Notices to an entry of engine.hooks (the Chat port): JSON, with the notice's id as its Idempotency-Key.

The receiver takes the same key once; so nothing is ever doubtful here, and what got no answer is simply sent again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Via
from fleetkeeper.engine.chat import Posted, Throttled, Undeliverable
from fleetkeeper.engine.notice_facts import FactsOf
from fleetkeeper.engine.world import Answer, Hooks
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused, Unreachable

_RETRY_AFTER = 60.0
"""Seconds: a hook's 429 does not tell us its Retry-After."""
_PREFIX = "hook:"


class WebhookNotices:
    """Every body has action (post, edit), id, text and in_thread_of (the id of a notice, "" for none); with them the
    facts of notice_facts.py. An edit's key is of its text too, so that each new text gets through once.
    """

    def __init__(self, hooks: Hooks, facts: FactsOf) -> None:
        self._hooks, self._facts = hooks, facts

    @property
    def via(self) -> Via:
        return Via.WEBHOOK

    def post(self, address: str, message: Message, thread: Posted | None, id: str) -> Posted:
        hook = address.removeprefix(_PREFIX)
        answer = self._call(hook, self._body("post", message, thread.ts if thread else "", id), id)
        return Posted(hook, id, answer.fields.get("url") or answer.fields.get("permalink", ""))

    def edit(self, posted: Posted, message: Message, id: str) -> None:
        body = self._body("edit", message, "", id)
        digest = hashlib.blake2b(message.text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._call(posted.channel, body, f"{id}/{digest}")

    def find(
        self, _address: str, _thread: Posted | None, _since: datetime, _ids: Sequence[str]
    ) -> Mapping[str, Posted] | None:
        """None is out for sure, and all may be sent again."""
        return {}

    def _body(self, action: str, message: Message, thread: str, id: str) -> dict[str, object]:
        facts = self._facts(id)
        own: dict[str, object] = {"action": action, "id": id, "text": message.text, "in_thread_of": thread}
        return {**own, **(facts.as_fields() if facts else {})}

    def _call(self, hook: str, body: Mapping[str, object], key: str) -> Answer:
        try:
            answer = self._hooks.call(hook, body, key)
        except Unreachable as error:
            if error.reason is GapReason.THROTTLED:
                raise Throttled(_RETRY_AFTER, str(error)) from error
            raise
        except Refused as error:
            raise Undeliverable("no_hook", error.detail, gone=True) from error
        except InvalidAnswer as error:
            raise Unreachable(str(error), error.reason) from error
        if not 200 <= answer.status < 300:
            raise Undeliverable(f"http_{answer.status}", f"{hook} answered {answer.status}: {answer.text}")
        return answer
