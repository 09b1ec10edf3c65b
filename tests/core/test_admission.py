"""Which members may begin, and what those that may not say."""

import pytest

from fleetkeeper.core.plan import Need
from fleetkeeper.core.playbook import OnFailure
from fleetkeeper.core.run import Busy, Cause, Changes, Freeze, Hold, RunState, TaskState, Verb
from tests.core.runs import MINUTE, NOON, Story, member, stage, started, view

SUBNET = "subnet:subnet-1"


def needs(amount: int, capacity: int = 8) -> tuple[Need, ...]:
    return (Need(SUBNET, amount, capacity),)


# ---- limits of the stage and its groups


def test_members_begin_in_their_order_up_to_the_limit_of_the_stage() -> None:
    story = started([stage(at_once=2)], [member("a-eu"), member("b-eu"), member("c-eu")])
    assert story.running() == ["a-eu", "b-eu"]
    assert story.task("c-eu").state is TaskState.PENDING
    assert story.why("c-eu").cause is Cause.LIMIT
    assert story.why("c-eu").text == "stage all works on 2 at once: it begins when one of them ends"
    story.succeed("b-eu")
    assert story.running() == ["a-eu", "c-eu"]


def test_a_full_group_lets_other_groups_go() -> None:
    members = [member("a-eu", group="eu"), member("b-eu", group="eu"), member("c-us", group="us")]
    story = started([stage(groups={"eu": 1, "us": 1})], members)
    assert story.running() == ["a-eu", "c-us"]
    assert story.why("b-eu").text == "group all/eu works on 1 at once: it begins when one of them ends"


def test_a_blocked_member_keeps_its_place() -> None:
    story = started([stage(at_once=1)], [member("a-eu"), member("b-eu")])
    story.put("a-eu", TaskState.BLOCKED, None, due=NOON + MINUTE)
    story.look()
    assert story.task("b-eu").state is TaskState.PENDING
    assert story.state == RunState.BLOCKED


def test_waiting_for_a_limit_is_no_line_of_the_log_and_is_written_once() -> None:
    story = started([stage(at_once=1)], [member(f"c{n}-eu") for n in range(50)])
    assert len(story.last.tasks) == 50
    assert not any("waits" in text for text in story.texts())
    story.succeed("c0-eu")
    assert {task.name for task in story.last.tasks} == {"c1-eu"}


def test_a_failed_member_that_is_retried_waits_for_a_place_like_the_others() -> None:
    story = started([stage(at_once=1, on_failure=OnFailure.CONTINUE)], [member("a-eu"), member("b-eu")])
    story.fail("a-eu")
    assert story.running() == ["b-eu"]
    assert story.say(Verb.RETRY, "member:a-eu") == (True, "a-eu tried again")
    assert story.running() == ["b-eu"]
    assert story.why("a-eu").cause is Cause.LIMIT
    story.succeed("b-eu")
    assert story.running() == ["a-eu"]


def test_a_retry_in_an_earlier_stage_holds_the_later_one_back() -> None:
    specs = [stage("canary", failures=1), stage("prod", 1)]
    story = started(specs, [member("a-eu"), member("b-us", 1), member("c-us", 1)])
    story.fail("a-eu")
    assert story.running() == ["b-us"]
    story.say(Verb.RETRY, "member:a-eu")
    story.succeed("b-us")
    assert story.running() == ["a-eu"]
    assert story.why("c-us").text == "stage canary goes first: a member of it is tried again"
    story.succeed("a-eu")
    assert story.running() == ["c-us"]


# ---- services


@pytest.mark.parametrize(
    ("limits", "running"),
    [
        pytest.param({"shop": 1}, ["a-eu", "b-eu"], id="one region at once, and all members of that region"),
        pytest.param({"shop": 2}, ["a-eu", "b-eu", "c-us"], id="two regions at once"),
        pytest.param({"*": 1}, ["a-eu", "b-eu"], id="the limit of all other services"),
        pytest.param({"pay": 1}, ["a-eu", "b-eu", "c-us", "d-ap"], id="a service without a limit"),
        pytest.param({"shop": 2, "*": 1}, ["a-eu", "b-eu", "c-us"], id="its own limit goes before the other"),
    ],
)
def test_in_how_many_regions_a_service_is_worked_on(limits: dict[str, int], running: list[str]) -> None:
    members = [member(name, service="shop") for name in ("a-eu", "b-eu", "c-us", "d-ap")]
    assert started([stage()], members, limits).running() == running


def half_done(step: int, *, acted: bool) -> Story:
    members = [member("a-eu", service="shop"), member("b-us", service="shop")]
    story = started([stage(at_once=2, on_failure=OnFailure.CONTINUE)], members, {"shop": 1})
    story.put("a-eu", TaskState.RUNNING, acted=acted)
    story.fail("a-eu", step=step)
    return story


@pytest.mark.parametrize(
    ("step", "acted", "running"),
    [
        pytest.param(1, False, [], id="counts when it failed after its first step"),
        pytest.param(0, True, [], id="counts when its first step may have acted"),
        pytest.param(0, False, ["b-us"], id="does not count when nothing was done"),
    ],
)
def test_a_failed_member_and_the_regions_of_its_service(step: int, acted: bool, running: list[str]) -> None:
    assert half_done(step, acted=acted).running() == running


def test_a_half_done_member_is_named_with_what_frees_its_region() -> None:
    story = half_done(1, acted=False)
    why = story.why("b-us")
    assert why.cause is Cause.SERVICE
    assert why.text == "service shop may be out in 1 region at once: eu is half done: a-eu failed"
    assert why.owner == "the operator"
    assert story.run.why is not None
    assert story.run.why.fix == "retry or skip what is half done; what is worked on frees its region when it ends well"
    assert story.say(Verb.SKIP, "member:a-eu")[0]
    assert story.running() == ["b-us"]


