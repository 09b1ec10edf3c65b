"""Who may do what: keys, roles and their trust, sessions that end, and the bearer tokens of EKS."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Unidentified, serve_aws
from tests.sim.worlds import DEV, EXTERNAL_ID, MANAGEMENT, PROD, REGION, Aws, a_world

READER = f"arn:aws:iam::{PROD}:role/fleetkeeper-reader"
SERVICES = [
    ("eks", "list_clusters", {}, "UnrecognizedClientException", "ExpiredTokenException"),
    ("ssm", "get_parameter", {"Name": "/x"}, "UnrecognizedClientException", "ExpiredTokenException"),
    ("sts", "get_caller_identity", {}, "InvalidClientTokenId", "ExpiredToken"),
    ("autoscaling", "describe_auto_scaling_groups", {}, "InvalidClientTokenId", "ExpiredToken"),
    ("ec2", "describe_vpcs", {}, "AuthFailure", "RequestExpired"),
]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_the_base_key_is_a_user_of_the_management_account(aws: Aws) -> None:
    seen = aws.client("sts", MANAGEMENT).get_caller_identity()
    assert (seen["Account"], seen["Arn"]) == (MANAGEMENT, f"arn:aws:iam::{MANAGEMENT}:user/fleetkeeper-demo")


def test_an_assumed_role_acts_in_its_account(aws: Aws) -> None:
    seen = aws.client("sts", PROD).get_caller_identity()
    assert seen["Account"] == PROD
    assert seen["Arn"] == f"arn:aws:sts::{PROD}:assumed-role/fleetkeeper-reader/fleetkeeper"
    assert seen["UserId"] == aws.client("sts", PROD).get_caller_identity()["UserId"]


@pytest.mark.parametrize(
    ("account", "role", "external_id"),
    [
        (PROD, "fleetkeeper-reader", "guessed"),
        (PROD, "admin", EXTERNAL_ID),
        ("999999999999", "fleetkeeper-reader", EXTERNAL_ID),
    ],
    ids=["wrong external id", "another role", "an account that is not there"],
)
def test_a_role_that_does_not_trust_is_denied(aws: Aws, account: str, role: str, external_id: str) -> None:
    with pytest.raises(ClientError) as caught:
        aws.assume(account, external_id, role)
    assert code(caught) == "AccessDenied"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert f"sts:AssumeRole on resource: arn:aws:iam::{account}:role/{role}" in str(caught.value)


def test_an_account_without_an_external_id_takes_any(aws: Aws) -> None:
    assert aws.assume(DEV, "whatever")["AccessKeyId"].startswith("ASIA")


def test_a_member_account_cannot_assume_roles(aws: Aws) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("sts", PROD).assume_role(RoleArn=READER, RoleSessionName="again", ExternalId=EXTERNAL_ID)


@pytest.mark.parametrize("arguments", [{"DurationSeconds": 50_000}, {"RoleSessionName": "a b"}, {"RoleArn": "x" * 20}])
def test_an_assume_role_that_makes_no_sense_is_a_validation_error(aws: Aws, arguments: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"RoleArn": READER, "RoleSessionName": "fleetkeeper", "ExternalId": EXTERNAL_ID}
    sts = aws.client("sts", MANAGEMENT)
    with pytest.raises(ClientError, match="ValidationError"):
        sts.assume_role(**usual | arguments)


@pytest.mark.parametrize(("service", "operation", "arguments", "unknown", "expired"), SERVICES)
def test_an_unknown_key_is_refused_in_the_words_of_each_api(
    aws: Aws, service: str, operation: str, arguments: dict[str, str], unknown: str, expired: str
) -> None:
    client = aws.with_keys(service, "AKIAUNKNOWNUNKNOWN01", "secret")
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    assert code(caught) == unknown


@pytest.mark.parametrize(("service", "operation", "arguments", "unknown", "expired"), SERVICES)
def test_an_ended_session_is_refused_in_the_words_of_each_api(
    aws: Aws, service: str, operation: str, arguments: dict[str, str], unknown: str, expired: str
) -> None:
    client = aws.client(service, DEV)
    aws.server.expire_sessions()
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    assert code(caught) == expired


def test_a_session_made_after_the_end_of_the_others_works(aws: Aws) -> None:
    aws.assume(DEV)
    aws.server.expire_sessions()
    keys = aws.assume(DEV)
    fresh = aws.with_keys("eks", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert fresh.list_clusters()["clusters"] == []


def test_a_session_ends_by_the_wall_clock(aws: Aws) -> None:
    eks = aws.client("eks", DEV)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61)), pytest.raises(ClientError) as caught:
        eks.list_clusters()
    assert code(caught) == "ExpiredTokenException"


def test_a_session_token_is_part_of_the_key(aws: Aws) -> None:
    keys = aws.assume(DEV)
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        aws.with_keys("eks", keys["AccessKeyId"], keys["SecretAccessKey"], "forged").list_clusters()


def test_moto_account_id_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", MANAGEMENT)
    with pytest.raises(RuntimeError, match="MOTO_ACCOUNT_ID"):
        serve_aws(a_world())


def bearer(sts: Any, cluster: str, seconds: int = 60, method: str = "get_caller_identity") -> str:
    """A token as `aws eks get-token` and fleetkeeper make it."""

    def name_cluster(request: Any, **_: Any) -> None:
        request.headers["x-k8s-aws-id"] = cluster

    if cluster:
        sts.meta.events.register("before-sign.sts", name_cluster)
    url = sts.generate_presigned_url(method, ExpiresIn=seconds, HttpMethod="GET")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def reason(aws: Aws, token: str, cluster: str = "shop") -> str:
    found = aws.server.identify(token, cluster)
    assert isinstance(found, Unidentified)
    return found.reason


@pytest.mark.parametrize("address", ["the simulator", "AWS"])
def test_a_token_names_its_role(aws: Aws, address: str) -> None:
    sts = aws.client("sts", PROD)
    if address == "AWS":
        keys = aws.assume(PROD)
        here = f"https://sts.{REGION}.amazonaws.com"
        sts = aws.with_keys("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], endpoint=here)
    assert aws.server.identify(bearer(sts, "shop"), "shop") == READER


def test_a_token_of_the_base_key_names_its_user(aws: Aws) -> None:
    sts = aws.with_keys("sts", DEMO_ACCESS_KEY, DEMO_SECRET_KEY)
    assert aws.server.identify(bearer(sts, "shop"), "shop") == f"arn:aws:iam::{MANAGEMENT}:user/fleetkeeper-demo"


def test_a_token_is_for_one_cluster(aws: Aws) -> None:
    assert "does not verify for the cluster till" in reason(aws, bearer(aws.client("sts"), "shop"), "till")


def test_a_token_without_the_signed_cluster_counts_for_nothing(aws: Aws) -> None:
    assert "x-k8s-aws-id is not among the signed headers" in reason(aws, bearer(aws.client("sts"), ""))


def test_a_token_signed_with_another_secret_is_forged(aws: Aws) -> None:
    keys = aws.assume(PROD)
    forger = aws.with_keys("sts", keys["AccessKeyId"], "another secret", keys["SessionToken"])
    assert "signature does not verify" in reason(aws, bearer(forger, "shop"))


def test_a_token_with_a_changed_url_is_forged(aws: Aws) -> None:
    url = base64.urlsafe_b64decode(bearer(aws.client("sts"), "shop").removeprefix("k8s-aws-v1.") + "==").decode()
    changed = base64.urlsafe_b64encode(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61").encode()).decode()
    assert "signature does not verify" in reason(aws, "k8s-aws-v1." + changed.rstrip("="))


@pytest.mark.parametrize(("minutes", "valid"), [(14, True), (15, False)])
def test_a_token_lives_15_minutes(aws: Aws, minutes: int, valid: bool) -> None:
    token = bearer(aws.client("sts"), "shop")
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        found = aws.server.identify(token, "shop")
    assert (found == READER) is valid


def test_a_token_that_asks_for_more_than_15_minutes_is_refused(aws: Aws) -> None:
    assert "from 0 to 900" in reason(aws, bearer(aws.client("sts"), "shop", 901))


def test_a_token_of_an_unknown_key_is_refused(aws: Aws) -> None:
    stranger = aws.with_keys("sts", "AKIAUNKNOWNUNKNOWN01", "secret")
    assert "unknown to STS" in reason(aws, bearer(stranger, "shop"))


def test_a_token_of_an_ended_session_is_refused(aws: Aws) -> None:
    token = bearer(aws.client("sts"), "shop")
    aws.server.expire_sessions()
    assert "expired" in reason(aws, token)


@pytest.mark.parametrize("token", ["", "abc", "k8s-aws-v1.!!!", "k8s-aws-v1.aGVsbG8", "k8s-aws-v2.aGVsbG8"])
def test_what_is_no_token_is_refused(aws: Aws, token: str) -> None:
    assert "not an EKS token" in reason(aws, token)


def test_a_presigned_call_of_something_else_is_refused(aws: Aws) -> None:
    token = bearer(aws.client("sts"), "shop", method="get_session_token")
    assert "not a presigned GetCallerIdentity" in reason(aws, token)
