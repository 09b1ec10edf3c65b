"""What a restart writes, and which workloads it moves."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.core.restarts import change, restartable


def deployment(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "labels": {"team": "team-shop"}}
    return {"metadata": metadata, "spec": {"template": {"metadata": {}}, **spec}}


@pytest.mark.parametrize(
    ("spec", "stays"),
    [
        ({}, ""),
        ({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}, ""),
        ({"paused": True}, "it is paused"),
        ({"replicas": 0}, "it has 0 replicas"),
        ({"updateStrategy": {"type": "OnDelete"}}, "its pods are made anew only when they are deleted (OnDelete)"),
        ({"updateStrategy": {"rollingUpdate": {"partition": 2}}}, "its partition keeps pods as they are"),
    ],
    ids=["one that rolls", "without a partition", "paused", "of no replicas", "OnDelete", "below a partition"],
)
def test_which_workloads_a_new_template_moves(spec: dict[str, Any], stays: str) -> None:
    assert restartable("Deployment", deployment(**spec)).stays == stays


def test_a_restart_is_noted_with_its_time_and_token() -> None:
    noted = change("token-1", datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    found = restartable("Deployment", {**deployment(), **noted})
    assert (found.restarted_by, found.text, found.whose) == ("token-1", "Deployment shop/web", "team-shop")
    assert "'kubectl.kubernetes.io/restartedAt': '2026-11-20T09:00:00Z'" in str(noted)


def test_a_rollout_that_is_late_says_so() -> None:
    late = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "has timed out"}
    assert restartable("Deployment", {**deployment(), "status": {"conditions": [late]}}).late == "has timed out"
