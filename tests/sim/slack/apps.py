"""An app of unmodified Bolt, as an app of fleetkeeper's kind: a button, a modal, a command, a home tab."""

from typing import Any

from slack_bolt import App

from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import client_of, section

DATE = "until"


def modal() -> dict[str, Any]:
    title, submit, label = ({"type": "plain_text", "text": text} for text in ("Until when?", "Send", "Date"))
    element = {"type": "datepicker", "action_id": "date"}
    entry = {"type": "input", "block_id": DATE, "label": label, "element": element}
    return {"type": "modal", "callback_id": "until", "title": title, "submit": submit, "blocks": [entry]}


def app_of(slack: SimSlack, signing_secret: str | None = None) -> App:
    """seen, in its own list `seen`: the bodies of what it was sent, in order."""
    app = App(client=client_of(slack), signing_secret=signing_secret, process_before_response=True)

    @app.action("ack")
    def acked(ack: Any, body: Any, client: Any, respond: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=modal())
        respond("Until when is up to you.")

    @app.view("until")
    def until(ack: Any, view: Any) -> None:
        date = view["state"]["values"][DATE]["date"]["selected_date"]
        if date < "2027-01-01":
            ack(response_action="errors", errors={DATE: "That is past."})
        else:
            ack()

    @app.command("/fleetkeeper")
    def command(ack: Any, command: Any) -> None:
        ack(f"You asked for {command['text']}.")

    @app.event("app_home_opened")
    def opened(event: Any, client: Any) -> None:
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [section("Yours: nothing.")]})

    return app
