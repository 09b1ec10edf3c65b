"""FK204 by the fields."""

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.observed import Customised
from tests.core.checks.snapshots import found, snapshot


def judged(*fields: Customised) -> tuple[Finding, ...]:
    return found("FK204", snapshot({parts.CUSTOMISED: fields}))


def field(path: str, addon: str = "coredns", manager: str = "kubectl-edit") -> Customised:
    return Customised(addon, "ConfigMap", "kube-system", addon, path, manager)


def test_the_fields_of_one_addon_are_one_warning() -> None:
    findings = judged(field("data.Corefile"), *(field(f"data.f{number}") for number in range(3)), field("a", "vpc-cni"))
    assert [finding.subject.name for finding in findings] == ["coredns", "vpc-cni"]
    first = findings[0]
    assert (first.severity, first.blocks, first.breaks) == (Severity.WARNING, False, Breaks.LOST)
    assert first.message.startswith("4 fields of coredns set by kubectl-edit would be lost by an update with OVERWRITE")
    assert "ConfigMap kube-system/coredns data.Corefile" in first.message
    assert first.message.endswith("and 1 more")
    assert "--resolve-conflicts PRESERVE" in first.fix


def test_an_addon_as_eks_made_it_is_not_told() -> None:
    assert judged() == ()
