"""FK420: a group launches nodes from an old version of its launch template, so that a change waits unseen.

The version in use is compared with the newest one; which version is the template's default says nothing of the group.
Replacing nodes without naming the version keeps the old one, and naming it brings a change along with the upgrade.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.observed import LaunchTemplate
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read


@check("FK420", "A launch template's change is not in use", needs=(parts.LAUNCH_TEMPLATES,), each_hop=False)
def launch_template_pending(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    managed = {each.name for each in snap.node_groups}
    for template in snap.launch_templates:
        if template.in_use >= template.latest:
            continue
        yield Finding(
            code="FK420",
            severity=Severity.WARNING,
            subject=Subject("NodeGroup" if template.group in managed else "AutoScalingGroup", template.group),
            key=template.id,
            message=f"launches nodes from version {template.in_use} of launch template {template.name or template.id}, "
            f"whose newest is {template.latest}",
            fix=_fix(template, snap.cluster.name, is_managed=template.group in managed),
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.LAUNCH_TEMPLATES, "EC2", f"{template.id}, default {template.default}"),),
        )


def _fix(template: LaunchTemplate, cluster: str, *, is_managed: bool) -> str:
    if is_managed:
        command = f"aws eks update-nodegroup-version --cluster-name {cluster} --nodegroup-name {template.group}"
    else:
        command = f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {template.group}"
    flag = "id" if is_managed else "LaunchTemplateId"
    version = "version" if is_managed else "Version"
    return (
        f"move to it before the upgrade: {command} --launch-template {flag}={template.id},{version}={template.latest}"
    )
