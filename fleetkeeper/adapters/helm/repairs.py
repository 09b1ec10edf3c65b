"""Stored releases that name removed APIs: what they would be called, whether that holds, and the next revision of them.

The idea is that of https://github.com/helm/helm-mapkubeapis (read 2026-11-21). Different from there: the server is
asked whether it takes each object under its new name, the new revision is written before the old one is marked, and
both writes are fenced.
"""

from collections.abc import Iterator
from datetime import datetime

from fleetkeeper.adapters.helm import manifests, records
from fleetkeeper.adapters.helm.api import Api, place
from fleetkeeper.adapters.helm.records import DEPLOYED, SUPERSEDED, Record
from fleetkeeper.adapters.kube.requests import Object
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.release_repair import renaming
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import some
from fleetkeeper.engine.releases import ReleaseRef, Renamed
from fleetkeeper.errors import GapReason, Refused

_MANAGER = "fleetkeeper-repair"


def renamed(api: Api, apis: Apis, record: Record, ref: ReleaseRef, to: Minor) -> Iterator[Renamed]:
    """Every object of the manifest that the minor does not serve as it is called, with what stands in the way."""
    for document in manifests.documents(record.manifest):
        for each in manifests.objects(document):
            old, kind = str(each.get("apiVersion", "")), str(each.get("kind", ""))
            new = renaming(apis, old, kind, to)
            if new is None:
                continue
            _, _, namespace, name = manifests.key(each, ref.namespace)
            what = safe(f"{old} {kind} {namespace}/{name}", 300)
            problem = new.why or _problem(api, {**each, "apiVersion": new.api_version}, ref.namespace)
            yield Renamed(what, new.api_version, problem)


def _problem(api: Api, wanted: Object, namespace: str) -> str:
    """Does the server take the object as the manifest has it, under its new name? Nothing is stored by asking."""
    version, kind = str(wanted["apiVersion"]), str(wanted["kind"])
    known = api.kinds(version).get(kind)
    if known is None:
        return f"the cluster does not serve {version} {kind} yet ({api.version})"
    _, _, inside, name = manifests.key(wanted, namespace)
    path = place(version, known, inside, name)
    answer = api.apply(path, {**wanted, "metadata": _metadata(wanted)}, _MANAGER, dry_run=True, force=True)
    if answer.status in (200, 201):
        return ""
    if answer.status in (401, 403, 429) or (answer.status >= 500 and "field not declared" not in _text(answer.body)):
        api.good(answer, f"apply {version} {kind}")  # it could not be asked: that is no judgement
    return f"as {version} it is refused: {safe(api.words(answer, 'apply'), 300)}"


def _metadata(wanted: Object) -> Object:
    kept = {"name", "namespace", "labels", "annotations"}
    return {key: value for key, value in (wanted.get("metadata") or {}).items() if key in kept}


def _text(body: bytes | memoryview) -> str:
    return bytes(body).decode("utf-8", "replace")


def repair(api: Api, apis: Apis, ref: ReleaseRef, to: Minor, token: str, now: datetime) -> None:
    """Write the next revision, then mark those before it. Called again it goes on where it ended."""
    listed = records.listed(api, ref)
    deployed = [records.number(each) for each in listed if records.status(each) == DEPLOYED]
    if not deployed:
        raise Refused(f"{ref} has no deployed revision", GapReason.NOT_FOUND)
    made = records.wrote(listed[0], token)
    if not made:
        _write(api, apis, ref, (deployed[0], records.number(listed[0]) + 1), to, (token, now))
    for number in deployed[1:] if made else deployed:
        _mark(api, ref, number, SUPERSEDED, now)


def _write(
    api: Api, apis: Apis, ref: ReleaseRef, numbers: tuple[int, int], to: Minor, by: tuple[str, datetime]
) -> None:
    source, number = numbers
    record = records.read(api, ref, source)
    if record is None:
        raise Refused(f"revision {source} of {ref} is gone: somebody else is at work on it", GapReason.IN_USE)
    found = tuple(renamed(api, apis, record, ref, to))
    if wrong := [f"{each.what}: {each.problem}" for each in found if each.problem]:
        raise Refused(f"{ref} cannot be repaired: {some(wrong)}", GapReason.REJECTED)

    def new_version(old: str, kind: str) -> str:
        named = renaming(apis, old, kind, to)
        return named.api_version if named else ""

    manifest = manifests.renamed(record.manifest, new_version)
    told = some(dict.fromkeys(f"{each.what.rsplit(' ', 1)[0]} is {each.to}" for each in found))
    description = f"fleetkeeper renamed what {to} does not serve in revision {source}: {told}"
    made = records.next_revision(record, ref, number, manifest, (by[0], description, by[1]))
    api.create(records.folder(ref), made)


def give_back(api: Api, ref: ReleaseRef, token: str, now: datetime) -> str:
    """Mark the revision before as deployed, then remove ours; or why that is no use any more."""
    listed = records.listed(api, ref)
    ours = next((each for each in listed if records.wrote(each, token)), None)
    if ours is None:  # never written, or Helm wrote it again for the revision that came after it
        return ""
    number = records.number(ours)
    before = next((records.number(each) for each in listed if records.number(each) < number), 0)
    record = records.read(api, ref, before)
    if record is None:
        return "the revision before it is gone"
    if gone := tuple(_unserved(api, record)):
        return f"the cluster ({api.version}) does not serve {some(gone)} any more"
    _mark(api, ref, before, DEPLOYED, now)
    api.delete(f"{records.folder(ref)}/{records.name(ref, number)}", ours)
    return ""


def _unserved(api: Api, record: Record) -> Iterator[str]:
    for document in manifests.documents(record.manifest):
        for each in manifests.objects(document):
            version, kind = str(each.get("apiVersion", "")), str(each.get("kind", ""))
            if kind not in api.kinds(version):
                yield f"{version} {kind}"


def _mark(api: Api, ref: ReleaseRef, number: int, status: str, now: datetime) -> None:
    """As long as nobody else writes it: its resourceVersion goes along."""
    record = records.read(api, ref, number)
    if record is None or records.status(record.secret["metadata"]) == status:
        return
    api.replace(f"{records.folder(ref)}/{records.name(ref, number)}", records.marked(record, status, now))
