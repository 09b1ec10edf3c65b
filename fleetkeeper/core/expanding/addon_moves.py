"""What becomes of one EKS addon at one place of the way: as it stands, before a hop, after it, and on the way back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.expanding.addon_ways import Fit, Way, Ways
from fleetkeeper.core.expanding.expansion import Asked
from fleetkeeper.core.expanding.prospect import KUBE_PROXY, parsed
from fleetkeeper.core.model import ManagedAddon
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.skew import window
from fleetkeeper.core.snapshot import Hop
from fleetkeeper.core.versions import Minor, Version

LATEST = "latest"
DEFAULT = "default"
BEFORE = "before"
"""The version that a rollback goes to: that from before the upgrade."""

Choices = Mapping[Version, str]


@dataclass(frozen=True, slots=True)
class Move:
    """One addon on its way: the versions that it gets, why by version, and what the approver should know."""

    addon: ManagedAddon
    way: Way = field(default_factory=Way)
    why: Callable[[str], str] | None = None

    def reason(self, version: str) -> str:
        return self.why(version) if self.why else ""


def is_exact(params: Params) -> bool:
    """Whether a version is named by itself."""
    return params.get("version", LATEST) not in (LATEST, DEFAULT, BEFORE)


# ---- as the cluster stands


def present(asked: Asked, addon: ManagedAddon, ways: Ways) -> Move | str:
    """To what the playbook wants of the cluster's own minor; never back."""
    minor, at = asked.at.minor, parsed(asked.at.addons[addon.name])
    if at is None:
        return _orderless(addon)
    choices, listed = ways.choices(minor), ways.listed(minor)
    goal = _goal(choices, listed, asked.spec.params)
    if goal is None and is_exact(asked.spec.params):
        short = f"{addon.name} stays: EKS does not offer {asked.spec.params['version']} for {minor}"
        return Move(addon, Way(short=short))
    if goal is None or not at < goal:
        return Move(addon)
    return Move(addon, ways.way(at, goal, choices))


def _orderless(addon: ManagedAddon) -> Move:
    return Move(addon, Way(short=f"{addon.name} stays: its version {addon.version} has no order"))


def _goal(choices: Choices, listed: Mapping[str, bool], params: Params) -> Version | None:
    wanted = params.get("version", LATEST)
    if wanted == DEFAULT:
        choices = {version: text for version, text in choices.items() if listed[text]}
    elif wanted not in (LATEST, BEFORE):
        choices = {version: text for version, text in choices.items() if text == wanted}
    return max((each for each in choices if not each.is_pre_release), default=None)


# ---- before and after the control plane


def before_hop(asked: Asked, addon: ManagedAddon, ways: Ways) -> Move | str:
    """To a version that goes with both minors, where the installed one does not go with the next; else it stays."""
    hop = asked.hop
    assert hop is not None
    text = asked.at.addons[addon.name]
    fit = ways.fits(text, hop.target)
    if fit.answer is True:
        return Move(addon)
    at = parsed(text)
    if fit.answer is None or at is None:
        return f"whether {addon.name} {text} goes with {hop.target} is not known: {fit.why}"
    choices = ways.choices(hop.source)
    goal = _common(asked, ways, choices, at, hop)
    if goal is None:
        return _without_common(addon, text, ways, at, hop, fit)
    found = ways.way(at, goal, choices)
    if found.short:
        return f"{addon.name} cannot get to {goal}, which {hop.target} wants: {found.short}"
    return Move(addon, found, _why_before(addon.name, text, choices[goal], hop, fit))


def _common(asked: Asked, ways: Ways, choices: Choices, at: Version, hop: Hop) -> Version | None:
    """Of the versions that go with both, the one that goes with most minors after them, for then it moves once."""
    both = [
        version
        for version, text in choices.items()
        if at < version and not version.is_pre_release and ways.fits(text, hop.target).answer is True
    ]
    default = ways.listed(hop.target) if asked.spec.params.get("version") == DEFAULT else {}
    return max(
        both,
        key=lambda each: (default.get(choices[each], False), ways.reach(choices[each], asked.ahead), each),
        default=None,
    )


def _without_common(addon: ManagedAddon, text: str, ways: Ways, at: Version, hop: Hop, fit: Fit) -> Move | str:
    """What a cluster cannot do without, or compat speaks against, does not go through a hop that it does not fit."""
    both = f"EKS offers no version of it for both {hop.source} and {hop.target}"
    if ways.is_critical or ways.refused(at, hop.target):
        fix = "hand it over (aws eks delete-addon --preserve) and upgrade it yourself, or wait for EKS to offer one"
        return f"{addon.name} {text} does not go with {hop.target} ({fit.why}), and {both}: {fix}"
    return Move(addon, Way(short=f"{addon.name}: {both}; it moves right after the control plane"))


