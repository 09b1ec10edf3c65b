"""Steps that differ by member: which addons are updated to which versions is settled when the plan is made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.eks_addons import is_asked, offered
from fleetkeeper.core.model import ManagedAddon
from fleetkeeper.core.playbook import Params, StepSpec
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor, Version
from fleetkeeper.core.wording import counted, some
from fleetkeeper.errors import ParamError

EVERY = "*"
LATEST = "latest"
DEFAULT = "default"

_BUSY = frozenset({"CREATING", "UPDATING", "DELETING"})
_WELL = frozenset({"ACTIVE", ""})


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one step of a playbook comes to for one cluster.

    facts: what that rests on. obstacle: why the cluster cannot be worked on now, "" when it can. idle: why there is
    nothing to do, "" when there is something.
    """

    steps: tuple[StepSpec, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    obstacle: str = ""
    idle: str = ""


Expander = Callable[[StepSpec, Snapshot, Compat], Expansion]


def addon_fact(name: str) -> str:
    """The name of the fact that is an addon's version."""
    return f"addon {name}"


# ---- update-addon


def addon_template(params: Params) -> Params:
    """The parameters of update-addon as a member would have them; ParamError for those that a plan cannot settle."""
    wrong = {}
    addon = params.get("addon")
    if not addon or not isinstance(addon, str | tuple):
        wrong["addon"] = f'must be "{EVERY}", the name of an EKS addon, or a list of such names'
    elif isinstance(addon, tuple) and EVERY in addon:
        wrong["addon"] = f'must be "{EVERY}" alone, or a list of names'
    if (reason := _wrong_version(params.get("version", LATEST))) is not None:
        wrong["version"] = reason
    elif _is_exact(params) and (addon == EVERY or not isinstance(addon, str)):
        wrong["version"] = "is of one addon, and addon does not name one"
    if wrong:
        raise ParamError(wrong)
    rest = {name: value for name, value in params.items() if name not in ("addon", "version")}
    return rest | {"addon": "coredns", "version": "v1.12.0-eksbuild.2"}


def _wrong_version(value: object) -> str | None:
    if value in (LATEST, DEFAULT):
        return None
    if isinstance(value, str) and _parsed(value) is not None:
        return None
    return f'must be "{LATEST}", "{DEFAULT}" (EKS\'s own choice for the minor) or a version such as v1.12.0-eksbuild.2'


def _is_exact(params: Params) -> bool:
    return params.get("version", LATEST) not in (LATEST, DEFAULT)


def update_addon(spec: StepSpec, snap: Snapshot, compat: Compat) -> Expansion:
    """One step for each EKS addon of the cluster that is not at the version wanted; one per minor where its rule says.

    Offered is what EKS lists for the cluster's minor, without what compat knows not to go with it.
    """
    if snap.cluster.scope is None:
        return Expansion(obstacle="it is no EKS cluster, so it has no EKS addons")
    plane = snap.control_plane
    for part in (parts.MANAGED_ADDONS, parts.ADDON_RELEASES):
        if gap := snap.missing(part):
            return Expansion(
                obstacle=f"its {part.replace('_', ' ')} could not be seen ({gap.reason.value}: {gap.detail})"
            )
    if plane is None or not is_asked(snap.addon_releases, plane.version):
        return Expansion(obstacle="EKS was not asked yet which addon versions go with its minor")
    chosen = [each for each in snap.managed_addons if _is_chosen(each.name, spec.params)]
    if busy := [each for each in chosen if each.status in _BUSY]:
        return Expansion(obstacle=f"its addon {busy[0].name} is {busy[0].status}")
    ways = [(each, _Way(each, spec.params, snap, compat, plane.version)) for each in chosen]
    steps = tuple(step for addon, way in ways for step in _steps(spec, addon, way.versions()))
    notes = tuple(note for addon, way in ways for note in _notes(snap, addon, way))
    facts = {addon_fact(addon.name): addon.version for addon, way in ways if way.versions()}
    return Expansion(steps, facts, notes, idle="" if steps else _idle(spec, chosen, plane.version))


def _is_chosen(name: str, params: Params) -> bool:
    addon = params.get("addon")
    return addon in (EVERY, name) or (isinstance(addon, tuple) and name in addon)


def _idle(spec: StepSpec, chosen: list[ManagedAddon], minor: Minor) -> str:
    if not chosen:
        return "nothing to do: it has none of the EKS addons that the playbook updates"
    if _is_exact(spec.params):
        return f"nothing to do: {chosen[0].name} is at {chosen[0].version}, and is to be at {spec.params['version']}"
    names = some(each.name for each in chosen)
    offer = "EKS's default is no newer version" if spec.params.get("version") == DEFAULT else "EKS has no newer version"
    return f"nothing to do: {offer} of {names} for {minor}"


def _steps(spec: StepSpec, addon: ManagedAddon, versions: tuple[str, ...]) -> Iterator[StepSpec]:
    for number, version in enumerate(versions, start=1):
        name = f"{spec.name}-{addon.name}" + (f"-{number}" if len(versions) > 1 else "")
        yield replace(spec, name=name, params={**spec.params, "addon": addon.name, "version": version})


def _notes(snap: Snapshot, addon: ManagedAddon, way: "_Way") -> Iterator[str]:
    if addon.status not in _WELL:
        yield f"{addon.name} is {addon.status} now"
    if way.short:
        yield way.short
    fields = [each for each in snap.customised if each.addon == addon.name]
    if fields and way.versions():
        yield f"{addon.name}: {counted(len(fields), 'field')} of it changed by {fields[0].manager} in the cluster"


class _Way:
    """The versions that an addon goes through: the one wanted, after one of each minor where its rule says so."""

    def __init__(self, addon: ManagedAddon, params: Params, snap: Snapshot, compat: Compat, minor: Minor) -> None:
        self._at = _parsed(addon.version)
        self._found: tuple[str, ...] = ()
        self.short = ""
        if self._at is None:
            self.short = f"{addon.name} stays: its version {addon.version} has no order"
            return
        listed = offered(snap.addon_releases, addon.name, minor)
        fit = {version: text for text in listed if (version := self._fitting(text, addon, compat, minor))}
        goal = _goal(fit, listed, params)
        if goal is None and _is_exact(params):
            self.short = f"{addon.name} stays: EKS does not offer {params['version']} for {minor}"
        if goal is None or not self._at < goal:
            return
        row = compat.addon_of_eks(addon.name)
        stepwise = row is not None and Rule.ONE_MINOR_AT_A_TIME in row.rules
        self._walk(addon, fit, goal, stepwise)

    def versions(self) -> tuple[str, ...]:
        """In the order in which they are installed; () when there is nothing to do."""
        return self._found

    def _fitting(self, text: str, addon: ManagedAddon, compat: Compat, minor: Minor) -> Version | None:
        version, row = _parsed(text), compat.addon_of_eks(addon.name)
        if version is None or row is None:
            return version
        if {Rule.NOT_AHEAD, Rule.EQUAL_MINOR} & set(row.rules) and version.minor > minor:
            return None
        return None if compat.accepts(row.id, version, minor).answer is False else version

    def _walk(self, addon: ManagedAddon, fit: Mapping[Version, str], goal: Version, stepwise: bool) -> None:
        at = self._at
        assert at is not None
        found = []
        while stepwise and at.minor.next() < goal.minor:
            between = [version for version in fit if version.minor == at.minor.next()]
            if not between:
                missing = at.minor.next()
                self.short = (
                    f"{addon.name} moves one minor at a time, and EKS offers none of {missing} on the way to {goal}"
                )
                break
            at = max(between)
            found.append(fit[at])
        else:
            found.append(fit[goal])
        self._found = tuple(found)


def _goal(fit: Mapping[Version, str], listed: Mapping[str, bool], params: Params) -> Version | None:
    wanted = params.get("version", LATEST)
    if wanted == DEFAULT:
        fit = {version: text for version, text in fit.items() if listed[text]}
    elif wanted != LATEST:
        fit = {version: text for version, text in fit.items() if text == wanted}
    return max((each for each in fit if not each.is_pre_release), default=None)


def _parsed(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None


TEMPLATES: Mapping[str, Callable[[Params], Params]] = {"update-addon": addon_template}
"""Kind → its parameters as a member would have them, so that those of the playbook can be tried."""

EXPANDERS: Mapping[str, Expander] = {"update-addon": update_addon}
"""Kind → what it comes to for one cluster; a kind that is not here is the same for every member."""