# ---- other runs


def test_a_cluster_that_another_run_works_on_waits_and_its_neighbours_go() -> None:
    story = Story(view([stage()], [member("a-eu"), member("b-us")]))
    story.outside(elsewhere=(Busy("r-9", "a-eu", "arn:a-eu", "", "eu"),))
    story.look()
    assert story.running() == ["b-us"]
    assert story.why("a-eu").text == "run r-9 works on this cluster, or left it half done"
    assert story.run.due == NOON + MINUTE / 4
    story.outside()
    story.look(1)
    assert story.running() == ["a-eu", "b-us"]


def test_a_region_of_its_service_that_another_run_has_counts() -> None:
    story = Story(view([stage()], [member("a-eu", service="shop")], services={"shop": 1}))
    story.outside(elsewhere=(Busy("r-9", "shop-us", "arn:shop-us", "shop", "us"),))
    story.look()
    assert story.why("a-eu").text == "service shop may be out in 1 region at once: us is taken: run r-9 has shop-us"


# ---- reservations


def test_two_members_that_fit_alone_but_not_together_wait_for_each_other() -> None:
    story = started([stage()], [member("a-eu", needs=needs(5)), member("b-eu", needs=needs(5))])
    assert story.running() == ["a-eu"]
    assert story.why("b-eu").cause is Cause.RESERVATION
    assert story.why("b-eu").text == "needs 5 addresses of subnet-1, 3 are free: a-eu holds 5"
    story.succeed("a-eu")
    assert story.running() == ["b-eu"]


def test_what_other_runs_hold_is_not_free() -> None:
    story = Story(view([stage()], [member("a-eu", needs=needs(5))]))
    story.outside(reserved=((SUBNET, 4),))
    story.look()
    assert story.why("a-eu").text == "needs 5 addresses of subnet-1, 4 are free: other runs hold 4"
    assert story.run.due == NOON + MINUTE / 4


def test_a_small_need_does_not_overtake_a_large_one_that_waits_for_the_same() -> None:
    members = [member("a-eu", needs=needs(5)), member("b-eu", needs=needs(8)), member("c-eu", needs=needs(1))]
    story = started([stage()], members)
    assert story.running() == ["a-eu"]
    story.succeed("a-eu")
    assert story.running() == ["b-eu"]


def test_a_need_that_never_fits_says_so_and_holds_nobody_up() -> None:
    story = started([stage()], [member("a-eu", needs=needs(9)), member("b-eu", needs=needs(1))])
    assert story.running() == ["b-eu"]
    why = story.why("a-eu")
    assert why.text == "needs 9 addresses of subnet-1, and 8 were free before anything began: it never fits"
    assert why.fix == "free or add some and make a new plan, or skip it"


# ---- freezes that name some


def test_a_freeze_of_a_ring_holds_the_members_of_that_ring() -> None:
    members = [member("a-eu", attributes={"ring": "prod"}), member("b-eu", attributes={"ring": "canary"})]
    story = Story(view([stage()], members))
    story.outside(freezes=(Freeze("f", "sale", "eve", NOON, "ring=prod"),))
    story.look()
    assert story.running() == ["b-eu"]
    assert story.why("a-eu").owner == "eve"


def test_a_freeze_of_a_table_holds_the_members_that_it_names() -> None:
    members = [member("a-eu", attributes={"ring": "prod"}), member("b-eu", attributes={"ring": "canary"})]
    story = Story(view([stage()], members))
    story.outside(holds=(Hold(Cause.FREEZE, "frozen: Black Friday", None, "the config", "ring=prod"),))
    story.look()
    assert story.running() == ["b-eu"]
    assert story.why("a-eu").text == "frozen: Black Friday"


def test_a_hold_whose_selector_cannot_be_read_holds_everything() -> None:
    story = Story(view([stage()], [member("a-eu")]))
    story.outside(holds=(Hold(Cause.FREEZE, "frozen", None, "", "rings=prod"),))
    story.look()
    assert story.running() == []
    assert "cannot be read, so it holds everything" in story.why("a-eu").text


def test_members_that_wait_for_one_thing_are_one_line_of_the_log() -> None:
    story = Story(view([stage()], [member(f"c{n}-eu") for n in range(5)]))
    story.outside(freezes=(Freeze("f", "sale", "eve", NOON),))
    story.look()
    assert story.texts()[-1] == "5 members of stage all wait (c0-eu, c1-eu, c2-eu and 2 more): eve froze it: sale"
    assert story.look(0.1) == Changes()


def test_reasons_are_told_as_they_are_after_the_whole_look() -> None:
    members = [
        member("a-eu", needs=needs(8)),
        member("b-eu", needs=needs(2)),
    ]
    story = Story(view([stage()], members))
    story.outside(reserved=((SUBNET, 4),))
    story.look()
    assert story.running() == ["b-eu"]
    assert story.why("a-eu").text == "needs 8 addresses of subnet-1, 2 are free: b-eu holds 2, other runs hold 4"
    assert story.look() == Changes()


def test_who_holds_what_is_told_in_one_order_whoever_began_first() -> None:
    """A member that is tried again begins after one that stands behind it."""
    names = ("a-eu", "b-eu", "c-eu")
    story = started([stage(on_failure=OnFailure.CONTINUE)], [member(name, needs=needs(3)) for name in names])
    story.fail("a-eu")
    assert story.running() == ["b-eu", "c-eu"]
    story.say(Verb.RETRY, "member:a-eu")
    assert story.why("a-eu").text == "needs 3 addresses of subnet-1, 2 are free: b-eu holds 3, c-eu holds 3"
    assert story.look() == Changes()
