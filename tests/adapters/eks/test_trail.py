"""Which event of CloudTrail names a caller: of this cluster, with a time, and not refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.adapters.eks.trail import _caller

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ADA = "arn:aws:sts::111122223333:assumed-role/admin/ada"


def event(**inside: Any) -> dict[str, Any]:
    whole = {"userIdentity": {"arn": ADA}, "requestParameters": {"name": "shop"}} | inside
    return {"EventTime": AT, "Username": "ada", "CloudTrailEvent": json.dumps(whole)}


@pytest.mark.parametrize(
    ("made", "who"),
    [
        pytest.param(event(), ADA, id="by the ARN of its principal"),
        pytest.param(event(requestParameters={"clusterName": "shop"}), ADA, id="by the other name of a cluster"),
        pytest.param(
            event(userIdentity={"invokedBy": "eks.amazonaws.com"}), "ada", id="by the user's name without one"
        ),
        pytest.param(event(requestParameters={"name": "till"}), None, id="of another cluster"),
        pytest.param(event(requestParameters=None), None, id="of no cluster"),
        pytest.param(event(errorCode="AccessDenied"), None, id="that was refused"),
        pytest.param(event() | {"EventTime": None}, None, id="without a time"),
        pytest.param(event() | {"CloudTrailEvent": None}, None, id="without its body"),
    ],
)
def test_a_caller_is_told(made: dict[str, Any], who: str | None) -> None:
    assert _caller(made, "shop") == ((AT, who) if who else None)
