"""What the owner of an AWS account is asked for: a role to assume, its policy, and what is configured afterwards."""

import json
from dataclasses import dataclass

from fleetkeeper.config import AwsSettings
from fleetkeeper.core.text import safe
from fleetkeeper.onboarding import shipped
from fleetkeeper.onboarding.clusters import KnownCluster
from fleetkeeper.onboarding.identities import (
    HOME_REGION,
    ExternalId,
    Role,
    assume_policy,
    organizations_role,
    reader_role,
    trust_policy,
)
from fleetkeeper.onboarding.shell import (
    PRINCIPAL_VARIABLE,
    ask_principal,
    command,
    file,
    heading,
    pretty,
    prose,
)

_MOST_CLUSTERS = 20


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """One account to onboard. principal is the ARN that fleetkeeper runs as, "" when nobody told it."""

    settings: AwsSettings
    id: str
    principal: str
    external_id: ExternalId
    clusters: tuple[KnownCluster, ...] = ()
    config: str = "fleetkeeper.toml"
    audit_logs: bool = False

    @property
    def role(self) -> Role:
        return reader_role(self.settings, self.id)

    @property
    def listed(self) -> bool:
        return any(a.id == self.id for a in self.settings.accounts)

    @property
    def organizations_role(self) -> Role | None:
        """The role that lists the organization, when it is one of this account."""
        role = organizations_role(self.settings)
        return role if role and role.account == self.id else None


def account_text(request: AccountRequest) -> str:
    """Everything step by step, as a shell script whose prose is comments."""
    steps = [_make_role(request)]
    if role := request.organizations_role:
        steps.append(_make_organizations_role(request, role))
    steps += [_allow_assume(request), _configure(request), _clusters(request), _check()]
    numbered = (heading(f"Step {n}. {title}") + body for n, (title, body) in enumerate(steps, 1))
    return _introduction(request) + "".join(numbered)


def _introduction(request: AccountRequest) -> str:
    role, principal = request.role, request.principal or "Its own role or user"
    data = "no data of yours but the audit logs of clusters" if request.audit_logs else "no data of yours"
    return prose(
        f"""
        Read access for fleetkeeper to the AWS account {request.id}{_named(request)}.

        Fleetkeeper keeps watch over Kubernetes clusters: which versions and addons run where, and how long they are
        supported. It asks this account for one IAM role, {role.name}. {principal} may assume it, and only with the
        external id below. The role lists and describes EKS clusters, their addons, node groups, Fargate profiles and
        insights, and Auto Scaling groups. It can change nothing, and reads {data}.

        Each step says where it runs. All text but the commands is comments. Nothing has been done yet.

        The same as CloudFormation, for one account or as a stack set:

        $ fleetkeeper onboard {request.id} --format cloudformation
        """
    )


def _named(request: AccountRequest) -> str:
    name = next((a.name for a in request.settings.accounts if a.id == request.id), "")
    return f" ({safe(name, 60)})" if name else ""


def _make_role(request: AccountRequest) -> tuple[str, str]:
    role, principal = request.role, request.principal or f"${PRINCIPAL_VARIABLE}"
    asked = "" if request.principal else ask_principal("who fleetkeeper runs as") + "\n"
    told = prose("Only this principal may assume the role, and only with this external id.")
    policy = prose("All that the role may do. Each line is a call that fleetkeeper makes; none of them writes.")
    if request.audit_logs:
        policy += prose(
            """
            Those on logs are for observe.audit_logs: CloudWatch counts calls of deprecated APIs in the audit logs of
            the account's clusters, and charges the account for each GB that it searches.
            """
        )
    body = (
        prose(f"With administrator rights on IAM. This must print {request.id}:")
        + command("aws", "sts", "get-caller-identity", "--query", "Account", "--output", "text")
        + "\n"
        + asked
        + told
        + file(
            "fleetkeeper-trust.json",
            pretty(trust_policy(principal, request.external_id.value)),
            expand=not request.principal,
        )
        + "\n"
        + policy
        + file("fleetkeeper-policy.json", pretty(shipped.reader_policy(request.audit_logs)))
        + "\n"
        + _create_role(role, "fleetkeeper-trust.json", "fleetkeeper-policy.json", "reads EKS clusters")
    )
    return f"In account {request.id}: the role", body


def _create_role(role: Role, trust: str, policy: str, purpose: str) -> str:
    path = ("--path", role.path) if role.path != "/" else ()
    return command(
        *("aws", "iam", "create-role", "--role-name", role.name, *path),
        *("--description", f"Fleetkeeper {purpose} with it; it can change nothing"),
        *("--assume-role-policy-document", f"file://{trust}"),
    ) + command(
        *("aws", "iam", "put-role-policy", "--role-name", role.name, "--policy-name", role.name),
        *("--policy-document", f"file://{policy}"),
    )


