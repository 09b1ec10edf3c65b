"""Owners over what is stored of a simulated fleet: read once for a cluster, and explained object by object."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import model, parts
from fleetkeeper.core.finding import CLUSTER, Finding, Severity, Subject
from fleetkeeper.core.owners import Contact, Directory, Reach, Rule, Source, Team
from fleetkeeper.core.reports.owner_rows import UNOWNED, owner_rows
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.owning import Ownership, Owning
from fleetkeeper.engine.ports import Observation
from fleetkeeper.errors import ConfigError, Mistake, UsageError
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from tests.contract.observed import NOON, SCOPE, cluster_id, control_plane, listed
from tests.engine.fakes import TurnedClock
from tests.engine.live import Live, live, world_of
from tests.sqlite import migrated

FLEET = """
[[cluster]]
name = "pay"
key = "pay"
template = ["small"]
account = "111122223333"
region = "eu-west-1"
tags = { Owner = "team-fleet" }
[[cluster.namespace]]
name = "payments"
annotations = { "a8r.io/owner" = "ada@example.com" }
[[cluster.workload]]
namespace = "payments"
name = "api"
images = ["registry.example/api:1"]
replicas = 2
max_unavailable = "0"
labels = { team = "payments" }
[[cluster.workload]]
namespace = "payments"
name = "jobs"
images = ["registry.example/jobs:1"]
replicas = 2
max_unavailable = "0"
[[cluster.workload]]
namespace = "lost"
name = "found"
images = ["registry.example/found:1"]
replicas = 1
max_unavailable = "0"
labels = { owner = "tbd" }
[[cluster]]
name = "edge"
key = "edge"
template = ["small"]
account = "444455556666"
region = "eu-west-1"
[[cluster.workload]]
namespace = "web"
name = "site"
images = ["registry.example/site:1"]
replicas = 2
max_unavailable = "0"
"""
FLEET_TEAM = Team("fleet", channel="C0FLEET000")
TEAMS = {each.name: each for each in (Team("platform", channel="C0PLATFORM"), Team("payments"), FLEET_TEAM)}
ADA = Contact("ada@example.com", Reach.GONE, asked=NOON)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Observed and assessed once; no test changes it."""
    file = tmp_path_factory.mktemp("owned") / "fleet.db"
    with pytest.MonkeyPatch.context() as patch, closing(SqlStore(migrated(file))) as store:
        patch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
        patch.setenv("AWS_CONFIG_FILE", str(file.with_name("none")))
        patch.setenv("NO_PROXY", "*")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        with live(world_of(FLEET), store) as found:
            found.observe()
            assert list(found.keeper.assess(Selector()))
            yield found


def ownership(fleet: Live, directory: Directory, selector: str = "") -> Ownership:
    return replace(fleet.keeper, directory=lambda: directory).owners(Selector.parse(selector))


def owners(found: Ownership, cluster: str) -> dict[str, tuple[str, str]]:
    """Object → (owner, why) of the findings about budgets, which every workload here has."""
    return {
        held.entry.finding.subject.name: (held.owned.owner, held.owned.why)
        for held in found.held()
        if held.cluster.name == cluster and held.entry.finding.subject.kind == "PodDisruptionBudget"
    }


def test_findings_of_a_fleet_are_owned_by_what_is_nearest_to_them(fleet: Live) -> None:
    found = ownership(fleet, Directory(teams=TEAMS, contacts={ADA.key: ADA}))
    of_pay = owners(found, "pay")
    assert {name: owner for name, (owner, _) in of_pay.items()} == {
        "api": "payments",
        "jobs": "fleet",
        "found": "fleet",
    }
    assert of_pay["jobs"][1] == "tag Owner on cluster pay"
    assert {owner for owner, _ in owners(found, "edge").values()} == {"platform"}


def test_a_person_who_is_there_is_told_and_one_who_left_is_not(fleet: Live) -> None:
    there = ownership(fleet, Directory(teams=TEAMS))
    assert owners(there, "pay")["jobs"] == ("ada@example.com", "annotation a8r.io/owner on Namespace payments")
    gone = ownership(fleet, Directory(teams=TEAMS, contacts={ADA.key: ADA}))
    (held,) = [
        each for each in gone.held() if each.entry.finding.subject == Subject("PodDisruptionBudget", "jobs", "payments")
    ]
    assert [(hit.source, hit.why_not) for hit in held.owned.hits] == [
        (Source.NAMESPACE, f"ada@example.com left Slack (seen {NOON:%Y-%m-%d})"),
        (Source.CLUSTER, ""),
    ]


