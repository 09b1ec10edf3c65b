"""bake: the soak's judgement for one member, against what its preflight counted, with the way back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Subject as About
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.run import StepState
from fleetkeeper.core.verdict import Done, Failed, Memory, Verdict, Wait
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.errors import ParamError
from tests.contract.observed import NOON, control_plane, later, node, workload
from tests.engine.gating import EU, HEADER, MEMBERS, RUN, US, Gating, at, row, tracked

HOUR: Mapping[str, Param] = {"for": "1h"}
Change = Callable[[Gating], None]
LOST = (node(1), node(2, ready=False), node(3))
ENDED = NOON - timedelta(minutes=30)
POLICY = About("Webhook", "policy")


def _moved(ended: datetime) -> Memory:
    """What upgrade-control-plane remembers."""
    began = ended - timedelta(minutes=10)
    return {"from": "1.34", "created": began.isoformat(), "ended": ended.isoformat()}


def baked(seen: float, change: Change = lambda _: None) -> Gating:
    """The member upgraded half an hour ago, and seen so many minutes after the bake began."""
    made = Gating()
    made.store.at = later(seen)
    counted = {"nodes": "3", "nodes_not_ready": "0", "pods_not_ready": "0"}
    made.runs.rows = [
        replace(row(0, "preflight", counted), ended_at=NOON - timedelta(hours=1)),
        replace(row(0, "upgrade-control-plane", _moved(ENDED)), idx=1),
        replace(row(1, "preflight", {"nodes": "9", "nodes_not_ready": "9", "pods_not_ready": "99"}), idx=0),
    ]
    change(made)
    return made


def verdict(made: Gating, minutes: float, params: Mapping[str, Param] = HOUR) -> Verdict:
    code, moment = all_steps()["bake"].of(params), at(minutes)
    subject = Subject(HEADER, RUN, MEMBERS[0], 0, "")
    return code.decide(code.look(made.world, subject, moment), moment)


def part(name: str, value: Any, cluster: str = EU) -> Change:
    return lambda made: made.store.parts[cluster].update({name: value})


def test_it_waits_for_its_time_while_the_member_is_sound() -> None:
    found = verdict(baked(20), 20)
    assert isinstance(found, Wait)
    assert found.why == "soaks until 20 Nov 13:00 UTC, 40m left at most; sound so far: shop-eu-1"


def test_it_is_done_when_the_member_was_seen_sound_at_its_end() -> None:
    assert verdict(baked(60), 60) == Done("shop-eu-1 sound for 1h")


def test_time_alone_is_no_proof() -> None:
    found = verdict(baked(50), 65)
    assert isinstance(found, Wait)
    assert "was last seen at 12:50 UTC, before its end at 13:00" in found.why


def test_another_member_does_not_count() -> None:
    assert isinstance(verdict(baked(20, part(parts.NODES, LOST, US)), 20), Wait)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            part(parts.NODES, LOST), "1 of 3 nodes not Ready at 12:20 UTC, 0 of 3 before", id="a node is not ready"
        ),
        pytest.param(
            part(parts.CONTROL_PLANE, control_plane(status="FAILED")),
            "its control plane is FAILED at 12:20 UTC",
            id="the control plane failed",
        ),
        pytest.param(
            part(parts.WORKLOADS, (replace(workload(0), ready=0),)),
            "3 pods are not ready at 12:20 UTC, 0 before",
            id="pods are not ready",
        ),
        pytest.param(
            lambda made: made.store.findings.update({EU: [tracked("FK330", POLICY, NOON - timedelta(minutes=20))]}),
            "new since 11:40 UTC: FK330 Webhook policy",
            id="a webhook broke after preflight",
        ),
    ],
)
def test_a_member_that_fell_below_fails_with_the_way_back_and_its_end(change: Change, says: str) -> None:
    found = verdict(baked(20, change), 20)
    assert isinstance(found, Failed)
    assert says in found.why
    assert found.fix == (
        "mend it, then retry to bake in full again; the way back to 1.34 is open until 27 Nov 11:30 UTC: "
        "`fleetkeeper plan rollback -l name=shop-eu-1`"
    )


def test_what_was_so_before_preflight_ended_is_not_held_against_the_upgrade() -> None:
    made = baked(20, lambda made: made.store.findings.update({EU: [tracked("FK330", POLICY, later(-90))]}))
    assert isinstance(verdict(made, 20), Wait)


def test_a_way_back_that_closed_meanwhile_is_told_as_closed() -> None:
    def long_ago(made: Gating) -> None:
        part(parts.NODES, LOST)(made)
        ended = NOON - timedelta(days=8)
        made.runs.rows[1] = replace(made.runs.rows[1], memory=_moved(ended))

    found = verdict(baked(20, long_ago), 20)
    assert isinstance(found, Failed)
    assert found.fix.endswith("the way back to 1.34 closed on 19 Nov 12:00 UTC")


def test_without_an_upgrade_that_ended_no_way_back_is_promised() -> None:
    def failed(made: Gating) -> None:
        part(parts.NODES, LOST)(made)
        made.runs.rows[1] = replace(made.runs.rows[1], state=StepState.FAILED)

    found = verdict(baked(20, failed), 20)
    assert isinstance(found, Failed)
    assert found.fix == "mend it, then retry to bake in full again"


def test_its_parameters_are_those_of_the_gate_soak() -> None:
    params: Mapping[str, Param] = {
        "for": "2h",
        "max_age": "10m",
        "more_pods": "3",
        "every": "2m",
        "source": "main",
        "query": "errors",
        "op": "<",
        "value": 1,
    }
    made: Any = all_steps()["bake"].of(params)
    gate: Any = all_gates()["soak"].of(params)
    fields = ("length", "max_age", "more_pods", "rule", "every")
    assert [getattr(made, name) for name in fields] == [getattr(gate, name) for name in fields]
    assert type(made).names == type(gate).names
    with pytest.raises(ParamError):
        all_steps()["bake"].of({})
