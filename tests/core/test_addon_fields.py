"""What of an addon is somebody's own, in words, and which fields a conflict names."""

import pytest

from fleetkeeper.core.addon_fields import configured, conflicts, whats_own
from fleetkeeper.core.observed import Customised

FIELD = Customised("coredns", "Deployment", "kube-system", "coredns", "spec.replicas", "kubectl-edit")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", ()),
        ("{}", ()),
        ('{"a": {"b": 1, "c": {"d": []}}, "e": {}}', ("a.b", "a.c.d", "e")),
        ("replicaCount: 3\nresources:\n  limits: {}\n", ("replicaCount", "resources")),
        ('["a"]', ()),
    ],
    ids=["none", "an empty one", "JSON", "YAML, its first level", "no mapping"],
)
def test_the_fields_of_a_configuration(text: str, fields: tuple[str, ...]) -> None:
    assert configured(text) == fields


@pytest.mark.parametrize(
    ("configuration", "changed", "resolve", "says"),
    [
        ("", (), "PRESERVE", "its configuration is kept"),
        ('{"a": 1}', (), "NONE", "its configuration is kept: a"),
        (
            "",
            (FIELD,),
            "OVERWRITE",
            (
                "its configuration is kept; 1 field changed in the cluster: overwritten with what the addon has: "
                "Deployment kube-system/coredns spec.replicas (by kubectl-edit)"
            ),
        ),
        (
            "",
            None,
            "NONE",
            (
                "its configuration is kept; what was changed in the cluster is not known, and would be conflicts on "
                "which it fails"
            ),
        ),
    ],
    ids=["nothing", "a configuration", "a field", "never seen"],
)
def test_what_an_update_does_to_it(
    configuration: str, changed: tuple[Customised, ...] | None, resolve: str, says: str
) -> None:
    assert whats_own(configuration, changed, resolve) == says


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (
            (
                "ConfigurationConflict: Conflicts found when trying to apply. Will not continue due to resolve "
                "conflicts mode. Conflicts:\nDeployment.apps coredns - .spec.replicas\nConfigMap coredns - .data"
            ),
            ("Deployment.apps coredns - .spec.replicas", "ConfigMap coredns - .data"),
        ),
        ("ConfigurationConflict: something else", ()),
        ("AccessDenied: Conflicts: none", ()),
    ],
    ids=["EKS's list", "a text without a list", "another code"],
)
def test_the_fields_that_a_conflict_names(error: str, fields: tuple[str, ...]) -> None:
    assert conflicts([error]) == fields
