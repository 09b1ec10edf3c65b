"""Playbooks as people write them: every field is read, and every mistake is told with its line."""

import re
from dataclasses import fields
from datetime import timedelta

import pytest

from fleetkeeper import documents
from fleetkeeper.core import kind_words
from fleetkeeper.core.amount import Amount
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, Playbook, StageSpec, StepSpec, When, Window
from fleetkeeper.core.playbook_file import read_playbook
from fleetkeeper.core.playbook_windows import window_text
from fleetkeeper.errors import ConfigError
from tests.core.plans import GATES, ROOT, STEPS

WHOLE = """\
name = "addons"
title = "Addons"
purpose = "Because."
changes = "addons"
freezes = ["retail"]

[[steps]]
name = "update"
kind = "update-addon"
timeout = "45m"
retries = 2
backoff = "5m"
params.addon = ["coredns", "vpc-cni"]
params.resolve = "NONE"

[[stages]]
name = "canary"
clusters = "ring=canary"
group_by = "region"
order = ["-version", "tag:team"]
max_concurrency = 3
group_concurrency = "50%"
max_failures = "10%"
on_failure = "stop"
windows = [{ days = ["sat", "sun"], from = "22:00", to = "04:00", zone = "Europe/Berlin" }]

[[stages.gates]]
name = "soak"
kind = "soak"
when = "after"
each_group = true
timeout = "2d"
params.for = "2h"

[[stages]]
name = "rest"

[[holds]]
name = "pages"
kind = "incident"
"""
SMALL = """\
name = "small"
title = "Small"
purpose = "Because."
changes = "addons"
[[steps]]
name = "look"
kind = "preflight"
[[stages]]
name = "all"
"""


def read(text: str) -> Playbook:
    root = documents.parse(text, "pb.toml")
    found = read_playbook(root, "digest", "pb.toml", STEPS, GATES)
    root.finish()
    return found


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        read(text)
    return str(told.value).split("\n")


def test_every_field_is_read() -> None:
    hours = timedelta(hours=1)
    assert read(WHOLE) == Playbook(
        name="addons",
        title="Addons",
        purpose="Because.",
        changes=Changes.ADDONS,
        steps=(
            StepSpec(
                "update",
                "update-addon",
                {"addon": ("coredns", "vpc-cni"), "resolve": "NONE"},
                timedelta(minutes=45),
                2,
                timedelta(minutes=5),
            ),
        ),
        stages=(
            StageSpec(
                "canary",
                "ring=canary",
                "region",
                ("-version", "tag:team"),
                Amount(3),
                Amount(50, percent=True),
                Amount(10, percent=True),
                OnFailure.STOP,
                (GateSpec("soak", "soak", When.AFTER, {"for": "2h"}, True, 48 * hours),),
                (Window((5, 6), 22 * 60, 4 * 60, "Europe/Berlin"),),
            ),
            StageSpec("rest"),
        ),
        freezes=("retail",),
        holds=(GateSpec("pages", "incident", When.BEFORE),),
        origin="pb.toml",
        digest="digest",
    )


