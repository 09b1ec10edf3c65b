"""What every Store does with findings, on SQLite and on a real PostgreSQL: nothing is lost, and little is written."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import tables
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.compat import Confidence
from fleetkeeper.core.finding import Breaks, Evidence, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.tracking import Tracking, Watch
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import StoredFinding
from tests.contract.observed import NOON, cluster_id, later, listed

SHOP, PAY = cluster_id(), cluster_id("pay")
JOB = Subject("CronJob", "report", "shop")


def finding(name: str = "legacy", **other: Any) -> Finding:
    """One with every field set."""
    made = Finding(
        code="FK301",
        severity=Severity.BLOCKER,
        subject=Subject("Deployment", name, "shop"),
        message=f"{name} uses batch/v1beta1",
        fix="update it",
        key="batch/v1beta1 CronJob",
        blocks=True,
        breaks=Breaks.AT_UPGRADE,
        minor=Minor(1, 35),
        deadline=later(9999),
        evidence=(Evidence("metric", "was asked for", NOON, Confidence.MEDIUM), Evidence("EKS", "\ud800\0", None)),
        owner={"team": "shop"},
        use=LiveUse((JOB,), "abc", NOON, ("0 2 1 * *",)),
    )
    return replace(made, **other)


def tracked(made: Finding, at: datetime = NOON, **other: Any) -> Tracked:
    return replace(Tracked(made, State.OPEN, NOON, at, NOON), **other)


def tracking(*of: Tracked, at: datetime = NOON, watch: Watch = Watch(NOON, NOON)) -> Tracking:  # noqa: B008
    return Tracking(at, {each.finding.fingerprint: each for each in of}, watch)


@pytest.fixture
def known(store: SqlStore) -> SqlStore:
    store.save_many([listed(SHOP), listed(PAY)], [])
    return store


def storable(made: Finding) -> Finding:
    """As any database gives it back: NUL and lone surrogates are no text."""
    return replace(made, evidence=tuple(replace(e, text=tables.storable(e.text)) for e in made.evidence))


def rows_written(settings: StoreSettings, work: Callable[[], None]) -> list[str]:
    """The tables that statements of our own process wrote to, in their order."""
    written: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        words = statement.split()
        if words[0] in ("INSERT", "UPDATE", "DELETE"):
            table = words[1] if words[0] == "UPDATE" else words[2]
            written.extend([table] * (len(parameters) if many else 1))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return written


def test_a_cluster_that_was_never_assessed_has_no_tracking(known: SqlStore) -> None:
    assert known.tracking(SHOP) is None
    assert known.tracking(cluster_id("unheard-of")) is None
    assert known.findings() == ()


def test_every_field_comes_back(known: SqlStore) -> None:
    given = tracking(
        tracked(finding()),
        tracked(finding("quiet"), state=State.UNCONFIRMED, since=later(-5), quiet_since=later(-9), times=3),
        watch=Watch(later(-600), later(-1)),
    )
    known.save_tracking(SHOP, given)
    expected = {key: replace(each, finding=storable(each.finding)) for key, each in given.findings.items()}
    assert known.tracking(SHOP) == replace(given, findings=expected)
    assert known.tracking(PAY) is None


def test_no_findings_at_all_is_an_assessment_too(known: SqlStore) -> None:
    known.save_tracking(SHOP, tracking(watch=Watch()))
    assert known.tracking(SHOP) == Tracking(NOON, {}, Watch())


def test_seeing_the_same_again_writes_one_row_for_the_whole_cluster(known: SqlStore, settings: StoreSettings) -> None:
    made = [finding(f"w{number}") for number in range(50)]
    known.save_tracking(SHOP, tracking(*(tracked(each) for each in made)))
    again = tracking(*(tracked(each, later(15)) for each in made), at=later(15))
    assert rows_written(settings, lambda: known.save_tracking(SHOP, again)) == ["assessed"]
    stored = known.tracking(SHOP)
    assert stored is not None
    assert {each.last_seen for each in stored.findings.values()} == {later(15)}
    assert {each.first_seen for each in stored.findings.values()} == {NOON}


def test_only_the_finding_that_changed_is_written(known: SqlStore, settings: StoreSettings) -> None:
    first, second = finding("one"), finding("two")
    known.save_tracking(SHOP, tracking(tracked(first), tracked(second)))
    moved = tracking(tracked(first, later(15)), tracked(replace(second, message="worse"), later(15)), at=later(15))
    assert rows_written(settings, lambda: known.save_tracking(SHOP, moved)) == ["finding", "assessed"]
    assert {each.tracked.finding.message for each in known.findings()} == {"one uses batch/v1beta1", "worse"}


def test_a_finding_that_is_not_seen_any_more_keeps_the_time_when_it_was(known: SqlStore) -> None:
    made = finding()
    known.save_tracking(SHOP, tracking(tracked(made)))
    for minutes in (15, 30):
        known.save_tracking(SHOP, tracking(tracked(made, NOON), at=later(minutes)))
    stored = known.tracking(SHOP)
    assert stored is not None
    assert stored.at == later(30)
    assert stored.findings[made.fingerprint].last_seen == NOON


def test_an_assessment_that_comes_late_changes_nothing(known: SqlStore) -> None:
    newer = tracking(tracked(storable(finding()), later(15)), at=later(15))
    known.save_tracking(SHOP, newer)
    known.save_tracking(SHOP, tracking(tracked(finding("other"))))
    assert known.tracking(SHOP) == newer


def test_findings_are_those_of_all_living_clusters_without_the_resolved(known: SqlStore) -> None:
    over = tracked(storable(finding("over")), state=State.RESOLVED)
    still = tracked(storable(finding("still")))
    known.save_tracking(SHOP, tracking(over, still))
    known.save_tracking(PAY, tracking(still))
    assert known.findings() == (StoredFinding(PAY, still), StoredFinding(SHOP, still))
    assert {(each.cluster, each.tracked.state) for each in known.findings(resolved=True)} == {
        (PAY, State.OPEN),
        (SHOP, State.OPEN),
        (SHOP, State.RESOLVED),
    }
    known.mark_gone(listed(PAY).scope, [SHOP], later(15))
    assert [each.cluster for each in known.findings()] == [SHOP]


def test_a_finding_of_another_release_stays_as_it_was(known: SqlStore, settings: StoreSettings) -> None:
    made = finding()
    known.save_tracking(SHOP, tracking(tracked(made)))
    engine = sa.create_engine(settings.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(tables.finding.update().values(body='{"finding":{"code":[]}}'))
    known.save_tracking(SHOP, tracking(at=later(15)))
    assert known.findings() == ()
    with engine.connect() as connection:
        assert connection.execute(sa.select(tables.finding.c.state)).scalars().all() == ["open"]
    engine.dispose()


def test_resolved_findings_are_forgotten_after_their_days(known: SqlStore) -> None:
    old, recent = finding("old"), finding("recent")
    known.save_tracking(
        SHOP,
        tracking(
            tracked(old, state=State.RESOLVED, since=NOON - timedelta(days=11)),
            tracked(recent, state=State.RESOLVED, since=NOON - timedelta(days=9)),
            tracked(finding("open"), since=NOON - timedelta(days=99)),
        ),
    )
    known.prune(NOON, history_days=10)
    assert {each.tracked.finding.subject.name for each in known.findings(resolved=True)} == {"recent", "open"}


def test_a_cluster_that_was_never_listed_is_refused(store: SqlStore) -> None:
    with pytest.raises(ValueError, match="before it was listed"):
        store.save_tracking(SHOP, tracking())


def test_the_parts_of_one_cluster_are_read_alone(known: SqlStore) -> None:
    assert known.cluster_parts(SHOP) == {}


def test_evidence_that_was_read_again_is_no_change_until_the_next_day(known: SqlStore, settings: StoreSettings) -> None:
    def read_at(at: datetime) -> Tracking:
        return tracking(tracked(finding(evidence=(Evidence("EKS", "it is so", at),)), at), at=at)

    known.save_tracking(SHOP, read_at(NOON))
    assert rows_written(settings, lambda: known.save_tracking(SHOP, read_at(later(15)))) == ["assessed"]
    written = rows_written(settings, lambda: known.save_tracking(SHOP, read_at(later(24 * 60))))
    assert written == ["finding", "assessed"]


def test_of_the_resolved_only_those_that_are_found_again_are_read(known: SqlStore) -> None:
    over = [tracked(storable(finding(f"over-{number}")), state=State.RESOLVED) for number in range(3)]
    still = tracked(storable(finding("still")))
    known.save_tracking(SHOP, tracking(*over, still))
    wanted = over[1].finding.fingerprint
    alone, again = known.tracking(SHOP), known.tracking(SHOP, {wanted, still.finding.fingerprint, "unheard-of"})
    assert alone == tracking(still)
    assert again == tracking(still, over[1])
    known.save_tracking(SHOP, tracking(still))
    assert len(known.findings(resolved=True)) == 4, "what was not read stays as it was"


def test_the_findings_of_a_cluster_that_is_gone_are_forgotten_with_it(known: SqlStore) -> None:
    known.save_tracking(PAY, tracking(tracked(finding())))
    known.mark_gone(listed(PAY).scope, [SHOP], later(15))
    known.prune(NOON + timedelta(days=11), history_days=10)
    known.save_many([listed(PAY, NOON + timedelta(days=12))], [])
    assert known.tracking(PAY) is None
    assert known.findings(resolved=True) == ()
