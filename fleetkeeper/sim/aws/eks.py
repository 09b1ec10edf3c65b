"""EKS, the read side of clusters: clusters themselves, their tags, access entries, addons and insights."""

import base64
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from fleetkeeper.sim.aws.call import AwsError, Call, Operation, without_blanks
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.paging import BadToken, page
from fleetkeeper.sim.world import SimAddon, SimCluster, SimInsight, SimIssue, World

T = TypeVar("T")

LARGEST_PAGE = 100
LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_NOT_MADE = frozenset({"CREATING", "PENDING", "FAILED"})


class Directory:
    """Finds clusters of a world by what an API call knows. Scans again when the world's clusters have changed."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], SimCluster] = {}

    def find(self, world: World, account: str, region: str, name: str) -> SimCluster | None:
        known = self._found.get((account, region, name))
        if known is None or world.clusters.get(known.key) is not known:
            self._found = {(each.account, each.region, each.name): each for each in world.clusters.values()}
            known = self._found.get((account, region, name))
        return known


DIRECTORY = Directory()


def cluster_of(call: Call, parameter: str = "clusterName") -> SimCluster:
    """The cluster that a call names; ResourceNotFoundException as EKS answers it."""
    name = call.params[parameter]
    found = DIRECTORY.find(call.world, call.account, call.region, name)
    if found is None:
        message = f"No cluster found for name: {name}."
        raise AwsError("ResourceNotFoundException", message, {"clusterName": name})
    return found


def paged(call: Call, member: str, items: Iterable[T], key: Callable[[T], str]) -> dict[str, Any]:
    """One page of an EKS list under the API's own limits."""
    try:
        chosen, token = page(items, key, call.params.get("nextToken"), call.params.get("maxResults", LARGEST_PAGE))
    except BadToken as error:
        raise AwsError("InvalidParameterException", "The nextToken is invalid.") from error
    return {member: chosen} | ({"nextToken": token} if token else {})


def names(call: Call, member: str, items: Iterable[str]) -> dict[str, Any]:
    return paged(call, member, items, str)


def issues_of(issues: Iterable[SimIssue]) -> dict[str, Any]:
    listed = [{"code": i.code, "message": i.message, "resourceIds": i.resource_ids} for i in issues]
    return {"issues": listed}


def sub_arn(cluster: SimCluster, kind: str, name: str) -> str:
    """The ARN of a cluster's part; EKS ends it with an id, which is made of the names here."""
    digest = sha256(f"{cluster.key}/{kind}/{name}".encode()).hexdigest()
    unique = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
    return f"arn:{cluster.partition}:eks:{cluster.region}:{cluster.account}:{kind}/{cluster.name}/{name}/{unique}"


def iam_role(cluster: SimCluster, name: str) -> str:
    return f"arn:{cluster.partition}:iam::{cluster.account}:role/{name}"


def role_of(cluster: SimCluster) -> str:
    """The ARN of the cluster's own role."""
    return cluster.role_arn or iam_role(cluster, f"{cluster.name}-cluster")


def encryption_of(cluster: SimCluster) -> list[dict[str, Any]] | None:
    """None for a cluster without a key of its own."""
    return [{"resources": ["secrets"], "provider": {"keyArn": cluster.kms_key}}] if cluster.kms_key else None


@lru_cache(maxsize=4096)
def _encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def _list_clusters(call: Call) -> dict[str, Any]:
    return names(call, "clusters", [c.name for c in call.world.of_scope(call.account, call.region)])


def _describe_cluster(call: Call) -> dict[str, Any]:
    return {"cluster": describe(cluster_of(call, "name"))}


def _network(cluster: SimCluster) -> dict[str, Any]:
    return without_blanks(
        {
            "subnetIds": cluster.subnets,
            "securityGroupIds": [],
            "clusterSecurityGroupId": cluster.security_group,
            "vpcId": cluster.vpc,
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"],
        }
    )


def log_types(cluster: SimCluster) -> list[str]:
    """The logs that are exported."""
    if cluster.eks.logs is not None:
        return cluster.eks.logs
    return ["audit"] if cluster.audit_logs else []


