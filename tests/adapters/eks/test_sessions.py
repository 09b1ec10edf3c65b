"""How a read survives: sessions that expire, throttles, a broken AWS, a proxy on the way, and a stop in the middle."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fleetkeeper.adapters.eks import sessions as under_test
from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.adapters.eks.sessions import ATTEMPTS, Sessions
from fleetkeeper.core.model import Scope
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.kube.certificates import Authority
from fleetkeeper.sim.loopback import Listener, Loopback
from tests.adapters.eks.support import SCOPE, Patience, asked, bare_cloud, cloud, clouds, settings, stub
from tests.sim.worlds import DEV, EXTERNAL_ID, PROD, REGION, Aws


def refusal(read: Callable[[], object]) -> ReadError:
    with pytest.raises(ReadError) as told:
        read()
    return told.value


# Sessions and credentials


def test_an_expired_session_is_renewed_once_and_the_read_succeeds(aws: Aws) -> None:
    eks = cloud(aws.server.url)
    eks.cluster_names()
    aws.server.expire_sessions()

    assert eks.cluster_names() == ("shop",)
    assert asked(aws.server, "sts:AssumeRole") == 2


def test_many_threads_that_meet_an_expired_session_renew_it_once(aws: Aws) -> None:
    eks = cloud(aws.server.url)
    eks.cluster_names()
    aws.server.expire_sessions()

    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(eks.cluster_names) for _ in range(24)]
        assert {read.result() for read in reads} == {("shop",)}

    assert asked(aws.server, "sts:AssumeRole") == 2


def test_a_session_that_is_always_expired_is_told_after_one_renewal(aws: Aws) -> None:
    eks = cloud(aws.server.url)
    eks.cluster_names()
    aws.server._keys._void_before = float("inf")  # every session is over as soon as it is made

    error = refusal(eks.cluster_names)

    assert error.reason is GapReason.UNAUTHENTICATED
    assert asked(aws.server, "sts:AssumeRole") == 2


@pytest.mark.parametrize("used_before", [False, True], ids=["at the first use", "in mid-run"])
def test_our_own_credentials_that_expired_are_a_clear_refusal(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, used_before: bool
) -> None:
    own = aws.client("sts", PROD)  # a session as our own credentials, as an engineer's laptop has
    frozen = own._request_signer._credentials.get_frozen_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", frozen.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", frozen.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", frozen.token)
    eks = bare_cloud(aws.server.url)
    if used_before:
        assert eks.cluster_names() == ("shop",)
    aws.server.expire_sessions()

    error = refusal(eks.cluster_names)

    assert isinstance(error, Refused)
    assert error.reason is GapReason.UNAUTHENTICATED
    assert "token included in the request is expired" in error.detail


def test_expired_credentials_behind_a_role_name_the_role_and_whose_they_are(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")

    error = refusal(cloud(aws.server.url).cluster_names)

    assert error.reason is GapReason.UNAUTHENTICATED
    assert f"sts:AssumeRole of arn:aws:iam::{PROD}:role/fleetkeeper-reader with our own credentials" in error.detail
    assert asked(aws.server, "sts:AssumeRole") == 0  # refused at the door, and not tried again


def test_all_sessions_share_one_loader(aws: Aws) -> None:
    made = Sessions(settings(aws.server.url), Patience())
    all_of_them = [
        made.base(),
        made.assumed(f"arn:aws:iam::{PROD}:role/a", ""),
        made.assumed(f"arn:aws:iam::{PROD}:role/a", "other"),
        made.assumed(f"arn:aws:iam::{DEV}:role/a", ""),
    ]

    assert len({id(session) for session in all_of_them}) == 4
    assert len({id(session.get_component("data_loader")) for session in all_of_them}) == 1


def test_a_session_and_a_client_are_made_once(aws: Aws) -> None:
    made = Sessions(settings(aws.server.url), Patience())
    role = f"arn:aws:iam::{PROD}:role/a"
    session = made.assumed(role, "x")

    assert made.base() is made.base()
    assert made.assumed(role, "x") is session
    assert made.assumed("", "") is made.base()
    assert made.client(session, "eks", SCOPE) is made.client(session, "eks", SCOPE)
    assert made.client(session, "eks", SCOPE) is not made.client(session, "eks", Scope(PROD, "us-east-1"))


# The rate limit


def test_every_attempt_of_every_request_takes_a_token(aws: Aws) -> None:
    aws.world.faults.append(Fault("aws", "error", operation="ListClusters", rate=0.5))
    made = Sessions(settings(aws.server.url), Patience())
    session = made.assumed(f"arn:aws:iam::{PROD}:role/fleetkeeper-reader", EXTERNAL_ID)
    eks = EksCloud(made, session, SCOPE, clouds(aws.server.url).open()[0][0].account)

    for _ in range(4):
        eks.cluster_names()
    eks.addons("shop")

    sent = sum(aws.server.stats().values())
    assert sent == 1 + 7 + 3  # AssumeRole; every second list fails and is tried again; a list and two addons
    assert made.bucket(SCOPE).taken == sent


def test_accounts_and_regions_have_limits_of_their_own(aws: Aws) -> None:
    made = Sessions(settings(aws.server.url), Patience())

    assert made.bucket(SCOPE) is made.bucket(Scope(PROD, REGION))
    assert made.bucket(SCOPE) is not made.bucket(Scope(PROD, "us-east-1"))
    assert made.bucket(SCOPE) is not made.bucket(Scope(DEV, REGION))


def test_a_throttle_is_tried_again_and_slows_the_whole_account_and_region(aws: Aws) -> None:
    cancel = Patience()
    eks = cloud(aws.server.url, cancel)
    eks.cluster_names()
    aws.world.faults.append(Fault("aws", "throttle", operation="ListClusters", rate=0.5))
    eks.cluster_names()
    cancel.waits.clear()
    begun = time.monotonic()

    assert eks.cluster_names() == ("shop",)  # throttled at the first try

    retry, limit = sorted(cancel.waits)[-2:]
    assert 0.4 < retry <= limit <= 1.01
    assert eks._sessions.bucket(SCOPE)._paused_until > begun + 1.0


def test_a_throttle_past_our_patience_says_how_it_was_refused(aws: Aws) -> None:
    cancel = Patience()
    aws.world.faults.append(Fault("aws", "throttle", operation="ListClusters"))
    eks = cloud(aws.server.url, cancel)

    error = refusal(eks.cluster_names)

    assert error.reason is GapReason.THROTTLED
    assert error.detail == f"eks:ListClusters in {SCOPE}: ThrottlingException: Rate exceeded"
    assert asked(aws.server, "eks:ListClusters") == ATTEMPTS


# What goes wrong on the way


@pytest.mark.parametrize(
    ("kind", "reason", "attempts", "said"),
    [
        pytest.param("error", GapReason.SERVER_ERROR, ATTEMPTS, "ServerException: An internal error", id="a 500"),
        pytest.param("unreachable", GapReason.UNREACHABLE, ATTEMPTS, "Connection was closed", id="hangs up"),
        pytest.param("truncate", GapReason.INVALID_ANSWER, 2, "it broke off", id="breaks off"),
        pytest.param("garbage", GapReason.INVALID_ANSWER, 2, "unreadable answer", id="wrong types"),
        pytest.param("forbid", GapReason.FORBIDDEN, 1, "not authorized to perform: eks:ListClusters", id="a refusal"),
    ],
)
def test_trouble_with_a_list_ends_as_its_reason_after_so_many_tries(
    aws: Aws, kind: str, reason: GapReason, attempts: int, said: str
) -> None:
    aws.world.faults.append(Fault("aws", kind, operation="ListClusters"))

    error = refusal(cloud(aws.server.url).cluster_names)

    assert error.reason is reason
    assert error.detail.startswith(f"eks:ListClusters in {SCOPE}: ")
    assert said in error.detail
    assert asked(aws.server, "eks:ListClusters") == attempts


@pytest.mark.parametrize("kind", ["throttle", "error", "unreachable", "truncate", "garbage"])
@pytest.mark.parametrize("operation", ["ListClusters", "AssumeRole", "DescribeAutoScalingGroups"])
def test_trouble_that_passes_costs_nothing_but_time(aws: Aws, kind: str, operation: str) -> None:
    aws.world.faults.append(Fault("aws", kind, operation=operation, rate=0.5, seen=1))
    eks = cloud(aws.server.url)

    assert eks.cluster_names() == ("shop",)
    assert len(eks.auto_scaling_groups()) == 3


def test_waits_grow_and_are_not_in_step(aws: Aws) -> None:
    cancel = Patience()
    aws.world.faults.append(Fault("aws", "error", operation="ListClusters"))
    refusal(cloud(aws.server.url, cancel).cluster_names)

    retries = [wait for wait in cancel.waits if wait > 0.1]
    assert len(retries) == ATTEMPTS - 1
    for number, wait in enumerate(retries):
        assert 0.5 * 2**number <= wait <= 2**number


def test_a_web_page_in_place_of_xml_is_an_invalid_answer(aws: Aws) -> None:
    aws.world.faults.append(Fault("aws", "garbage", operation="DescribeAutoScalingGroups"))

    error = refusal(cloud(aws.server.url).auto_scaling_groups)

    assert isinstance(error, InvalidAnswer)


def test_an_answer_that_takes_too_long_is_a_timeout(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "READ_SECONDS", 0.1)
    monkeypatch.setattr(under_test, "ATTEMPTS", 2)
    aws.world.faults.append(Fault("aws", "slow", operation="ListClusters", seconds=5.0))

    error = refusal(cloud(aws.server.url).cluster_names)

    assert error.reason is GapReason.TIMEOUT
    assert asked(aws.server, "eks:ListClusters") == 2


def test_nobody_at_the_address_is_unreachable() -> None:
    with stub(lambda _: None) as server:
        url = server.url

    error = refusal(bare_cloud(url).cluster_names)

    assert error.reason is GapReason.UNREACHABLE
    assert "Could not connect to the endpoint" in error.detail


def test_a_certificate_that_is_not_trusted_is_unreachable() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("no request gets through")

    listener = Listener(app, Authority.new().server_context())
    served_by = Loopback("untrusted", [listener])
    try:
        error = refusal(bare_cloud(f"https://127.0.0.1:{listener.port}").cluster_names)
    finally:
        served_by.close()

    assert error.reason is GapReason.UNREACHABLE
    assert "CERTIFICATE_VERIFY_FAILED" in error.detail


@pytest.mark.parametrize("status", [407, 408, 429, 503])
def test_what_a_gateway_says_is_understood_without_a_code(status: int) -> None:
    expected = {
        407: GapReason.UNREACHABLE,
        408: GapReason.TIMEOUT,
        429: GapReason.THROTTLED,
        503: GapReason.SERVER_ERROR,
    }
    with stub(lambda _: "<html>no</html>", status=status) as server:
        error = refusal(bare_cloud(server.url).cluster_names)

    assert error.reason is expected[status]
    assert isinstance(error, Unreachable)


def test_a_long_error_is_cut(aws: Aws) -> None:
    with stub(lambda _: {"__type": "AccessDeniedException", "message": "x" * 100_000}, status=403) as server:
        error = refusal(bare_cloud(server.url).cluster_names)

    assert len(error.detail) == 300
    assert error.reason is GapReason.FORBIDDEN


# Being stopped


class StoppedWhileWaiting(threading.Event):
    """Told to stop in the first wait between two tries; it then waits as events do."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None and timeout > 0.1:
            self.set()
        return super().wait(timeout)


