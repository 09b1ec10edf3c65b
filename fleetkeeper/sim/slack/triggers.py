"""What a click entitles an app to for a while: to open one view, and to answer by the response URL.

docs.slack.dev/interactivity/handling-user-interaction (read 2026-11-21): "trigger_ids expire three seconds after issue
and may be used only once"; a response_url can be "used up to 5 times within 30 minutes of receiving the payload".
"""

from collections.abc import Callable
from dataclasses import dataclass

from fleetkeeper.sim.slack.values import ApiError

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass(slots=True)
class _Trigger:
    user: str
    at: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """channel and ts: of the message that was clicked; ts "" for a slash command."""

    channel: str
    user: str
    ts: str
    at: float
    uses: int = 0


class Triggers:
    """timer: seconds of a clock that only rises."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._triggers: dict[str, _Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def trigger(self, user: str) -> str:
        """A trigger id, in the documented form 132456.7890123.abcdef."""
        name = f"{len(self._triggers) + 1}.{1000 + len(self._triggers)}.{len(self._triggers):032x}"
        self._triggers[name] = _Trigger(user, self._timer())
        return name

    def exchange(self, name: str) -> str:
        """Whose trigger it is, this once; ApiError invalid_trigger_id, expired_trigger_id or exchanged_trigger_id."""
        trigger = self._triggers.get(name)
        if trigger is None:
            raise ApiError("invalid_trigger_id")
        if trigger.used:
            raise ApiError("exchanged_trigger_id")
        if self._timer() - trigger.at > TRIGGER_SECONDS:
            raise ApiError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def response_url(self, channel: str, user: str, ts: str) -> str:
        """The last part of a response URL."""
        name = f"{len(self._urls) + 1:024d}"
        self._urls[name] = ResponseUrl(channel, user, ts, self._timer())
        return name

    def use(self, name: str) -> ResponseUrl:
        """ApiError expired_url or used_url: Slack answers 404 to both."""
        url = self._urls.get(name)
        if url is None or self._timer() - url.at > RESPONSE_SECONDS:
            raise ApiError("expired_url")
        if url.uses >= RESPONSE_USES:
            raise ApiError("used_url")
        url.uses += 1
        return url
