"""The executor's way to Helm releases over a simulated world (the Releases port), in virtual time.

The records are the world's Secrets, as its readers see them. What helm does takes a while: an upgrade writes its
revision as pending-upgrade first, and ends as deployed or failed, as the real one does.
"""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.release_repair import renaming
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.engine.releases import ChartChoice, Difference, ReleaseRef, Renamed, Revision, SeenRelease
from fleetkeeper.errors import GapReason, Refused
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.ports_helm import unpacked
from fleetkeeper.sim.world import Object, SimCluster

TOKEN, HOME = "fleetkeeper/token", "fleetkeeper/home"
_SECRETS = "/secrets"
_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class SimChart:
    """One version of a chart: what it renders to, the CRDs that it brings, and how its upgrade ends.

    contested: its CRDs that belong to somebody else, each with why. fails: Helm's words, "" where all goes well.
    """

    chart: str
    version: str
    manifest: str
    crds: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()
    refused: str = ""
    fails: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands beside the payload of a record. at: when it was written."""

    status: str
    at: datetime
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Run:
    """One helm. killed: it was ended from outside, in the middle of what it did."""

    ref: ReleaseRef
    code: int | None = None
    output: str = ""
    killed: bool = False


@dataclass
class WorldReleases:
    """charts: what the sources of the settings have. home: the machine; runs are known where they were begun."""

    living: LivingWorld
    apis: Apis
    charts: list[SimChart] = field(default_factory=list)
    home: str = "alpha"
    begun: int = 0
    _runs: dict[tuple[str, str], _Run] = field(default_factory=dict)

    def look(self, ref: ReleaseRef) -> SeenRelease | None:
        found = self._revisions(ref)
        if not found:
            return None
        deployed = tuple(_number(each) for each in found if _status(each) == "deployed")
        return SeenRelease(self._revision(found[0]), deployed)

    def difference(self, ref: ReleaseRef, choice: ChartChoice) -> Difference:
        chart = self._chart(choice)
        if chart.refused:
            return Difference(_digest(chart), refused=chart.refused)
        before = _objects(unpacked(self._deployed(ref))["manifest"], ref)
        after = _objects(chart.manifest, ref)
        return Difference(
            package=_digest(chart),
            changed=tuple(each for each in before if each in after and before[each] != after[each]),
            new=tuple(each for each in after if each not in before),
            gone=tuple(each for each in before if each not in after),
            crds=chart.crds,
            contested=chart.contested,
            text="".join(f"~ {each}\n" for each in after),
        )

    def upgrade(self, ref: ReleaseRef, choice: ChartChoice, package: str, token: str) -> None:
        if (self.home, token) in self._runs:
            return
        chart = self._chart(choice)
        if _digest(chart) != package:
            raise Refused(f"the package of {choice.chart} is another one than was looked at", GapReason.REJECTED)
        run = self._begin(ref, token)
        newest = self._revisions(ref)[0]
        if _status(newest).startswith("pending"):
            run.code, run.output = 1, "another operation (install/upgrade/rollback) is in progress"
            return
        before, number = unpacked(self._deployed(ref)), _number(newest) + 1
        chart_of = {"metadata": {"name": chart.chart, "version": chart.version}}
        labels = {TOKEN: token, HOME: self.home}
        made = {**before, "chart": chart_of, "manifest": chart.manifest, "version": number}
        self._write(ref, number, made, Marks("pending-upgrade", self._now, "Preparing upgrade", labels))
        self.living.timeline.after(_SECONDS, lambda: self._ends(run, number, chart.fails))

    def roll_back(self, ref: ReleaseRef, revision: int, token: str) -> None:
        if (self.home, token) in self._runs:
            return
        run = self._begin(ref, token)
        old = next(each for each in self._revisions(ref) if _number(each) == revision)
        number = _number(self._revisions(ref)[0]) + 1
        made = {**unpacked(old), "version": number}
        self._write(ref, number, made, Marks("pending-rollback", self._now, f"Rollback to {revision}"))
        self.living.timeline.after(_SECONDS, lambda: self._ends(run, number, ""))

    def state(self, ref: ReleaseRef, token: str) -> CommandState | None:  # noqa: ARG002  # by the token alone
        run = self._runs.get((self.home, token))
        return CommandState(run.code, run.output, run.killed) if run else None

    def kill(self, token: str) -> None:
        """helm is ended from outside: what it had written stays as it is."""
        self._runs[self.home, token].killed = True

    def renamed(self, ref: ReleaseRef, to: Minor) -> tuple[Renamed, ...]:
        return tuple(self._renamed(unpacked(self._deployed(ref))["manifest"], ref, to))

    def repair(self, ref: ReleaseRef, to: Minor, token: str) -> None:
        newest = self._revisions(ref)[0]
        if (newest["metadata"].get("annotations") or {}).get(TOKEN) != token:
            before = unpacked(self._deployed(ref))
            if any(each.problem for each in self._renamed(before["manifest"], ref, to)):
                raise Refused(f"{ref} cannot be repaired", GapReason.REJECTED)
            number = _number(newest) + 1
            documents = [self._new(each, to) for each in yaml.safe_load_all(before["manifest"]) if each]
            made = {**before, "manifest": yaml.safe_dump_all(documents), "version": number}
            marks = Marks("deployed", self._now, "renamed", annotations={TOKEN: token})
            self._write(ref, number, made, marks)
        self._supersede(ref)

    def give_back(self, ref: ReleaseRef, token: str) -> str:
        newest, *others = self._revisions(ref)
        if (newest["metadata"].get("annotations") or {}).get(TOKEN) != token:
            return ""
        minor = Minor.parse(self._cluster(ref).version)
        before = unpacked(others[0])
        if gone := [each.what for each in self._renamed(before["manifest"], ref, minor)]:
            return f"the cluster ({minor}) does not serve {gone[0]} any more"
        self._mark(ref, others[0], "deployed")
        self._cluster(ref).remove(_SECRETS, ref.namespace, newest["metadata"]["name"])
        return ""

    def _begin(self, ref: ReleaseRef, token: str) -> _Run:
        self.begun += 1
        run = self._runs[self.home, token] = _Run(ref)
        return run

    def _ends(self, run: _Run, number: int, fails: str) -> None:
        """What helm writes last; nothing where it was killed before."""
        if run.killed:
            return
        made = next(each for each in self._revisions(run.ref) if _number(each) == number)
        self._mark(run.ref, made, "failed" if fails else "deployed", fails)
        run.code, run.output = (1, fails) if fails else (0, "")
        if not fails:
            self._supersede(run.ref)

    def _supersede(self, ref: ReleaseRef) -> None:
        deployed = [each for each in self._revisions(ref) if _status(each) == "deployed"]
        for each in deployed[1:]:
            self._mark(ref, each, "superseded")

    def _renamed(self, manifest: str, ref: ReleaseRef, to: Minor) -> Iterator[Renamed]:
        present = Minor.parse(self._cluster(ref).version)
        for each in filter(None, yaml.safe_load_all(manifest)):
            new = renaming(self.apis, each["apiVersion"], each["kind"], to)
            if new is not None:
                gone = renaming(self.apis, new.api_version, each["kind"], present) if new.api_version else None
                what = f"{each['apiVersion']} {_shown(each, ref)}"
                yield Renamed(what, new.api_version, new.why or ("it is not served" if gone else ""))

    def _new(self, each: Object, to: Minor) -> Object:
        new = renaming(self.apis, each["apiVersion"], each["kind"], to)
        return {**each, "apiVersion": new.api_version} if new else each

    def _chart(self, choice: ChartChoice) -> SimChart:
        found = (each for each in self.charts if (each.chart, each.version) == (choice.chart, choice.version))
        chart = next(found, None)
        if chart is None:
            raise Refused(f"{choice.source} has no {choice.chart} {choice.version}", GapReason.NOT_FOUND)
        return chart

    def _cluster(self, ref: ReleaseRef) -> SimCluster:
        found = (each for each in self.living.world.clusters.values() if each.arn == ref.id.arn)
        cluster = next(found, None)
        if cluster is None:
            raise Refused(f"{ref.cluster}: there is no such cluster", GapReason.NOT_FOUND)
        return cluster

    def _revisions(self, ref: ReleaseRef) -> list[Object]:
        """The newest first."""
        wanted = {"owner": "helm", "name": ref.name}
        found = [
            each
            for (namespace, _), each in self._cluster(ref).objects.get(_SECRETS, {}).items()
            if namespace == ref.namespace and wanted.items() <= (each["metadata"].get("labels") or {}).items()
        ]
        return sorted(found, key=_number, reverse=True)

    def _deployed(self, ref: ReleaseRef) -> Object:
        found = self._revisions(ref)
        deployed = [each for each in found if _status(each) == "deployed"]
        if not found:
            raise Refused(f"there is no release {ref}", GapReason.NOT_FOUND)
        return (deployed or found)[0]

    def _revision(self, secret: Object) -> Revision:
        metadata, payload = secret["metadata"], unpacked(secret)
        labels = metadata["labels"]
        chart = payload["chart"]["metadata"]
        return Revision(
            number=_number(secret),
            status=_status(secret),
            at=datetime.fromtimestamp(int(labels["modifiedAt"]), UTC),
            chart=chart["name"],
            version=chart["version"],
            description=payload["info"].get("description", ""),
            token=(metadata.get("annotations") or {}).get(TOKEN) or labels.get(TOKEN, ""),
            began_here=labels.get(HOME) == self.home,
            owner=labels.get("sim/owner", ""),
        )

    def _mark(self, ref: ReleaseRef, secret: Object, status: str, description: str = "") -> None:
        payload, metadata = unpacked(secret), secret["metadata"]
        labels = {key: value for key, value in metadata["labels"].items() if key in (TOKEN, HOME, "sim/owner")}
        told = description or payload["info"].get("description", "")
        marks = Marks(status, self._now, told, labels, metadata.get("annotations") or {})
        self._write(ref, _number(secret), payload, marks)

    def _write(self, ref: ReleaseRef, number: int, payload: Mapping[str, Any], marks: Marks) -> None:
        self._cluster(ref).put(_SECRETS, a_record(ref, number, payload, marks))

    @property
    def _now(self) -> datetime:
        return self.living.timeline.now()


def a_record(ref: ReleaseRef, number: int, payload: Mapping[str, Any], marks: Marks) -> Object:
    """Helm's Secret of one revision."""
    info = {**payload.get("info", {}), "status": marks.status, "description": marks.description}
    packed = gzip.compress(json.dumps({**payload, "info": info}).encode(), mtime=0)
    own = {"owner": "helm", "name": ref.name, "status": marks.status, "version": str(number)}
    metadata = {
        "name": f"sh.helm.release.v1.{ref.name}.v{number}",
        "namespace": ref.namespace,
        "uid": f"{ref.name}-{number}",
        "labels": {**own, "modifiedAt": str(int(marks.at.timestamp())), **marks.labels},
        "annotations": dict(marks.annotations),
    }
    release = base64.b64encode(base64.b64encode(packed)).decode()
    return {"metadata": metadata, "type": "helm.sh/release.v1", "data": {"release": release}}


def _number(secret: Object) -> int:
    return int(secret["metadata"]["labels"]["version"])


def _status(secret: Object) -> str:
    return str(secret["metadata"]["labels"]["status"])


def _digest(chart: SimChart) -> str:
    return f"{chart.chart}-{chart.version}"


def _objects(manifest: str, ref: ReleaseRef) -> dict[str, Object]:
    return {_shown(each, ref): each for each in yaml.safe_load_all(manifest) if each}


def _shown(each: Object, ref: ReleaseRef) -> str:
    metadata = each.get("metadata") or {}
    return f"{each['kind']} {metadata.get('namespace') or ref.namespace}/{metadata.get('name', '')}"
