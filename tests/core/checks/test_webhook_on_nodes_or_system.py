"""FK331 by rules and selectors."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.observed import Webhook, WebhookRule
from fleetkeeper.core.pods import Labels, Requirement
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

NOT_SYSTEM = Labels(terms=(Requirement("kubernetes.io/metadata.name", "NotIn", ("kube-system", "kube-node-lease")),))
EVERYTHING = WebhookRule(("*",), ("*",), ("*",), ("*",))
PODS = WebhookRule(("",), ("v1",), ("pods",), ("CREATE",))


def webhook(rule: WebhookRule, namespaces: Labels = Labels(), *, closed: bool = True) -> Webhook:  # noqa: B008
    return Webhook(
        "ValidatingWebhookConfiguration", "policy", "a.b", closed, "p/svc", rules=(rule,), namespaces=namespaces
    )


@pytest.mark.parametrize(
    ("made", "message", "fix"),
    [
        pytest.param(
            webhook(EVERYTHING),
            "asked about nodes, node leases, leases of kube-system, pods of kube-system: when p/svc does not answer",
            "take nodes out of its rules; add {key: kubernetes.io/metadata.name, operator: NotIn",
            id="everything",
        ),
        pytest.param(
            webhook(EVERYTHING, NOT_SYSTEM),
            "asked about nodes:",
            "take nodes out of its rules; or set failurePolicy: Ignore",
            id="no system namespaces, but nodes",
        ),
        pytest.param(
            webhook(PODS), "pods of kube-system:", "add {key: kubernetes.io/metadata.name", id="pods everywhere"
        ),
    ],
)
def test_a_webhook_that_could_lock_an_upgrade_is_told(made: Webhook, message: str, fix: str) -> None:
    (finding,) = found("FK331", snapshot({parts.WEBHOOKS: (made,)}))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert message in finding.message
    assert finding.fix.startswith(fix)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(webhook(EVERYTHING, closed=False), id="it fails open"),
        pytest.param(webhook(PODS, NOT_SYSTEM), id="it leaves kube-system out"),
    ],
)
def test_a_webhook_that_cannot_is_not_told(made: Webhook) -> None:
    assert found("FK331", snapshot({parts.WEBHOOKS: (made,)})) == ()


def test_webhooks_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK331", parts.WEBHOOKS) is Verdict.UNKNOWN
