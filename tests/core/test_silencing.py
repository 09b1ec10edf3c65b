"""Matchers, what gates read, and which silences of a playbook would deafen its own gates."""

import pytest

from fleetkeeper.core.playbook import Changes, GateSpec, Param, Playbook, StageSpec, StepSpec, When
from fleetkeeper.core.silencing import Matcher, but_for, deafens, heard

VALUES = {"cluster": "shop", "account": "111122223333"}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('cluster="{cluster}"', Matcher("cluster", "{cluster}")),
        ("cluster={cluster}", Matcher("cluster", "{cluster}")),
        ('severity != "critical"', Matcher("severity", "critical", is_equal=False)),
        ('alertname=~"Kube.*|Node.*"', Matcher("alertname", "Kube.*|Node.*", is_regex=True)),
        ('alertname!~"Watchdog"', Matcher("alertname", "Watchdog", is_regex=True, is_equal=False)),
        ('alertname=~"Kube\\d+"', Matcher("alertname", r"Kube\d+", is_regex=True)),
        ('text="a \\"b\\""', Matcher("text", 'a "b"')),
    ],
)
def test_a_matcher_is_read_as_alertmanager_writes_it(text: str, made: Matcher) -> None:
    assert Matcher.parse(text) == made
    assert Matcher.parse(str(made)) == made


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cluster", "is no matcher such as"),
        ('cluster="{clutser}"', "stands for nothing"),
        ('cluster=~"{cluster}.*"', "a placeholder in a regex"),
        ('alertname=~"("', "is no regex"),
    ],
)
def test_a_matcher_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Matcher.parse(text)


@pytest.mark.parametrize(
    ("text", "binds"),
    [
        ('cluster="{cluster}"', True),
        ('eks_arn="{arn}"', True),
        ('cluster!="{cluster}"', False),
        ('account="{account}"', False),
        ('cluster=~"shop"', False),
    ],
)
def test_only_an_equal_cluster_binds_a_silence_to_it(text: str, binds: bool) -> None:
    assert Matcher.parse(text).binds is binds


def test_placeholders_are_filled_and_what_is_missing_is_named() -> None:
    assert Matcher.parse('c="{account}/{cluster}"').filled(VALUES) == Matcher("c", "111122223333/shop")
    with pytest.raises(KeyError, match="ring"):
        Matcher.parse('ring="{ring}"').filled(VALUES)


def metric(query: str) -> tuple[str, dict[str, Param]]:
    return "metric", {"query": query}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('ALERTS{alertname="NodeDown",alertstate="firing"}', ("NodeDown",)),
        ("count(ALERTS{alertname = 'Disk (full)'})", (r"Disk \(full\)",)),
        ('ALERTS{alertname=~"Kube.*|Etcd.*"} or ALERTS{alertname="NodeDown"}', ("Kube.*|Etcd.*", "NodeDown")),
        ('ALERTS{alertname!="Watchdog"}', ()),
        ("sum(rate(errors[5m]))", ()),
    ],
)
def test_the_alerts_that_a_query_names_are_read(query: str, names: tuple[str, ...]) -> None:
    assert heard([metric(query)]) == names


def test_gates_holds_and_bakes_are_read_and_other_kinds_are_not() -> None:
    read = 'ALERTS{alertname="%s"}'
    kinds: list[tuple[str, dict[str, Param]]] = [
        ("incident", {"alerts": read % "A", "alive": read % "B"}),
        ("soak", {"query": read % "C"}),
        ("bake", {"query": read % "D"}),
        ("webhook", {"query": read % "E"}),
    ]
    assert heard(kinds) == ("A", "C", "D")


def test_what_is_read_stays_heard_by_one_matcher_more() -> None:
    assert but_for(("NodeDown", "Kube.*")) == (Matcher("alertname", "NodeDown|Kube.*", is_regex=True, is_equal=False),)
    assert but_for(()) == ()


def playbook(*matchers: str, query: str = 'ALERTS{alertname="NodeDown"}') -> Playbook:
    step = StepSpec("quiet", "silence-alerts", {"source": "am", "matchers": matchers})
    hold = GateSpec("calm", "metric", When.BEFORE, {"query": query})
    return Playbook("p", "P", "", Changes.ADDONS, (step,), (StageSpec("all"),), holds=(hold,))


@pytest.mark.parametrize(
    "made",
    [
        playbook('alertname="NodeDown"'),
        playbook('alertname=~"Node.*"'),
        playbook('alertname="KubeletDown"', query='ALERTS{alertname=~"Kube.*"}'),
        playbook('alertname=~"Kube.*"', query='ALERTS{alertname=~"Kube.*"}'),
    ],
    ids=["the same name", "a regex that takes it", "a name that its regex takes", "the same regex"],
)
def test_a_silence_of_an_alert_that_a_hold_reads_is_refused(made: Playbook) -> None:
    (said,) = deafens(made)
    assert said.startswith("step quiet: matchers: alertname")
    assert "which a gate or hold of this playbook reads" in said


@pytest.mark.parametrize(
    "made",
    [
        playbook(),
        playbook('severity="warning"'),
        playbook('alertname!="NodeDown"'),
        playbook('alertname="PodsRestart"'),
        playbook('alertname="NodeDown"', query="up"),
        playbook("no matcher"),
    ],
    ids=["all alerts", "another label", "all but it", "another name", "a hold of no alerts", "a slip"],
)
def test_other_silences_are_not(made: Playbook) -> None:
    assert deafens(made) == ()
