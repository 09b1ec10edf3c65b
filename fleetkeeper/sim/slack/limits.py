"""How often an app may call: tiers by method, one message a second and channel, and a cap on the workspace.

docs.slack.dev/apis/web-api/rate-limits (read 2026-11-21): "per API method per app per workspace"; Tier 1 to 4 are 1,
20, 50 and 100 and more a minute; "chat.postMessage generally allows posting one message per second per channel, while
also maintaining a workspace-wide limit"; "Short bursts >1 allowed"; a refusal is HTTP 429 with Retry-After in seconds.
How large bursts and the workspace's limit are is not documented: those numbers are ours, and on the strict side.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

CHANNEL_PER_SECOND = 1.0
CHANNEL_BURST = 4
WORKSPACE_PER_MINUTE = 300.0
WORKSPACE_BURST = 40

POST = "chat.postMessage"
"""The one method with limits of its own; chat.postEphemeral is a Tier 4 method."""


@dataclass(slots=True)
class _Bucket:
    """Holds up to `size` calls and fills by `rate` a second."""

    rate: float
    size: float
    level: float
    at: float

    def seconds(self, now: float) -> float:
        """How long until there is room for one call; 0 for now."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        return 0.0 if self.level >= 1.0 else (1.0 - self.level) / self.rate

    def take(self) -> None:
        self.level -= 1.0


class Limits:
    """timer: seconds of a clock that only rises. factor: how many times more than Slack allows."""

    def __init__(self, timer: Callable[[], float], factor: float = 1.0) -> None:
        self._timer, self.factor = timer, factor
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def wait(self, method: str, per_minute: float, channel: str) -> int:
        """Retry-After in whole seconds; 0 lets it pass and counts it. per_minute: 0 for a method without a tier."""
        now = self._timer()
        buckets = self._of_post(channel, now) if method == POST else self._of_tier(method, per_minute, now)
        seconds = max((bucket.seconds(now) for bucket in buckets), default=0.0)
        if seconds > 0:
            return math.ceil(seconds)
        for bucket in buckets:
            bucket.take()
        return 0

    def _of_post(self, channel: str, now: float) -> tuple[_Bucket, ...]:
        return (
            self._bucket((POST, channel), CHANNEL_PER_SECOND, CHANNEL_BURST, now),
            self._bucket((POST, ""), WORKSPACE_PER_MINUTE / 60, WORKSPACE_BURST, now),
        )

    def _of_tier(self, method: str, per_minute: float, now: float) -> tuple[_Bucket, ...]:
        return (self._bucket((method, ""), per_minute / 60, per_minute, now),) if per_minute else ()

    def _bucket(self, key: tuple[str, str], rate: float, size: float, now: float) -> _Bucket:
        if key not in self._buckets:
            size *= self.factor
            self._buckets[key] = _Bucket(rate * self.factor, size, size, now)
        return self._buckets[key]
