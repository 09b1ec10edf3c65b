"""CloudFormation templates: the reader role of an account, and access entries for clusters that take them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleetkeeper.onboarding import shipped
from fleetkeeper.onboarding.clusters import KnownCluster
from fleetkeeper.onboarding.identities import HOME_REGION, Role
from fleetkeeper.onboarding.shell import PRINCIPAL_VARIABLE, command

_ROLE_ARN = '!Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role${RolePath}${RoleName}"'
_RESOURCES = "\nResources:\n"


def account_template(
    role: Role, principal: str, external_id: str, clusters: Iterable[KnownCluster], audit_logs: bool = False
) -> str:
    """The role, and an access entry for each cluster that is known to take one.

    audit_logs: the role may query the audit logs in CloudWatch.
    """
    known = tuple(clusters)
    entries = [c for c in known if c.takes_access_entries]
    others = [c for c in known if not c.takes_access_entries]
    role_text = shipped.text_of(shipped.READER_ROLE)
    if audit_logs:
        statements = shipped.document_of(shipped.AUDIT_LOG_POLICY)["Statement"]
        role_text += "".join(line for statement in statements for line in _statement(statement))
    text = _with_entries(role_text, entries)
    return _comment(_how_to_deploy(role, principal, external_id, bool(entries))) + text + _left_out(others)


def cluster_template(cluster: KnownCluster, reader: str) -> str:
    """The access entry of one cluster, for the reader's ARN ("" when it is not known)."""
    words = ("aws", "cloudformation", "deploy", "--region", cluster.region, "--stack-name")
    deploy = command(
        *(*words, f"fleetkeeper-access-{cluster.name.replace('_', '-')}", "--template-file", "fleetkeeper-access.yaml"),
        *("--parameter-overrides", f"ReaderPrincipal={reader}" if reader else f"ReaderPrincipal=${PRINCIPAL_VARIABLE}"),
    )
    text = shipped.text_of(shipped.ACCESS_ENTRY) + _RESOURCES + _entry(cluster, "!Ref ReaderPrincipal")
    where = f"In account {cluster.account}, with this saved as fleetkeeper-access.yaml:\n\n"
    return _comment(where + deploy) + text


def _with_entries(template: str, clusters: list[KnownCluster]) -> str:
    """The template with an access entry for each cluster, made only where the cluster is."""
    head, _, tail = template.partition(_RESOURCES)
    places = sorted({(c.account, c.region) for c in clusters})
    conditions = "".join(_condition(*place) for place in places)
    entries = "".join(_entry(cluster, _ROLE_ARN, _bound_to(cluster)) for cluster in clusters)
    return f"{head.rstrip()}\n{conditions}{_RESOURCES}{tail}{entries}"


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    """Lines of one more statement of the role's policy, which ends the shipped template."""
    for number, (key, value) in enumerate(statement.items()):
        start = f"{' ' * 14}{'  ' if number else '- '}{key}:"
        if isinstance(value, list):
            yield f"{start}\n"
            yield from (f"{' ' * 18}- {json.dumps(each)}\n" for each in value)
        else:
            yield f"{start} {json.dumps(value)}\n"


def _bound_to(cluster: KnownCluster) -> str:
    return f"    Condition: {_condition_name(cluster.account, cluster.region)}\n    DependsOn: ReaderRole\n"


def _condition(account: str, region: str) -> str:
    return (
        f"  {_condition_name(account, region)}: !And\n"
        f'    - !Equals [!Ref "AWS::AccountId", "{account}"]\n'
        f'    - !Equals [!Ref "AWS::Region", {region}]\n'
    )


def _entry(cluster: KnownCluster, principal: str, bound: str = "") -> str:
    return (
        f"  {_logical_id(cluster)}:\n"
        "    Type: AWS::EKS::AccessEntry\n"
        f"{bound}"
        "    Properties:\n"
        f"      ClusterName: {json.dumps(cluster.name)}\n"
        f"      PrincipalArn: {principal}\n"
        "      KubernetesGroups:\n"
        f"        - {shipped.GROUP}\n"
        "      Type: STANDARD\n"
    )


def _condition_name(account: str, region: str) -> str:
    return f"In{account}{''.join(part.capitalize() for part in region.split('-'))}"


def _logical_id(cluster: KnownCluster) -> str:
    """Letters and digits only, the same for a cluster every time, and different for a-b and ab."""
    digest = hashlib.sha256(cluster.arn.encode()).hexdigest()[:8]
    return f"AccessEntry{''.join(c for c in cluster.name if c.isalnum())[:40]}{digest}"


def _how_to_deploy(role: Role, principal: str, external_id: str, has_entries: bool) -> str:
    values = {"FleetkeeperPrincipal": principal or f"${PRINCIPAL_VARIABLE}", "ExternalId": external_id}
    values |= {"RoleName": role.name} if role.name != "fleetkeeper-reader" else {}
    values |= {"RolePath": role.path} if role.path != "/" else {}
    stack = command(
        *("aws", "cloudformation", "deploy", "--stack-name", "fleetkeeper-reader"),
        *("--template-file", "fleetkeeper-reader.yaml", "--capabilities", "CAPABILITY_NAMED_IAM"),
        *("--parameter-overrides", *(f"{key}={value}" for key, value in values.items())),
    )
    parameters = (f"ParameterKey={key},ParameterValue={value}" for key, value in values.items())
    stack_set = command(
        *("aws", "cloudformation", "create-stack-set", "--stack-set-name", "fleetkeeper-reader"),
        *("--template-body", "file://fleetkeeper-reader.yaml", "--capabilities", "CAPABILITY_NAMED_IAM"),
        *("--permission-model", "SERVICE_MANAGED"),
        *("--auto-deployment", "Enabled=true,RetainStacksOnAccountRemoval=false"),
        *("--parameters", *parameters),
    )
    instances = command(
        *("aws", "cloudformation", "create-stack-instances", "--stack-set-name", "fleetkeeper-reader"),
        *("--deployment-targets", "OrganizationalUnitIds=ou-EDIT-ME"),
        *("--regions", HOME_REGION.get(role.partition, "us-east-1")),
    )
    unknown = f"Set {PRINCIPAL_VARIABLE} to the ARN of the role or user that fleetkeeper runs as.\n\n"
    also = "\nIts access entries are for clusters of this account alone; a stack elsewhere leaves them out.\n"
    return (
        f"{'' if principal else unknown}Save this as fleetkeeper-reader.yaml. In account {role.account}:\n\n{stack}"
        "\nOr for a whole organizational unit, in the management account of the organization (IAM is global, so one\n"
        f"region is enough for the role):\n\n{stack_set}{instances}{also if has_entries else ''}"
    )


def _left_out(clusters: list[KnownCluster]) -> str:
    if not clusters:
        return ""
    lines = "".join(f"fleetkeeper onboard {c.arn}\n" for c in clusters)
    return (
        "\n"
        + _comment(f"Not above, because they take no access entries or nobody has looked yet:\n{lines}").rstrip()
        + "\n"
    )


def _comment(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines()) + "\n"
