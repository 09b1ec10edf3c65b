"""update-release in virtual time: every way in which a release is found, and helm's death at any moment."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Residue, Skip, Undone, Wait
from fleetkeeper.engine.attempts import token_of
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.engine.releases import ChartChoice, NoReleases, ReleaseRef, SeenRelease
from fleetkeeper.errors import GapReason, ParamError, ReadError
from fleetkeeper.sim.ports_releases import WorldReleases
from tests.engine.steps.releasing import Releasing
from tests.engine.steps.walking import TOKEN, Place, Walk, told

Seen = TypeVar("Seen")

FROM_TO = "upgrade release web/guard (chart acme) from 1.0.0 to 2.0.0 with helm, values kept"


@pytest.fixture
def web() -> Releasing:
    return Releasing()


def test_it_says_what_changes_then_upgrades_and_waits_for_helm(web: Releasing) -> None:
    step = web.update()
    act = step.look()
    assert isinstance(act, Act)
    assert act.what == f"{FROM_TO}: 1 object changes, 1 new, 1 goes (Service web/old)"
    assert "Deployment web/guard" in act.details
    step.ticks(2)
    assert told(step.tick()) == "helm upgrades release web/guard to 2.0.0"
    assert web.history == [(2, "superseded"), (3, "deployed"), (4, "pending-upgrade")]
    web.place.later(minutes=2)
    assert told(step.tick()) == "release web/guard is at acme 2.0.0, revision 4"
    assert web.history == [(2, "superseded"), (3, "superseded"), (4, "deployed")]
    assert told(web.update().tick()) == "release web/guard is at acme 2.0.0 already"


def test_crds_are_told_and_applied_first(web: Releasing) -> None:
    web.offer(crds=("guards.acme.io",))
    act = web.update().look()
    assert isinstance(act, Act)
    assert act.what.endswith("; CRDs, which helm never upgrades, are applied first: guards.acme.io")
    assert act.memory["crds"] == "guards.acme.io"


def test_crds_of_somebody_else_block(web: Releasing) -> None:
    web.offer(crds=("guards.acme.io",), contested=("guards.acme.io: its fields belong to argocd",))
    blocked = web.update().look()
    assert isinstance(blocked, Blocked)
    assert "guards.acme.io: its fields belong to argocd" in blocked.why


@pytest.mark.parametrize(
    ("number", "status", "version", "chart", "kind", "says"),
    [
        pytest.param(4, "deployed", "2.0.0", "acme", Done, "is at acme 2.0.0 already", id="at the version already"),
        pytest.param(4, "deployed", "2.1.0", "acme", Skip, "newer than 2.0.0", id="newer"),
        pytest.param(4, "deployed", "1.0.0", "other", Failed, "is of the chart other", id="of another chart"),
        pytest.param(4, "failed", "1.0.0", "acme", Failed, "is failed at revision 4: the hook", id="failed before"),
        pytest.param(4, "pending-upgrade", "2.0.0", "acme", Wait, "by nothing that fleetkeeper began", id="pending"),
        pytest.param(4, "uninstalling", "1.0.0", "acme", Wait, "is uninstalling", id="going away"),
    ],
)
def test_a_release_that_is_not_as_planned(
    web: Releasing, number: int, status: str, version: str, chart: str, kind: type, says: str
) -> None:
    web.put(number, status, version, chart, "the hook timed out")
    verdict = web.update().look()
    assert isinstance(verdict, kind)
    assert says in told(verdict)
    assert web.releases.begun == 0


def test_one_that_stays_pending_blocks_with_the_way_out(web: Releasing) -> None:
    web.put(4, "pending-upgrade", "2.0.0")
    step = web.update()
    assert isinstance(step.tick(), Wait)
    web.place.later(minutes=21)
    blocked = step.tick()
    assert isinstance(blocked, Blocked)
    assert blocked.fix.endswith("helm rollback guard 3 --namespace web --wait")


def test_a_release_that_is_not_there(web: Releasing) -> None:
    assert isinstance(web.update(release="gone").look(), Skip)


def test_one_that_another_tool_keeps_is_left_to_it() -> None:
    blocked = Releasing(owner="Flux").update().look()
    assert isinstance(blocked, Blocked)
    assert blocked.why == "Flux keeps release web/guard: it would put back what is changed here"


def test_one_that_another_tool_brought_there_is_done() -> None:
    web = Releasing(owner="Flux")
    web.put(4, "deployed", "2.0.0")
    assert isinstance(web.update().look(), Done)


def test_what_helm_cannot_render_fails_with_its_words(web: Releasing) -> None:
    web.offer(refused="values don't meet the specifications of the schema")
    failed = web.update().look()
    assert isinstance(failed, Failed)
    assert "values don't meet the specifications" in failed.why


def test_a_package_that_changed_since_is_not_installed(web: Releasing) -> None:
    step = web.update()
    step.tick()
    step.memory = {**step.memory, "package": "another"}
    step.tick()
    assert "is another one than was looked at" in told(step.tick())
    assert web.releases.begun == 0


def test_an_upgrade_that_fails_tells_helms_words_and_the_way_back_and_goes_on_when_retried(web: Releasing) -> None:
    web.offer(fails="timed out waiting for the condition")
    step = web.update()
    step.ticks(2)
    web.place.later(minutes=2)
    failed = step.tick()
    assert isinstance(failed, Failed)
    assert "ended as failed: timed out waiting for the condition" in failed.why
    assert "helm rollback guard 3 --namespace web --wait takes it back" in failed.fix
    web.offer(fails="")
    step.retry()
    step.ticks(2)
    web.place.later(minutes=2)
    assert isinstance(step.tick(), Done)
    assert web.history[-2:] == [(4, "failed"), (5, "deployed")]


# ---- crashes


def test_a_crash_right_after_helm_was_begun_begins_it_once(web: Releasing) -> None:
    step = web.update()
    step.forgets = True
    step.ticks(2)
    assert isinstance(step.tick(), Wait)
    web.place.later(minutes=2)
    assert isinstance(step.tick(), Done)
    assert web.releases.begun == 1


def test_a_helm_that_died_in_the_middle_is_rolled_back_and_begun_anew(web: Releasing) -> None:
    step = web.update()
    step.ticks(2)
    web.releases.kill(TOKEN)
    back = step.tick()
    assert told(back) == "roll release web/guard back to revision 3: helm ended in the middle of the upgrade"
    assert told(step.tick()) == "helm rolls release web/guard back to revision 3"
    web.place.later(minutes=2)
    failed = step.tick()
    assert isinstance(failed, Failed)
    assert "was rolled back to revision 3" in failed.why
    assert web.seen().newest.version == "1.0.0"
    step.retry()
    step.ticks(2)
    web.place.later(minutes=2)
    assert isinstance(step.tick(), Done)
    assert web.seen().newest.version == "2.0.0"


@dataclass
class Meanwhile:
    """Time passes after the first of two questions about a release, so that helm ends between them."""

    under: WorldReleases
    pass_time: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.under, name)

    def look(self, ref: ReleaseRef) -> SeenRelease | None:
        return self._then(self.under.look(ref))

    def state(self, ref: ReleaseRef, token: str) -> CommandState | None:
        return self._then(self.under.state(ref, token))

    def _then(self, seen: Seen) -> Seen:
        self.pass_time()
        return seen


def in_the_middle(web: Releasing) -> Walk:
    """helm has begun, and ends while the step asks about it."""
    step = web.update()
    step.ticks(2)
    meanwhile = Meanwhile(web.releases, lambda: web.place.later(minutes=2))
    web.place.world = replace(web.place.world, releases=meanwhile)
    return step


def test_a_helm_that_ends_well_while_it_is_looked_at_is_not_taken_as_cut_off(web: Releasing) -> None:
    step = in_the_middle(web)
    assert isinstance(step.look(), Wait | Done)
    assert told(step.tick()) == "release web/guard is at acme 2.0.0, revision 4"


def test_a_helm_that_ends_well_while_the_step_acts_is_not_rolled_back(web: Releasing) -> None:
    """The step acts after a look of another replica, or of its own before a crash."""
    step = in_the_middle(web)
    step.step.act(step.place.world, step.subject, step.moment, step.memory)
    web.place.later(minutes=5)
    assert web.history[-1] == (4, "deployed")
    assert web.releases.begun == 1


def test_a_helm_that_ends_well_while_it_is_undone_is_not_taken_as_cut_off(web: Releasing) -> None:
    undone = in_the_middle(web)
    assert isinstance(undone.undo(), Wait)
    assert told(undone.undo()).startswith("release web/guard stays as it is; to go back")


def test_another_replica_waits_for_the_one_that_began_it(web: Releasing) -> None:
    step = web.update()
    step.ticks(2)
    web.releases.home = "beta"
    waits = step.tick()
    assert isinstance(waits, Wait)
    assert "was begun on another machine" in waits.why
    web.place.later(minutes=2)
    assert isinstance(step.tick(), Done)
    assert web.releases.begun == 1


def test_a_second_helm_on_another_replica_changes_nothing(web: Releasing) -> None:
    """The first was begun, its machine went away before that was stored, and the release is still pending."""
    step = web.update()
    step.forgets = True
    step.ticks(2)
    web.releases.home = "beta"
    assert isinstance(step.tick(), Wait)
    web.place.later(minutes=2)
    assert isinstance(step.tick(), Done)
    assert web.history[-1] == (4, "deployed")


@pytest.mark.parametrize("minutes", [0, 5], ids=["is in the middle", "has ended"])
def test_a_first_helm_that_shows_only_between_look_and_act_is_left_alone(web: Releasing, minutes: int) -> None:
    """It was begun on another machine, which crashed before it stored that."""
    step = web.update()
    step.tick()
    package = step.memory["package"]
    web.releases.upgrade(web.ref, ChartChoice("charts", "acme", "2.0.0"), package, TOKEN)
    web.place.later(minutes=minutes)
    web.releases.home = "beta"
    left = step.step.act(web.place.world, step.subject, step.moment, step.memory)
    assert left["revision"] == "3"
    assert web.releases.begun == 1
    web.place.later(minutes=2)
    assert isinstance(step.tick(), Done)
    assert web.history[-1] == (4, "deployed")


def test_somebody_who_changes_the_release_after_us_is_noticed(web: Releasing) -> None:
    step = web.update()
    step.ticks(2)
    web.place.later(minutes=2)
    web.put(5, "deployed", "1.0.0")
    failed = step.tick()
    assert isinstance(failed, Failed)
    assert "somebody changed the release since" in failed.why


# ---- undo


def test_an_abort_follows_helm_to_its_end_and_says_how_to_go_back(web: Releasing) -> None:
    step = web.update()
    step.ticks(2)
    assert isinstance(step.undo(), Wait)
    web.place.later(minutes=2)
    undone = step.undo()
    assert isinstance(undone, Undone)
    assert undone.note.endswith("to go back: helm rollback guard 3 --namespace web --wait")
    assert web.seen().newest.version == "2.0.0"


def test_an_abort_that_restores_rolls_it_back_once(web: Releasing) -> None:
    step = web.update(undo="restore")
    step.ticks(2)
    web.place.later(minutes=2)
    assert isinstance(step.undo(), Wait)
    assert isinstance(step.undo(), Wait)
    web.place.later(minutes=2)
    assert told(step.undo()) == "release web/guard was rolled back to revision 3"
    assert (web.seen().newest.version, web.releases.begun) == ("1.0.0", 2)


def test_an_abort_never_takes_back_what_came_with_crds(web: Releasing) -> None:
    web.offer(crds=("guards.acme.io",))
    step = web.update(undo="restore")
    step.ticks(2)
    web.place.later(minutes=2)
    undone = step.undo()
    assert isinstance(undone, Undone)
    assert "CRDs were changed with it: guards.acme.io" in undone.note
    assert web.seen().newest.version == "2.0.0"


def test_an_abort_rolls_back_what_was_cut_off(web: Releasing) -> None:
    step = web.update()
    step.ticks(2)
    web.releases.kill(TOKEN)
    assert isinstance(step.undo(), Wait)
    web.releases.kill(token_of(TOKEN, "back"))
    residue = step.undo()
    assert isinstance(residue, Residue)
    assert "helm rollback guard 3 --namespace web --wait" in residue.what


def test_an_abort_elsewhere_waits_for_the_machine_that_began_it_but_not_for_ever(web: Releasing) -> None:
    step = web.update()
    step.ticks(2)
    web.releases.kill(TOKEN)
    web.releases.home = "beta"
    assert isinstance(step.undo(), Wait)
    web.place.later(minutes=21)
    residue = step.undo()
    assert isinstance(residue, Residue)
    assert "is pending-upgrade, and the machine that began it is silent: helm rollback guard 3" in residue.what


def test_an_abort_before_anything_leaves_nothing(web: Releasing) -> None:
    assert told(web.update().undo()) == "release web/guard was not touched"


@pytest.mark.parametrize(
    ("param", "value", "says"),
    [
        pytest.param("version", "newest", "must be a chart's version", id="a version that is none"),
        pytest.param("release", "../x", "is no name", id="a name that is a path"),
        pytest.param("undo", "maybe", "must be", id="an undo that is none"),
        pytest.param("repository", "https://x", "unknown", id="an address in a playbook"),
    ],
)
def test_parameters_that_are_refused(web: Releasing, param: str, value: str, says: str) -> None:
    with pytest.raises(ParamError, match=says):
        web.update(**{param: value})


def test_without_charts_no_release_is_reached() -> None:
    place = Place()
    place.world = replace(place.world, releases=NoReleases())
    step = place.walk(
        "update-release", namespace="web", release="guard", chart="acme", version="2.0.0", source="charts"
    )
    with pytest.raises(ReadError, match=r"no \[\[engine.charts\]\]") as refused:
        step.look()
    assert refused.value.reason is GapReason.NOT_CONFIGURED
