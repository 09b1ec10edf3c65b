"""The Releases port: records over the API server, everything else by helm itself, begun like the engine's programs."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fleetkeeper.adapters.helm import definitions, manifests, packages, program, records, repairs
from fleetkeeper.adapters.helm.api import Api
from fleetkeeper.adapters.helm.packages import Package, Packages
from fleetkeeper.adapters.helm.records import DEPLOYED, HOME, TOKEN, Record
from fleetkeeper.adapters.kube.connection import Connection, Endpoint
from fleetkeeper.adapters.kube.credentials import Credential
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.requests import Object
from fleetkeeper.adapters.programs import LocalPrograms
from fleetkeeper.config import EngineSettings, ProgramSettings
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.releases import ChartChoice, Difference, ReleaseRef, Renamed, Revision, SeenRelease
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused

_DRY_RUN_SECONDS = 120.0
_ROLLBACK_MINUTES = 10.0
_HOOKS = 3
"""helm's own timeout is for one wait: the hooks before, the pods, the hooks after."""
_MORE_MINUTES = 5.0

_OWNERS = {
    "helm-controller": "Flux",
    "fleetagent": "Rancher Fleet",
    "fleet-agent": "Rancher Fleet",
    "terraform-provider-helm": "Terraform",
    "pulumi-resource-kubernetes": "Pulumi",
}
"""How the writers of a release's record begin: those that keep it for somebody, and would put it back."""

_FLUX_LABEL = "helm.toolkit.fluxcd.io/name"


class Writers(Protocol):
    """The executor's way to a cluster, as an address and a credential."""

    def access(self, scope: Scope | None, name: str, id: ClusterId) -> tuple[Endpoint, Credential]: ...


