"""The tables of EKS's error codes hold every code that the API has, and say what to do."""

import re
from dataclasses import replace

import botocore.session
import pytest

from fleetkeeper.core.eks_errors import (
    ADDONS,
    CLUSTERS,
    NODE_GROUPS,
    UPDATES,
    Codes,
    EksError,
    addon,
    advice,
    control_plane,
    node_group,
    retrying,
    told,
)

TABLES = {
    "ErrorCode": UPDATES,
    "ClusterIssueCode": CLUSTERS,
    "NodegroupIssueCode": NODE_GROUPS,
    "AddonIssueCode": ADDONS,
}
EVERY = [(shape, code, each) for shape, table in TABLES.items() for code, each in table.items()]


@pytest.mark.parametrize(("shape", "table"), TABLES.items(), ids=TABLES)
def test_every_code_of_the_api_is_known_and_no_other(shape: str, table: Codes) -> None:
    model = botocore.session.Session().get_service_model("eks", "2017-11-01")
    assert set(table) == set(model.shape_for(shape).enum)


@pytest.mark.parametrize(("shape", "code", "error"), EVERY, ids=[f"{shape} {code}" for shape, code, _ in EVERY])
def test_it_says_what_it_means_and_what_to_do(shape: str, code: str, error: EksError) -> None:
    assert error.means
    assert not error.means.endswith(".")
    action = error.to_do("shop", "web")
    assert "{" not in action
    assert not action.endswith(".")
    assert len(action) < 240


def test_the_first_known_code_is_advised_with_the_clusters_name() -> None:
    errors = ["Brandnew: ?", "SubnetNotFound: subnet-1 is gone", "AccessDenied: no"]
    assert "aws eks update-cluster-config --name shop" in advice(errors, control_plane("shop"))


def test_a_code_of_the_part_comes_before_that_of_updates() -> None:
    assert advice(["AccessDenied"], node_group("shop", "web")).startswith("give the node role")
    assert advice(["AccessDenied"], control_plane("shop")).startswith("give the role")


def test_an_unknown_code_is_said_to_be_unknown_and_advises_nothing() -> None:
    assert told("Brandnew: why  so", UPDATES) == "a code that this release does not know (Brandnew: why so)"
    assert advice(["Brandnew: why"], addon("shop", "coredns")) == ""
    assert retrying(["Brandnew: why"], addon("shop", "coredns")) == (
        "aws eks describe-addon --cluster-name shop --addon-name coredns says more; then retry"
    )
    assert (
        retrying([], control_plane("shop"), "aws eks describe-update")
        == "aws eks describe-update says more; then retry"
    )


@pytest.mark.parametrize(("shape", "code", "error"), EVERY, ids=[f"{shape} {code}" for shape, code, _ in EVERY])
def test_a_retry_is_named_once(shape: str, code: str, error: EksError) -> None:
    subject = replace(node_group("shop", "web"), codes=TABLES[shape])
    assert len(re.findall("retry", retrying([code], subject))) == 1
