"""The scanner never calls a deprecated endpoint: the table of paths is held against what is deprecated."""

import re
from pathlib import Path

from fleetkeeper.adapters.kube import endpoints

GENERALLY_AVAILABLE = {
    *("v1", "apps/v1", "batch/v1", "apiextensions.k8s.io/v1", "policy/v1", "autoscaling/v2", "discovery.k8s.io/v1"),
    *("apiregistration.k8s.io/v1", "admissionregistration.k8s.io/v1"),
}
# Asked by the probes of `doctor`, which need no table: they post and store nothing.
REVIEWS = {"authentication.k8s.io/v1", "authorization.k8s.io/v1"}
# Deprecated within a generally available group version, so no table of group versions has them.
DEPRECATED_KINDS = {("v1", "endpoints"), ("v1", "componentstatuses")}


def test_every_resource_is_of_a_generally_available_group_version() -> None:
    assert {r.group_version for r in endpoints.RESOURCES} <= GENERALLY_AVAILABLE
    assert not {(r.group_version, r.plural) for r in endpoints.RESOURCES} & DEPRECATED_KINDS


def test_the_table_has_every_resource_of_the_module() -> None:
    assert {id(v) for v in vars(endpoints).values() if isinstance(v, endpoints.Resource)} == {
        id(r) for r in endpoints.RESOURCES
    }


def test_a_path_that_another_module_writes_is_generally_available_too() -> None:
    written: set[str] = set()
    for module in Path(endpoints.__file__).parent.rglob("*.py"):
        written.update(re.findall(r'["\']/apis/([a-z0-9.]+/[a-z0-9]+)', module.read_text("utf-8")))
    assert written <= GENERALLY_AVAILABLE | REVIEWS
