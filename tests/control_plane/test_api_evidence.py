"""An operator that still uses an API which goes away is found by name, on a real API server, and not by calling it."""

import http.client
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.api_search import live_kinds
from fleetkeeper.core.checks.api_use import api_use
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Severity, Subject
from fleetkeeper.core.rows import Confidence, Source
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.control_plane import readers
from tests.control_plane.readers import create, reading
from tests.control_plane.test_reader import deprecated_calls
from tests.waiting import wait_until

GROUP, OLD, PRESENT = "networking.k8s.io", "v1beta1", "v1"
REMOVED = Minor(1, 37)
SOURCE = Source("kubernetes/api networking/v1beta1, prerelease lifecycle", date(2026, 7, 24), Confidence.HIGH)
ROWS = tuple(
    ApiRow(
        group=GROUP,
        version=OLD,
        kind=kind,
        resource=resource,
        source=SOURCE,
        deprecated=Minor(1, 34),
        removed=REMOVED,
        replacement=(GROUP, PRESENT, kind),
    )
    for kind, resource in (("ServiceCIDR", "servicecidrs"), ("IPAddress", "ipaddresses"))
)
COMPAT = Compat(apis=Apis(ROWS))
AGENT = "legacy-operator/v1 (linux/amd64)"


@pytest.fixture(scope="module")
def plane(plane_minor: str) -> Iterator[ControlPlane]:
    """An API server that still serves the old version, with an operator that writes in it."""
    options = Options(controllers=False, scheduler=False, kwok=False, runtime_config="api/all=true")
    with ControlPlane(plane_minor, options) as found:
        image = "registry.example/legacy-operator:1"
        create(found, "Deployment", "default", readers.templated("legacy-operator", image, replicas=1))
        write_as(found, AGENT, "legacy")
        yield found


def write_as(plane: ControlPlane, agent: str, name: str) -> None:
    """One object through the deprecated version, by a client of that name."""
    address = urlsplit(plane.server)
    context = ssl.create_default_context(cadata=plane.ca_pem)
    connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=30)
    headers = {"User-Agent": agent, "Content-Type": "application/json", "Authorization": f"Bearer {plane.admin.token}"}
    body = {
        "apiVersion": f"{GROUP}/{OLD}",
        "kind": "ServiceCIDR",
        "metadata": {"name": name},
        "spec": {"cidrs": ["10.99.0.0/24"]},
    }
    connection.request("POST", f"/apis/{GROUP}/{OLD}/servicecidrs", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    connection.close()


def test_the_operator_is_named_and_the_scanner_calls_nothing_deprecated(plane: ControlPlane) -> None:
    wait_until(lambda: bool(deprecated_calls(plane)), "the metric tells of the operator")
    before = deprecated_calls(plane)
    found = observed(plane)
    after = deprecated_calls(plane)

    (finding,) = api_use.look(found, Hop(REMOVED.previous(), REMOVED), COMPAT)

    assert finding.subject == Subject("Deployment", "legacy-operator", "default")
    assert finding.severity is Severity.BLOCKER
    assert finding.blocks
    assert after == before


def observed(plane: ControlPlane) -> Snapshot:
    """The parts that the finding needs, as an observation reads them."""
    now = datetime.now(UTC)
    with reading(plane) as kube:
        seen: dict[str, object] = {
            parts.WORKLOADS: kube.workloads(),
            parts.API_USE: kube.api_use(),
            parts.OBJECT_TRACES: kube.object_traces(live_kinds(COMPAT.apis, REMOVED.previous(), kube.crds())),
        }
    placement = model.Placement("production", "late", "shop", True, "tag")
    cluster = model.SeenCluster(
        id=model.ClusterId("kubeconfig:test", now),
        name="test",
        scope=None,
        placement=placement,
        first_seen=now,
        last_seen=now,
        gone_at=None,
        parts={name: model.Part(value, now) for name, value in seen.items()},
    )
    return Snapshot(cluster, now)