def test_what_is_not_written_has_the_cautious_default() -> None:
    (stage,), (step,) = read(SMALL).stages, read(SMALL).steps
    assert (stage.max_concurrency, stage.max_failures, stage.on_failure) == (Amount(1), Amount(0), OnFailure.PAUSE)
    assert (step.timeout, step.retries) == (timedelta(hours=1), 0)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('kind = "preflight"', 'kind = "prefligth"', "pb.toml:7: steps[0].kind: must be one of", id="kind"),
        pytest.param('kind = "preflight"', 'kind = "prefligth"', "did you mean preflight?", id="a near kind is named"),
        pytest.param('kind = "preflight"', 'kind = "webhook"', "pb.toml:5: steps[0].params.entry: is missing", id="no"),
        pytest.param(
            'kind = "preflight"',
            'kind = "preflight"\nparams.x = 1',
            "pb.toml:8: steps[0].params.x: unknown parameter",
            id="a parameter that the step refuses, at its own line",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "preflight"\nparams.x = { y = 1 }',
            "pb.toml:8: steps[0].params.x: must be text, a number, true or false, or a list of texts",
            id="a parameter that is a table",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "update-addon"\nparams.addon = "*"\nparams.version = "v1.2.3"',
            "pb.toml:9: steps[0].params.version: is of one addon, and addon does not name one",
            id="one version for every addon",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "update-addon"\nparams.addon = "*"\nparams.from = "v1.2.3"',
            "pb.toml:9: steps[0].params.from: unknown parameter",
            id="a parameter that only a plan can know",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "preflight"\ntimeout = "1 hour"',
            "pb.toml:8: steps[0].timeout: '1 hour' is not a duration such as 90s, 30m, 1h30m or 7d",
            id="a duration",
        ),
        pytest.param(
            'kind = "preflight"', 'kind = "preflight"\ntimeout = "0s"', "must be more than nothing", id="no time at all"
        ),
        pytest.param(
            'kind = "preflight"', 'kind = "preflight"\ntimout = "1h"', "unknown key — did you mean timeout?", id="key"
        ),
        pytest.param(
            'changes = "addons"',
            'changes = "addon"',
            "pb.toml:4: changes: must be one of nothing, addons, minor, rollback, nodes — did you mean addons?",
            id="what it changes",
        ),
        pytest.param(
            'name = "all"', 'name = "All of them"', "must be small letters, digits and single hyphens", id="a name"
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\nclusters = "rnig=canary"',
            "pb.toml:10: stages[0].clusters: rnig=canary: 'rnig' is not one of name, account",
            id="a selector",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\nmax_concurrency = 0',
            "pb.toml:10: stages[0].max_concurrency: must be at least 1",
            id="nobody at once",
        ),
        pytest.param(
            'name = "all"', 'name = "all"\nmax_failures = "120%"', "'120%' is more than 100%", id="more than everybody"
        ),
        pytest.param(
            'name = "all"', 'name = "all"\nmax_failures = true', "must be a count such as 5, or a percentage", id="flag"
        ),
        pytest.param(
            'name = "all"', 'name = "all"\norder = ["-size"]', "must be one of name, account", id="order by nothing"
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\ngroup_concurrency = 2',
            "pb.toml:10: stages[0].group_concurrency: is set, but the stage has no groups",
            id="a limit of groups that are not there",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[stages.gates]]\nname = "g"\nkind = "approval"\neach_group = true',
            "pb.toml:13: stages[0].gates[0].each_group: is set, but the stage has no groups",
            id="a gate of groups that are not there",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[stages.gates]]\nname = "g"\nkind = "soak"\nwhen = "before"\nparams.for = "1h"',
            "pb.toml:13: stages[0].gates[0].when: a gate of kind soak stands only after its stage",
            id="a soak before its stage",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[stages.gates]]\nname = "g"\nkind = "change"\nwhen = "after"',
            "a gate of kind change stands only before its stage",
            id="a change ticket after its stage",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[stages.gates]]\nname = "g"\nkind = "change-close"',
            "pb.toml:12: stages[0].gates[0].kind: a gate of kind change-close stands only after its stage",
            id="the end of a change ticket before its stage",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[holds]]\nname = "h"\nkind = "approval"',
            "pb.toml:12: holds[0].kind: approval is no hold, which is asked again before each step — use incident, me",
            id="a hold that asks a person each time",
        ),
        pytest.param(
            'name = "all"', 'name = "all"\n[[stages]]\nname = "all"', "pb.toml:11: stages[1].name: all is there", id="2"
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[stages]]\nname = "more"',
            "pb.toml:8: stages[0]: takes every cluster, so no stage after it gets any",
            id="a stage that nobody reaches",
        ),
        pytest.param('[[stages]]\nname = "all"', "", "pb.toml: has no [[stages]]", id="no stage"),
        pytest.param(
            'kind = "preflight"',
            'kind = "preflight"\neach_hop = true',
            'pb.toml:8: steps[0].each_hop: is set, and changes = "addons" has no hops — only changes = "minor" has',
            id="a hop of what moves no minor",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "upgrade-control-plane"',
            'pb.toml:7: steps[0].kind: upgrade-control-plane belongs to changes = "minor", and the playbook says',
            id="a control plane in an update of addons",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\n[[stages.gates]]\nname = "g"\nkind = "approval"\nonly = "automode"',
            "pb.toml:13: stages[0].gates[0].only: must be one of auto-mode, blue-green, "
            "group-deletion, release-repair — did you mean auto-mode?",
            id="a gate for a trait that nobody has",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "update-addon"\nparams.addon = "*"\nparams.when = "before"',
            "pb.toml:9: steps[0].params.when: is set, and the step is in no hop",
            id="a side of a control plane that does not move",
        ),
        pytest.param(
            'kind = "preflight"',
            'kind = "update-addon"\nparams.addon = "*"\nparams.version = "before"',
            'pb.toml:9: steps[0].params.version: "before" is the version from before an upgrade',
            id="the version from before an upgrade that was none",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\nwindows = [{ from = "22:00", to = "4:00", zone = "Europe/Berlin" }]',
            "pb.toml:10: stages[0].windows[0].to: '4:00' is not a time of day such as 22:00",
            id="a time of day",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\nwindows = [{ from = "22:00", to = "04:00", zone = "Europe/Berln" }]',
            "stages[0].windows[0].zone: must be an IANA time zone such as Europe/Berlin",
            id="a zone",
        ),
        pytest.param(
            'name = "all"',
            'name = "all"\nwindows = [{ days = ["sat", "sunday"], from = "22:00", to = "04:00", zone = "UTC" }]',
            "stages[0].windows[0].days[1]: must be one of mon, tue",
            id="a day",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, told: str) -> None:
    assert old in SMALL
    found = mistakes(SMALL.replace(old, new))
    assert [each for each in found if told in each], found


