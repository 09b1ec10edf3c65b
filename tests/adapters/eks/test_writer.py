"""EksWriter beyond its contract: whose credentials, how often it asks, and what it need not ask again."""

from datetime import datetime

import pytest

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.writer import EksWriter, EksWriters
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsAccount, Secret
from fleetkeeper.engine.writers import AddonUpdate
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.aws import AwsServer
from fleetkeeper.sim.faults import Fault
from tests.adapters.eks.support import SCOPE, Call, Patience, asked, settings, stub
from tests.sim.worlds import EXTERNAL_ID, PROD, a_world, served

UPDATE = AddonUpdate("shop", "coredns", "v1.14.3-eksbuild.11")
TOKEN = "0123456789abcdef0123456789abcdef"


def writer(url: str, role: str = "") -> EksWriter:
    account = AwsAccount(PROD, "prod", external_id=Secret(EXTERNAL_ID), executor_role_arn=role)
    chosen = settings(url, accounts=(account,))
    return EksWriters(chosen, Sessions(chosen, Patience())).of(SCOPE)


def test_it_acts_by_the_executors_role_with_the_accounts_external_id() -> None:
    with served(a_world()) as aws:
        token, until = writer(aws.server.url).token("shop")
        assert aws.server.identify(token, "shop") == f"arn:aws:iam::{PROD}:role/fleetkeeper-executor"
        assert until > datetime.now(until.tzinfo)


def test_an_account_may_name_a_role_of_its_own() -> None:
    with served(a_world()) as aws:
        aws.world.accounts[PROD].executor_role_name = "changes"
        own = writer(aws.server.url, role=f"arn:aws:iam::{PROD}:role/changes")
        assert own.control_plane("shop")[1].name == "shop"
        with pytest.raises(ReadError, match="role/fleetkeeper-executor") as refused:
            writer(aws.server.url).control_plane("shop")
        assert refused.value.reason is GapReason.FORBIDDEN


@pytest.mark.parametrize("kind", ["throttle", "error", "drop-after"])
def test_a_call_that_fails_is_not_repeated_by_itself(kind: str) -> None:
    world = a_world()
    world.faults = [Fault("aws", kind, operation="UpdateAddon")]
    with served(world) as aws:
        with pytest.raises(ReadError):
            writer(aws.server.url).update_addon(UPDATE, TOKEN)
        assert asked(aws.server, "eks:UpdateAddon") == 1


def test_a_session_that_ends_before_its_time_is_renewed_once() -> None:
    with served(a_world()) as aws:
        own = writer(aws.server.url)
        own.control_plane("shop")
        aws.server.expire_sessions()
        assert own.control_plane("shop")[1].name == "shop"
        assert asked(aws.server, "sts:AssumeRole") == 2


def test_an_update_that_has_ended_is_not_read_again() -> None:
    with served(a_world()) as aws:
        own = writer(aws.server.url)
        id = own.update_addon(UPDATE, TOKEN)
        own.updates("shop", addon="coredns")
        assert own.update("shop", id, addon="coredns").status == "InProgress"
        before = described(aws.server)
        aws.world.clusters[f"{PROD}/eu-west-1/shop"].eks.updates[id].status = "Successful"
        assert own.updates("shop", addon="coredns")[0].status == "Successful"
        assert own.update("shop", id, addon="coredns").status == "Successful"
        assert described(aws.server) == before + 1


def described(server: AwsServer) -> int:
    return asked(server, "eks:DescribeUpdate")


def test_its_requests_draw_on_the_readers_rate_limit() -> None:
    with served(a_world()) as aws:
        chosen = settings(aws.server.url)
        clouds = EksClouds(chosen, SystemClock(), Patience())
        own = EksWriters(chosen, clouds.sessions)
        bucket = clouds.sessions.bucket(SCOPE)
        clouds.open()[0][0].cluster("shop")
        before = bucket.taken
        own.of(SCOPE).control_plane("shop")
        assert bucket.taken > before
        assert own.of(SCOPE) is own.of(SCOPE)


def test_another_clusters_answer_is_refused() -> None:
    body = {
        "cluster": {
            "name": "shop",
            "arn": "arn:aws:eks:eu-west-1:999988887777:cluster/shop",
            "createdAt": 1.0,
            "version": "1.34",
            "certificateAuthority": {"data": ""},
        }
    }
    with stub(lambda _: body) as server, pytest.raises(ReadError, match="got arn:aws:eks:eu-west-1:999988887777"):
        bare(server.url).control_plane("shop")


def test_lists_are_read_to_their_end() -> None:
    update = {"status": "Successful", "type": "AddonUpdate", "params": [{"type": "AddonVersion", "value": "v1"}]}

    def said(call: Call) -> object:
        if call.operation.endswith("/updates"):
            return {"updateIds": ["b"]} if call.query.get("nextToken") else {"updateIds": ["a"], "nextToken": "2"}
        id = call.operation.rpartition("/")[2]
        return {"update": {**update, "id": id, "createdAt": {"a": 1.0, "b": 2.0}[id]}}

    with stub(said) as server:
        found = bare(server.url).updates("shop", addon="coredns")
    assert [(each.id, each.addon_version) for each in found] == [("b", "v1"), ("a", "v1")]


@pytest.mark.parametrize("answer", ["garbage", {}, {"updateIds": "a"}, {"updateIds": [3]}, [1]], ids=repr)
def test_a_list_of_any_shape_is_an_invalid_answer(answer: object) -> None:
    with stub(lambda _: answer) as server, pytest.raises(ReadError) as failed:
        bare(server.url).updates("shop")
    assert failed.value.reason is GapReason.INVALID_ANSWER


def bare(url: str) -> EksWriter:
    """With the process's own keys: a stub hands out no sessions."""
    sessions = Sessions(settings(url), Patience())
    return EksWriter(sessions, sessions.base(), SCOPE)
