"""Every permission in AWS is proven by a call of its own: forbid one, and exactly that one fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.eks.probes import EksProbes
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsAccount, AwsSettings, Secret
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.engine.probing import Probe
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY, AwsServer, serve_aws
from fleetkeeper.sim.eks_state import EksRecord, SimUpdate
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import (
    SimAccount,
    SimAddon,
    SimCluster,
    SimFargateProfile,
    SimInsight,
    SimNodeGroup,
    World,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWN, ACCOUNT, REGION, EMPTY = "999988887777", "111122223333", "eu-west-1", "us-east-1"
ACTIONS = [
    action for statement in shipped.reader_policy(audit_logs=True)["Statement"] for action in statement["Action"]
]


@pytest.fixture(scope="module")
def aws() -> Iterator[tuple[World, AwsServer]]:
    world = World(NOW, OWN)
    world.accounts[OWN] = SimAccount(OWN, "management")
    world.accounts[ACCOUNT] = SimAccount(ACCOUNT, "payments", external_id="right")
    world.clusters["shop"] = _cluster()
    with serve_aws(world) as server:
        yield world, server


def _cluster() -> SimCluster:
    insight = SimInsight(
        "8a1f0c9e-3f55-4a2e-9f0a-1b2c3d4e5f60", "Deprecated APIs", "UPGRADE_READINESS", "PASSING", "1.35", ""
    )
    update = SimUpdate(
        "5b1f0c9e-3f55-4a2e-9f0a-1b2c3d4e5f60", 1, "VersionUpdate", (("Version", "1.35"),), NOW, status="Successful"
    )
    return SimCluster(
        key="shop",
        name="shop",
        account=ACCOUNT,
        region=REGION,
        partition="aws",
        version="1.35",
        patch="v1.35.2-eks-a1b2c3d",
        platform_version="eks.1",
        created_at=NOW,
        audit_logs=True,
        endpoint="https://127.0.0.1:1/shop",
        ca_pem="ca",
        addons={"coredns": SimAddon("coredns", "v1.12.1-eksbuild.2", created_at=NOW)},
        node_groups={"workers": SimNodeGroup("workers", "1.35", "1.35.2-20261101", created_at=NOW)},
        fargate_profiles={"jobs": SimFargateProfile("jobs", [{"namespace": "jobs"}])},
        insights={insight.id: insight},
        kms_key=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        eks=EksRecord(updates={update.id: update}),
    )


@pytest.fixture(autouse=True)
def _surroundings(aws: tuple[World, AwsServer], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield
    aws[0].faults.clear()


def opened(
    server: AwsServer, external_id: str = "right", regions: tuple[str, ...] = (REGION,)
) -> tuple[EksProbes, Cloud]:
    settings = AwsSettings(
        regions=regions,
        accounts=(AwsAccount(ACCOUNT, external_id=Secret(external_id)),),
        endpoint_url=server.url,
        requests_per_second=100,
    )
    cancel = threading.Event()
    clouds, _ = EksClouds(settings, SystemClock(), cancel).open()
    return EksProbes(settings, cancel), clouds[0]


def outcome(probe: Probe) -> str:
    try:
        probe.attempt()
    except ReadError as error:
        return error.reason.value
    return "passes"


def test_the_probes_are_exactly_the_actions_of_the_policy(aws: tuple[World, AwsServer]) -> None:
    probes, cloud = opened(aws[1])

    assert sorted(p.permission for p in probes.reads(cloud, "shop", audit_logs=True)) == sorted(ACTIONS)


def test_logs_are_queried_only_where_the_operator_asked(aws: tuple[World, AwsServer]) -> None:
    probes, cloud = opened(aws[1])
    without = {p.permission for p in probes.reads(cloud, "shop", audit_logs=False)}

    assert without == {action for action in ACTIONS if not action.startswith("logs:")}


def test_every_probe_passes_where_everything_is_allowed_and_there(aws: tuple[World, AwsServer]) -> None:
    probes, cloud = opened(aws[1])

    found = {p.permission: p.attempt() for p in probes.reads(cloud, "shop", audit_logs=True)}

    assert set(found.values()) == {""}
    assert aws[1].violations == []


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_that_is_forbidden_fails_alone(aws: tuple[World, AwsServer], action: str) -> None:
    world, server = aws
    world.faults.append(Fault("aws", "forbid", account=ACCOUNT, operation=action.partition(":")[2]))
    probes, cloud = opened(server)

    found = {p.permission: outcome(p) for p in probes.reads(cloud, "shop", audit_logs=True)}

    assert {permission: said for permission, said in found.items() if said != "passes"} == {action: "forbidden"}


@pytest.mark.parametrize("cluster", ["", "gone"], ids=["no cluster in the region", "a cluster that went away"])
def test_what_is_not_there_proves_the_permission_too(aws: tuple[World, AwsServer], cluster: str) -> None:
    probes, cloud = opened(aws[1], regions=(EMPTY,))

    assert {outcome(p) for p in probes.reads(cloud, cluster, audit_logs=True)} == {"passes"}


def test_a_probe_is_tried_once(aws: tuple[World, AwsServer]) -> None:
    world, server = aws
    world.faults.append(Fault("aws", "error", account=ACCOUNT, operation="ListClusters"))
    probes, cloud = opened(server)
    before = sum(server.stats().values())

    assert outcome(probes.reads(cloud, "shop", audit_logs=False)[0]) == "server error"
    assert sum(server.stats().values()) - before == 2  # with the AssumeRole


def test_signing_in_tells_who_reads_the_account(aws: tuple[World, AwsServer]) -> None:
    probes, cloud = opened(aws[1])
    probe = probes.sign_in(cloud)

    assert probe.permission == "sts:AssumeRole"
    assert f":sts::{ACCOUNT}:assumed-role/fleetkeeper-reader/" in probe.attempt()


def test_a_wrong_external_id_is_forbidden(aws: tuple[World, AwsServer]) -> None:
    probes, cloud = opened(aws[1], external_id="wrong")

    assert outcome(probes.sign_in(cloud)) == GapReason.FORBIDDEN.value


def test_the_caller_is_the_process_itself(aws: tuple[World, AwsServer]) -> None:
    probes, _ = opened(aws[1])

    assert probes.caller().attempt() == f"arn:aws:iam::{OWN}:user/fleetkeeper-demo"


def test_credentials_that_nobody_knows_are_not_authenticated(
    aws: tuple[World, AwsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
    probes, _ = opened(aws[1])

    assert outcome(probes.caller()) == "unauthenticated"


@pytest.mark.parametrize("minutes", [0, -10, 10])
@pytest.mark.parametrize("status", [200, 403], ids=["an answer", "a refusal, as a wrong clock gets"])
def test_the_clock_is_that_of_the_answer(minutes: int, status: int) -> None:
    with _sts_of_another_time(timedelta(minutes=minutes), status) as url:
        skew = EksProbes(AwsSettings(endpoint_url=url), threading.Event()).clock_skew()

    assert abs(skew - timedelta(minutes=minutes)) < timedelta(seconds=3)


@contextmanager
def _sts_of_another_time(ahead: timedelta, status: int) -> Iterator[str]:
    """An STS whose Date header is off; what it answers does not matter."""

    class Sts(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = _CALLER if status == 200 else _REFUSED
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Sts) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


_RESULT = b"<GetCallerIdentityResult><Arn>a</Arn></GetCallerIdentityResult>"
_CALLER = b"<GetCallerIdentityResponse>" + _RESULT + b"</GetCallerIdentityResponse>"
_REFUSED = b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>expired</Message></Error></ErrorResponse>"
