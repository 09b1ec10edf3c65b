"""The Releases port: the same cases over a simulated world, and over the real helm on the real API server."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.releases import ChartChoice, ReleaseRef, Releases, SeenRelease
from fleetkeeper.errors import GapReason, Refused
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.ports_releases import Marks, SimChart, WorldReleases, a_record
from tests.control_plane.helm_sides import FILES, Side
from tests.sim.worlds import PROD, REGION, a_cluster, a_world

TOKEN = "0123456789abcdef0123456789abcdef"
BACK = "fedcba9876543210fedcba9876543210"
CHOICE = ChartChoice("acme", "acme", "2.0.0")
TO = Minor(1, 35)
MORE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-more}\n"


class Place(Protocol):
    """Where release web of chart acme 1.0.0 is at revision 1; 2.0.0 changes two objects, adds one, and drops one."""

    @property
    def releases(self) -> Releases: ...

    @property
    def ref(self) -> ReleaseRef: ...

    def over(self, token: str) -> int | None:
        """The exit code of what was begun, once it is over."""
        ...

    def grow_old(self) -> None:
        """The release was made when API versions were served that the cluster has lost since."""
        ...


class Real:
    def __init__(self, side: Side) -> None:
        self._side = side
        side.package("1.0.0")
        kept = {name: text for name, text in FILES.items() if name != "scaler.yaml"}
        side.package("2.0.0", kept | {"more.yaml": MORE})
        side.install()

    @property
    def releases(self) -> Releases:
        return self._side.releases

    @property
    def ref(self) -> ReleaseRef:
        return self._side.ref

    def over(self, token: str) -> int | None:
        return self._side.ended(token).exit_code

    def grow_old(self) -> None:
        manifest = self._side.record(1).manifest.replace("policy/v1\n", "policy/v1beta1\n")
        self._side.write_record(1, manifest)


def simulated(api_version: str, kind: str, name: str, text: str = "") -> str:
    return f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{text: '{text}'}}\n"


def rendered(text: str, budget: str = "policy/v1") -> str:
    found = simulated("v1", "ConfigMap", "web-settings", text) + simulated("v1", "Secret", "web-login", text)
    return found + simulated(budget, "PodDisruptionBudget", "web-front")


class Simulated:
    def __init__(self) -> None:
        cluster = a_cluster(version="1.35")
        self._living = LivingWorld(a_world(cluster), virtual=True)
        self._cluster = cluster
        self.releases = WorldReleases(self._living, read_compat().apis)
        after = rendered("two") + simulated("v1", "ConfigMap", "web-more")
        self.releases.charts.append(SimChart("acme", "2.0.0", after))
        id = ClusterId(cluster.arn, cluster.created_at)
        self.ref = ReleaseRef(Scope(PROD, REGION), cluster.name, id, "web", "web")
        self._put(rendered("one") + simulated("autoscaling/v2", "HorizontalPodAutoscaler", "web-front"))

    def _put(self, manifest: str) -> None:
        chart = {"metadata": {"name": "acme", "version": "1.0.0"}}
        payload: dict[str, Any] = {"name": "web", "chart": chart, "manifest": manifest, "version": 1}
        made = a_record(self.ref, 1, payload, Marks("deployed", self._living.timeline.now()))
        self._cluster.put("/secrets", made)

    def over(self, token: str) -> int | None:
        self._living.timeline.advance(timedelta(minutes=5))
        state = self.releases.state(self.ref, token)
        return state.exit_code if state else None

    def grow_old(self) -> None:
        self._put(rendered("one", "policy/v1beta1"))


def seen(place: Place) -> SeenRelease:
    found = place.releases.look(place.ref)
    assert found is not None
    return found


def upgraded(place: Place) -> None:
    package = place.releases.difference(place.ref, CHOICE).package
    place.releases.upgrade(place.ref, CHOICE, package, TOKEN)
    assert place.over(TOKEN) == 0


def a_release_that_is_not_there_is_none(place: Place) -> None:
    assert place.releases.look(replace(place.ref, name="gone")) is None
    assert place.releases.state(place.ref, TOKEN) is None


def a_difference_names_what_changes_comes_and_goes(place: Place) -> None:
    found = place.releases.difference(place.ref, CHOICE)
    inside = place.ref.namespace
    assert found.changed == (f"ConfigMap {inside}/web-settings", f"Secret {inside}/web-login")
    assert found.new == (f"ConfigMap {inside}/web-more",)
    assert found.gone == (f"HorizontalPodAutoscaler {inside}/web-front",)
    assert (found.crds, found.contested, found.refused) == ((), (), "")
    assert seen(place).deployed == (1,)


def an_upgrade_is_begun_once_and_marked(place: Place) -> None:
    upgraded(place)
    place.releases.upgrade(place.ref, CHOICE, "another", TOKEN)
    found = seen(place)
    assert (found.newest.number, found.newest.status, found.deployed) == (2, "deployed", (2,))
    assert (found.newest.chart, found.newest.version) == ("acme", "2.0.0")
    assert (found.newest.token, found.newest.began_here) == (TOKEN, True)


def a_rollback_is_the_next_revision_and_nobodys(place: Place) -> None:
    upgraded(place)
    place.releases.roll_back(place.ref, 1, BACK)
    place.releases.roll_back(place.ref, 1, BACK)
    assert place.over(BACK) == 0
    found = seen(place)
    assert (found.newest.number, found.newest.version, found.newest.token) == (3, "1.0.0", "")
    assert found.deployed == (3,)


def a_package_that_changed_is_refused(place: Place) -> None:
    refused(place, CHOICE, GapReason.REJECTED)


def a_version_that_is_not_there_is_refused(place: Place) -> None:
    refused(place, replace(CHOICE, version="3.0.0"), GapReason.NOT_FOUND)


def refused(place: Place, choice: ChartChoice, reason: GapReason) -> None:
    with pytest.raises(Refused) as error:
        place.releases.upgrade(place.ref, choice, "0" * 64, TOKEN)
    assert error.value.reason is reason
    assert seen(place).deployed == (1,)


def a_repair_is_written_once_and_stays_where_the_old_names_are_not_served(place: Place) -> None:
    place.grow_old()
    (found,) = place.releases.renamed(place.ref, TO)
    assert found.what == f"policy/v1beta1 PodDisruptionBudget {place.ref.namespace}/web-front"
    assert (found.to, found.problem) == ("policy/v1", "")
    for _ in range(2):
        place.releases.repair(place.ref, TO, TOKEN)
        after = seen(place)
        assert (after.newest.number, after.newest.token, after.deployed) == (2, TOKEN, (2,))
        assert after.newest.version == "1.0.0"
    assert place.releases.renamed(place.ref, TO) == ()
    assert "does not serve policy/v1beta1 PodDisruptionBudget" in place.releases.give_back(place.ref, TOKEN)
    assert place.releases.give_back(place.ref, BACK) == ""
    assert seen(place).deployed == (2,)


CASES: list[Callable[[Place], None]] = [
    a_release_that_is_not_there_is_none,
    a_difference_names_what_changes_comes_and_goes,
    an_upgrade_is_begun_once_and_marked,
    a_rollback_is_the_next_revision_and_nobodys,
    a_package_that_changed_is_refused,
    a_version_that_is_not_there_is_refused,
    a_repair_is_written_once_and_stays_where_the_old_names_are_not_served,
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.replace("_", " "))


@each_case
def test_over_a_simulated_world(case: Callable[[Place], None]) -> None:
    case(Simulated())


@each_case
def test_over_the_real_helm(
    control_plane: ControlPlane, namespace: str, helm: Path, tmp_path: Path, case: Callable[[Place], None]
) -> None:
    case(Real(Side(control_plane, namespace, helm, tmp_path)))