def test_owners_are_counted_with_what_nobody_owns_last(fleet: Live) -> None:
    directory = Directory(teams=TEAMS, contacts={ADA.key: ADA})
    rows = owner_rows(ownership(fleet, directory).held(), directory)
    by_name = {(row.kind, row.owner): row for row in rows}
    assert rows[-1].kind == UNOWNED
    unowned, fleets = by_name[UNOWNED, "platform"], by_name["team", "fleet"]
    assert (unowned.clusters, set(unowned.by)) == (1, {"fallback"})
    assert set(fleets.by) == {"cluster"}
    assert fleets.passed_over["no team and no person goes by “tbd”"] >= 1
    assert fleets.passed_over[ADA.trouble] >= 1
    assert by_name["team", "payments"].trouble == ("it has no channel, so the fallback's is used",)
    assert sum(row.findings for row in rows) == len(fleet.keeper.findings(Selector()))


def test_only_the_clusters_that_were_asked_for_are_looked_at(fleet: Live) -> None:
    found = ownership(fleet, Directory(), "name=edge")
    assert {held.cluster.name for held in found.held()} == {"edge"}


# ---- one object


def test_every_place_of_an_object_is_explained(fleet: Live) -> None:
    (row,) = ownership(fleet, Directory(teams=TEAMS)).explain("pay", Subject("deployment", "api", "payments"))
    assert (row.kind, row.owner, row.because) == ("Deployment", "payments", "`team` on Deployment payments/api")
    assert [(hit.source, hit.holds, hit.why_not) for hit in row.hits] == [
        ("object", True, ""),
        ("namespace", False, "another comes first"),
        ("cluster", False, "another comes first"),
    ]
    assert row.is_observed


def test_an_object_of_a_kind_that_is_not_observed_goes_by_what_is_around_it(fleet: Live) -> None:
    (row,) = ownership(fleet, Directory(teams=TEAMS)).explain("pay", Subject("Ingress", "web", "payments"))
    assert (row.is_observed, row.owner) == (False, "ada@example.com")


def test_a_cluster_is_an_object(fleet: Live) -> None:
    (row,) = ownership(fleet, Directory(teams=TEAMS)).explain("pay", CLUSTER)
    assert (row.owner, row.because, row.is_unowned) == ("fleet", "tag Owner on cluster pay", False)


