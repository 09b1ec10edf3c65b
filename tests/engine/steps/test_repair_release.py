"""repair-release in virtual time: what is renamed, what blocks, and how it goes back."""

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Skip, Undone, Wait
from fleetkeeper.errors import ParamError
from tests.engine.steps.releasing import ONE, Releasing, an_object
from tests.engine.steps.walking import TOKEN, Walk, told

OLD = ONE + an_object("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "slow")
LOST = ONE + an_object("policy/v1beta1", "PodSecurityPolicy", "strict")


def on(version: str, manifest: str = OLD, owner: str = "") -> Releasing:
    made = Releasing(manifest=manifest, owner=owner)
    made.place.cluster.version = version
    return made


def repair(web: Releasing, **more: str) -> Walk:
    return web.walk("repair-release", **{"to": "1.32", **more})


def test_it_writes_a_revision_with_the_new_name_and_is_done() -> None:
    web = on("1.31")
    step = repair(web)
    assert told(step.tick()) == (
        "write revision 4 of release web/guard with 1 object renamed for 1.32 (flowcontrol.apiserver.k8s.io/v1beta3 "
        "FlowSchema web/slow → flowcontrol.apiserver.k8s.io/v1); no object in the cluster is touched"
    )
    step.tick()
    assert told(step.tick()) == "revision 4 of release web/guard names nothing that 1.32 does not serve"
    assert web.history == [(2, "superseded"), (3, "superseded"), (4, "deployed")]
    assert web.seen().newest.version == "1.0.0"


def test_a_crash_after_its_write_changes_nothing_twice() -> None:
    web = on("1.31")
    step = repair(web)
    step.forgets = True
    step.ticks(2)
    assert isinstance(step.tick(), Done)
    assert web.history[-1] == (4, "deployed")


def test_a_crash_between_its_two_writes_is_finished() -> None:
    web = on("1.31")
    step = repair(web)
    step.ticks(2)
    web.put(3, "deployed")
    act = step.look()
    assert told(act) == "mark the revisions of release web/guard before 4 as superseded"
    step.tick()
    assert isinstance(step.tick(), Done)
    assert web.history == [(2, "superseded"), (3, "superseded"), (4, "deployed")]


def test_one_that_names_nothing_old_is_done_at_once() -> None:
    assert told(repair(on("1.31", ONE)).look()) == "release web/guard names nothing that 1.32 does not serve"


def test_one_that_goes_without_a_successor_blocks_with_the_object() -> None:
    blocked = repair(on("1.24", LOST), to="1.25").look()
    assert isinstance(blocked, Blocked)
    assert "policy/v1beta1 PodSecurityPolicy web/strict" in blocked.why
    assert "has no successor" in blocked.why


def test_one_that_another_tool_keeps_is_left_to_it() -> None:
    blocked = repair(on("1.31", owner="Flux")).look()
    assert isinstance(blocked, Blocked)
    assert "Flux keeps release web/guard" in blocked.why
    assert isinstance(repair(on("1.31", ONE, owner="Flux")).look(), Done)


def test_one_that_somebody_is_at_work_on_waits() -> None:
    web = on("1.31")
    web.put(4, "pending-upgrade")
    assert isinstance(repair(web).look(), Wait)
    web.place.later(hours=1)
    assert isinstance(repair(web).look(), Blocked)


def test_one_after_a_failed_upgrade_repairs_what_is_deployed() -> None:
    web = on("1.31")
    web.put(4, "failed")
    step = repair(web)
    step.ticks(2)
    assert isinstance(step.tick(), Done)
    assert web.history == [(2, "superseded"), (3, "superseded"), (4, "failed"), (5, "deployed")]


def test_one_that_is_not_there_is_skipped() -> None:
    assert isinstance(repair(on("1.31"), release="gone").look(), Skip)


def test_an_abort_gives_the_revision_before_back() -> None:
    web = on("1.31")
    step = repair(web)
    step.ticks(2)
    assert told(step.undo()) == "release web/guard is as it was: revision 4 was removed"
    assert web.history == [(2, "superseded"), (3, "deployed")]
    assert told(step.undo()) == "release web/guard has no revision of this step as its newest"


def test_an_abort_after_the_control_plane_moved_leaves_it_repaired() -> None:
    web = on("1.31")
    step = repair(web)
    step.ticks(2)
    web.place.cluster.version = "1.32"
    undone = step.undo()
    assert isinstance(undone, Undone)
    assert "stays repaired: the cluster (1.32) does not serve" in undone.note
    assert web.history[-1] == (4, "deployed")


def test_an_abort_before_its_act_touches_nothing() -> None:
    web = on("1.31")
    step = repair(web)
    assert isinstance(step.tick(), Act)
    assert step.token == TOKEN
    assert isinstance(step.undo(), Undone)
    assert web.history == [(2, "superseded"), (3, "deployed")]


def test_a_minor_that_is_none_is_refused() -> None:
    with pytest.raises(ParamError, match=r"must be a minor such as 1.36"):
        repair(on("1.31"), to="next")
