"""A small PagerDuty: maintenance windows as its REST API v2 documents them, on a loopback port.

https://developer.pagerduty.com/api-reference/ (Maintenance Windows, 2026-11): POST 201, GET 200, PUT 200, DELETE 204,
or 405 for a window that has ended; 401 without a key, 400 without From or with an end that is past.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.endpoint import Answer, Request, endpoint

KEY = "u+s3cret-key"


@dataclass
class PagerDuty:
    """windows: id → the object. now is its own clock."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    windows: dict[str, dict[str, Any]] = field(default_factory=dict)
    url: str = ""

    def answer(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != f"Token token={KEY}":
            return 401, {"error": {"code": 2006, "message": "Unauthorized"}}
        if request.headers.get("Accept") != "application/vnd.pagerduty+json;version=2":
            return 400, {"error": {"code": 2001, "message": "Invalid Version"}}
        id = request.path.removeprefix("/maintenance_windows").strip("/")
        match request.method:
            case "GET":
                return 200, {"maintenance_windows": self._listed(request), "limit": 25, "more": False}
            case "POST" if "@" in request.headers.get("From", ""):
                return self._put(f"PW{len(self.windows) + 1}", request, 201)
            case "PUT" if id in self.windows:
                return self._put(id, request, 200)
            case "DELETE" if id in self.windows:
                return self._ended(id)
        return (404, {"error": {"message": "Not Found"}}) if id else (400, {"error": {"message": "From is missing"}})

    def _listed(self, request: Request) -> list[dict[str, Any]]:
        wanted = request.query.get("query", "")
        found = [each for each in self.windows.values() if wanted in each["description"]]
        if request.query.get("filter") == "open":
            found = [each for each in found if _at(each["end_time"]) > self.now()]
        return found

    def _put(self, id: str, request: Request, status: int) -> Answer:
        window = request.body["maintenance_window"]
        if _at(window["end_time"]) <= self.now() or not window["services"]:
            return 400, {"error": {"code": 2001, "message": "Invalid Input Provided"}}
        self.windows[id] = {**window, "id": id}
        return status, {"maintenance_window": self.windows[id]}

    def _ended(self, id: str) -> Answer:
        if _at(self.windows[id]["end_time"]) <= self.now():
            return 405, {"error": {"message": "Maintenance window has already ended"}}
        self.windows[id]["end_time"] = self.now().isoformat()
        return 204, b""


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextmanager
def pagerduty() -> Iterator[PagerDuty]:
    """Serves until the block ends."""
    made = PagerDuty()
    with endpoint(made.answer) as served:
        made.url = served.url
        yield made