def _logging(cluster: SimCluster) -> dict[str, Any]:
    exported = log_types(cluster)
    rest = [kind for kind in LOG_TYPES if kind not in exported]
    pairs = ((exported, True), (rest, False))
    return {"clusterLogging": [{"types": types, "enabled": on} for types, on in pairs if types]}


def _auto_mode(cluster: SimCluster) -> dict[str, Any]:
    on = cluster.auto_mode
    compute: dict[str, Any] = {"enabled": on}
    if on:
        compute |= {
            "nodePools": ["general-purpose", "system"],
            "nodeRoleArn": iam_role(cluster, f"{cluster.name}-node"),
        }
    return {"computeConfig": compute, "storageConfig": {"blockStorage": {"enabled": on}}}


def describe(cluster: SimCluster) -> dict[str, Any]:
    """A cluster as DescribeCluster answers it. One that is not made yet has no endpoint."""
    digest = sha256(cluster.key.encode()).hexdigest().upper()[:32]
    made = cluster.status not in _NOT_MADE
    # A world without its Kubernetes face still answers an address; .invalid never resolves (RFC 6761).
    endpoint = cluster.endpoint or f"https://{digest}.gr7.{cluster.region}.eks.invalid"
    answer = {
        "name": cluster.name,
        "arn": cluster.arn,
        "createdAt": cluster.created_at,
        "version": cluster.version,
        "endpoint": endpoint if made else None,
        "roleArn": role_of(cluster),
        "resourcesVpcConfig": _network(cluster),
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": "172.20.0.0/16",
            "ipFamily": "ipv4",
            "elasticLoadBalancing": {"enabled": cluster.auto_mode},
        },
        "logging": _logging(cluster),
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{cluster.region}.amazonaws.com/id/{digest}"}},
        "status": cluster.status,
        "certificateAuthority": {"data": _encoded(cluster.ca_pem)} if made else {},
        "platformVersion": cluster.platform_version,
        "tags": cluster.tags,
        "health": issues_of(cluster.issues),
        "accessConfig": {"authenticationMode": cluster.authentication_mode},
        "upgradePolicy": {"supportType": cluster.support_type},
        "zonalShiftConfig": {"enabled": False},
        "deletionProtection": False,
        "encryptionConfig": encryption_of(cluster),
        **_auto_mode(cluster),
    }
    return without_blanks(answer)


def _list_addons(call: Call) -> dict[str, Any]:
    return names(call, "addons", cluster_of(call).addons)


def _describe_addon(call: Call) -> dict[str, Any]:
    cluster, name = cluster_of(call), call.params["addonName"]
    addon = cluster.addons.get(name)
    if addon is None:
        members = {"clusterName": cluster.name, "addonName": name}
        raise AwsError("ResourceNotFoundException", f"No addon: {name} found in cluster: {cluster.name}", members)
    return {"addon": describe_addon(cluster, addon)}


def describe_addon(cluster: SimCluster, addon: SimAddon) -> dict[str, Any]:
    """An addon as DescribeAddon answers it."""
    known = catalog().addons.get(addon.name)
    created: datetime = addon.created_at or cluster.created_at
    return without_blanks(
        {
            "addonName": addon.name,
            "clusterName": cluster.name,
            "status": addon.status,
            "addonVersion": addon.version,
            "health": issues_of(addon.issues),
            "addonArn": sub_arn(cluster, "addon", addon.name),
            "createdAt": created,
            "modifiedAt": addon.modified_at or created,
            "serviceAccountRoleArn": addon.role_arn,
            "tags": addon.tags,
            "publisher": known.publisher if known else None,
            "owner": known.owner if known else None,
            "configurationValues": addon.configuration,
        }
    )


def _list_insights(call: Call) -> dict[str, Any]:
    wanted = call.params.get("filter") or {}
    sieves = (("categories", "category"), ("statuses", "status"), ("kubernetesVersions", "kubernetes_version"))
    chosen = [
        insight
        for insight in cluster_of(call).insights.values()
        if all(not wanted.get(name) or getattr(insight, attribute) in wanted[name] for name, attribute in sieves)
    ]
    answer = paged(call, "insights", chosen, lambda insight: insight.id)
    return answer | {"insights": [_insight(call.world, insight) for insight in answer["insights"]]}


