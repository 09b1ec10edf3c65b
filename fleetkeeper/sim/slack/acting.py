"""What people do in a simulated Slack: click, fill in, type a command, open the home tab."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleetkeeper.sim.slack import blocks as block_kit
from fleetkeeper.sim.slack import payloads, views
from fleetkeeper.sim.slack.delivering import COMMANDS, EVENTS, INTERACTIVE, Delivery, Reply
from fleetkeeper.sim.slack.values import Json, Person, Sent, Shown, Whisper
from fleetkeeper.sim.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered. errors: of a view that was submitted, by the id of the block. why: why it was not
    acknowledged, "" else. whispers: what the person was told meanwhile, later ones are in the workspace.
    """

    reply: Reply
    whispers: tuple[Whisper, ...] = ()

    @property
    def acked(self) -> bool:
        return self.reply.acked

    @property
    def why(self) -> str:
        return self.reply.why

    @property
    def errors(self) -> Mapping[str, str]:
        found = self.reply.payload.get("errors")
        return found if isinstance(found, dict) else {}

    @property
    def text(self) -> str:
        """Of the answer to a slash command."""
        return str(self.reply.payload.get("text", ""))


@dataclass(frozen=True, slots=True)
class Acting:
    """link: the first part of response URLs."""

    workspace: Workspace
    delivery: Delivery
    link: Callable[[], str]

    def click(
        self, user: str, on: Sent | Shown, button: str, *, chosen: Any = None, seen: Sequence[Json] | None = None
    ) -> Answer:
        """button: an action id, or what stands on it. chosen: of a select or a date, by value. seen: the blocks that
        the person looks at, where these are older than what stands there now.
        """
        person, workspace = self._person(user), self.workspace
        with workspace.changed:
            blocks = seen if seen is not None else on.blocks if isinstance(on, Sent) else on.view["blocks"]
            element = _element(blocks, button)
            entered = {} if element["type"] == "button" else views.entered(element, chosen)
            payload = payloads.clicked(workspace, person, element, entered)
            if isinstance(on, Sent):
                payload = payloads.on_message(workspace, on, self.link(), payload)
            else:
                payload = payloads.on_view(on, payload)
        return self._deliver(person, INTERACTIVE, payload)

    def submit(self, user: str, view: Shown, values: Mapping[str, Any] | None = None) -> Answer:
        """values: what is entered, by action id or block id. What Slack itself would not send raises LookupError."""
        person = self._person(user)
        if view.user != person.id or view not in self.workspace.modals(person.id):
            raise LookupError(f"{person.name} has no such modal open")
        payload = payloads.submitted(self.workspace, person, view, _state(view.view, dict(values or {})))
        answer = self._deliver(person, INTERACTIVE, payload)
        if answer.acked:
            self._after_submission(view, answer.reply.payload)
        return answer

    def slash(self, user: str, text: str, channel: str = "", command: str = "/fleetkeeper") -> Answer:
        """channel: where it is typed; in the direct messages with the app unless given."""
        person = self._person(user)
        found = self.workspace.channel(channel) if channel else self.workspace.direct(person.id)
        if found is None:
            raise LookupError(f"there is no channel {channel}")
        payload = payloads.command(self.workspace, person, (command, text, found.id), self.link())
        answer = self._deliver(person, COMMANDS, payload)
        said = answer.reply.payload
        if answer.acked and (said.get("text") or said.get("blocks")):
            self._say(found.id, person.id, said)
        return answer

    def open_home(self, user: str) -> Answer:
        person = self._person(user)
        return self._deliver(person, EVENTS, payloads.home_opened(self.workspace, person))

    def _deliver(self, person: Person, kind: str, payload: Json) -> Answer:
        before = len(self.workspace.whispers)
        reply = self.delivery.deliver(kind, payload)
        with self.workspace.changed:
            heard = tuple(each for each in self.workspace.whispers[before:] if each.user == person.id)
        return Answer(reply, heard)

    def _after_submission(self, view: Shown, said: Json) -> None:
        """response_action errors, update, push, clear; else it closes (docs.slack.dev/surfaces/modals, 2026-11-21)."""
        action = said.get("response_action")
        if action == "errors":
            unknown = set(said["errors"]) - {block["block_id"] for block in views.inputs(view.view)}
            if unknown:
                raise LookupError(f"errors of blocks that are no inputs: {', '.join(sorted(unknown))}")
        elif action in ("update", "push"):
            new = views.checked(said["view"], ("modal",))
            settled = {**new, "blocks": list(block_kit.settled(new["blocks"], lambda: self.workspace.id("b")))}
            if action == "update":
                self.workspace.change(view, settled)
            else:
                self.workspace.show(view.user, settled)
        elif action == "clear":
            for each in self.workspace.modals(view.user):
                self.workspace.close_view(each)
        else:
            self.workspace.close_view(view)

    def _say(self, channel: str, user: str, said: Json) -> None:
        text, blocks = str(said.get("text", "")), tuple(said.get("blocks") or ())
        if said.get("response_type") == "in_channel":
            self.workspace.post(self.workspace.channels[channel], {"text": text, "blocks": blocks})
        else:
            self.workspace.whisper(Whisper(channel, user, text, blocks, "ack"))

    def _person(self, said: str) -> Person:
        """By id, e-mail address or name."""
        people = self.workspace.people
        named = (each for each in people.values() if each.name == said)
        found = people.get(said) or self.workspace.by_email(said) or next(named, None)
        if found is None or found.deleted:
            raise LookupError(f"nobody is called {said}")
        return found


def _element(blocks: Sequence[Json], button: str) -> Json:
    found = tuple(payloads.elements(blocks))
    for each in found:
        text = each.get("text") or {}
        if button in (each["action_id"], text.get("text")):
            return each
    there = ", ".join(str(each["action_id"]) for each in found) or "none"
    raise LookupError(f"there is no {button!r} to click; there is {there}")


def _state(view: Json, given: dict[str, Any]) -> Json:
    """state.values of a view; LookupError for what the client would hold back."""
    values: Json = {}
    for block in views.inputs(view):
        element, name = block["element"], block["block_id"]
        value = given.pop(element["action_id"], None)
        value = given.pop(name, None) if value is None else value
        said = views.entered(element, value)
        if views.is_empty(said) and not block.get("optional"):
            raise LookupError(f"{block['label']['text']} has to be filled in")
        values[name] = {element["action_id"]: said}
    if given:
        raise LookupError(f"the view has no field {', '.join(given)}")
    return values
