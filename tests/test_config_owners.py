"""[owners]: what arrives, and every mistake with its file and line."""

from dataclasses import fields
from pathlib import Path

import pytest

from fleetkeeper.config import OwnersSettings
from fleetkeeper.core.owners import Rule, Source, Team
from tests.config_files import complaints, in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]

WHOLE = """
[engine.hooks]
[owners]
precedence = ["rule", "namespace"]
keys = ["acme/crew"]
catalog = "catalog.yaml"
catalog_slack_annotation = "acme.example.com/slack"
fallback = "Ops"
[owners.codeowners]
"github.com/acme/x" = "CODEOWNERS"
[[owners.teams]]
name = "ops"
aliases = ["#ops", "oncall"]
channel = "hook:chat"
lead = "grace@example.com"
manager = "U0123456789"
members = ["ada@example.com", "W0123456789"]
timezone = "Europe/Berlin"
ask = "#ops"
[[owners.rules]]
owner = "ops"
clusters = "ring=late"
namespace = "a-*"
kind = "Pod"
name = "b"
user_agent = "c*"
application = "d"
[[owners.rules]]
owner = "eve@example.com"
[[engine.hooks]]
name = "chat"
url = "https://chat.example.com"
""".replace("[engine.hooks]\n", "", 1)
PLATFORM = '[[owners.teams]]\nname = "platform"\n'


def test_every_key_arrives_in_its_field() -> None:
    for name in ("catalog.yaml", "CODEOWNERS"):
        Path(name).touch()
    ops = Team(
        name="ops",
        aliases=("#ops", "oncall"),
        channel="hook:chat",
        lead="grace@example.com",
        manager="U0123456789",
        members=("ada@example.com", "W0123456789"),
        timezone="Europe/Berlin",
        ask="#ops",
    )
    rules = (
        Rule("ops", "ring=late", "a-*", "Pod", "b", "c*", "d", "fleetkeeper.toml:19"),
        Rule("eve@example.com", origin="fleetkeeper.toml:27"),
    )
    assert written(WHOLE).owners == OwnersSettings(
        teams=(ops,),
        rules=rules,
        precedence=(Source.RULE, Source.NAMESPACE),
        keys=("acme/crew",),
        catalog="catalog.yaml",
        catalog_slack_annotation="acme.example.com/slack",
        codeowners={"github.com/acme/x": "CODEOWNERS"},
        fallback="ops",
    )


def test_nothing_is_left_out_here() -> None:
    here = {"teams", "rules", "precedence", "keys", "catalog", "catalog_slack_annotation", "codeowners", "fallback"}
    assert {each.name for each in fields(OwnersSettings)} == here


