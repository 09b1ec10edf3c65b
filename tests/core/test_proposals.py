"""A change in the words and fields in which it is proposed, and whether the world is on its way."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleetkeeper.core.managed_by import Change, Keeper, Tool
from fleetkeeper.core.observed import GitOpsApp
from fleetkeeper.core.proposals import Proposal, is_between

MINOR = Proposal(
    "shop", Change.MINOR, "", "1.34", "1.35", "1.34 leaves support", deadline=datetime(2026, 12, 2, tzinfo=UTC)
)
APP = GitOpsApp("Application", "argocd", "in", "nginx", "", "1", "web", "in")
TOLD = {"arn": "arn:shop", "account": "1", "region": "eu", "run": "", "plan": "minor-1"}


@pytest.mark.parametrize(
    ("proposal", "title"),
    [
        pytest.param(MINOR, "Update the control plane of shop from 1.34 to 1.35", id="an upgrade"),
        pytest.param(
            replace(MINOR, before="1.35", to="1.34"), "Take back the control plane of shop from 1.35 to 1.34", id="back"
        ),
        pytest.param(
            replace(MINOR, change=Change.NODE_GROUP, name="web"),
            "Update the node group web of shop from 1.34 to 1.35",
            id="a node group",
        ),
        pytest.param(
            Proposal("shop", Change.ADDON, "coredns", "", "v2"),
            "Update coredns of shop from its version to v2",
            id="unknown",
        ),
    ],
)
def test_the_title_says_what_goes_from_where_to_where(proposal: Proposal, title: str) -> None:
    assert proposal.title == title


@pytest.mark.parametrize(
    ("proposal", "fix"),
    [
        pytest.param(
            replace(MINOR, keeper=Keeper(Tool.CLUSTER_API, "tag")),
            ("Cluster API: spec.version: v1.35 of the AWSManagedControlPlane",),
            id="of the tool that keeps it",
        ),
        pytest.param(
            Proposal("shop", Change.RELEASE, "in", "1", "2", namespace="web", chart="nginx", app=APP),
            ("Application argocd/in: targetRevision: 2 of the source with the chart nginx",),
            id="of an Application",
        ),
        pytest.param(
            Proposal("shop", Change.RELEASE, "in", "1", "2", app=replace(APP, kind="HelmRelease")),
            ("HelmRelease argocd/in: spec.chart.spec.version: 2",),
            id="of a HelmRelease",
        ),
        pytest.param(
            Proposal("shop", Change.RELEASE, "in", "1", "2", namespace="web", chart="nginx"),
            (
                'Terraform: version = "2" of the helm_release in',
                "Helm: helm upgrade in nginx --version 2 --namespace web --reuse-values",
            ),
            id="of a release",
        ),
    ],
)
def test_the_fix_is_the_line_to_change(proposal: Proposal, fix: tuple[str, ...]) -> None:
    assert proposal.fix == fix


def test_the_body_holds_every_field_and_leaves_none_out() -> None:
    body = MINOR.body()
    assert (body["change"], body["component"], body["deadline"]) == ("minor", "control-plane", "2026-12-02")
    assert (body["object"], body["configuration"], body["managed_by"]) == ("", "", "")
    assert body["fix"].splitlines()[1].startswith("eksctl: ")


def test_the_message_is_for_people() -> None:
    text = replace(MINOR, keeper=Keeper(Tool.ACK, "tag")).message(TOLD)
    assert text.splitlines() == [
        "Please: Update the control plane of shop from 1.34 to 1.35",
        "cluster: arn:shop (1/eu)",
        "why: 1.34 leaves support",
        "by: 2026-12-02",
        'change: ACK: spec.version: "1.35" of the Cluster (eks.services.k8s.aws)',
        "fleetkeeper waits until it sees 1.35 (plan minor-1)",
    ]


def test_what_a_channel_reads_is_harmless_and_short() -> None:
    text = Proposal("shop", Change.ADDON, "dns", "v1", "v2", configuration="\x1b[2J" + "x" * 5000).message(TOLD)
    assert "\x1b" not in text
    assert len(text) < 2500


@pytest.mark.parametrize(
    ("at", "before", "to", "answer"),
    [
        pytest.param("1.34", "1.34", "1.35", True, id="where it was"),
        pytest.param("v1.2.0", "v1.1.0", "v1.3.0", True, id="half-way"),
        pytest.param("1.36", "1.34", "1.35", False, id="beyond"),
        pytest.param("1.33", "1.34", "1.35", False, id="behind where it was"),
        pytest.param("1.34", "1.35", "1.33", True, id="half-way back"),
        pytest.param("1.36", "1.35", "1.34", False, id="forward instead of back"),
        pytest.param("main", "main", "1.35", True, id="no version, and where it was"),
        pytest.param("next", "main", "1.35", False, id="no version, and elsewhere"),
    ],
)
def test_whether_a_version_is_on_the_way(at: str, before: str, to: str, answer: bool) -> None:
    assert is_between(at, before, to) is answer
