"""Owner keys: the conventions are kept whatever their case, everything else is dropped, and nothing is unbounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.owner_keys import KEYS_LIMIT, VALUE_LIMIT, owner_keys

KEPT = [
    "a8r.io/owner",
    "a8r.io/chat",
    "slack.com/bot-notify",
    "owner",
    "team",
    "squad",
    "dt.owner",
    "dt.owner-2",
    "backstage.io/kubernetes-id",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/part-of",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "cost-center",
    "cost_center",
    "business-unit",
    "app.company.com/owner",
]
DROPPED = [
    "app",
    "owners-manual",
    "teams",
    "dt.owner-x",
    "pod-template-hash",
    "kubectl.kubernetes.io/last-applied-configuration",
    "volume.kubernetes.io/owner",
    "k8s.io/team",
    "owner/name",
]


@pytest.mark.parametrize("key", KEPT)
def test_an_owner_key_is_kept_as_label_and_as_annotation(key: str) -> None:
    assert owner_keys({key: "payments"}, None) == {key: "payments"}
    assert owner_keys(None, {key: "payments"}) == {key: "payments"}


@pytest.mark.parametrize("key", DROPPED)
def test_another_key_is_dropped(key: str) -> None:
    assert owner_keys({key: "payments"}, {key: "payments"}) == {}


@pytest.mark.parametrize(
    ("labels", "annotations", "kept"),
    [
        pytest.param({"Owner": "A"}, {}, {"owner": "A"}, id="capitals do not matter and the key is lower-case"),
        pytest.param({"OWNER": "A", "owner": "b"}, {}, {"owner": "b"}, id="the lower-case spelling wins"),
        pytest.param({"owner": "a"}, {"owner": "a@example.com"}, {"owner": "a@example.com"}, id="an annotation wins"),
        pytest.param({"owner": " a "}, {}, {"owner": "a"}, id="blanks around a value go"),
        pytest.param({"owner": "a\x00\x1b[m"}, {}, {"owner": "a\\x00\\x1b[m"}, id="hostile values are spelled out"),
    ],
)
def test_owner_keys_are(labels: dict[str, str], annotations: dict[str, str], kept: dict[str, str]) -> None:
    assert owner_keys(labels, annotations) == kept


def test_the_operators_keys_are_kept_in_any_case() -> None:
    assert owner_keys({"Example.com/Crew": "a"}, {}, extra=["example.com/crew"]) == {"example.com/crew": "a"}


def test_a_flood_of_keys_drops_neither_the_operators_nor_the_plain_ones() -> None:
    flood = {f"a8r.io/{n:04}": "x" for n in range(1000)}
    kept = owner_keys({"zz/crew": "a", "owner": "b"}, flood | {"a8r.io/owner": "c"}, extra=["zz/crew"])
    assert len(kept) == KEYS_LIMIT
    assert {"zz/crew", "owner", "a8r.io/owner"} <= kept.keys()


@settings(deadline=None)  # the machine is shared
@given(st.dictionaries(st.sampled_from(KEPT + DROPPED), st.text()), st.dictionaries(st.text(), st.text()))
def test_values_and_their_number_are_bounded(labels: dict[str, str], annotations: dict[str, str]) -> None:
    kept = owner_keys(labels, annotations)
    assert len(kept) <= KEYS_LIMIT
    assert all(len(value) <= VALUE_LIMIT for value in kept.values())
    assert list(kept) == sorted(kept)
