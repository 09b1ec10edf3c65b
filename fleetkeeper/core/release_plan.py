"""Which Helm releases of a cluster must move with one hop, to which version and when, and which must be repaired."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Acceptance, Rule, Strength, accepts
from fleetkeeper.core.compat import AddonRow, Compat, Confidence
from fleetkeeper.core.image_index import Tells
from fleetkeeper.core.images import version_of
from fleetkeeper.core.model import HelmRelease
from fleetkeeper.core.observed import ReleaseTrace
from fleetkeeper.core.release_repair import Renaming, renaming
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor, Version
from fleetkeeper.core.wording import some


@dataclass(frozen=True, slots=True)
class ChartSource:
    """A chart that the engine may install, by the name of its settings. versions: the chart's → the application's."""

    name: str
    chart: str
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseUpdate:
    """A release that moves to a chart's version, before or after the control plane: what update-release is told."""

    namespace: str
    release: str
    chart: str
    version: str
    source: str
    before: bool
    why: str


@dataclass(frozen=True, slots=True)
class ReleaseRepair:
    """A release whose stored manifest is rewritten before the control plane moves: the parameters of repair-release."""

    namespace: str
    release: str
    why: str


@dataclass(frozen=True, slots=True)
class ReleaseNote:
    """What is not done about a release, and why. blocks: the hop must not be made so."""

    namespace: str
    release: str
    text: str
    blocks: bool = False

    def __str__(self) -> str:
        return f"release {self.namespace}/{self.release}: {self.text}"


Moved = Mapping[tuple[str, str], str]
"""(namespace, release) → the chart's version to which an earlier hop of the same plan brings it."""


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What becomes of the releases of one cluster in one hop."""

    repairs: tuple[ReleaseRepair, ...] = ()
    updates: tuple[ReleaseUpdate, ...] = ()
    notes: tuple[ReleaseNote, ...] = ()


def plan_releases(
    snap: Snapshot, hop: Hop, compat: Compat, sources: Iterable[ChartSource], moved: Moved | None = None
) -> ReleasePlan:
    """What one hop asks of the cluster's releases.

    sources: none means that the engine has nothing to do with Helm, and then nothing is planned or noted.
    """
    by_chart = {source.chart: source for source in sources}
    if not by_chart:
        return ReleasePlan()
    gap = snap.missing(parts.HELM_RELEASES)
    if gap is not None:
        return ReleasePlan(notes=(ReleaseNote("*", "*", f"not read: {gap.detail or gap.reason.value}"),))
    found: list[ReleaseRepair | ReleaseUpdate | ReleaseNote] = []
    holding = _holding(snap.helm_use.traces, hop, compat)
    for release in snap.helm_releases:
        source = by_chart.get(release.chart)
        place = release.namespace, release.name
        if place in holding:
            found.append(_repair(release, source, holding[place], hop))
        found += _update(_Judged(release, source, hop, compat, (moved or {}).get(place, "")))
    return ReleasePlan(
        tuple(each for each in found if isinstance(each, ReleaseRepair)),
        tuple(each for each in found if isinstance(each, ReleaseUpdate)),
        tuple(each for each in found if isinstance(each, ReleaseNote)),
    )


_Hit = tuple[ReleaseTrace, Renaming]
_NO_VERSION = Version.parse("0.0.0")


def _holding(traces: Iterable[ReleaseTrace], hop: Hop, compat: Compat) -> Mapping[tuple[str, str], Sequence[_Hit]]:
    """Releases whose newest deployed revision holds what the hop's minor does not serve, and what to call that."""
    found: dict[tuple[str, str], list[_Hit]] = defaultdict(list)
    for trace in traces:
        new = renaming(compat.apis, trace.api_version, trace.kind, hop.target) if trace.latest else None
        if new is not None:
            found[trace.namespace, trace.release].append((trace, new))
    return found


def _repair(
    release: HelmRelease, source: ChartSource | None, hits: Sequence[_Hit], hop: Hop
) -> ReleaseRepair | ReleaseNote:
    held = some(dict.fromkeys(f"{trace.api_version} {trace.kind} {trace.object_name}".strip() for trace, _ in hits))
    what = f"its stored manifest holds {held}, which {hop.target} does not serve, so `helm upgrade` fails afterwards"
    if stuck := [new.why for _, new in hits if not new.api_version]:
        return ReleaseNote(
            release.namespace, release.name, f"{what}, and it cannot be repaired: {some(dict.fromkeys(stuck))}"
        )
    if source is None:
        return ReleaseNote(release.namespace, release.name, f"{what}. {_unlisted(release)}")
    new = some(dict.fromkeys(f"{trace.kind} becomes {new.api_version}" for trace, new in hits))
    return ReleaseRepair(release.namespace, release.name, f"{what}: {new} in it, before the control plane moves")


