"""The catalog and CODEOWNERS files: what they say, how they join the settings, and every mistake with file and line."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleetkeeper.adapters.owner_files import directory
from fleetkeeper.config import OwnersSettings
from fleetkeeper.core.finding import Subject
from fleetkeeper.core.notices.routing import Routes
from fleetkeeper.core.notices.values import Audience, Policy, Situation
from fleetkeeper.core.owners import About, Contact, Deployed, Directory, Reach, Source, Team, resolve
from fleetkeeper.core.reports.owner_rows import trouble
from fleetkeeper.errors import ConfigError

SEEN = datetime(2026, 11, 20, 9, tzinfo=UTC)
CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments-api
  annotations:
    backstage.io/kubernetes-id: pay
    backstage.io/kubernetes-label-selector: app=pay
spec:
  type: service
  owner: group:default/payments
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: checkout}
spec: {owner: "user:default/ada"}
---
kind: API
metadata: {name: payments-api}
spec: {owner: edge}
---
kind: Group
metadata: {name: payments, title: Payments and Billing}
spec:
  type: team
  profile: {email: Pay@example.com}
  children: []
  members: [user:default/ada, grace]
---
kind: User
metadata: {name: ada}
spec: {profile: {email: Ada@example.com}, memberOf: []}
---
kind: User
metadata: {name: mo}
spec: {profile: {email: mo@example.com}, memberOf: [group:default/payments]}
---
kind: Location
spec: {targets: [./x.yaml]}
---
"""
ABOUT = About(
    Subject("Deployment", "x", "y"),
    {},
    {Source.OBJECT: {"backstage.io/kubernetes-id": "pay"}},
    {Source.OBJECT: "Deployment y/x"},
)


def catalog(folder: Path, text: str = CATALOG) -> str:
    file = folder / "catalog.yaml"
    file.write_text(text, "utf-8")
    return str(file)


def of_catalog(folder: Path, *teams: Team, text: str = CATALOG) -> Directory:
    return directory(OwnersSettings(teams=teams, catalog=catalog(folder, text)), {})


def complaints(settings: OwnersSettings) -> list[str]:
    with pytest.raises(ConfigError) as error:
        directory(settings, {})
    return [str(each) for each in error.value.mistakes]


def test_without_files_the_settings_are_the_directory() -> None:
    platform = Team("platform")
    found = directory(OwnersSettings(teams=(platform,), keys=("acme/crew",), fallback="platform"), {})
    assert found == Directory(teams={"platform": platform}, keys=("acme/crew",), fallback="platform")


def test_contacts_say_when_slack_was_asked() -> None:
    contact = Contact("ada@example.com", Reach.GONE)
    found = directory(OwnersSettings(), {"ada@example.com": (contact, SEEN)})
    assert found.contacts["ada@example.com"].trouble == "ada@example.com left Slack (seen 2026-11-20)"


# ---- the catalog


def test_components_and_their_ids_lead_to_owners(tmp_path: Path) -> None:
    assert of_catalog(tmp_path).catalog == {
        "payments-api": "group:default/payments",  # of the component, not of the API of that name
        "pay": "group:default/payments",
        "checkout": "ada@example.com",
    }


def test_a_group_is_a_team_with_its_members(tmp_path: Path) -> None:
    assert of_catalog(tmp_path).teams == {
        "payments": Team(
            "payments", ("Payments and Billing", "pay@example.com"), members=("ada@example.com", "mo@example.com")
        )
    }


def test_a_team_of_the_settings_stands_for_the_group_it_is_called_like(tmp_path: Path) -> None:
    alone = Team("pay", aliases=("payments",), channel="C0123456789")
    assert of_catalog(tmp_path, alone).teams == {
        "pay": Team("pay", ("payments",), "C0123456789", members=("ada@example.com", "mo@example.com"))
    }
    full = Team("payments", members=("eve@example.com",))
    assert of_catalog(tmp_path, full).teams == {"payments": full}


SLACK = """\
kind: Group
metadata: {name: payments, annotations: {slack.com/bot-notify: C0PAYMENTS, acme/slack: "https://acme.slack.com/archives/C0ACMEPAY1"}}
---
kind: Group
metadata: {name: edge, annotations: {slack.com/bot-notify: "#edge"}}
---
kind: User
metadata: {name: mo, annotations: {slack.com/bot-notify: U0MEMBER01}}
spec: {memberOf: [payments]}
---
kind: Component
metadata: {name: api, annotations: {slack.com/bot-notify: C0ALERTS01}}
spec: {owner: "user:mo"}
"""
TOLD = CATALOG.replace("Billing}", "Billing, annotations: {slack.com/bot-notify: C0PAYMENTS}}")
BOT_NOTIFY = "annotation slack.com/bot-notify"


def test_a_group_is_told_in_the_channel_of_its_slack_annotation(tmp_path: Path) -> None:
    found = of_catalog(tmp_path, text=SLACK)
    assert found.teams["payments"].channel == "C0PAYMENTS"
    assert found.channels["payments"] == f"{BOT_NOTIFY} (C0PAYMENTS) of Group payments in the catalog"


def test_a_user_without_an_address_goes_by_their_slack_annotation(tmp_path: Path) -> None:
    found = of_catalog(tmp_path, text=SLACK)
    assert (found.teams["payments"].members, found.catalog["api"]) == (("U0MEMBER01",), "U0MEMBER01")


