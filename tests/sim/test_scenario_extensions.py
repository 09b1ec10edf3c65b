"""Webhooks with their endpoints and aggregated APIs of a scenario, as the API server has them."""

import pytest

from fleetkeeper.errors import ConfigError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.ports_around import api_service, ready_endpoints, webhooks
from fleetkeeper.sim.world import SimCluster

HEAD = """
[fleet]
name = "test"
epoch = 2026-11-20T09:00:00Z
management_account = "100000000001"
[[account]]
id = "111122223333"
name = "payments"
regions = ["eu-west-1"]
[[cluster]]
name = "c"
version = "1.34"
"""
WEBHOOK = '[[cluster.webhook]]\nname = "guard"\nservice = "policy/admission"\n'
API = '[[cluster.api_service]]\ngroup = "metrics.k8s.io"\nversion = "v1beta1"\nservice = "kube-system/metrics"\n'
VALIDATING = "admissionregistration.k8s.io/validatingwebhookconfigurations"
MUTATING = "admissionregistration.k8s.io/mutatingwebhookconfigurations"


def cluster(text: str) -> SimCluster:
    return build(scenario_file.parse(HEAD + text, "test.toml")).clusters["c"]


@pytest.mark.parametrize("ready", [0, 2])
def test_a_webhook_has_as_many_ready_endpoints_as_it_says(ready: int) -> None:
    found = cluster(f'{WEBHOOK}ready = {ready}\nspares = ["kube-system"]\nlabels = {{ team = "edge" }}\n')
    endpoints = ready_endpoints(found.objects["discovery.k8s.io/endpointslices"].values())
    (configuration,) = found.objects[VALIDATING].values()
    (webhook,) = webhooks("ValidatingWebhookConfiguration", configuration, endpoints)

    assert (webhook.service, webhook.endpoints, webhook.fails_closed) == ("policy/admission", ready, True)
    assert not webhook.namespaces.accepts({"kubernetes.io/metadata.name": "kube-system"})
    assert webhook.owner == {"team": "edge"}
    assert ("", "policy") in found.objects["/namespaces"]


def test_a_webhook_that_mutates_is_asked_about_what_it_names() -> None:
    found = cluster(f'{WEBHOOK}ready = 1\nmutates = true\npolicy = "Ignore"\nresources = ["apps/deployments"]\n')
    (configuration,) = found.objects[MUTATING].values()
    (webhook,) = webhooks("MutatingWebhookConfiguration", configuration, {})

    assert not webhook.fails_closed
    assert [(rule.groups, rule.resources) for rule in webhook.rules] == [(("apps",), ("deployments",))]


@pytest.mark.parametrize(
    ("text", "available", "reason"),
    [
        pytest.param(API, True, "Passed", id="up"),
        pytest.param(f'{API}reason = "MissingEndpoints"\nmessage = "none"\n', False, "MissingEndpoints", id="down"),
    ],
)
def test_an_aggregated_api_is_up_unless_a_reason_is_given(text: str, available: bool, reason: str) -> None:
    (stored,) = cluster(text).objects["apiregistration.k8s.io/apiservices"].values()
    found = api_service(stored)

    assert found is not None
    assert (found.name, found.service) == ("v1beta1.metrics.k8s.io", "kube-system/metrics")
    assert (found.available, found.reason) == (available, reason)


def test_a_service_is_told_by_its_namespace_and_name() -> None:
    with pytest.raises(ConfigError) as raised:
        cluster('[[cluster.webhook]]\nname = "guard"\nservice = "admission"\nready = 1\n')
    assert [each.message for each in raised.value.mistakes] == ["must be namespace/name"]
