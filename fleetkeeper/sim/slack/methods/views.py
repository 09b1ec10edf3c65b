"""views.*: modals and home tabs (docs.slack.dev/reference/methods/views.open, .update, .publish; read 2026-11-21)."""

from fleetkeeper.sim.slack import blocks as block_kit
from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.values import ApiError, Json, Shown, ViewState
from fleetkeeper.sim.slack.views import checked


def open_modal(call: Call) -> Json:
    """A wrong view costs no trigger: it is checked first."""
    view = _view(call, ("modal",))
    user = call.workspace.triggers.exchange(call.text("trigger_id"))
    return {"view": call.workspace.show(user, view).view}


def update(call: Call) -> Json:
    shown = _shown(call)
    if shown is None or shown.state == ViewState.CLOSED:
        raise ApiError("not_found")
    _unchanged(call, shown)
    call.workspace.change(shown, _view(call, (shown.kind,)))
    return {"view": shown.view}


def publish(call: Call) -> Json:
    """The home tab of one person."""
    view = _view(call, ("home",))
    user = call.workspace.people.get(call.text("user_id"))
    if user is None:
        raise ApiError("invalid_arguments", response_metadata={"messages": ["[ERROR] invalid `user_id`"]})
    before = call.workspace.home(user.id)
    if before is not None:
        _unchanged(call, before)
    return {"view": call.workspace.show(user.id, view).view}


def _view(call: Call, kinds: tuple[str, ...]) -> Json:
    view = checked(call.json("view", "invalid_arguments"), kinds)
    return {**view, "blocks": list(block_kit.settled(view["blocks"], lambda: call.workspace.id("b")))}


def _shown(call: Call) -> Shown | None:
    external = call.text("external_id")
    if external:
        views = call.workspace.views.values()
        return next((each for each in views if each.view.get("external_id") == external), None)
    return call.workspace.views.get(call.text("view_id"))


def _unchanged(call: Call, shown: Shown) -> None:
    """`hash` is the view that the app knows; another one means that it would overwrite what it did not see."""
    known = call.text("hash")
    if known and known != shown.hash:
        raise ApiError("hash_conflict")
