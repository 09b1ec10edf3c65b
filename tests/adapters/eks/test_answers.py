"""Whatever comes back from AWS, a read ends in a core value or in a ReadError, never in an error of Python's."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.eks.failures import translated
from fleetkeeper.config import Organizations
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused
from tests.adapters.eks.support import Call, bare_cloud, clouds, stub

READS: dict[str, Callable[[Cloud], object]] = {
    "cluster_names": lambda eks: eks.cluster_names(),
    "cluster": lambda eks: eks.cluster("shop"),
    "addons": lambda eks: eks.addons("shop"),
    "node_groups": lambda eks: eks.node_groups("shop"),
    "fargate_profiles": lambda eks: eks.fargate_profiles("shop"),
    "insights": lambda eks: eks.insights("shop"),
    "auto_scaling_groups": lambda eks: eks.auto_scaling_groups(),
    "cluster_versions": lambda eks: eks.cluster_versions(),
    "addon_releases": lambda eks: eks.addon_releases(Minor(1, 34)),
}

_LISTS = ("addons", "nodegroups", "fargateProfileNames")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS = """
cluster clusters addon addons nodegroup nodegroups insight insights name arn createdAt version status tags health issues
code message resourceIds id kubernetesVersion insightStatus categorySpecificSummary deprecationDetails clientStats
lastRequestTime fargateProfile fargateProfileNames selectors labels scalingConfig desiredSize resources
autoScalingGroups launchTemplate clusterVersions clusterVersion endOfStandardSupportDate addonName addonVersions
addonVersion compatibilities certificateAuthority data logging clusterLogging types enabled nextToken nodegroupName
fargateProfileName resourcesVpcConfig subnetIds message __type
"""
_WORDS = st.sampled_from(_MEMBERS.split())
_LIKELY = st.recursive(
    st.none() | st.integers() | st.floats() | st.sampled_from(["", "1.34", "shop", "1.x", "\ud800", "é", "2026-11-20"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


class _Raw:
    """The body of an answer as urllib3 gives it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


