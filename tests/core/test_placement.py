"""Where a cluster stands: tags, then the first rule, then the account's tags; unmapped counts as production."""

from dataclasses import replace

import pytest

from fleetkeeper.core.placement import Candidate, MappingRule, MappingSettings, environment_name, place

CLUSTER = Candidate(
    name="pay-1",
    arn="arn:aws:eks:eu-west-1:111122223333:cluster/pay-1",
    account="111122223333",
    account_name="payments",
    ou="Prod/Payments",
)
STAGING = MappingRule(environment="staging", origin="map.toml:7")


def mapping(*rules: MappingRule) -> MappingSettings:
    return MappingSettings(rules=rules)


@pytest.mark.parametrize(
    ("cluster", "rules", "expected"),
    [
        pytest.param(
            replace(CLUSTER, tags={"environment": "staging", "ring": "early", "service": "pay"}),
            [],
            ("staging", "early", "pay"),
            id="tags alone place it",
        ),
        pytest.param(
            replace(CLUSTER, tags={"environment": "staging"}),
            [MappingRule(environment="production", ring="early")],
            ("staging", "early", ""),
            id="tags win, and the rule fills what is missing",
        ),
        pytest.param(
            CLUSTER,
            [MappingRule(environment="staging"), MappingRule(environment="development", ring="late")],
            ("staging", "", ""),
            id="only the first rule that matches counts, and later ones fill nothing",
        ),
        pytest.param(
            replace(CLUSTER, account_tags={"environment": "staging", "service": "pay"}),
            [MappingRule(environment="development")],
            ("development", "", "pay"),
            id="the account's tags come last",
        ),
        pytest.param(
            replace(CLUSTER, tags={"environment": " "}, account_tags={"environment": "staging"}),
            [],
            ("staging", "", ""),
            id="a blank tag says nothing",
        ),
        pytest.param(
            replace(CLUSTER, tags={"Environment": "staging"}), [], ("staging", "", ""), id="a tag's key in another case"
        ),
        pytest.param(
            replace(CLUSTER, tags={"Environment": "staging", "ENVIRONMENT": "development"}),
            [],
            ("production", "", ""),
            id="two spellings of a tag that disagree say nothing",
        ),
        pytest.param(
            replace(CLUSTER, tags={"environment": "PRD"}), [], ("production", "", ""), id="prd is guarded as production"
        ),
        pytest.param(CLUSTER, [], ("production", "", ""), id="nothing maps it"),
        pytest.param(
            replace(CLUSTER, tags={"ring": "canary"}),
            [],
            ("production", "", ""),
            id="a ring without an environment is no ring, for it could be a canary by accident",
        ),
    ],
)
def test_a_cluster_is_placed(cluster: Candidate, rules: list[MappingRule], expected: tuple[str, str, str]) -> None:
    found = place(cluster, mapping(*rules))
    assert (found.environment, found.ring, found.service) == expected


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        pytest.param(MappingRule(), True, id="without selectors everything matches"),
        pytest.param(MappingRule(accounts=("999988887777", "111122223333")), True, id="an account by id"),
        pytest.param(MappingRule(accounts=("pay*",)), True, id="an account by a pattern of its name"),
        pytest.param(MappingRule(accounts=("999988887777",)), False, id="another account"),
        pytest.param(MappingRule(ous=("Prod/Payments",)), True, id="its OU"),
        pytest.param(MappingRule(ous=("Prod",)), True, id="an OU that its OU is in"),
        pytest.param(MappingRule(ous=("Pro",)), False, id="an OU that its OU only begins like"),
        pytest.param(MappingRule(ous=("*/Payments",)), True, id="a pattern of OUs"),
        pytest.param(MappingRule(names=("web-*", "pay-*")), True, id="one of the names"),
        pytest.param(MappingRule(names=("PAY-*",)), False, id="a name in another case"),
        pytest.param(MappingRule(arns=("arn:aws:eks:eu-west-1:*",)), True, id="a pattern of ARNs"),
        pytest.param(MappingRule(tags={"team": "pay", "tier": "*"}), True, id="all tags"),
        pytest.param(MappingRule(tags={"team": "pay", "zone": "*"}), False, id="one tag of two"),
        pytest.param(MappingRule(names=("pay-*",), accounts=("999988887777",)), False, id="one selector of two"),
    ],
)
def test_a_rule_matches_when_all_of_its_selectors_do(rule: MappingRule, matches: bool) -> None:
    cluster = replace(CLUSTER, tags={"team": "pay", "tier": "1"})
    assert place(cluster, mapping(replace(rule, environment="staging"))).mapped is matches


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        pytest.param(MappingRule(names=("edge",)), True, id="by name"),
        pytest.param(MappingRule(arns=("kubeconfig:*",)), True, id="by its kubeconfig identity"),
        pytest.param(MappingRule(accounts=("*",)), False, id="not by account, for it has none"),
        pytest.param(MappingRule(ous=("*",)), False, id="not by OU, for it has none"),
    ],
)
def test_a_cluster_that_only_a_kubeconfig_knows_is_placed(rule: MappingRule, matches: bool) -> None:
    cluster = Candidate("edge", "kubeconfig:5d7c7c1e")
    assert place(cluster, mapping(replace(rule, environment="staging"))).mapped is matches


