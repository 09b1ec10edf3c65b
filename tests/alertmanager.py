"""A small Alertmanager: silences as its API v2 documents them, on a loopback port, in a time that a test gives.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (2026-11): POST /silences makes one, or changes
that of its id; GET /silences filters by matchers; DELETE /silence/{id} ends it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from tests.endpoint import Answer, Request, endpoint

_FILTER = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Alertmanager:
    """silences: id → the object as it was posted. now is its own clock."""

    now: Callable[[], datetime]
    silences: dict[str, dict[str, Any]] = field(default_factory=dict)
    url: str = ""
    lock: Lock = field(default_factory=Lock)

    def of(self, cluster: str) -> list[dict[str, Any]]:
        """All that were ever made for a cluster, with whether each holds still."""
        with self.lock:
            return [self._shown(id) for id in self.silences if self._matches(id, "cluster", cluster)]

    def answer(self, request: Request) -> Answer:
        with self.lock:
            match request.method, request.path.removeprefix("/api/v2/").split("/"):
                case "GET", ["silences"]:
                    wanted = _FILTER.fullmatch(request.query["filter"])
                    assert wanted is not None
                    return 200, [self._shown(id) for id in self.silences if self._matches(id, wanted[1], wanted[2])]
                case "POST", ["silences"]:
                    id = request.body.get("id") or f"silence-{len(self.silences) + 1}"
                    self.silences[id] = dict(request.body)
                    return 200, {"silenceID": id}
                case "DELETE", ["silence", id] if id in self.silences:
                    self.silences[id]["endsAt"] = self.now().isoformat()
                    return 200, {}
        return 404, {"code": 404, "message": "silence not found"}

    def _shown(self, id: str) -> dict[str, Any]:
        posted = self.silences[id]
        state = "active" if datetime.fromisoformat(posted["endsAt"]) > self.now() else "expired"
        return {**posted, "id": id, "status": {"state": state}}

    def _matches(self, id: str, name: str, value: str) -> bool:
        return any((each["name"], each["value"]) == (name, value) for each in self.silences[id]["matchers"])


@contextmanager
def alertmanager(now: Callable[[], datetime]) -> Iterator[Alertmanager]:
    """Serves until the block ends."""
    made = Alertmanager(now)
    with endpoint(made.answer) as served:
        made.url = served.url
        yield made