class HelmReleases:
    """settings.folder keeps what was begun, and the packages of charts. Safe to use from many threads."""

    def __init__(
        self, settings: EngineSettings, writers: Writers, apis: Apis, limits: Limits, pace: Pace, clock: Clock
    ) -> None:
        self._settings, self._writers, self._apis = settings, writers, apis
        self._limits, self._pace, self._clock = limits, pace, clock
        self._folder = Path(settings.folder).resolve() / "helm"
        self._programs = LocalPrograms([], self._folder)
        self._packages = Packages(settings.charts, settings.helm, self._folder / "charts")

    @property
    def home(self) -> str:
        return self._programs.home

    @property
    def _mark(self) -> str:
        """The home as a label may have it."""
        return hashlib.sha256(self.home.encode()).hexdigest()[:16]

    def look(self, ref: ReleaseRef) -> SeenRelease | None:
        with self._api(ref) as api:
            listed = records.listed(api, ref)
            if not listed:
                return None
            newest = records.read(api, ref, records.number(listed[0]))
        if newest is None:
            raise Refused(f"{ref}: its newest revision went away while it was read", GapReason.IN_USE)
        deployed = tuple(records.number(each) for each in listed if records.status(each) == DEPLOYED)
        return SeenRelease(self._revision(newest), deployed)

    def difference(self, ref: ReleaseRef, choice: ChartChoice) -> Difference:
        package = self._packages.get(choice)
        endpoint, credential = self._access(ref)
        with self._api(ref) as api, program.temporary_home() as home:
            program.write_kubeconfig(home, endpoint, credential, ref.namespace)
            command = [*self._upgrade(ref, package.path, choice), "--dry-run=server", "--output", "json"]
            ended = program.run(command, home, program.environment(home), _DRY_RUN_SECONDS)
            before = self._deployed(api, ref)
            blot = _blotting(before)
            if ended.code:
                return Difference(package.digest, refused=blot(ended.words))
            differing = definitions.differing(api, self._definitions(package))
        found = manifests.compared(before.manifest, _rendered(ended.output), ref.namespace, blot)
        return Difference(
            package=package.digest,
            changed=found.changed,
            new=found.new,
            gone=found.gone,
            crds=tuple(each.name for each in differing),
            contested=tuple(f"{each.name}: {each.problem}" for each in differing if each.problem),
            text=found.text,
        )

    def upgrade(self, ref: ReleaseRef, choice: ChartChoice, package: str, token: str) -> None:
        if self._programs.state(token) is not None:
            return
        found = self._packages.get(choice)
        if found.digest != package:
            detail = f"the package of {choice.chart} {choice.version} is another one than was looked at"
            raise Refused(detail, GapReason.REJECTED)
        with self._api(ref) as api:
            definitions.apply(api, definitions.differing(api, self._definitions(found)))
        chart = self._packages.settings(choice.source)
        labels = f"{TOKEN}={token},{HOME}={self._mark}"
        command = [*self._upgrade(ref, found.path, choice), "--wait", "--labels", labels]
        command += ["--timeout", f"{round(chart.timeout_minutes * 60)}s"]
        self._begin(ref, token, command, _HOOKS * chart.timeout_minutes + _MORE_MINUTES)

    def roll_back(self, ref: ReleaseRef, revision: int, token: str) -> None:
        if self._programs.state(token) is not None:
            return
        command = [program.found(self._settings.helm), "rollback", ref.name, str(revision), "--namespace"]
        command += [ref.namespace, "--wait", "--timeout", f"{round(_ROLLBACK_MINUTES * 60)}s"]
        self._begin(ref, token, command, _HOOKS * _ROLLBACK_MINUTES + _MORE_MINUTES)

    def state(self, ref: ReleaseRef, token: str) -> CommandState | None:
        found = self._programs.state(token)
        if found is None:
            return None
        if found.exit_code is None and not found.lost:
            program.renew_token(self._work(token), self._access(ref)[1])
            return CommandState(None, "")
        shutil.rmtree(self._work(token), ignore_errors=True)  # its credentials have no use any more
        if not found.output:
            return found
        with self._api(ref) as api:
            blot = _blotting(self._deployed(api, ref))
        return CommandState(found.exit_code, program.error_of(blot(found.output)), found.lost)

    def renamed(self, ref: ReleaseRef, to: Minor) -> tuple[Renamed, ...]:
        with self._api(ref) as api:
            record = self._deployed(api, ref)
            chart, _ = record.chart
            if not self._packages.lists(chart):
                raise Refused(f"{ref}: its chart {chart} is not in [[engine.charts]]", GapReason.NOT_CONFIGURED)
            return tuple(repairs.renamed(api, self._apis, record, ref, to))

    def repair(self, ref: ReleaseRef, to: Minor, token: str) -> None:
        with self._api(ref) as api:
            repairs.repair(api, self._apis, ref, to, token, self._clock.now())

    def give_back(self, ref: ReleaseRef, token: str) -> str:
        with self._api(ref) as api:
            return repairs.give_back(api, ref, token, self._clock.now())

    def _access(self, ref: ReleaseRef) -> tuple[Endpoint, Credential]:
        return self._writers.access(ref.scope, ref.cluster, ref.id)

    @contextmanager
    def _api(self, ref: ReleaseRef) -> Iterator[Api]:
        endpoint, credential = self._access(ref)
        api = Api(Connection(endpoint, credential), self._limits, self._pace, self._clock)
        try:
            yield api
        finally:
            api.close()

    def _deployed(self, api: Api, ref: ReleaseRef) -> Record:
        """The newest deployed revision; else, in the middle of an upgrade or after a failure, the newest at all."""
        listed = records.listed(api, ref)
        numbers = [records.number(each) for each in listed if records.status(each) == DEPLOYED]
        numbers += [records.number(each) for each in listed]
        record = records.read(api, ref, numbers[0]) if numbers else None
        if record is None:
            raise Refused(f"there is no release {ref}", GapReason.NOT_FOUND)
        return record

    def _revision(self, record: Record) -> Revision:
        metadata: Object = record.secret["metadata"]
        labels = metadata.get("labels") or {}
        chart, version = record.chart
        return Revision(
            number=record.number,
            status=records.status(metadata),
            at=_written(labels),
            chart=chart,
            version=version,
            description=_blotting(record)(record.description),
            token=records.token(metadata),
            began_here=labels.get(HOME, "") == self._mark,
            owner=_owner(metadata, record),
        )

    def _upgrade(self, ref: ReleaseRef, package: Path, choice: ChartChoice) -> list[str]:
        self._packages.settings(choice.source)
        command = [program.found(self._settings.helm), "upgrade", ref.name, str(package), "--namespace", ref.namespace]
        return [*command, "--reset-then-reuse-values", "--hide-notes"]

    def _definitions(self, package: Package) -> tuple[packages.Definition, ...]:
        return tuple(packages.definitions(package.path.read_bytes()))

    def _work(self, token: str) -> Path:
        return self._folder / "work" / token

    def _begin(self, ref: ReleaseRef, token: str, command: list[str], minutes: float) -> None:
        self._forget_ended()
        work = self._work(token)
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        endpoint, credential = self._access(ref)
        program.write_kubeconfig(work, endpoint, credential, ref.namespace)
        entry = ProgramSettings("helm", tuple(command), str(work), program.environment(work), timeout_minutes=minutes)
        LocalPrograms([entry], self._folder).start("helm", token, {})

    def _forget_ended(self) -> None:
        """Credentials of what ended while nobody looked, as after an abort."""
        for work in (self._folder / "work").glob("*"):
            state = self._programs.state(work.name)
            if state is not None and (state.exit_code is not None or state.lost):
                shutil.rmtree(work, ignore_errors=True)


def _rendered(output: bytes) -> str:
    try:
        return str(msgspec.json.decode(output, type=Mapping[str, Any]).get("manifest") or "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidAnswer(f"helm upgrade --dry-run gave no JSON: {str(error)[:200]}") from error


def _blotting(record: Record) -> Callable[[str], str]:
    """Takes the secrets of a release's values out of a text, the longest first."""
    hidden = sorted(set(manifests.secrets_of(record.values)), key=len, reverse=True)

    def blot(text: str) -> str:
        for each in hidden:
            text = text.replace(each, "***")
        return text

    return blot


def _written(labels: Mapping[str, str]) -> datetime | None:
    """When Helm wrote the record last, or first."""
    text = labels.get("modifiedAt") or labels.get("createdAt") or ""
    return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and len(text) < 12 else None


def _owner(metadata: Object, record: Record) -> str:
    writers = [str(each.get("manager", "")) for each in metadata.get("managedFields") or ()]
    for start, name in _OWNERS.items():
        if any(each.startswith(start) for each in writers):
            return name
    return "Flux" if _FLUX_LABEL in record.manifest else ""
