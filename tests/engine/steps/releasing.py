"""A world with one Helm release, web/guard, in virtual time: for the steps that upgrade and repair it."""

from dataclasses import dataclass, field, replace
from typing import Any

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.playbook import Param
from fleetkeeper.engine.releases import ReleaseRef, SeenRelease
from fleetkeeper.sim.ports_releases import Marks, SimChart, WorldReleases, a_record
from tests.engine.steps.walking import Place, Walk

APIS = read_compat().apis


def an_object(api_version: str, kind: str, name: str, text: str = "") -> str:
    return f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{text: '{text}'}}\n"


ONE = an_object("apps/v1", "Deployment", "guard", "one") + an_object("v1", "Service", "old")
TWO = an_object("apps/v1", "Deployment", "guard", "two") + an_object("policy/v1", "PodDisruptionBudget", "guard")


@dataclass
class Releasing:
    """Revision 3 of web/guard is deployed, of the chart acme 1.0.0."""

    place: Place = field(default_factory=Place)
    manifest: str = ONE
    owner: str = ""
    releases: WorldReleases = field(init=False)

    def __post_init__(self) -> None:
        self.releases = WorldReleases(self.place.living, APIS, [SimChart("acme", "2.0.0", TWO)])
        self.place.world = replace(self.place.world, releases=self.releases)
        self.put(2, "superseded")
        self.put(3, "deployed")

    @property
    def ref(self) -> ReleaseRef:
        member = self.place.member()
        return ReleaseRef(member.scope, member.name, member.cluster, "web", "guard")

    def put(self, number: int, status: str, version: str = "1.0.0", chart: str = "acme", said: str = "") -> None:
        payload: dict[str, Any] = {
            "name": "guard",
            "chart": {"metadata": {"name": chart, "version": version}},
            "manifest": self.manifest,
            "version": number,
        }
        labels = {"sim/owner": self.owner} if self.owner else {}
        made = a_record(self.ref, number, payload, Marks(status, self.place.now, said, labels))
        self.place.cluster.put("/secrets", made)

    def walk(self, kind: str, **more: Param) -> Walk:
        return self.place.walk(kind, **{"namespace": "web", "release": "guard", **more})

    def update(self, **more: Param) -> Walk:
        return self.walk("update-release", **{"chart": "acme", "version": "2.0.0", "source": "charts", **more})

    def offer(self, **more: Any) -> None:
        self.releases.charts = [replace(self.releases.charts[0], **more)]

    def seen(self) -> SeenRelease:
        found = self.releases.look(self.ref)
        assert found is not None
        return found

    @property
    def history(self) -> list[tuple[int, str]]:
        secrets = self.place.cluster.objects["/secrets"].values()
        labels = [each["metadata"]["labels"] for each in secrets]
        return sorted((int(each["version"]), each["status"]) for each in labels)
