"""Which kinds of steps differ by member, and what the playbook's parameters of each come to."""

from collections.abc import Mapping

from fleetkeeper.core.expanding import addons, control_plane, nodes, releases
from fleetkeeper.core.expanding.expansion import Asked, Expander, Expansion, Stride, Template, settled_by_plan
from fleetkeeper.core.playbook import Changes

EXPANDERS: Mapping[str, Expander] = {
    "update-addon": addons.update_addon,
    "refresh-insights": control_plane.refresh_insights,
    "upgrade-control-plane": control_plane.upgrade,
    "rollback-control-plane": control_plane.roll_back,
    "update-nodegroup": nodes.update_node_group,
    "hold-nodes": nodes.hold_nodes,
    "release-nodes": nodes.release_nodes,
    "restart-fargate": nodes.restart_fargate,
    "repair-release": releases.repair_release,
    "update-release": releases.update_release,
}
"""Kind → what it comes to for one cluster; a kind that is not here is the same for every member."""

TEMPLATES: Mapping[str, Template] = {
    "update-addon": addons.addon_template,
    "refresh-insights": settled_by_plan(category="UPGRADE_READINESS"),
    "upgrade-control-plane": settled_by_plan(**{"from": "1.34", "to": "1.35"}),
    "rollback-control-plane": settled_by_plan(**{"from": "1.35", "to": "1.34"}),
    "update-nodegroup": settled_by_plan(group="web", to="1.35"),
    "hold-nodes": settled_by_plan(pools=()),
    "release-nodes": settled_by_plan(pools=(), to="1.35", wait=True),
    "restart-fargate": settled_by_plan(to="1.35"),
    "repair-release": settled_by_plan(namespace="web", release="shop", to="1.35"),
    "update-release": releases.release_template,
}
"""Kind → its parameters as a member would have them, so that those of the playbook can be tried."""

OF_HOPS = frozenset(
    {"upgrade-control-plane", "hold-nodes", "release-nodes", "restart-fargate", "repair-release", "update-release"}
)
"""Kinds that mean nothing outside of a hop: in an upgrade they stand in its block."""

SIDED = frozenset({"update-addon", "update-release"})
"""Kinds that stand on one side of the control plane, so that `when` has to say on which."""

CHANGERS: Mapping[str, frozenset[Changes]] = {
    "update-addon": frozenset({Changes.ADDONS, Changes.NODES, Changes.MINOR, Changes.ROLLBACK}),
    "update-nodegroup": frozenset({Changes.NODES, Changes.MINOR, Changes.ROLLBACK}),
    "drain-nodes": frozenset({Changes.NODES}),
    "surge-nodes": frozenset({Changes.NODES, Changes.MINOR, Changes.ROLLBACK}),
    "upgrade-control-plane": frozenset({Changes.MINOR}),
    "rollback-control-plane": frozenset({Changes.ROLLBACK}),
    "hold-nodes": frozenset({Changes.MINOR}),
    "release-nodes": frozenset({Changes.MINOR}),
    "restart-fargate": frozenset({Changes.MINOR}),
    "repair-release": frozenset({Changes.MINOR}),
    "update-release": frozenset({Changes.MINOR}),
    "refresh-insights": frozenset({Changes.MINOR, Changes.ROLLBACK}),
}
"""Kinds of steps whose change a playbook has to declare, with the words that declare it."""

_BAKE = {
    Changes.MINOR: "time for {hop} to show what is wrong with it while the way back is open, before the rest moves",
    Changes.ROLLBACK: "time to see that the cluster is sound again on {hop}",
}


def expand(asked: Asked) -> Expansion:
    """What a step comes to; one that is the same for every member is taken as it stands."""
    expander = EXPANDERS.get(asked.spec.kind)
    if expander is not None:
        return expander(asked)
    why = ""
    if asked.hop and asked.spec.kind == "bake":
        why = _BAKE.get(asked.changes, "").format(hop=asked.hop.target)
    return Expansion((Stride(asked.step(why), asked.at),))
