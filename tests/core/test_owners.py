"""Who owns what: every source, the order of precedence, what a written name means, and why a place does not hold."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleetkeeper.core.codeowners import parse_codeowners
from fleetkeeper.core.finding import Subject
from fleetkeeper.core.owners import (
    NOBODY,
    About,
    Contact,
    Deployed,
    Directory,
    Owned,
    Reach,
    Resolver,
    Rule,
    Source,
    Team,
    resolve,
)

SEEN = datetime(2026, 11, 20, 9, tzinfo=UTC)
API = Subject("Deployment", "api", "payments")
SHOP = {"name": "shop", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/shop", "ring": "canary"}

PLATFORM = Team("platform", channel="C0PLATFORM")
PAYMENTS = Team(
    "payments",
    aliases=("billing", "cc-1042", "#pay-help"),
    channel="C0PAYMENTS",
    lead="grace@example.com",
    members=("ada@example.com", "U0MEMBER01"),
)
EDGE = Team("edge", channel="C0EDGE0001", members=("eve@example.com", "both@example.com"))
WEB = Team("web", members=("both@example.com",))
TEAMS = {team.name: team for team in (PLATFORM, PAYMENTS, EDGE, WEB)}
CODEOWNERS, _ = parse_codeowners("* @acme/web\n/deploy/ @acme/edge\n", "CODEOWNERS")


def directory(**more: object) -> Directory:
    return replace(Directory(teams=TEAMS), **more)  # type: ignore[arg-type]


def contacts(*found: Contact) -> dict[str, Contact]:
    return {each.key: each for each in found}


def about(keys: Mapping[Source, Mapping[str, str]], subject: Subject = API, **more: object) -> About:
    names = {
        Source.OBJECT: str(subject),
        Source.CONTROLLER: "Deployment payments/above",
        Source.APPLICATION: "Application argocd/payments, which deploys it",
        Source.NAMESPACE: "Namespace payments",
        Source.NODE_GROUP: "node group blue",
        Source.CLUSTER: "cluster shop",
        Source.ACCOUNT: "account lab",
    }
    whole = About(subject, SHOP, keys, {s: names[s] for s in keys}, namespace=subject.namespace)
    return replace(whole, **more)  # type: ignore[arg-type]


def owned(keys: Mapping[str, str], known: Directory | None = None) -> Owned:
    """By keys of the object alone."""
    return resolve(about({Source.OBJECT: keys}), known or directory())


# ---- sources


APPLIED = (Deployed("Application", "payments-api", "https://github.com/acme/payments.git", "deploy/prod"),)
EVERYTHING = about(
    {
        Source.OBJECT: {"team": "team-one", "backstage.io/kubernetes-id": "payments-api"},
        **{source: {"owner": f"{source.value}-team"} for source in (Source.CONTROLLER, Source.APPLICATION)},
        Source.NAMESPACE: {"a8r.io/owner": "ns@example.com"},
        Source.NODE_GROUP: {"Owner": "nodes"},
        Source.CLUSTER: {"Owner": "fleet"},
        Source.ACCOUNT: {"TEAM": "lab"},
    },
    applications=APPLIED,
)
OF_SOURCE = {
    Source.RULE: ("ruled", "the rule at fleetkeeper.toml:7"),
    Source.OBJECT: ("team-one", "`team` on Deployment payments/api"),
    Source.CONTROLLER: ("controller-team", "`owner` on Deployment payments/above"),
    Source.APPLICATION: ("application-team", "`owner` on Application argocd/payments, which deploys it"),
    Source.CODEOWNERS: ("@acme/edge", "line 2 (/deploy/) of CODEOWNERS, from which Application payments-api comes"),
    Source.CATALOG: (
        "group:default/cat",
        "payments-api of the catalog (`backstage.io/kubernetes-id` on Deployment payments/api)",
    ),
    Source.NAMESPACE: ("ns@example.com", "annotation a8r.io/owner on Namespace payments"),
    Source.NODE_GROUP: ("nodes", "tag Owner on node group blue"),
    Source.CLUSTER: ("fleet", "tag Owner on cluster shop"),
    Source.ACCOUNT: ("lab", "tag TEAM on account lab"),
}
ORDER = tuple(OF_SOURCE)


def of_everything(precedence: tuple[Source, ...]) -> Directory:
    words = ("ruled", "team-one", "controller-team", "application-team", "cat", "nodes", "fleet", "lab", "edge", "x")
    return Directory(
        teams={word: Team(word) for word in words},
        rules=(Rule("ruled", origin="/etc/fleetkeeper/fleetkeeper.toml:7"),),
        precedence=precedence,
        catalog={"payments-api": "group:default/cat"},
        codeowners={"github.com/acme/payments": CODEOWNERS},
    )


def test_every_source_is_kept_as_evidence_in_the_order_of_precedence() -> None:
    found = resolve(EVERYTHING, of_everything(tuple(Source)))
    assert [(hit.source, hit.value, hit.where) for hit in found.hits] == [(s, *OF_SOURCE[s]) for s in ORDER]
    assert (found.owner, found.by, found.why) == ("ruled", found.hits[0], "the rule at fleetkeeper.toml:7")
    assert not found.is_unowned


@pytest.mark.parametrize("source", ORDER, ids=lambda source: f"{source} alone")
def test_each_source_holds_where_it_comes_first(source: Source) -> None:
    rest = tuple(each for each in Source if each is not source)
    assert resolve(EVERYTHING, of_everything((source, *rest))).by.source is source


@pytest.mark.parametrize("source", ORDER, ids=lambda source: f"without {source}")
def test_a_source_that_is_left_out_is_not_asked(source: Source) -> None:
    asked = tuple(each for each in Source if each is not source)
    assert source not in {hit.source for hit in resolve(EVERYTHING, of_everything(asked)).hits}


def test_what_nobody_is_named_for_goes_to_the_fallback() -> None:
    found = resolve(about({}), directory())
    assert (found.owner, found.is_unowned, found.why) == ("platform", True, NOBODY)
    assert found.hits == (found.by,)


def test_a_fallback_that_is_no_team_is_still_told() -> None:
    assert resolve(about({}), Directory(fallback="ops")).owner == "ops"


# ---- several keys of one object


@pytest.mark.parametrize(
    ("keys", "owner"),
    [
        pytest.param({"owner": "web", "a8r.io/owner": "edge"}, "edge", id="a8r.io/owner before owner"),
        pytest.param({"team": "web", "owner": "edge"}, "edge", id="owner before team"),
        pytest.param({"squad": "web", "team": "edge"}, "edge", id="team before squad"),
        pytest.param({"team": "web", "dt.owner": "edge"}, "edge", id="Dynatrace's before team"),
        pytest.param({"dt.owner-2": "web", "dt.owner-1": "edge"}, "edge", id="the first of several of Dynatrace's"),
        pytest.param({"dt.owner-1": "web", "dt.owner": "edge"}, "edge", id="the one without a number before them"),
        pytest.param({"app.acme.com/owner": "edge", "team": "web"}, "edge", id="owner under any prefix"),
        pytest.param({"Owner": "edge"}, "edge", id="a tag in capitals"),
        pytest.param({"a8r.io/chat": "#pay-help", "team": "edge"}, "edge", id="a chat only where nothing else"),
        pytest.param({"a8r.io/chat": "#pay-help"}, "payments", id="a chat of a team"),
        pytest.param({"cost-center": "cc-1042"}, "payments", id="a cost center that a team goes by"),
        pytest.param({"acme/crew": "edge", "a8r.io/owner": "web"}, "edge", id="a key of one's own before all"),
        pytest.param({"owner": "ada@example.com", "team": "edge"}, "payments", id="a person by their team"),
        pytest.param({"owner": "x@example.com", "team": "edge"}, "edge", id="a team before a person of no team"),
        pytest.param({"team": " ", "squad": "edge"}, "edge", id="an empty value is none"),
    ],
)
def test_of_several_keys_holds(keys: dict[str, str], owner: str) -> None:
    assert owned(keys, directory(keys=("acme/crew",))).owner == owner


def test_several_owners_of_dynatrace_are_all_kept() -> None:
    found = owned({"dt.owner": "edge", "dt.owner-1": "web", "dt.owner-2": "payments"})
    assert [hit.team for hit in found.hits] == ["edge", "web", "payments"]


def test_a_person_beside_a_team_is_kept_and_says_why_it_does_not_hold() -> None:
    person, team = owned({"owner": "x@example.com", "team": "edge"}).hits
    assert person.why_not == "it names a person, and `team` on Deployment payments/api names the team edge"
    assert team.why_not == ""


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"cost-center": "4711"}, id="a cost center of nobody"),
        pytest.param({"a8r.io/chat": "https://chat.example.com/x"}, id="a chat of nobody"),
        pytest.param(
            {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": "web"}, id="the name of an app"
        ),
        pytest.param({"a8r.io/runbook": "https://web"}, id="a runbook"),
        pytest.param({"helm.sh/chart": "web-1"}, id="a chart"),
    ],
)
def test_what_only_hints_at_nobody_is_no_place(keys: dict[str, str]) -> None:
    assert [hit.source for hit in owned(keys).hits] == [Source.FALLBACK]


@pytest.mark.parametrize(
    "chat",
    [
        pytest.param("C0STRANGE1", id="its id"),
        pytest.param("https://acme.slack.com/archives/C0STRANGE1", id="a link"),
        pytest.param(
            "https://acme.enterprise.slack.com/archives/C0STRANGE1/p1700000000000000", id="a link to a message"
        ),
        pytest.param("https://app.slack.com/client/T0ACME0001/C0STRANGE1", id="a link of the web client"),
        pytest.param("https://slack.com/app_redirect?channel=C0STRANGE1&team=T0ACME0001", id="a redirect"),
        pytest.param("slack://channel?team=T0ACME0001&id=C0STRANGE1", id="a link of the app"),
        pytest.param("<#C0STRANGE1|pay>", id="as Slack writes it"),
    ],
)
@pytest.mark.parametrize("key", ["a8r.io/chat", "slack.com/bot-notify"])
def test_an_object_whose_team_nobody_knows_is_told_of_in_its_chat(key: str, chat: str) -> None:
    found = owned({"a8r.io/owner": "unheard-of", key: chat})
    assert (found.owner, found.by.channel, found.is_unowned) == ("C0STRANGE1", "C0STRANGE1", False)
    assert [hit.why_not for hit in found.hits] == ["no team and no person goes by “unheard-of”", ""]


@pytest.mark.parametrize(
    ("keys", "owner"),
    [
        pytest.param({"a8r.io/chat": "C0STRANGE1", "team": "edge"}, "edge", id="a team before any chat"),
        pytest.param(
            {"a8r.io/chat": "C0STRANGE1", "owner": "x@example.com"}, "C0STRANGE1", id="a chat before a person"
        ),
        pytest.param({"a8r.io/chat": "C0PAYMENTS"}, "payments", id="a chat of a team is the team"),
        pytest.param({"owner": "C0STRANGE1"}, "platform", id="an owner that only looks like a channel is none"),
        pytest.param({"cost-center": "C100234567"}, "platform", id="nor is a cost center"),
        pytest.param({"a8r.io/chat": "#general"}, "platform", id="nor a name, which cannot be looked up"),
        pytest.param({"a8r.io/chat": "https://evil.example/C0STRANGE1"}, "platform", id="nor a link to elsewhere"),
    ],
)
def test_beside_a_chat_holds(keys: dict[str, str], owner: str) -> None:
    assert owned(keys).owner == owner


def test_a_chat_that_is_not_there_gives_way_to_the_person_beside_it() -> None:
    known = directory(contacts=contacts(Contact("c0strange1", Reach.GONE)))
    found = owned({"owner": "x@example.com", "a8r.io/chat": "C0STRANGE1"}, known)
    assert (found.owner, found.hits[1].why_not) == (
        "x@example.com",
        "the channel is archived, or not there for fleetkeeper",
    )


# ---- what a written value means


@pytest.mark.parametrize(
    ("value", "owner"),
    [
        pytest.param("payments", "payments", id="the name"),
        pytest.param("PAYMENTS", "payments", id="in capitals"),
        pytest.param("billing", "payments", id="an alias"),
        pytest.param("@acme/payments", "payments", id="a team of GitHub"),
        pytest.param("acme/payments", "payments", id="the same without its at"),
        pytest.param("group:default/payments", "payments", id="a reference of Backstage"),
        pytest.param("group:payments", "payments", id="the same without a namespace"),
        pytest.param("team:payments", "payments", id="with team before it"),
        pytest.param("team-payments", "payments", id="with team- before it"),
        pytest.param("payments-team", "payments", id="with -team behind it"),
        pytest.param("Payments Team", "payments", id="in words"),
        pytest.param("payments_team", "payments", id="with underscores"),
        pytest.param("#payments", "payments", id="a channel of its name"),
        pytest.param("#pay-help", "payments", id="a channel that is an alias"),
        pytest.param("pay-help", "payments", id="the same as a label has it"),
        pytest.param("C0PAYMENTS", "payments", id="its channel's id"),
        pytest.param("<#C0PAYMENTS|pay>", "payments", id="its channel as Slack writes it"),
        pytest.param("https://acme.slack.com/archives/C0PAYMENTS", "payments", id="a link to its channel"),
        pytest.param("payments@example.com", "payments", id="an address of its name"),
        pytest.param("payments.agilebank.demo", "payments", id="an address in a label"),
        pytest.param("ada@example.com", "payments", id="a member"),
        pytest.param("Ada <ada@example.com>", "payments", id="a member with a name"),
        pytest.param("mailto:ADA@example.com", "payments", id="a member as a link"),
        pytest.param("ada.example.com", "payments", id="a member as a label has it"),
        pytest.param("ada_at_example.com", "payments", id="another form of that"),
        pytest.param("user:default/ada", "payments", id="a user of Backstage"),
        pytest.param("ada", "payments", id="a member by the local part"),
        pytest.param("U0MEMBER01", "payments", id="a member's id"),
        pytest.param("<@U0MEMBER01>", "payments", id="a member as Slack writes it"),
        pytest.param("grace@example.com", "payments", id="the lead"),
        pytest.param("@nobody @acme/edge", "edge", id="the one of several who is known"),
        pytest.param("x@example.com, edge", "edge", id="a team before a person in a list"),
        pytest.param("x@example.com; Payments Team", "payments", id="a name with a blank in a list"),
        pytest.param("x@example.com y@example.com", "x@example.com", id="the first person of a list"),
        pytest.param("both@example.com", "both@example.com", id="a person of two teams is told in person"),
        pytest.param("x@example.com", "x@example.com", id="a person of no team"),
        pytest.param("X@Example.com", "x@example.com", id="a person, without case"),
        pytest.param("U0STRANGER1", "U0STRANGER1", id="an id of no team"),
    ],
)
def test_a_value_means(value: str, owner: str) -> None:
    found = owned({"owner": value})
    assert (found.owner, found.by.value) == (owner, value)


@pytest.mark.parametrize(
    "value", ["tbd", "none", "payment", "api.payments", "see web docs", "ubuntu2204", "UNDERSTAND", "@ghost", "#random"]
)
def test_a_value_that_means_nobody_says_so(value: str) -> None:
    found = owned({"owner": value})
    assert found.hits[0].why_not == f"no team and no person goes by “{value}”"
    assert (found.owner, found.is_unowned) == ("platform", True)
    assert found.why == "owners.fallback, for nobody who is named can be told"


def test_a_value_is_made_harmless_and_short() -> None:
    (hit, _) = owned({"owner": "\x1b[31m" + "x" * 500}).hits
    assert "\x1b" not in hit.value + hit.why_not
    assert len(hit.value) <= 256
    assert len(hit.why_not) < 150


# ---- who left, and who is unknown


GONE = Contact("x@example.com", Reach.GONE, asked=SEEN)
NAMED = about({Source.OBJECT: {"owner": "x@example.com"}, Source.NAMESPACE: {"team": "edge"}})


@pytest.mark.parametrize(
    ("contact", "why_not", "owner"),
    [
        pytest.param(GONE, "x@example.com left Slack (seen 2026-11-20)", "edge", id="left"),
        pytest.param(replace(GONE, asked=None), "x@example.com left Slack", "edge", id="left, and nobody knows when"),
        pytest.param(
            replace(GONE, reach=Reach.UNKNOWN), "Slack knows no x@example.com (asked 2026-11-20)", "edge", id="unknown"
        ),
        pytest.param(replace(GONE, reach=Reach.KNOWN), "", "x@example.com", id="there"),
        pytest.param(replace(GONE, reach=Reach.UNASKED), "", "x@example.com", id="not asked for yet"),
    ],
)
def test_a_person_who_cannot_be_told_gives_way_to_the_next(contact: Contact, why_not: str, owner: str) -> None:
    found = resolve(NAMED, directory(contacts=contacts(contact)))
    assert (found.hits[0].why_not, found.owner) == (why_not, owner)
    assert [hit.source for hit in found.hits] == [Source.OBJECT, Source.NAMESPACE]


def test_a_person_who_left_still_leads_to_their_team() -> None:
    known = directory(contacts=contacts(Contact("ada@example.com", Reach.GONE, asked=SEEN)))
    assert owned({"owner": "ada@example.com"}, known).owner == "payments"


def test_a_team_whose_channel_is_archived_is_still_the_owner() -> None:
    known = directory(contacts=contacts(Contact("c0payments", Reach.GONE)))
    assert owned({"owner": "payments"}, known).owner == "payments"


def test_a_member_by_id_is_known_by_the_address_that_slack_has() -> None:
    known = directory(contacts=contacts(Contact("u0member01", Reach.KNOWN, "U0MEMBER01", email="mo@example.com")))
    assert owned({"owner": "mo@example.com"}, known).owner == "payments"


def test_a_member_by_address_is_known_by_the_id_that_slack_has() -> None:
    known = directory(contacts=contacts(Contact("eve@example.com", Reach.KNOWN, "U0EVE00001")))
    assert owned({"owner": "U0EVE00001"}, known).owner == "edge"


def test_a_channel_is_known_by_the_name_that_slack_has() -> None:
    known = directory(contacts=contacts(Contact("c0edge0001", Reach.KNOWN, "C0EDGE0001", name="edge-alerts")))
    assert owned({"owner": "#edge-alerts"}, known).owner == "edge"


def test_a_local_part_that_two_people_share_means_neither() -> None:
    teams = {"a": Team("a", members=("sam@one.example",)), "b": Team("b", members=("sam@two.example",))}
    assert owned({"owner": "sam"}, Directory(teams=teams)).is_unowned


# ---- not mine


BOTH = about({Source.OBJECT: {"owner": "payments"}, Source.CLUSTER: {"owner": "edge"}})


def test_who_says_that_it_is_not_theirs_gives_way() -> None:
    found = resolve(BOTH, directory(), {"payments"})
    assert found.hits[0].why_not == "payments said that it is not theirs"
    assert found.owner == "edge"


def test_it_is_told_when_they_said_so() -> None:
    found = resolve(BOTH, directory(), {"payments": SEEN})
    assert found.hits[0].why_not == "payments said on 2026-11-20 that it is not theirs"


def test_it_is_theirs_wherever_else_it_says_so_neither() -> None:
    keys = {Source.OBJECT: {"owner": "payments"}, Source.NAMESPACE: {"team": "billing"}}
    assert resolve(about(keys), directory(), {"payments"}).owner == "platform"


def test_where_everybody_disputes_it_the_fallback_is_told_even_when_it_does_too() -> None:
    found = resolve(BOTH, directory(), {"payments", "edge", "platform"})
    assert (found.owner, found.is_unowned) == ("platform", True)


# ---- rules


NAMELESS = Subject("API", "cronjobs.v1beta1.batch")


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        pytest.param(Rule("web"), True, id="nothing but an owner fits all"),
        pytest.param(Rule("web", clusters="ring=canary"), True, id="a selector"),
        pytest.param(Rule("web", clusters="ring=late"), False, id="another selector"),
        pytest.param(Rule("web", namespace="pay*"), True, id="a namespace"),
        pytest.param(Rule("web", namespace="shop"), False, id="another namespace"),
        pytest.param(Rule("web", kind="deployment", name="ap?"), True, id="kind and name, without case"),
        pytest.param(Rule("web", kind="Pod"), False, id="another kind"),
        pytest.param(Rule("web", application="payments-*"), True, id="an application"),
        pytest.param(Rule("web", application="shop"), False, id="another application"),
        pytest.param(Rule("web", user_agent="*"), True, id="any user agent, even none"),
        pytest.param(Rule("web", user_agent="kubectl*"), False, id="a user agent where there is none"),
    ],
)
def test_a_rule_fits(rule: Rule, fits: bool) -> None:
    found = resolve(about({}, applications=APPLIED), directory(rules=(rule,)))
    assert (found.owner == "web") is fits


def test_the_first_rule_that_fits_holds_and_the_others_are_kept() -> None:
    rules = (Rule("edge", namespace="shop"), Rule("tbd"), Rule("web", origin="f.toml:2"), Rule("payments"))
    found = resolve(about({}), directory(rules=rules))
    assert [(hit.value, bool(hit.why_not)) for hit in found.hits] == [
        ("tbd", True),
        ("web", False),
        ("payments", False),
    ]
    assert (found.owner, found.why) == ("web", "the rule at f.toml:2")


def test_a_client_that_no_object_is_known_of_goes_by_its_user_agent() -> None:
    known = directory(rules=(Rule("web", user_agent="legacy-*", origin="f.toml:2"),))
    found = resolve(about({}, NAMELESS, user_agent="legacy-sync/v1"), known)
    assert (found.owner, found.why) == (
        "web",
        "the rule at f.toml:2, by the user agent legacy-sync/v1: a client, not an object",
    )


def test_an_object_without_a_namespace_goes_by_the_one_that_it_belongs_to() -> None:
    volume = about({}, Subject("PersistentVolume", "pv-1"), namespace="shop")
    assert resolve(volume, directory(rules=(Rule("web", namespace="shop"),))).owner == "web"


# ---- what deploys it


@pytest.mark.parametrize(
    ("deployed", "owner"),
    [
        pytest.param(Deployed("Application", "any", "git@github.com:acme/Payments.git"), "web", id="by its repository"),
        pytest.param(Deployed("Application", "any", "https://github.com/acme/payments", "deploy"), "edge", id="a path"),
        pytest.param(Deployed("Application", "Site"), "web", id="by its name"),
        pytest.param(Deployed("Application", "any", "https://github.com/acme/other"), "platform", id="another one"),
    ],
)
def test_code_owners_are_found(deployed: Deployed, owner: str) -> None:
    files = {"https://github.com/acme/payments": CODEOWNERS, "site": CODEOWNERS}
    found = resolve(about({}, applications=(deployed,)), directory(codeowners=files))
    assert found.owner == owner


def test_a_component_of_the_object_goes_before_that_of_its_namespace_and_its_application() -> None:
    catalog = {"near": "edge", "far": "web", "payments-api": "payments"}
    ids = {
        Source.OBJECT: {"backstage.io/kubernetes-id": "Near"},
        Source.NAMESPACE: {"backstage.io/kubernetes-id": "far"},
    }
    found = resolve(about(ids, applications=APPLIED), directory(catalog=catalog))
    assert [hit.team for hit in found.hits] == ["edge", "web", "payments"]


# ---- many


def test_a_resolver_remembers_nothing_of_one_object_for_the_next() -> None:
    resolver = Resolver(directory(rules=(Rule("web", clusters="ring=canary"),)))
    late = replace(about({Source.OBJECT: {"owner": "edge"}}), cluster={"name": "x", "ring": "late"})
    assert [resolver.resolve(each).owner for each in (about({}), late, about({}))] == ["web", "edge", "web"]
