"""EKS, the read side of what it offers: DescribeClusterVersions and DescribeAddonVersions."""

from collections.abc import Iterable
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.catalog import OfferedAddon, OfferedMinor, OfferedVersion, catalog
from fleetkeeper.sim.aws.eks import paged


def _wants(call: Call, minor: OfferedMinor, default: str) -> bool:
    """Whether the filters let a minor through; unsupported ones show only when they are asked for."""
    params, status = call.params, minor.status(call.world.now())
    if params.get("defaultOnly") and minor.name != default:
        return False
    named = params.get("clusterVersions")
    if named and minor.name not in named:
        return False
    # `status` is the older spelling of `versionStatus`: "standard-support" for STANDARD_SUPPORT.
    asked = params.get("versionStatus") or params.get("status", "").upper().replace("-", "_")
    if asked:
        return bool(asked == status)
    return bool(named) or bool(params.get("includeAll")) or status != "UNSUPPORTED"


def _describe_cluster_versions(call: Call) -> dict[str, Any]:
    if call.params.get("clusterType", "eks") != "eks":
        raise AwsError("InvalidParameterException", f"unsupported clusterType {call.params['clusterType']}")
    released = catalog().released(call.world.now())
    default = released[0].name if released else ""  # EKS makes a new minor the default soon after its release
    chosen = [minor for minor in released if _wants(call, minor, default)]
    answer = paged(call, "clusterVersions", chosen, lambda each: f"{10_000 - Minor.parse(each.name).minor:05d}")
    return answer | {"clusterVersions": [_cluster_version(call, each, default) for each in answer["clusterVersions"]]}


def _cluster_version(call: Call, minor: OfferedMinor, default: str) -> dict[str, Any]:
    status = minor.status(call.world.now())
    return {
        "clusterVersion": minor.name,
        "clusterType": "eks",
        "defaultPlatformVersion": minor.platform,
        "defaultVersion": minor.name == default,
        "releaseDate": minor.released,
        "endOfStandardSupportDate": minor.standard_until,
        "endOfExtendedSupportDate": minor.extended_until,
        "status": status.lower().replace("_", "-"),
        "versionStatus": status,
        "kubernetesPatchVersion": minor.patch,
    }


def _describe_addon_versions(call: Call) -> dict[str, Any]:
    params = call.params
    wanted = params.get("addonName")
    if wanted and wanted not in catalog().addons:
        message = f"The addon {wanted} was not found"  # the wording is not documented
        raise AwsError("ResourceNotFoundException", message, {"addonName": wanted})
    sieves = (("types", "kind"), ("publishers", "publisher"), ("owners", "owner"))
    chosen = [
        addon
        for addon in catalog().addons.values()
        if wanted in {None, addon.name}
        and all(not params.get(name) or getattr(addon, attribute) in params[name] for name, attribute in sieves)
        and _versions(addon, params.get("kubernetesVersion"))
    ]
    answer = paged(call, "addons", chosen, lambda addon: addon.name)
    return answer | {"addons": [_addon(addon, params.get("kubernetesVersion")) for addon in answer["addons"]]}


def _versions(addon: OfferedAddon, minor: str | None) -> list[OfferedVersion]:
    return [each for each in addon.versions if minor is None or minor in each.minors]


def _addon(addon: OfferedAddon, minor: str | None) -> dict[str, Any]:
    return {
        "addonName": addon.name,
        "type": addon.kind,
        "addonVersions": [_addon_version(addon, each, minor) for each in _versions(addon, minor)],
        "publisher": addon.publisher,
        "owner": addon.owner,
        "defaultNamespace": addon.namespace,
    }


def _addon_version(addon: OfferedAddon, version: OfferedVersion, minor: str | None) -> dict[str, Any]:
    minors: Iterable[str] = reversed(version.minors) if minor is None else (minor,)
    return {
        "addonVersion": version.version,
        "architecture": ["amd64", "arm64"],
        "computeTypes": list(addon.compute),
        "compatibilities": [
            {"clusterVersion": each, "platformVersions": ["*"], "defaultVersion": each in version.default_of}
            for each in minors
        ],
        "requiresConfiguration": False,
        "requiresIamPermissions": addon.needs_iam,
    }


def operations() -> dict[str, Operation]:
    return {
        "DescribeAddonVersions": _describe_addon_versions,
        "DescribeClusterVersions": _describe_cluster_versions,
    }