@dataclass(frozen=True, slots=True)
class _Judged:
    """One release in one hop. moved: the chart's version that an earlier hop brings, "" for none."""

    release: HelmRelease
    source: ChartSource | None
    hop: Hop
    compat: Compat
    moved: str

    @property
    def app(self) -> str:
        """The application's version by the time of the hop."""
        known = self.source.versions if self.source else {}
        return known.get(self.moved, self.release.app_version) if self.moved else self.release.app_version

    @property
    def chart(self) -> str:
        return self.moved or self.release.chart_version

    def note(self, text: str, blocks: bool = False) -> ReleaseNote:
        return ReleaseNote(self.release.namespace, self.release.name, text, blocks)

    def update(self, version: str, before: bool, why: str) -> ReleaseUpdate:
        assert self.source is not None
        place = self.release.namespace, self.release.name
        return ReleaseUpdate(*place, self.release.chart, version, self.source.name, before, why)

    def newer(self) -> Iterator[tuple[str, str]]:
        """(chart's version, application's) of the source, above the present one, the lowest first."""
        at = _parsed(self.chart)
        listed = self.source.versions.items() if self.source else ()
        ordered = sorted(((found, chart, app) for chart, app in listed if (found := _parsed(chart))), key=_first)
        yield from ((chart, app) for found, chart, app in ordered if at is not None and at < found)


def _first(row: tuple[Version, str, str]) -> Version:
    return row[0]


def _update(each: _Judged) -> Iterator[ReleaseUpdate | ReleaseNote]:
    claim = each.compat.claim_of_chart(each.release.chart)
    row = each.compat.addon(claim.addon) if claim and claim.tells is not Tells.PART else None
    if row is None:  # nobody knows the chart: its own findings say what of it stands in the way
        return
    own_number = claim is not None and claim.tells is Tells.PRESENCE
    yield from _equal(each, row) if Rule.EQUAL_MINOR in row.rules else _accepted(each, row, own_number)


def _equal(each: _Judged, row: AddonRow) -> Iterator[ReleaseUpdate | ReleaseNote]:
    """An addon of the cluster's own minor follows each control plane at once."""
    to, at = each.hop.target, _parsed(version_of(each.app))
    if at is not None and at.minor == to:
        return
    offers = ((chart, _parsed(version_of(app))) for chart, app in each.newer())
    fitting = next((chart for chart, found in offers if found is not None and found.minor == to), None)
    rule = f"{row.name} {each.app} is of another minor than {to}, and goes with its own alone"
    if fitting is None:
        yield each.note(f"{rule}. {_no_version(each, f'of {to}')}")
        return
    yield each.update(fitting, before=False, why=f"{rule}: chart {fitting} right after the control plane")


def _accepted(each: _Judged, row: AddonRow, own_number: bool) -> Iterator[ReleaseUpdate | ReleaseNote]:
    """The lowest version that goes with both minors, before; where there is none, one of the target alone, after."""
    hop, said = each.hop, _asked(each, row, (each.chart, each.app), each.hop.target, own_number)
    if said.answer:
        return
    present = f"{row.name} {each.app or each.chart}"
    if said.answer is None:
        yield each.note(f"nobody says whether {present} goes with {hop.target}: {said.reason}")
        return
    refused = f"{present} does not go with {hop.target}: {said.reason}"
    fitting = [offer for offer in each.newer() if _asked(each, row, offer, hop.target, own_number).answer]
    early = next(
        (chart for chart, app in fitting if _asked(each, row, (chart, app), hop.source, own_number).answer), ""
    )
    if early:
        yield each.update(early, before=True, why=f"{refused}; chart {early} goes with {hop.source} and {hop.target}")
    elif fitting:
        late = fitting[0][0]
        told = f"{refused}; chart {late} goes with {hop.target} and is not known to go with {hop.source}: right after"
        yield each.update(late, before=False, why=told)
    else:
        text = f"{refused}. {_no_version(each, f'that goes with {hop.target}')}"
        yield each.note(text, blocks=_binds(row, said))


def _asked(each: _Judged, row: AddonRow, offer: tuple[str, str], on: Minor, own_number: bool) -> Acceptance:
    """Whether a (chart's version, application's) goes with a minor. own_number: the chart tells no addon's version."""
    chart, app = _parsed(offer[0]), _parsed(version_of(offer[1]))
    if own_number:
        return accepts([said for said in row.versions if said.versions.of_chart], None, _NO_VERSION, on, chart)
    if app is None:
        return Acceptance(None, f"{offer[1] or 'its appVersion'} is no version")
    return each.compat.accepts(row.id, app, on, chart)


def _binds(row: AddonRow, said: Acceptance) -> bool:
    """As FK201 has it: what a requirement says, or of what a cluster cannot do without, unless it is hearsay."""
    sure = said.row is None or said.row.source.confidence is not Confidence.LOW
    return sure and (said.strength is Strength.REQUIRED or row.critical is not None)


def _no_version(each: _Judged, wanted: str) -> str:
    if each.source is None:
        return _unlisted(each.release)
    return f"[[engine.charts]] {each.source.name} lists no version {wanted}: test one, and add it to its versions"


def _unlisted(release: HelmRelease) -> str:
    return f"chart {release.chart} is not in [[engine.charts]], so it is left to its owner"


def _parsed(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None
