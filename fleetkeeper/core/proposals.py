"""A change as it is proposed to whoever keeps the version: what, from where to where, why, and the line to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.gitops import APPLICATION
from fleetkeeper.core.managed_by import Change, Keeper, lines_to_change
from fleetkeeper.core.observed import GitOpsApp
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Version

_LONGEST = 1000

COMPONENTS: Mapping[Change, str] = {
    Change.MINOR: "control-plane",
    Change.ADDON: "addons",
    Change.NODE_GROUP: "node-groups",
    Change.RELEASE: "releases",
}
"""The words of `components` in the settings."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """name: of the addon, group or release, "" for the minor. before: the version that there is now.

    namespace and chart are a release's, app the GitOps object that deploys it. configuration: an addon's custom values
    as JSON, which stay as they are. keeper: the tool that keeps it as code, as far as tags say. deadline: by when.
    """

    cluster: str
    change: Change
    name: str
    before: str
    to: str
    why: str = ""
    namespace: str = ""
    chart: str = ""
    app: GitOpsApp | None = None
    configuration: str = ""
    keeper: Keeper | None = None
    deadline: datetime | None = None

    @property
    def label(self) -> str:
        """`coredns`, `the node group web`, `the control plane`."""
        words = {Change.MINOR: "the control plane", Change.NODE_GROUP: f"the node group {self.name}"}
        return words.get(self.change, self.name)

    @property
    def title(self) -> str:
        verb = "Take back" if is_older(self.to, self.before) else "Update"
        return f"{verb} {self.label} of {self.cluster} from {self.before or 'its version'} to {self.to}"

    @property
    def fix(self) -> tuple[str, ...]:
        """The line to change, one for each tool that it may be kept by."""
        if self.app:
            field = "targetRevision" if self.app.kind == APPLICATION else "spec.chart.spec.version"
            where = f" of the source with the chart {self.app.chart}" if self.app.kind == APPLICATION else ""
            return (f"{self.app}: {field}: {self.to}{where}",)
        lines = lines_to_change(self.keeper, self.change, self.name, self.to)
        if self.change is Change.RELEASE:
            inside = f" --namespace {self.namespace}" if self.namespace else ""
            command = f"helm upgrade {self.name} {self.chart or 'CHART'} --version {self.to}{inside} --reuse-values"
            return (*lines, f"Helm: {command}")
        return lines

    def body(self) -> dict[str, str]:
        """What is sent beside the names of the cluster and the run; what does not apply is "", and never left out."""
        return {
            "title": self.title,
            "change": self.change.value,
            "component": COMPONENTS[self.change],
            "name": self.name,
            "from": self.before,
            "to": self.to,
            "why": self.why,
            "deadline": f"{self.deadline:%Y-%m-%d}" if self.deadline else "",
            "fix": "\n".join(self.fix),
            "managed_by": str(self.keeper) if self.keeper else "",
            "namespace": self.namespace,
            "chart": self.chart,
            "object": str(self.app) if self.app else "",
            "configuration": self.configuration,
        }

    def message(self, told: Mapping[str, str]) -> str:
        """The same for people in a channel. told: the names of the cluster and the run."""
        lines = [
            f"Please: {self.title}",
            f"cluster: {told['arn'] or self.cluster} ({told['account']}/{told['region']})",
        ]
        lines += [f"why: {self.why}"] if self.why else []
        lines += [f"by: {self.deadline:%Y-%m-%d}"] if self.deadline else []
        lines += [f"change: {each}" for each in self.fix]
        lines += [f"its configuration stays: {safe(self.configuration, _LONGEST)}"] if self.configuration else []
        run = f"run {told['run']} of plan {told['plan']}" if told["run"] else f"plan {told['plan']}"
        return "\n".join((*lines, f"fleetkeeper waits until it sees {self.to} ({run})"))


def is_older(text: str, than: str) -> bool:
    """Whether a version is below another; one that cannot be read is not."""
    try:
        return Version.parse(text) < Version.parse(than)
    except ValueError:
        return False


def is_between(at: str, before: str, to: str) -> bool:
    """Whether a version is on the way to another, `before` counted and `to` not; without an order only `before` is."""
    if at == before:
        return True
    low, high = (to, before) if is_older(to, before) else (before, to)
    return is_older(low, at) and is_older(at, high)