HOPS = """\
name = "minor"
title = "Minor"
purpose = "Because."
changes = "minor"
[[steps]]
name = "look"
kind = "preflight"
[[steps]]
name = "before"
kind = "update-addon"
each_hop = true
params.addon = "*"
params.when = "before"
[[steps]]
name = "move"
kind = "upgrade-control-plane"
each_hop = true
[[stages]]
name = "all"
[[stages.gates]]
name = "auto"
kind = "approval"
only = "auto-mode"
"""


def test_the_block_of_hops_is_read() -> None:
    found = read(HOPS)
    assert [each.each_hop for each in found.steps] == [False, True, True]
    assert found.steps[1].params == {"addon": "*", "when": "before"}
    assert found.stages[0].gates[0].only == "auto-mode"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(
            'name = "move"',
            'name = "between"\nkind = "preflight"\n[[steps]]\nname = "move"',
            "pb.toml:14: steps[2]: stands between steps with each_hop — set each_hop = true, or move it before or",
            id="a step between those of the hops",
        ),
        pytest.param(
            'kind = "upgrade-control-plane"\neach_hop = true',
            'kind = "upgrade-control-plane"',
            "pb.toml:16: steps[2].kind: upgrade-control-plane is done in each hop — set each_hop = true",
            id="a control plane outside of the hops",
        ),
        pytest.param(
            'params.when = "before"',
            "",
            'steps[1].params.when: is missing — update-addon stands "before" or "after" the control plane of its hop',
            id="addons on no side of the control plane",
        ),
        pytest.param(
            'params.when = "before"',
            'params.when = "during"',
            'pb.toml:13: steps[1].params.when: must be "before" or "after" the control plane',
            id="addons on a side that there is not",
        ),
        pytest.param(
            'params.addon = "*"',
            'params.addon = "coredns"\nparams.version = "v1.12.4-eksbuild.1"',
            "pb.toml:13: steps[1].params.version: one version does not go with every minor on the way",
            id="one version for every hop",
        ),
        pytest.param(
            'kind = "upgrade-control-plane"',
            'kind = "upgrade-control-plane"\nparams.to = "1.35"',
            "pb.toml:17: steps[2].params.to: is filled in by the plan",
            id="a minor that only a plan can know",
        ),
        pytest.param(
            'kind = "upgrade-control-plane"',
            'kind = "rollback-control-plane"',
            'rollback-control-plane belongs to changes = "rollback", and the playbook says changes = "minor"',
            id="a way back on the way up",
        ),
    ],
)
def test_a_mistake_in_the_hops_is_told_with_its_line(old: str, new: str, told: str) -> None:
    assert old in HOPS
    found = mistakes(HOPS.replace(old, new))
    assert [each for each in found if told in each], found


@pytest.mark.parametrize("kind", ["webhook", "backup", "update-addon"])
def test_what_changes_nothing_has_only_steps_that_cannot(kind: str) -> None:
    """A run of it is not approved by anybody."""
    text = SMALL.replace('"addons"', '"nothing"').replace('"preflight"', f'"{kind}"')
    (found,) = [each for each in mistakes(text) if "steps[0].kind" in each]
    assert "for which nobody is asked" in found
    assert read(SMALL.replace('"addons"', '"nothing"')).changes is Changes.NOTHING


def test_all_mistakes_are_told_at_once() -> None:
    text = SMALL.replace("preflight", "fly").replace('"addons"', '"all"').replace('"Small"', "3")
    assert len(mistakes(text)) == 3


def test_a_window_in_words() -> None:
    assert window_text(Window((5, 6), 1320, 240, "Europe/Berlin")) == "sat, sun 22:00-04:00 (Europe/Berlin)"
    assert window_text(Window(tuple(range(7)), 0, 0, "UTC")) == "00:00-00:00 (UTC)"


PAGE = (ROOT / "docs" / "playbooks.md").read_text("utf-8")


def test_the_example_of_the_page_is_sound() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    found = read(example)
    assert [stage.name for stage in found.stages] == ["canary", "rest"]


def test_the_page_names_every_kind_and_every_key() -> None:
    kinds = {*kind_words.STEPS, *kind_words.GATES}
    keys = {each.name for kind in (Playbook, StageSpec, StepSpec, GateSpec) for each in fields(kind)}
    told = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE))
    unsaid = {
        "origin",
        "digest",
        "version",
        "hop",
        "why",
        "each_group",
    }  # nobody writes it, or it is told in a sentence
    assert kinds <= told
    assert {key for key in keys if not re.search(rf"`(?:\[\[(?:stages\.)?)?{key}\b", PAGE)} <= unsaid
