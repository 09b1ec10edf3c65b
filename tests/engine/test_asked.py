"""`/fleetkeeper ...`: operators see the fleet, everybody else what is their own, and whoever asks who owns it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.notices.values import Deadline
from tests.engine.clicking import NOW, Office, item_of, mended
from tests.engine.rig import T0, begin

LATE = Deadline(NOW - timedelta(days=1), "standard support of 1.32 ended")


@pytest.fixture
def office(database: StoreSettings) -> Iterator[Office]:
    runs = SqlRuns(database)
    made = Office(runs=runs)
    index = item_of("index", owner="search", cluster="shop-2")
    old = item_of("old", owner="search", cluster="shop-2", deadline=LATE, campaign="1.33")
    made.items += [index, old, mended(item_of("gone"))]
    yield made
    runs.close()


def test_operators_read_the_fleet_in_five_lines(office: Office) -> None:
    begin(office.runs, T0, approve=False)
    assert office.say("status", "U0OLGA").splitlines() == [
        "3 things to fix in 2 clusters: search 2, payments 1",
        "1 thing past the deadline: search",
        "Next deadline: Mon 14 Dec 2026 (standard support of 1.33 ends), payments",
        "1 wave: run-1 has not started",
        "Messages: 12 sent, 2 on their way, 1 not delivered: `fleetkeeper notices history`",
    ]


def test_a_team_reads_its_own_alone(office: Office) -> None:
    begin(office.runs, T0, approve=False)
    assert office.say("status", "U0MAX").splitlines() == [
        "1 thing to fix in 1 cluster: payments 1",
        "Next deadline: Mon 14 Dec 2026 (standard support of 1.33 ends), payments",
    ]


def test_somebody_without_a_team_reads_of_nothing(office: Office) -> None:
    assert office.say("status", "U0EVE") == "Nothing is asked of you and your teams."


def test_an_account_that_nobody_knows_reads_why(office: Office) -> None:
    assert "e-mail address" in office.say("status", "U0GHOST")


class TestAWave:
    @pytest.fixture(autouse=True)
    def run(self, office: Office) -> None:
        begin(office.runs, T0, approve=False, members=2)
        web = office.items[0]
        arn = "arn:aws:eks:eu-west-1:111122223333:cluster/shop-0"
        office.items[0] = replace(web, cluster_id=replace(web.cluster_id, arn=arn))

    def test_is_told_whole_to_operators(self, office: Office) -> None:
        assert office.say("wave run-1", "U0OLGA").splitlines() == [
            "Run run-1 (Operate) has not started",
            "2 not started",
            "All of it: `fleetkeeper run status run-1`",
        ]

    def test_is_told_to_a_team_of_the_clusters_where_it_owns_something(self, office: Office) -> None:
        assert office.say("wave run-1", "U0MAX").splitlines() == [
            "Run run-1 (Operate) has not started",
            "Of the clusters with something of yours: 2 not started",
        ]
        assert "something of yours: none" in office.say("wave run-1", "U0EVE")

    def test_that_there_is_not_is_said_in_words(self, office: Office) -> None:
        assert "no run or plan run-9" in office.say("wave run-9", "U0OLGA")

    def test_is_told_without_its_name_too(self, office: Office) -> None:
        assert office.say("wave", "U0OLGA") == "1 wave: run-1 has not started"


def test_where_nothing_is_at_work_that_is_said(office: Office) -> None:
    assert office.say("wave", "U0OLGA") == "No wave is at work."


def test_who_owns_something_is_told_to_everybody(office: Office) -> None:
    assert office.say("who-owns shop-1/shop/Ingress/web", "U0EVE") == "shop-1 Ingress shop/web: payments"


def test_what_is_not_understood_gets_help_and_becomes_no_mention(office: Office) -> None:
    text = office.say("<!channel>", "U0EVE")
    assert "`/fleetkeeper status`" in text
    assert "&lt;!channel&gt;" in text
