"""FK330 by the endpoints behind a webhook."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.observed import Webhook, WebhookRule
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

PODS = WebhookRule(("",), ("v1",), ("pods",), ("CREATE",))
OWN = WebhookRule(("example.com",), ("v1",), ("widgets",), ("CREATE",))


def webhook(endpoints: int | None, rule: WebhookRule = PODS, *, closed: bool = True, service: str = "p/svc") -> Webhook:
    return Webhook("MutatingWebhookConfiguration", "policy", "a.b", closed, service, endpoints=endpoints, rules=(rule,))


@pytest.mark.parametrize(
    ("made", "severity", "blocks", "message", "fix"),
    [
        pytest.param(
            webhook(0),
            Severity.BLOCKER,
            True,
            "its service p/svc has no ready endpoint: without one it refuses new pods, pods of kube-system",
            "kubectl delete MutatingWebhookConfiguration policy",
            id="new pods are refused",
        ),
        pytest.param(
            webhook(0, OWN), Severity.WARNING, False, "refuses what it is asked about", "start what", id="its own kinds"
        ),
        pytest.param(
            webhook(None),
            Severity.UNKNOWN,
            True,
            "has endpoints that were not seen",
            "kubectl -n p get endpointslices -l kubernetes.io/service-name=svc",
            id="endpoints that were not seen",
        ),
        pytest.param(webhook(None, OWN), Severity.UNKNOWN, False, "not seen", "look", id="not seen, of its own kinds"),
    ],
)
def test_a_webhook_that_nobody_answers_is_told(
    made: Webhook, severity: Severity, blocks: bool, message: str, fix: str
) -> None:
    (finding,) = found("FK330", snapshot({parts.WEBHOOKS: (made,)}))
    assert (finding.severity, finding.blocks, finding.key) == (severity, blocks, "a.b")
    assert message in finding.message
    assert fix in finding.fix


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(webhook(2), id="it has endpoints"),
        pytest.param(webhook(0, closed=False), id="it fails open"),
        pytest.param(webhook(None, service=""), id="it is called by URL"),
    ],
)
def test_a_webhook_that_refuses_nothing_is_not_told(made: Webhook) -> None:
    assert found("FK330", snapshot({parts.WEBHOOKS: (made,)})) == ()


def test_webhooks_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK330", parts.WEBHOOKS) is Verdict.UNKNOWN
