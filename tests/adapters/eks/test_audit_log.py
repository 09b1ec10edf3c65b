"""Reading audit logs with CloudWatch Logs Insights, by real boto3 against the simulated AWS and our own answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.eks import audit_log
from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.core.observed import AuditCall
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimCluster, SimDeprecatedCall
from tests.adapters.eks.support import Call, Patience, asked, bare_cloud, stub
from tests.sim.worlds import NOW, Aws, a_cluster, a_world, strictly_served

API = ("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", "1.32")
NIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""A midnight that is past: calls are spread evenly from midnight on."""


@pytest.fixture
def aws() -> Iterator[Aws]:
    shop = a_cluster()
    shop.audit_logs = True
    shop.deprecated_calls = [
        SimDeprecatedCall(*API, user="system:serviceaccount:apps:robot", user_agent="robot/1.2", calls_a_day=24),
        SimDeprecatedCall("", "v1", "endpoints", user="ci", user_agent="kubectl/v1.33", calls_a_day=2),
        SimDeprecatedCall("batch", "v1beta1", "cronjobs", "1.25"),
    ]
    with strictly_served(a_world(shop, a_cluster("pay"))) as running:
        yield running


def test_calls_are_counted_by_api_and_client_the_newest_first(eks: EksCloud) -> None:
    found = eks.audit_calls("shop", NIGHT, NIGHT + timedelta(hours=13))

    group, version, resource, _ = API
    robot = ("system:serviceaccount:apps:robot", "robot/1.2")
    assert set(found) == {
        AuditCall(group, version, resource, *robot, 13, NIGHT + timedelta(hours=12)),
        AuditCall("", "v1", "endpoints", "ci", "kubectl/v1.33", 2, NIGHT + timedelta(hours=12)),
    }


def test_a_call_on_the_border_of_two_windows_is_counted_once(eks: EksCloud) -> None:
    border = NIGHT + timedelta(hours=5)
    halves = [*eks.audit_calls("shop", NIGHT, border), *eks.audit_calls("shop", border, NIGHT + timedelta(hours=10))]

    assert [call.count for call in halves if call.user != "ci"] == [5, 5]


def test_a_log_without_such_calls_is_empty(shop: SimCluster, eks: EksCloud) -> None:
    shop.deprecated_calls.clear()

    assert eks.audit_calls("shop", NIGHT, NIGHT + timedelta(days=1)) == ()


def test_an_empty_window_asks_nothing(aws: Aws, eks: EksCloud) -> None:
    assert eks.audit_calls("shop", NIGHT, NIGHT) == ()
    assert asked(aws.server, "logs:StartQuery") == 0


def test_a_cluster_without_an_audit_log_has_no_log_group(eks: EksCloud) -> None:
    with pytest.raises(ReadError, match="logs:StartQuery of pay") as failed:
        eks.audit_calls("pay", NIGHT, NIGHT + timedelta(days=1))

    assert failed.value.reason is GapReason.NOT_FOUND


@pytest.mark.parametrize("operation", ["StartQuery", "GetQueryResults"])
def test_a_missing_right_is_named(aws: Aws, eks: EksCloud, operation: str) -> None:
    aws.world.order(Fault("aws", "forbid", operation=operation))
    with pytest.raises(ReadError, match=f"logs:{operation} of shop") as failed:
        eks.audit_calls("shop", NIGHT, NIGHT + timedelta(days=1))

    assert failed.value.reason is GapReason.FORBIDDEN
    assert asked(aws.server, "logs:StopQuery") == (1 if operation == "GetQueryResults" else 0)


def answers(results: dict[str, Any]) -> Callable[[Call], object]:
    by_operation = {"StartQuery": {"queryId": "q-1"}, "GetQueryResults": results, "StopQuery": {"success": True}}
    return lambda call: by_operation[call.operation]


@pytest.mark.parametrize("status", ["Scheduled", "Running", "Unknown"])
def test_a_query_that_does_not_end_within_thirty_seconds_is_stopped(status: str) -> None:
    patience = Patience()
    with stub(answers({"status": status, "results": []})) as aws, pytest.raises(ReadError, match="30 s") as failed:
        bare_cloud(aws.url, patience).audit_calls("shop", NIGHT, NIGHT + timedelta(days=1))

    assert failed.value.reason is GapReason.TIMEOUT
    assert tuple(wait for wait in patience.waits if wait in audit_log.WAITS) == audit_log.WAITS
    assert aws.calls[-1].operation == "StopQuery"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("Timeout", GapReason.TIMEOUT),
        ("Failed", GapReason.SERVER_ERROR),
        ("Cancelled", GapReason.SERVER_ERROR),
        ("", GapReason.INVALID_ANSWER),
    ],
)
def test_a_query_that_fails_is_a_read_error(status: str, reason: GapReason) -> None:
    with stub(answers({"status": status})) as aws, pytest.raises(ReadError) as failed:
        bare_cloud(aws.url).audit_calls("shop", NIGHT, NIGHT + timedelta(days=1))

    assert failed.value.reason is reason


def row(**cells: str) -> list[dict[str, str]]:
    return [{"field": field.replace("_", "."), "value": value} for field, value in cells.items()]


WHOLE = {"objectRef_apiVersion": "v1", "objectRef_resource": "endpoints", "calls": "3", "last": "2026-11-20 01:02:03.5"}


@pytest.mark.parametrize("last", ["2026-11-20 01:02:03.500", "1795136523500", "1.7951365235E12"])
def test_times_are_read_as_text_and_as_milliseconds(last: str) -> None:
    with stub(answers({"status": "Complete", "results": [row(**{**WHOLE, "last": last})]})) as aws:
        (call,) = bare_cloud(aws.url).audit_calls("shop", NIGHT, NIGHT + timedelta(days=1))

    assert call == AuditCall("", "v1", "endpoints", "", "", 3, datetime(2026, 11, 20, 1, 2, 3, 500_000, tzinfo=UTC))


def test_requests_of_no_resource_are_left_out_and_long_names_are_cut() -> None:
    rows = [row(calls="9", last="1795136523500"), row(**WHOLE, userAgent="x" * 5000)]
    with stub(answers({"status": "Complete", "results": rows})) as aws:
        (call,) = bare_cloud(aws.url).audit_calls("shop", NIGHT, NIGHT + timedelta(days=1))

    assert call.user_agent == "x" * 300


@pytest.mark.parametrize("broken", ["calls", "last", "objectRef_apiVersion"])
def test_a_row_without_its_cells_is_an_invalid_answer(broken: str) -> None:
    cells = {key: value for key, value in WHOLE.items() if key != broken}
    with stub(answers({"status": "Complete", "results": [row(**cells)]})) as aws, pytest.raises(ReadError) as failed:
        bare_cloud(aws.url).audit_calls("shop", NIGHT, NIGHT + timedelta(days=1))

    assert failed.value.reason is GapReason.INVALID_ANSWER
