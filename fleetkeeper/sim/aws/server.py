"""The running server of a simulated AWS: its keys, its front and its HTTP."""

import os
from types import TracebackType

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.bearer import Unidentified, identify
from fleetkeeper.sim.aws.credentials import Keys
from fleetkeeper.sim.aws.front import Asking, Front
from fleetkeeper.sim.aws.http import HttpServer
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.aws.workers import Workers
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.world import World


class AwsServer:
    """A running simulator. Use it as a context manager, or close() it."""

    def __init__(self, world: World, stage: Backstage) -> None:
        self.stage = stage
        self._keys = Keys(world)
        self._front = Front(world, self._keys, stage)
        self._http = HttpServer(self._front)
        self._http.start()

    @property
    def url(self) -> str:
        """The endpoint_url of every AWS service."""
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def violations(self) -> list[str]:
        """Answers that the real API could not have given, each sent as a 500: empty in a healthy simulator."""
        return list(self._front.violations)

    def stats(self) -> dict[Asking, int]:
        """Requests so far by account, region and operation ("eks:DescribeCluster"); AssumeRole counts for the account
        that the role belongs to."""
        return self._front.stats()

    def identify(self, token: str, cluster_name: str) -> str | Unidentified:
        """Who made an EKS bearer token: the ARN of an IAM role or user, or why it counts for nothing."""
        return identify(
            self._keys, token, cluster_name, lambda account, region: self._front.clock(account, region, cluster_name)
        )

    def expire_sessions(self) -> None:
        """End every session that was handed out so far: its next request is answered as expired."""
        self._keys.expire_sessions()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "AwsServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def serve_aws(world: World, living: LivingWorld | None = None, workers: Workers | None = None) -> AwsServer:
    """Serve the world's AWS on 127.0.0.1, at a port that the system chooses, in a thread of this process.

    What EKS does later runs on the timeline of the living world; one that is made here runs what is due before the next
    answer. Nodes and pods move through workers, the living world's unless others are given.
    """
    if "MOTO_ACCOUNT_ID" in os.environ:
        raise RuntimeError("MOTO_ACCOUNT_ID is set: it would put every request into one account; unset it")
    living = living or LivingWorld(world, virtual=False)
    return AwsServer(world, Backstage(world, living.timeline, workers or LivingWorkers(living)))
