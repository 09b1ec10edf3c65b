"""CronJobs: a Job at each time of the schedule, named by its minute, and only so many finished ones kept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.sim.controllers import job as jobs
from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, itself, of_controller
from fleetkeeper.sim.controllers.matching import is_true
from fleetkeeper.sim.kube.state_errors import AlreadyExists
from fleetkeeper.sim.kube.state_log import Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "batch/cronjobs"
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NAMES = ("", "jan feb mar apr may jun jul aug sep oct nov dec", "sun mon tue wed thu fri sat")
_HORIZON = 366 * 5  # days; a schedule that has no time in them (30 February) never fires


def next_time(schedule: str, after: datetime, zone: str = "") -> datetime | None:
    """The first time of a schedule after a moment; None when it never comes."""
    fields = _MACROS.get(schedule.strip().lower(), schedule).split()
    minutes, hours, days, months, weekdays = (_field(text, place) for place, text in enumerate(fields))
    weekdays = {day % 7 for day in weekdays}
    either = fields[2] not in ("*", "?") and fields[4] not in ("*", "?")
    there = ZoneInfo(zone) if zone else UTC
    day = after.astimezone(there).replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(_HORIZON):
        of_month, of_week = day.day in days, (day.weekday() + 1) % 7 in weekdays
        if day.month in months and ((of_month or of_week) if either else (of_month and of_week)):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    found = day.replace(hour=hour, minute=minute).astimezone(UTC)
                    if found > after:
                        return found
        day += timedelta(days=1)
    return None


def _field(text: str, place: int) -> set[int]:
    low, high = _RANGES[place]
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, place)
            end = _number(last, place) if dash else high if step else start
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, place: int) -> int:
    if text.isdigit():
        return int(text)
    names = _NAMES[place - 2].split()
    return names.index(text) + (1 if place == 3 else 0)


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
