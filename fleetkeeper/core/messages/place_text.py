"""Where something is to do: clusters and objects, what deploys them, and the command that lists all of them."""

from collections.abc import Iterable, Sequence

from fleetkeeper.core.finding import Finding
from fleetkeeper.core.messages.escape import code, words
from fleetkeeper.core.messages.matters import Matter
from fleetkeeper.core.notices.values import Item
from fleetkeeper.core.wording import counted

NAMES, PLACES = 4, 3
"""Names in one place, and places, that are shown; the others are counted."""


def where(matter: Matter) -> str:
    """`prod-eu, prod-us: api, web and 7 more`: clusters with the same objects are told together."""
    places: dict[tuple[str, ...], dict[str, None]] = {}
    for cluster, names in _names(matter.open).items():
        places.setdefault(names, {})[cluster] = None
    shown = [_place(names, tuple(clusters)) for names, clusters in list(places.items())[:PLACES]]
    hidden = sum(len(clusters) for clusters in list(places.values())[PLACES:])
    more = [f"and {counted(hidden, 'more cluster')}"] if hidden else []
    return f"{'; '.join([*shown, *more])}{_origin(matter.open)}{_all(matter, hidden)}"


def _names(items: Iterable[Item]) -> dict[str, tuple[str, ...]]:
    """Cluster → the objects in it, as they are called beside the headline; none where it names the only one."""
    items = tuple(items)
    alone = len({item.key.fingerprint for item in items}) == 1
    kinds = {item.tracked.finding.subject.kind for item in items}
    spaces = {item.tracked.finding.subject.namespace for item in items}
    found: dict[str, list[str]] = {}
    for item in items:
        subject = item.tracked.finding.subject
        name = subject.name if len(spaces) == 1 else "/".join(filter(None, (subject.namespace, subject.name)))
        label = name if len(kinds) == 1 or not name else f"{subject.kind} {name}"
        found.setdefault(_cluster(item), []).append("" if alone else label)
    return {cluster: tuple(sorted(filter(None, names))) for cluster, names in sorted(found.items())}


def _cluster(item: Item) -> str:
    named = item.environment and item.environment not in item.cluster
    return f"{code(item.cluster)}{f' ({words(item.environment, 40)})' if named else ''}"


def _place(names: tuple[str, ...], clusters: tuple[str, ...]) -> str:
    some = f"{', '.join(clusters[:NAMES])}{more_text(len(clusters) - NAMES)}"
    objects = f"{', '.join(map(code, names[:NAMES]))}{more_text(len(names) - NAMES)}"
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
