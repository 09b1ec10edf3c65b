"""update-addon: which EKS addons of a cluster move to which versions, before or after its control plane, or back."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from fleetkeeper.core import parts
from fleetkeeper.core.eks_addons import is_asked
from fleetkeeper.core.expanding.addon_moves import (
    BEFORE,
    DEFAULT,
    LATEST,
    Move,
    after_hop,
    back,
    before_hop,
    is_exact,
    present,
)
from fleetkeeper.core.expanding.addon_ways import Ways
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, unseen
from fleetkeeper.core.expanding.prospect import parsed
from fleetkeeper.core.model import ManagedAddon
from fleetkeeper.core.playbook import Changes, Param, Params
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.wording import counted, some
from fleetkeeper.errors import ParamError

EVERY = "*"
AFTER = "after"
WHEN = "when"
"""The parameter that says on which side of its hop's control plane a step stands; no member's step has it."""

_BUSY = frozenset({"CREATING", "UPDATING", "DELETING"})
_WELL = frozenset({"ACTIVE", ""})


def addon_fact(name: str) -> str:
    """The name of the fact that is an addon's version."""
    return f"addon {name}"


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
    elif is_exact(params) and (addon == EVERY or not isinstance(addon, str)):
        wrong["version"] = "is of one addon, and addon does not name one"
    if params.get(WHEN, BEFORE) not in (BEFORE, AFTER):
        wrong[WHEN] = f'must be "{BEFORE}" or "{AFTER}" the control plane'
    if wrong:
        raise ParamError(wrong)
    rest = {name: value for name, value in params.items() if name not in ("addon", "version", WHEN)}
    return rest | {"addon": "coredns", "version": "v1.12.0-eksbuild.2"}


def _wrong_version(value: object) -> str | None:
    if value in (LATEST, DEFAULT, BEFORE):
        return None
    if isinstance(value, str) and parsed(value) is not None:
        return None
    return f'must be "{LATEST}", "{DEFAULT}" (EKS\'s own choice for the minor) or a version such as v1.12.0-eksbuild.2'


def update_addon(asked: Asked) -> Expansion:
    """One step for each EKS addon that has to move here; one per minor of it where its rule says so."""
    if asked.snap.cluster.scope is None:
        return Expansion(obstacle="it is no EKS cluster, so it has no EKS addons")
    if gap := unseen(asked.snap, parts.MANAGED_ADDONS, parts.ADDON_RELEASES):
        return Expansion(obstacle=gap)
    if not is_asked(asked.snap.addon_releases, asked.at.minor):
        return Expansion(obstacle="EKS was not asked yet which addon versions go with its minor")
    chosen = [each for each in asked.snap.managed_addons if _is_chosen(each.name, asked.spec.params)]
    if busy := [each for each in chosen if each.status in _BUSY]:
        return Expansion(obstacle=f"its addon {busy[0].name} is {busy[0].status}")
    return _settled(asked, chosen, _decision(asked))


def _is_chosen(name: str, params: Params) -> bool:
    addon = params.get("addon")
    return addon in (EVERY, name) or (isinstance(addon, tuple) and name in addon)


Decide = Callable[[Asked, ManagedAddon, Ways], Move | str]
"""What becomes of one addon: its move, or an obstacle. A way without versions is no move, and may say why."""


def _decision(asked: Asked) -> Decide:
    if asked.changes is Changes.ROLLBACK:
        return back
    return {BEFORE: before_hop, AFTER: after_hop}.get(str(asked.spec.params.get(WHEN)), present)


def _settled(asked: Asked, chosen: list[ManagedAddon], decide: Decide) -> Expansion:
    at, strides, notes, facts = asked.at, list[Stride](), list[str](), dict[str, str]()
    for addon in chosen:
        move = decide(asked, addon, Ways(addon.name, asked.snap.addon_releases, asked.compat))
        if isinstance(move, str):
            return Expansion(obstacle=move)
        own = list(_strides(replace(asked, at=at), move))
        notes += _notes(asked.snap, move)
        if own:
            facts[addon_fact(addon.name)] = addon.version
            at = own[-1].after
        strides += own
    return Expansion(tuple(strides), facts, tuple(notes), idle="" if strides else _idle(asked, chosen))


def _strides(asked: Asked, move: Move) -> Iterator[Stride]:
    name, versions, at = move.addon.name, move.way.versions, asked.at
    rest: dict[str, Param] = {key: value for key, value in asked.spec.params.items() if key != WHEN}
    if asked.changes is Changes.ROLLBACK:
        rest |= {"direction": "any", "undo": "restore"}
    plain = replace(asked, spec=replace(asked.spec, params=rest))
    for number, version in enumerate(versions, start=1):
        at = at.with_addon(name, version)
        label = f"{name}-{number}" if len(versions) > 1 else name
        yield Stride(plain.step(move.reason(version), label, addon=name, version=version), at)


def _notes(snap: Snapshot, move: Move) -> Iterator[str]:
    addon = move.addon
    if addon.status not in _WELL:
        yield f"{addon.name} is {addon.status} now"
    if move.way.short:
        yield move.way.short
    fields = [each for each in snap.customised if each.addon == addon.name]
    if fields and move.way.versions:
        yield f"{addon.name}: {counted(len(fields), 'field')} of it changed by {fields[0].manager} in the cluster"


def _idle(asked: Asked, chosen: list[ManagedAddon]) -> str:
    if not chosen:
        return "nothing to do: it has none of the EKS addons that the playbook updates"
    params = asked.spec.params
    if is_exact(params):
        return f"nothing to do: {chosen[0].name} is at {chosen[0].version}, and is to be at {params['version']}"
    names = some(each.name for each in chosen)
    offer = "EKS's default is no newer version" if params.get("version") == DEFAULT else "EKS has no newer version"
    return f"nothing to do: {offer} of {names} for {asked.at.minor}"
