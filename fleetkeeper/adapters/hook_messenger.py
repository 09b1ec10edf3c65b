"""Messages to the fleet's own people through an entry of the allow-list (the Messenger port)."""

from collections.abc import Mapping

from fleetkeeper.engine.world import Hooks
from fleetkeeper.errors import GapReason, Refused


class HookMessenger:
    """channels: name → hook. The hook gets text, channel and the token as its Idempotency-Key: the receiver posts once.

    The address is what the answer calls url or permalink, "" when it names none.
    """

    def __init__(self, hooks: Hooks, channels: Mapping[str, str]) -> None:
        self._hooks, self._channels = hooks, channels

    def post(self, channel: str, text: str, token: str) -> str:
        hook = self._channels.get(channel)
        if hook is None:
            known = ", ".join(sorted(self._channels)) or "none"
            detail = f"engine.channels of the settings has no {channel}; it has {known}"
            raise Refused(detail, GapReason.NOT_CONFIGURED)
        answer = self._hooks.call(hook, {"channel": channel, "text": text}, token)
        if not 200 <= answer.status < 300:
            raise Refused(f"{hook} answered {answer.status} to a message: {answer.text}", GapReason.REJECTED)
        return answer.fields.get("url") or answer.fields.get("permalink", "")
