"""The soak gate: time passes with sound clusters, and what was not seen is no proof."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.finding import Subject as About
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.run import TaskState
from fleetkeeper.core.verdict import Done, Failed, Skip, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.world import Sample
from fleetkeeper.errors import GapReason, Unreachable
from tests.contract.observed import NOON, control_plane, later, node, workload
from tests.engine.gating import BEGAN, EU, US, FakeMetrics, Gating, at, row, task, tracked

HOUR: Mapping[str, Param] = {"for": "1h"}
Change = Callable[[Gating], None]
POLICY = About("Webhook", "policy")


def sound(minutes: float, change: Change = lambda _: None, seen: float | None = None) -> Gating:
    """The stage, seen so many minutes after the soak began (at the moment itself when not said)."""
    made = Gating()
    made.store.at = later(minutes if seen is None else seen)
    made.runs.rows = [
        row(n, "preflight", {"nodes": "3", "nodes_not_ready": "0", "pods_not_ready": "0"}) for n in (0, 1)
    ]
    change(made)
    return made


def verdict(made: Gating, minutes: float, params: Mapping[str, Param] = HOUR) -> Verdict:
    return made.verdict("soak", params, at(minutes))


def part(name: str, value: Any, cluster: str = EU) -> Change:
    return lambda made: made.store.parts[cluster].update({name: value})


def finding(code: str, first_seen: datetime, subject: About = POLICY, **other: Any) -> Change:
    return lambda made: made.store.findings.update({EU: [tracked(code, subject, first_seen, **other)]})


def both(*changes: Change) -> Change:
    def change(made: Gating) -> None:
        for each in changes:
            each(made)

    return change


def without_baseline(made: Gating) -> None:
    made.runs.rows = []


def pods(*ready: int) -> Change:
    """Workloads of three pods each, so many of them ready."""
    return part(parts.WORKLOADS, tuple(replace(workload(n), ready=each) for n, each in enumerate(ready)))


LOST = tuple(node(n, ready=n > 2) for n in range(1, 4))
BOOTING = (*(node(n) for n in range(1, 4)), node(4, ready=False, created_at=later(18)))


# ---- sound


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        pytest.param(0, "soaks until 20 Nov 13:00 UTC, 1h left at most; sound so far: 2 clusters", id="at first"),
        pytest.param(12, "soaks until 20 Nov 13:00 UTC, 50m left at most; sound so far: 2 clusters", id="later"),
        pytest.param(44, "soaks until 20 Nov 13:00 UTC, 20m left at most; sound so far: 2 clusters", id="near its end"),
    ],
)
def test_a_soak_waits_for_its_time_and_tells_what_is_left(minutes: float, says: str) -> None:
    found = verdict(sound(minutes), minutes)
    assert isinstance(found, Wait)
    assert found.why == says


def test_the_text_of_a_wait_changes_a_few_times_an_hour_and_not_with_every_look() -> None:
    texts = {found.why for minute in range(60) if isinstance(found := verdict(sound(minute), minute), Wait)}
    assert len(texts) <= 10


def test_a_soak_is_passed_when_its_time_is_over_and_all_was_seen_sound_at_its_end() -> None:
    assert verdict(sound(60), 60) == Done("2 clusters sound for 1h")


def test_the_next_look_is_at_the_end_when_that_is_near() -> None:
    found = verdict(sound(59.5), 59.5)
    assert isinstance(found, Wait)
    assert found.again == timedelta(seconds=30)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(part(parts.NODES, BOOTING), id="a node that just boots"),
        pytest.param(finding("FK330", BEGAN - timedelta(days=1)), id="a finding that was there before"),
        pytest.param(finding("FK302", later(5), minor=Minor(1, 36)), id="a new finding about a later minor"),
        pytest.param(finding("FK401", later(5), severity=Severity.WARNING), id="a new warning that is not of health"),
        pytest.param(finding("FK110", later(5)), id="an update that was seen, perhaps that of the work itself"),
        pytest.param(pods(3, 3, 3, 3, 3), id="pods that are all ready"),
        pytest.param(
            both(
                part(parts.MANAGED_ADDONS, (model.ManagedAddon("coredns", "v1", "DEGRADED"),)),
                finding("FK203", BEGAN - timedelta(days=1), About("Addon", "coredns")),
            ),
            id="an addon that was degraded before",
        ),
        pytest.param(
            both(without_baseline, part(parts.NODES, LOST), finding("FK422", BEGAN - timedelta(days=1))),
            id="nodes that were not ready before, where nobody counted them",
        ),
        pytest.param(
            lambda made: (
                made.store.seen.update({(EU, parts.NODES): NOON - timedelta(minutes=5)})
                or made.store.parts[EU].update({parts.NODES: LOST})
            ),
            id="nodes as they were before the soak began",
        ),
        pytest.param(
            lambda made: (
                made.store.seen.update({(EU, parts.CONTROL_PLANE): NOON - timedelta(minutes=5)})
                or finding("FK104", later(10))(made)
            ),
            id="a finding of what was seen before the soak began",
        ),
        pytest.param(finding("FK110", later(10)), id="an update that is in progress"),
    ],
)
def test_a_soak_goes_on_with(change: Change) -> None:
    found = verdict(sound(20, change), 20)
    assert isinstance(found, Wait)
    assert "sound so far" in found.why


# ---- unsound


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            part(parts.NODES, LOST),
            "shop-eu-1: 2 of 3 nodes not Ready at 12:20 UTC, 0 of 3 before: "
            "ip-10-0-0-1.eu-west-1.compute.internal, ip-10-0-0-2.eu-west-1.compute.internal",
            id="more nodes are not ready than before",
        ),
        pytest.param(
            both(without_baseline, part(parts.NODES, LOST)),
            "shop-eu-1: 2 nodes are not Ready at 12:20 UTC: ip-10-0-0-1.eu-west-1.compute.internal, "
            "ip-10-0-0-2.eu-west-1.compute.internal",
            id="nodes are not ready, and nobody counted them before",
        ),
        pytest.param(
            part(parts.NODES, ()),
            "shop-eu-1: it has no nodes any more at 12:20 UTC, it had 3 before",
            id="no node is left",
        ),
        pytest.param(
            part(parts.CONTROL_PLANE, control_plane(status="FAILED")),
            "shop-eu-1: its control plane is FAILED at 12:20 UTC",
            id="the control plane failed",
        ),
        pytest.param(
            part(
                parts.MANAGED_ADDONS,
                (model.ManagedAddon("vpc-cni", "v1", "DEGRADED", (model.Issue("AccessDenied", "no"),)),),
            ),
            "shop-eu-1: the addon vpc-cni is DEGRADED (AccessDenied) at 12:20 UTC",
            id="an addon is degraded",
        ),
        pytest.param(
            finding("FK330", later(10), severity=Severity.WARNING),
            "shop-eu-1: new since 12:10 UTC: FK330 Webhook policy: it is broken",
            id="a health finding is new",
        ),
        pytest.param(
            finding("FK499", later(10)),
            "shop-eu-1: new since 12:10 UTC: FK499 Webhook policy: it is broken",
            id="a blocker that breaks at once is new",
        ),
        pytest.param(
            pods(3, 3, 0, 3, 2),
            "shop-eu-1: 4 pods are not ready at 12:20 UTC, 0 before: Deployment team-2/service-2, "
            "Deployment team-4/service-4",
            id="more pods are not ready than before",
        ),
    ],
)
def test_a_soak_fails_when(change: Change, says: str) -> None:
    found = verdict(sound(20, change), 20)
    assert found == Failed(f"not sound: {says}", "mend it, then retry the gate to soak in full again, or skip it")


def test_more_pods_may_be_allowed_to_be_not_ready() -> None:
    found = verdict(sound(20, pods(3, 3, 0, 3, 2)), 20, {**HOUR, "more_pods": "30%"})
    assert isinstance(found, Wait)


# ---- not known


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda made: made.store.seen.update({(EU, parts.NODES): later(10)}),
            "shop-eu-1: what is known of its nodes is 35m old",
            id="a part is old",
        ),
        pytest.param(
            lambda made: made.store.parts[EU].pop(parts.WORKLOADS) and None,
            "shop-eu-1: its workloads were never seen",
            id="a part was never seen",
        ),
        pytest.param(
            lambda made: made.store.assessed.update({EU: None}),
            "shop-eu-1: its findings were never seen",
            id="it was never judged",
        ),
        pytest.param(
            part(parts.CONTROL_PLANE, control_plane(status="UPDATING")),
            "shop-eu-1: its control plane is being changed",
            id="somebody changes the control plane",
        ),
    ],
)
def test_a_soak_waits_and_says_that_it_does_not_know_when(change: Change, says: str) -> None:
    found = verdict(sound(45, change), 45)
    assert isinstance(found, Wait)
    assert found.why.endswith(f", but it is not known whether all is sound: {says}")


def test_time_alone_is_no_proof_when_the_last_look_was_before_the_end() -> None:
    found = verdict(sound(65, seen=50), 65)
    assert isinstance(found, Wait)
    assert found.why == (
        "its time is over, and shop-eu-1 was last seen at 12:50 UTC, before its end at 13:00: "
        "the next observation decides"
    )


def test_time_alone_is_no_proof_when_nothing_was_seen_for_long() -> None:
    found = verdict(sound(120, seen=50), 120)
    assert isinstance(found, Wait)
    assert "soaked for 1h, but it is not known whether all is sound" in found.why


# ---- whom


def test_clusters_that_were_skipped_or_failed_are_not_soaked() -> None:
    made = sound(60, part(parts.NODES, LOST))
    made.runs.tasks[0] = task(0, EU, TaskState.SKIPPED)
    assert verdict(made, 60) == Done(f"{US} sound for 1h")


def test_a_soak_of_nothing_is_skipped() -> None:
    made = sound(0)
    made.runs.tasks = [task(0, EU, TaskState.SKIPPED), task(1, US, TaskState.FAILED)]
    assert isinstance(verdict(made, 0), Skip)


# ---- the metric

ERRORS: Mapping[str, Param] = {
    **HOUR,
    "source": "main",
    "query": "errors",
    "op": "<",
    "value": 0.01,
    "label": "the error rate",
}


@pytest.mark.parametrize(
    ("metrics", "kind", "says"),
    [
        pytest.param([Sample(0.001)], Wait, "sound so far", id="goes on while it holds"),
        pytest.param([Sample(0.2)], Failed, "the error rate is 0.2, not < 0.01", id="fails when it does not hold"),
        pytest.param([], Wait, "the error rate: main has no value of it", id="waits when it is not known"),
        pytest.param(
            Unreachable("main: Connection refused", GapReason.UNREACHABLE),
            Wait,
            "but it is not known whether all is sound: unreachable: main: Connection refused",
            id="waits when it cannot be asked",
        ),
    ],
)
def test_a_soak_with_a_metric(metrics: Any, kind: type, says: str) -> None:
    made = sound(20)
    made.metrics = FakeMetrics({"errors": metrics})
    found = verdict(made, 20, ERRORS)
    assert isinstance(found, kind)
    assert says in str(found)


def test_an_unsound_cluster_fails_the_soak_also_while_the_metric_cannot_be_asked() -> None:
    made = sound(20, part(parts.NODES, LOST))
    made.metrics = FakeMetrics({"errors": Unreachable("main: Connection refused")})
    assert isinstance(verdict(made, 20, ERRORS), Failed)
