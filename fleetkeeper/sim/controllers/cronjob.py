"""CronJobs: a Job at each time of the schedule, named by its minute, and only so many finished ones kept."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fleetkeeper.core.cron import Cron
from fleetkeeper.sim.controllers import job as jobs
from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, itself, of_controller
from fleetkeeper.sim.controllers.matching import is_true
from fleetkeeper.sim.kube.state_errors import AlreadyExists
from fleetkeeper.sim.kube.state_log import Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "batch/cronjobs"


def next_time(schedule: str, after: datetime, zone: str = "") -> datetime | None:
    """The first time of a schedule after a moment; None when it never comes."""
    there = ZoneInfo(zone) if zone else UTC
    found = Cron.parse(schedule).next_after(after.astimezone(there))
    return found.astimezone(UTC) if found else None


def reconcile(live: Live, key: Key) -> None:
    cron = live.objects.get(RESOURCE, *key)
    if cron is None or "deletionTimestamp" in cron["metadata"]:
        return
    owned = live.objects.find("controller", jobs.RESOURCE, cron["metadata"]["uid"])
    _forget_old(live, cron, owned)
    if cron["spec"].get("suspend"):
        return
    zone = cron["spec"].get("timeZone") or ""
    last = (cron.get("status") or {}).get("lastScheduleTime") or cron["metadata"]["creationTimestamp"]
    # What was due before the world began has run: a scenario does not write every Job of the past.
    since, due = max(datetime.fromisoformat(last), live.timeline.world.epoch), None
    coming = next_time(cron["spec"]["schedule"], since, zone)
    while coming is not None and coming <= live.now():  # of several missed times the newest is run
        due = coming
        coming = next_time(cron["spec"]["schedule"], coming, zone)
    if due is not None and _in_time(cron, due, live.now()):
        _run(live, cron, due, [each for each in owned if not jobs.is_finished(each)])
    if coming is not None:
        live.requeue(CONTROLLER, key, (coming - live.now()).total_seconds())


def _in_time(cron: Object, due: datetime, now: datetime) -> bool:
    deadline = cron["spec"].get("startingDeadlineSeconds")
    return deadline is None or (now - due).total_seconds() <= deadline


def _run(live: Live, cron: Object, due: datetime, active: list[Object]) -> None:
    policy = cron["spec"].get("concurrencyPolicy", "Allow")
    if active and policy == "Forbid":
        return
    for each in active if policy == "Replace" else ():
        live.objects.delete(jobs.RESOURCE, key_of(each))
    template, metadata = cron["spec"]["jobTemplate"], cron["metadata"]
    given = template.get("metadata") or {}
    made = {
        "metadata": {
            "name": f"{metadata['name']}-{int(due.timestamp()) // 60}",
            "namespace": metadata["namespace"],
            "labels": given.get("labels") or {},
            "annotations": {
                **(given.get("annotations") or {}),
                "batch.kubernetes.io/cronjob-scheduled-timestamp": stamp(due),
            },
            "ownerReferences": [pods.reference("CronJob", cron)],
        },
        "spec": template["spec"],
    }
    try:
        live.objects.create(jobs.RESOURCE, made)
    except AlreadyExists:
        return
    status = {**(cron.get("status") or {}), "lastScheduleTime": stamp(due)}
    live.set_status(RESOURCE, cron, status)


def _forget_old(live: Live, cron: Object, owned: list[Object]) -> None:
    """Finished Jobs past the history limits go, the oldest first."""
    for kind, member, default in (
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ):
        ended = sorted((each for each in owned if is_true(each, kind)), key=lambda each: str(each["metadata"]["name"]))
        for each in ended[: max(0, len(ended) - cron["spec"].get(member, default))]:
            if "deletionTimestamp" not in each["metadata"]:
                live.objects.delete(jobs.RESOURCE, key_of(each))


CONTROLLER = Controller("cronjob", RESOURCE, reconcile, {RESOURCE: itself, jobs.RESOURCE: of_controller("CronJob")})
