"""History as lines: what changed, from what to what, in the words of a reader."""

from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.cli import fleet_tables
from fleetkeeper.core import model, parts
from fleetkeeper.core.changes import change_rows
from tests.contract.observed import NOON, SCOPE, cluster_id
from tests.core.fleets import assert_golden, rendered

PLACED = {"environment": "dev", "ring": "early", "service": "shop", "mapped": True, "reason": "tag"}
CLUSTER = {"name": "shop", "scope": {"account": "123456789012", "region": "eu-west-1"}, "placement": PLACED}


def change(part: str, item: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> model.Change:
    return model.Change(NOON, cluster_id(), "shop", SCOPE, part, item, before, after)


CASES: dict[str, tuple[str, str, dict[str, Any] | None, dict[str, Any] | None, str, str]] = {
    "an upgrade of the control plane": (
        parts.CONTROL_PLANE,
        "",
        {"version": "1.34", "platform_version": "eks.9"},
        {"version": "1.35", "platform_version": "eks.1"},
        "control plane",
        "version 1.34 → 1.35; platform version eks.9 → eks.1",
    ),
    "a minor that was stored as an object": (
        parts.NODE_GROUPS,
        "workers",
        {"version": {"major": 1, "minor": 34}},
        {"version": {"minor": 35, "major": 1}},
        "node group workers",
        "version 1.34 → 1.35",
    ),
    "an addon": (
        parts.ADDONS,
        "coredns",
        {"id": "coredns", "version": "v1.11.1-eksbuild.4"},
        {"id": "coredns", "version": "v1.12.4-eksbuild.1"},
        "addon coredns",
        "version v1.11.1-eksbuild.4 → v1.12.4-eksbuild.1",
    ),
    "an addon whose version is not known any more": (
        parts.ADDONS,
        "x",
        {"version": "1.2"},
        {"version": ""},
        "addon x",
        "version 1.2 → none",
    ),
    "a new node": (
        parts.NODES,
        "ip-10-0-0-1",
        None,
        {"name": "ip-10-0-0-1", "kubelet": "v1.34.2", "os_image": "Amazon Linux"},
        "node ip-10-0-0-1",
        "new (v1.34.2)",
    ),
    "a node that went": (
        parts.NODES,
        "n",
        {"kubelet": "v1.34.2"},
        None,
        "node n",
        "gone (v1.34.2)",
    ),
    "a release of Helm": (
        parts.HELM_RELEASES,
        "web/ingress",
        {"revision": 7, "chart_version": "4.13.3", "status": "deployed"},
        {"revision": 8, "chart_version": "4.14.0", "status": "failed"},
        "helm release web/ingress",
        "chart version 4.13.3 → 4.14.0; revision 7 → 8 and 1 more",
    ),
    "numbers and answers of yes or no": (
        parts.CONTROL_PLANE,
        "",
        {"auto_mode": False, "minimum": 0},
        {"auto_mode": True, "minimum": 3},
        "control plane",
        "auto mode no → yes; minimum 0 → 3",
    ),
    "a list": (
        parts.NODE_GROUPS,
        "g",
        {"subnets": []},
        {"subnets": ["a", "b", "c", "d"]},
        "node group g",
        "subnets none → a, b, c and 1 more",
    ),
    "a tag": (
        parts.CONTROL_PLANE,
        "",
        {"tags": {"team": "a", "env": "x"}},
        {"tags": {"team": "b", "env": "x"}},
        "control plane",
        "tags team a → b",
    ),
    "a new cluster": ("cluster", "", None, CLUSTER, "cluster", "new"),
    "a cluster that went": ("cluster", "", CLUSTER, None, "cluster", "gone"),
    "a cluster that moved to another ring": (
        "cluster",
        "",
        CLUSTER,
        {**CLUSTER, "placement": PLACED | {"ring": "late"}},
        "cluster",
        "ring early → late",
    ),
    "a part that this release does not know": ("quotas", "x", {"a": 1}, {"a": 2}, "quotas x", "a 1 → 2"),
    "nothing that is told": (parts.NODES, "n", {"a": 1}, {"a": 1}, "node n", "changed"),
    "nothing on either side": (parts.NODES, "n", None, None, "node n", "changed"),
}


@pytest.mark.parametrize(("part", "item", "before", "after", "what", "told"), CASES.values(), ids=CASES)
def test_a_change_is_told(
    part: str, item: str, before: dict[str, Any] | None, after: dict[str, Any] | None, what: str, told: str
) -> None:
    (row,) = change_rows((change(part, item, before, after),))

    assert (row.what, row.change) == (what, told)
    assert (row.at, row.cluster, row.account, row.region) == (NOON, "shop", SCOPE.account, SCOPE.region)


def test_a_cluster_that_only_a_kubeconfig_knows_has_no_account() -> None:
    id = model.ClusterId("kubeconfig:uid", NOON)
    (row,) = change_rows((model.Change(NOON, id, "edge", None, "cluster", "", None, CLUSTER),))

    assert (row.account, row.region) == ("", "")


def test_the_table_of_changes() -> None:
    rows = change_rows(
        tuple(
            model.Change(NOON - timedelta(hours=n), cluster_id(), "shop", SCOPE, part, item, before, after)
            for n, (part, item, before, after, _, _) in enumerate(CASES.values())
        )
    )
    text = rendered(lambda console: fleet_tables.show_changes(console, rows))

    assert max(map(len, text.splitlines())) <= 100
    assert_golden("changes_table.txt", text)


def test_no_changes_are_said_in_words() -> None:
    assert rendered(lambda console: fleet_tables.show_changes(console, ())) == "No changes in that time.\n"
