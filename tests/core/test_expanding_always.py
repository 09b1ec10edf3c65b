"""What holds between any two steps of any way, whatever the cluster is."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fleetkeeper.core import model
from fleetkeeper.core.expanding.addon_ways import Ways
from fleetkeeper.core.expanding.fold import MOVES
from fleetkeeper.core.expanding.prospect import prospect_of, violations
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from tests.core.plans import addon, release
from tests.core.upgrades import SHIPPED, back, group, member_node, small, up

NUMBERS = range(30, 38)
VERSIONS = {
    "coredns": ("v1.11.4-eksbuild.1", "v1.12.1-eksbuild.1", "v1.13.2-eksbuild.1", "v1.14.3-eksbuild.1"),
    "kube-proxy": tuple(f"v1.{number}.1-eksbuild.1" for number in NUMBERS),
    "vpc-cni": ("v1.18.6-eksbuild.1", "v1.19.6-eksbuild.1", "v1.20.4-eksbuild.1", "v1.21.1-eksbuild.1"),
    "cert-manager": ("v1.16.0-eksbuild.1", "v1.18.0-eksbuild.1", "v1.19.1-eksbuild.1"),
    "guard": ("v1.0.0-eksbuild.1", "v2.0.0-eksbuild.1"),
}
KINDS = tuple(ComputeKind)


@st.composite
def offers(draw: st.DrawFn) -> tuple[model.AddonRelease, ...]:
    """EKS offers each version for a stretch of minors, most for a long one; kube-proxy for few."""
    found: list[model.AddonRelease] = []
    for name, versions in VERSIONS.items():
        for version in versions:
            first = draw(st.integers(min(NUMBERS), 34))
            last = draw(st.integers(first, max(NUMBERS)) if draw(st.booleans()) else st.just(max(NUMBERS)))
            if name == "kube-proxy":
                first = int(version.split(".")[1])
                last = first + draw(st.integers(0, 2))
            minors = tuple(Minor(1, number) for number in range(first, last + 1))
            found.append(release(name, version, *minors, default=draw(st.booleans())))
    return tuple(found)


@st.composite
def clusters(draw: st.DrawFn, least: int, most: int) -> Snapshot:
    """A cluster that is sound as it stands, with pools of every kind of compute that may be behind."""
    at = draw(st.integers(least, most))
    installed = draw(st.lists(st.sampled_from(tuple(VERSIONS)), unique=True))
    addons = [addon(name, draw(st.sampled_from(VERSIONS[name]))) for name in installed]
    nodes, groups = [], []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), max_size=4)), start=1):
        kubelet = f"1.{draw(st.integers(at - 3, at))}"
        nodes.append(member_node(number, kubelet, kind, f"pool-{number}"))
        if kind is ComputeKind.MANAGED:
            groups.append(group(f"pool-{number}", None if draw(st.booleans()) else kubelet))
    plane = {"auto_mode": draw(st.booleans())}
    return small(version=f"1.{at}", addons=addons, groups=groups, nodes=nodes, releases=draw(offers()), plane=plane)


@given(clusters(30, 34), st.integers(1, 3))
@settings(deadline=None, max_examples=150)  # the machine is shared
def test_no_state_on_the_way_up_breaks_skew_or_runs_ahead_or_breaks_a_required_row(snap: Snapshot, count: int) -> None:
    start = prospect_of(snap)
    assume(not list(violations(start, SHIPPED)))
    way = up(snap, f"1.{start.minor.minor + count}")
    assert bool(way.obstacle) != bool(way.steps)
    for stride in way.strides:
        assert list(violations(stride.after, SHIPPED)) == [], stride.step.name
    if way.obstacle:
        return
    assert way.strides[-1].after.minor == Minor(1, start.minor.minor + count)
    assert [each.params["to"] for each in way.steps if each.kind in MOVES] == [
        f"1.{start.minor.minor + number}" for number in range(1, count + 1)
    ]
    names = [each.name for each in way.steps]
    assert len(names) == len(set(names))
    assert all(each.why for each in way.steps if each.hop)
    assert not any("when" in each.params for each in way.steps)


@given(clusters(30, 34), st.integers(1, 3))
@settings(deadline=None, max_examples=100)  # the machine is shared
def test_what_a_cluster_cannot_do_without_goes_with_each_minor_when_it_gets_there(snap: Snapshot, count: int) -> None:
    way = up(snap, f"1.{prospect_of(snap).minor.minor + count}")
    for number in range(1, count + 1):
        minor = Minor(1, way.start.minor.minor + number)
        at = way.before(minor)
        for name, version in at.addons.items() if at else ():
            ways = Ways(name, snap.addon_releases, SHIPPED)
            assert not ways.is_critical or ways.fits(version, minor).answer is True


@given(clusters(31, 36))
@settings(deadline=None, max_examples=100)  # the machine is shared
def test_no_state_on_the_way_back_breaks_skew_or_runs_ahead_or_breaks_a_required_row(snap: Snapshot) -> None:
    assume(not list(violations(prospect_of(snap), SHIPPED)))
    way = back(snap)
    for stride in way.strides:
        assert list(violations(stride.after, SHIPPED)) == [], stride.step.name
    assert bool(way.obstacle) != bool(way.steps)
