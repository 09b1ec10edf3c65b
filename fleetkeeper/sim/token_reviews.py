"""The webhook that a real API server asks whose a bearer token is: EKS's answer, given by the simulator."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fleetkeeper.sim.kube.api import Authenticate
from fleetkeeper.sim.world import SimCluster


def token_reviews(cluster: SimCluster, authenticate: Authenticate) -> Starlette:
    """POST / of a TokenReview (authentication.k8s.io/v1), for one cluster."""

    async def review(request: Request) -> Response:
        asked = await request.json()
        return JSONResponse({**asked, "status": _status(cluster, authenticate, asked["spec"]["token"])})

    return Starlette(routes=[Route("/", review, methods=["POST"])])


def _status(cluster: SimCluster, authenticate: Authenticate, token: str) -> dict[str, Any]:
    user = authenticate(cluster, token)
    if user is None:
        return {"authenticated": False, "error": "the token names nobody, or nobody with an access entry"}
    return {"authenticated": True, "user": {"username": user.name, "groups": list(user.groups)}}
