"""`fleetkeeper onboard`: what the owner of an account or a cluster is asked for, ready to copy; needs no network."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.onboarding.account import AccountRequest
    from fleetkeeper.onboarding.cluster import ClusterRequest
    from fleetkeeper.onboarding.clusters import KnownCluster
    from fleetkeeper.onboarding.identities import ExternalId


class OnboardFormat(StrEnum):
    TEXT = "text"
    CLOUDFORMATION = "cloudformation"
    KUBERNETES = "kubernetes"
    POLICY = "policy"
    TRUST_POLICY = "trust-policy"
    ASSUME_POLICY = "assume-policy"
    ORGANIZATIONS_POLICY = "organizations-policy"
    EXECUTOR_POLICY = "executor-policy"
    EXECUTOR_SURGE = "executor-surge"
    EXECUTOR_BLUE_GREEN = "executor-blue-green"
    EXECUTOR_KUBERNETES = "executor-kubernetes"
    EXECUTOR_HELM = "executor-helm"


_HELP = (
    "text: every step as commands. cloudformation: a template, also for stack sets. kubernetes: the RBAC manifest. "
    "policy, trust-policy, assume-policy, organizations-policy: one IAM document. "
    "executor-policy, executor-kubernetes: what the engine needs to carry out plans, with a role of its own. "
    "executor-surge, executor-blue-green: IAM documents of what it needs besides to replace instances of Auto Scaling "
    "groups, and whole node groups (then with executor-surge). "
    "executor-helm: what it needs besides to upgrade Helm releases, which is nearly everything."
)
_OF_ACCOUNTS = (
    OnboardFormat.POLICY,
    OnboardFormat.TRUST_POLICY,
    OnboardFormat.ASSUME_POLICY,
    OnboardFormat.ORGANIZATIONS_POLICY,
    OnboardFormat.EXECUTOR_POLICY,
    OnboardFormat.EXECUTOR_SURGE,
    OnboardFormat.EXECUTOR_BLUE_GREEN,
)


def onboard(
    ctx: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="ACCOUNT|CLUSTER", help="12 digits, or a cluster's name or ARN.")],
    external_id: Annotated[
        str, typer.Option("--external-id", help="Default: the configured one, else a new one.")
    ] = "",
    principal: Annotated[str, typer.Option("--principal", help="ARN of the role or user fleetkeeper runs as.")] = "",
    helm_secrets: Annotated[
        bool | None, typer.Option("--helm-secrets/--no-helm-secrets", help="Default: observe.helm_secrets.")
    ] = None,
    audit_logs: Annotated[
        bool | None, typer.Option("--audit-logs/--no-audit-logs", help="Default: observe.audit_logs.")
    ] = None,
    output: Annotated[OnboardFormat, typer.Option("--format", help=_HELP)] = OnboardFormat.TEXT,
) -> None:
    """Print what gives fleetkeeper read access to an account or a cluster. Changes nothing, sends nothing."""
    from dataclasses import replace

    from fleetkeeper.onboarding.identities import is_account, parse_principal

    settings = context.settings(ctx)
    told = parse_principal(principal, settings.aws.partition) if principal else ""
    if is_account(subject):
        request = _account_request(ctx, settings, subject, told, external_id)
        request = replace(request, audit_logs=settings.observe.audit_logs if audit_logs is None else audit_logs)
        text = _account(request, output, _helm(settings, helm_secrets))
    else:
        cluster = _cluster(ctx, settings, subject)
        text = _cluster_output(_cluster_request(settings, cluster, told, _helm(settings, helm_secrets)), output)
    sys.stdout.write(text)


def _helm(settings: "Settings", asked: bool | None) -> bool:
    return settings.observe.helm_secrets if asked is None else asked


def _account_request(
    ctx: typer.Context, settings: "Settings", account: str, principal: str, external_id: str
) -> "AccountRequest":
    from fleetkeeper.onboarding.account import AccountRequest

    clusters = tuple(c for c in _known(ctx) if c.account == account)
    config = ctx.obj.config.name if ctx.obj.config else "fleetkeeper.toml"
    found = _external_id(settings, account, external_id)
    return AccountRequest(settings.aws, account, principal, found, clusters, config)


def _external_id(settings: "Settings", account: str, given: str) -> "ExternalId":
    """The one that was given, the configured one, or a new one. 128 random bits: it must not be guessed."""
    from fleetkeeper.onboarding.identities import ExternalId, configured_external_id

    configured = configured_external_id(settings.aws, account)
    if given:
        return configured if configured and configured.value == given else ExternalId.parse(given)
    import secrets

    return configured or ExternalId(secrets.token_hex(16))


def _account(request: "AccountRequest", output: OnboardFormat, helm_secrets: bool) -> str:
    from fleetkeeper.errors import UsageError
    from fleetkeeper.onboarding import shipped
    from fleetkeeper.onboarding.account import account_text
    from fleetkeeper.onboarding.cloudformation import account_template
    from fleetkeeper.onboarding.identities import assume_policy, trust_policy
    from fleetkeeper.onboarding.shell import pretty

    if output is OnboardFormat.TEXT:
        return account_text(request)
    if output is OnboardFormat.CLOUDFORMATION:
        external_id = request.external_id.value
        return account_template(request.role, request.principal, external_id, request.clusters, request.audit_logs)
    if output is OnboardFormat.KUBERNETES:
        return shipped.rbac(helm_secrets)
    if output is OnboardFormat.ASSUME_POLICY:
        return pretty(assume_policy(request.role))
    if output is OnboardFormat.TRUST_POLICY:
        if not request.principal:
            raise UsageError("--format trust-policy: say with --principal ARN whom the role is to trust")
        return pretty(trust_policy(request.principal, request.external_id.value))
    if output is OnboardFormat.POLICY:
        return pretty(shipped.reader_policy(request.audit_logs))
    return _as_shipped(output)


def _as_shipped(output: OnboardFormat) -> str:
    from fleetkeeper.onboarding import shipped

    files = {
        OnboardFormat.EXECUTOR_POLICY: shipped.EXECUTOR_POLICY,
        OnboardFormat.EXECUTOR_SURGE: shipped.EXECUTOR_SURGE_POLICY,
        OnboardFormat.EXECUTOR_BLUE_GREEN: shipped.EXECUTOR_BLUE_GREEN_POLICY,
        OnboardFormat.EXECUTOR_KUBERNETES: shipped.KUBERNETES_EXECUTOR,
        OnboardFormat.EXECUTOR_HELM: shipped.KUBERNETES_EXECUTOR_HELM,
        OnboardFormat.ORGANIZATIONS_POLICY: shipped.ORGANIZATIONS_POLICY,
    }
    return shipped.text_of(files[output])


def _cluster_request(
    settings: "Settings", cluster: "KnownCluster", principal: str, helm_secrets: bool
) -> "ClusterRequest":
    from fleetkeeper.onboarding.cluster import ClusterRequest
    from fleetkeeper.onboarding.identities import parse_role, reader_role

    assumes = settings.aws.accounts or settings.aws.organizations
    if cluster.is_eks and assumes:
        return ClusterRequest(cluster, reader_role(settings.aws, cluster.account), helm_secrets)
    return ClusterRequest(cluster, parse_role(principal) or principal, helm_secrets)


def _cluster_output(request: "ClusterRequest", output: OnboardFormat) -> str:
    from fleetkeeper.errors import UsageError
    from fleetkeeper.onboarding import shipped
    from fleetkeeper.onboarding.cloudformation import cluster_template
    from fleetkeeper.onboarding.cluster import cluster_text

    if output in _OF_ACCOUNTS:
        raise UsageError(f"--format {output.value} is about an account: give its 12 digits, not a cluster")
    if output is OnboardFormat.TEXT:
        return cluster_text(request)
    if output is OnboardFormat.KUBERNETES:
        return shipped.rbac(request.helm_secrets)
    if output is OnboardFormat.EXECUTOR_KUBERNETES:
        return shipped.text_of(shipped.KUBERNETES_EXECUTOR)
    if output is OnboardFormat.EXECUTOR_HELM:
        return shipped.text_of(shipped.KUBERNETES_EXECUTOR_HELM)
    if not request.cluster.is_eks:
        raise UsageError(f"{request.cluster.name} is no EKS cluster: use --format text or kubernetes")
    if request.cluster.authentication_mode == "CONFIG_MAP":
        raise UsageError(f"{request.cluster.name} takes no access entries (CONFIG_MAP): use --format text")
    return cluster_template(request.cluster, request.reader_arn)


def _cluster(ctx: typer.Context, settings: "Settings", text: str) -> "KnownCluster":
    """The cluster by ARN or name: as last observed, else as the configuration or the ARN itself has it."""
    from fleetkeeper.errors import UsageError
    from fleetkeeper.onboarding.clusters import KnownCluster, of_arn

    found = [c for c in _known(ctx) if text in (c.arn, c.name)]
    if len(found) > 1:
        raise UsageError(f"{text} is the name of several clusters; give the ARN: {_some([c.arn for c in found])}")
    if found:
        return found[0]
    configured = next((c for c in settings.kubernetes.clusters if text == c.name), None)
    if configured:
        return of_arn(configured.arn) or KnownCluster(configured.name)
    if cluster := of_arn(text):
        return cluster
    raise UsageError(
        f"{text} is neither an account of 12 digits, nor a cluster that was observed or is configured; "
        "give the cluster's ARN, or run `fleetkeeper observe` first"
    )


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(texts[:3]) + more


def _known(ctx: typer.Context) -> "tuple[KnownCluster, ...]":
    """The clusters as last observed; none when there is no database yet, or it cannot be asked now."""
    from fleetkeeper.core import parts
    from fleetkeeper.errors import SchemaError, StoreUnavailable
    from fleetkeeper.onboarding.clusters import of_seen

    try:
        with context.keeper(ctx) as keeper:
            return tuple(of_seen(c) for c in keeper.ports.store.clusters(only=(parts.CONTROL_PLANE,)))
    except (SchemaError, StoreUnavailable) as error:
        print(f"Without what was observed before: {error}", file=sys.stderr)
        return ()
