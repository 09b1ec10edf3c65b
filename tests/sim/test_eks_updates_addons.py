"""CreateAddon, UpdateAddon and DeleteAddon through boto3: versions, conflicts, configuration, and the workloads."""

from collections.abc import Iterator
from typing import Any

import pytest

from fleetkeeper.sim.world import Object
from tests.sim.eks_writes import Driven, driven, refused

DNS = {"clusterName": "shop", "addonName": "coredns"}
PROXY = {"clusterName": "shop", "addonName": "kube-proxy"}
NEWER = "v1.14.3-eksbuild.11"
CONFLICT = "Deployment.apps coredns - .spec.replicas"


@pytest.fixture
def run() -> Iterator[Driven]:
    with driven() as made:
        container = {"name": "coredns", "image": "coredns:old"}
        template: Object = {"spec": {"containers": [container, {"name": "side", "image": "side:1"}]}}
        metadata = {"name": "coredns", "namespace": "kube-system", "uid": "1"}
        made.cluster.put("apps/deployments", {"metadata": metadata, "spec": {"template": template}})
        yield made


def addon(run: Driven) -> Any:
    return run.eks.describe_addon(**DNS)["addon"]


def update(run: Driven, **more: Any) -> str:
    return str(run.eks.update_addon(**DNS, **more)["update"]["id"])


def seen(run: Driven, name: str) -> Any:
    return run.update(name, addonName="coredns")


def images(run: Driven) -> list[str]:
    found = run.cluster.objects["apps/deployments"]["kube-system", "coredns"]
    return [container["image"] for container in found["spec"]["template"]["spec"]["containers"]]


def test_an_update_takes_its_time_and_the_workload_follows(run: Driven) -> None:
    name = update(run, addonVersion=NEWER, serviceAccountRoleArn="arn:aws:iam::222222222222:role/dns")
    assert (addon(run)["status"], addon(run)["addonVersion"]) == ("UPDATING", "v1.13.2-eksbuild.19")
    assert seen(run, name)["type"] == "AddonUpdate"
    assert images(run) == ["coredns:old", "side:1"]
    run.later(seconds=60)
    assert (addon(run)["status"], addon(run)["addonVersion"]) == ("ACTIVE", NEWER)
    assert addon(run)["serviceAccountRoleArn"].endswith("role/dns")
    assert addon(run)["modifiedAt"] > addon(run)["createdAt"]
    assert seen(run, name)["status"] == "Successful"
    assert images(run) == ["602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.14.3-eksbuild.11", "side:1"]
    assert run.eks.list_updates(name="shop", addonName="coredns")["updateIds"] == [name]
    assert run.eks.list_updates(name="shop")["updateIds"] == []


@pytest.mark.parametrize(
    ("mode", "status", "code"),
    [(None, "Failed", "ConfigurationConflict"), ("NONE", "Failed", "ConfigurationConflict")],
    ids=["unsaid", "NONE"],
)
def test_a_conflict_fails_the_update(run: Driven, mode: str | None, status: str, code: str) -> None:
    run.cluster.addons["coredns"].conflicts = [CONFLICT]
    name = update(run, addonVersion=NEWER, **({"resolveConflicts": mode} if mode else {}))
    run.later(minutes=1)
    result = seen(run, name)
    assert (result["status"], result["errors"][0]["errorCode"]) == (status, code)
    assert CONFLICT in result["errors"][0]["errorMessage"]
    assert (addon(run)["status"], addon(run)["addonVersion"]) == ("UPDATE_FAILED", "v1.13.2-eksbuild.19")
    assert addon(run)["health"]["issues"][0]["code"] == "ConfigurationConflict"
    assert images(run) == ["coredns:old", "side:1"]


@pytest.mark.parametrize(
    ("mode", "configuration", "conflicts"),
    [("OVERWRITE", None, []), ("PRESERVE", '{"replicaCount": 3}', [CONFLICT])],
    ids=["OVERWRITE", "PRESERVE"],
)
def test_a_conflict_is_resolved(run: Driven, mode: str, configuration: str | None, conflicts: list[str]) -> None:
    """OVERWRITE goes back to the defaults, configuration included; PRESERVE keeps what is there."""
    known = run.cluster.addons["coredns"]
    known.conflicts, known.configuration = [CONFLICT], '{"replicaCount": 3}'
    name = update(run, addonVersion=NEWER, resolveConflicts=mode)
    run.later(minutes=1)
    assert seen(run, name)["status"] == "Successful"
    assert addon(run).get("configurationValues") == configuration
    assert known.conflicts == conflicts


def test_a_configuration_is_kept_unless_another_is_sent(run: Driven) -> None:
    update(run, configurationValues='{"replicaCount": 3}')
    run.later(minutes=1)
    assert addon(run)["configurationValues"] == '{"replicaCount": 3}'
    update(run, addonVersion=NEWER)
    run.later(minutes=1)
    assert addon(run)["configurationValues"] == '{"replicaCount": 3}'