def _insight(world: World, insight: SimInsight) -> dict[str, Any]:
    return without_blanks(
        {
            "id": insight.id,
            "name": insight.name,
            "category": insight.category,
            "kubernetesVersion": insight.kubernetes_version,
            "lastRefreshTime": insight.refreshed_at or world.epoch,
            "lastTransitionTime": insight.transitioned_at or insight.refreshed_at or world.epoch,
            "description": insight.description,
            "insightStatus": {"status": insight.status, "reason": insight.reason},
        }
    )


def _describe_insight(call: Call) -> dict[str, Any]:
    cluster, wanted = cluster_of(call), call.params["id"]
    found = cluster.insights.get(wanted)
    if found is None:
        message = f"No insight found with id: {wanted} in cluster: {cluster.name}"
        raise AwsError("ResourceNotFoundException", message, {"clusterName": cluster.name})
    more = {
        "recommendation": found.recommendation,
        "additionalInfo": {},
        "resources": found.resources,
        "categorySpecificSummary": found.summary,
    }
    return {"insight": _insight(call.world, found) | without_blanks(more)}


def _list_access_entries(call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    _need_access_api(cluster)
    entries: Iterable[str] = () if call.params.get("associatedPolicyArn") else cluster.access
    return names(call, "accessEntries", entries)


def _need_access_api(cluster: SimCluster) -> None:
    if cluster.authentication_mode == "CONFIG_MAP":
        message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]."
        raise AwsError("InvalidRequestException", message, {"clusterName": cluster.name})


def _describe_access_entry(call: Call) -> dict[str, Any]:
    cluster, principal = cluster_of(call), call.params["principalArn"]
    _need_access_api(cluster)
    if principal not in cluster.access:
        message = "The specified principalArn could not be found. You can view your available access entries with "
        raise AwsError("ResourceNotFoundException", message + "'list-access-entries'.", {"clusterName": cluster.name})
    kind, name = principal.split(":")[5].split("/", 1)
    user = principal if kind == "user" else f"arn:{cluster.partition}:sts::{cluster.account}:assumed-role/{name}"
    entry = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "kubernetesGroups": cluster.access[principal],
        "accessEntryArn": sub_arn(cluster, "access-entry", f"{kind}/{principal.split(':')[4]}/{name}"),
        "createdAt": cluster.created_at,
        "modifiedAt": cluster.created_at,
        "tags": {},
        "username": user if kind == "user" else f"{user}/{{{{SessionName}}}}",
        "type": "STANDARD",
    }
    return {"accessEntry": entry}


def _list_tags(call: Call) -> dict[str, Any]:
    return {"tags": tags_of(call)}


def tags_of(call: Call) -> dict[str, str]:
    """The tags of the resource that a call names by its ARN, to be read or changed; NotFoundException."""
    arn = call.params["resourceArn"]
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    name, _, part = rest.partition("/")
    cluster = DIRECTORY.find(call.world, call.account, call.region, name)
    tags = _tags_of(cluster, arn, kind, part.partition("/")[0]) if cluster is not None else None
    if tags is None:
        raise AwsError("NotFoundException", f"Resource was not found: {arn}")
    return tags


def _tags_of(cluster: SimCluster, arn: str, kind: str, part: str) -> dict[str, str] | None:
    """None when the cluster has nothing with this ARN."""
    if kind == "cluster":
        return cluster.tags if arn == cluster.arn else None
    if arn != sub_arn(cluster, kind, part):
        return None
    if kind == "nodegroup" and part in cluster.node_groups:
        return cluster.node_groups[part].tags
    if kind == "fargateprofile" and part in cluster.fargate_profiles:
        return cluster.fargate_profiles[part].tags
    return cluster.addons[part].tags if kind == "addon" and part in cluster.addons else None


def operations() -> dict[str, Operation]:
    return {
        "DescribeAccessEntry": _describe_access_entry,
        "DescribeAddon": _describe_addon,
        "DescribeCluster": _describe_cluster,
        "DescribeInsight": _describe_insight,
        "ListAccessEntries": _list_access_entries,
        "ListAddons": _list_addons,
        "ListClusters": _list_clusters,
        "ListInsights": _list_insights,
        "ListTagsForResource": _list_tags,
    }
