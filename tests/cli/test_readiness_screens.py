"""What people read of readiness: the fleet, one cluster, the list of findings and one of them; each with its golden."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from fleetkeeper.cli import findings_table, readiness_tables
from fleetkeeper.cli.findings import matching
from fleetkeeper.core.readiness import ClusterReport
from fleetkeeper.core.reports.rows import by_urgency, report_row
from fleetkeeper.errors import UsageError
from tests.core.checks.snapshots import NOW
from tests.core.fleets import assert_golden, rendered
from tests.core.reports.clusters import BUDGET, at_target, blocked, everything, made, never_seen, who

ROWS = by_urgency(report_row(each) for each in everything())
BLOCKED = report_row(blocked())


def shown(show: Callable[[Console], None], golden: str) -> str:
    text = rendered(show)
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text
    assert_golden(golden, text)
    return text


def test_the_fleet_as_a_matrix_of_hops() -> None:
    shown(lambda console: readiness_tables.show_fleet(console, ROWS), "assess_fleet.txt")


@pytest.mark.parametrize(
    ("report", "golden"),
    [
        pytest.param(blocked, "assess_blocked.txt", id="blocked"),
        pytest.param(at_target, "assess_at_target.txt", id="at its target"),
        pytest.param(never_seen, "assess_never_seen.txt", id="never seen"),
        pytest.param(lambda: made(who(), "1.35", [()]), "assess_ready.txt", id="ready"),
    ],
)
def test_one_cluster_in_detail(report: Callable[[], ClusterReport], golden: str) -> None:
    row = report_row(report())
    shown(lambda console: readiness_tables.show_cluster(console, row, NOW), golden)


def test_one_cluster_with_everything_in_full() -> None:
    text = rendered(lambda console: readiness_tables.show_cluster(console, BLOCKED, NOW, every=True), width=250)
    assert "INFO FK340 Deployment shop/one-1" in text
    assert "BLOCKER FK402 PodDisruptionBudget pay/api" in text
    assert "(waived)" in text


def test_findings_that_were_known_before_are_marked() -> None:
    known = frozenset((each.arn, each.fingerprint) for each in BLOCKED.holding)
    row = report_row(blocked(), known)
    text = rendered(lambda console: readiness_tables.show_cluster(console, row, NOW))
    assert "BLOCKER FK401 PodDisruptionBudget shop/cart  " in text
    assert "(known)" in text


def test_an_empty_fleet_says_what_to_do() -> None:
    text = rendered(lambda console: readiness_tables.show_fleet(console, ()))
    assert text == "No cluster to assess: run `fleetkeeper observe`, or see `fleetkeeper get clusters`.\n"


def test_the_list_of_findings() -> None:
    shown(lambda console: findings_table.show_findings(console, BLOCKED.findings, NOW), "findings_table.txt")


def test_no_findings_says_what_to_do() -> None:
    text = rendered(lambda console: findings_table.show_findings(console, (), NOW))
    assert text.startswith("No findings: `fleetkeeper assess` looks again")


@pytest.mark.parametrize(
    ("about", "golden"),
    [
        pytest.param("PodDisruptionBudget shop/cart", "explain_budget.txt", id="a waiver that ended"),
        pytest.param("CronJob shop/report", "explain_unconfirmed.txt", id="a caller that changed"),
        pytest.param("PodDisruptionBudget pay/api", "explain_waived.txt", id="a waived one"),
    ],
)
def test_one_finding_in_full(about: str, golden: str) -> None:
    rows = [each for each in BLOCKED.findings if each.about == about]
    shown(lambda console: findings_table.show_finding(console, rows, "FK000: the rule\n\nand why.", NOW), golden)


def test_a_finding_of_many_clusters_names_the_first_ten() -> None:
    rows = [BLOCKED.findings[0]] * 12
    text = rendered(lambda console: findings_table.show_finding(console, rows, "", NOW))
    assert "and 2 more clusters: narrow them with -l" in text


def test_an_id_that_several_findings_begin_with_is_refused() -> None:
    rows = [replace(BLOCKED.findings[0], fingerprint=f"abcd{number:012}") for number in range(5)]
    with pytest.raises(UsageError, match=r"5 findings begin with abcd: abcd0{12}, .*; write more of it"):
        matching(rows, "abcd")
    assert matching([*rows, rows[0]], rows[0].fingerprint) == [rows[0], rows[0]]


def test_many_findings_alike_are_three_examples_and_where_the_rest_is() -> None:
    budgets = [replace(BUDGET, key=f"{number:02}") for number in range(20)]
    row = report_row(made(who(), "1.35", [budgets]))
    text = rendered(lambda console: readiness_tables.show_cluster(console, row, NOW))
    assert text.count("BLOCKER FK401") == 3
    assert "  and 17 more: fleetkeeper get findings --code FK401 -l name=shop\n" in text
    every = rendered(lambda console: readiness_tables.show_cluster(console, row, NOW, every=True))
    assert every.count("BLOCKER FK401") == 20
