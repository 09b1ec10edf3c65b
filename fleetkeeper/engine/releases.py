"""How steps reach the Helm releases of a cluster: what they are now, what an upgrade would change, and the upgrade."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.errors import GapReason, Refused


@dataclass(frozen=True, slots=True)
class ReleaseRef:
    """One release of one cluster. scope None: the cluster is known by a kubeconfig alone."""

    scope: Scope | None
    cluster: str
    id: ClusterId
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision as Helm's record has it. status is Helm's own: deployed, pending-upgrade, failed, superseded, ...

    token: of the attempt of ours that made it, "" for others'; Helm hands it on to later revisions, so it counts only
    with the number. began_here: it was made by a program that was begun at this home. owner: the tool that manages the
    release for somebody, such as Flux or Terraform; "" when none left a mark. description is what Helm said last.
    """

    number: int
    status: str
    at: datetime | None = None
    chart: str = ""
    version: str = ""
    description: str = ""
    token: str = ""
    began_here: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class SeenRelease:
    """The newest revision, and the numbers of all that are marked as deployed, the newest first.

    An upgrade that was cut off leaves two; the newer one counts.
    """

    newest: Revision
    deployed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ChartChoice:
    """A chart's version from a source of the settings."""

    source: str
    chart: str
    version: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What an upgrade would change. Objects are `Deployment web/front`; package is the digest of the chart's package.

    crds: definitions in the chart's crds/ that differ from the cluster's. contested: those of them that cannot be
    applied, each with why. refused: Helm's words where it cannot even be rendered; then nothing else is known. text:
    the objects as a unified diff, without secrets; for people who look, never stored.
    """

    package: str
    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()
    refused: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Renamed:
    """One object of a stored manifest whose API version a minor removes. problem: why it cannot be renamed, or ""."""

    what: str  # "policy/v1beta1 PodDisruptionBudget web/front"
    to: str  # "policy/v1"
    problem: str = ""


class Releases(Protocol):
    """Helm, with the executor's rights. Payloads and values stay in memory. Raises ReadErrors."""

    @property
    def home(self) -> str:
        """Names what remembers here which programs were begun; replicas have homes of their own."""
        ...

    def look(self, ref: ReleaseRef) -> SeenRelease | None:
        """The release as it is now, None when there is none."""
        ...

    def difference(self, ref: ReleaseRef, choice: ChartChoice) -> Difference: ...

    def upgrade(self, ref: ReleaseRef, choice: ChartChoice, package: str, token: str) -> None:
        """Apply the CRDs that differ, then begin the upgrade under this token; nothing where it was begun already.

        Refused when the chart's package is not the one of this digest any more.
        """
        ...

    def roll_back(self, ref: ReleaseRef, revision: int, token: str) -> None:
        """Begin to roll the release back under this token; nothing where that was begun already."""
        ...

    def state(self, ref: ReleaseRef, token: str) -> CommandState | None:
        """How far what was begun here under a token is; None when nothing was."""
        ...

    def renamed(self, ref: ReleaseRef, to: Minor) -> tuple[Renamed, ...]:
        """The objects of the newest deployed revision's manifest that a minor does not serve as they are called."""
        ...

    def repair(self, ref: ReleaseRef, to: Minor, token: str) -> None:
        """Write the next revision with those renamed, marked with the token, and mark the ones before as superseded."""
        ...

    def give_back(self, ref: ReleaseRef, token: str) -> str:
        """Remove the revision that `repair` wrote under the token, and mark the one before as deployed.

        Why not, where that would be no use; "" also where there is no such revision (any more).
        """
        ...


class NoReleases:
    """The Releases port where no [[engine.charts]] is configured: Helm is out of the engine's reach."""

    home = ""

    def look(self, ref: ReleaseRef) -> SeenRelease | None:
        raise _none(ref)

    def difference(self, ref: ReleaseRef, choice: ChartChoice) -> Difference:  # noqa: ARG002
        raise _none(ref)

    def upgrade(self, ref: ReleaseRef, choice: ChartChoice, package: str, token: str) -> None:  # noqa: ARG002
        raise _none(ref)

    def roll_back(self, ref: ReleaseRef, revision: int, token: str) -> None:  # noqa: ARG002
        raise _none(ref)

    def state(self, ref: ReleaseRef, token: str) -> CommandState | None:  # noqa: ARG002
        raise _none(ref)

    def renamed(self, ref: ReleaseRef, to: Minor) -> tuple[Renamed, ...]:  # noqa: ARG002
        raise _none(ref)

    def repair(self, ref: ReleaseRef, to: Minor, token: str) -> None:  # noqa: ARG002
        raise _none(ref)

    def give_back(self, ref: ReleaseRef, token: str) -> str:  # noqa: ARG002
        raise _none(ref)


def _none(ref: ReleaseRef) -> Refused:
    return Refused(f"{ref}: the settings have no [[engine.charts]], so no release is touched", GapReason.NOT_CONFIGURED)
