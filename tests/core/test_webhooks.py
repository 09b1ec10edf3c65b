"""What an admission webhook is asked about."""

from typing import Any

import pytest

from fleetkeeper.core import webhooks
from fleetkeeper.core.model import Workload
from fleetkeeper.core.observed import Webhook, WebhookRule
from fleetkeeper.core.pods import Labels, PodTemplate, Requirement

NAME = "kubernetes.io/metadata.name"
NOT_SYSTEM = Labels(terms=(Requirement(NAME, "NotIn", ("kube-system", "kube-node-lease")),))
DNS = Workload("Deployment", "kube-system", "coredns", "u", (), 2, template=PodTemplate(labels={"k8s-app": "kube-dns"}))


def rule(*resources: str, groups: tuple[str, ...] = ("",), operations: tuple[str, ...] = ("*",)) -> WebhookRule:
    return WebhookRule(groups, ("v1",), resources, operations)


def webhook(*rules: WebhookRule, **more: Any) -> Webhook:
    return Webhook("ValidatingWebhookConfiguration", "policy", "p.example.com", fails_closed=True, rules=rules, **more)


ALL_PERILS = ("nodes", "node leases", "leases of kube-system", "pods of kube-system", "evictions")


@pytest.mark.parametrize(
    ("made", "perils"),
    [
        pytest.param(webhook(rule("*/*", groups=("*",))), ALL_PERILS, id="everything"),
        pytest.param(webhook(rule("*/*", groups=("*",)), namespaces=NOT_SYSTEM), ("nodes",), id="no system namespaces"),
        pytest.param(webhook(rule("*")), ("nodes", "pods of kube-system"), id="resources without their subresources"),
        pytest.param(webhook(rule("pods/*")), ("pods of kube-system", "evictions"), id="pods with their subresources"),
        pytest.param(webhook(rule("pods/eviction")), ("evictions",), id="evictions alone"),
        pytest.param(webhook(rule("*/status")), ("nodes",), id="the status of anything"),
        pytest.param(webhook(rule("pods", operations=("UPDATE",))), (), id="pods that are there already"),
        pytest.param(webhook(rule("deployments", groups=("apps",))), (), id="deployments"),
        pytest.param(webhook(rule("pods", groups=("example.com",))), (), id="pods of another group"),
        pytest.param(webhook(rule("pods"), namespaces=Labels({"inject": "yes"})), (), id="namespaces with a label"),
        pytest.param(webhook(rule("pods"), objects=Labels({"app": "web"})), (), id="pods with another label"),
        pytest.param(
            webhook(rule("pods"), objects=Labels({"k8s-app": "kube-dns"})), ("pods of kube-system",), id="dns by label"
        ),
        pytest.param(
            webhook(WebhookRule(("",), ("v1beta1",), ("pods",), ("*",)), equivalent=False), (), id="another version"
        ),
        pytest.param(
            webhook(WebhookRule(("",), ("v1beta1",), ("pods",), ("*",))), ("pods of kube-system",), id="its equivalent"
        ),
    ],
)
def test_perils_are_what_an_upgrade_cannot_do_without(made: Webhook, perils: tuple[str, ...]) -> None:
    assert webhooks.perils(made, [DNS]) == perils


@pytest.mark.parametrize(("resource", "takes"), [("pods", True), ("*", True), ("configmaps", False)])
def test_new_pods_of_any_namespace_are_asked_about(resource: str, takes: bool) -> None:
    assert webhooks.takes_pods(webhook(rule(resource), namespaces=NOT_SYSTEM)) is takes