@pytest.mark.parametrize(
    ("cluster", "subject", "message"),
    [
        pytest.param("pai", CLUSTER, "no cluster is called pai: did you mean pay?", id="a cluster"),
        pytest.param("x", CLUSTER, "no cluster is called x: there are edge, pay", id="a cluster like none"),
        pytest.param(
            "pay",
            Subject("Deployment", "api", "payment"),
            "there is no namespace payment: did you mean payments?",
            id="a namespace",
        ),
        pytest.param(
            "pay",
            Subject("Deployment", "apis", "payments"),
            "there is no Deployment payments/apis: did you mean api?",
            id="a name",
        ),
        pytest.param(
            "pay",
            Subject("NodeGrop", "general"),
            "there is no NodeGrop general: did you mean NodeGroup or Node?",
            id="a kind",
        ),
    ],
)
def test_what_is_not_there_is_told_with_what_is_like_it(
    fleet: Live, cluster: str, subject: Subject, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        ownership(fleet, Directory()).explain(cluster, subject)
    assert str(error.value) == message


# ---- what is read, and how often


class Counted(SqlStore):
    """Counts what is read of clusters and scopes."""

    reads: list[str]

    def cluster_part(self, cluster: model.ClusterId, part: str) -> model.Part[Any] | None:
        self.reads.append(part)
        return super().cluster_part(cluster, part)

    def scope_parts(self, scope: model.Scope) -> Mapping[str, model.Part[Any]]:
        self.reads.append(str(scope))
        return super().scope_parts(scope)


@pytest.fixture
def counted(database: StoreSettings) -> Iterator[Counted]:
    store = Counted(database)
    store.reads = []
    account = model.Account(SCOPE.account, "lab", tags={"owner": "platform"})
    own = {
        parts.CONTROL_PLANE: control_plane(),
        parts.NAMESPACES: tuple(model.Namespace(f"n{number}", {"team": "payments"}) for number in range(50)),
    }
    for name in ("a", "b"):
        observations = [Observation(part, value, None, NOON) for part, value in own.items()]
        store.save_many([listed(cluster_id(name))], [(cluster_id(name), observations)])
    store.save(SCOPE, [Observation(parts.ACCOUNT, account, None, NOON)])
    yield store
    store.close()


def many(number: int) -> list[Finding]:
    subjects = (Subject("Deployment", f"w{at}", f"n{at % 60}") for at in range(number))
    return [Finding("FK999", Severity.WARNING, each, "a message", "a fix") for each in subjects]


def test_the_parts_of_a_cluster_are_read_once_for_all_of_its_findings(counted: Counted) -> None:
    owning = Owning(counted, TurnedClock(), lambda: Directory(teams=TEAMS))
    findings = many(2_000)
    for cluster in counted.clusters(only={parts.CONTROL_PLANE}):
        found = owning.owned(cluster, findings)
        assert len(found) == len(findings)
        assert {found[each.fingerprint].owner for each in findings} == {"payments", "platform"}
    each = [parts.WORKLOADS, parts.NAMESPACES, parts.GITOPS]
    assert sorted(counted.reads) == sorted([*each, *each, str(SCOPE)])


def test_the_account_is_asked_for_again_after_a_while(counted: Counted) -> None:
    clock = TurnedClock()
    owning = Owning(counted, clock, Directory)
    (cluster, _) = counted.clusters(only={parts.CONTROL_PLANE})
    for minutes in (0, 1, 10):
        clock.turn(minutes)
        owning.owned(cluster, many(1))
    assert counted.reads.count(str(SCOPE)) == 2


def test_who_said_not_mine_gives_way_for_that_finding_alone(counted: Counted) -> None:
    owning = Owning(counted, TurnedClock(), lambda: Directory(teams=TEAMS))
    one, other = many(2)
    (cluster, _) = counted.clusters(only={parts.CONTROL_PLANE})
    found = owning.owned(cluster, [one, other], {one.fingerprint: {"payments": NOON}})
    assert (found[one.fingerprint].owner, found[other.fingerprint].owner) == ("platform", "payments")
    assert found[one.fingerprint].hits[0].why_not == f"payments said on {NOON:%Y-%m-%d} that it is not theirs"


def test_a_directory_that_changed_counts_in_the_next_minute(counted: Counted) -> None:
    known, clock = Directory(teams=TEAMS), TurnedClock()
    owning = Owning(counted, clock, lambda: known)
    (cluster, _) = counted.clusters(only={parts.CONTROL_PLANE})
    (one,) = many(1)
    assert owning.owned(cluster, [one])[one.fingerprint].owner == "payments"
    known = replace(known, rules=(Rule("fleet"),))
    clock.turn(1)
    assert owning.owned(cluster, [one])[one.fingerprint].owner == "fleet"


def test_a_directory_is_read_once_for_a_turn_over_many_clusters(counted: Counted) -> None:
    asked: list[int] = []

    def directory() -> Directory:
        asked.append(1)
        return Directory(teams=TEAMS)

    clock = TurnedClock()
    owning = Owning(counted, clock, directory)
    for minutes in (0, 1):
        clock.turn(minutes)
        for cluster in counted.clusters(only={parts.CONTROL_PLANE}):
            owning.owned(cluster, many(3))
    assert len(asked) == 2


def test_the_last_good_directory_serves_while_its_files_are_wrong(counted: Counted, logged: list[Any]) -> None:
    broken, clock = ConfigError((Mistake("catalog.yaml", 2, "", "is not valid YAML"),)), TurnedClock()
    answers: list[Directory | ConfigError] = [broken, Directory(teams=TEAMS), broken]

    def directory() -> Directory:
        found = answers.pop(0)
        if isinstance(found, ConfigError):
            raise found
        return found

    owning, (one,) = Owning(counted, clock, directory), many(1)
    (cluster, _) = counted.clusters(only={parts.CONTROL_PLANE})
    with pytest.raises(ConfigError):
        owning.owned(cluster, [one])
    for _ in range(2):
        clock.turn(1)
        assert owning.owned(cluster, [one])[one.fingerprint].owner == "payments"
    assert [each["error"] for each in logged if each["event"] == "owners_unreadable"] == [
        "catalog.yaml:2: is not valid YAML"
    ]


def test_where_no_team_is_configured_nobody_has_to_own_anything(fleet: Live) -> None:
    keeper = fleet.keeper
    cluster = next(each for each in keeper.ports.store.clusters() if each.name == "pay")
    assert Owning(keeper.ports.store, keeper.ports.clock, Directory).unowned(cluster, many(3)) == ()
