"""Reports for machines: rows, SARIF, JUnit, Markdown and baselines."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.reports.baseline import baseline_text, read_baseline
from fleetkeeper.core.reports.junit import junit
from fleetkeeper.core.reports.markdown import hop_words, markdown
from fleetkeeper.core.reports.rows import by_urgency, report_row
from fleetkeeper.core.reports.rules import rules_page
from fleetkeeper.core.reports.sarif import sarif
from fleetkeeper.errors import UsageError
from tests.core.fleets import assert_golden
from tests.core.reports.clusters import BUDGET, at_target, blocked, everything, made, never_seen, who

ROWS = by_urgency(report_row(each) for each in everything())
BLOCKED = report_row(blocked())
KNOWN = frozenset((each.arn, each.fingerprint) for each in BLOCKED.holding)


# ---- rows


def test_what_is_worst_and_nearest_comes_first() -> None:
    assert [each.cluster for each in ROWS] == ["\x1b[31mred", "shop", "new", "ready", "pay"]


def test_a_hop_counts_what_is_not_waived() -> None:
    first, second = BLOCKED.hops
    assert first.counts == {"blocker": 1, "unknown": 3, "warning": 1, "info": 2}
    assert (first.waived, first.verdict) == (1, "blocked")
    assert second.counts == {"blocker": 1, "unknown": 1, "warning": 0, "info": 0}


def test_what_fails_a_build_is_what_hops_wait_for_each_once() -> None:
    found = [(each.code, each.about) for each in BLOCKED.failing]
    assert found == [
        ("FK401", "PodDisruptionBudget shop/cart"),
        ("FK000", "Cluster"),
        ("FK000", "Cluster"),
        ("FK301", "CronJob shop/report"),
        ("FK301", "Deployment batch/legacy-operator"),
    ]


def test_nothing_waits_at_the_target() -> None:
    row = report_row(at_target())
    assert [each.code for each in row.stay] == ["FK401", "FK108"]
    assert row.failing == ()


def test_a_cluster_that_was_never_seen_fails() -> None:
    assert [each.code for each in report_row(never_seen()).failing] == ["FK000"]


def test_the_first_things_to_do_mend_the_nearest_hop() -> None:
    assert [(each.hop, each.code, each.mends, each.alike, each.owner) for each in BLOCKED.first] == [
        ("1.35", "FK401", 1, 0, "cart@example.com"),
        ("1.35", "FK000", 2, 0, ""),
        ("1.35", "FK301", 1, 0, ""),
    ]


def test_things_to_do_that_are_alike_are_one() -> None:
    budgets = [replace(BUDGET, key=str(n), fix=f"mend {n}", owner={"team": f"team-{n}"}) for n in range(20)]
    (first,) = report_row(made(who(), "1.35", [budgets])).first
    assert (first.code, first.fix, first.mends, first.alike) == ("FK401", "mend 0", 1, 19)
    assert first.owner == "team-0, team-1, team-10 and 17 more"


@pytest.mark.parametrize(
    ("keys", "owner"),
    [
        pytest.param({}, "", id="nothing"),
        pytest.param({"helm.sh/chart": "cart-1"}, "", id="only a chart"),
        pytest.param({"team": "cart", "a8r.io/owner": "jo"}, "jo", id="a person before a team"),
        pytest.param({"app.example.com/squad": "cart"}, "cart", id="under any prefix"),
        pytest.param({"dt.owner": "cart", "dt.owner-2": "pay"}, "cart", id="dynatrace"),
        pytest.param({"owner": "", "team": "cart"}, "cart", id="an empty owner is none"),
    ],
)
def test_who_the_keys_name(keys: dict[str, str], owner: str) -> None:
    assert owner_named(keys) == owner


# ---- baselines


def test_a_baseline_silences_what_it_has_and_nothing_else() -> None:
    text = baseline_text(BLOCKED.holding)
    known = read_baseline(text, "known.json")
    assert known == KNOWN
    assert report_row(blocked(), known).failing == ()
    fewer = frozenset(each for each in known if each[1] != BLOCKED.holding[0].fingerprint)
    assert [each.code for each in report_row(blocked(), fewer).failing] == ["FK401"]
    assert [each.verdict for each in report_row(blocked(), known).hops] == ["blocked", "blocked"]


def test_a_baseline_is_one_line_a_finding_in_a_steady_order() -> None:
    text = baseline_text(BLOCKED.holding)
    assert text == baseline_text([*BLOCKED.holding[::-1], *BLOCKED.holding])
    assert sum('"fingerprint"' in line for line in text.splitlines()) == len(BLOCKED.holding)
    assert json.loads(baseline_text(())) == {"schema_version": 1, "kind": "baseline", "findings": []}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"kind":"baseline","schema_version":9,"findings":[]}', '{"kind":"baseline","schema_version":1}'],
)
def test_what_is_no_baseline_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=r"known\.json is no baseline"):
        read_baseline(text, "known.json")


# ---- SARIF


def log() -> Any:
    return json.loads(json.dumps(sarif([report_row(blocked(), KNOWN), *ROWS[:1]], all_checks(), "1.2.3")))


def test_sarif_has_what_the_standard_requires() -> None:
    """SARIF 2.1.0: required are version, runs, tool.driver.name, message; rule ids are unique, indices are right."""
    document = log()
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("fleetkeeper", "1.2.3")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids)) == len(all_checks()) + 2  # and those of no check
    assert all(rule["shortDescription"]["text"] and rule["fullDescription"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["baselineState"] in ("new", "unchanged", "updated", "absent")
        assert ids[result["ruleIndex"]] == result["ruleId"]


def test_sarif_without_a_baseline_says_nothing_of_one() -> None:
    (run,) = sarif(ROWS, all_checks(), "1.2.3")["runs"]
    assert all("baselineState" not in each for each in run["results"])


def test_sarif_tells_findings_apart_and_says_what_is_waived_or_known() -> None:
    results = log()["runs"][0]["results"]
    prints = [
        (each["partialFingerprints"]["cluster/v1"], each["partialFingerprints"]["fleetkeeper/v1"]) for each in results
    ]
    assert len(prints) == len(set(prints))
    assert {each["ruleId"] for each in results if "suppressions" in each} == {"FK402"}
    assert {each["ruleId"] for each in results if each["baselineState"] == "unchanged"} == {"FK000", "FK301", "FK401"}
    (budget,) = [each for each in results if each["ruleId"] == "FK401"]
    assert budget["level"] == "error"
    assert budget["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].endswith("PodDisruptionBudget/shop/cart")
    assert "Fix: lower minAvailable" in budget["message"]["text"]


# ---- JUnit


def cases(text: str) -> Iterator[tuple[str, str]]:
    for case in ET.fromstring(text).iter("testcase"):
        yield case.get("name", "").partition(" ")[0], next((child.tag for child in case), "passed")


def test_junit_fails_what_holds_skips_what_is_waived_and_passes_the_rest() -> None:
    text = junit([BLOCKED])
    root = ET.fromstring(text)
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("10", "6", "1")
    assert [suite.get("name") for suite in root] == [
        "shop (111122223333/eu-west-1) 1.34 → 1.35",
        "shop (111122223333/eu-west-1) 1.35 → 1.36",
    ]
    found = set(cases(text))
    assert {("FK401", "failure"), ("FK402", "skipped"), ("FK340", "system-out"), ("FK108", "system-out")} <= found


def test_junit_skips_what_the_baseline_has() -> None:
    assert {outcome for _, outcome in cases(junit([report_row(blocked(), KNOWN)]))} == {"skipped", "system-out"}


def test_junit_says_that_nothing_stands_in_the_way() -> None:
    ready = [each for each in ROWS if each.cluster == "ready"]
    assert list(cases(junit(ready))) == [("nothing", "passed")]


def test_junit_is_xml_whatever_a_cluster_says() -> None:
    text = junit(ROWS)
    assert text.isascii()
    assert len(ET.fromstring(text)) == 6


# ---- Markdown


def test_markdown_for_a_ticket() -> None:
    text = markdown(ROWS)
    assert "\x1b" not in text
    assert_golden("assess.md", text)


# ---- the page of checks


def test_every_check_is_on_the_page_once() -> None:
    page = rules_page(all_checks())
    headings = [line for line in page.splitlines() if line.startswith("### ")]
    assert headings == [f"### {each.code}: {each.title}" for each in all_checks()]


# ---- words


def test_after_a_hop_that_waits_no_hop_is_ready() -> None:
    waits, ready = BLOCKED.hops[0], report_row(made(who(), "1.35", [()])).hops[0]
    assert hop_words((ready,)) == ("1.36: ready",)
    assert hop_words((waits, ready)) == ("1.35: 1 blocker, 3 unknown", "1.36: nothing more")