@pytest.mark.parametrize(
    ("cluster", "rule", "reason"),
    [
        pytest.param(CLUSTER, None, "nothing maps it: counts as production", id="unmapped"),
        pytest.param(
            replace(CLUSTER, tags={"ring": "canary", "service": "pay"}),
            None,
            "nothing maps it: counts as production; ring canary from tag ring is ignored without an environment; "
            "service pay from tag service",
            id="unmapped, with a ring",
        ),
        pytest.param(
            replace(CLUSTER, tags={"environment": "Prod"}),
            None,
            "environment Prod from tag environment",
            id="a tag, as it was written",
        ),
        pytest.param(
            replace(CLUSTER, account_tags={"environment": "dev"}),
            None,
            "environment dev from tag environment of account 111122223333",
            id="the account's tag",
        ),
        pytest.param(
            CLUSTER,
            replace(STAGING, accounts=("111122223333",), ous=("Prod",)),
            "environment staging from map.toml:7 (account 111122223333, OU Prod/Payments)",
            id="the file and line of a rule, and what of the cluster matched",
        ),
        pytest.param(
            CLUSTER,
            replace(STAGING, ring="early", accounts=("pay*",), names=("pay-*",)),
            "environment staging from map.toml:7 (account payments, name pay-*); "
            "ring early from map.toml:7 (account payments, name pay-*)",
            id="each field",
        ),
        pytest.param(CLUSTER, STAGING, "environment staging from map.toml:7 (every cluster)", id="a rule for all"),
    ],
)
def test_the_reason_names_what_said_so(cluster: Candidate, rule: MappingRule | None, reason: str) -> None:
    assert place(cluster, mapping(*([rule] if rule else []))).reason == reason


def test_only_a_cluster_with_an_environment_is_mapped() -> None:
    rule = MappingRule(service="pay")
    assert place(CLUSTER, mapping(rule)).mapped is False
    assert place(CLUSTER, mapping(replace(rule, environment="production"))).mapped is True


def test_other_tags_can_name_the_fields() -> None:
    settings = MappingSettings(environment_tag="stage", ring_tag="wave", service_tag="app")
    found = place(replace(CLUSTER, tags={"stage": "dev", "wave": "1", "app": "pay", "ring": "x"}), settings)
    assert (found.environment, found.ring, found.service) == ("dev", "1", "pay")


@pytest.mark.parametrize(
    ("text", "name"), [("Prod", "production"), (" PRODUCTION ", "production"), ("Staging", "staging"), ("", "")]
)
def test_an_environment_has_one_spelling(text: str, name: str) -> None:
    assert environment_name(text) == name
