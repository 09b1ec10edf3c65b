"""CloudWatch Logs Insights of the simulator, by boto3: the one query, and everything that it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.adapters.eks.audit_log import QUERY
from fleetkeeper.sim.world import SimDeprecatedCall
from tests.sim.worlds import DEV, NOW, PROD, Aws, a_cluster, a_world, served

GROUP = "/aws/eks/shop/cluster"
END = int(NOW.timestamp())


@pytest.fixture
def aws() -> Iterator[Aws]:
    shop = a_cluster()
    shop.audit_logs = True
    shop.deprecated_calls = [SimDeprecatedCall("", "v1", "endpoints", user="ci", user_agent="kubectl", calls_a_day=24)]
    with served(a_world(shop, a_cluster("pay"))) as running:
        yield running


def start(logs: Any, **other: Any) -> str:
    usual = {"logGroupName": GROUP, "startTime": END - 86400, "endTime": END - 1, "queryString": QUERY}
    id: str = logs.start_query(**{**usual, **other})["queryId"]
    return id


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_query_waits_runs_and_is_complete(aws: Aws) -> None:
    logs = aws.client("logs", PROD)
    id = start(logs)
    first, second = logs.get_query_results(queryId=id), logs.get_query_results(queryId=id)

    assert (first["status"], first["results"]) == ("Running", [])
    (row,) = second["results"]
    cells = {cell["field"]: cell["value"] for cell in row}
    assert second["status"] == "Complete"
    assert cells.pop("last").isdigit()
    assert cells == {
        "objectRef.apiVersion": "v1",
        "objectRef.resource": "endpoints",
        "user.username": "ci",
        "userAgent": "kubectl",
        "calls": "24",
    }
    assert aws.server.violations == []


def test_what_the_future_holds_is_in_no_log(aws: Aws) -> None:
    logs = aws.client("logs", PROD)
    id = start(logs, startTime=END + 7200, endTime=END + 86400)
    logs.get_query_results(queryId=id)

    assert logs.get_query_results(queryId=id)["results"] == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"startTime": END, "endTime": END - 1}, "InvalidParameterException"),
        ({"logGroupName": "/aws/eks/pay/cluster"}, "ResourceNotFoundException"),
        ({"logGroupName": "/aws/eks/nobody/cluster"}, "ResourceNotFoundException"),
        ({"logGroupName": "shop"}, "ResourceNotFoundException"),
    ],
    ids=["a range that ends before it starts", "a cluster without logs", "no such cluster", "another log group"],
)
def test_what_cannot_be_queried_is_refused(aws: Aws, wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as error:
        start(aws.client("logs", PROD), **wrong)

    assert refusal(error) == code
    assert aws.server.violations == []


def test_any_other_query_is_no_silent_nothing(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        start(aws.client("logs", PROD), queryString="fields @message")

    assert refusal(error) == "SimulatorViolation"
    assert len(aws.server.violations) == 1


def test_a_query_is_stopped_once(aws: Aws) -> None:
    logs = aws.client("logs", PROD)
    id = start(logs)

    assert logs.stop_query(queryId=id)["success"]
    assert logs.get_query_results(queryId=id)["status"] == "Cancelled"
    with pytest.raises(ClientError) as error:
        logs.stop_query(queryId=id)
    assert refusal(error) == "InvalidParameterException"


def test_the_query_of_another_account_is_not_there(aws: Aws) -> None:
    id = start(aws.client("logs", PROD))
    with pytest.raises(ClientError) as error:
        aws.client("logs", DEV).get_query_results(queryId=id)

    assert refusal(error) == "ResourceNotFoundException"
