"""What holds of every plan, whatever the fleet and the playbook are."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.amount import Amount
from fleetkeeper.core.candidates import Candidate, Standing
from fleetkeeper.core.model import Placement
from fleetkeeper.core.page_text import WIDTH
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_file import contradiction, plan_text, read_plan
from fleetkeeper.core.plan_page import plan_page
from fleetkeeper.core.planning import OWN_STAGE
from fleetkeeper.core.playbook import StageSpec
from tests.contract.observed import SCOPE
from tests.core.fleets import LAB
from tests.core.plans import PLAYBOOK, addon, candidate, plan

AMOUNTS = st.builds(Amount, st.integers(1, 100), st.booleans())
PLACEMENTS = st.builds(
    Placement,
    environment=st.sampled_from(("production", "dev")),
    ring=st.sampled_from(("", "canary", "late")),
    service=st.sampled_from(("", "shop")),
    mapped=st.booleans(),
    reason=st.just("test"),
)
CLUSTERS = st.tuples(
    PLACEMENTS,
    st.sampled_from(("v1.12.1-eksbuild.1", "v1.13.2-eksbuild.1")),  # one that is to be updated, one that is not
    st.sampled_from((SCOPE, LAB)),
    st.sampled_from(("", "it is blocked")),
    st.booleans(),
)
STAGES = st.lists(
    st.builds(
        StageSpec,
        name=st.uuids().map(str),
        clusters=st.sampled_from(("ring=canary", "ring=late", "environment=dev", "name=c*", "region=us-*")),
        group_by=st.sampled_from(("", "region", "ring")),
        order=st.sampled_from(((), ("-ring",), ("region", "-name"))),
        max_concurrency=AMOUNTS,
        group_concurrency=AMOUNTS,
        max_failures=AMOUNTS,
    ),
    min_size=1,
    max_size=4,
)


class Made:
    """A plan and what it is of; its repr is short, for hypothesis refuses to tell of a long one."""

    def __init__(self, plan: Plan, candidates: tuple[Candidate, ...]) -> None:
        self.plan = plan
        self.candidates = candidates

    def __repr__(self) -> str:
        members = [(each.name, each.stage, each.group) for each in self.plan.members]
        return f"Made({members}, left {[(each.name, each.reason) for each in self.plan.header.left]})"


@st.composite
def plans(draw: st.DrawFn) -> Made:
    found: list[Candidate] = []
    for number, (placement, version, scope, held, own) in enumerate(draw(st.lists(CLUSTERS, max_size=6))):
        is_own = own and not any(each.hosting.is_own for each in found)
        made = candidate(
            f"c{number}",
            addon(version=version),
            placement=placement,
            scope=scope,
            standing=Standing(held),
            own=is_own,
        )
        found.append(made)
    playbook = replace(PLAYBOOK, stages=tuple(draw(STAGES)))
    found = found or [candidate()]
    return Made(plan(*found, playbook=playbook), tuple(found))


@given(plans())
@settings(deadline=None, max_examples=50)  # the machine is shared
def test_what_holds_of_every_plan(given_plan: Made) -> None:
    made, candidates = given_plan.plan, given_plan.candidates
    header = made.header
    names = [each.name for each in made.members] + [each.name for each in header.left]
    assert sorted(names) == sorted(each.name for each in candidates), "each cluster is in it, or left out, once"
    assert all(each.reason for each in header.left)
    assert [each.idx for each in made.members] == list(range(len(made.members)))
    assert [each.stage for each in made.members] == sorted(each.stage for each in made.members)
    for idx, stage in enumerate(header.stages):
        inside = [each for each in made.members if each.stage == idx]
        assert 1 <= stage.max_concurrency <= max(1, len(inside))
        assert set(stage.group_concurrency) == {each.group for each in inside if each.group}
        assert all(1 <= limit <= stage.max_concurrency for limit in stage.group_concurrency.values())
    assert contradiction(made) == ""
    assert read_plan(plan_text(made)) == made
    assert max(len(line) for line in plan_page(made).splitlines()) <= WIDTH


@given(plans())
@settings(deadline=None, max_examples=50)  # the machine is shared
def test_nobody_is_put_at_risk_first(given_plan: Made) -> None:
    made, candidates = given_plan.plan, given_plan.candidates
    of = {each.name: each for each in candidates}
    stages = made.header.stages
    own = [each for each in made.members if of[each.name].hosting.is_own]
    several = len([stage for stage in stages if stage.name != OWN_STAGE]) > 1
    for member in made.members:
        known = of[member.name]
        assert known.standing.held == ""
        assert not (several and member.stage == 0 and not known.snapshot.cluster.placement.mapped)
    if own:
        assert [each.name for each in made.members if each.stage == len(stages) - 1] == [own[0].name]
        assert stages[-1].name == OWN_STAGE