def test_a_stop_ends_the_waits_between_tries_at_once(aws: Aws) -> None:
    aws.world.faults.append(Fault("aws", "error", operation="ListClusters"))

    error = refusal(cloud(aws.server.url, StoppedWhileWaiting()).cluster_names)

    assert error.detail == "stopped before the request was sent"
    assert asked(aws.server, "eks:ListClusters") == 1


def test_after_a_stop_nothing_is_sent(aws: Aws) -> None:
    cancel = Patience()
    eks = cloud(aws.server.url, cancel)
    cancel.set()

    error = refusal(eks.cluster_names)

    assert error.detail == "stopped before the request was sent"
    assert aws.server.stats() == {}


# Proxies


def test_the_proxy_of_the_settings_is_used() -> None:
    with stub(lambda _: {"clusters": ["seen-by-the-proxy"]}) as proxy:
        found = bare_cloud("http://eks.invalid:8080", proxy_url=proxy.url)

        assert found.cluster_names() == ("seen-by-the-proxy",)
        assert proxy.targets == ["http://eks.invalid:8080/clusters"]


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with stub(lambda _: {"clusters": ["seen-by-the-proxy"]}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)

        assert bare_cloud("http://eks.invalid:8080").cluster_names() == ("seen-by-the-proxy",)


@pytest.mark.parametrize("configured", [True, False], ids=["proxy of the settings", "proxy of the environment"])
def test_no_proxy_is_respected(monkeypatch: pytest.MonkeyPatch, configured: bool) -> None:
    with stub(lambda _: {"clusters": ["direct"]}) as server, stub(lambda _: {"clusters": ["by proxy"]}) as proxy:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        if not configured:
            monkeypatch.setenv("http_proxy", proxy.url)
        eks = bare_cloud(server.url, proxy_url=proxy.url if configured else "")

        assert eks.cluster_names() == ("direct",)
        assert proxy.calls == []


def test_a_proxy_that_is_not_there_is_unreachable() -> None:
    with stub(lambda _: None) as gone:
        url = gone.url

    assert refusal(bare_cloud("http://eks.invalid", proxy_url=url).cluster_names).reason is GapReason.UNREACHABLE