def test_a_slack_annotation_that_is_no_channel_is_kept_with_the_reason(tmp_path: Path) -> None:
    found = of_catalog(tmp_path, text=SLACK)
    assert found.teams["edge"].channel == ""
    assert list(trouble("edge", found))[1:] == [f"no channel's id: {BOT_NOTIFY} (#edge) of Group edge in the catalog"]


def test_a_team_of_the_settings_has_its_groups_channel_only_where_it_names_none(tmp_path: Path) -> None:
    alone, own = Team("pay", aliases=("payments",)), Team("payments", channel="C0OWN00001")
    assert of_catalog(tmp_path, alone, text=SLACK).teams["pay"].channel == "C0PAYMENTS"
    kept = of_catalog(tmp_path, own, text=SLACK)
    assert (kept.teams["payments"].channel, "payments" in kept.channels) == ("C0OWN00001", False)


@pytest.mark.parametrize(
    ("annotation", "channel"),
    [
        pytest.param("acme/slack", "C0ACMEPAY1", id="an annotation of one's own, with a link"),
        pytest.param("", "", id="no annotation at all"),
    ],
)
def test_which_annotation_is_read_is_a_setting(tmp_path: Path, annotation: str, channel: str) -> None:
    settings = OwnersSettings(catalog=catalog(tmp_path, SLACK), catalog_slack_annotation=annotation)
    assert directory(settings, {}).teams["payments"].channel == channel


def test_an_object_of_a_component_is_told_of_in_the_channel_of_its_group(tmp_path: Path) -> None:
    known = of_catalog(tmp_path, Team("platform", channel="C0PLATFORM"), text=TOLD)
    found = resolve(ABOUT, known)
    assert (found.owner, channel_of(found.owner, known)) == ("payments", "C0PAYMENTS")


def test_a_channel_of_the_catalog_that_does_not_exist_gives_way_to_the_fallback(tmp_path: Path) -> None:
    known = of_catalog(tmp_path, Team("platform", channel="C0PLATFORM"), text=TOLD)
    lost = replace(known, contacts={"c0payments": Contact("c0payments", Reach.GONE)})
    assert channel_of("payments", lost) == "C0PLATFORM"
    assert list(trouble("payments", lost)) == ["its channel C0PAYMENTS is archived"]


def channel_of(owner: str, known: Directory) -> str:
    """Where the digest of an owner goes."""
    situation = Situation(SEEN, Policy(fallback="platform"), (), teams=known.teams, contacts=known.contacts)
    route = Routes(situation).to(owner, Audience.CHANNEL)
    assert route is not None
    return route.recipient.address


def test_an_object_goes_by_its_component(tmp_path: Path) -> None:
    found = resolve(ABOUT, of_catalog(tmp_path))
    assert (found.owner, found.by.source) == ("payments", Source.CATALOG)


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    assert "checkout" in of_catalog(tmp_path).catalog
    assert of_catalog(tmp_path, text="kind: Component\nmetadata: {name: a}\nspec: {owner: b}\n").catalog == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [1\nb: 2\n", ":2: is not valid YAML: ", id="a list that does not end"),
        pytest.param(
            "kind: Component\nmetadata: {name: a}\nspec:\n  type: x\n", ":4: spec.owner: is missing of", id="no owner"
        ),
        pytest.param("---\nkind: Group\nspec: {}\n", ":2: metadata.name: is missing of a Group", id="no name"),
        pytest.param("kind: User\nmetadata: {name: a}\n---\n- a\n", ":4: is no entity", id="a list"),
        pytest.param("[" * 20_000, " is not valid YAML", id="nested beyond reason"),
    ],
)
def test_a_bad_catalog_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (found,) = complaints(OwnersSettings(catalog=catalog(tmp_path, text)))
    assert found.startswith(str(tmp_path / "catalog.yaml"))
    assert message in found


def test_a_bomb_of_aliases_is_no_work(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
    )
    assert of_catalog(tmp_path, text=bomb + "kind: Location\n").catalog == {}


# ---- CODEOWNERS


def test_each_application_and_repository_has_its_file(tmp_path: Path) -> None:
    file = tmp_path / "CODEOWNERS"
    file.write_text("\ufeff* @acme/web\n/deploy/ @acme/edge\n", "utf-8")
    settings = OwnersSettings(teams=(Team("edge"), Team("web")), codeowners={"github.com/acme/x": str(file)})
    by = Deployed("Application", "any", "https://github.com/acme/x.git", "deploy/a")
    found = resolve(About(Subject("Deployment", "x"), {}, applications=(by,)), directory(settings, {}))
    assert (found.owner, found.why) == ("edge", f"line 2 (/deploy/) of {file}, from which Application any comes")


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    bad, latin = tmp_path / "bad", tmp_path / "latin"
    bad.write_text("* nobody\n!x @acme/x\n", "utf-8")
    latin.write_bytes(b"# caf\xe9\n")
    files = {"a": str(bad), "b": str(latin), "c": str(tmp_path / "none")}
    assert complaints(OwnersSettings(codeowners=files)) == [
        f"{bad}:1: nobody is no owner — write @organization/team, @user or an e-mail address",
        f"{bad}:2: the pattern !x is none that CODEOWNERS knows — write it without ! and [ ]",
        f"{latin}: is not UTF-8 text — save the file as UTF-8",
        f"{tmp_path / 'none'}: cannot be read: No such file or directory — mend its path in [owners]",
    ]
