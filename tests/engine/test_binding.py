"""Granted extensions bind: a cluster that is held waits in the wave, one that may proceed goes on with a waiver."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from fleetkeeper.adapters.library_playbooks import read_files
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.notices.binding import extensions, freeze_id
from fleetkeeper.core.notices.keys import cluster_key, cluster_of
from fleetkeeper.core.notices.signing import sign
from fleetkeeper.core.notices.values import Answer, AnswerKind, ItemKey, Mode, Told
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import plan_page
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.core.run import Cause, RunState, Task, TaskState, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.waivers import Decisions
from fleetkeeper.engine.binding import Binder, Extended, Heard
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.steps import all_steps
from tests.engine.live import world_of
from tests.engine.rig import KEY
from tests.engine.virtual import VirtualFleet, virtual_fleet

CLUSTERS = "".join(
    f"""
[[cluster]]
name = "{name}"
template = ["small"]
account = "111122223333"
region = "eu-west-1"
version = "1.34"
tags = {{ environment = "prod", ring = "production", service = "{name}", owner = "team-{name}" }}
[[cluster.workload]]
namespace = "shop"
name = "web"
images = ["ghcr.io/example/shop-web:4.2.0"]
replicas = 2
"""
    for name in ("alpha", "beta")
)
WEBHOOK = """
[[cluster.webhook]]
name = "policy"
service = "policy/admission"
ready = 0
spares = ["kube-system", "shop", "cert-manager"]
"""
CODE = "FK330"
LONG = timedelta(days=1)


@dataclass
class Said:
    """What was answered and told, as the database keeps it."""

    found: list[Answer] = field(default_factory=list)
    items: dict[ItemKey, Told] = field(default_factory=dict)

    def answers(self) -> tuple[Answer, ...]:
        return tuple(self.found)

    def told(self) -> Mapping[ItemKey, Told]:
        return self.items


@dataclass
class Place:
    fleet: VirtualFleet
    said: Said
    binder: Binder
    playbook: Playbook

    def item(self, cluster: str, code: str) -> ItemKey:
        for subject, entry in self.fleet.keeper.findings(Selector.parse(f"name={cluster}")):
            if entry.finding.code == code:
                return ItemKey(cluster_key(subject.id), entry.finding.fingerprint)
        pytest.fail(f"{cluster} has no {code}")

    def extended(self, mode: Mode, *items: ItemKey, lasts: timedelta = LONG, by: str = "bob") -> None:
        until = (self.fleet.now + lasts).date()
        self.say(AnswerKind.EXTEND, "ann", *items, id="e1", until=until, reason="the new chart is not out", mode=mode)
        self.say(AnswerKind.GRANT, by, *items, id="g1", of="e1", until=until)

    def say(self, kind: AnswerKind, person: str, *items: ItemKey, id: str, **more: Any) -> None:
        answer = Answer(id, kind, items, person, "slack", self.fleet.now, **more)
        self.said.found.append(sign(answer, KEY))
        self.binder.settle()

    def mend(self, item: ItemKey) -> None:
        store, cluster = self.fleet.keeper.ports.store, cluster_of(item.cluster)
        tracking = store.tracking(cluster) or pytest.fail("it was never judged")
        known = replace(tracking.findings[item.fingerprint], state=State.RESOLVED)
        store.save_tracking(cluster, replace(tracking, findings={**tracking.findings, item.fingerprint: known}))

    def begun(self) -> str:
        plan = self.plan()
        run = self.fleet.start(plan)
        self.fleet.say(Verb.APPROVE, plan.header.id, "bob")
        return run

    def plan(self) -> Plan:
        return self.fleet.plan(self.playbook)

    def task(self, run: str, name: str) -> Task:
        return next(each for each in self.fleet.run(run).tasks if each.name == name)

    def after(self, run: str = "", **time: float) -> None:
        self.fleet.until(self.fleet.now + timedelta(**time), [run] if run else [])

    def freezes(self) -> list[str]:
        return [each.id for each in self.fleet.runs.freezes()]


@contextmanager
def place(folder: Path, clusters: str) -> Iterator[Place]:
    said = Said()
    heard = Heard(cast(Any, said), lambda: KEY, ZoneInfo("UTC"))
    with virtual_fleet(world_of(clusters), folder, (), Extended(Decisions(), heard, -1)) as fleet:
        fleet.observe()
        ports = fleet.keeper.ports
        yield Place(fleet, said, Binder(heard, ports.store, fleet.runs, ports.clock), one_stage(folder))


PLAYBOOK = """
name = "all"
title = "Upgrade control planes"
purpose = "Two clusters at once, and nothing but what a test needs."
changes = "minor"
[[steps]]
name = "preflight"
kind = "preflight"
timeout = "30m"
[[steps]]
name = "control-plane"
kind = "upgrade-control-plane"
each_hop = true
timeout = "3h"
[[stages]]
name = "all"
max_concurrency = 2
"""


def one_stage(folder: Path) -> Playbook:
    file = folder / "all.toml"
    file.write_text(PLAYBOOK, "utf-8")
    return next(iter(read_files([file], all_steps(), all_gates()).values()))


def test_a_held_cluster_waits_in_the_wave_with_the_reason_and_its_neighbour_goes_on(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS) as made:
        item = made.item("alpha", "FK201")
        made.said.items[item] = cast(Told, Owner("team-alpha"))
        made.extended(Mode.HOLD, item)
        assert made.freezes() == [freeze_id("e1")]
        run = made.begun()
        made.after(run, hours=2)
        held, gone = made.task(run, "alpha"), made.task(run, "beta")
        assert (held.acted, gone.state) == (False, TaskState.SUCCEEDED)
        assert held.why is not None
        assert held.why.cause is Cause.FREEZE
        assert "team-alpha may take longer to fix FK201 Addon cert-manager/cert-manager" in held.why.text
        assert "the new chart is not out" in held.why.text
        made.say(AnswerKind.DENY, "cy", item, id="d1", of="e1")
        assert made.freezes() == []
        made.after(run, hours=4)
        assert made.fleet.run(run).run.state is RunState.SUCCEEDED


def test_a_hold_is_lifted_when_it_is_over(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS) as made:
        made.extended(Mode.HOLD, made.item("alpha", "FK201"), lasts=timedelta(0))
        assert made.freezes() == [freeze_id("e1")]
        made.after(hours=16)
        made.binder.settle()
        assert made.freezes() == []


def test_a_hold_is_lifted_when_the_item_is_mended(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS + WEBHOOK) as made:
        item = made.item("beta", CODE)
        made.extended(Mode.HOLD, item)
        assert made.freezes() == [freeze_id("e1")]
        made.mend(item)
        made.binder.settle()
        assert made.freezes() == []


def test_a_freeze_that_somebody_lifted_by_hand_stays_lifted(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS) as made:
        made.extended(Mode.HOLD, made.item("alpha", "FK201"))
        made.fleet.runs.lift_freeze(freeze_id("e1"), "cy", made.fleet.now)
        made.binder.settle()
        assert made.freezes() == []


def test_one_that_may_proceed_is_waived_on_the_page_and_goes_on(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS + WEBHOOK) as made:
        assert [each.name for each in made.plan().header.left] == ["beta"]
        made.extended(Mode.PROCEED, made.item("beta", CODE))
        plan = made.plan()
        assert plan.header.left == ()
        ends = (made.fleet.now + LONG + timedelta(days=1)).date()
        assert f"waived until {ends} by bob: {CODE}" in " ".join(plan_page(plan).split())
        run = made.begun()
        made.after(run, hours=4)
        assert made.fleet.run(run).run.state is RunState.SUCCEEDED


def test_when_it_ends_the_finding_counts_again(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS + WEBHOOK) as made:
        made.extended(Mode.PROCEED, made.item("beta", CODE), lasts=timedelta(0))
        assert made.plan().header.left == ()
        made.after(hours=16)
        made.fleet.observe()
        assert [each.name for each in made.plan().header.left] == ["beta"]


@pytest.mark.parametrize("mode", list(Mode))
def test_an_answer_that_nobody_signed_binds_nothing(tmp_path: Path, mode: Mode) -> None:
    with place(tmp_path, CLUSTERS + WEBHOOK) as made:
        made.extended(mode, made.item("beta", CODE))
        made.said.found[-1] = replace(made.said.found[-1], signature="0" * 64)
        made.binder.settle()
        assert made.freezes() == []
        assert [each.name for each in made.plan().header.left] == ["beta"]


def test_nobody_grants_their_own(tmp_path: Path) -> None:
    with place(tmp_path, CLUSTERS + WEBHOOK) as made:
        made.extended(Mode.PROCEED, made.item("beta", CODE), by="ann")
        assert [each.name for each in made.plan().header.left] == ["beta"]


@dataclass(frozen=True)
class Owner:
    owner: str


AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
ASKED = Answer("e1", AnswerKind.EXTEND, (), "ann", "slack", AT, until=date(2026, 12, 10))
GRANTED = Answer("g1", AnswerKind.GRANT, (), "bob", "slack", AT + timedelta(hours=1), of="e1")
SHORTER = replace(GRANTED, until=date(2026, 12, 1))


def test_an_extension_lasts_to_the_end_of_its_last_day_in_the_zone_of_the_policy() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    (whole,), (less,) = extensions([GRANTED, ASKED], berlin), extensions([ASKED, SHORTER], berlin)
    assert (whole.until, less.until) == (date(2026, 12, 10), date(2026, 12, 1))
    assert less.lasts(datetime(2026, 12, 1, 22, 59, tzinfo=UTC))
    assert not less.lasts(datetime(2026, 12, 1, 23, 0, tzinfo=UTC))


def test_the_first_decision_holds_and_a_denial_after_it_withdraws() -> None:
    denied = replace(GRANTED, id="d1", kind=AnswerKind.DENY, at=AT + timedelta(hours=2))
    assert len(extensions([ASKED, GRANTED, replace(SHORTER, id="g2")], ZoneInfo("UTC"))) == 1
    assert extensions([ASKED, GRANTED, denied], ZoneInfo("UTC")) == ()
