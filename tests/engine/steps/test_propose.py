"""propose on a simulated cluster: what it decides of each state, what it sends, and that a crash sends it once."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.run import Control, Run, RunState
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Residue, Skip, Undone, Unknown, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import AddonUpdate, VersionUpdate
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.objects import gitops
from tests.engine.steps.walking import SECOND, TOKEN, Place, Walk, told

OLD, NEW = "v1.13.2-eksbuild.19", "v1.14.3-eksbuild.11"
URL = "https://git.example.com/fleet/pull/7"
CRDS = "apiextensions.k8s.io/customresourcedefinitions"
MINOR = {"change": "minor", "from": "1.34", "to": "1.35", "via": "hook:versions"}
ADDON = {"change": "addon", "name": "coredns", "from": OLD, "to": NEW, "via": "hook:versions"}
GROUP = {"change": "node-group", "name": "main", "from": "1.34", "to": "1.35", "via": "hook:versions"}
RELEASE = {
    "change": "release",
    "name": "web",
    "namespace": "web",
    "from": "1.2.0",
    "to": "1.3.0",
    "via": "hook:versions",
}
ARGO = {**RELEASE, "object": "Application/argocd/web"}
FLUX = {**RELEASE, "object": "HelmRelease/flux-system/web"}


@pytest.fixture
def place() -> Place:
    found = Place()
    found.hooks.says("versions", 201, url=URL, id="7")
    return found


def walk(place: Place, params: dict[str, str], **other: str) -> Walk:
    return place.walk("propose", **(params | other))


def cloud(place: Place) -> Any:
    scope = place.subject().scope
    assert scope is not None
    return place.world.writers.cloud(scope)


def upgraded(place: Place) -> None:
    """Somebody else upgrades the control plane, to its end."""
    cloud(place).update_version(VersionUpdate("shop", Minor(1, 35)), "of-somebody-else")
    place.later(minutes=60)


def assert_says(verdict: object, *patterns: str) -> None:
    for pattern in patterns:
        assert re.search(pattern, told(verdict)), told(verdict)


# ---- the control plane


def test_it_sends_the_change_once_and_waits_until_eks_shows_it(place: Place) -> None:
    step = walk(place, MINOR)
    assert isinstance(step.ticks(2), Act)
    waits = step.tick()
    assert isinstance(waits, Wait)
    assert waits.why == f"proposed at {URL} on 2026-11-20 09:00 UTC; waits until EKS shows 1.35"
    assert waits.owner == "who keeps shop"
    assert [name for name, _ in place.hooks.effects.values()] == ["versions"]
    upgraded(place)
    done = step.tick()
    assert isinstance(done, Done)
    assert_says(
        done, r"the control plane is at 1\.35, by update [-0-9a-f]+ of 2026-11-20 09:00 UTC, as it was proposed"
    )
    assert len(place.hooks.effects) == 1


def test_what_is_sent_is_what_the_dry_run_shows(place: Place) -> None:
    shown = walk(place, ADDON, why="EKS offers it for 1.34").look()
    assert isinstance(shown, Act)
    step = walk(place, ADDON, why="EKS offers it for 1.34")
    step.ticks(2)
    ((_, body),) = place.hooks.effects.values()
    assert json.loads(shown.what.partition(": {")[2].join(["{", ""])) | {"token": TOKEN} == body


def test_in_a_run_the_log_tells_the_change_and_not_its_every_field(place: Place) -> None:
    step = walk(place, MINOR)
    run = Run("run-1", "plan-1", "d", RunState.RUNNING, place.now, Control.RUN, place.now, "ann", due=place.now)
    step.subject = replace(place.subject(), run=run)
    assert step.look() == Act(
        "propose to hook:versions: Update the control plane of shop from 1.34 to 1.35", {"from": "1.34"}
    )
    step.ticks(2)
    ((_, body),) = place.hooks.effects.values()
    assert body["run"] == "run-1"


def test_the_body_names_the_cluster_the_change_the_reason_and_the_line_to_change(place: Place) -> None:
    deadline = datetime(2026, 12, 2, tzinfo=UTC)
    step = walk(place, ADDON, why="1.35 needs it")
    step.subject = place.subject(deadline=deadline, attributes={"account": "222222222222", "tag:Terraform": "true"})
    step.ticks(2)
    ((_, body),) = place.hooks.effects.values()
    wanted = {
        "cluster": "shop",
        "arn": place.cluster.arn,
        "account": "222222222222",
        "plan": "plan-1",
        "title": f"Update coredns of shop from {OLD} to {NEW}",
        "component": "addons",
        "name": "coredns",
        "from": OLD,
        "to": NEW,
        "why": "1.35 needs it",
        "deadline": "2026-12-02",
        "managed_by": "Terraform (tag Terraform=true)",
        "configuration": place.cluster.addons["coredns"].configuration,
    }
    assert {name: body[name] for name in wanted} == wanted
    assert f'addon_version = "{NEW}" of the aws_eks_addon coredns' in str(body["fix"])


def by_someone(place: Place) -> None:
    cloud(place).update_addon(AddonUpdate("shop", "coredns", NEW), "of-somebody-else")


def to_minor(place: Place) -> None:
    cloud(place).update_version(VersionUpdate("shop", Minor(1, 35)), "of-somebody-else")


def addon_at(version: str, status: str = "ACTIVE") -> Callable[[Place], None]:
    def change(place: Place) -> None:
        place.cluster.addons["coredns"].version, place.cluster.addons["coredns"].status = version, status

    return change


def group_at(version: str, release: str = "1.35.2-20261102", **more: Any) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        group = place.cluster.node_groups["main"]
        group.version, group.release_version = version, release
        for name, value in more.items():
            setattr(group, name, value)

    return change


@pytest.mark.parametrize(
    ("params", "change", "kind", "says"),
    [
        pytest.param(MINOR, lambda _: None, Act, r"hook:versions: Update the control plane of shop", id="an old minor"),
        pytest.param(MINOR, upgraded, Done, r"at 1\.35 already, by update .* adopted", id="a minor that is there"),
        pytest.param(MINOR, to_minor, Wait, r"an update of the control plane to 1\.35 runs", id="a minor on its way"),
        pytest.param(
            MINOR | {"from": "1.36", "to": "1.37"},
            lambda _: None,
            Blocked,
            r"is at 1\.34: neither at 1\.36",
            id="another",
        ),
        pytest.param(ADDON, lambda _: None, Act, f"from {OLD} to {NEW}", id="an old addon"),
        pytest.param(ADDON, addon_at(NEW), Done, "adopted", id="an addon that is there"),
        pytest.param(ADDON, addon_at("v1.14.0-eksbuild.1"), Act, "v1.14.0", id="an addon that is half-way there"),
        pytest.param(ADDON, addon_at("v1.15.0-eksbuild.1"), Blocked, "nor on the way", id="an addon that went beyond"),
        pytest.param(ADDON, addon_at(NEW, "DEGRADED"), Blocked, "DEGRADED", id="an addon that is there and not well"),
        pytest.param(ADDON, addon_at(NEW, "UPDATING"), Wait, "UPDATING", id="an addon that is there and settles"),
        pytest.param(ADDON, by_someone, Wait, f"an update of coredns to {NEW} runs", id="an addon on its way"),
        pytest.param(ADDON, lambda p: p.cluster.addons.clear(), Skip, "is not there", id="an addon that is not there"),
        pytest.param(GROUP, lambda _: None, Act, "the node group main", id="an old node group"),
        pytest.param(GROUP, group_at("1.35"), Done, "adopted", id="a node group that is there"),
        pytest.param(
            GROUP | {"release": "1.35.9-20261118"}, group_at("1.35"), Wait, "not 1.35.9-20261118", id="an older image"
        ),
        pytest.param(GROUP | {"name": "custom"}, lambda _: None, Blocked, "images of its own", id="a custom image"),
        pytest.param(GROUP | {"name": "gone"}, lambda _: None, Skip, "is not there", id="a group that is not there"),
    ],
)
def test_of_what_it_sees(
    place: Place, params: dict[str, str], change: Callable[[Place], None], kind: type[Verdict], says: str
) -> None:
    change(place)
    verdict = walk(place, params).look()
    assert isinstance(verdict, kind), verdict
    assert_says(verdict, says)
    assert place.hooks.effects == {}


def test_a_thing_that_moves_elsewhere_while_it_waits_blocks_with_words(place: Place) -> None:
    step = walk(place, ADDON)
    step.ticks(3)
    addon_at("v1.15.0-eksbuild.1")(place)
    blocked = step.tick()
    assert isinstance(blocked, Blocked)
    assert_says(blocked, f"coredns is at v1.15.0-eksbuild.1: neither at {OLD}", "plan anew")
    addon_at(NEW)(place)
    assert isinstance(step.tick(), Done)


def test_a_cluster_that_only_a_kubeconfig_knows_blocks(place: Place) -> None:
    step = walk(place, MINOR)
    step.subject = place.subject(scope=None)
    assert_says(step.tick(), "kubeconfig alone")


def test_another_cluster_of_the_same_name_blocks(place: Place) -> None:
    step = walk(place, MINOR)
    step.subject = place.subject(cluster=model.ClusterId(place.cluster.arn, datetime(2020, 1, 1, tzinfo=UTC)))
    assert_says(step.tick(), "another cluster now")


# ---- crashes and refusals


@pytest.mark.parametrize("params", [MINOR, ADDON, GROUP], ids=lambda params: params["change"])
def test_a_crash_after_the_act_sends_it_once(place: Place, params: dict[str, str]) -> None:
    step = walk(place, params)
    step.tick()
    step.forgets = True
    step.tick()
    assert isinstance(step.tick(), Act)
    assert isinstance(step.tick(), Wait)
    assert len(place.hooks.effects) == 1


@pytest.mark.parametrize("lost", ["down", "deaf"])
def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_key(place: Place, lost: str) -> None:
    setattr(place.hooks, lost, 2)
    step = walk(place, MINOR)
    assert isinstance(step.ticks(5), Wait)
    assert list(place.hooks.effects) == [TOKEN]


def test_a_refused_proposal_fails_with_the_words_and_a_retry_asks_anew(place: Place) -> None:
    place.hooks.says("versions", 422, error="no such cluster")
    step = walk(place, MINOR)
    failed = step.ticks(3)
    assert isinstance(failed, Failed)
    assert_says(failed, "versions answered 422", TOKEN)
    assert step.undo() == Undone("versions had refused the proposal")
    place.hooks.says("versions", 201, url=URL)
    step.retry()
    assert isinstance(step.ticks(3), Wait)
    assert list(place.hooks.effects) == [TOKEN, SECOND]


# ---- a command and a channel


def test_a_command_opens_a_pull_request_and_its_url_is_waited_at(place: Place) -> None:
    step = walk(place, ADDON, via="command:pull-request")
    assert isinstance(step.ticks(2), Act)
    name, variables = place.programs.told[TOKEN]
    assert name == "pull-request"
    wanted = {
        "FLEETKEEPER_NAME": "coredns",
        "FLEETKEEPER_TO": NEW,
        "FLEETKEEPER_FROM": OLD,
        "FLEETKEEPER_CLUSTER": "shop",
    }
    assert {key: variables[key] for key in wanted} == wanted
    assert_says(step.tick(), "pull-request runs")
    place.programs.end(TOKEN, 0, f"remote: created\n{URL}\n")
    assert_says(step.tick(), f"proposed at {URL} on .* waits until EKS shows {NEW}")
    addon_at(NEW)(place)
    assert isinstance(step.tick(), Done)
    assert place.programs.starts == 1


def test_what_became_of_a_command_elsewhere_does_not_matter_to_the_wait(place: Place) -> None:
    step = walk(place, ADDON, via="command:pull-request")
    step.ticks(2)
    place.programs.runs.clear()
    assert_says(step.tick(), f"proposed by command:pull-request on .* waits until EKS shows {NEW}")


def test_a_command_that_fails_fails_the_step(place: Place) -> None:
    step = walk(place, ADDON, via="command:pull-request")
    step.ticks(2)
    place.programs.end(TOKEN, 2, "no such repository")
    assert_says(step.tick(), "exit code 2: no such repository")


def test_a_crash_in_the_start_of_a_command_asks_a_person(place: Place) -> None:
    step = walk(place, ADDON, via="command:pull-request")
    step.tick()
    step.forgets = True
    step.tick()
    place.programs.runs.clear()
    assert isinstance(step.tick(), Unknown)


def test_a_channel_gets_the_change_in_words(place: Place) -> None:
    step = walk(place, MINOR, via="channel:oncall", why="standard support of 1.34 ends")
    waits = step.ticks(3)
    ((channel, text),) = place.channels.said.values()
    assert channel == "oncall"
    assert text.splitlines()[0] == "Please: Update the control plane of shop from 1.34 to 1.35"
    assert "why: standard support of 1.34 ends" in text
    assert 'change: Terraform: version = "1.35" of aws_eks_cluster' in text
    assert_says(waits, "proposed at https://chat.example.com/1 on")


# ---- undo


def test_an_open_proposal_is_withdrawn_where_the_settings_say_how(place: Place) -> None:
    step = walk(place, MINOR, undo="withdraw")
    step.ticks(3)
    assert step.undo() == Undone("withdraw withdrew the proposal")
    name, body = list(place.hooks.effects.values())[-1]
    assert (name, body["undoes"], body["url"], body["id"]) == ("withdraw", TOKEN, URL, "7")


@pytest.mark.parametrize(
    ("params", "names"),
    [
        pytest.param(MINOR, URL, id="of a hook"),
        pytest.param(MINOR | {"via": "channel:oncall"}, "https://chat.example.com/1", id="of a channel"),
        pytest.param(MINOR | {"via": "command:pull-request"}, "pull-request", id="of a command"),
    ],
)
def test_an_open_proposal_that_nothing_withdraws_is_named(place: Place, params: dict[str, str], names: str) -> None:
    step = walk(place, params)
    step.ticks(2)
    if TOKEN in place.programs.runs:
        place.programs.end(TOKEN, 0, URL)
    left = step.undo()
    assert isinstance(left, Residue)
    assert names in left.what


def test_a_withdrawal_that_is_refused_is_named(place: Place) -> None:
    place.hooks.says("withdraw", 409, error="it was merged")
    step = walk(place, MINOR, undo="withdraw")
    step.ticks(3)
    left = step.undo()
    assert isinstance(left, Residue)
    assert "withdraw answered 409" in left.what


def test_a_change_that_was_made_stays(place: Place) -> None:
    step = walk(place, MINOR, undo="withdraw")
    step.ticks(3)
    upgraded(place)
    done = step.tick()
    assert isinstance(done, Done)
    assert done.keep is not None
    step.memory = done.keep
    assert step.undo() == Undone("the control plane stays at 1.35; it was at 1.34 before")
    assert len(place.hooks.effects) == 1


# ---- releases


def with_argo(place: Place, version: str = "1.2.0", asked: str = "", **said: str) -> None:
    place.cluster.put(CRDS, gitops.definition("Application"))
    made = gitops.application("web", "podinfo", asked or version, "web")
    place.cluster.put("argoproj.io/applications", made | {"status": gitops.synced(version, **said)})


def with_flux(place: Place, version: str = "1.2.0", ready: bool = True, seen: int = 1) -> None:
    place.cluster.put(CRDS, gitops.definition("HelmRelease"))
    made = gitops.helm_release("web", "podinfo", version, "web")
    made["metadata"]["generation"] = 1
    status = gitops.released("podinfo", version, seen, ready, "" if ready else "timed out")
    place.cluster.put("helm.toolkit.fluxcd.io/helmreleases", made | {"status": status})


@pytest.mark.parametrize(
    ("params", "change", "kind", "says"),
    [
        pytest.param(ARGO, with_argo, Act, r"targetRevision: 1\.3\.0", id="an Application is proposed"),
        pytest.param(ARGO, lambda p: with_argo(p, "1.3.0"), Done, "adopted", id="an Application that is there"),
        pytest.param(
            ARGO, lambda p: with_argo(p, "1.3.0", health="Progressing"), Wait, "Synced, Progressing", id="it progresses"
        ),
        pytest.param(FLUX, with_flux, Act, r"spec\.chart\.spec\.version: 1\.3\.0", id="a HelmRelease is proposed"),
        pytest.param(FLUX, lambda p: with_flux(p, "1.3.0"), Done, "adopted", id="a HelmRelease that is there"),
        pytest.param(FLUX, lambda p: with_flux(p, "1.3.0+0a1b2c"), Done, "web is at 1.3.0 already", id="with a digest"),
        pytest.param(FLUX, lambda p: with_flux(p, "1.3.0", False), Wait, "UpgradeFailed: timed out", id="not ready"),
        pytest.param(FLUX, lambda p: with_flux(p, "1.3.0", seen=0), Wait, "not looked at yet", id="an old status"),
        pytest.param(ARGO, lambda p: with_argo(p, "1.9.0"), Blocked, "nor on the way", id="it went beyond"),
    ],
)
def test_of_a_gitops_object(
    place: Place, params: dict[str, str], change: Callable[[Place], None], kind: type[Verdict], says: str
) -> None:
    change(place)
    verdict = walk(place, params).look()
    assert isinstance(verdict, kind), verdict
    assert_says(verdict, says)


def test_it_waits_for_the_object_and_says_what_it_asks_for(place: Place) -> None:
    with_argo(place)
    step = walk(place, ARGO)
    step.ticks(2)
    with_argo(place, "1.2.0", asked="1.3.0", sync="OutOfSync")
    waits = step.tick()
    assert isinstance(waits, Wait)
    assert_says(waits, "until Application argocd/web shows 1.3.0", "asks for 1.3.0 and has 1.2.0, OutOfSync")
    assert waits.owner == "who keeps Application argocd/web in Git"
    with_argo(place, "1.3.0")
    assert isinstance(step.tick(), Done)


def test_a_release_that_no_object_deploys_is_followed_by_what_is_observed(place: Place) -> None:
    def seen(version: str, status: str = "deployed") -> None:
        release = model.HelmRelease("web", "web", 3, status, "podinfo", version, "1", "k")
        place.store.values[parts.HELM_RELEASES] = (release,)

    seen("1.2.0")
    step = walk(place, RELEASE, chart="podinfo")
    acts = step.tick()
    assert_says(acts, "helm upgrade web podinfo --version 1.3.0 --namespace web --reuse-values")
    step.tick()
    assert_says(step.tick(), r"waits until the observation \(2026-11-20 09:00 UTC\) shows 1\.3\.0")
    seen("1.3.0")
    assert isinstance(step.tick(), Done)


def test_releases_that_are_not_observed_block(place: Place) -> None:
    place.store.observed_at = None
    assert_says(walk(place, RELEASE).tick(), "observe.helm_secrets")


# ---- parameters


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        pytest.param(MINOR | {"via": "hooks"}, "via", id="no way"),
        pytest.param(MINOR | {"via": "mail:ops"}, "via", id="an unknown way"),
        pytest.param(MINOR | {"change": "major"}, "change", id="an unknown change"),
        pytest.param(MINOR | {"name": "coredns"}, "name", id="a minor with a name"),
        pytest.param({**ADDON, "name": ""}, "name", id="an addon without a name"),
        pytest.param(RELEASE | {"object": "ConfigMap/a/b"}, "object", id="an object of an unknown kind"),
        pytest.param(RELEASE | {"object": "Application/web"}, "object", id="an object without its namespace"),
    ],
)
def test_wrong_parameters_are_refused(place: Place, params: dict[str, str], wrong: str) -> None:
    with pytest.raises(ParamError) as refused:
        walk(place, params)
    assert wrong in refused.value.wrong
