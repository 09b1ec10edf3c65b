"""webhook and notify: one effect per token, whatever is lost, and what the answers mean."""

import pytest

from fleetkeeper.core.verdict import Act, Done, Failed, Residue, Undone, Wait
from fleetkeeper.errors import ParamError
from tests.engine.steps.walking import SECOND, TOKEN, Place, Walk, told


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_webhook_is_called_once_with_its_subject_and_is_done(place: Place) -> None:
    walk = place.walk("webhook", entry="lb", fields=("pool=blue",))
    assert told(walk.tick()) == "call the webhook lb"
    assert not place.hooks.effects
    walk.tick()
    assert told(walk.tick()) == "lb answered 200"
    name, body = place.hooks.effects[TOKEN]
    assert (name, body["cluster"], body["pool"], body["stage"], body["token"]) == (
        "lb",
        "shop",
        "blue",
        "canary",
        TOKEN,
    )


@pytest.mark.parametrize("forgets", [False, True], ids=["stored", "not stored"])
@pytest.mark.parametrize("lost", [0, 2], ids=["answers", "answers lost"])
@pytest.mark.parametrize("down", [0, 2], ids=["reached", "first not reached"])
def test_it_has_one_effect(place: Place, forgets: bool, lost: int, down: int) -> None:
    place.hooks.deaf, place.hooks.down = lost, down
    walk = place.walk("webhook", entry="lb")
    walk.forgets = forgets
    assert isinstance(walk.ticks(9), Done)
    assert len(place.hooks.effects) == 1


def approval(place: Place) -> Walk:
    place.hooks.says("open", id="CHG-7")
    place.hooks.says("state", state="new")
    return place.walk("webhook", entry="open", ask="state", until="state=approved", fails="state=refused", undo="close")


def test_it_waits_until_the_other_entry_answers_the_value(place: Place) -> None:
    walk = approval(place)
    assert "wait for state=approved" in told(walk.tick())
    walk.tick()
    waits = walk.tick()
    assert isinstance(waits, Wait)
    assert "new as state, waits for approved" in waits.why
    assert (place.hooks.asked[-1]["id"], place.hooks.asked[-1]["token"]) == ("CHG-7", TOKEN)
    place.hooks.says("state", 404)
    assert "answered 404" in told(walk.tick())
    place.hooks.says("state", state="approved")
    assert isinstance(walk.tick(), Done)


def test_a_value_that_says_no_fails_for_good(place: Place) -> None:
    walk = approval(place)
    walk.ticks(2)
    place.hooks.says("state", state="refused")
    failed = walk.tick()
    assert isinstance(failed, Failed)
    assert failed.final


def test_a_call_that_is_refused_fails_and_a_retry_calls_with_a_token_of_its_own(place: Place) -> None:
    place.hooks.says("lb", 422, error="no such pool")
    walk = place.walk("webhook", entry="lb")
    walk.ticks(2)
    failed = walk.tick()
    assert isinstance(failed, Failed)
    assert "answered 422" in failed.why
    assert TOKEN in failed.fix
    assert isinstance(walk.undo(), Undone)

    place.hooks.says("lb")
    walk.retry()
    assert isinstance(walk.look(), Act)
    assert isinstance(walk.ticks(3), Done)
    assert list(place.hooks.effects) == [TOKEN, SECOND]


def test_an_abort_calls_the_undo_entry_once(place: Place) -> None:
    walk = approval(place)
    walk.ticks(2)
    assert isinstance(walk.undo(), Undone)
    assert isinstance(walk.undo(), Undone)
    undos = [body for name, body in place.hooks.effects.values() if name == "close"]
    assert [(each["undoes"], each["id"]) for each in undos] == [(TOKEN, "CHG-7")]


def test_an_undo_that_is_refused_leaves_a_residue_that_says_so(place: Place) -> None:
    walk = approval(place)
    walk.ticks(2)
    place.hooks.says("close", 409)
    left = walk.undo()
    assert isinstance(left, Residue)
    assert "close answered 409" in left.what


def test_without_an_undo_entry_something_is_left(place: Place) -> None:
    walk = place.walk("webhook", entry="lb")
    walk.ticks(2)
    assert isinstance(walk.undo(), Residue)


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({}, "entry", "is missing", id="no entry"),
        pytest.param({"entry": "a", "ask": "b"}, "until", "which field=value", id="an end that nothing tells"),
        pytest.param({"entry": "a", "until": "x=y"}, "ask", "which entry", id="an end that nobody is asked for"),
        pytest.param({"entry": "a", "fields": ("x",)}, "fields", "not written key=value", id="a field without a value"),
        pytest.param({"entry": "a", "url": "https://x"}, "url", "unknown parameter", id="an address"),
    ],
)
def test_a_webhook_refuses(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("webhook", **params)
    assert says in refused.value.wrong[name]


TEXT = "{cluster} ({region}) of {service}: {stage}/{group} of {playbook} begins, {{not this}} %s {plan}"
SAID = "shop (eu-west-1) of shop: canary/eu of addons-only begins, {{not this}} %s plan-1"


def test_a_message_is_posted_once_with_its_placeholders_filled(place: Place) -> None:
    walk = place.walk("notify", channel="oncall", text=TEXT)
    assert told(walk.tick()) == f"say in oncall: {SAID}"
    assert not place.channels.said
    walk.tick()
    assert told(walk.tick()) == "said in oncall: https://chat.example.com/1"
    assert place.channels.said == {TOKEN: ("oncall", SAID)}
    assert "stays" in told(walk.undo())


def test_a_message_whose_post_was_not_stored_is_posted_once(place: Place) -> None:
    walk = place.walk("notify", channel="oncall", text="hello")
    walk.forgets = True
    assert isinstance(walk.ticks(4), Done)
    assert len(place.channels.said) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("{clustr} begins", "did you mean {cluster}?", id="a slip"),
        pytest.param("{password}", "which stands for nothing", id="what is not told"),
        pytest.param("", "must not be empty", id="nothing"),
    ],
)
def test_a_message_refuses(text: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("notify", channel="oncall", text=text)
    assert says in refused.value.wrong["text"]
