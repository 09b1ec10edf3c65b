"""What somebody with the database's password can do after an approval: every edit is refused at the next mutation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.approval import sign
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_file import plan_text, read_plan
from fleetkeeper.core.run import Cause, RunState, TaskState
from fleetkeeper.engine.planning import StoredFleet
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.start import Starter
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.errors import Tampered
from fleetkeeper.values import digest, to_json
from tests.contract.conftest import postgres, settings
from tests.engine.rig import KEY, STEPS, T0, Cloud, Engine, SetClock, begin, engine, plan_of, settle

__all__ = ["postgres", "settings"]

MINUTE = timedelta(minutes=1)
PLAN, HEADER, BODIES = plan_of()
EDITED = HEADER.replace("Operate", "Destroy")
FORGED_APPROVAL = (
    "INSERT INTO approval (id, plan_id, run_id, gate, digest, approved, actor, identity, requester, at, expires_at,"
    f" note, signature) SELECT 'forged', plan_id, '', '', '{PLAN.digest}', TRUE, 'eve', 'local', 'ann', at, expires_at,"
    " '', signature FROM approval WHERE id = 'c1'"
)


def forged_step(idx: int) -> str:
    """A row that says that the executor had decided to act, as it would write it, but for the seal."""
    return (
        "INSERT INTO run_step (run_id, task, idx, polls, name, kind, state, since, token, memory, intent, attempt,"
        f" error, seal) SELECT run_id, idx, {idx}, 0, '{STEPS[idx].name}', 'operate', 'intended', since, 'forged',"
        f" '{{}}', 'start the operation', 0, '', '{'0' * 64}' FROM run_task"
    )


def step(column: str, value: str) -> Sequence[str]:
    return (f"UPDATE run_step SET {column} = '{value}'",)


def approval(column: str, value: str) -> Sequence[str]:
    return (f"UPDATE approval SET {column} = {value}",)


@dataclass(frozen=True)
class Edit:
    """Statements, and what the reason must name."""

    statements: Sequence[str]
    named: str


EDITS = {
    "the header of the plan": Edit((f"UPDATE plan SET header = '{EDITED}'",), "plan"),
    "the header and its digest": Edit((f"UPDATE plan SET header = '{EDITED}', digest = '{digest(EDITED)}'",), "plan"),
    "the header, its digest and that of the run": Edit(
        (
            f"UPDATE plan SET header = '{EDITED}', digest = '{digest(EDITED)}'",
            f"UPDATE run SET digest = '{digest(EDITED)}'",
        ),
        "plan|step two of shop-0",
    ),
    "what the plan says of a member": Edit(
        ("UPDATE plan_member SET body = replace(body, 'operate', 'destroy')",), "member 0|shop-0"
    ),
    "the digest of the run": Edit(("UPDATE run SET digest = 'x'",), "plan-1"),
    "the kind of a step": Edit(step("kind", "destroy"), "step one of shop-0"),
    "the name of a step": Edit(step("name", "destroy"), "step one of shop-0"),
    "the token of a step": Edit(step("token", "other"), "step one of shop-0"),
    "the state of a step": Edit(step("state", "intended"), "step one of shop-0"),
    "the attempt of a step": Edit(("UPDATE run_step SET attempt = 7",), "step one of shop-0"),
    "what a step remembers": Edit(step("memory", '{"state":"none"}'), "step one of shop-0"),
    "what a step remembers, to nothing readable": Edit(step("memory", "["), "step one of shop-0"),
    "the seal of a step": Edit(step("seal", "0" * 64), "step one of shop-0"),
    "who approved": Edit(approval("actor", "'eve'"), "approval c1"),
    "what was approved": Edit(approval("digest", "'x'"), "approval c1"),
    "whether it was approved": Edit(approval("approved", "FALSE"), "approval c1"),
    "who had asked for approval": Edit(approval("requester", "'eve'"), "approval c1"),
    "the signature of an approval": Edit(approval("signature", f"'{'0' * 64}'"), "approval c1"),
    "an approval, taken away": Edit(("DELETE FROM approval",), "nobody has approved"),
    "an approval, replaced by a forged one": Edit(
        (FORGED_APPROVAL, "DELETE FROM approval WHERE id = 'c1'"), "approval forged"
    ),
}


@dataclass
class Attacked:
    """An engine whose database somebody writes to. `again`: another replica, which remembers nothing."""

    settings: StoreSettings
    clock: SetClock = field(default_factory=SetClock)
    engines: list[Engine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cloud = Cloud(self.clock, MINUTE)
        self.again()

    def again(self) -> None:
        self.engines.append(engine(self.settings, self.cloud, self.clock, pace=Pace(timedelta(seconds=20))))

    def by_hand(self, statements: Sequence[str]) -> None:
        with self.engines[0].runs._database.engine.begin() as connection:
            for each in statements:
                connection.exec_driver_sql(each)

    def goes_on(self, by: timedelta = 2 * MINUTE) -> None:
        until = self.clock.at + by
        while self.clock.at < until:
            self.clock.at += timedelta(seconds=30)
            settle(self.engines[-1])

    def stored(self) -> StoredRun:
        found = self.engines[-1].runs.run("run-1")
        assert found is not None
        return found

    def reasons(self) -> list[str]:
        """Why the run and its member are held, by plain SQL: the run may not even be readable."""
        told = []
        with self.engines[0].runs._database.engine.connect() as connection:
            for table, blocked in (("run", RunState.BLOCKED), ("run_task", TaskState.BLOCKED)):
                statement = f"SELECT why FROM {table} WHERE state = '{blocked}' AND cause = '{Cause.TAMPERED}'"
                told += [row[0] for row in connection.exec_driver_sql(statement)]
        return told

    @property
    def acts(self) -> int:
        return len(self.cloud.calls)


@pytest.fixture
def attacked(settings: StoreSettings) -> Iterator[Attacked]:
    made = Attacked(settings)
    yield made
    for each in made.engines:
        each.runs.close()


@pytest.mark.parametrize("name", EDITS)
def test_after_an_edit_in_mid_run_nothing_more_is_done_by_this_replica_or_another(
    name: str, attacked: Attacked
) -> None:
    edit = EDITS[name]
    begin(attacked.engines[0].runs, T0)
    settle(attacked.engines[0])
    assert attacked.acts == 1
    attacked.by_hand(edit.statements)
    for _ in ("this replica", "another one, which remembers nothing"):
        attacked.goes_on()
        assert attacked.acts == 1
        reasons = attacked.reasons()
        assert any(word in reason for reason in reasons for word in edit.named.split("|")), reasons
        attacked.again()


@pytest.mark.parametrize("name", [name for name in EDITS if "step" not in name])
def test_after_an_edit_before_the_first_mutation_nothing_is_done(name: str, attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0)
    attacked.by_hand(EDITS[name].statements)
    attacked.goes_on()
    assert attacked.acts == 0


def test_nothing_is_done_on_a_forged_approval(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0, approve=False)
    values = "'forged', 'plan-1', '', '', '{}', TRUE, 'eve', 'local', 'ann', '{}', '{}', '', '{}'"
    columns = FORGED_APPROVAL.partition(")")[0]
    row = values.format(PLAN.digest, "2026-11-21 03:00:00.000000", "2030-11-21 03:00:00.000000", "0" * 64)
    attacked.by_hand((f"{columns}) VALUES ({row})",))
    attacked.goes_on()
    assert attacked.acts == 0
    assert attacked.stored().run.state is RunState.NOT_STARTED


def test_a_forged_step_is_not_acted_on(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0)
    attacked.by_hand((forged_step(0),))
    attacked.goes_on()
    assert attacked.acts == 0
    assert any("step one of shop-0" in reason for reason in attacked.reasons())


def test_a_step_that_was_forged_ahead_of_its_time_is_written_over_and_its_token_never_used(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0)
    settle(attacked.engines[0])
    attacked.by_hand((forged_step(1),))
    attacked.goes_on()
    assert attacked.stored().run.state is RunState.SUCCEEDED
    assert "forged" not in attacked.cloud.started
    assert len(attacked.cloud.started) == 2


def test_what_is_restored_goes_on(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0)
    settle(attacked.engines[0])
    attacked.by_hand(("UPDATE plan_member SET body = replace(body, 'operate', 'destroy')",))
    attacked.goes_on()
    assert attacked.acts == 1
    attacked.by_hand(("UPDATE plan_member SET body = replace(body, 'destroy', 'operate')",))
    attacked.goes_on()
    assert attacked.stored().run.state is RunState.SUCCEEDED


def test_a_signature_by_another_key_proves_nothing(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0)
    own = attacked.stored().approvals[0]
    forged = sign(replace(own, actor="eve"), b"a key of somebody else")
    attacked.by_hand((f"UPDATE approval SET actor = 'eve', signature = '{forged}'",))
    attacked.goes_on()
    assert attacked.acts == 0
    assert sign(own, KEY) == own.signature


class TestAnExportedFile:
    """`run start --file plan.json`: the file must be the stored plan, to the last digest."""

    @pytest.fixture
    def start(self, settings: StoreSettings, attacked: Attacked) -> Iterator[Callable[[str], bool]]:
        store, runs = SqlStore(settings), attacked.engines[0].runs
        runs.save_plan(PLAN, HEADER, BODIES)
        starter = Starter(StoredFleet(store, attacked.clock, timedelta(hours=1)), runs)
        yield lambda text: starter.start("plan-1", "bo", exported=read_plan(text)).created
        store.close()

    def test_starts_as_it_was_exported(self, start: Callable[[str], bool]) -> None:
        assert start(plan_text(PLAN))

    @pytest.mark.parametrize(
        ("old", "new"),
        [("Operate", "Destroy"), ('"kind": "operate"', '"kind": "destroy"'), ("shop-0", "shop-9")],
        ids=["its title", "a step of a member", "a member's name"],
    )
    def test_is_refused_when_it_was_edited(
        self, old: str, new: str, start: Callable[[str], bool], attacked: Attacked
    ) -> None:
        text = plan_text(PLAN)
        assert old in text
        with pytest.raises(Tampered, match="changed after its export"):
            start(text.replace(old, new))
        assert attacked.engines[0].runs.runs() == ()

    def test_is_refused_when_its_digests_were_edited_along(
        self, start: Callable[[str], bool], attacked: Attacked
    ) -> None:
        header = replace(PLAN.header, playbook_title="Destroy")
        with pytest.raises(Tampered, match="is not the plan plan-1 that is stored"):
            start(plan_text(Plan(header, PLAN.members, digest(to_json(header)))))
        assert attacked.engines[0].runs.runs() == ()
