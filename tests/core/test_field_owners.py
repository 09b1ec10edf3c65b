"""Which fields of an EKS addon's object somebody else owns, from FieldsV1."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.field_owners import MOST_FIELDS, AddonObject, FieldsOf, customised, paths

COREDNS = AddonObject("coredns", "Deployment", "kube-system", "coredns")
EKS = FieldsOf("eks", "", {"f:spec": {"f:template": {"f:spec": {"f:priorityClassName": {}}}}})


def told(*entries: FieldsOf) -> list[tuple[str, str]]:
    return [(each.field, each.manager) for each in customised(COREDNS, entries)]


def by(manager: str, fields: dict[str, Any], subresource: str = "") -> FieldsOf:
    return FieldsOf(manager, subresource, fields)


def test_a_field_in_a_list_is_named_by_the_keys_of_its_item() -> None:
    container: dict[str, Any] = {'k:{"name":"coredns"}': {".": {}, "f:resources": {"f:limits": {"f:memory": {}}}}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": container}}}}

    assert told(EKS, by("kubectl-edit", fields)) == [
        ("spec.template.spec.containers[name=coredns].resources.limits.memory", "kubectl-edit")
    ]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(by("kube-controller-manager", {"f:spec": {"f:replicas": {}}}), id="the control plane's own"),
        pytest.param(by("kubectl", {"f:status": {"f:x": {}}}, "status"), id="the status"),
        pytest.param(by("kubectl", EKS.fields), id="what EKS sets to the same"),  # type: ignore[arg-type]
        pytest.param(
            by(
                "kubectl", {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/last-applied-configuration": {}}}}
            ),
            id="how it was applied",
        ),
    ],
)
def test_nobody_loses(entry: FieldsOf) -> None:
    assert told(EKS, entry) == []


def test_an_object_that_eks_never_wrote_is_somebodys_own() -> None:
    assert told(by("helm", {"f:spec": {"f:replicas": {}}})) == []


def test_of_many_fields_the_first_are_told() -> None:
    assert len(told(EKS, by("kubectl", {"f:data": {f"f:key{n:03}": {} for n in range(100)}}))) == MOST_FIELDS


FIELDS = st.recursive(
    st.none() | st.text(max_size=4) | st.dictionaries(st.text(max_size=3), st.none(), max_size=1),
    lambda inner: st.dictionaries(
        st.sampled_from(["f:spec", "f:a", 'k:{"name":"x"}', 'k:["x"]', "k:", "v:1", ".", ""]), inner, max_size=3
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["f:spec", "k:{", "."]), FIELDS))
def test_arbitrary_fields_are_paths(fields: dict[str, Any]) -> None:
    assert all(isinstance(path, str) and path for path in paths(fields))


def test_fields_nested_without_end_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"f:a": deep}

    assert len(list(paths(deep))) == 1
