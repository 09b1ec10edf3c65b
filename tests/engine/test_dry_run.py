"""A dry run says what every step would do now, and does none of it."""

from typing import Any

import pytest

from fleetkeeper.cli import dry_run_table
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.verdict import Blocked, Done, Failed, Moment, Skip, Unknown, Verdict, Wait
from fleetkeeper.engine.dry_run import Effect, Tried, dry_run
from fleetkeeper.engine.step import Kinds
from fleetkeeper.errors import Unreachable
from tests.engine.rig import Cloud, Operate, SetClock, plan_of


class World:
    def __init__(self) -> None:
        self.clock = SetClock()
        self.hooks = Cloud(self.clock)


SAYS: dict[str, Verdict | Exception] = {
    "done": Done("coredns is at v1.12.0"),
    "skip": Skip("there is no coredns"),
    "wait": Wait("an update runs", owner="team-web"),
    "blocked": Blocked("web-pdb allows no disruption", "team-web", "scale web to 3"),
    "failed": Failed("coredns is DEGRADED", "look at its pods"),
    "unknown": Unknown("was the page sent?"),
    "dark": Unreachable("describe addon: timeout"),
}


class Says(Operate):
    """Answers what its parameter names."""

    said: Verdict | Exception

    @classmethod
    def of(cls, params: Any) -> "Says":
        made = cls()
        object.__setattr__(made, "said", SAYS[params["says"]])
        return made

    def decide(self, seen: str, moment: Moment) -> Verdict:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


KINDS: Kinds = {"operate": Operate, "says": Says}


def tries(*steps: StepSpec, members: int = 1) -> tuple[Tried, ...]:
    world: Any = World()
    found = tuple(dry_run(world, KINDS, plan_of(members, steps)[0]))
    assert world.hooks.calls == []
    return found


def test_a_step_that_would_act_says_what_it_would_do() -> None:
    (tried,) = tries(StepSpec("one", "operate"))
    assert (tried.member, tried.stage, tried.step) == ("shop-0", "all", "one")
    assert (tried.effect, tried.text) == (Effect.ACTS, "start the operation")


@pytest.mark.parametrize(
    ("says", "effect", "text", "fix"),
    [
        pytest.param("done", Effect.DONE, "coredns is at v1.12.0", "", id="done already"),
        pytest.param("skip", Effect.NOTHING, "there is no coredns", "", id="not needed"),
        pytest.param("wait", Effect.WAITS, "an update runs", "team-web can end it", id="waiting"),
        pytest.param("blocked", Effect.BLOCKED, "web-pdb allows no disruption", "scale web to 3", id="blocked"),
        pytest.param("failed", Effect.FAILS, "coredns is DEGRADED", "look at its pods", id="failing"),
        pytest.param("unknown", Effect.UNKNOWN, "was the page sent?", "", id="unknown"),
        pytest.param(
            "dark", Effect.UNKNOWN, "it could not be looked at: unreachable: describe addon: timeout", "", id="not seen"
        ),
    ],
)
def test_a_step_is_told_as(says: str, effect: Effect, text: str, fix: str) -> None:
    (tried,) = tries(StepSpec("one", "says", {"says": says}))
    assert tried.effect is effect
    assert tried.text == text
    assert tried.fix == fix


def test_a_step_that_this_release_does_not_have_is_unknown() -> None:
    (tried,) = tries(StepSpec("one", "rotate"))
    assert (tried.effect, tried.text) == (Effect.UNKNOWN, "this release has no rotate")


def test_every_step_of_every_member_is_told_in_the_plans_order() -> None:
    found = tries(StepSpec("one", "operate"), StepSpec("two", "operate"), members=3)
    assert [(each.member, each.step) for each in found] == [
        (f"shop-{number}", step) for number in range(3) for step in ("one", "two")
    ]


def test_the_page_says_what_is_done_and_what_stands_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    steps = (StepSpec("preflight", "says", {"says": "blocked"}), StepSpec("update", "operate"))
    world: Any = World()
    plan = plan_of(2, steps)[0]
    dry_run_table.show(plan, dry_run(world, KINDS, plan))
    assert capsys.readouterr().out.splitlines() == [
        "Dry run of plan-1: nothing is changed. Each step looks at its cluster as it is now.",
        "",
        "Stage all",
        "  shop-0",
        "    preflight is BLOCKED: web-pdb allows no disruption",
        "      do: scale web to 3",
        "    update would start the operation",
        "  shop-1",
        "    preflight is BLOCKED: web-pdb allows no disruption",
        "      do: scale web to 3",
        "    update would start the operation",
        "",
        "4 steps: 2 would act, 2 blocked.",
    ]


def test_the_page_shows_the_details_of_an_act_and_cuts_them(capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(1, (StepSpec("one", "operate"),))[0]
    diff = "".join(f"+line {number}\n" for number in range(62))
    dry_run_table.show(plan, [Tried("shop-0", "all", "one", Effect.ACTS, "upgrade web", details=diff)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[5] == "      | +line 0"
    assert lines[65] == "      | and 2 more lines"
