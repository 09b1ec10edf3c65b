"""The [aws] section: accounts, Organizations, regions, and what in them contradicts itself."""

from pathlib import Path

from fleetkeeper.config import AwsAccount, AwsSettings, Organizations
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.sources import Surroundings


def read_aws(table: Table, around: Surroundings) -> AwsSettings:
    default = AwsSettings()
    partition = table.text("partition", default.partition, choices=tuple(checks.PARTITIONS))
    regions = _regions(table, partition)
    accounts = tuple(_account(inner, partition, around) for inner in table.tables("accounts"))
    organizations = _organizations(table.table("organizations"), partition) if table.has("organizations") else None
    aws = AwsSettings(
        regions=regions,
        accounts=accounts,
        organizations=organizations,
        role_name=table.text("role_name", default.role_name, check=checks.role_name),
        executor_role_name=table.text("executor_role_name", default.executor_role_name, check=checks.role_name),
        external_id=around.secret(table, "external_id", "FLEETKEEPER_AWS__EXTERNAL_ID"),
        profile=table.text("profile", ""),
        endpoint_url=around.url(table, "endpoint_url", "FLEETKEEPER_AWS__ENDPOINT_URL"),
        ca_bundle=around.path(table, "ca_bundle"),
        proxy_url=around.url(table, "proxy_url", "FLEETKEEPER_AWS__PROXY_URL"),
        partition=partition,
        requests_per_second=table.number("requests_per_second", default.requests_per_second, minimum=0.1, maximum=100),
        names=table.texts("names", ()),
        exclude_names=table.texts("exclude_names", ()),
        tags=table.mapping("tags", {}),
    )
    if aws.ca_bundle and not Path(aws.ca_bundle).is_file():
        table.mistake("ca_bundle", "names a file that does not exist")
    _note_contradictions(table, aws)
    return aws


def _regions(table: Table, partition: str) -> tuple[str, ...]:
    regions = table.texts("regions", (), check=checks.region)
    for item, region in enumerate(regions):
        if region and not checks.region(region) and not checks.region_is_of(region, partition):
            table.mistake("regions", f"{region} is not of the partition {partition}", "set aws.partition", item=item)
    return regions


def _account(table: Table, partition: str, around: Surroundings) -> AwsAccount:
    account = AwsAccount(
        id=table.text("id", check=checks.account_id),
        name=table.text("name", ""),
        role_arn=_role_arn(table, "role_arn", partition),
        executor_role_arn=_role_arn(table, "executor_role_arn", partition),
        external_id=around.secret(table, "external_id"),
        regions=_regions(table, partition),
    )
    for key, arn in (("role_arn", account.role_arn), ("executor_role_arn", account.executor_role_arn)):
        owner = checks.role_arn_parts(arn)[1]
        if owner and owner != account.id:
            table.mistake(key, f"is a role of account {owner}", "use a role of this account")
    if account.role_arn and account.role_arn == account.executor_role_arn:
        table.mistake("executor_role_arn", "is the reader's role", "use one of its own: the reader may change nothing")
    return account


def _organizations(table: Table, partition: str) -> Organizations:
    return Organizations(
        role_arn=_role_arn(table, "role_arn", partition),
        include_ous=table.texts("include_ous", ()),
        exclude_accounts=table.texts("exclude_accounts", (), check=checks.account_id),
    )


def _role_arn(table: Table, key: str, partition: str) -> str:
    text = table.text(key, "", check=checks.role_arn)
    written = checks.role_arn_parts(text)[0]
    if written and written != partition and partition in checks.PARTITIONS:
        table.mistake(key, f"is of the partition {written}, not {partition}", "set aws.partition")
    return text


def _note_contradictions(table: Table, aws: AwsSettings) -> None:
    if aws.executor_role_name == aws.role_name:
        table.mistake("executor_role_name", "is the reader's role", "use one of its own: the reader may change nothing")
    seen: set[str] = set()
    excluded = aws.organizations.exclude_accounts if aws.organizations else ()
    for account, inner in zip(aws.accounts, table.tables("accounts"), strict=True):
        if account.id and account.id in seen:
            inner.mistake("id", f"{account.id} is listed twice")
        if account.id and account.id in excluded:
            inner.mistake("id", f"{account.id} is in organizations.exclude_accounts too", "keep one of them")
        if not (account.regions or aws.regions):
            inner.mistake("", "has no region to read", "set its regions, or aws.regions for all")
        seen.add(account.id)
    if aws.organizations is not None and not aws.regions:
        table.mistake("organizations", "has no region to read", "set aws.regions")