def _why_before(name: str, text: str, goal: str, hop: Hop, fit: Fit) -> Callable[[str], str]:
    reason = f"{name} {text} does not go with {hop.target} ({fit.why})"

    def why(version: str) -> str:
        if version == goal:
            return f"{reason}; {goal} goes with {hop.source} and {hop.target}, so it is there before the control plane"
        return f"{reason}, and it moves one minor at a time: {version} is on the way to {goal}"

    return why


def after_hop(asked: Asked, addon: ManagedAddon, ways: Ways) -> Move | str:
    """On the last hop to what the playbook wants of its minor; on others only what cannot wait."""
    hop = asked.hop
    assert hop is not None
    text, minor = asked.at.addons[addon.name], hop.target
    reason = _reason_after(asked, ways, text)
    at = parsed(text)
    if not reason or at is None:
        return Move(addon) if at else _orderless(addon)
    choices = _of_rule(asked, ways, ways.choices(minor))
    goal = _goal(choices, ways.listed(minor), asked.spec.params)
    if goal is None or not at < goal:
        return Move(addon)
    wish = "what EKS itself installs on" if asked.spec.params.get("version") == DEFAULT else "the newest of EKS for"

    def why(version: str) -> str:
        end = f"{choices[goal]} is {wish} {minor}"
        return f"{reason}; {end}" if version == choices[goal] else f"{reason}; {version} is on the way: {end}"

    return Move(addon, ways.way(at, goal, choices), why)


def _reason_after(asked: Asked, ways: Ways, text: str) -> str:
    """Why an addon moves after this hop, "" where it can wait for the last one or stays."""
    hop, next = asked.hop, asked.next
    assert hop is not None
    at = parsed(text)
    if ways.has(Rule.EQUAL_MINOR) and at is not None and at.minor != hop.target:
        return f"{ways.name} {text} is made for {at.minor}, and the control plane is at {hop.target} now"
    if not ways.is_bound and ways.fits(text, hop.target).answer is False:
        return f"{ways.name} {text} does not go with {hop.target} ({ways.fits(text, hop.target).why})"
    if next is None:
        bound = ", and never runs ahead of the API server" if ways.has(Rule.NOT_AHEAD) else ""
        return f"{ways.name} is at {text}{bound}"
    if ways.has(Rule.NOT_AHEAD) and ways.fits(text, next).answer is False:
        return f"{ways.name} {text} would be too old for {next} ({ways.fits(text, next).why})"
    return ""


def _of_rule(asked: Asked, ways: Ways, choices: Choices) -> Choices:
    """What an addon's own rule leaves: of the cluster's minor, or for kube-proxy near enough to every kubelet."""
    if ways.has(Rule.EQUAL_MINOR):
        return {version: text for version, text in choices.items() if version.minor == asked.at.minor}
    if ways.name == KUBE_PROXY:
        kubelets = {pool.oldest for pool in asked.at.pools.values() if pool.oldest}
        return {each: text for each, text in choices.items() if all(_is_near(asked, each.minor, k) for k in kubelets)}
    return choices


def _is_near(asked: Asked, proxy: Minor, kubelet: Minor) -> bool:
    allowed = window(asked.compat, KUBE_PROXY, proxy, kubelet, of="kubelet")
    return allowed is None or allowed.oldest <= proxy <= allowed.newest


# ---- back


def back(asked: Asked, addon: ManagedAddon, ways: Ways) -> Move | str:
    """To the version from before the upgrade, where the installed one does not go with the minor before."""
    hop = asked.hop
    assert hop is not None
    text = asked.at.addons[addon.name]
    fit = ways.fits(text, hop.target)
    if fit.answer is True:
        return Move(addon)
    at = parsed(text)
    if fit.answer is None or at is None:
        return f"whether {addon.name} {text} goes with {hop.target} is not known: {fit.why}"
    choices = ways.choices(hop.source)
    fitting = {
        version: text
        for version, text in choices.items()
        if version < at and not version.is_pre_release and ways.fits(text, hop.target).answer is True
    }
    known = asked.history.get(addon.name, "")
    goal = next((version for version, each in fitting.items() if each == known), None) or max(fitting, default=None)
    if goal is None:
        return (
            f"{addon.name} {text} does not go with {hop.target} ({fit.why}), and EKS offers no older version for both"
            f" {hop.source} and {hop.target}"
        )
    found = ways.back(at, goal, choices)
    if found.short:
        return f"{addon.name} cannot get back to {choices[goal]}: {found.short}"
    return Move(addon, found, lambda version: _why_back(addon.name, text, version, known, hop, fit))


def _why_back(name: str, text: str, version: str, known: str, hop: Hop, fit: Fit) -> str:
    reason = f"{name} {text} does not go with {hop.target} ({fit.why})"
    if version == known:
        return f"{reason}; it was {version} before the upgrade"
    was = f"it was {known} before, which does not fit" if known else "what it was before the upgrade is not known"
    return f"{reason}; {was}: {version} goes with {hop.source} and {hop.target}"
