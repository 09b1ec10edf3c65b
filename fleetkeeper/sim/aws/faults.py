"""The kinds of trouble that a world can order for AWS requests, and the answer that makes no sense."""

import json
from enum import StrEnum
from typing import Any

from fleetkeeper.sim.aws.http import Reply


class Harm(StrEnum):
    """`Fault.kind` on the AWS side."""

    THROTTLE = "throttle"
    FORBID = "forbid"
    SLOW = "slow"
    UNREACHABLE = "unreachable"
    ERROR = "error"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    STALE = "stale"


def garble(reply: Reply) -> Reply:
    """A well-formed answer of the wrong types; an XML API answers a web page, as a captive portal would."""
    if "json" not in reply.headers.get("Content-Type", ""):
        page = b"<html><head><title>Welcome</title></head><body>Please log in</body></html>"
        return Reply(reply.status, {**reply.headers, "Content-Type": "text/html"}, page)
    answer = json.loads(reply.body or b"{}")
    wrong = {name: _wrong(value) for name, value in answer.items()} if isinstance(answer, dict) else {}
    return Reply(reply.status, reply.headers, json.dumps(wrong).encode())


def _wrong(value: Any) -> Any:
    """Text where a structure belongs, a number where a list belongs, a list where a scalar belongs."""
    if isinstance(value, dict):
        return "garbage"
    return 42 if isinstance(value, list) else ["garbage"]
