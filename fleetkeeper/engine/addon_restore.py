"""Takes an addon back to the version and the configuration from before its update; called until it is there."""

from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core import model
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Memory, Residue, Undoing, Undone, Wait
from fleetkeeper.core.wording import some
from fleetkeeper.engine.eks_updates import REFUSALS
from fleetkeeper.engine.writers import AddonUpdate, CloudWriter
from fleetkeeper.errors import Refused

VERSION, CONFIGURATION = "before.version", "before.configuration"
"""Keys of a step's memory that outlive its attempts."""

_POLL = timedelta(seconds=15)
_NOTHING = ("", "{}")


@dataclass(frozen=True, slots=True)
class Restore:
    """One addon that was brought to `to`. token: of this way back alone, the same whenever it is asked again."""

    cloud: CloudWriter
    cluster: str
    addon: str
    to: str
    token: str

    def undoing(self, memory: Memory) -> Undoing:
        """Looks, and asks EKS where that is still needed: a crash anywhere finds the same update by its token.

        Nothing is taken back that somebody else has moved since, nor to a version that EKS does not take.
        """
        before = memory.get(VERSION, "")
        if not before:
            return Undone(f"{self.addon} was not touched")
        addon = self.cloud.addon(self.cluster, self.addon)
        if addon is None or addon.status == "DELETING":
            return Residue(f"{self.addon} is gone or being deleted by somebody else; it was at {before}")
        if addon.status in ("CREATING", "UPDATING"):
            return Wait(f"{self.addon} is {addon.status}, it is to go back to {before}", _POLL)
        if addon.version == before and _same(addon.configuration, memory.get(CONFIGURATION, "")):
            called = "" if addon.status == "ACTIVE" else f"; EKS calls it {addon.status}"
            return Undone(f"{self.addon} is at {before} as before{called}")
        if addon.version not in (before, self.to):
            return Residue(f"{self.addon} is at {addon.version}: somebody else changed it since; it was at {before}")
        return self._asked(addon, before, memory.get(CONFIGURATION, ""))

    def _asked(self, addon: model.ManagedAddon, before: str, configuration: str) -> Undoing:
        own = None if _same(addon.configuration, configuration) else configuration or "{}"
        try:
            id = self.cloud.update_addon(AddonUpdate(self.cluster, self.addon, before, own, "PRESERVE"), self.token)
        except Refused as refused:
            if refused.reason not in REFUSALS:
                raise
            return Residue(
                f"{self.addon} stays at {addon.version}, for EKS does not take it back to {before}: {refused.detail}"
            )
        update = self.cloud.update(self.cluster, id, addon=self.addon)
        if update.status == "InProgress":
            return Wait(f"{self.addon} goes back from {addon.version} to {before} (update {id})", _POLL)
        if update.status == "Successful" and addon.version == self.to:  # it ended between the two reads, or was undone
            return self._after(before, id)
        told = some(safe(" ".join(each.split()), 300) for each in update.errors) or "EKS gave no reason"
        return Residue(f"{self.addon} stays at {addon.version}: its way back to {before} ended {update.status}: {told}")

    def _after(self, before: str, id: str) -> Undoing:
        addon = self.cloud.addon(self.cluster, self.addon)
        if addon is not None and addon.version == before:
            return Undone(f"{self.addon} is at {before} as before")
        at = f"at {addon.version}" if addon else "gone"
        return Residue(f"{self.addon} went back to {before} (update {id}), and is {at} again: by somebody else")


def _same(one: str, other: str) -> bool:
    return one == other or (one in _NOTHING and other in _NOTHING)