def test_without_the_section_the_defaults_hold() -> None:
    found = written("").owners
    assert (found.teams, found.fallback, found.catalog) == ((), "platform", "")
    assert set(found.precedence) == set(Source) - {Source.FALLBACK}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            PLATFORM + 'aliases = ["x"]\n[[owners.teams]]\nname = "b"\naliases = ["y", "X"]\n',
            ":6: owners.teams[1].aliases[1]: X means the team platform already",
            id="an alias of two teams",
        ),
        pytest.param(
            PLATFORM + '[[owners.teams]]\nname = "b"\naliases = ["Platform"]\n',
            ":5: owners.teams[1].aliases[0]: Platform means the team platform already",
            id="an alias that is another's name",
        ),
        pytest.param(
            PLATFORM + 'aliases = ["b"]\n[[owners.teams]]\nname = "B"\n',
            ":5: owners.teams[1].name: B means the team platform already",
            id="a name that is another's alias",
        ),
        pytest.param(PLATFORM + PLATFORM, ":4: owners.teams[1].name: platform is listed twice", id="a team twice"),
        pytest.param(
            PLATFORM + 'aliases = ["platform"]\n',
            ":3: owners.teams[0].aliases[0]: platform means the team platform already",
            id="an alias that is its own name",
        ),
        pytest.param(
            '[owners]\nfallback = "platfrom"\n' + PLATFORM,
            ":2: owners.fallback: platfrom is none of owners.teams — did you mean platform?",
            id="a fallback that is no team",
        ),
        pytest.param(
            '[owners]\nfallback = "ops"\n',
            ":2: owners.fallback: ops is none of owners.teams — add it to owners.teams",
            id="a fallback without any team",
        ),
        pytest.param(
            '[[owners.teams]]\nname = "b"\n',
            ":1: owners.fallback: platform is none of owners.teams — add it to owners.teams",
            id="teams without the default fallback",
        ),
        pytest.param(
            PLATFORM + 'timezone = "Europe/Berln"\n',
            ":3: owners.teams[0].timezone: must be an IANA time zone such as Europe/Berlin",
            id="a time zone",
        ),
        pytest.param(
            PLATFORM + 'channel = "#platform"\n',
            ":3: owners.teams[0].channel: must be a channel's id such as C0123456789 (its details in Slack "
            "show it), or hook:NAME",
            id="a channel by its name",
        ),
        pytest.param(
            PLATFORM + 'channel = "hook:chat"\n',
            ":3: owners.teams[0].channel: must name one of engine.hooks after hook:",
            id="a hook that is not there",
        ),
        pytest.param(
            PLATFORM + 'lead = "grace"\n',
            ":3: owners.teams[0].lead: must be an e-mail address, or a Slack user id such as U0123456789",
            id="a lead who is no person",
        ),
        pytest.param(
            PLATFORM + 'members = ["ada@example.com", "u0123456789"]\n',
            ":3: owners.teams[0].members[1]: must be an e-mail address, or a Slack user id such as U0123456789",
            id="an id in lower case",
        ),
        pytest.param(
            '[owners]\nprecedence = ["rule", "namespce"]\n',
            ":2: owners.precedence[1]: must be one of rule, object, controller, application, codeowners, "
            "catalog, namespace, node group, cluster, account — did you mean namespace?",
            id="a source",
        ),
        pytest.param(
            PLATFORM + '[[owners.rules]]\nowner = "platfrom"\n',
            ":4: owners.rules[0].owner: platfrom is no team of owners.teams and no e-mail address — did you "
            "mean platform?",
            id="a rule for nobody",
        ),
        pytest.param(
            PLATFORM + '[[owners.rules]]\nowner = "platform"\n[[owners.rules]]\nowner = "platform"\nkind = "Pod"\n',
            ":3: owners.rules[0]: fits everything, so no rule after it is ever used — move it to the end",
            id="a rule that hides the next",
        ),
        pytest.param(
            PLATFORM + '[[owners.rules]]\nowner = "platform"\nclusters = "rung=late"\n',
            ":5: owners.rules[0].clusters: rung=late: 'rung' is not one of name, account, region, "
            "environment, ring, service, version, arn or tag:NAME",
            id="a selector",
        ),
        pytest.param(
            '[owners]\ncatalog = "none.yaml"\n',
            ":2: owners.catalog: names a file that does not exist",
            id="no catalog",
        ),
        pytest.param(
            '[owners.codeowners]\nx = "none"\n',
            ":1: owners.codeowners: x: names a file that does not exist",
            id="no CODEOWNERS",
        ),
        pytest.param(
            PLATFORM + 'chanel = "C0123456789"\n',
            ":3: owners.teams[0].chanel: unknown key — did you mean channel?",
            id="an unknown key",
        ),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    (found,) = complaints(text)
    assert found == f"fleetkeeper.toml{message}"


@pytest.mark.parametrize("owner", ["eve@example.com", "U0123456789", "@acme/platform", "group:default/Platform"])
def test_a_rule_may_name_a_person_or_a_team_in_any_form(owner: str) -> None:
    assert complaints(PLATFORM + f'[[owners.rules]]\nowner = "{owner}"\n') == []


def test_with_a_catalog_a_rule_may_name_a_team_of_it() -> None:
    Path("catalog.yaml").touch()
    text = '[owners]\ncatalog = "catalog.yaml"\n' + PLATFORM + '[[owners.rules]]\nowner = "payments"\n'
    assert complaints(text) == []
