"""Where something is to do: clusters and objects, what deploys them, and the command that lists all of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from fleetkeeper.core.finding import Finding
from fleetkeeper.core.messages.escape import code, words
from fleetkeeper.core.messages.matters import Matter
from fleetkeeper.core.notices.values import Item
from fleetkeeper.core.wording import counted

NAMES, PLACES = 4, 3
"""Names in one place, and places, that are shown; the others are counted."""

_SHORT = 60
_ROOM = 500
"""Characters of a name, and of all places: a thing with all that belongs to it has to fit one section."""


def where(matter: Matter) -> str:
    """`prod-eu, prod-us: api, web and 7 more`: clusters with the same objects are told together."""
    places: dict[tuple[str, ...], dict[str, None]] = {}
    for cluster, names in _names(matter.open).items():
        places.setdefault(names, {})[cluster] = None
    shown: list[str] = []
    for names, clusters in places.items():
        told = _place(names, tuple(clusters))
        if len(shown) == PLACES or (shown and sum(map(len, shown)) + len(told) > _ROOM):
            break
        shown.append(told)
    hidden = sum(len(clusters) for clusters in list(places.values())[len(shown) :])
    more = [f"and {counted(hidden, 'more cluster')}"] if hidden else []
    return f"{'; '.join([*shown, *more])}{_origin(matter.open)}{_all(matter, hidden)}"


def _names(items: Sequence[Item]) -> dict[str, tuple[str, ...]]:
    """Cluster → the objects in it, as they are called beside the headline; none where it names the only one."""
    alone = len({item.key.fingerprint for item in items}) == 1
    kinds = {item.tracked.finding.subject.kind for item in items}
    spaces = {item.tracked.finding.subject.namespace for item in items}
    clusters = _clusters(items)
    found: dict[str, list[str]] = {}
    for item in items:
        subject = item.tracked.finding.subject
        name = subject.name if len(spaces) == 1 else "/".join(filter(None, (subject.namespace, subject.name)))
        label = name if len(kinds) == 1 or not name else f"{subject.kind} {name}"
        found.setdefault(clusters[item.key.cluster], []).append("" if alone else label)
    return {cluster: tuple(sorted(filter(None, names))) for cluster, names in sorted(found.items())}


def _clusters(items: Sequence[Item]) -> dict[str, str]:
    """Each cluster's name, with its environment where the name does not say it; with region and account where
    several are called so."""
    every = {item.key.cluster: item for item in items}
    alike = Counter(item.cluster for item in every.values())
    return {key: _cluster(item, alike[item.cluster] > 1) for key, item in every.items()}


def _cluster(item: Item, is_shared: bool) -> str:
    told = code(item.cluster, _SHORT)
    if is_shared:
        return f"{told} ({words('/'.join(item.cluster_id.arn.split(':')[3:5]), 60)})"
    named = item.environment and item.environment not in item.cluster
    return f"{told} ({words(item.environment, 20)})" if named else told


def _place(names: tuple[str, ...], clusters: tuple[str, ...]) -> str:
    some = f"{', '.join(clusters[:NAMES])}{more_text(len(clusters) - NAMES)}"
    objects = f"{', '.join(code(each, _SHORT) for each in names[:NAMES])}{more_text(len(names) - NAMES)}"
    return f"{some}: {objects}" if names else some


def more_text(number: int) -> str:
    return f" and {number} more" if number > 0 else ""


def _all(matter: Matter, hidden: int) -> str:
    """The command that lists all of it, where some is not shown."""
    if not hidden and all(len(names) <= NAMES for names in _names(matter.open).values()):
        return ""
    return f". All: {list_command(matter.ask.code, matter.open)}"


def list_command(check: str, items: Iterable[Item]) -> str:
    spaces = {item.tracked.finding.subject.namespace for item in items}
    only = spaces.pop() if len(spaces) == 1 else ""
    return code(f"fleetkeeper get findings --code {check}" + (f" --namespace {only}" if only else ""), 200)


_DEPLOYED = (
    ("argocd.argoproj.io/tracking-id", "Argo CD application"),
    ("argocd.argoproj.io/instance", "Argo CD application"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"),
    ("helm.toolkit.fluxcd.io/name", "Flux HelmRelease"),
    ("meta.helm.sh/release-name", "Helm release"),
)


def _origin(items: Sequence[Item]) -> str:
    """What deploys it, where all of it comes from one place: that is where the change is made."""
    found = {_deployed(item.tracked.finding) for item in items}
    only = found.pop() if len(found) == 1 else ""
    return f", from {only}" if only else ""


def _deployed(finding: Finding) -> str:
    for key, what in _DEPLOYED:
        if value := finding.owner.get(key):
            return f"{what} {code(value.partition(':')[0])}"
    return ""
