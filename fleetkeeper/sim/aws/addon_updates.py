"""CreateAddon, UpdateAddon and DeleteAddon, with conflicts, configuration, and the addon's own workloads."""

from functools import partial
from typing import Any

import yaml

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.addon_objects import put_images, remove_objects
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.catalog import OfferedAddon, catalog
from fleetkeeper.sim.aws.eks import cluster_of, describe_addon
from fleetkeeper.sim.aws.updates import begin, end, invalid, names_of, once, refuse_while_rolling_back, started
from fleetkeeper.sim.eks_state import SimUpdate, SimUpdateError
from fleetkeeper.sim.world import SimAddon, SimCluster, SimIssue

_BUSY = frozenset({"CREATING", "UPDATING", "DELETING"})


def _addon_of(call: Call, cluster: SimCluster) -> SimAddon:
    name = call.params["addonName"]
    found = cluster.addons.get(name)
    if found is None:
        message = f"No addon: {name} found in cluster: {cluster.name}"
        raise AwsError("ResourceNotFoundException", message, names_of(cluster, addon=name))
    return found


def _offered(cluster: SimCluster, name: str) -> OfferedAddon:
    offered = catalog().addons.get(name)
    if offered is None:
        raise invalid("Addon specified is not supported", cluster, addon=name)
    return offered


def _version(call: Call, cluster: SimCluster, name: str) -> str | None:
    """The version that is asked for; None when none is, InvalidParameterException when EKS has none such here."""
    offered, wanted = _offered(cluster, name), call.params.get("addonVersion")
    if wanted is not None and wanted not in offered.serving(str(Minor.parse(cluster.version))):
        raise invalid("Addon version specified is not supported", cluster, addon=name)
    return str(wanted) if wanted else None


def _check_configuration(call: Call, cluster: SimCluster, name: str) -> None:
    text = call.params.get("configurationValues")
    if not text:
        return
    try:
        read = yaml.safe_load(text)  # JSON is YAML: EKS takes both
    except yaml.YAMLError as error:
        message = f"ConfigurationValue provided in request is not valid: {type(error).__name__}"
        raise invalid(message, cluster, addon=name) from error
    if not isinstance(read, dict):
        raise invalid("ConfigurationValue provided in request is not a mapping", cluster, addon=name)


def _conflict(addon: SimAddon) -> str:
    listed = "\n".join(addon.conflicts)
    return (
        f"Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\n{listed}"
    )


def _create(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster, name = cluster_of(call), call.params["addonName"]

    def make() -> str:
        _refuse_new(call, cluster, name)
        version = _version(call, cluster, name) or _offered(cluster, name).default(cluster.version)
        if version is None:
            raise invalid("Addon specified is not supported", cluster, addon=name)
        addon = SimAddon(name, version, status="CREATING", created_at=stage.now())
        addon.configuration = call.params.get("configurationValues", "")
        addon.role_arn = call.params.get("serviceAccountRoleArn", "")
        addon.tags = dict(call.params.get("tags") or {})
        cluster.addons[name] = addon
        stage.after(stage.timing.addon, lambda: _created(stage, cluster, addon))
        return str(name)

    return once(call, cluster, make, lambda made: {"addon": describe_addon(cluster, cluster.addons[made])})


def _refuse_new(call: Call, cluster: SimCluster, name: str) -> None:
    refuse_while_rolling_back(cluster)
    if name in cluster.addons:
        raise AwsError("ResourceInUseException", "Addon already exists.", names_of(cluster, addon=name))
    if cluster.status != "ACTIVE":
        message = f"Cluster is not in ACTIVE state: {cluster.status}"
        raise AwsError("InvalidRequestException", message, names_of(cluster, addon=name))
    if call.params.get("resolveConflicts") == "PRESERVE":
        message = "Resolve conflicts option PRESERVE is not supported for operation CreateAddon"
        raise invalid(message, cluster, addon=name)
    _check_configuration(call, cluster, name)


def _created(stage: Backstage, cluster: SimCluster, addon: SimAddon) -> None:
    addon.status, addon.modified_at = "ACTIVE", stage.now()
    put_images(cluster, addon)


def _update(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    return started(call, cluster, lambda: _start(stage, call, cluster, _addon_of(call, cluster)))


def _start(stage: Backstage, call: Call, cluster: SimCluster, addon: SimAddon) -> SimUpdate:
    params = call.params
    refuse_while_rolling_back(cluster)
    if addon.status in _BUSY:
        message = f"Addon {addon.name} cannot be updated as it is currently in {addon.status} state"
        raise AwsError("ResourceInUseException", message, names_of(cluster, addon=addon.name))
    version = _version(call, cluster, addon.name) or addon.version
    _check_configuration(call, cluster, addon.name)
    told = {
        "AddonVersion": version,
        "ServiceAccountRoleArn": params.get("serviceAccountRoleArn"),
        "ResolveConflicts": params.get("resolveConflicts", "NONE"),
        "ConfigurationValues": params.get("configurationValues"),
    }
    update = begin(cluster, "AddonUpdate", told, stage.now(), addon=addon.name)
    addon.status = "UPDATING"
    stage.after(stage.timing.addon, lambda: _finish(stage, cluster, addon, update))
    return update


def _finish(stage: Backstage, cluster: SimCluster, addon: SimAddon, update: SimUpdate) -> None:
    told = dict(update.params)
    mode = told["ResolveConflicts"]
    addon.modified_at = stage.now()
    if addon.conflicts and mode == "NONE":
        addon.status, addon.issues = "UPDATE_FAILED", [SimIssue("ConfigurationConflict", _conflict(addon))]
        end(update, SimUpdateError("ConfigurationConflict", _conflict(addon)))
        return
    if mode == "OVERWRITE":
        addon.conflicts = []
        addon.configuration = told.get("ConfigurationValues", "")
    addon.configuration = told.get("ConfigurationValues", addon.configuration)
    addon.role_arn = told.get("ServiceAccountRoleArn", addon.role_arn)
    addon.version, addon.status, addon.issues = told["AddonVersion"], "ACTIVE", []
    put_images(cluster, addon)
    end(update)


def _delete(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    addon = _addon_of(call, cluster)
    if addon.status in {"CREATING", "UPDATING"}:
        # DeleteAddon lists no ResourceInUseException.
        message = f"Addon {addon.name} cannot be deleted as it is currently in {addon.status} state"
        raise AwsError("InvalidRequestException", message, names_of(cluster, addon=addon.name))
    preserve = bool(call.params.get("preserve", False))
    if addon.status != "DELETING":
        addon.status = "DELETING"
        stage.after(stage.timing.addon, lambda: _gone(cluster, addon, preserve=preserve))
    return {"addon": describe_addon(cluster, addon)}


def _gone(cluster: SimCluster, addon: SimAddon, *, preserve: bool) -> None:
    del cluster.addons[addon.name]
    if not preserve:
        remove_objects(cluster, addon)


def operations(stage: Backstage) -> dict[str, Operation]:
    return {
        "CreateAddon": partial(_create, stage),
        "DeleteAddon": partial(_delete, stage),
        "UpdateAddon": partial(_update, stage),
    }
