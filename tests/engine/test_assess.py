"""Assessment over a real store: hops and verdicts, and the life of findings while time passes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import parts
from fleetkeeper.core.assess import NOT_SEEN, Verdict
from fleetkeeper.core.checks import Check, all_checks
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.owners import Directory, Rule, Team
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.readiness import ClusterReport
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.unowned import NO_OWNER
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions, Waiver
from fleetkeeper.engine.owning import Owning
from fleetkeeper.engine.ports import StoredFinding
from fleetkeeper.errors import ConfigError, Mistake
from tests.contract.observed import NOON
from tests.core.checks.snapshots import control_plane
from tests.engine.assessing import CALL, LIVE, Assessed, calling, operator, says
from tests.sqlite import migrated

QUIET_API = calling()
BUDGET = Budget("shop", "cart")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Assessed]:
    """At 1.34 and wanted at 1.36; its one workload calls an API that 1.36 removes."""
    store = SqlStore(migrated(tmp_path / "fleet.db"))
    yield Assessed(store)
    store.close()


def verdicts(report: ClusterReport) -> dict[str, str]:
    return {str(each.hop.target): each.verdict.value for each in report.hops}


def codes(report: ClusterReport) -> list[str]:
    return [each.finding.code for each in report.entries]


# ---- hops and verdicts


def test_each_hop_has_a_verdict_of_its_own(shop: Assessed) -> None:
    report = shop.look()
    assert verdicts(report) == {"1.35": "ready", "1.36": "blocked"}
    assert report.verdict is Verdict.BLOCKED
    assert (report.at, report.policy.target, report.policy.reason) == (Minor(1, 34), Minor(1, 36), "fleetkeeper.toml:9")
    (first,) = report.first
    assert (first.fix, str(first.hop)) == ("update Deployment shop/legacy", "1.35 → 1.36")


def test_nothing_in_the_way_is_ready(shop: Assessed) -> None:
    report = shop.look(0, {parts.API_USE: QUIET_API})
    assert verdicts(report) == {"1.35": "ready", "1.36": "ready"}
    assert (report.verdict, report.first, report.holding) == (Verdict.READY, (), ())


def test_a_cluster_at_its_target_has_no_hops_and_still_tells_of_itself(shop: Assessed) -> None:
    report = shop.look(0, {parts.CONTROL_PLANE: control_plane("1.36"), parts.BUDGETS: (BUDGET,)})
    assert (report.hops, report.verdict, report.first, report.holding) == ((), Verdict.READY, (), ())
    assert [each.finding.code for each in report.stay] == ["FK992"]


def test_a_cluster_beyond_its_target_has_no_hops(shop: Assessed) -> None:
    assert shop.look(0, {parts.CONTROL_PLANE: control_plane("1.37")}).hops == ()


def test_a_control_plane_that_was_never_seen_is_unknown(shop: Assessed) -> None:
    shop.values.pop(parts.CONTROL_PLANE)
    report = shop.look()
    assert (report.at, report.hops, report.verdict) == (None, (), Verdict.UNKNOWN)
    assert [each.finding.code for each in report.holding] == [NOT_SEEN]


def test_without_any_known_minor_there_is_no_target_and_no_readiness(shop: Assessed) -> None:
    shop.rules = ()
    report = shop.look()
    assert (report.policy.target, report.hops, report.verdict) == (None, (), Verdict.UNKNOWN)


def test_a_target_of_ones_own_is_tried_and_not_kept(shop: Assessed) -> None:
    shop.rules = (TargetRule(minor=Minor(1, 35)),)
    shop.look()
    before = shop.store.tracking(shop.id)
    report = shop.assess(Minor(1, 37))
    assert list(verdicts(report)) == ["1.35", "1.36", "1.37"]
    assert report.policy.reason == "asked for"
    assert shop.store.tracking(shop.id) == before


def test_a_check_that_breaks_costs_one_cluster_its_report_and_is_never_ready(shop: Assessed) -> None:
    def breaks(_snap: Snapshot, _hop: Hop, _compat: Compat) -> Iterator[Finding]:
        raise ZeroDivisionError("by a fault of our own")

    shop.look()
    shop.checks = (Check("FK994", "It breaks", (parts.NODES,), False, True, breaks, "a rule"),)
    report = shop.assess()
    assert report.verdict is Verdict.UNKNOWN
    assert "ZeroDivisionError" in report.holding[0].finding.message
    assert shop.state() is State.OPEN


def test_only_the_clusters_that_were_asked_for_are_assessed(shop: Assessed) -> None:
    shop.observe()
    assert not list(shop.assessor().assess(Selector.parse("name=other")))
    assert shop.store.tracking(shop.id) is None


# ---- what was not seen


def test_a_part_that_was_never_read_is_unknown_and_not_ready(shop: Assessed) -> None:
    shop.values.pop(parts.BUDGETS)
    shop.values[parts.API_USE] = QUIET_API
    assert verdicts(shop.look()) == {"1.35": "unknown", "1.36": "ready"}


def test_an_old_part_is_unknown(shop: Assessed) -> None:
    shop.observe({parts.API_USE: QUIET_API})
    shop.clock.turn(61)
    assert shop.assess().verdict is Verdict.UNKNOWN


def test_what_was_known_stays_while_nobody_can_look(shop: Assessed) -> None:
    shop.look(0, {parts.BUDGETS: (BUDGET,), parts.API_USE: QUIET_API})
    report = shop.look(1, unseen=[parts.BUDGETS])
    assert verdicts(report)["1.35"] == "blocked"
    assert codes(report) == ["FK992", NOT_SEEN]
    assert report.entries[0].last_seen == NOON
    assert shop.look(1, {parts.BUDGETS: ()}).entries == ()
    assert shop.state("FK992") is State.RESOLVED


INSIGHT = Insight("i-1", "Deprecated APIs", "UPGRADE_READINESS", InsightStatus.ERROR, None, "", NOON)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.sets(st.sampled_from(parts.CLUSTER_PARTS)), min_size=1, max_size=4))
def test_a_gap_never_turns_into_ready(tmp_path_factory: pytest.TempPathFactory, ticks: list[set[str]]) -> None:
    """Whatever parts are not seen in whatever order: blocked stays so, and a hidden critical part is never ready."""
    store = SqlStore(migrated(tmp_path_factory.mktemp("gaps") / "fleet.db"))
    try:
        shop = Assessed(store)
        first = shop.look(0, {parts.INSIGHTS: (INSIGHT,)})
        assert verdicts(first) == {"1.35": "blocked", "1.36": "blocked"}
        for unseen in ticks:
            report = shop.look(0.01, unseen=unseen)
            assert report.verdict is not Verdict.READY
            if parts.INSIGHTS in unseen:
                assert "ready" not in verdicts(report).values()
    finally:
        store.close()


# ---- fixed must be proven


def test_a_restart_of_the_api_server_resolves_nothing(shop: Assessed) -> None:
    shop.look()
    for _ in range(20):
        report = shop.look(1, {parts.API_USE: calling(since=shop.clock.now())})
        assert verdicts(report)["1.36"] == "blocked"
    (entry,) = report.entries
    assert (entry.state, entry.last_seen, entry.finding.severity) == (State.OPEN, NOON, Severity.BLOCKER)


def test_a_changed_caller_is_unconfirmed_then_resolved_after_a_quiet_week(shop: Assessed) -> None:
    shop.look()
    quiet = calling(since=NOON + timedelta(days=1))
    report = shop.look(2, {parts.API_USE: quiet, parts.WORKLOADS: (operator("registry.example/legacy:2.0"),)})
    (entry,) = report.entries
    assert (entry.state, entry.finding.severity, entry.holds) == (State.UNCONFIRMED, Severity.UNKNOWN, True)
    assert verdicts(report)["1.36"] == "unknown"
    assert entry.proven_at == NOON + timedelta(days=9)
    assert verdicts(shop.look(6.9))["1.36"] == "unknown"
    assert verdicts(shop.look(0.1))["1.36"] == "ready"
    assert shop.state() is State.RESOLVED


def test_a_monthly_caller_is_proven_only_after_its_next_run(shop: Assessed) -> None:
    monthly = operator(schedule="0 2 1 * *")
    shop.look(0, {parts.WORKLOADS: (monthly,)})
    changed = replace(monthly, images=("registry.example/legacy:2.0",))
    shop.look(1, {parts.API_USE: calling(since=NOON), parts.WORKLOADS: (changed,)})
    assert shop.look(8).verdict is Verdict.UNKNOWN
    assert shop.state() is State.UNCONFIRMED
    shop.look(4)  # 2026-12-03: it ran on the first, and had a day to finish
    assert shop.state() is State.RESOLVED


def test_a_restart_while_nobody_looked_starts_the_quiet_anew(shop: Assessed) -> None:
    shop.look()
    shop.look(1, {parts.API_USE: calling(since=NOON), parts.WORKLOADS: (operator("registry.example/legacy:2.0"),)})
    shop.look(6.5, {parts.API_USE: calling(since=NOON + timedelta(days=7))})
    shop.look(1)
    assert shop.state() is State.UNCONFIRMED
    shop.look(5.5)
    assert shop.state() is State.RESOLVED


def test_a_sleep_of_ours_does_not_break_the_quiet_of_a_gauge_that_remembers(shop: Assessed) -> None:
    shop.look()
    shop.look(1, {parts.API_USE: calling(since=NOON), parts.WORKLOADS: (operator("registry.example/legacy:2.0"),)})
    shop.look(7)
    assert shop.state() is State.RESOLVED


def test_a_use_after_the_change_opens_it_again(shop: Assessed) -> None:
    shop.look()
    changed = {parts.WORKLOADS: (operator("registry.example/legacy:2.0"),)}
    shop.look(1, {parts.API_USE: calling(since=NOON), **changed})
    report = shop.look(1, {parts.API_USE: calling(CALL, since=NOON + timedelta(days=1, hours=12))})
    assert verdicts(report)["1.36"] == "blocked"
    assert (shop.state(), shop.known().times) == (State.OPEN, 2)


def test_old_evidence_of_what_is_proven_fixed_only_informs(shop: Assessed) -> None:
    shop.look()
    shop.look(1, {parts.API_USE: calling(since=NOON), parts.WORKLOADS: (operator("registry.example/legacy:2.0"),)})
    shop.look(8)
    assert shop.state() is State.RESOLVED
    report = shop.look(1, {parts.API_USE: calling(CALL, since=NOON)})
    (entry,) = report.entries
    assert (entry.finding.severity, entry.holds, verdicts(report)["1.36"]) == (Severity.INFO, False, "ready")


def test_what_showed_a_use_being_forgotten_does_not_make_it_milder(shop: Assessed) -> None:
    def milder(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
        for finding in LIVE.look(replace_calls(snap), hop, compat):
            yield replace(finding, severity=Severity.WARNING, blocks=False, use=None)

    shop.look()
    shop.checks = (replace(LIVE, look=milder),)
    assert verdicts(shop.look(1, {parts.API_USE: QUIET_API}))["1.36"] == "blocked"


def replace_calls(snap: Snapshot) -> Snapshot:
    """As it was while the API server still remembered."""
    own = {**snap.cluster.parts, parts.API_USE: replace(snap.cluster.parts[parts.API_USE], value=calling(CALL))}
    return replace(snap, cluster=replace(snap.cluster, parts=own))


def test_after_the_upgrade_the_use_is_settled(shop: Assessed) -> None:
    shop.look()
    shop.look(1, {parts.CONTROL_PLANE: control_plane("1.36"), parts.API_USE: QUIET_API})
    assert shop.state() is State.RESOLVED


def test_a_check_that_is_no_more_leaves_nothing_open(shop: Assessed) -> None:
    shop.look(0, {parts.BUDGETS: (BUDGET,)})
    shop.checks = (LIVE,)
    shop.look(1)
    assert shop.state("FK992") is State.RESOLVED


# ---- decisions


def waiver(expires: date, namespace: str = "") -> Decisions:
    return Decisions((Waiver("accepted until the rewrite", "jo", expires, code="FK991", namespace=namespace),))


def test_a_waived_finding_is_told_and_does_not_count(shop: Assessed) -> None:
    shop.decisions = waiver(date(2026, 11, 23))
    report = shop.look()
    assert verdicts(report)["1.36"] == "ready"
    (entry,) = report.entries
    assert (entry.waiver and entry.waiver.approver, entry.holds, report.first) == ("jo", False, ())


def test_a_waiver_that_ended_counts_no_more_and_is_told(shop: Assessed) -> None:
    shop.decisions = waiver(date(2026, 11, 23))
    shop.look()
    report = shop.look(3)
    assert verdicts(report)["1.36"] == "blocked"
    (entry,) = report.entries
    assert entry.waiver is None
    assert entry.ended is not None


def test_a_waiver_of_another_namespace_covers_nothing(shop: Assessed) -> None:
    shop.decisions = waiver(date(2026, 12, 1), namespace="pay-*")
    assert shop.look().verdict is Verdict.BLOCKED


def test_a_severity_of_ones_own_decides_what_blocks(shop: Assessed) -> None:
    shop.decisions = Decisions(severities={"FK991": Severity.WARNING})
    assert shop.look().verdict is Verdict.READY
    assert shop.known().finding.severity is Severity.BLOCKER, "kept as it was found"


# ---- what was stored


def test_the_stored_findings_are_told_with_decisions_of_now(shop: Assessed) -> None:
    shop.look(0, {parts.BUDGETS: (BUDGET,)})
    shop.decisions = waiver(date(2026, 12, 1))
    found = shop.assessor().findings(Selector())
    assert [(subject.name, each.finding.code, each.holds) for subject, each in found] == [
        ("shop", "FK992", True),
        ("shop", "FK991", False),
    ]
    assert shop.assessor().findings(Selector.parse("name=other")) == ()


def test_resolved_findings_are_told_when_asked_for(shop: Assessed) -> None:
    shop.look(0, {parts.BUDGETS: (BUDGET,), parts.API_USE: QUIET_API})
    shop.look(1, {parts.BUDGETS: ()})
    assert shop.assessor().findings(Selector()) == ()
    ((_, entry),) = shop.assessor().findings(Selector(), resolved=True)
    assert (entry.finding.code, entry.state) == ("FK992", State.RESOLVED)


def test_what_mends_the_most_comes_first(shop: Assessed) -> None:
    shop.checks = (LIVE, says("FK992", parts.BUDGETS), says("FK995", parts.VOLUMES))
    shop.look(0, {parts.BUDGETS: (BUDGET, replace(BUDGET, name="pay"))}, unseen=[parts.VOLUMES])
    first = shop.assess().first
    assert first[0].fix == "mend budgets"
    assert len(first[0].entries) == 2
    assert first[-1].fix == "update Deployment shop/legacy", "the later hop is the last"


def test_a_steady_tick_changes_no_finding(shop: Assessed) -> None:
    """All checks of the product, on a cluster of which little was read: only the times of looks may move."""
    shop.checks = all_checks()
    del shop.values[parts.VOLUMES]
    shop.look(0, {parts.BUDGETS: (BUDGET,)}, unseen=[parts.WEBHOOKS])
    before = shop.store.findings()
    assert len(before) > 3
    shop.look(0.01, unseen=[parts.WEBHOOKS])
    assert [still(each) for each in shop.store.findings()] == [still(each) for each in before]


def still(stored: StoredFinding) -> Tracked:
    return replace(stored.tracked, last_seen=NOON)


# ---- what nobody owns


NAMESPACE = Subject("Namespace", "shop")
NOBODYS = {parts.WORKLOADS: (replace(operator(), owner={}),)}
CREW = Directory({"crew": Team("crew")}, fallback="crew")


def unowned(shop: Assessed, directory: Callable[[], Directory] = lambda: CREW) -> dict[Subject, State]:
    """What an assessment leaves of FK001."""
    owning = Owning(shop.store, shop.clock, directory)
    (report,) = replace(shop.assessor(), unowned=owning.unowned).assess(Selector())
    every = [each.tracked for each in shop.store.findings(resolved=True)]
    found = {each.finding.subject: each.state for each in every if each.finding.code == NO_OWNER}
    assert (NO_OWNER in codes(report)) is (State.OPEN in found.values())
    return found


def test_what_nobody_owns_is_found_until_somebody_does(shop: Assessed) -> None:
    shop.observe(NOBODYS)
    assert unowned(shop) == {NAMESPACE: State.OPEN}
    owned = replace(CREW, rules=(Rule("crew", namespace="shop"),))
    assert unowned(shop, lambda: owned) == {NAMESPACE: State.RESOLVED}
    assert unowned(shop) == {NAMESPACE: State.OPEN}


def test_nobody_is_taken_for_the_owner_of_what_cannot_be_looked_for(shop: Assessed) -> None:
    shop.observe(NOBODYS)
    assert unowned(shop) == {NAMESPACE: State.OPEN}
    shop.clock.turn(15)
    shop.observe(unseen=[parts.API_USE])
    shop.clock.turn(120)
    assert unowned(shop) == {NAMESPACE: State.OPEN}


def test_while_the_owners_cannot_be_read_nobody_is_taken_for_one(shop: Assessed) -> None:
    def unreadable() -> Directory:
        raise ConfigError((Mistake("catalog.yaml", 2, "", "is not valid YAML"),))

    shop.observe(NOBODYS)
    assert unowned(shop) == {NAMESPACE: State.OPEN}
    assert unowned(shop, unreadable) == {NAMESPACE: State.OPEN}
