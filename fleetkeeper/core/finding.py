"""A finding: what stands in the way of an upgrade, on which object, by what evidence, and what would mend it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fleetkeeper.core.compat import Confidence
from fleetkeeper.core.versions import Minor


class Severity(StrEnum):
    """What a finding means for the hop that it is about, the gravest first."""

    BLOCKER = "blocker"
    UNKNOWN = "unknown"  # it could not be judged; whether that blocks is for the check to say
    WARNING = "warning"
    INFO = "info"


class Breaks(StrEnum):
    """What breaks, and when, if nobody acts."""

    AT_UPGRADE = "at the upgrade"
    AT_NODES = "when nodes are replaced"
    AT_DEPLOY = "at the next deploy"
    AT_ROLLBACK = "at a rollback of the release"
    AT_DATE = "at the deadline"
    LOST = "lost for good"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """The exact object. kind "Cluster" with no name is the cluster itself; cloud objects have no namespace."""

    kind: str
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        path = "/".join(filter(None, (self.namespace, self.name)))
        return f"{self.kind} {path}".strip()


CLUSTER = Subject("Cluster")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason to believe a finding. source is one word or two: metric, managed fields, Helm release, insight, EKS.

    at is when it was true (the last call, the last write), None when the source does not say.
    """

    source: str
    text: str
    at: datetime | None = None
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True)
class LiveUse:
    """That somebody calls an API now, which silence alone never takes back.

    callers are the workloads that call it, none when nobody could be named; state is a digest of what they run (uids
    and images), so that a change of them shows. last is the latest moment at which it was surely used. schedules are
    those of the callers that run by one, as Kubernetes writes them.
    """

    callers: tuple[Subject, ...] = ()
    state: str = ""
    last: datetime | None = None
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one object. message is subject and fact; fix is the next action, in the imperative.

    key tells findings of one check on one object apart (an API version, a subnet); it is a part of the fingerprint,
    so nothing that moves by itself may stand in it. blocks is whether the hop has to wait for it. owner holds the keys
    that name owners, as core/owner_keys.py keeps them. deadline is when it breaks, where a date is known.
    """

    code: str
    severity: Severity
    subject: Subject
    message: str
    fix: str
    key: str = ""
    blocks: bool = False
    breaks: Breaks = Breaks.AT_UPGRADE
    minor: Minor | None = None  # the minor at which it breaks; None is at once, or at no minor
    deadline: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    owner: Mapping[str, str] = field(default_factory=dict)
    use: LiveUse | None = None

    @property
    def fingerprint(self) -> str:
        """The same for a live object, a line in Git and a line in CI: of what it is about, not of where it was seen."""
        subject = self.subject
        text = "\0".join((self.code, subject.kind, subject.namespace, subject.name, self.key))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