class Wire:
    """A cloud whose every request is answered here, without a socket."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.cloud = bare_cloud("http://127.0.0.1:1")
        for service in ("eks", "autoscaling"):
            client = self.cloud._sessions.client(self.cloud.session, service, self.cloud.scope)
            client.meta.events.register_first("before-send.*", self._answer)

    def _answer(self, **_: object) -> AWSResponse:
        return AWSResponse("http://127.0.0.1:1", self.status, {"content-type": "application/json"}, _Raw(self.body))

    def read(self, name: str, body: bytes, status: int = 200) -> ReadError | None:
        """The error of the read, None when it found something to believe."""
        self.status, self.body = status, body
        return _error(lambda: READS[name](self.cloud))


def _error(read: Callable[[], object]) -> ReadError | None:
    try:
        read()
    except ReadError as error:
        return error
    return None


@pytest.fixture(scope="module")
def wire() -> Wire:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAFUZZ")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "fuzz")
        made = Wire()
        made.cloud.session.get_credentials()
    return made


_FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", READS)
@_FUZZ
@given(answer=_JSON | _LIKELY, status=st.sampled_from([200, 200, 200, 400, 403, 404, 429, 500]))
def test_any_json_ends_in_a_value_or_a_read_error(wire: Wire, name: str, answer: Any, status: int) -> None:
    error = wire.read(name, json.dumps(answer).encode(), status)

    assert error is not None or status == 200
    assert error is None or 0 < len(error.detail) <= 400


@pytest.mark.parametrize("name", READS)
@_FUZZ
@given(body=st.binary(max_size=60) | st.sampled_from([b"[" * 200_000, b'{"a":' * 50_000, b"<a>" * 50_000, b"\xff\xfe"]))
def test_any_bytes_end_in_a_value_or_a_read_error(wire: Wire, name: str, body: bytes) -> None:
    wire.read(name, body)


@pytest.mark.parametrize(
    "parsed",
    [
        parse.cluster,
        parse.addon,
        parse.node_group,
        parse.fargate_profile,
        parse.insight,
        parse.auto_scaling_group,
        parse.addon_releases,
        parse.unit,
        parse.listed_account,
        parse.tag,
        parse.name,
        lambda body: parse.supported_version(body, "test"),
    ],
)
@_FUZZ
@given(body=_LIKELY | _JSON)
def test_any_value_is_parsed_or_told_as_a_read_error(parsed: Callable[[Any], object], body: Any) -> None:
    def look() -> None:
        with translated("look"):
            parsed(body)

    error = _error(look)

    assert error is None or error.reason is GapReason.INVALID_ANSWER


@pytest.mark.parametrize("name", [n for n in READS if n != "auto_scaling_groups"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b'{"clusters": ["a", "b', id="broken off"),
        pytest.param(b"null", id="null"),
        pytest.param(b"<html></html>", id="a web page"),
        pytest.param(b'{"message": "hello"}', id="something else"),
    ],
)
def test_a_success_without_the_answer_in_it_is_never_nothing(wire: Wire, name: str, body: bytes) -> None:
    """botocore answers all of these as an empty success."""
    error = wire.read(name, body)

    assert isinstance(error, InvalidAnswer)


def test_what_is_asked_next_to_a_truncated_answer_is_asked_once_more_and_then_believed() -> None:
    answers = iter(['{"clusters": ["a", "b', {"clusters": ["a", "b"]}])
    with stub(lambda _: next(answers)) as server:
        assert bare_cloud(server.url).cluster_names() == ("a", "b")


def test_an_error_that_the_api_declares_is_not_asked_again() -> None:
    wrong = {"__type": "InvalidParameterException", "message": "unsupported Kubernetes version"}
    with stub(lambda _: wrong, status=400) as server:
        with pytest.raises(
            Refused, match=r"eks:DescribeAddonVersions of 1\.34 in .*unsupported Kubernetes version"
        ) as refused:
            bare_cloud(server.url).addon_releases(Minor(1, 34))
        assert refused.value.reason is GapReason.REJECTED
        assert len(server.calls) == 1


@pytest.mark.parametrize("operation", ["ListRoots", "ListAccountsForParent", "ListTagsForResource"])
@pytest.mark.parametrize("answer", [5, [], {}, {"Roots": 7, "Accounts": [[]], "Tags": [{}]}, "garbage", {"Tags": [3]}])
def test_an_organization_of_any_shape_is_a_gap(operation: str, answer: object) -> None:
    whole = {
        "ListRoots": {"Roots": [{"Id": "r-1", "Name": "Root"}]},
        "ListAccountsForParent": {"Accounts": [{"Id": "1", "Name": "a", "State": "ACTIVE"}]},
        "ListTagsForResource": {"Tags": []},
        "ListOrganizationalUnitsForParent": {"OrganizationalUnits": []},
    }

    def said(call: Call) -> object:
        return answer if call.operation == operation else whole[call.operation]

    with stub(said) as server:
        found: EksClouds = clouds(server.url, accounts=(), organizations=Organizations())
        opened, gaps = found.open()

    assert opened == ()
    assert gaps["organization"].reason is GapReason.INVALID_ANSWER


@pytest.mark.parametrize("answer", ["<html></html>", "", "<GetCallerIdentityResponse/>", {}])
def test_an_identity_of_any_shape_is_a_gap(answer: object) -> None:
    with stub(lambda _: answer) as server:
        opened, gaps = clouds(server.url, accounts=()).open()

    assert opened == ()
    assert gaps["account"].reason is GapReason.INVALID_ANSWER


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ScalingActivityInProgress", GapReason.IN_USE),
        ("ResourceContention", GapReason.IN_USE),
        ("ValidationError", GapReason.REJECTED),
        ("ResourceLimitExceededException", GapReason.REJECTED),
        ("TargetGroupNotFound", GapReason.NOT_FOUND),
        ("InvalidTarget", GapReason.NOT_FOUND),
        ("InvalidLaunchTemplateId.NotFound", GapReason.NOT_FOUND),
    ],
)
def test_the_codes_of_auto_scaling_and_load_balancers_say_who_must_act(code: str, reason: GapReason) -> None:
    with pytest.raises(ReadError, match=f"end it: {code}: no") as told, translated("end it"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Terminate")
    assert told.value.reason is reason
