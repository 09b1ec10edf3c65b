"""The control channel of a simulator: state, faults, the log of requests, and changes to the world, over plain HTTP."""

import os
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fleetkeeper.sim.aws import Asking
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.faults import Fault, FaultError, of_json
from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.touch import touch
from fleetkeeper.sim.world import World

AwsRequests = Callable[[], dict[Asking, int]]


def control_app(living: LivingWorld, kube: KubeServer, aws_requests: AwsRequests) -> Starlette:
    """GET /state, GET /access-log?cluster=KEY, POST /faults {"clear": true, "add": [...]}, POST /touch."""
    world = living.world

    def state(_request: Request) -> Response:
        return JSONResponse(_state(living, kube, aws_requests()))

    def access_log(request: Request) -> Response:
        seen = kube.access_log(request.query_params.get("cluster", ""))
        return JSONResponse([{**asdict(entry), "at": entry.at.isoformat()} for entry in seen])

    async def faults(request: Request) -> Response:
        return _change(await request.json(), lambda body: _set_faults(world, body))

    async def touched(request: Request) -> Response:
        return _change(await request.json(), lambda body: touch(living, kube, body))

    return Starlette(
        routes=[
            Route("/state", state),
            Route("/access-log", access_log),
            Route("/faults", faults, methods=["POST"]),
            Route("/touch", touched, methods=["POST"]),
        ]
    )


def _change(body: Any, apply: Callable[[dict[str, Any]], None]) -> Response:
    """Apply a change; 400 with the reason when the body makes no sense."""
    if not isinstance(body, dict):
        return JSONResponse({"error": "the body must be a JSON object"}, 400)
    try:
        apply(body)
    except (KeyError, TypeError, ValueError) as wrong:
        return JSONResponse({"error": f"{type(wrong).__name__}: {wrong}"}, 400)
    return JSONResponse({"ok": True})


def _set_faults(world: World, body: dict[str, Any]) -> None:
    """clear drops the present faults (true: all; a cluster's key: its own); add puts new ones first."""
    unknown = sorted(body.keys() - {"clear", "add"})
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}; known are clear, add")
    cleared, said = body.get("clear", False), body.get("add", [])
    if not isinstance(cleared, bool) and (not isinstance(cleared, str) or cleared not in world.clusters):
        raise ValueError(f"clear: must be true, false or the key of a cluster, not {cleared!r}")
    if not isinstance(said, list):
        raise ValueError("add: must be a list of faults")
    added = [_fault(world, number, each) for number, each in enumerate(said)]
    with world.lock:
        world.faults[:] = [] if cleared is True else [f for f in world.faults if not cleared or f.cluster != cleared]
        world.order(*added)


def _fault(world: World, number: int, said: object) -> Fault:
    try:
        fault = of_json(said)
    except FaultError as error:
        told = "; ".join(f"add[{number}].{each.field}: {each.message}" for each in error.mistakes)
        raise ValueError(told) from error
    if fault.cluster and fault.cluster not in world.clusters:
        raise ValueError(f"add[{number}].cluster: there is no cluster {fault.cluster}")
    return fault


def _state(living: LivingWorld, kube: KubeServer, aws_requests: dict[Asking, int]) -> dict[str, object]:
    world, used = living.world, resource.getrusage(resource.RUSAGE_SELF)
    with world.lock:
        awake = sum(1 for _ in living.awake())
    return {
        "name": world.name,
        "pid": os.getpid(),
        "epoch": world.epoch.isoformat(),
        "scale": world.scale,
        "now": world.now().isoformat(),
        "accounts": len(world.accounts),
        "clusters": len(world.clusters),
        "awake": awake,
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "rss_bytes": _resident() or used.ru_maxrss * 1024,
        "kube_requests": kube.requests,
        "kube_cached_bytes": kube.api.renderer.cached_bytes,
        "aws_requests": sum(aws_requests.values()),
        "aws_operations": _summed(aws_requests, lambda asking: asking.operation),
        "aws_scopes": _summed(aws_requests, lambda asking: f"{asking.account}/{asking.region}"),
        "faults": [fault.shown() for fault in world.faults],
    }


def _summed(requests: dict[Asking, int], key: Callable[[Asking], str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for asking, count in requests.items():
        counts[key(asking)] += count
    return dict(counts)


def _resident() -> int:
    """Bytes of memory in use now; 0 where the system does not say it this way."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
