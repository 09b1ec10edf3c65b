"""The /metrics page of a simulated API server: the few families that fleetkeeper could read, among some others."""

from collections.abc import Iterable
from dataclasses import replace

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.kube.answers import Answer
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import SimCluster, SimDeprecatedCall

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_DEPRECATED = "apiserver_requested_deprecated_apis"
_VERBS = ("APPLY", "DELETE", "GET", "LIST", "PATCH", "POST", "PUT", "WATCH")


def page(cluster: SimCluster, asked: Iterable[Resource]) -> Answer:
    """The text format; a deprecated API shows when a client of the scenario, or of this process, asked for it."""
    # Clients that ask for the same API share its line.
    calls = {replace(call, user="", user_agent="", calls_a_day=0) for call in cluster.deprecated_calls}
    calls |= {SimDeprecatedCall(r.group, r.version, r.name, r.removed) for r in asked}
    lines = [
        *_deprecated(calls),
        *_build(cluster),
        *_requests(cluster),
        *_stored(cluster),
        *_started(cluster),
    ]
    started = (("Process-Start-Time-Unix", str(int(cluster.created_at.timestamp()))),)
    return Answer(200, ("\n".join(lines) + "\n").encode(), _CONTENT_TYPE, started)


def _deprecated(calls: set[SimDeprecatedCall]) -> Iterable[str]:
    if not calls:
        return
    yield (
        f"# HELP {_DEPRECATED} [STABLE] Gauge of deprecated APIs that have been requested, broken out by API group, "
        "version, resource, subresource, and removed_release."
    )
    yield f"# TYPE {_DEPRECATED} gauge"
    for call in sorted(calls, key=lambda c: (c.group, c.removed_release, c.resource, c.version)):
        yield (
            f'{_DEPRECATED}{{group="{call.group}",removed_release="{call.removed_release}",resource="{call.resource}",'
            f'subresource="{call.subresource}",version="{call.version}"}} 1'
        )


def _build(cluster: SimCluster) -> Iterable[str]:
    minor = Minor.parse(cluster.version)
    yield "# HELP kubernetes_build_info [ALPHA] A metric with a constant '1' value labeled by its version."
    yield "# TYPE kubernetes_build_info gauge"
    yield f'kubernetes_build_info{{git_version="{cluster.patch}",major="{minor.major}",minor="{minor.minor}"}} 1'


def _requests(cluster: SimCluster) -> Iterable[str]:
    yield "# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb and resource."
    yield "# TYPE apiserver_request_total counter"
    for position, key in enumerate(sorted(cluster.objects)):
        group, _, resource = key.rpartition("/")
        for verb in _VERBS:
            yield (
                f'apiserver_request_total{{code="200",component="apiserver",dry_run="",group="{group}",'
                f'resource="{resource}",scope="cluster",subresource="",verb="{verb}",version="v1"}} {position + 1}'
            )


def _started(cluster: SimCluster) -> Iterable[str]:
    yield "# HELP process_start_time_seconds [ALPHA] Start time of the process since unix epoch in seconds."
    yield "# TYPE process_start_time_seconds gauge"
    yield f"process_start_time_seconds {cluster.created_at.timestamp()}"


def _stored(cluster: SimCluster) -> Iterable[str]:
    yield "# HELP apiserver_storage_objects [STABLE] Number of stored objects at the time of last check split by kind."
    yield "# TYPE apiserver_storage_objects gauge"
    for key, objects in sorted(cluster.objects.items()):
        group, _, resource = key.rpartition("/")
        name = f"{resource}.{group}" if group else resource
        yield f'apiserver_storage_objects{{resource="{name}"}} {len(objects)}'