def _make_organizations_role(request: AccountRequest, role: Role) -> tuple[str, str]:
    principal = request.principal or f"${PRINCIPAL_VARIABLE}"
    body = (
        prose(
            """
            The configuration lists accounts through AWS Organizations with a role of this account, which must be the
            management account or a delegated administrator. The role reads the names, ids, tags and organizational
            units of the accounts.
            """
        )
        + file(
            "fleetkeeper-organizations-trust.json",
            pretty(trust_policy(principal, "")),
            expand=not request.principal,
        )
        + file("fleetkeeper-organizations-policy.json", shipped.text_of(shipped.ORGANIZATIONS_POLICY))
        + _create_role(
            *(role, "fleetkeeper-organizations-trust.json", "fleetkeeper-organizations-policy.json"),
            "lists the accounts of the organization",
        )
    )
    return f"In account {request.id}: the role that lists the organization", body


def _allow_assume(request: AccountRequest) -> tuple[str, str]:
    roles = [request.role] + ([role] if (role := request.organizations_role) else [])
    kind, name = _kind_and_name(request.principal)
    attach = command(
        *("aws", "iam", f"put-{kind}-policy", f"--{kind}-name", name),
        *("--policy-name", f"fleetkeeper-assume-{request.id}"),
        *("--policy-document", "file://fleetkeeper-assume.json"),
    )
    body = (
        prose(
            f"""
            The role's owner trusts fleetkeeper; fleetkeeper's own account must let it ask. One policy may name many
            roles: leave this step out where one is there that names arn:{request.role.partition}:iam::*:role/...
            """
        )
        + file("fleetkeeper-assume.json", pretty(assume_policy(*roles)))
        + ("" if name != "EDIT-ME" else prose("EDIT the name of fleetkeeper's own role in the next command:"))
        + attach
    )
    return "In the account that fleetkeeper runs in: let it assume the role", body


def _kind_and_name(principal: str) -> tuple[str, str]:
    """role or user, and its name; a whole account or nobody known is a role to be named."""
    resource = principal.partition("::")[2].partition(":")[2]
    kind, _, name = resource.partition("/")
    if kind not in ("role", "user"):
        return "role", "EDIT-ME"
    return kind, name.rpartition("/")[2]


def _configure(request: AccountRequest) -> tuple[str, str]:
    return f"Where fleetkeeper runs: {request.config}", _keep_external_id(request) + _config_lines(request)


def _keep_external_id(request: AccountRequest) -> str:
    external_id = request.external_id
    if external_id.origin:
        return prose(f"The external id is the one that is configured already ({external_id.origin}).")
    return (
        prose(
            f"""
            The external id is in no configuration yet. Keep this one: running `fleetkeeper onboard {request.id}` again
            makes up another, until it is configured. It goes into a file beside {request.config}, or into an
            environment variable that external_id_env names.
            """
        )
        + f"(umask 077 && printf '%s\\n' '{external_id.value}' > {_external_id_file(request)})\n"
    )


def _external_id_file(request: AccountRequest) -> str:
    return f"external-id-{request.id}"


def _config_lines(request: AccountRequest) -> str:
    added = [] if request.external_id.origin else [f'external_id_file = "{_external_id_file(request)}"']
    if request.listed:
        if not added:
            return prose(f"Nothing to add: {request.config} lists the account.")
        return prose(f"Add to the [[aws.accounts]] table of {request.id}:") + prose(added[0])
    if request.settings.organizations and not added:
        return prose("Nothing to add: AWS Organizations lists the account.")
    lines = ["", "[[aws.accounts]]", f'id = "{request.id}"', *_regions(request), *added]
    return f"cat >> {request.config} <<'EOF'\n" + "\n".join(lines) + "\nEOF\n"


def _regions(request: AccountRequest) -> list[str]:
    if request.settings.regions:
        return []
    known = sorted({c.region for c in request.clusters if c.region})
    if known:
        return [f"regions = {json.dumps(known)}"]
    return [f'regions = ["{HOME_REGION[request.settings.partition]}"] # EDIT: the regions to read']


def _clusters(request: AccountRequest) -> tuple[str, str]:
    title = "For each cluster of the account: let the role read its API server"
    told = prose(
        """
        IAM alone does not open a cluster. Each of these prints what its administrators run; until then the cluster
        shows what EKS tells, without nodes, workloads and what runs on them.
        """
    )
    eks = [c for c in request.clusters if c.is_eks]
    if not eks:
        return title, told + prose("No cluster of the account is known yet: `fleetkeeper observe` finds them, then") + (
            prose("fleetkeeper onboard CLUSTER")
        )
    shown = "".join(command("fleetkeeper", "onboard", c.arn) for c in eks[:_MOST_CLUSTERS])
    more = len(eks) - _MOST_CLUSTERS
    return title, told + shown + (prose(f"and {more} more: fleetkeeper get clusters") if more > 0 else "")


def _check() -> tuple[str, str]:
    told = prose("It tries every permission once, and names each that is missing. It stores nothing.")
    return "Where fleetkeeper runs: check", told + command("fleetkeeper", "doctor")
