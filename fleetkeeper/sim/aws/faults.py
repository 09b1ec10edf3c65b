"""What faults make of AWS answers: clocks that differ, and answers that make no sense."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.sim.aws.call import AwsError
from fleetkeeper.sim.aws.errors import dialect_of
from fleetkeeper.sim.aws.http import Reply, Request
from fleetkeeper.sim.aws.parse import Asked
from fleetkeeper.sim.aws.stale import is_read
from fleetkeeper.sim.faults import LONGEST_TIMEOUT, Fault, Harm

SIGNED = timedelta(minutes=5)
"""How far the clock of who signs may be off. The messages of AWS say so: aws/aws-sdk-java#1764, aws/aws-sdk-js#1652."""

EC2_SIGNED = timedelta(minutes=15)
"""EC2's own limit: docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (RequestExpired)."""

_FORM = "%Y%m%dT%H%M%SZ"


def fits(fault: Fault, asked: Asked, *, named: bool) -> bool:
    """Whether this kind means anything to a request; named: it names a cluster."""
    lists = asked.operation == "ListClusters"
    return fault.kind != Harm.STALE or (asked.service == "eks" and is_read(asked.operation) and (named or lists))


def silent(fault: Fault) -> Reply | None:
    """The end of a connection that gets no answer and has no effect: now, or when nobody should wait any more."""
    if fault.kind in (Harm.UNREACHABLE, Harm.DROP_BEFORE):
        return Reply(0, {}, b"", hang_up=True)
    if fault.kind == Harm.TIMEOUT:
        return Reply(0, {}, b"", delay=fault.seconds or LONGEST_TIMEOUT, hang_up=True)
    return None


def mistimed(request: Request, protocol: str, ahead: float) -> AwsError | None:
    """How a server whose clock is so many seconds ahead refuses a signature; None when it takes it."""
    try:
        signed = datetime.strptime(request.headers.get("x-amz-date", ""), _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    now, code = datetime.now(UTC) + timedelta(seconds=ahead), dialect_of(protocol).mistimed
    if protocol == "ec2":
        return AwsError(code, "Request has expired.") if abs(now - signed) > EC2_SIGNED else None
    told = f"{now:{_FORM}}"
    if signed < now - SIGNED:
        return AwsError(
            code, f"Signature expired: {signed:{_FORM}} is now earlier than {now - SIGNED:{_FORM}} ({told} - 5 min.)"
        )
    if signed > now + SIGNED:
        return AwsError(
            code,
            f"Signature not yet current: {signed:{_FORM}} is still later than {now + SIGNED:{_FORM}} ({told} + 5 min.)",
        )
    return None


def spoiled(reply: Reply, fault: Fault) -> Reply:
    """What the fault does to a good answer."""
    match fault.kind:
        case Harm.SLOW:
            return replace(reply, delay=fault.seconds)
        case Harm.TRUNCATE:
            return replace(reply, cut=True)
        case Harm.DROP_AFTER:
            return replace(reply, hang_up=True)
        case Harm.SKEW:
            return replace(reply, ahead=fault.seconds)
        case Harm.GARBAGE:
            return garble(reply)
    return reply


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
