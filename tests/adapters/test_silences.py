"""Silences by both kinds of silencers: one contract, for a real Alertmanager and PagerDuty's documented answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.silences import Silencers
from fleetkeeper.config import Secret, SilencerSettings
from fleetkeeper.core.silencing import Matcher
from fleetkeeper.engine.silences import NoSilences, Quiet
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.programs.alertmanager import Alertmanager
from tests.endpoint import endpoint
from tests.pagerduty import KEY, pagerduty

HOUR = timedelta(hours=1)
QUIET = Quiet({"cluster": "shop", "account": "111122223333"}, heard=("NodeDown",), why="Upgrade of shop, run run-1")
AM = SilencerSettings("source", "alertmanager", "", ('account="{account}"', 'cluster="{cluster}"', 'severity!="page"'))
PD = SilencerSettings(
    "source",
    "pagerduty",
    "",
    services={"shop": "PSHOP1, PSHOP2"},
    sender="fleet@example.com",
    token=Secret(KEY, "env PD"),
)


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[Alertmanager]:
    try:
        with Alertmanager() as running:
            yield running
    except ControlPlaneError as error:
        pytest.fail(str(error), pytrace=False)


@dataclass
class Side:
    silences: Silencers
    url: str


@pytest.fixture(params=["alertmanager", "pagerduty"])
def side(request: Any) -> Iterator[Side]:
    if request.param == "alertmanager":
        url = request.getfixturevalue("alertmanager").url
        made = Silencers([replace(AM, url=url)])
        yield Side(made, url)
        made.close()
    else:
        with pagerduty() as running:
            made = Silencers([replace(PD, url=running.url)])
            yield Side(made, running.url)
            made.close()


def soon(by: timedelta = HOUR) -> datetime:
    return datetime.now(UTC) + by


# ---- the contract


def test_a_silence_is_found_by_its_token_and_no_other(side: Side) -> None:
    until = soon()
    assert side.silences.find("source", QUIET, "token-a") is None
    side.silences.hold("source", QUIET, "token-a", until)
    found = side.silences.find("source", QUIET, "token-a")
    assert found is not None
    assert abs(found - until) < timedelta(seconds=1)
    assert side.silences.find("source", QUIET, "token-b") is None
    side.silences.end("source", QUIET, "token-a")


def test_held_again_it_is_the_same_one_and_lasts_longer(side: Side) -> None:
    side.silences.hold("source", QUIET, "token-c", soon())
    until = soon(2 * HOUR)
    side.silences.hold("source", QUIET, "token-c", until)
    found = side.silences.find("source", QUIET, "token-c")
    assert found is not None
    assert abs(found - until) < timedelta(seconds=1)
    side.silences.end("source", QUIET, "token-c")
    assert side.silences.find("source", QUIET, "token-c") is None


def test_to_end_it_twice_or_never_begun_is_nothing(side: Side) -> None:
    side.silences.end("source", QUIET, "token-d")
    side.silences.hold("source", QUIET, "token-d", soon())
    side.silences.end("source", QUIET, "token-d")
    side.silences.end("source", QUIET, "token-d")
    assert side.silences.find("source", QUIET, "token-d") is None


def test_one_that_had_ended_may_begin_anew(side: Side) -> None:
    side.silences.hold("source", QUIET, "token-e", soon())
    side.silences.end("source", QUIET, "token-e")
    side.silences.hold("source", QUIET, "token-e", soon())
    assert side.silences.find("source", QUIET, "token-e") is not None
    side.silences.end("source", QUIET, "token-e")


def test_a_name_that_the_settings_do_not_have_is_refused(side: Side) -> None:
    for silences in (side.silences, NoSilences()):
        with pytest.raises(Refused, match=r"no \[\[engine\.silencers\]\] of the name other"):
            silences.find("other", QUIET, "token")


# ---- Alertmanager itself


def test_only_the_clusters_own_alerts_are_silenced_and_those_that_a_gate_reads_are_heard(
    alertmanager: Alertmanager,
) -> None:
    silences = Silencers([replace(AM, url=alertmanager.url)])
    own = {"cluster": "shop", "account": "111122223333", "severity": "warning"}
    alertmanager.fire(
        {**own, "alertname": "PodsRestart"},
        {**own, "alertname": "NodeDown"},
        {**own, "alertname": "Page", "severity": "page"},
        {**own, "alertname": "OtherCluster", "cluster": "shop-2"},
        {**own, "alertname": "OtherAccount", "account": "444455556666"},
    )
    silences.hold("source", QUIET, "token-f", soon())
    assert [name for name, silent in alertmanager.silenced().items() if silent] == ["PodsRestart"]
    silences.end("source", QUIET, "token-f")
    assert not any(alertmanager.silenced().values())


def test_matchers_of_the_playbook_narrow_it(alertmanager: Alertmanager) -> None:
    silences = Silencers([replace(AM, url=alertmanager.url)])
    own = {"cluster": "shop", "account": "111122223333"}
    alertmanager.fire({**own, "alertname": "KubeletLag"}, {**own, "alertname": "AppErrors"})
    narrow = replace(QUIET, matchers=(Matcher.parse('alertname=~"Kubelet.*"'),))
    silences.hold("source", narrow, "token-g", soon())
    silenced = alertmanager.silenced()
    assert (silenced["KubeletLag"], silenced["AppErrors"]) == (True, False)
    silences.end("source", narrow, "token-g")


def test_what_is_silenced_is_told_in_words() -> None:
    assert Silencers([AM]).covers("source", QUIET) == (
        'alerts with cluster="shop", account="111122223333", severity!="page", alertname!~"NodeDown"'
    )


def test_a_cluster_without_what_a_matcher_asks_for_is_refused() -> None:
    with pytest.raises(Refused, match="the cluster has no account"):
        Silencers([AM]).covers("source", Quiet({"cluster": "shop"}))


# ---- PagerDuty itself


def test_a_window_names_the_services_of_the_cluster_and_why() -> None:
    with pagerduty() as running:
        silences = Silencers([replace(PD, url=running.url)])
        silences.hold("source", QUIET, "token-h", soon())
        (window,) = running.windows.values()
    assert window["services"] == [{"id": id, "type": "service_reference"} for id in ("PSHOP1", "PSHOP2")]
    assert window["description"] == "Upgrade of shop, run run-1 [token-h]"


def test_a_cluster_without_services_has_nothing_to_silence() -> None:
    silences = Silencers([PD])
    assert silences.covers("source", Quiet({"cluster": "other"})) == ""
    assert silences.covers("source", QUIET) == "incidents of PSHOP1, PSHOP2"


def test_pagerduty_takes_no_matchers() -> None:
    with pytest.raises(Refused, match="takes no matchers"):
        Silencers([PD]).covers("source", replace(QUIET, matchers=(Matcher.parse('a="b"'),)))


# ---- when it does not answer


@pytest.mark.parametrize("settings", [AM, PD], ids=["alertmanager", "pagerduty"])
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (401, Refused, GapReason.UNAUTHENTICATED),
        (429, Unreachable, GapReason.THROTTLED),
        (503, Unreachable, GapReason.SERVER_ERROR),
    ],
)
def test_what_it_refuses_is_told_without_the_key(
    settings: SilencerSettings, status: int, error: type[ReadError], reason: GapReason
) -> None:
    with endpoint(lambda _: (status, {"message": KEY})) as served, pytest.raises(error) as raised:
        Silencers([replace(settings, url=served.url)]).hold("source", QUIET, "token", soon())
    assert raised.value.reason is reason
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("settings", [AM, PD], ids=["alertmanager", "pagerduty"])
def test_an_answer_of_something_else_is_told_as_such(settings: SilencerSettings) -> None:
    with endpoint(lambda _: (200, b"<html>")) as served, pytest.raises(InvalidAnswer, match="is its url"):
        Silencers([replace(settings, url=served.url)]).find("source", QUIET, "token")


def test_credentials_are_sent_as_each_wants_them() -> None:
    with endpoint(lambda _: (200, [])) as served:
        token = replace(AM, url=served.url, token=Secret("t0ken", "env T"))
        basic = replace(AM, url=served.url, username="u", password=Secret("pass", "env P"))
        for each in (token, basic):
            Silencers([each]).find("source", QUIET, "token")
    assert [each.headers["Authorization"] for each in served.requests] == ["Bearer t0ken", "Basic dTpwYXNz"]
