"""What a chart is told of the target: versions and kinds that it serves, and versions that are gone."""

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.chart_capabilities import capabilities
from fleetkeeper.core.versions import Minor

APIS = read_compat().apis


@pytest.mark.parametrize(
    ("name", "minor", "served", "gone"),
    [
        pytest.param("policy/v1beta1", 24, True, False, id="a version before its removal"),
        pytest.param("policy/v1beta1", 25, False, True, id="a version at its removal"),
        pytest.param("policy/v1beta1/PodDisruptionBudget", 24, True, False, id="a kind before its removal"),
        pytest.param("policy/v1beta1/PodDisruptionBudget", 25, False, False, id="a kind is not asked for by version"),
        pytest.param("policy/v1", 36, True, False, id="a successor"),
        pytest.param("policy/v1/PodDisruptionBudget", 36, True, False, id="the kind of a successor"),
        pytest.param("policy/v1/PodDisruptionBudget", 20, False, False, id="a successor to come"),
        pytest.param("v1/Endpoints", 36, True, False, id="what is deprecated and stays"),
        pytest.param("storage.k8s.io/v1beta1", 26, True, False, id="a version of which one kind is left"),
        pytest.param("monitoring.coreos.com/v1", 36, False, False, id="a custom resource"),
    ],
)
def test_a_version_is_told_as_the_minor_has_it(name: str, minor: int, served: bool, gone: bool) -> None:
    told = capabilities(APIS, Minor(1, minor))
    assert (name in told.served, name in told.gone) == (served, gone)


@pytest.mark.parametrize("minor", range(16, 44))
def test_nothing_is_both_served_and_gone(minor: int) -> None:
    told = capabilities(APIS, Minor(1, minor))
    assert told.served
    assert not told.gone & set(told.served)