def test_a_failed_update_can_be_repeated(run: Driven) -> None:
    run.cluster.addons["coredns"].conflicts = [CONFLICT]
    update(run, addonVersion=NEWER)
    run.later(minutes=1)
    update(run, addonVersion=NEWER, resolveConflicts="OVERWRITE")
    run.later(minutes=1)
    assert (addon(run)["status"], addon(run)["health"]["issues"]) == ("ACTIVE", [])


def test_one_token_is_one_update(run: Driven) -> None:
    first = update(run, addonVersion=NEWER, clientRequestToken="t-1")
    assert update(run, addonVersion=NEWER, clientRequestToken="t-1") == first
    refused("ResourceInUseException", run.eks.update_addon, **DNS, addonVersion=NEWER)


def test_addons_update_while_the_control_plane_does(run: Driven) -> None:
    name = run.upgrade()
    other = update(run, addonVersion=NEWER)
    run.later(minutes=8)
    assert (run.update(name)["status"], seen(run, other)["status"]) == ("Successful", "Successful")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"addonVersion": "v1.11.4-eksbuild.44"}, "Addon version specified is not supported"),
        ({"addonVersion": "made-up"}, "Addon version specified is not supported"),
        ({"configurationValues": "{"}, "ConfigurationValue provided in request is not"),
        ({"configurationValues": "word"}, "ConfigurationValue provided in request is not"),
    ],
    ids=["of another minor", "of none", "unreadable", "no mapping"],
)
def test_an_update_is_refused(run: Driven, arguments: dict[str, str], message: str) -> None:
    answer = refused("InvalidParameterException", run.eks.update_addon, **DNS, **arguments)
    assert message in answer["Error"]["Message"]
    assert addon(run)["status"] == "ACTIVE"


def test_a_kube_proxy_of_the_minor_before_is_installed(run: Driven) -> None:
    run.eks.create_addon(**PROXY, addonVersion="v1.33.13-eksbuild.3")
    run.later(minutes=2)
    assert run.eks.describe_addon(**PROXY)["addon"]["addonVersion"] == "v1.33.13-eksbuild.3"
    refused("InvalidParameterException", run.eks.update_addon, **PROXY, addonVersion="v1.35.4-eksbuild.5")


def test_an_addon_that_is_not_there_is_not_found(run: Driven) -> None:
    refused("ResourceNotFoundException", run.eks.update_addon, **PROXY)
    refused("ResourceNotFoundException", run.eks.delete_addon, **PROXY)


def test_a_new_addon_gets_the_default_version(run: Driven) -> None:
    made = run.eks.create_addon(**PROXY, tags={"a": "b"}, clientRequestToken="t-1")["addon"]
    assert (made["status"], made["addonVersion"][:6]) == ("CREATING", "v1.34.")
    assert run.eks.create_addon(**PROXY, tags={"a": "b"}, clientRequestToken="t-1")["addon"]["status"] == "CREATING"
    run.later(minutes=1)
    found = run.eks.describe_addon(**PROXY)["addon"]
    assert (found["status"], found["tags"]) == ("ACTIVE", {"a": "b"})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (DNS, "ResourceInUseException"),
        ({**PROXY, "addonName": "made-up"}, "InvalidParameterException"),
        ({**PROXY, "addonVersion": "v1.30.0-eksbuild.1"}, "InvalidParameterException"),
        ({**PROXY, "resolveConflicts": "PRESERVE"}, "InvalidParameterException"),
        ({**PROXY, "configurationValues": "["}, "InvalidParameterException"),
        ({**PROXY, "clusterName": "gone"}, "ResourceNotFoundException"),
    ],
    ids=["there already", "no such addon", "another minor", "PRESERVE", "unreadable", "no cluster"],
)
def test_a_new_addon_is_refused(run: Driven, arguments: dict[str, str], code: str) -> None:
    refused(code, run.eks.create_addon, **arguments)


def test_a_cluster_that_is_made_takes_no_addon(run: Driven) -> None:
    run.cluster.status = "CREATING"
    refused("InvalidRequestException", run.eks.create_addon, **PROXY)


@pytest.mark.parametrize("preserve", [False, True])
def test_a_deleted_addon_leaves_its_workload_only_where_it_is_preserved(run: Driven, preserve: bool) -> None:
    assert run.eks.delete_addon(**DNS, preserve=preserve)["addon"]["status"] == "DELETING"
    refused("ResourceInUseException", run.eks.update_addon, **DNS)
    run.later(minutes=1)
    refused("ResourceNotFoundException", run.eks.describe_addon, **DNS)
    assert (("kube-system", "coredns") in run.cluster.objects["apps/deployments"]) is preserve


def test_an_addon_that_updates_is_not_deleted(run: Driven) -> None:
    update(run, addonVersion=NEWER)
    refused("InvalidRequestException", run.eks.delete_addon, **DNS)
