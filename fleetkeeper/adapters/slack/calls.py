"""One call of Slack's Web API: a bounded request, never repeated but with a token that was rotated meanwhile."""

import logging
import math
import ssl
import time
from collections.abc import Callable
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from fleetkeeper.adapters.secret_files import reread
from fleetkeeper.adapters.slack.errors import POST, TOKEN, code_of, translated
from fleetkeeper.adapters.slack.transport import TimelyClient
from fleetkeeper.config import Secret, SlackSettings
from fleetkeeper.engine.chat import Throttled

_SILENT = logging.Logger("slack_sdk", logging.CRITICAL + 1)
"""At debug the SDK would log whole messages, and it makes those texts whether or not somebody listens."""

Method = Callable[[WebClient], SlackResponse]


class Calls:
    """Safe to use from many threads. Its client retries nothing: the SDK's own retry posts twice when the connection
    breaks after Slack took a message (slack_sdk 3.47), and there is no key by which Slack would know the second one.

    A method that Slack throttles is not called before its time, by whatever row: limits are of a method in a workspace,
    but for posts, whose limits are the channel's as well. Who calls all the same may be shut off.
    """

    def __init__(self, settings: SlackSettings) -> None:
        self._secret = settings.bot_token or Secret("")
        self._until: dict[str, float] = {}
        self._client = TimelyClient(
            self._secret.value,
            settings.proxy_url,
            base_url=settings.api_url,
            timeout=math.ceil(settings.timeout_seconds),
            ssl=ssl.create_default_context(cafile=settings.ca_bundle or None),
            logger=_SILENT,
            retry_handlers=[],
        )

    def call(self, name: str, method: Method) -> Any:
        """The answer, as a dict. Raises Throttled, Unreachable, Doubtful, Undeliverable or Gone."""
        if (left := self._until.get(name, 0.0) - time.monotonic()) > 0:
            raise Throttled(left, f"Slack {name}: too many calls before", is_alone=True)
        try:
            return self._called(name, method)
        except Throttled as error:
            if name != POST:
                self._until[name] = time.monotonic() + error.seconds
            raise

    def _called(self, name: str, method: Method) -> Any:
        with translated(name):
            used = self._secret
            try:
                return method(self._client).data
            except SlackApiError as error:
                if code_of(error) not in TOKEN or not self._rotated(used):
                    raise
            return method(self._client).data

    def _rotated(self, used: Secret) -> bool:
        """Whether there is another token than the one that was refused; then it is the client's from now on."""
        if self._secret is not used:  # another thread was first
            return True
        found = reread(used)
        if found.value == used.value:
            return False
        self._secret, self._client.token = found, found.value
        return True
